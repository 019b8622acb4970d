"""Reference values of the audit statistics from scipy, scikit-learn and jax_privacy.

python test/golden/audits/statistics.py > test/golden/audits/statistics.json
"""
import importlib.util, json, math, pathlib, platform, random, sys
import numpy as np, scipy, sklearn
from scipy import integrate, optimize, stats, special
from sklearn.metrics import roc_auc_score, roc_curve

# The one module, without its package: that imports JAX, which the module does not use.
package = pathlib.Path(importlib.util.find_spec("jax_privacy").submodule_search_locations[0])
spec = importlib.util.spec_from_file_location("auditing", package / "auditing.py")
auditing = sys.modules["auditing"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(auditing)

random.seed(20261124)
rng = np.random.default_rng(20261124)


def incomplete_beta():
    rows = []
    for _ in range(300):
        a, b = (10 ** random.uniform(-0.3, 5) for _ in range(2))
        sd = math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
        x = min(1 - 1e-9, max(1e-12, a / (a + b) + random.gauss(0, 2.5) * sd))
        rows.append([x, a, b, float(special.betainc(a, b, x))])
    return rows


def upper_rates():
    rows = []
    for n in (1, 10, 100, 1000, 100000):
        for k in sorted({0, 1, n // 10, n // 2, n - 1, n}):
            for alpha in (0.05, 0.01, 1e-5):
                rows.append([k, n, alpha, 1.0 if k == n else float(stats.beta.isf(alpha, k + 1, n - k))])
    return rows


def p_value(m, r, v, eps, delta):
    """Theorem 5.2, term by term."""
    q = 1 / (1 + math.exp(-eps))
    beta = stats.binom.sf(v - 1, r, q)
    alpha = max([sum(stats.binom.pmf(k, r, q) for k in range(v - i, v)) / i for i in range(1, v + 1)], default=0)
    return min(1.0, float(beta + 2 * m * delta * alpha))


def p_values():
    rows = []
    for m, r, v in [(10, 10, 10), (100, 20, 20), (1000, 100, 95), (1000, 100, 60), (1000, 100, 51), (2000, 200, 150), (500, 500, 300)]:
        for eps in (0, 0.5, 1, 3):
            for delta in (0, 1e-6, 1e-4):
                rows.append([m, r, v, eps, delta, p_value(m, r, v, eps, delta)])
    return rows


def pins():
    """The tables of jax_privacy's auditing tests: quantiles of N(0, 1), and the same shifted; 10,000 each; all thresholds."""
    n = 10000
    out = stats.norm.ppf((np.arange(n) + 0.5) / n)
    quantiles = [float(x) for x in out]
    rows = []
    for shift in (1, 2, 4):
        auditor = auditing.CanaryScoreAuditor(out + shift, out)
        row = {"shift": shift, "thresholds": [float(t) for t in auditor._thresholds if math.isfinite(t)], "delta": 1e-6, "significance": 0.05,
               "candidates": len(auditor._fn_counts),
               "oneRun": float(auditor.epsilon_one_run(0.05, 1e-6)), "oneRunFdp": float(auditor.epsilon_one_run_fdp(0.05, 1e-6)),
               "gaussian": float(auditor.epsilon_from_gdp(0.05, 1e-6)), "clopperPearson": float(auditor.epsilon_clopper_pearson(0.05, 1e-6, one_sided=False))}
        rows.append(row)
    return {"n": n, "rows": rows, "firstQuantile": quantiles[0]}


def single_bounds():
    """jax_privacy's bounds at given counts."""
    rows = []
    for m, r, v in [(1000, 100, 95), (1000, 100, 100), (1000, 500, 350), (100, 100, 100), (200, 50, 35), (5000, 500, 480)]:
        for delta in (1e-6, 1e-5):
            rows.append({"m": m, "r": r, "v": v, "delta": delta, "oneRun": float(auditing._epsilon_one_run(0, m, r, v, 0.05, delta)),
                         "oneRunFdp": float(auditing._epsilon_one_run_fdp(0, m, r, v, 0.05, delta))})
    return rows


def credible():
    def mass(fn, tp, fp, tn, eps, delta):
        fnr, fpr = stats.beta(0.5 + fn, 0.5 + tp), stats.beta(0.5 + fp, 0.5 + tn)
        low = lambda x: max(0, 1 - delta - x * math.exp(eps), (1 - delta - x) * math.exp(-eps))
        high = lambda x: min(1, 1 + (delta - x) * math.exp(-eps), delta + (1 - x) * math.exp(eps))
        # x = fnr = ppf(u): the density becomes 1.
        f = lambda u: fpr.cdf(high(fnr.ppf(u))) - fpr.cdf(low(fnr.ppf(u)))
        corners = sorted(fnr.cdf(x) for x in (delta, 1 - delta, (1 - delta) / (1 + math.exp(eps)), 1 - (1 - delta) / (1 + math.exp(eps))))
        edges = np.unique(np.concatenate([[0, 1e-9, 1e-6, 1e-4, 1e-2], np.linspace(0.02, 0.98, 25), [0.99, 1 - 1e-4, 1 - 1e-6, 1 - 1e-9, 1], corners]))
        return sum(integrate.quad(f, a, b, epsabs=1e-13, epsrel=1e-11, limit=200)[0] for a, b in zip(edges[:-1], edges[1:]))
    rows = []
    for tp, tn, fp, fn in [(487, 1, 512, 0), (90, 80, 20, 10), (500, 450, 50, 0), (60, 50, 50, 40)]:
        for delta, alpha in [(1e-5, 0.1), (0, 0.05)]:
            objective = lambda eps, target: mass(fn, tp, fp, tn, eps, delta) - target
            bounds = [0.0 if objective(0, target) > 0 else optimize.brentq(objective, 0, 30, args=(target,), xtol=1e-10) for target in (alpha / 2, 1 - alpha / 2)]
            rows.append({"tp": tp, "tn": tn, "fp": fp, "fn": fn, "delta": delta, "alpha": alpha, "interval": bounds})
    return rows


def roc():
    scores = np.round(np.concatenate([rng.normal(0.7, 1, 300), rng.normal(0, 1, 400)]), 1)
    members = np.concatenate([np.ones(300), np.zeros(400)])
    fpr, tpr, _ = roc_curve(members, scores, drop_intermediate=False)
    return {"scores": [float(s) for s in scores], "members": 300, "auc": float(roc_auc_score(members, scores)),
            "tpr": {str(rate): float(tpr[fpr <= rate].max()) for rate in (0.001, 0.01, 0.1)}}


def membership():
    models, records = 8, 6
    losses = rng.exponential(1, (models, records)) + 0.01
    logits = np.log(np.exp(-losses) / (1 - np.exp(-losses)))
    trained = rng.permuted(np.tile(np.arange(models) < 4, (records, 1)), axis=1).T
    target = rng.exponential(0.5, records) + 0.01
    logit = np.log(np.exp(-target) / (1 - np.exp(-target)))
    online, offline = [], []
    for j in range(records):
        inside, outside = logits[trained[:, j], j], logits[~trained[:, j], j]
        online.append(float(stats.norm.logpdf(logit[j], inside.mean(), inside.std(ddof=1)) - stats.norm.logpdf(logit[j], outside.mean(), outside.std(ddof=1))))
        offline.append(float((logit[j] - logits[:, j].mean()) / logits[:, j].std(ddof=1)))
    references, population = np.exp(-losses), rng.uniform(0.05, 1, (models + 1, 50))
    a, gamma = 0.3, 1.1
    marginal = lambda out: ((1 + a) * out.mean(axis=0) + 1 - a) / 2
    ratio_x, ratio_z = np.exp(-target) / marginal(references), population[0] / marginal(population[1:])
    scores = [(r / ratio_z > gamma).mean() for r in ratio_x]
    return {"losses": losses.tolist(), "logits": logits.tolist(), "trained": trained.tolist(), "target": target.tolist(), "online": online, "offline": offline,
            "population": population.tolist(), "a": a, "gamma": gamma, "rmia": [float(s) for s in scores]}


print(json.dumps({
    "tool": f"scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, jax_privacy 2.0.0 (its public functions and those behind its pins)",
    "version": f"python {platform.python_version()}", "command": "python test/golden/audits/statistics.py > test/golden/audits/statistics.json",
    "incompleteBeta": incomplete_beta(), "upperRates": upper_rates(), "pValues": p_values(), "pins": pins(), "singleBounds": single_bounds(), "credible": credible(),
    "roc": roc(), "membership": membership(),
    "quantiles": [[p, float(stats.norm.ppf(p))] for p in [1e-300, 1e-100, 1e-20, 1e-10, 1e-5, 0.01, 0.02425, 0.1, 0.3, 0.5, 0.7, 0.975, 0.99999, 1 - 1e-12]],
}))
