"""Compact the accounting reference set: mechanisms, queries, truths, and what each library said.

python test/golden/accounting/reference.py < reference.json > test/golden/accounting/reference.json

The full set (every call, timing and version) was computed in November 2026 with mpmath 1.2.1 (closed forms, 50 digits),
an independent two-sided engine in numpy 1.24.2, dp_accounting 0.6.0, prv_accountant 0.2.0, Opacus, jax_privacy,
PLD_accounting and tf_privacy at the commits under "libraries".
"""
import json
import sys

full = json.load(sys.stdin)
records = []
for record in full["records"]:
    truth = record["truth"]
    if truth:
        truth = {k: v for k, v in truth.items() if k in ("exact", "lower", "estimate", "upper", "rel_error", "worst_direction", "exact_mu", "exact_advantage", "alphas", "exact_beta")}
    said = []
    for reference in record["references"]:
        value = reference.get("value", reference.get("upper"))
        if reference["status"] == "ok" and value is not None:
            said.append({"library": reference["library"], "method": reference["method"], "value": value, "belowTruth": bool(reference.get("below_truth"))})
    records.append({"id": record["id"], "mechanism": record["mechanism"], "adjacency": record["adjacency"], "query": record["query"], "truth": truth, "said": said})
print(json.dumps({
    "tool": "see the docstring of reference.py", "version": full["meta"]["machine"], "libraries": full["meta"]["libraries"],
    "command": "python test/golden/accounting/reference.py < reference.json",
    "records": records,
}, separators=(",", ":")))
