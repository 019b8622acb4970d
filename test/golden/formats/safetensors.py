"""A safetensors file of every dtype, written by the reference implementation, and its values as float32.

    python3 test/golden/formats/safetensors.py
"""
import json, os, sys

sys.path = [p for p in sys.path if os.path.abspath(p or '.') != os.path.dirname(os.path.abspath(__file__))]
import safetensors, torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(0)
HALVES = [0.0, -0.0, 1.0, -2.5, 65504.0, 6.1035e-05, 5.9605e-08, float('inf'), float('-inf'), 0.333251953125]
tensors = {
    'f32': torch.randn(3, 4), 'f64': torch.randn(5, dtype=torch.float64), 'f16': torch.tensor(HALVES, dtype=torch.float16).reshape(2, 5),
    'bf16': torch.tensor([*HALVES, 3e38, 1e-40], dtype=torch.bfloat16), 'i64': torch.arange(-3, 9).reshape(1, 12), 'i32': torch.tensor([-7, 2**24], dtype=torch.int32),
    'i16': torch.tensor([-32768, 5], dtype=torch.int16), 'i8': torch.tensor([-128, 127], dtype=torch.int8), 'u8': torch.tensor([0, 255], dtype=torch.uint8),
    'bool': torch.tensor([True, False, True]), 'scalar': torch.tensor(2.5), 'empty': torch.zeros(0, 4), 'ünïcode/naïve "name"': torch.ones(1),
    'too-large': torch.tensor([2**24 + 1]), 'f8': torch.ones(2, dtype=torch.float8_e4m3fn),
}
save_file(tensors, os.path.join(HERE, 'dtypes.safetensors'), metadata={'format': 'pt', 'note': 'ok'})
values = {name: {'shape': list(t.shape), 'values': [str(v) for v in t.to(torch.float32).flatten().tolist()]} for name, t in tensors.items() if name not in ('too-large', 'f8')}
with open(os.path.join(HERE, 'dtypes.json'), 'w') as file:
    json.dump({'tool': 'safetensors', 'version': safetensors.__version__, 'torch': torch.__version__, 'command': 'python test/golden/formats/safetensors.py', 'tensors': values}, file, indent=1)
