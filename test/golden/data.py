"""Reference files for the readers: what Python's csv, html and hashlib and Arrow's Parquet writer say.

    pip install pyarrow && python3 test/golden/data.py

Writes test/golden/data/*.
"""
import csv, hashlib, html, io, json, pathlib, platform
from html.entities import name2codepoint
import pyarrow as pa, pyarrow.parquet as pq

out = pathlib.Path(__file__).parent / "data"
out.mkdir(exist_ok=True)
origin = {"tool": "Python csv, html, hashlib; pyarrow", "version": f"{platform.python_version()}; {pa.__version__}",
          "command": "python3 test/golden/data.py"}

# Quoted delimiters, newlines of both kinds, doubled quotes, quotes inside unquoted fields, empty fields, blank lines.
nasty = (
    "\ufeffid,text,label\r\n"
    '1,"a, b",x\r\n'
    '2,"two\nlines",y\r\n'
    '3,"two\r\nlines and ""quotes""",x\r\n'
    '4,5" disc,y\r\n'
    "\r\n"
    '5,"",x\r\n'
    "6,,y\r\n"
    '7," spaces ",x\r\n'
    "8,\u00e9\u00e8 \U0001f600 \u2028 end,y"
)
(out / "nasty.csv").write_bytes(nasty.encode("utf-8"))
rows, reader = [], csv.reader(io.StringIO(nasty.removeprefix("\ufeff"), newline=""))
header = next(reader)
line = reader.line_num
for row in reader:
    start, line = line + 1, reader.line_num
    if row:
        rows.append({"line": start, "fields": row})

# The same records under each codec, in two row groups.
records = [{"text": f"text {i} \u00e9", "label": i % 3, "tags": [t for t in ("a", "b") if (i >> (t == "b")) & 1],
            "score": i / 4, "user": 10_000_000_000 + i // 2} for i in range(7)]
table = pa.Table.from_pylist(records)
for codec in ("none", "snappy", "gzip", "brotli", "zstd"):
    pq.write_table(table, out / f"records.{codec}.parquet", compression=codec, row_group_size=4)

names = [f"&{name};" for name in [*name2codepoint, "apos"]]
numbers = ["&#65;", "&#x41;", "&#X41;", "&#128;", "&#150;", "&#x9f;", "&#0;", "&#xd800;", "&#x110000;", "&#128512;", "&#65 ", "&#x41 g"]
plain = ["AT&T", "a & b", "&nosuch;", "&;", "&#;", "&#x;", "x &amp;lt; y"]
entities = {text: html.unescape(text) for text in [*names, *numbers, *plain]}

(out / "expected.json").write_text(json.dumps({
    "origin": origin, "csv": {"header": header, "rows": rows}, "parquet": records, "entities": entities,
    "sha256": hashlib.sha256((out / "nasty.csv").read_bytes()).hexdigest(),
}, indent=1) + "\n")
