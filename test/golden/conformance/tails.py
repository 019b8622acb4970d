"""Tail probabilities that bounds are compared with.

python3 test/golden/conformance/tails.py > test/golden/conformance/tails.json
"""

import json
import sys

import scipy
from scipy.stats import binom, chi2

chi_square = []
for freedom in (1, 34, 1000, 262144):
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        x = factor * freedom
        tail = chi2.sf(x, freedom) if factor > 1 else chi2.cdf(x, freedom)
        if tail > 1e-250:
            chi_square.append({"sum": x, "freedom": freedom, "tail": tail})

binomial = []
for trials, rate in ((20, 0.3), (1000, 0.01), (100000, 0.02), (5000, 0.5)):
    for factor in (0.2, 0.8, 0.95, 1.05, 1.3, 2.0):
        count = round(factor * trials * rate)
        tail = binom.sf(count - 1, trials, rate) if factor > 1 else binom.cdf(count, trials, rate)
        if tail > 1e-250 and count <= trials:
            binomial.append({"count": count, "trials": trials, "rate": rate, "tail": tail})

within = []
for trials, rate in ((20, 0.3), (1000, 0.01), (100000, 0.02), (7, 1.0), (50, 1e-4)):
    low, high = round(0.9 * trials * rate), round(1.05 * trials * rate)
    share = binom.cdf(high, trials, rate) - binom.cdf(low - 1, trials, rate)
    within.append({"trials": trials, "rate": rate, "low": low, "high": high, "share": share})

json.dump(
    {
        "tool": f"scipy {scipy.__version__}",
        "command": "python3 test/golden/conformance/tails.py > test/golden/conformance/tails.json",
        "chiSquare": chi_square,
        "binomial": binomial,
        "within": within,
    },
    sys.stdout,
    indent=1,
)
print()
