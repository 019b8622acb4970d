"""Outputs of Hugging Face transformers for tiny random models of each architecture, and for real ones.

    python3 test/golden/models/networks.py ../shared/data

Writes a checkpoint directory for each architecture and networks.json beside this file.
"""
import json, os, sys
import torch, transformers
from transformers import (AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification, BertConfig, DistilBertConfig, ElectraConfig,
                          Gemma3TextConfig, GPT2Config, LlamaConfig, MistralConfig, ModernBertConfig, Phi3Config, Qwen2Config, Qwen3Config, RobertaConfig, XLMRobertaConfig)

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = sys.argv[1] if len(sys.argv) > 1 else None
torch.manual_seed(20261124)
transformers.logging.set_verbosity_error()

common = dict(vocab_size=48, num_labels=3)
bert = dict(common, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=20)
CONFIGS = {
    'bert': BertConfig(**bert, type_vocab_size=2),
    'bert-relu': BertConfig(**bert, type_vocab_size=2, hidden_act='relu', layer_norm_eps=1e-5),
    'roberta': RobertaConfig(**bert, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5),
    'xlm-roberta': XLMRobertaConfig(**bert, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2),
    'distilbert': DistilBertConfig(**common, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=20, seq_classif_dropout=0.0),
    'gpt2': GPT2Config(vocab_size=48, n_embd=16, n_layer=2, n_head=2, n_positions=20, bos_token_id=0, eos_token_id=0),
    'llama': LlamaConfig(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=20, tie_word_embeddings=False),
    'llama-tied': LlamaConfig(vocab_size=48, hidden_size=24, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=20,
                              tie_word_embeddings=True, attention_bias=True, mlp_bias=True, rope_theta=500.0),
}
DECODERS = ['gpt2', 'llama', 'llama-tied']
decoder = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=20)
MORE_DECODERS = {
    # Frequencies that stay, that are mixed and that are slowed.
    'llama-scaled': LlamaConfig(**decoder, tie_word_embeddings=True, rope_parameters=dict(rope_type='llama3', rope_theta=100.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=2.0, original_max_position_embeddings=16), head_dim=8),
    'mistral': MistralConfig(**decoder, sliding_window=4),
    'qwen2': Qwen2Config(**decoder, use_sliding_window=True, sliding_window=3, max_window_layers=1),
    'qwen3': Qwen3Config(**decoder, head_dim=8, tie_word_embeddings=True),
    'phi3': Phi3Config(**dict(decoder, num_key_value_heads=4), partial_rotary_factor=0.5, sliding_window=6, pad_token_id=0, eos_token_id=1),
    'gemma3_text': Gemma3TextConfig(**dict(decoder, num_hidden_layers=3), head_dim=8, sliding_window=4, query_pre_attn_scalar=9, final_logit_softcapping=3.0,
                                    layer_types=['sliding_attention', 'full_attention', 'sliding_attention'],
                                    rope_parameters={'full_attention': dict(rope_type='linear', rope_theta=1000.0, factor=2.0), 'sliding_attention': dict(rope_type='default', rope_theta=100.0)}),
}
CONFIGS |= MORE_DECODERS
CONFIGS['modernbert'] = ModernBertConfig(**dict(bert, num_hidden_layers=3), local_attention=4, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
CONFIGS['modernbert-mean'] = ModernBertConfig(**bert, local_attention=6, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
                                              classifier_pooling='mean', norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True)
CONFIGS['electra'] = ElectraConfig(**bert, embedding_size=12, type_vocab_size=2)
LENGTHS = [9, 1, 5]


def randomise(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, 0.3)
            if p.ndim == 1 and ('norm' in name.lower() or '.ln_' in name) and name.endswith('weight'): p.add_(1)


def rounded(t): return [float(f'{v:.9g}') for v in t.flatten().tolist()]


def batch(config):
    tokens = max(LENGTHS)
    ids = torch.randint(4, config.vocab_size, (len(LENGTHS), tokens))
    mask = torch.tensor([[1.0 if t < n else 0.0 for t in range(tokens)] for n in LENGTHS])
    pad = getattr(config, 'pad_token_id', None)
    ids = torch.where(mask > 0, ids, torch.full_like(ids, pad if pad is not None else 0))
    types = torch.zeros_like(ids)
    if getattr(config, 'type_vocab_size', 1) > 1: types[0, 4:9] = 1
    return ids, mask, types


def lm(model, inputs, ids, mask, shift):
    """Logits at real tokens, and each record's mean loss over its own targets."""
    logits = model(**inputs).logits
    if shift:
        labels = torch.full_like(ids, -100)
        labels[:, :-1] = torch.where(mask[:, 1:] > 0, ids[:, 1:], -100)
    else:
        labels = torch.where((torch.arange(ids.shape[1]) % 2 == 0) & (mask > 0), (ids * 7) % 40 + 4, -100)
    losses = []
    for row in range(len(ids)):
        keep = labels[row] != -100
        losses.append(torch.nn.functional.cross_entropy(logits[row][keep], labels[row][keep]) if keep.any() else torch.tensor(0.0))
    return {'labels': labels.flatten().tolist(), 'logits': rounded(logits[mask > 0]), 'losses': rounded(torch.stack(losses))}


def gradients(model, losses):
    """Each record's gradient norm over all parameters, and per parameter [L2 norm, first, last value] of the sum clipped to CLIP."""
    names, params = zip(*[(n, p) for n, p in model.named_parameters() if p.requires_grad])
    norms, total = [], [torch.zeros_like(p) for p in params]
    for loss in losses:
        found = torch.autograd.grad(loss, params, retain_graph=True, allow_unused=True)
        found = [torch.zeros_like(p) if g is None else g for g, p in zip(found, params)]
        norm = torch.sqrt(sum((g.double() ** 2).sum() for g in found)).item()
        norms.append(norm)
        total = [t + g * min(1.0, CLIP / norm) if norm > 0 else t for t, g in zip(total, found)]
    return {'clip': CLIP, 'norms': norms, 'sums': {n: [t.norm().item(), t.flatten()[0].item(), t.flatten()[-1].item()] for n, t in zip(names, total)}}


CLIP = 1.5
out = {'tool': 'transformers', 'version': transformers.__version__, 'torch': torch.__version__, 'command': 'python test/golden/models/networks.py ../shared/data', 'models': {}, 'real': {}}
with torch.no_grad():
    for name, config in CONFIGS.items():
        decoder = name in DECODERS or name in MORE_DECODERS
        torch.manual_seed(sum(map(ord, name)))
        base = (AutoModelForCausalLM if decoder else AutoModelForSequenceClassification).from_config(config, attn_implementation='eager').eval()
        randomise(base)
        folder = os.path.join(HERE, name)
        base.save_pretrained(folder)
        ids, mask, types = batch(config)
        inputs = {'input_ids': ids, 'attention_mask': mask.long()}
        if not decoder and name not in ('distilbert', 'modernbert', 'modernbert-mean'): inputs['token_type_ids'] = types
        entry = {'records': len(LENGTHS), 'tokens': max(LENGTHS), 'ids': ids.flatten().tolist(), 'mask': mask.flatten().tolist(), 'typeIds': types.flatten().tolist()}
        body = AutoModel.from_pretrained(folder, attn_implementation='eager').eval()
        hidden = body(**inputs, output_hidden_states=True)
        entry['hidden'] = rounded(hidden.last_hidden_state[mask > 0])
        entry['afterOne'] = rounded(hidden.hidden_states[1][mask > 0]) if config.num_hidden_layers > 1 else None
        entry['mean'] = rounded((hidden.last_hidden_state * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
        if not decoder and not name.startswith('modernbert'): entry['layers'] = config.num_hidden_layers
        if decoder:
            entry['causal'] = lm(base, inputs, ids, mask, True)
            with torch.enable_grad():
                logits = base(**inputs).logits
                labels = torch.tensor(entry['causal']['labels']).reshape(ids.shape)
                losses = [torch.nn.functional.cross_entropy(l, y) if (y != -100).any() else 0 * l.sum() for l, y in zip(logits, labels)]
                entry['gradients'] = gradients(base, losses)
        else:
            logits = base(**inputs).logits
            entry['logits'] = rounded(logits)
            entry['singleLabel'] = {'labels': [2, 0, 1], 'losses': rounded(torch.nn.functional.cross_entropy(logits, torch.tensor([2, 0, 1]), reduction='none'))}
            with torch.enable_grad():
                losses = torch.nn.functional.cross_entropy(base(**inputs).logits, torch.tensor([2, 0, 1]), reduction='none')
                entry['gradients'] = gradients(base, losses)
            multi = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1]])
            entry['multiLabel'] = {'labels': multi.flatten().tolist(), 'losses': rounded(torch.nn.functional.binary_cross_entropy_with_logits(logits, multi, reduction='none').mean(1))}
            targets = torch.tensor([[0.5, -1, 2], [0, 0, 0], [3, 2, 1]])
            entry['regression'] = {'labels': targets.flatten().tolist(), 'losses': rounded(torch.nn.functional.mse_loss(logits, targets, reduction='none').mean(1))}
            masked = AutoModelForMaskedLM.from_config(config, attn_implementation='eager').eval()
            randomise(masked)
            masked.tie_weights()
            masked.save_pretrained(os.path.join(HERE, name + '-masked'))
            entry['masked'] = lm(masked, inputs, ids, mask, False)
        out['models'][name] = entry
    if DATA:
        for name in ('all-MiniLM-L6-v2', 'imdb-bert-tiny', 'stories260K'):
            folder = os.path.join(DATA, 'models', name)
            cls = AutoModelForCausalLM if name == 'stories260K' else AutoModel
            model = cls.from_pretrained(folder, attn_implementation='eager').eval()
            torch.manual_seed(1)
            ids, mask, types = batch(model.config)
            inputs = {'input_ids': ids, 'attention_mask': mask.long()}
            if name != 'stories260K': inputs['token_type_ids'] = types
            entry = {'records': len(LENGTHS), 'tokens': max(LENGTHS), 'ids': ids.flatten().tolist(), 'mask': mask.flatten().tolist(), 'typeIds': types.flatten().tolist()}
            if name == 'stories260K':
                r = lm(model, inputs, ids, mask, True)
                entry['causal'] = {'labels': r['labels'], 'losses': r['losses']}
            else:
                h = model(**inputs).last_hidden_state
                entry['mean'] = rounded((h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
            if name == 'imdb-bert-tiny':
                masked = AutoModelForMaskedLM.from_pretrained(folder, attn_implementation='eager').eval()
                r = lm(masked, inputs, ids, mask, False)
                entry['masked'] = {'labels': r['labels'], 'losses': r['losses']}
            out['real'][name] = entry
with open(os.path.join(HERE, 'networks.json'), 'w') as file:
    json.dump(out, file, separators=(',', ':'))
