"""What searches cost by dp_accounting, against what dptune claims.

    python bench/search_cost.py SEARCH/search.json [...]     (dp-accounting, numpy)

search.json is what `dptune tune SEARCH.yaml --out SEARCH` writes. dp_accounting has no event for one of several candidates:
the largest divergence at each order stands for it, as in dptune.
"""
import json
import sys
from importlib.metadata import version

import dp_accounting
import numpy as np
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant, compute_epsilon
from dp_accounting.rdp.rdp_privacy_accountant import _compute_rdp_repeat_and_select

ORDERS = np.array([1 + 0.0002 * 1.012**k for k in range(1200)])
DELTA = 1e-5


def event_of(event):
    kind = event["kind"]
    if kind == "gaussian":
        return dp_accounting.GaussianDpEvent(event["noiseMultiplier"])
    if kind == "poisson-sampled":
        return dp_accounting.PoissonSampledDpEvent(event["rate"], event_of(event["event"]))
    if kind == "self-composed":
        return dp_accounting.SelfComposedDpEvent(event_of(event["event"]), event["count"])
    if kind == "composed":
        return dp_accounting.ComposedDpEvent([event_of(part) for part in event["events"]])
    raise ValueError(f"kind={kind}: not known here")


def divergences(event):
    accountant = RdpAccountant(orders=ORDERS)
    accountant.compose(event_of(event))
    return accountant._rdp


def selection(event):
    candidates = event["event"]["events"] if event["event"]["kind"] == "one-of" else [event["event"]]
    worst = np.max([divergences(candidate) for candidate in candidates], axis=0)
    shape = float("inf") if event["shape"] == "poisson" else event["shape"]
    rdp = _compute_rdp_repeat_and_select(ORDERS, worst, event["mean"], shape)
    return compute_epsilon(ORDERS, rdp, DELTA)[0]


def composition(event):
    accountant = PLDAccountant(value_discretization_interval=1e-4)
    accountant.compose(event_of(event))
    return accountant.get_epsilon(DELTA)


print(f"dp-accounting {version('dp-accounting')}, delta {DELTA}")
for path in sys.argv[1:]:
    with open(path, encoding="utf8") as file:
        search = json.load(file)["search"]
    cost = selection if search["event"]["kind"] == "repeat-and-select" else composition
    print(f"{path}: {len(search['candidates'])} candidates, {search['method']}: "
          f"dptune {search['epsilon']:.4f}, dp_accounting {cost(search['event']):.4f}")
