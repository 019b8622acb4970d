"""Exposure by rank and by a skew normal fitted to the references, from scipy: the formulas of tensorflow-privacy's secret_sharer
(exposures.py: -log2 of skewnorm.cdf at the loss, with the parameters of skewnorm.fit), with a fit that is driven to its optimum.

python test/golden/audits/exposure.py > test/golden/audits/exposure.json
"""
import json, platform
import numpy as np, scipy
from scipy import optimize, stats


def tight(function, start, args=(), disp=0):
    for _ in range(5):
        start = optimize.fmin(function, start, args=args, xtol=1e-10, ftol=1e-12, maxiter=20000, maxfun=20000, disp=0)
    return start


rng = np.random.default_rng(20261124)
cases = []
for name, draw in {
    "skewed to the right": lambda: stats.skewnorm.rvs(4, 2, 1.5, size=400, random_state=rng),
    "skewed to the left": lambda: stats.skewnorm.rvs(-3, 9, 2, size=300, random_state=rng),
    "a little skewed": lambda: stats.skewnorm.rvs(1.5, 0, 1, size=1000, random_state=rng),
    "losses of another kind": lambda: rng.gamma(6, 0.7, size=300),
}.items():
    references = np.round(draw(), 6)
    parameters = stats.skewnorm.fit(references, optimizer=tight)
    spread = references.std()
    secrets = [float(np.round(references.min() - k * spread, 6)) for k in (-3, -1, 0, 0.5)] + [float(np.round(np.median(references), 6))]
    cases.append({
        "name": name,
        "references": references.tolist(),
        "secrets": secrets,
        "ranked": [float(np.log2(len(references)) - np.log2(1 + (references < s).sum())) for s in secrets],
        "extrapolated": [float(-np.log2(stats.skewnorm.cdf(s, *parameters))) for s in secrets],
    })
distribution = [
    [x, shape, float(stats.skewnorm.logcdf(x, shape))]
    for shape in (-5, -1, 0, 1, 4) for x in (-2, -1, 0, 0.5, 2)
]
# Far out scipy's own function cancels; there the density is integrated with 50 digits.
import mpmath
mpmath.mp.dps = 50
for shape, x in ((4, -3), (1, -10), (-2, -20), (0, -30)):
    density = lambda t, shape=shape: 2 * mpmath.npdf(t) * mpmath.ncdf(shape * t)
    distribution.append([x, shape, float(mpmath.log(mpmath.quad(density, [x - 8, x - 4, x - 2, x - 1, x - 0.5, x - 0.1, x])))])
print(json.dumps({
    "tool": "scipy.stats.skewnorm, mpmath", "version": f"scipy {scipy.__version__}, numpy {np.__version__}, mpmath {mpmath.__version__}, python {platform.python_version()}",
    "command": "python test/golden/audits/exposure.py > test/golden/audits/exposure.json",
    "distribution": distribution, "cases": cases,
}))
