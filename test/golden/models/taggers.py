"""What transformers and peft compute from token classifiers that dptune exported, and PyTorch's gradients of each record's own loss.

    python3 test/golden/models/taggers.py

Runs taggers.ts, loads each export with the plain classes (no remote code), and writes taggers.json: the SHA-256 of each file, the logits of every
token, each record's gradient by torch.func's vmap(grad) (the loss is the mean over the record's own tagged tokens, 0 where there is none), and the
sum of the gradients clipped to CLIP.
"""
import hashlib, json, os, subprocess, tempfile
import peft, torch, transformers
from torch.func import functional_call, grad, vmap
from transformers import AutoModelForTokenClassification

HERE = os.path.dirname(os.path.abspath(__file__))
CLIP = 1.5
transformers.logging.set_verbosity_error()
# A shortcut that looks at values, which vmap cannot do; without it the mask is always built.
transformers.masking_utils._ignore_bidirectional_mask_sdpa = lambda *args, **options: False


def rounded(t): return [float(f'{v:.9g}') for v in t.flatten().tolist()]


def record_gradients(model, inputs, tags):
    params = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
    fixed = {n: p.detach() for n, p in model.named_parameters() if not p.requires_grad} | dict(model.named_buffers())

    def loss(params, record, labels):
        batch = {k: v[None] for k, v in record.items()}
        logits = functional_call(model, params | fixed, (), batch).logits[0]
        per_token = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction='none')
        return per_token.sum() / (labels != -100).sum().clamp(min=1)

    return vmap(grad(loss), in_dims=(None, 0, 0))(params, inputs, tags)


def norms_of(grads): return torch.sqrt(sum((g.double() ** 2).flatten(1).sum(1) for g in grads.values()))


with tempfile.TemporaryDirectory() as folder:
    subprocess.run(['npx', 'tsx', os.path.join(HERE, 'taggers.ts'), folder], check=True)
    golden = json.load(open(os.path.join(HERE, 'networks.json')))['models']
    out = {'tool': 'transformers, peft, torch.func', 'version': transformers.__version__, 'peft': peft.__version__, 'torch': torch.__version__,
           'command': 'python test/golden/models/taggers.py', 'clip': CLIP, 'taggers': {}}
    for name in sorted(n for n in os.listdir(folder) if n != 'tags.json'):
        b = golden[name]
        shape = (b['records'], b['tokens'])
        mask = torch.tensor(b['mask']).reshape(shape)
        tags = torch.tensor(json.load(open(os.path.join(folder, 'tags.json')))).reshape(shape)
        inputs = {'input_ids': torch.tensor(b['ids']).reshape(shape), 'attention_mask': mask.long()}
        if name not in ('distilbert', 'modernbert'): inputs['token_type_ids'] = torch.tensor(b['typeIds']).reshape(shape)
        digest = lambda path: hashlib.sha256(open(os.path.join(folder, name, path), 'rb').read()).hexdigest()
        entry = {'files': {p: digest(p) for p in ('model/config.json', 'model/model.safetensors', 'adapter/adapter_config.json', 'adapter/adapter_model.safetensors')}}
        path = os.path.join(folder, name, 'model')
        model, info = AutoModelForTokenClassification.from_pretrained(path, output_loading_info=True, attn_implementation='eager')
        assert not any(info[k] for k in ('missing_keys', 'unexpected_keys', 'mismatched_keys')), (name, info)
        assert model.config.id2label == {0: 'O', 1: 'B-PER', 2: 'I-PER', 3: 'B-LOC', 4: 'I-LOC'}, model.config.id2label
        model.eval()
        base = AutoModelForTokenClassification.from_pretrained(os.path.join(HERE, name), num_labels=5, ignore_mismatched_sizes=True, attn_implementation='eager')
        adapted = peft.PeftModel.from_pretrained(base, os.path.join(folder, name, 'adapter'), is_trainable=True).eval()
        with torch.no_grad():
            entry['logits'] = rounded(model(**inputs).logits[mask > 0])
            entry['adapterLogits'] = rounded(adapted(**inputs).logits[mask > 0])
        grads = record_gradients(model, inputs, tags)
        norms = norms_of(grads)
        factors = (CLIP / norms.clamp(min=1e-12)).clamp(max=1)
        sums = {n: (g * factors.reshape(-1, *[1] * (g.ndim - 1)).float()).sum(0) for n, g in grads.items()}
        entry['norms'] = norms.tolist()
        entry['sums'] = {n: [t.norm().item(), t.flatten()[0].item(), t.flatten()[-1].item()] for n, t in sums.items()}
        entry['adapterNorms'] = norms_of(record_gradients(adapted, inputs, tags)).tolist()
        print(name, entry['norms'], entry['adapterNorms'], max(abs(a - b) for a, b in zip(entry['logits'], entry['adapterLogits'])))
        out['taggers'][name] = entry
with open(os.path.join(HERE, 'taggers.json'), 'w') as file:
    json.dump(out, file, indent=1)
