"""Roots and proofs of RFC 6962 trees over leaves b"entry 0", b"entry 1", ... from pymerkle.

    pip install pymerkle==7.0.0
    python test/golden/ledger/merkle.py > test/golden/ledger/merkle.json

pymerkle counts leaves from 1 and begins inclusion paths with the leaf itself, which RFC 6962 leaves out. (Its
consistency proofs have a form of their own.)
"""

import json
from importlib.metadata import version

from pymerkle import InmemoryTree

COUNT = 40
SIZES = [1, 2, 3, 5, 7, 8, 13, 33, 40]

tree = InmemoryTree(algorithm="sha256")
for i in range(COUNT):
    tree.append_entry(f"entry {i}".encode())


print(
    json.dumps(
        {
            "tool": f"pymerkle {version('pymerkle')}",
            "command": "python test/golden/ledger/merkle.py",
            "roots": [tree.get_root(n).hex() for n in range(1, COUNT + 1)],
            "inclusion": [
                {"size": n, "index": i, "path": tree.prove_inclusion(i + 1, n).serialize()["path"][1:]}
                for n in SIZES
                for i in range(0, n, 1 if n < 20 else 5)
            ],
        }
    )
)
