"""Banded Toeplitz strategies and epsilons of the banded matrix mechanism by JAX Privacy; errors by dense matrices of NumPy.

pip install jax-privacy==2.0.0 jax chex optax drjax dp-accounting==0.6.0 scipy
python banded-matrix.py > banded-matrix.json
"""
import json
import sys

import dp_accounting
import jax
import numpy as np
import scipy.linalg

jax.config.update("jax_enable_x64", True)
from jax_privacy.accounting import accountants, analysis  # noqa: E402
from jax_privacy.matrix_factorization import toeplitz  # noqa: E402


def dense_error(column, steps):
    """(1/T) ||A C^-1||_F^2 and the largest column norm of C, from the matrices themselves."""
    c = scipy.linalg.toeplitz(np.r_[column, np.zeros(steps - len(column))], np.zeros(steps))
    prefix = np.tril(np.ones((steps, steps)))
    product = scipy.linalg.solve_triangular(c.T, prefix.T, lower=False).T
    return float((product**2).sum() / steps), float(np.linalg.norm(c, axis=0).max())


strategies = []
for steps, bands in [(8, 8), (16, 4), (100, 2), (100, 8), (300, 16), (500, 32), (1000, 4)]:
    column = np.asarray(toeplitz.optimize_banded_toeplitz(steps, bands, max_optimizer_steps=2000))
    error, norm = dense_error(column, steps)
    strategies.append({"steps": steps, "bands": bands, "column": column.tolist(), "error": error, "norm": norm})

rng = np.random.default_rng(7)
columns = []
for steps, bands in [(5, 5), (40, 3), (60, 7)]:
    column = rng.normal(size=bands) * 0.3
    column[0] = 1
    columns.append({"steps": steps, "column": column.tolist(), "error": dense_error(column, steps)[0]})

inverses = []
for steps, bands in [(6, 3), (9, 4)]:
    column = np.asarray(toeplitz.optimize_banded_toeplitz(steps, bands))
    z = rng.normal(size=(steps, 3))
    c = scipy.linalg.toeplitz(np.r_[column, np.zeros(steps - bands)], np.zeros(steps))
    inverses.append({"column": column.tolist(), "z": z.tolist(), "noise": np.linalg.solve(c, z).tolist()})

accountant = analysis.DpsgdTrainingAccountant(dp_accountant_config=accountants.PldAccountantConfig())
epsilons = []
for units, batch, steps, bands, sigma, delta in [
    (10000, 100, 400, 4, 0.8, 1e-5),
    (10000, 100, 401, 4, 0.8, 1e-5),
    (9600, 300, 96, 8, 1.2, 1e-5),
    (6400, 200, 64, 32, 1.0, 1e-5),
]:
    params = analysis.DpParams(
        noise_multipliers=sigma, num_samples=units, delta=delta, batch_size=batch, cycle_length=bands)
    epsilons.append({"units": units, "batch": batch, "steps": steps, "bands": bands, "noiseMultiplier": sigma,
                     "delta": delta, "epsilon": float(accountant.compute_epsilon(steps, params))})

json.dump({"tool": f"jax-privacy 2.0.0, jax {jax.__version__}, dp-accounting 0.6.0, numpy {np.__version__}, scipy {scipy.__version__}",
           "command": "python banded-matrix.py > banded-matrix.json",
           "strategies": strategies, "columns": columns, "inverses": inverses, "epsilons": epsilons}, sys.stdout, indent=1)
