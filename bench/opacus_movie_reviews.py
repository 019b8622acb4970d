"""Movie reviews with Opacus and peft: the run that `examples/movie-reviews` is compared with.

    python3 bench/opacus_movie_reviews.py DATA_DIR MODEL_DIR --epsilon 8 --head usual|mean [--method lora|full]

DATA_DIR holds the two files of Rotten Tomatoes sentence polarity, one sentence a line; test = every tenth row of each
file from the first on. Settings are those that the field's own tutorials use with LoRA: rank 8 on query and value,
batch 512, 6 epochs, AdamW 1e-3, C = 1. Needs torch, opacus, transformers, peft. Prints one JSON line.
"""
import argparse, glob, json, os, sys, time

sys.path.pop(0)  # This folder: its opacus.py would hide the package.

import torch
from torch import nn
from opacus import PrivacyEngine
from opacus.utils.batch_memory_manager import BatchMemoryManager
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

p = argparse.ArgumentParser()
p.add_argument('data'); p.add_argument('model')
p.add_argument('--epsilon', type=float, default=8.0)
p.add_argument('--delta', type=float, default=1e-5)
p.add_argument('--head', choices=['usual', 'mean'], default='usual')
p.add_argument('--method', choices=['lora', 'full'], default='lora')
p.add_argument('--batch', type=int, default=512)
p.add_argument('--physical', type=int, default=64)
p.add_argument('--epochs', type=int, default=6)
p.add_argument('--lr', type=float, default=1e-3)
p.add_argument('--mode', default='hooks')
p.add_argument('--max-steps', type=int, default=0, help='stop early, for timing')
p.add_argument('--seed', type=int, default=0)
a = p.parse_args()
torch.manual_seed(a.seed)

rows = {'train': [], 'test': []}
for path in sorted(glob.glob(os.path.join(a.data, '*'))):
    name = os.path.basename(path).lower()
    if 'pos' in name.split('.')[-1] or name.endswith('.pos') or 'positive' in name: label = 1
    elif 'neg' in name: label = 0
    else: continue
    lines = open(path, encoding='utf-8', errors='replace').read().split('\n')
    lines = [s for s in (l.strip() for l in lines) if s]
    for i, s in enumerate(lines): rows['test' if i % 10 == 0 else 'train'].append((s, label))
tok = AutoTokenizer.from_pretrained(a.model)
enc = {k: [(tok(s, truncation=True, max_length=64)['input_ids'], y) for s, y in v] for k, v in rows.items()}

def collate(batch):
    if not batch: return torch.zeros(0, 2, dtype=torch.long), torch.zeros(0, 2, dtype=torch.long), torch.zeros(0, dtype=torch.long)
    n = max(len(x) for x, _ in batch)
    ids = torch.zeros(len(batch), n, dtype=torch.long); mask = torch.zeros(len(batch), n, dtype=torch.long)
    for i, (x, _) in enumerate(batch): ids[i, :len(x)] = torch.tensor(x); mask[i, :len(x)] = 1
    return ids, mask, torch.tensor([y for _, y in batch])

class MeanHead(nn.Module):
    def __init__(self, encoder, width):
        super().__init__(); self.encoder = encoder; self.classifier = nn.Linear(width, 2)
        nn.init.zeros_(self.classifier.weight); nn.init.zeros_(self.classifier.bias)
    def forward(self, ids, mask):
        h = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        m = mask.unsqueeze(-1).to(h.dtype)
        return self.classifier((h * m).sum(1) / m.sum(1))
class UsualHead(nn.Module):
    def __init__(self, model): super().__init__(); self.model = model
    def forward(self, ids, mask): return self.model(input_ids=ids, attention_mask=mask).logits

config = AutoConfig.from_pretrained(a.model, num_labels=2, attn_implementation='eager')
if a.head == 'mean':
    model = MeanHead(AutoModel.from_pretrained(a.model, config=config, add_pooling_layer=False), config.hidden_size)
else:
    model = UsualHead(AutoModelForSequenceClassification.from_pretrained(a.model, config=config))
if a.method == 'lora':
    peft = LoraConfig(r=8, lora_alpha=16, target_modules=['query', 'value'], lora_dropout=0.0)
    inner = model.encoder if a.head == 'mean' else model.model
    inner = get_peft_model(inner, peft)
    if a.head == 'mean': model.encoder = inner
    else:
        model.model = inner
        for n, q in model.named_parameters():
            if 'classifier' in n or 'pooler' in n: q.requires_grad = True
else:
    for n, q in model.named_parameters():
        if 'position_embeddings' in n: q.requires_grad = False
model.train()
for m in model.modules():
    if isinstance(m, nn.Dropout): m.p = 0.0
opt = torch.optim.AdamW([q for q in model.parameters() if q.requires_grad], lr=a.lr, weight_decay=0.0)
loader = torch.utils.data.DataLoader(enc['train'], batch_size=a.batch, collate_fn=collate)
engine = PrivacyEngine(secure_mode=False)
model, opt, loader = engine.make_private_with_epsilon(module=model, optimizer=opt, data_loader=loader, epochs=a.epochs,
    target_epsilon=a.epsilon, target_delta=a.delta, max_grad_norm=1.0)
loader.collate_fn = collate
start = time.time(); steps = 0
for epoch in range(a.epochs):
    with BatchMemoryManager(data_loader=loader, max_physical_batch_size=a.physical, optimizer=opt) as safe:
        for ids, mask, y in safe:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(model(ids, mask), y); loss.backward()
            skipped = opt._check_skip_next_step(pop_next=False)
            opt.step()
            steps += 0 if skipped else 1
            if a.max_steps and steps >= a.max_steps: break
    if a.max_steps and steps >= a.max_steps: break
seconds = time.time() - start
model.eval(); right = 0
with torch.no_grad():
    t = sorted(enc['test'], key=lambda r: len(r[0]))
    for i in range(0, len(t), 64):
        ids, mask, y = collate(t[i:i + 64]); right += (model(ids, mask).argmax(-1) == y).sum().item()
print(json.dumps(dict(tool='opacus 1.6.0', head=a.head, method=a.method, epsilon=engine.get_epsilon(a.delta) if not a.max_steps else None, target=a.epsilon,
    sigma=opt.noise_multiplier, accuracy=right / len(t), train=len(enc['train']), test=len(t), steps=steps, seconds=seconds, cpuSeconds=time.process_time())))
