"""The bytes of an event file as TensorBoard's own writer makes them, read back by its own reader.

    pip install tensorboard && python3 test/golden/metrics-tensorboard.py

Writes test/golden/metrics-tensorboard.json.
"""
import io, json, pathlib, tempfile
import tensorboard
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

events = [
    {"wallTime": 1700000000.25, "step": 0, "scalars": {"test/accuracy": 0.75}},
    {"wallTime": 1700000001.5, "step": 127, "scalars": {"epsilon": 1.25, "learning rate": 3e-4}},
    {"wallTime": 1700000002.0, "step": 128, "scalars": {"épsilon/ε": -0.0, "zero": 0.0, "large": 3e38}},
    {"wallTime": 1700000003.0, "step": 5_000_000_000, "scalars": {"t" * 200: 1.0, "undefined": float("nan"), "infinite": float("inf")}},
]
buffer = io.BytesIO()
writer = RecordWriter(buffer)
writer.write(event_pb2.Event(wall_time=1700000000.0, file_version="brain.Event:2").SerializeToString())
for event in events:
    value = [summary_pb2.Summary.Value(tag=tag, simple_value=number) for tag, number in event["scalars"].items()]
    writer.write(event_pb2.Event(wall_time=event["wallTime"], step=event["step"], summary=summary_pb2.Summary(value=value)).SerializeToString())

with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory) / "events.out.tfevents.1"
    path.write_bytes(buffer.getvalue())
    read = [(event.step, [value.tag for value in event.summary.value]) for event in EventFileLoader(str(path)).Load()]
    assert read[1:] == [(event["step"], list(event["scalars"])) for event in events], read

# JSON has no numbers for these; the test turns the strings back into them.
text = {"nan": "NaN", "inf": "Infinity"}
for event in events:
    event["scalars"] = {tag: text.get(str(number), number) for tag, number in event["scalars"].items()}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "origin": {"tool": "tensorboard", "version": tensorboard.__version__, "command": "python3 test/golden/metrics-tensorboard.py"},
    "start": 1700000000.0, "events": events, "file": buffer.getvalue().hex(),
}, indent=1) + "\n")
