"""Frozen weights in 8 bits: quantised values, logits and per-record LoRA gradients from PyTorch, for the models beside this file.

    python3 test/golden/models/rounding.py

Writes rounding.json beside this file.
"""
import hashlib, json, math, os
import torch, transformers
from torch.func import functional_call, grad
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

HERE = os.path.dirname(os.path.abspath(__file__))
transformers.logging.set_verbosity_error()
torch.set_default_dtype(torch.float32)

RANK, ALPHA, CLIP = 2, 6.0, 0.5
# Weights of linear maps in the layers and, where there is one of its own, of the output map; adapters on some of them.
MODELS = {
    'llama': dict(frozen=lambda n: n.startswith('model.layers.') and n.endswith('proj.weight') or n == 'lm_head.weight', targets=['q_proj', 'down_proj'], inout=False),
    'gpt2': dict(frozen=lambda n: any(n.endswith(e) for e in ('c_attn.weight', 'c_proj.weight', 'c_fc.weight')), targets=['c_attn'], inout=True),
    'bert': dict(frozen=lambda n: n.startswith('bert.encoder.') and n.endswith('.weight') and 'LayerNorm' not in n, targets=['query', 'value'], inout=False),
}


def quantise(w):
    """Outputs first: one scale for each row."""
    scale = w.abs().amax(1) / 127
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return torch.round(w / scale[:, None]).clamp(-127, 127).to(torch.int8), scale


def sha(t): return hashlib.sha256(t.contiguous().numpy().tobytes()).hexdigest()


def factor(name, shape):
    """Numbers that both sides make: 0.2 sin(k), k counted from the name's length."""
    size = shape[0] * shape[1]
    return torch.tensor([0.2 * math.sin(len(name) + k) for k in range(size)], dtype=torch.float64).float().reshape(shape)


def run(name, spec, known):
    decoder = name != 'bert'
    model = (AutoModelForCausalLM if decoder else AutoModelForSequenceClassification).from_pretrained(os.path.join(HERE, name), attn_implementation='eager').eval()
    params = {k: v.detach().clone() for k, v in model.named_parameters()}
    quantised, lora = {}, {}
    for key in [k for k in params if spec['frozen'](k)]:
        w = params[key].t() if spec['inout'] and key != 'lm_head.weight' else params[key]
        q, scale = quantised[key] = quantise(w)
        restored = q.float() * scale[:, None]
        params[key] = (restored.t() if spec['inout'] and key != 'lm_head.weight' else restored).contiguous()
        path = key.removesuffix('.weight')
        if path.split('.')[-1] in spec['targets']:
            lora[path] = {side: factor(f'{path}.lora_{side}.weight', shape) for side, shape in (('A', (RANK, w.shape[1])), ('B', (w.shape[0], RANK)))}
    records, tokens = known['records'], known['tokens']
    ids = torch.tensor(known['ids']).reshape(records, tokens)
    mask = torch.tensor(known['mask']).reshape(records, tokens)
    kinds = torch.tensor(known['typeIds']).reshape(records, tokens)
    labels = torch.tensor(known['causal']['labels']).reshape(records, tokens) if decoder else torch.tensor([2, 0, 1])

    def logits_of(factors, ids, mask, kinds):
        merged = dict(params)
        for path, f in factors.items():
            delta = ALPHA / RANK * f['B'] @ f['A']
            merged[f'{path}.weight'] = params[f'{path}.weight'] + (delta.t() if spec['inout'] else delta)
        more = {} if decoder else {'token_type_ids': kinds[None]}
        return functional_call(model, merged, (ids[None],), dict(attention_mask=mask[None], **more)).logits[0]

    def loss_of(factors, ids, mask, kinds, label):
        logits = logits_of(factors, ids, mask, kinds)
        if not decoder: return torch.nn.functional.cross_entropy(logits[None], label[None])
        each = torch.nn.functional.cross_entropy(logits, label.clamp(min=0), reduction='none')
        keep = (label >= 0).float()
        return (each * keep).sum() / keep.sum().clamp(min=1)

    zero = {p: {'A': f['A'], 'B': torch.zeros_like(f['B'])} for p, f in lora.items()}
    with torch.no_grad():
        rounded = torch.stack([logits_of(zero, ids[r], mask[r], kinds[r]) for r in range(records)])
    # Record by record: transformers decides about masks by their values, which vmap does not allow.
    found = [grad(loss_of)(lora, ids[r], mask[r], kinds[r], labels[r]) for r in range(records)]
    flat = {f'{p}.lora_{s}.weight': torch.stack([f[p][s] for f in found]) for p in lora for s in 'AB'}
    norms = torch.sqrt(sum((g.double() ** 2).flatten(1).sum(1) for g in flat.values()))
    clipped = {k: sum(g[r] * min(1.0, CLIP / norms[r].item()) if norms[r] > 0 else g[r] * 0 for r in range(records)) for k, g in flat.items()}
    kept = rounded[mask > 0] if decoder else rounded
    return {
        'weights': {k: [sha(q), sha(s)] for k, (q, s) in quantised.items()},
        'logits': [float(f'{v:.8g}') for v in kept.flatten().tolist()],
        'norms': norms.tolist(),
        'sums': {k: [float(f'{v:.8g}') for v in g.flatten().tolist()] for k, g in clipped.items()},
    }


golden = json.load(open(os.path.join(HERE, 'networks.json')))['models']
out = {'tool': 'torch, transformers', 'version': f'{torch.__version__}, {transformers.__version__}', 'command': 'python3 test/golden/models/rounding.py', 'rank': RANK, 'alpha': ALPHA, 'clip': CLIP,
       'models': {name: {'targets': spec['targets'], **run(name, spec, golden[name])} for name, spec in MODELS.items()}}
with open(os.path.join(HERE, 'rounding.json'), 'w') as file:
    json.dump(out, file)
    file.write('\n')
