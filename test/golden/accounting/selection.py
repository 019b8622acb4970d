"""Epsilon of DP-SGD under replace-one: what training on a selection by rank is accounted as.

    python3 test/golden/accounting/selection.py > test/golden/accounting/selection.json
"""
import json
from importlib.metadata import version

import dp_accounting
from dp_accounting import NeighboringRelation
from dp_accounting.pld import PLDAccountant

DELTA = 1e-5
records = []
for rate, noise, steps in [(0.05, 2.0, 400), (0.25, 6.0, 300), (0.02, 1.2, 800), (1.0, 30.0, 100)]:
    event = dp_accounting.SelfComposedDpEvent(
        dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise)), steps)
    record = {"rate": rate, "noiseMultiplier": noise, "steps": steps, "delta": DELTA}
    for name in ["REPLACE_ONE", "ADD_OR_REMOVE_ONE"]:
        accountant = PLDAccountant(NeighboringRelation[name], value_discretization_interval=1e-4)
        accountant.compose(event)
        record[name] = accountant.get_epsilon(DELTA)
    records.append(record)
print(json.dumps({
    "tool": "dp_accounting, PLD on a grid of 1e-4", "version": version("dp-accounting"),
    "command": "python3 test/golden/accounting/selection.py > test/golden/accounting/selection.json",
    "tolerance": "1e-3 relative",
    "records": records}, indent=1))
