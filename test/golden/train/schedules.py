"""Learning rates of torch.optim.lr_scheduler: warm-up by LinearLR, then ConstantLR, LinearLR or CosineAnnealingLR to 0, joined by
SequentialLR; ReduceLROnPlateau on listed scores. And averages of torch.optim.swa_utils.AveragedModel.

python schedules.py > schedules.json
"""
import json
import random
import sys
import warnings

import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, ReduceLROnPlateau, SequentialLR
from torch.optim.swa_utils import AveragedModel

warnings.simplefilter("ignore")  # about the last, unused, step of the schedulers


def optimizer(rate):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=rate)


def rates(kind, steps, warm, rate):
    sgd = optimizer(rate)
    rest = max(1, steps - warm)
    after = {
        "constant": lambda: ConstantLR(sgd, factor=1.0),
        "linear": lambda: LinearLR(sgd, start_factor=1.0, end_factor=0.0, total_iters=rest),
        "cosine": lambda: CosineAnnealingLR(sgd, T_max=rest),
    }[kind]()
    schedule = after
    if warm > 0:
        rise = LinearLR(sgd, start_factor=1 / (warm + 1), end_factor=1.0, total_iters=warm)
        schedule = SequentialLR(sgd, [rise, after], milestones=[warm])
    out = []
    for _ in range(steps):
        out.append(sgd.param_groups[0]["lr"])
        sgd.step()
        schedule.step()
    return out


def plateau(scores, rate, factor, patience):
    """PyTorch's patience is what it lets pass; ours is what it takes."""
    sgd = optimizer(rate)
    schedule = ReduceLROnPlateau(sgd, mode="max", factor=factor, patience=patience - 1, threshold=0, eps=0)
    out = []
    for score in scores:
        schedule.step(score)
        out.append(sgd.param_groups[0]["lr"])
    return out


def average(decay, path):
    """AveragedModel copies what it sees first: the start. Then the update number t = 0, 1, ... counts from there."""
    parameter = torch.nn.Parameter(torch.tensor(path[0]))
    module = torch.nn.Module()
    module.register_parameter("p", parameter)

    def mix(averaged, latest, seen):
        t = seen - 1
        past = torch.clamp((1 + t) / (10 + t), max=decay)
        return past * averaged + (1 - past) * latest

    averaged = AveragedModel(module, avg_fn=mix)
    averaged.update_parameters(module)
    out = []
    for values in path[1:]:
        parameter.data = torch.tensor(values)
        averaged.update_parameters(module)
        out.append(averaged.module.p.detach().tolist())
    return out


random.seed(3)
scores = [round(random.gauss(0.01 * i, 0.03), 2) for i in range(40)]
path = [[random.gauss(0, 1) for _ in range(3)] for _ in range(61)]
json.dump({
    "origin": {"tool": "torch", "version": torch.__version__, "command": "python schedules.py > schedules.json"},
    "shapes": [
        {"kind": kind, "steps": steps, "warmup": warm / steps, "learningRate": rate, "rates": rates(kind, steps, warm, rate)}
        for kind in ("constant", "linear", "cosine")
        for steps, warm, rate in ((10, 0, 1e-3), (50, 5, 0.3), (7, 6, 2.0), (1, 0, 1.0))
    ],
    "plateaus": [
        {"factor": factor, "patience": patience, "scores": scores, "rates": plateau(scores, 0.5, factor, patience)}
        for factor, patience in ((0.5, 2), (0.1, 1), (0.7, 4))
    ],
    "averages": [{"decay": decay, "path": path, "values": average(decay, path)} for decay in (0.5, 0.8)],
}, sys.stdout, indent=1)
sys.stdout.write("\n")
