"""Epsilons of composed Poisson-sampled Gaussians to 12 digits and more, and rotations e^(ix) - 1, with mpmath.

python test/golden/accounting/contour.py > test/golden/accounting/contour.json

delta(epsilon) = (1 / 2 pi) int E e^(zS) e^(-z epsilon) / (z (z + 1)) d omega along z = tilt + i omega, with 30 digits, by
Gauss-Legendre quadrature in x and omega at two resolutions, which have to agree; the tilt is another one than dptune's.
"""
import json
import platform
import random

import mpmath
from mpmath import mp, mpc, mpf

mp.dps = 30


def rule(count):
    """Gauss-Legendre nodes and weights on [-1, 1]."""
    nodes = []
    for k in range(1, count + 1):
        x = mp.cos(mp.pi * (k - mpf(1) / 4) / (count + mpf(1) / 2))
        for _ in range(8):
            a, b = mpf(1), x
            for n in range(2, count + 1):
                a, b = b, ((2 * n - 1) * x * b - (n - 1) * a) / n
            slope = count * (x * b - a) / (x * x - 1)
            x -= b / slope
        nodes.append((x, 2 / ((1 - x * x) * slope * slope)))
    return nodes


BASE = rule(24)


def points(low, high, panels):
    half = (mpf(high) - low) / panels / 2
    return [(low + half * (2 * p + 1 + x), w * half) for p in range(panels) for x, w in BASE]


def outcomes(noise, rate, direction, panels):
    """Loss and density of P at quadrature points of the output, in units of the noise."""
    shift, rate = 1 / mpf(noise), mpf(rate)
    found = []
    for x, w in points(-15, 17, panels):
        plain = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
        ratio = 1 - rate + rate * mp.exp(shift * (x - shift / 2))
        loss = mp.log(ratio)
        found.append((loss, w * plain * ratio) if direction == "remove" else (-loss, w * plain))
    return found


def solve(case, panels_x, panels_omega, tilt, end):
    phases = [(outcomes(noise, rate, case["direction"], panels_x), steps) for noise, rate, steps in case["phases"]]
    terms = []
    for omega, w in points(0, end, panels_omega):
        z = mpc(tilt, omega)
        value = w / mp.pi / (z * (z + 1))
        for nodes, steps in phases:
            value *= mp.fsum([p * mp.exp(z * loss) for loss, p in nodes]) ** steps
        terms.append((z, value))
    delta = mpf(case["delta"])
    at = lambda epsilon: mp.log(mp.fsum([(v * mp.exp(-z * epsilon)).real for z, v in terms])) - mp.log(delta)
    return mp.findroot(at, (mpf(case["near"]), mpf(case["near"]) * mpf("1.001")), tol=1e-22)


CASES = [
    {"name": "dp-sgd 1e3", "phases": [[1, "0.01", 1000]], "delta": "1e-5", "direction": "remove", "near": 1.83, "tilt": 4.5, "end": 60},
    {"name": "dp-sgd 1e3, add", "phases": [[1, "0.01", 1000]], "delta": "1e-5", "direction": "add", "near": 1.42, "tilt": 11, "end": 60},
    {"name": "dp-sgd 1e4", "phases": [[1, "0.01", 10000]], "delta": "1e-5", "direction": "remove", "near": 6.19, "tilt": 2.5, "end": 17},
    {"name": "dp-sgd 1e5", "phases": [[1, "0.01", 100000]], "delta": "1e-5", "direction": "remove", "near": 25.57, "tilt": 0.9, "end": 5},
    {"name": "dp-sgd 1e6", "phases": [[1, "0.01", 1000000]], "delta": "1e-5", "direction": "remove", "near": 139.0, "tilt": 0.3, "end": 1.6},
    {"name": "two phases", "phases": [[1.5, "0.05", 300], [2.5, "0.1", 200]], "delta": "1e-7", "direction": "remove", "near": 4.9, "tilt": 4.2, "end": 25},
    {"name": "rare sampling", "phases": [[3, "0.0001", 100000]], "delta": "1e-8", "direction": "remove", "near": 0.0635, "tilt": 60, "end": 1500},
    {"name": "small delta", "phases": [[2, "0.0625", 2000]], "delta": "1e-30", "direction": "remove", "near": 19, "tilt": 4.5, "end": 25},
]

cases = []
for case in CASES:
    coarse = solve(case, 16, 10, mpf(case["tilt"]), case["end"])
    fine = solve(case, 22, 14, mpf(case["tilt"]) * mpf("0.93"), 1.15 * mpf(case["end"]))
    agreement = abs(fine / coarse - 1)
    assert agreement < 1e-13, (case["name"], agreement)
    cases.append({key: case[key] for key in ("name", "phases", "delta", "direction")} | {"epsilon": float(fine), "agreement": float(agreement)})

random.seed(20261124)
rotations = []
for draw in (lambda: random.gauss(0, 1e-6), lambda: random.uniform(-1, 1), lambda: random.uniform(-30, 30), lambda: random.uniform(-1e6, 1e6)):
    for _ in range(60):
        x = float(draw())
        rotations.append([x, float(-2 * mp.sin(mpf(x) / 2) ** 2), float(mp.sin(mpf(x)))])

print(json.dumps({
    "tool": "mpmath", "version": mpmath.__version__, "python": platform.python_version(),
    "command": "python test/golden/accounting/contour.py", "digits": mp.dps,
    "cases": cases, "rotations": rotations,
}))
