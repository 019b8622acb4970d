"""What single jobs cost under the filters' composition rules, from dp-accounting and scipy.

    pip install dp-accounting==0.6.0 scipy
    python test/golden/ledger/filters.py > test/golden/ledger/filters.json
"""

import json
import math
from importlib.metadata import version

import numpy as np
from dp_accounting import dp_event
from dp_accounting.rdp import RdpAccountant
from scipy.optimize import brentq
from scipy.stats import norm

# Whole orders: dp-accounting sums them exactly.
ORDERS = [2, 3, 4, 6, 12, 24]
DELTA = 1e-6


def rdp(event):
    accountant = RdpAccountant(ORDERS)
    accountant.compose(event)
    return [float(x) for x in accountant._rdp]


def gaussian_epsilon(mu):
    """Balle and Wang, arXiv:1805.06530, theorem 5."""

    def delta(epsilon):
        return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)

    return brentq(lambda e: delta(e) - DELTA, 1e-9, 200, xtol=1e-13)


def zcdp_epsilon(rho):
    """Least over all orders of rho a + log(1 - 1/a) - log(delta a) / (a - 1) (arXiv:2004.00010, proposition 12)."""
    a = 1 + np.exp(np.linspace(-6, 10, 400001))
    return float(np.min(rho * a + np.log1p(-1 / a) - (np.log(DELTA) + np.log(a)) / (a - 1)))


SAMPLED = [(0.01, 1.0, 1000), (0.05, 2.0, 200), (0.1, 4.0, 500)]
print(
    json.dumps(
        {
            "tool": f"dp-accounting {version('dp-accounting')}, scipy {version('scipy')}",
            "command": "python test/golden/ledger/filters.py",
            "orders": ORDERS,
            "delta": DELTA,
            "sampled": [
                {
                    "rate": q,
                    "noiseMultiplier": s,
                    "steps": t,
                    "rdp": rdp(
                        dp_event.SelfComposedDpEvent(
                            dp_event.PoissonSampledDpEvent(q, dp_event.GaussianDpEvent(s)), t
                        )
                    ),
                }
                for q, s, t in SAMPLED
            ],
            "gaussianEpsilon": [{"mu": mu, "epsilon": gaussian_epsilon(mu)} for mu in (0.1, 0.5, 1.0, 3.0)],
            "zcdpEpsilon": [{"rho": rho, "epsilon": zcdp_epsilon(rho)} for rho in (0.01, 0.1, 0.5, 2.0)],
        }
    )
)
