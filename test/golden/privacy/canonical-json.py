"""Canonical JSON by an independent implementation (RFC 8785), and the number samples of the RFC's appendix B.

pip install rfc8785==0.1.4 && python canonical-json.py > canonical-json.json
"""
import json
import struct
import sys

import rfc8785

# Appendix B of RFC 8785: float64 bits whose text the RFC lists.
BITS = """0000000000000000 8000000000000000 0000000000000001 8000000000000001 7fefffffffffffff ffefffffffffffff
4340000000000000 c340000000000000 4430000000000000 44b52d02c7e14af5 44b52d02c7e14af6 44b52d02c7e14af7 444b1ae4d6e2ef4e
444b1ae4d6e2ef4f 444b1ae4d6e2ef50 3eb0c6f7a0b5ed8c 3eb0c6f7a0b5ed8d 41b3de4355555553 41b3de4355555554 41b3de4355555555
41b3de4355555556 41b3de4355555557 becbf647612f3696 43143ff3c1cb0959""".split()
VALUES = [
    {"numbers": [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
     "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f", "literals": [None, True, False]},
    {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
     "\U0001F600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"},
    {"b": {"z": [], "a": {}}, "a": [1, 2.5, -0.0, 1e21, 123456789012345680000.0], "": "\u007f\u2028\u0000\b\f\t"},
]
numbers = [{"bits": b, "text": rfc8785.dumps(struct.unpack(">d", bytes.fromhex(b))[0]).decode()} for b in BITS]
values = [{"json": json.dumps(v), "text": rfc8785.dumps(v).decode()} for v in VALUES]
json.dump({"tool": f"Python rfc8785 {rfc8785.__version__}", "command": "python canonical-json.py > canonical-json.json",
           "numbers": numbers, "values": values}, sys.stdout, indent=1)
