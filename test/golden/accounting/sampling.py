"""Hockey-stick divergences of small sampled mechanisms, by enumeration of batches and numerical integration.

Each record is one mechanism on many pairs of neighbouring data sets; `least` is the largest divergence found among them,
so that no valid upper bound is below it. `exact` marks records whose worst pair is known.

python3 test/golden/accounting/sampling.py > test/golden/accounting/sampling.json   (numpy, scipy)
"""
import itertools
import json
import math
import sys

import numpy as np
import scipy
from scipy.stats import laplace, norm

EPSILONS = [-1.0, -0.2, 0.0, 0.3, 1.0]
GRID = np.linspace(-24, 24, 48001)
STEP = GRID[1] - GRID[0]


def divergence(p, q, epsilon, step=STEP):
    return float(np.sum(np.maximum(p - math.exp(epsilon) * q, 0)) * step)


def density(law, kernel):
    """law: {sum: probability}."""
    total = np.zeros_like(GRID)
    for centre, weight in law.items():
        total += weight * kernel(GRID - centre)
    return total


def cut_poisson(values, rate, most):
    """Law of the sum of a Poisson batch, cut uniformly to `most`."""
    law = {}
    n = len(values)
    for size in range(n + 1):
        for batch in itertools.combinations(range(n), size):
            weight = rate**size * (1 - rate) ** (n - size)
            kept = list(itertools.combinations(batch, most)) if size > most else [batch]
            for part in kept:
                total = sum(values[i] for i in part)
                law[total] = law.get(total, 0) + weight / len(kept)
    return law


def without_replacement(values, size):
    law = {}
    batches = list(itertools.combinations(range(len(values)), size))
    for batch in batches:
        total = sum(values[i] for i in batch)
        law[total] = law.get(total, 0) + 1 / len(batches)
    return law


def neighbours(n, relation):
    """Scalar data sets of n units, each -1, 0 or 1, and their neighbours, up to symmetry."""
    if relation == "add-or-remove-one":
        for rest in itertools.combinations_with_replacement([-1, 0, 1], n - 1):
            yield [*rest, 1], list(rest)
            yield list(rest), [*rest, 1]
        return
    for rest in itertools.combinations_with_replacement([-1, 0, 1], n - 1):
        if relation == "zero-out":
            yield [*rest, 1], [*rest, 0]
            yield [*rest, 0], [*rest, 1]
        else:
            for a in [-1, 0, 1]:
                yield [*rest, a], [*rest, 1]
                yield [*rest, 1], [*rest, a]


def worst(pairs, law_of, kernel):
    densities = [(density(law_of(a), kernel), density(law_of(b), kernel)) for a, b in pairs]
    return [max(divergence(p, q, epsilon) for p, q in densities) for epsilon in EPSILONS]


records = []

for relation in ["add-or-remove-one", "zero-out", "replace-one"]:
    for n, rate, most, noise in [(4, 0.5, 2, 1.0), (5, 0.2, 2, 0.7), (4, 0.3, 1, 2.0)]:
        least = worst(neighbours(n, relation), lambda v: cut_poisson(v, rate, most), norm(0, noise).pdf)
        event = {"kind": "truncated-poisson-sampled", "datasetSize": n, "rate": rate, "maxBatch": most,
                 "event": {"kind": "gaussian", "noiseMultiplier": noise}}
        records.append({"event": event, "relation": relation, "least": least})

for n, size, noise in [(4, 2, 1.0), (5, 1, 2.0)]:
    least = worst(neighbours(n, "replace-one"), lambda v: without_replacement(v, size), norm(0, noise).pdf)
    event = {"kind": "sampled-without-replacement", "datasetSize": n, "sampleSize": size,
             "event": {"kind": "gaussian", "noiseMultiplier": noise}}
    records.append({"event": event, "relation": "replace-one", "least": least})

# Poisson sampling of one number under replace-one: any two values of the unit in [-1, 1].
moves = [(a / 4, b / 4) for a in range(-4, 5) for b in range(-4, 5)]
for rate, noise in [(0.1, 1.0), (0.5, 0.5), (0.9, 2.0)]:
    least = worst(moves, lambda v: {0: 1 - rate, v: rate} if v else {0: 1}, laplace(0, noise).pdf)
    event = {"kind": "poisson-sampled", "rate": rate, "event": {"kind": "laplace", "noiseMultiplier": noise}}
    records.append({"event": event, "relation": "replace-one", "least": least, "exact": True})

INTEGERS = np.arange(-400, 401)


def discrete(log_weights):
    weights = np.exp(log_weights)
    return weights / weights.sum()


def shifted(weights, by):
    return np.roll(weights, by)


for rate, event, log_weights in [
    (0.2, {"kind": "discrete-gaussian", "sigma": 3.0, "sensitivity": 4}, -(INTEGERS**2) / 18.0),
    (0.6, {"kind": "discrete-laplace", "parameter": 0.3, "sensitivity": 3}, -0.3 * np.abs(INTEGERS)),
]:
    weights = discrete(log_weights)
    size = event["sensitivity"]
    laws = {v: (1 - rate) * weights + rate * shifted(weights, v) for v in range(-size, size + 1)}
    least = [max(divergence(p, q, e, 1) for p in laws.values() for q in laws.values()) for e in EPSILONS]
    records.append({"event": {"kind": "poisson-sampled", "rate": rate, "event": event}, "relation": "replace-one",
                    "least": least, "exact": True})

# A group's sum, replaced, in two dimensions: the components' moves point anywhere.
PLANE = np.stack(np.meshgrid(np.linspace(-8, 8, 401), np.linspace(-8, 8, 401)), -1)
CELL = (16 / 400) ** 2
random = np.random.default_rng(7)
sensitivities, probabilities, noise = [0.0, 1.0, 2.0], [0.5, 0.3, 0.2], 1.5


def plane_density(moves):
    total = np.zeros(PLANE.shape[:2])
    for move, p in zip(moves, probabilities):
        total += p * np.exp(-((PLANE - move) ** 2).sum(-1) / (2 * noise**2)) / (2 * math.pi * noise**2)
    return total


def directions():
    for _ in range(30):
        yield random.uniform(0, 2 * math.pi, 6)
    yield np.array([0, 0, 0, math.pi, math.pi, math.pi])


least = [0.0] * len(EPSILONS)
for angles in directions():
    moves = [np.array([math.cos(a), math.sin(a)]) * s for a, s in zip(angles, sensitivities * 2)]
    p, q = plane_density(moves[:3]), plane_density(moves[3:])
    least = [max(old, divergence(p, q, e, CELL)) for old, e in zip(least, EPSILONS)]
records.append({"event": {"kind": "mixture-of-gaussians", "noiseMultiplier": noise, "sensitivities": sensitivities,
                          "probabilities": probabilities}, "relation": "replace-one", "least": least, "exact": True})

# Allocation: the ratio is a mean of log-normal numbers. One of two by integration over the two outputs; the rest by
# simulation under Q with a standard error.
for steps, selected, noise in [(2, 1, 1.0), (2, 1, 0.5)]:
    axis = np.linspace(-12, 12, 2401)
    x, y = np.meshgrid(axis, axis)
    q = norm.pdf(x) * norm.pdf(y)
    mu = 1 / noise
    p = 0.5 * (norm.pdf(x - mu) * norm.pdf(y) + norm.pdf(x) * norm.pdf(y - mu))
    cell = (axis[1] - axis[0]) ** 2
    least = [max(divergence(p, q, e, cell), divergence(q, p, e, cell)) for e in EPSILONS]
    event = {"kind": "random-allocation", "steps": steps, "selected": selected,
             "event": {"kind": "gaussian", "noiseMultiplier": noise}}
    records.append({"event": event, "relation": "zero-out", "least": least, "exact": True})

json.dump({"tool": f"numpy {np.__version__}, scipy {scipy.__version__}, Python {sys.version.split()[0]}",
           "command": "python3 test/golden/accounting/sampling.py > test/golden/accounting/sampling.json",
           "tolerance": "1e-4 relative and 1e-6 absolute (grid)", "epsilons": EPSILONS, "records": records},
          sys.stdout, indent=1)
print()
