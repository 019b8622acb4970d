"""Trajectories of torch.optim, and of DP-AdamBC written in NumPy from the paper's Algorithm 1 (arXiv:2312.14334).

python optimizers.py > optimizers.json
"""
import json
import sys

import numpy as np
import torch

SIZE, STEPS, DECAYED = 12, 15, 8
rng = np.random.default_rng(1)
start = rng.normal(size=SIZE).astype(np.float32).astype(np.float64)
gradients = (rng.normal(size=(STEPS, SIZE)) * 10.0 ** rng.integers(-4, 2, size=SIZE)).astype(np.float32)
rates = [0.01 * (1 - t / STEPS) for t in range(STEPS)]


def torch_run(make):
    """The first DECAYED parameters in a group with decay, the rest in one without."""
    params = [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in (start[:DECAYED], start[DECAYED:])]
    optimizer = make([{"params": [params[0]]}, {"params": [params[1]], "weight_decay": 0.0}])
    path = []
    for gradient, rate in zip(gradients.astype(np.float64), rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        params[0].grad, params[1].grad = torch.tensor(gradient[:DECAYED]), torch.tensor(gradient[DECAYED:])
        optimizer.step()
        path.append(torch.cat(params).tolist())
    return path


def dp_adam_bc(beta1, beta2, floor, deviation):
    p, m, v = start.copy(), np.zeros(SIZE), np.zeros(SIZE)
    path = []
    for t, (g, rate) in enumerate(zip(gradients.astype(np.float64), rates), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        p = p - rate * m_hat / np.sqrt(np.maximum(v_hat - deviation**2, floor))
        path.append(p.tolist())
    return path


optim = torch.optim
cases = [
    {"settings": {"kind": "sgd", "momentum": 0.0, "weightDecay": 0.0}, "path": torch_run(lambda p: optim.SGD(p, lr=1))},
    {"settings": {"kind": "sgd", "momentum": 0.9, "weightDecay": 0.1},
     "path": torch_run(lambda p: optim.SGD(p, lr=1, momentum=0.9, weight_decay=0.1))},
    {"settings": {"kind": "adam", "betas": [0.9, 0.999], "epsilon": 1e-8, "weightDecay": 0.1},
     "path": torch_run(lambda p: optim.Adam(p, lr=1, weight_decay=0.1))},
    {"settings": {"kind": "adamw", "betas": [0.9, 0.999], "epsilon": 1e-8, "weightDecay": 0.0},
     "path": torch_run(lambda p: optim.AdamW(p, lr=1, weight_decay=0.0))},
    {"settings": {"kind": "adamw", "betas": [0.8, 0.98], "epsilon": 1e-3, "weightDecay": 0.1},
     "path": torch_run(lambda p: optim.AdamW(p, lr=1, betas=(0.8, 0.98), eps=1e-3, weight_decay=0.1))},
    {"settings": {"kind": "dp-adam-bc", "betas": [0.9, 0.999], "floor": 1e-6, "noiseStandardDeviation": 0.05, "weightDecay": 0.0},
     "path": dp_adam_bc(0.9, 0.999, 1e-6, 0.05)},
]
json.dump({"tool": f"torch {torch.__version__}, numpy {np.__version__}", "command": "python optimizers.py > optimizers.json",
           "start": start.tolist(), "gradients": gradients.astype(np.float64).tolist(), "rates": rates, "decayed": [[0, DECAYED]], "cases": cases}, sys.stdout)
