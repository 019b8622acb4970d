"""How Python readers take the front matter of a model card and a registry entry, and what dp_accounting says of the
two figures in TF Privacy's statement.

Run where the package is built: python test/golden/report/documents.py
It reads front-matter.md and opendp.yaml beside it (written by the test with DPTUNE_GOLDEN=write) and writes documents.json.
"""

import importlib.metadata
import json
import math
import pathlib

import dp_accounting
import huggingface_hub
import yaml
from dp_accounting import pld

here = pathlib.Path(__file__).parent


def epsilon(event, delta):
    accountant = pld.PLDAccountant(value_discretization_interval=1e-4)
    accountant.compose(event)
    return accountant.get_epsilon(delta)


# The example of TF Privacy's compute_dp_sgd_privacy_statement: 10,000 examples, batches of 64, noise multiplier 2 halved by
# microbatching, 5 epochs, delta 1e-6. It prints 12.595 (each example once an epoch) and 1.199 (Poisson sampling).
steps = math.floor(5 * 10_000 / 64)
gaussian = dp_accounting.GaussianDpEvent(1.0)
sampled = dp_accounting.PoissonSampledDpEvent(64 / 10_000, gaussian)

card = huggingface_hub.ModelCard((here / 'front-matter.md').read_text())
result = {
    'tool': {
        'huggingface_hub': huggingface_hub.__version__,
        'pyyaml': yaml.__version__,
        'dp_accounting': importlib.metadata.version('dp-accounting'),
    },
    'command': 'python test/golden/report/documents.py',
    'card': card.data.to_dict(),
    'registry': yaml.safe_load((here / 'opendp.yaml').read_text()),
    'statement': {
        'steps': steps,
        'onceEachEpoch': epsilon(dp_accounting.SelfComposedDpEvent(gaussian, 5), 1e-6),
        'poisson': epsilon(dp_accounting.SelfComposedDpEvent(sampled, steps), 1e-6),
    },
}
(here / 'documents.json').write_text(json.dumps(result, indent=2, default=str) + '\n')
