"""Epsilon of a small DP-SGD plan over its noise multiplier, from dp_accounting's PLD accountant.

python test/golden/audits/epsilon.py > test/golden/audits/epsilon.json
"""
import json, platform
from importlib.metadata import version
import dp_accounting
from dp_accounting import pld

RATE, STEPS, DELTA = 20 / 120, 6, 1e-4
rows = []
for k in range(80, 121, 2):
    sigma = k / 100
    accountant = pld.PLDAccountant(value_discretization_interval=1e-4)
    event = dp_accounting.PoissonSampledDpEvent(RATE, dp_accounting.GaussianDpEvent(sigma))
    accountant.compose(dp_accounting.SelfComposedDpEvent(event, STEPS))
    rows.append([sigma, accountant.get_epsilon(DELTA)])
print(json.dumps({
    "tool": "dp_accounting, PLD", "version": f"dp-accounting {version('dp-accounting')}, python {platform.python_version()}",
    "command": "python test/golden/audits/epsilon.py > test/golden/audits/epsilon.json",
    "rate": RATE, "steps": STEPS, "delta": DELTA, "epsilons": rows,
}))
