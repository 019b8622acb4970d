"""Reference figures for src/evaluate, and bootstrap intervals on listed draws.

    pip install scikit-learn scipy torch torchmetrics && python test/golden/metrics.py

Writes test/golden/metrics.json. What occurs in no record is left out of a mean over labels: zero_division=nan, and AUROC label by
label. Probabilities are float64 softmax of float32 logits.
"""
import json, pathlib, platform
import numpy as np, scipy, sklearn, torch, torchmetrics
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, matthews_corrcoef,
                             mean_squared_error, roc_auc_score)
from torchmetrics.functional.classification import multiclass_calibration_error

rng = np.random.default_rng(20261124)
f32 = lambda x: np.asarray(x, dtype=np.float32)


def single(logits, labels):
    z, y, k = torch.tensor(logits, dtype=torch.float64), torch.tensor(labels), logits.shape[1]
    p = torch.softmax(z, 1)
    predicted = logits.argmax(1)
    log_p = torch.log_softmax(z, 1).numpy()
    # The margin ranks like the probability and does not round to ties; with two labels only.
    score = (lambda c: (logits[:, 1] - logits[:, 0]).astype(np.float64)) if k == 2 else (lambda c: log_p[:, c])
    areas = [roc_auc_score(labels == c, score(c)) for c in ([1] if k == 2 else np.unique(labels))]
    return {
        "accuracy": accuracy_score(labels, predicted),
        "balancedAccuracy": balanced_accuracy_score(labels, predicted),
        "macroF1": f1_score(labels, predicted, average="macro"),
        "mcc": matthews_corrcoef(labels, predicted),
        "auroc": np.mean(areas),
        "ece": multiclass_calibration_error(p, y, num_classes=k, n_bins=15, norm="l1").item(),
        "loss": torch.nn.functional.cross_entropy(z, y).item(),
    }


def multi(logits, matrix):
    predicted = logits > 0
    return {
        "microF1": f1_score(matrix, predicted, average="micro"),
        "macroF1": f1_score(matrix, predicted, average="macro", zero_division=np.nan),
        "subsetAccuracy": accuracy_score(matrix, predicted),
        "loss": torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(logits, dtype=torch.float64), torch.tensor(matrix, dtype=torch.float64)).item(),
    }


def regression(values, targets):
    values = values.astype(np.float64)
    return {"pearson": pearsonr(values, targets).statistic, "spearman": spearmanr(values, targets).statistic,
            "mse": mean_squared_error(targets, values)}


def single_case(name, n, k, signal, decimals=None, scale=1.0, truth=None, never=()):
    labels = rng.integers(0, k, n) if truth is None else rng.choice(truth, n)
    logits = rng.normal(size=(n, k)) + signal * np.eye(k)[labels]
    logits[:, list(never)] -= 100
    logits = f32(np.round(logits * scale, decimals) if decimals is not None else logits * scale)
    return {"name": name, "task": "single-label", "width": k, "outputs": logits.ravel().tolist(), "labels": labels.tolist(),
            "figures": single(logits, labels), "confusion": confusion_matrix(labels, logits.argmax(1), labels=range(k)).tolist()}


def multi_case(name, n, k, rate, signal, absent=()):
    matrix = rng.random((n, k)) < rate
    matrix[:, list(absent)] = False
    logits = rng.normal(size=(n, k)) + signal * (matrix - 0.5)
    logits[:, list(absent)] = -np.abs(logits[:, list(absent)])
    logits[0, 0] = 0
    logits = f32(logits)
    lists = [np.flatnonzero(row).tolist() for row in matrix]
    return {"name": name, "task": "multi-label", "width": k, "outputs": logits.ravel().tolist(), "lists": lists,
            "figures": multi(logits, matrix)}


def regression_case(name, n, decimals, offset=0.0):
    targets = np.round(rng.normal(size=n), decimals) + offset
    values = f32(np.round(targets + rng.normal(size=n), decimals))
    return {"name": name, "task": "regression", "outputs": values.tolist(), "targets": targets.tolist(),
            "figures": regression(values, targets)}


cases = [
    single_case("two labels", 80, 2, 1.0),
    single_case("two labels, tied scores", 80, 2, 1.0, decimals=0),
    single_case("two labels, probabilities that round to 1", 60, 2, 1.0, scale=60.0),
    single_case("five labels", 120, 5, 1.5),
    single_case("five labels, one never right, one never predicted", 90, 5, 1.0, truth=[0, 1, 2, 4], never=[4]),
    single_case("four labels, one neither right nor predicted", 60, 4, 1.0, truth=[0, 1, 2], never=[3]),
    multi_case("six labels", 60, 6, 0.3, 1.5),
    multi_case("six labels, one absent", 50, 6, 0.2, 1.0, absent=[2]),
    regression_case("continuous", 60, 6),
    regression_case("tied values", 60, 0),
    regression_case("far from 0", 50, 3, offset=10_000.0),
]


def bootstrap_case(case, resamples, groups=None):
    n = len(case.get("labels", case.get("targets", case.get("lists"))))
    members = [np.array([i]) for i in range(n)] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    draws = rng.integers(0, len(members), (resamples, len(members)))
    outputs = f32(case["outputs"])
    found = []
    for row in draws:
        take = np.concatenate([members[i] for i in row])
        if case["task"] == "single-label":
            figures = single(outputs.reshape(n, -1)[take], np.array(case["labels"])[take])
            del figures["ece"]
        elif case["task"] == "multi-label":
            matrix = np.zeros((n, case["width"]), bool)
            for i, codes in enumerate(case["lists"]):
                matrix[i, codes] = True
            figures = multi(outputs.reshape(n, -1)[take], matrix[take])
        else:
            figures = regression(outputs[take], np.array(case["targets"])[take])
        found.append(figures)
    intervals = {name: np.percentile([f[name] for f in found], [2.5, 97.5]).tolist() for name in found[0]}
    return {"case": case["name"], "resamples": resamples, "of": len(members), "draws": draws.ravel().tolist(),
            **({} if groups is None else {"groups": groups.tolist()}), "intervals": intervals}


by_name = {case["name"]: case for case in cases}
bootstraps = [
    bootstrap_case(by_name["two labels, tied scores"], 100),
    bootstrap_case(by_name["five labels"], 60),
    bootstrap_case(by_name["six labels"], 60),
    bootstrap_case(by_name["tied values"], 100),
    # Groups in order of first appearance, as their numbers are.
    bootstrap_case(by_name["two labels"], 100, groups=np.sort(rng.integers(0, 20, 80))),
]

versions = f"{sklearn.__version__}; {scipy.__version__}; {torch.__version__}; {torchmetrics.__version__}; {np.__version__}"
out = {"origin": {"tool": "scikit-learn; scipy; torch; torchmetrics; numpy", "version": versions,
                  "python": platform.python_version(), "command": "python test/golden/metrics.py"},
       "cases": cases, "bootstraps": bootstraps}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
