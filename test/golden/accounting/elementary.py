"""Values of elementary functions to 50 digits, rounded to the nearest double.

python test/golden/accounting/elementary.py > test/golden/accounting/elementary.json
"""
import json, random, platform, sys
import mpmath
from mpmath import mp, mpf

mp.dps = 60
random.seed(20261124)

FUNCTIONS = {
    "exp": (mp.exp, lambda: random.choice([random.uniform(-745, 709), random.uniform(-1, 1), random.gauss(0, 1e-6)])),
    "expm1": (mp.expm1, lambda: random.choice([random.uniform(-40, 700), random.uniform(-2, 2), random.gauss(0, 1e-8)])),
    "log": (mp.log, lambda: random.choice([10 ** random.uniform(-320, 308), random.uniform(0.4, 2.2), 1 + random.gauss(0, 1e-7)])),
    "log1p": (mp.log1p, lambda: random.choice([random.uniform(-0.999999, 3), random.gauss(0, 1e-9), 10 ** random.uniform(-300, 300)])),
    "erfc": (mp.erfc, lambda: random.choice([random.uniform(-6, 26.5), random.uniform(0, 1), random.gauss(0, 1e-5)])),
    "logNormalTail": (lambda x: mp.log(mp.erfc(x / mp.sqrt(2)) / 2), lambda: random.choice([random.uniform(-8, 8), random.uniform(0, 40), random.uniform(40, 1e5)])),
}


def table(function, draw, count=300):
    rows = []
    while len(rows) < count:
        x = float(draw())
        y = function(mpf(x))
        rows.append([x, float(y)])
    return rows


print(json.dumps({
    "tool": "mpmath", "version": mpmath.__version__, "python": platform.python_version(),
    "command": "python test/golden/accounting/elementary.py",
    "digits": mp.dps,
    **{name: table(*spec) for name, spec in FUNCTIONS.items()},
}))
