"""Texts that transformers writes with the tiny random decoders of test/golden/models, and with stories260K.

    python3 test/golden/generate/generate.py ../shared/data

writes generate.json beside this file. Prompts of unequal length, greedy with and without repetition penalty, and beam search.
"""
import json, os, sys
import torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, '..', 'models')
DATA = sys.argv[1]
transformers.logging.set_verbosity_error()
torch.manual_seed(20261124)
NAMES = ['gpt2', 'llama', 'llama-tied', 'llama-scaled', 'mistral', 'qwen2', 'qwen3', 'phi3', 'gemma3_text']
PROMPTS = [[5, 9, 12, 44, 7, 31], [8], [17, 17, 20]]
NEW, END = 10, 3


def write(model, prompt, **kwargs):
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, eos_token_id=END, pad_token_id=0, do_sample=False, **kwargs)
    return out[0, len(prompt):].tolist()


def trimmed(tokens):
    return tokens[:tokens.index(END) + 1] if END in tokens else tokens


# The same weights as bfloat16 in shards, as large models are stored; written in float32 they are others, a little.
AutoModelForCausalLM.from_pretrained(os.path.join(MODELS, 'llama')).to(torch.bfloat16).save_pretrained(os.path.join(MODELS, 'llama-shards'), max_shard_size='6KB')

models = {}
for name in NAMES + ['llama-shards']:
    model = AutoModelForCausalLM.from_pretrained(os.path.join(MODELS, name), attn_implementation='eager', dtype=torch.float32).eval()
    models[name] = {
        'greedy': [trimmed(write(model, p)) for p in PROMPTS],
        'penalised': [trimmed(write(model, p, repetition_penalty=1.7)) for p in PROMPTS],
        'beams': [trimmed(write(model, p, num_beams=3)) for p in PROMPTS],
    }

# What sampling draws from: logits through the warpers, in the order in which generate applies them.
logits = torch.round(torch.randn(40) * 2, decimals=3)
logits[5] = logits[7]
warped = []
for temperature, k, p in [(1.0, 0, 1.0), (0.7, 0, 1.0), (1.0, 5, 1.0), (1.0, 0, 0.8), (1.3, 12, 0.6), (0.5, 0, 0.01)]:
    scores = logits[None].double()
    for warper in [TemperatureLogitsWarper(temperature)] + ([TopKLogitsWarper(k)] if k else []) + ([TopPLogitsWarper(p)] if p < 1 else []):
        scores = warper(None, scores)
    warped.append({'temperature': temperature, 'topK': k, 'topP': p, 'probabilities': [float(f'{v:.9g}') for v in scores.softmax(-1)[0].tolist()]})

folder = os.path.join(DATA, 'models', 'stories260K')
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
stories = []
for prompt in ['Once upon a time', 'Tom and his dog', 'The little fish wanted to', '"Look!" said the caf\u00e9 owner,']:
    batch = tokenizer(prompt, return_tensors='pt')
    entry = {'prompt': prompt}
    for key, kwargs in (('greedy', {}), ('beams', {'num_beams': 4})):
        out = model.generate(**batch, do_sample=False, max_new_tokens=40, **kwargs)
        entry[key] = tokenizer.decode(out[0, batch.input_ids.shape[1]:], skip_special_tokens=True)
    stories.append(entry)

with open(os.path.join(HERE, 'generate.json'), 'w') as file:
    json.dump({'tool': 'transformers', 'version': transformers.__version__, 'torch': torch.__version__,
               'command': 'python test/golden/generate/generate.py ../shared/data', 'prompts': PROMPTS, 'maxNewTokens': NEW, 'end': END,
               'models': models, 'logits': logits.tolist(), 'warped': warped, 'stories260K': stories}, file, separators=(',', ':'))
