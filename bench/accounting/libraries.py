"""Answers accounting questions with dp_accounting and Opacus, one JSON object a line, for the benchmark beside it.

pip install dp-accounting opacus; then: npm run bench:accounting (DPTUNE_PYTHON names the interpreter; default python3).
"""
import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def event(q):
    from dp_accounting import dp_event
    return dp_event.SelfComposedDpEvent(
        dp_event.PoissonSampledDpEvent(q["rate"], dp_event.GaussianDpEvent(float(q["noise"]))), q["steps"])


def dp_accounting_pld(q):
    from dp_accounting.pld import pld_privacy_accountant
    return pld_privacy_accountant.PLDAccountant().compose(event(q)).get_epsilon(q["delta"])


def dp_accounting_calibrate(q):
    import dp_accounting
    from dp_accounting.pld import pld_privacy_accountant
    return dp_accounting.calibrate_dp_mechanism(
        pld_privacy_accountant.PLDAccountant, lambda noise: event({**q, "noise": noise}), q["epsilon"], q["delta"])


def opacus(q, kind):
    from opacus.accountants import create_accountant
    accountant = create_accountant(kind)
    accountant.history = [(q["noise"], q["rate"], q["steps"])]
    return accountant.get_epsilon(q["delta"])


def opacus_calibrate(q):
    from opacus.accountants.utils import get_noise_multiplier
    return get_noise_multiplier(
        target_epsilon=q["epsilon"], target_delta=q["delta"], sample_rate=q["rate"], steps=q["steps"], accountant="prv")


METHODS = {
    "dp_accounting PLD": dp_accounting_pld,
    "Opacus PRV": lambda q: opacus(q, "prv"),
    "dp_accounting PLD calibration": dp_accounting_calibrate,
    "Opacus PRV calibration": opacus_calibrate,
}

for line in sys.stdin:
    question = json.loads(line)
    try:
        start = time.perf_counter()
        value = METHODS[question["method"]](question)
        answer = {"value": float(value), "milliseconds": 1000 * (time.perf_counter() - start)}
    except Exception as error:  # a library's failure is a result
        answer = {"error": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps(answer), flush=True)
