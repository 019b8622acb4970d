"""Private selection over trainings, by dp_accounting's RDP accountant.

    python3 test/golden/tune/selection.py > test/golden/tune/selection.json
"""
import json
from importlib.metadata import version

import dp_accounting
from dp_accounting import dp_event
from dp_accounting.rdp import RdpAccountant

ORDERS = [1 + 0.0002 * 1.012**k for k in range(1200)]
cases = []
for rate, noise, steps in [(0.05, 1.0, 200), (0.1, 2.0, 400), (0.02, 0.8, 1000)]:
    trial = dp_accounting.SelfComposedDpEvent(
        dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise)), steps)
    alone = RdpAccountant(orders=ORDERS)
    alone.compose(trial)
    for mean, shape in [(12, 'poisson'), (12, 0), (12, 1), (3, 0)]:
        accountant = RdpAccountant(orders=ORDERS)
        accountant.compose(dp_event.RepeatAndSelectDpEvent(
            trial, mean, float('inf') if shape == 'poisson' else shape))
        cases.append({'rate': rate, 'noiseMultiplier': noise, 'steps': steps, 'mean': mean, 'shape': shape,
                      'delta': 1e-5, 'trial': alone.get_epsilon(1e-5), 'epsilon': accountant.get_epsilon(1e-5)})
print(json.dumps({
    'tool': 'dp_accounting', 'version': version('dp-accounting'),
    'command': 'python3 test/golden/tune/selection.py > test/golden/tune/selection.json',
    'cases': cases}, indent=1))
