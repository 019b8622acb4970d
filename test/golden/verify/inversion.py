"""Epsilons of Gaussian mechanisms by Google's dp_accounting (privacy loss distributions), as brackets: a pessimistic and an
optimistic discretisation around the true value.

    python test/golden/verify/inversion.py > test/golden/verify/inversion.json
"""
import importlib.metadata
import json

import dp_accounting
from dp_accounting import pld

CASES = [
    # sampling rate, noise multiplier, steps, delta, relation
    (0.01, 1.0, 1000, 1e-5, "add-or-remove-one"),
    (0.02, 2.0, 500, 1e-6, "add-or-remove-one"),
    (0.2, 5.0, 300, 1e-5, "add-or-remove-one"),
    (1 / 6, 1.0, 6, 1e-4, "add-or-remove-one"),
    (1.0, 10.0, 30, 1e-5, "add-or-remove-one"),
    (0.05, 0.7, 3, 1e-3, "add-or-remove-one"),
    (0.01, 1.0, 1000, 1e-5, "replace-one"),
    (0.2, 5.0, 300, 1e-5, "replace-one"),
]


def epsilon(case, pessimistic):
    rate, sigma, steps, delta, relation = case
    neighbours = (
        dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
        if relation == "add-or-remove-one"
        else dp_accounting.NeighboringRelation.REPLACE_ONE
    )
    if relation == "replace-one" and not pessimistic:
        return None
    if relation == "replace-one":
        accountant = pld.PLDAccountant(neighbours, value_discretization_interval=5e-5)
        event = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(sigma))
        accountant.compose(event, steps)
        return accountant.get_epsilon(delta)
    one = pld.privacy_loss_distribution.from_gaussian_mechanism(
        sigma,
        value_discretization_interval=5e-5,
        sampling_prob=rate,
        pessimistic_estimate=pessimistic,
    )
    return one.self_compose(steps).get_epsilon_for_delta(delta)


print(
    json.dumps(
        {
            "origin": {
                "tool": "dp-accounting",
                "version": importlib.metadata.version("dp-accounting"),
                "command": "python test/golden/verify/inversion.py > test/golden/verify/inversion.json",
            },
            "cases": [
                {
                    "rate": case[0],
                    "noiseMultiplier": case[1],
                    "steps": case[2],
                    "delta": case[3],
                    "relation": case[4],
                    "lower": epsilon(case, False),
                    "upper": epsilon(case, True),
                }
                for case in CASES
            ],
        },
        indent=2,
    )
)
