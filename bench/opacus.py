"""One piece of work in PyTorch with Opacus for each line on standard input: what `npm run bench` compares with.

    python3 bench/opacus.py --mode hooks|ghost|plain --method full|lora --records 16 --tokens 128
    python3 bench/opacus.py --work step --mode hooks|ghost --method full|lora --batch 512 --lengths FILE

The model is a 6-layer, 384-wide BERT with random weights, mean pooling and a linear head of 2 classes: the shape of
all-MiniLM-L6-v2. `gradient` is forward, backward and clipping of one batch; `step` is Poisson sampling, those for
physical batches of 64, noise and AdamW. Each line is answered with one line of JSON: the seconds. At the end of input
the last line has the peak memory. Needs torch, transformers, opacus, peft.
"""

import argparse
import json
import resource
import sys
import time

sys.path.pop(0)  # This folder: its opacus.py would hide the package.

import torch
from opacus import PrivacyEngine
from opacus.utils.batch_memory_manager import BatchMemoryManager
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertModel


class MeanClassifier(nn.Module):
    """Mean of the last hidden states over the record's own tokens, then a linear map."""

    def __init__(self, encoder, width, classes):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(width, classes)

    def forward(self, ids, mask):
        # Given explicitly so that position embeddings, too, have one gradient a record.
        positions = torch.arange(ids.shape[1]).repeat(len(ids), 1)
        types = torch.zeros_like(ids)
        hidden = self.encoder(
            input_ids=ids, attention_mask=mask, position_ids=positions, token_type_ids=types
        ).last_hidden_state
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return self.classifier((hidden * weight).sum(1) / weight.sum(1))


def build(method, attention):
    config = BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation=attention,
    )
    encoder = BertModel(config, add_pooling_layer=False)
    if method == "lora":
        from peft import LoraConfig, get_peft_model

        encoder = get_peft_model(
            encoder, LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"], lora_dropout=0.0)
        )
    return MeanClassifier(encoder, 384, 2).train()


def make_private(model, mode, data):
    """The model, optimizer and criterion under Opacus's own engine; `plain` leaves them alone."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    criterion = nn.CrossEntropyLoss()
    if mode == "plain":
        return model, optimizer, criterion
    settings = dict(
        module=model,
        optimizer=optimizer,
        data_loader=DataLoader(data, batch_size=len(data)),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        poisson_sampling=False,
    )
    if mode == "ghost":
        model, optimizer, criterion, _ = PrivacyEngine().make_private(
            criterion=criterion, grad_sample_mode="ghost", **settings
        )
    else:
        model, optimizer, _ = PrivacyEngine().make_private(**settings)
    return model, optimizer, criterion


def clipped_gradient(model, optimizer, criterion, mode, ids, mask, labels):
    """Forward, backward and clipping; no noise, no update."""
    optimizer.zero_grad()
    criterion(model(ids, mask), labels).backward()
    if mode == "hooks":
        optimizer.clip_and_accumulate()
    elif mode == "ghost":
        optimizer.accumulate()


def read_lengths(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [(torch.randint(1, 30522, (int(row["text"]),)), row["label"]) for row in rows]


def pad(rows):
    """Padded to the longest of the physical batch, as users of Opacus do."""
    if not rows:
        empty = torch.zeros(0, 2, dtype=torch.long)
        return empty, empty, torch.zeros(0, dtype=torch.long)
    length = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.long)
    for at, (row, _) in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return ids, mask, torch.tensor([label for _, label in rows])


def steps(options):
    """Generates forever; one item a private step."""
    rows = read_lengths(options.lengths)
    model = build(options.method, options.attention)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(rows, batch_size=options.batch, collate_fn=pad)
    settings = dict(
        module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=1.0, max_grad_norm=1.0
    )
    if options.mode == "ghost":
        model, optimizer, criterion, loader = PrivacyEngine().make_private(
            criterion=criterion, grad_sample_mode="ghost", **settings
        )
    else:
        model, optimizer, loader = PrivacyEngine().make_private(**settings)
    loader.collate_fn = pad
    while True:
        with BatchMemoryManager(
            data_loader=loader, max_physical_batch_size=64, optimizer=optimizer
        ) as physical:
            for ids, mask, labels in physical:
                optimizer.zero_grad()
                criterion(model(ids, mask), labels).backward()
                is_last = not optimizer._check_skip_next_step(pop_next=False)
                optimizer.step()
                if is_last:
                    yield


def gradients(options):
    """Generates forever; one item a clipped gradient."""
    model = build(options.method, options.attention)
    ids = torch.randint(1, 30522, (options.records, options.tokens))
    mask = torch.ones_like(ids)
    labels = torch.randint(0, 2, (options.records,))
    model, optimizer, criterion = make_private(model, options.mode, TensorDataset(ids, mask, labels))
    while True:
        clipped_gradient(model, optimizer, criterion, options.mode, ids, mask, labels)
        yield


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", choices=["gradient", "step"], default="gradient")
    parser.add_argument("--mode", choices=["hooks", "ghost", "plain"], required=True)
    parser.add_argument("--method", choices=["full", "lora"], required=True)
    parser.add_argument("--records", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--lengths")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    options = parser.parse_args()
    torch.manual_seed(0)

    work = steps(options) if options.work == "step" else gradients(options)
    for _ in sys.stdin:
        start = time.perf_counter()
        next(work)
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
    print(
        json.dumps({"peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True
    )


if __name__ == "__main__":
    main()
