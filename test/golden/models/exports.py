"""What transformers and peft compute from models and adapters that dptune exported.

    python3 test/golden/models/exports.py

Runs exports.ts, loads each export with the plain classes (no remote code), and writes exports.json: the SHA-256 of each file and the logits.
"""
import hashlib, json, os, subprocess, tempfile
import peft, torch, transformers
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification

HERE = os.path.dirname(os.path.abspath(__file__))
transformers.logging.set_verbosity_error()
with tempfile.TemporaryDirectory() as written:
    subprocess.run(['npx', 'tsx', os.path.join(HERE, 'exports.ts'), written], check=True)
    folder = os.path.join(written, 'classifiers')
    golden = json.load(open(os.path.join(HERE, 'networks.json')))['models']
    out = {'tool': 'transformers, peft', 'version': transformers.__version__, 'peft': peft.__version__, 'torch': torch.__version__,
           'command': 'python test/golden/models/exports.py', 'exports': {}}
    for name in sorted(os.listdir(folder)):
        model_name, head = name.rsplit('-', 1)
        b = golden[model_name]
        shape = (b['records'], b['tokens'])
        mask = torch.tensor(b['mask']).reshape(shape)
        inputs = {'input_ids': torch.tensor(b['ids']).reshape(shape), 'attention_mask': mask.long()}
        if model_name not in ('distilbert', 'modernbert', 'modernbert-mean'): inputs['token_type_ids'] = torch.tensor(b['typeIds']).reshape(shape)
        digest = lambda path: hashlib.sha256(open(os.path.join(folder, name, path), 'rb').read()).hexdigest()
        entry = {'files': {p: digest(p) for p in ('model/config.json', 'model/model.safetensors', 'adapter/adapter_config.json', 'adapter/adapter_model.safetensors')}}
        with torch.no_grad():
            model, info = AutoModelForSequenceClassification.from_pretrained(os.path.join(folder, name, 'model'), output_loading_info=True)
            assert not any(info[k] for k in ('missing_keys', 'unexpected_keys', 'mismatched_keys')), (name, info)
            assert model.config.id2label == {0: 'no', 1: 'perhaps', 2: 'yes'} and model.config.problem_type == 'single_label_classification'
            entry['logits'] = model.eval()(**inputs).logits.flatten().tolist()
            cls = AutoModelForSequenceClassification if head == 'pooler' else AutoModelForTokenClassification
            base = cls.from_pretrained(os.path.join(HERE, model_name), num_labels=3)
            adapted = peft.PeftModel.from_pretrained(base, os.path.join(folder, name, 'adapter')).eval()
            logits = adapted(**inputs).logits
            if head == 'first': logits = logits[:, 0]
            if head == 'mean': logits = (logits * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            entry['adapterLogits'] = logits.flatten().tolist()
        # Gradients of the adapter's own parameters, without dropout, one record at a time.
        trained = peft.PeftModel.from_pretrained(cls.from_pretrained(os.path.join(HERE, model_name), num_labels=3), os.path.join(folder, name, 'adapter'), is_trainable=True).eval()
        logits = trained(**inputs).logits
        if head == 'first': logits = logits[:, 0]
        if head == 'mean': logits = (logits * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor([2, 0, 1]), reduction='none')
        params = [p for p in trained.parameters() if p.requires_grad]
        norms = []
        for loss in losses:
            found = torch.autograd.grad(loss, params, retain_graph=True, allow_unused=True)
            norms.append(sum((g.double() ** 2).sum() for g in found if g is not None).sqrt().item())
        entry['gradientNorms'] = norms
        print(name, max(abs(a - b) for a, b in zip(entry['logits'], entry['adapterLogits'])))
        out['exports'][name] = entry
    # Decoders write greedily, merged and by the adapter.
    out['decoders'] = {}
    folder = os.path.join(written, 'decoders')
    for name in sorted(os.listdir(folder)):
        model, info = AutoModelForCausalLM.from_pretrained(os.path.join(folder, name, 'model'), output_loading_info=True)
        assert not any(info[k] for k in ('missing_keys', 'unexpected_keys', 'mismatched_keys')), (name, info)
        adapted = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(os.path.join(HERE, name)), os.path.join(folder, name, 'adapter')).eval()
        texts = []
        for prompt in ([5, 9, 12, 44], [8]):
            ids = torch.tensor([prompt])
            options = dict(attention_mask=torch.ones_like(ids), max_new_tokens=8, min_new_tokens=8, do_sample=False, pad_token_id=0, eos_token_id=None)
            new = [m.generate(ids, **options)[0, len(prompt):].tolist() for m in (model.eval(), adapted)]
            assert new[0] == new[1], (name, new)
            texts.append({'prompt': prompt, 'tokens': new[0]})
        print(name, texts)
        out['decoders'][name] = {'files': {p: hashlib.sha256(open(os.path.join(folder, name, p), 'rb').read()).hexdigest() for p in ('model/config.json', 'model/model.safetensors', 'adapter/adapter_config.json', 'adapter/adapter_model.safetensors')}, 'texts': texts}
with open(os.path.join(HERE, 'exports.json'), 'w') as file:
    json.dump(out, file, indent=1)
