"""What transformers, peft and PyTorch compute from classifiers on a decoder's last token, and from label words.

    python test/golden/models/label-heads.py

Runs label-heads.ts, loads each export with the plain classes (no remote code), and writes label-heads.json: the SHA-256 of each file, the
logits of the merged model and of the adapter on its base, and every record's gradient (torch.func.grad): its norm over all
parameters of the merged model, [L2 norm, first, last value] of each parameter's sum clipped to CLIP, and its norm over the adapter's.
"""
import hashlib, json, os, subprocess, tempfile
import peft, torch, transformers
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification

HERE = os.path.dirname(os.path.abspath(__file__))
CLIP = 0.7
LABELS = torch.tensor([2, 0, 1])
transformers.logging.set_verbosity_error()


def class_of(name, b):
    if 'words' not in b: return AutoModelForSequenceClassification
    return AutoModelForMaskedLM if '-masked' in name else AutoModelForCausalLM


def read(logits, b, ids, mask):
    """The label words' logits, [records, words]; a classifier's own are as they should be."""
    if 'words' not in b: return logits
    token = b['mark'].get('token')
    at = [int((row == token).nonzero()[-1, 0]) if token is not None else int(m.sum()) - 1 for row, m in zip(ids, mask)]
    return logits[torch.arange(len(at)), torch.tensor(at)][:, b['words']]


def gradients(model, inputs, b):
    """Each record's gradient, {name: [records, ...]}; of a record without its padding, on its own."""
    params = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
    found = {n: [] for n in params}
    for row in range(len(LABELS)):
        length = int(inputs['attention_mask'][row].sum())
        own = {name: value[row : row + 1, :length] for name, value in inputs.items()}

        def loss(p):
            logits = torch.func.functional_call(model, p, (), own).logits
            return torch.nn.functional.cross_entropy(read(logits, b, own['input_ids'], own['attention_mask']), LABELS[row : row + 1])

        for n, g in torch.func.grad(loss)(params).items(): found[n].append(g)
    return {n: torch.stack(g) for n, g in found.items()}


def norms(grads): return torch.sqrt(sum(g.double().flatten(1).pow(2).sum(1) for g in grads.values())).tolist()


def clipped(grads):
    factors = [min(1.0, CLIP / n) for n in norms(grads)]
    sums = {n: sum(f * g for f, g in zip(factors, of)) for n, of in grads.items()}
    return {n: [t.norm().item(), t.flatten()[0].item(), t.flatten()[-1].item()] for n, t in sums.items()}


with tempfile.TemporaryDirectory() as written:
    subprocess.run(['npx', 'tsx', os.path.join(HERE, 'label-heads.ts'), written], check=True)
    out = {'tool': 'transformers, peft', 'version': transformers.__version__, 'peft': peft.__version__, 'torch': torch.__version__,
           'command': 'python test/golden/models/label-heads.py', 'clip': CLIP, 'cases': {}}
    for folder in sorted(os.listdir(written)):
        name, model_name = folder.replace('@', ' '), folder.split('@')[0]
        path = os.path.join(written, folder)
        b = json.load(open(os.path.join(path, 'batch.json')))
        shape = (b['records'], b['tokens'])
        ids, mask = torch.tensor(b['ids']).reshape(shape), torch.tensor(b['mask']).reshape(shape).long()
        inputs = {'input_ids': ids, 'attention_mask': mask}
        if model_name in ('bert-masked', 'roberta-masked'): inputs['token_type_ids'] = torch.tensor(b['typeIds']).reshape(shape)
        cls = class_of(name, b)
        digest = lambda file: hashlib.sha256(open(os.path.join(path, file), 'rb').read()).hexdigest()
        entry = {'files': {p: digest(p) for p in ('model/config.json', 'model/model.safetensors', 'adapter/adapter_config.json', 'adapter/adapter_model.safetensors')}}
        model, info = cls.from_pretrained(os.path.join(path, 'model'), output_loading_info=True, attn_implementation='eager')
        assert not any(info[k] for k in ('missing_keys', 'unexpected_keys', 'mismatched_keys')), (name, info)
        model.eval()
        if 'words' not in b:
            assert model.config.id2label == {0: 'no', 1: 'perhaps', 2: 'yes'} and model.config.pad_token_id == 0, name
        options = {} if 'words' in b else {'num_labels': 3, 'pad_token_id': 0}
        base = lambda: cls.from_pretrained(os.path.join(HERE, model_name), attn_implementation='eager', **options)
        adapted = peft.PeftModel.from_pretrained(base(), os.path.join(path, 'adapter'), is_trainable=True).eval()
        with torch.no_grad():
            entry['logits'] = read(model(**inputs).logits, b, ids, mask).flatten().tolist()
            entry['adapterLogits'] = read(adapted(**inputs).logits, b, ids, mask).flatten().tolist()
        grads = gradients(model, inputs, b)
        entry['norms'], entry['sums'] = norms(grads), clipped(grads)
        entry['adapterNorms'] = norms(gradients(adapted, inputs, b))
        print(name, max(abs(x - y) for x, y in zip(entry['logits'], entry['adapterLogits'])), entry['norms'])
        out['cases'][name] = entry
with open(os.path.join(HERE, 'label-heads.json'), 'w') as file:
    json.dump(out, file, separators=(',', ':'))
