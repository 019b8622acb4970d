"""Golden per-unit gradients from PyTorch: norms, sums and clipped sums, in float64.

    python test/golden/gradients.py

writes test/golden/gradients/{ops,models}.json. Ops by torch.func.vmap(torch.func.grad); whole models by the
transformers and peft implementations, one record at a time. The networks are written a second time, with the
graph builder: test/support/op-networks.ts and src/models; the names agree.
"""
import json
import math
import os
import sys

import peft
import torch
import torch.nn.functional as F
import transformers

torch.set_default_dtype(torch.float64)
torch.manual_seed(20261124)
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gradients")


def numbers(*dims, scale=0.5, digits=3):
    return torch.round(torch.randn(*dims) * scale, decimals=digits)


def array(t):
    data = t.reshape(-1).tolist()
    if t.is_floating_point():
        data = [float(f"{v:.9g}") for v in data]
    return {"dtype": "f32" if t.is_floating_point() else "i32", "dims": list(t.shape), "data": data}


def layer_of(name):
    return name.rpartition(".")[0] or name


def clip(grads, kind, norm):
    """grads: {param: [units, ...]} -> {param: sum over units of the clipped gradient}."""
    square = {n: g.flatten(1).pow(2).sum(1) for n, g in grads.items()}
    layers = {layer_of(n) for n in grads}
    total = sum(square.values()).sqrt()
    out = {}
    for n, g in grads.items():
        if kind == "flat":
            c = (norm / total).clamp(max=1)
        elif kind == "automatic":
            c = norm / (total + 0.01)
        else:
            own = sum(s for m, s in square.items() if layer_of(m) == layer_of(n)).sqrt()
            c = (norm / math.sqrt(len(layers)) / own).clamp(max=1)
        out[n] = (c.view(-1, *[1] * (g.dim() - 1)) * g).sum(0)
    return out


def expected(losses, grads, kinds=("flat", "per-layer", "automatic")):
    norms = sum(g.flatten(1).pow(2).sum(1) for g in grads.values()).sqrt()
    bound = float(f"{norms.sort().values[len(norms) // 2 - 1].item() * 1.1:.3g}")  # about half of the units are clipped
    return {
        "losses": array(losses)["data"],
        "norms": array(norms)["data"],
        "paramNorms": {n: array(g.flatten(1).norm(dim=1))["data"] for n, g in grads.items()},
        "sums": {n: array(g.sum(0))["data"] for n, g in grads.items()},
        "clipNorm": bound,
        "clipped": {k: {n: array(g)["data"] for n, g in clip(grads, k, bound).items()} for k in kinds},
    }


# --- ops -------------------------------------------------------------------------------------------------------------

R = 3
ops = []


def op(name, inputs, params, loss):
    """loss(p, x): the loss of one record, from x without its records axis."""
    losses = torch.stack([loss(params, {k: v[i] for k, v in inputs.items()}) for i in range(R)])
    grads = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(params, inputs)
    ops.append({
        "name": name,
        "inputs": {k: array(v) for k, v in inputs.items()},
        "params": {k: array(v) for k, v in params.items()},
        "trainable": list(params),
        "expected": expected(losses, grads, ("flat",)),
    })


def unary(name, f):
    inputs = {"x": numbers(R, 3, 4, scale=1), "r": numbers(R, 3, 5)}
    op(name, inputs, {"w": numbers(5, 4, scale=0.8)}, lambda p, x: (f(x["x"] @ p["w"].T) * x["r"]).sum())


def binary(name, f):
    """h1 [3, 5] with h2 [3, 1]: the second is broadcast."""
    inputs = {"x": numbers(R, 3, 4, scale=1), "r": numbers(R, 3, 5)}
    params = {"w1": numbers(5, 4), "w2": numbers(1, 4)}
    op(name, inputs, params, lambda p, x: (f(x["x"] @ p["w1"].T, x["x"] @ p["w2"].T) * x["r"]).sum())


positive = lambda h: torch.sigmoid(h) + 0.5

for rank, dims in ((2, ()), (3, (3,)), (4, (2, 3))):
    inputs = {"x": numbers(R, *dims, 4), "r": numbers(R, *dims, 5)}
    op(f"linear out-in rank {rank}", inputs, {"w": numbers(5, 4)}, lambda p, x: (x["x"] @ p["w"].T * x["r"]).sum())
    op(f"linear in-out rank {rank}", inputs, {"w": numbers(4, 5)}, lambda p, x: (x["x"] @ p["w"] * x["r"]).sum())
    op(f"bias rank {rank}", inputs, {"w": numbers(5, 4), "b": numbers(5)},
       lambda p, x: (torch.tanh(x["x"] @ p["w"].T + p["b"]) * x["r"]).sum())
    op(f"layerNorm rank {rank}", inputs, {"w": numbers(5, 4), "gain": 1 + numbers(5), "offset": numbers(5)},
       lambda p, x: (F.layer_norm(x["x"] @ p["w"].T, (5,), p["gain"], p["offset"], 1e-5) * x["r"]).sum())
    op(f"rmsNorm rank {rank}", inputs, {"w": numbers(5, 4), "gain": 1 + numbers(5)},
       lambda p, x: (F.rms_norm(x["x"] @ p["w"].T, (5,), p["gain"], 1e-5) * x["r"]).sum())

ids = torch.tensor([[1, 4, 1, 1], [0, 2, 3, 5], [5, 5, 5, 5]])  # tokens that occur twice, never, and always
op("embed", {"ids": ids, "r": numbers(R, 4, 5)}, {"table": numbers(6, 5)},
   lambda p, x: (torch.tanh(F.embedding(x["ids"], p["table"])) * x["r"]).sum())
op("embed rank 1", {"ids": ids[:, 0], "r": numbers(R, 5)}, {"table": numbers(6, 5)},
   lambda p, x: (torch.tanh(F.embedding(x["ids"], p["table"])) * x["r"]).sum())

for a, b in ((False, False), (False, True), (True, False), (True, True)):
    inputs = {"x": numbers(R, 3, 4), "y": numbers(R, 5, 4) if b else numbers(R, 4, 5)}
    # h1 [3, 4] (or [4, 3] for a transposed), h2 [4, 5] (or [5, 4])
    if a:
        inputs["x"] = numbers(R, 4, 3)
    inputs["r"] = numbers(R, 3, 5)
    params = {"w1": numbers(inputs["x"].shape[2], inputs["x"].shape[2]), "w2": numbers(inputs["y"].shape[2], inputs["y"].shape[2])}
    def product(p, x, a=a, b=b):
        left, right = x["x"] @ p["w1"].T, x["y"] @ p["w2"].T
        return ((left.T if a else left) @ (right.T if b else right) * x["r"]).sum()
    op(f"matmul {'t' if a else 'n'}{'t' if b else 'n'}", inputs, params, product)

binary("add", torch.add)
binary("sub", torch.sub)
binary("mul", torch.mul)
binary("div", lambda a, b: a / positive(b))
binary("minimum", torch.minimum)
binary("maximum", torch.maximum)
unary("affine", lambda h: 3 * torch.tanh(h) - 2)
unary("gelu", F.gelu)
unary("geluTanh", lambda h: F.gelu(h, approximate="tanh"))
unary("silu", F.silu)
unary("relu", F.relu)
unary("tanh", torch.tanh)
unary("sigmoid", torch.sigmoid)
unary("softplus", F.softplus)
unary("erf", torch.erf)
unary("exp", torch.exp)
unary("log", lambda h: torch.log(positive(h)))
unary("sqrt", lambda h: torch.sqrt(positive(h)))
unary("softmax", lambda h: torch.softmax(h, -1))
unary("sum", lambda h: torch.tanh(h.sum(0, keepdim=True)) + torch.tanh(h.sum(1))[:, None])
unary("expand", lambda h: torch.tanh(h.sum(1, keepdim=True)).expand(3, 5) * h)
unary("reshape and transpose", lambda h: torch.tanh(h.reshape(5, 3).T))
unary("concat", lambda h: torch.cat([h[:1], torch.tanh(h)[1:]], 0) + torch.cat([h[:, 3:], torch.exp(h[:, :3])], 1))
unary("slice and pad", lambda h: F.pad(torch.exp(h[1:, 1:4]), (2, 0, 1, 0)))

inputs = {"x": numbers(R, 3, 4, scale=1), "r": numbers(R, 3, 6)}
def rotate(h):
    return torch.cat([-h[..., 3:], h[..., :3]], -1)
op("rotateHalf", inputs, {"w": numbers(6, 4)}, lambda p, x: (torch.tanh(rotate(x["x"] @ p["w"].T)) * x["r"]).sum())

labels = torch.tensor([[2, -100, 0], [1, 4, 4], [-100, -100, 3]])  # unequal numbers of targets
op("crossEntropy", {"x": numbers(R, 3, 4, scale=1), "labels": labels}, {"w": numbers(5, 4)},
   lambda p, x: F.cross_entropy(x["x"] @ p["w"].T, x["labels"], ignore_index=-100, reduction="mean"))
op("linear used twice", {"x": numbers(R, 3, 4), "r": numbers(R, 3, 4)}, {"w": numbers(4, 4)},
   lambda p, x: (torch.tanh(torch.tanh(x["x"] @ p["w"].T) @ p["w"].T) * x["r"]).sum())
op("linear used twice at different lengths", {"x": numbers(R, 3, 4), "r": numbers(R, 4)}, {"w": numbers(4, 4)},
   lambda p, x: (torch.tanh(torch.tanh(x["x"] @ p["w"].T).sum(0) @ p["w"]) * x["r"]).sum())
op("bias used twice", {"x": numbers(R, 3, 4), "r": numbers(R, 3, 4)}, {"w": numbers(4, 4), "b": numbers(4)},
   lambda p, x: ((torch.tanh(x["x"] @ p["w"].T + p["b"]) + p["b"]) * x["r"]).sum())
op("embed used twice", {"ids": ids, "r": numbers(R, 3, 5)}, {"table": numbers(6, 5)},
   lambda p, x: (torch.tanh(F.embedding(x["ids"][1:], p["table"])) * F.embedding(x["ids"][:3], p["table"]) * x["r"]).sum())
op("embed tied to linear out-in", {"ids": ids, "labels": ids.roll(1, 1)}, {"table": numbers(6, 5, scale=1)},
   lambda p, x: F.cross_entropy(torch.tanh(F.embedding(x["ids"], p["table"])) @ p["table"].T, x["labels"]))
op("embed tied to linear in-out", {"ids": ids, "x": numbers(R, 3, 6), "r": numbers(R, 5)}, {"table": numbers(6, 5, scale=1)},
   lambda p, x: (torch.tanh(F.embedding(x["ids"], p["table"])).sum(0) * torch.tanh(x["x"] @ p["table"]).sum(0) * x["r"]).sum())
op("low rank", {"x": numbers(R, 3, 4), "r": numbers(R, 3, 5)}, {"a": numbers(2, 4), "b": numbers(5, 2)},
   lambda p, x: (torch.tanh(x["x"] @ p["a"].T @ p["b"].T * 2) * x["r"]).sum())

# --- whole models ----------------------------------------------------------------------------------------------------

models = []
CONFIG = set("""
    model_type vocab_size type_vocab_size layer_norm_eps layer_norm_epsilon rms_norm_eps hidden_size n_embd intermediate_size
    n_inner num_hidden_layers n_layer num_attention_heads n_head num_key_value_heads max_position_embeddings n_positions
    hidden_act activation_function tie_word_embeddings""".split())
RECORDS, TOKENS, VOCAB, WIDTH, HEADS, INNER = 4, 5, 11, 8, 2, 12
ids = torch.randint(1, VOCAB, (RECORDS, TOKENS))
mask = (torch.arange(TOKENS) < torch.tensor([5, 3, 4, 2])[:, None]).long()
ids = ids * mask
ids[0, 2] = ids[0, 1]
classes = torch.tensor([0, 2, 1, 2])
targets = torch.where(torch.cat([mask[:, 1:], torch.zeros(RECORDS, 1).long()], 1) == 1, ids.roll(-1, 1), -100)


# transformers rounds to float32 within its RMS norm, and within eager attention (hence sdpa), whatever the model's type.
transformers.models.llama.modeling_llama.LlamaRMSNorm.forward = lambda norm, x: F.rms_norm(
    x, x.shape[-1:], norm.weight, norm.variance_epsilon)


def prepare(model):
    model.eval()
    for name, p in model.named_parameters():
        gain = p.dim() == 1 and "norm" in name.lower() and name.endswith("weight") or ".ln_" in name and name.endswith("weight")
        p.data = numbers(*p.shape, scale=0.1) + 1 if gain else numbers(*p.shape, scale=0.4)
    return model


def classify(model, i):
    out = model(input_ids=ids[i:i + 1], attention_mask=mask[i:i + 1])
    return F.cross_entropy(out.logits, classes[i:i + 1])


def language(model, i):
    out = model(input_ids=ids[i:i + 1], attention_mask=mask[i:i + 1])
    return F.cross_entropy(out.logits[0], targets[i], ignore_index=-100)


def model_case(name, model, loss, trainable, weights=None, kinds=("flat",), rename=lambda n: n):
    """weights [units, records per unit]: a unit is several records; None: every record is one."""
    params = {n: p for n, p in model.named_parameters() if trainable(n)}
    for n, p in model.named_parameters():
        p.requires_grad_(n in params)
    rows, losses = [], []
    for i in range(RECORDS):
        value = loss(model, i)
        losses.append(value.detach())
        rows.append(dict(zip(params, torch.autograd.grad(value, list(params.values())))))
    grads = {rename(n): torch.stack([row[n] for row in rows]) for n in params}
    positions = torch.arange(TOKENS).expand(RECORDS, TOKENS)
    inputs = {"ids": ids, "positions": positions}
    inputs |= {"mask": mask.double()}
    inputs |= {"typeIds": ids * 0, "labels": classes} if loss is classify else {"labels": targets}
    if weights is not None:
        inputs["weights"] = weights
        flat = weights.reshape(-1)
        grads = {n: (g * flat.view(-1, *[1] * (g.dim() - 1))).unflatten(0, weights.shape).sum(1) for n, g in grads.items()}
    models.append({
        "name": name,
        "config": {k: v for k, v in model.config.to_dict().items() if k in CONFIG},
        "inputs": {k: array(v) for k, v in inputs.items()},
        "params": {rename(n): array(p.detach()) for n, p in model.named_parameters()},
        "trainable": [rename(n) for n in params],
        **({} if weights is None else {"recordsPerUnit": weights.shape[1]}),
        "expected": expected(torch.stack(losses), grads, kinds),
    })


def bert():
    config = transformers.BertConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=INNER,
        max_position_embeddings=TOKENS, type_vocab_size=2, num_labels=3, attn_implementation="sdpa")
    return prepare(transformers.BertForSequenceClassification(config).double())


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=TOKENS, n_embd=WIDTH, n_layer=2, n_head=HEADS, n_inner=INNER, attn_implementation="sdpa")
    return prepare(transformers.GPT2LMHeadModel(config).double())


def llama():
    config = transformers.LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=TOKENS, tie_word_embeddings=False, attn_implementation="sdpa")
    return prepare(transformers.LlamaForCausalLM(config).double())


everything = lambda name: True
model_case("bert", bert(), classify, everything, kinds=("flat", "per-layer", "automatic"))
model_case("bert, last layer", bert(), classify, lambda n: "layer.1" in n or n.startswith(("bert.pooler", "classifier")))
model_case("gpt2, tied", gpt2(), language, everything)
model_case("gpt2, users", gpt2(), language, everything, weights=torch.tensor([[1.0, 0.5], [0.75, 1.0]]))
model_case("llama", llama(), language, everything)
lora = peft.get_peft_model(bert(), peft.LoraConfig(r=2, lora_alpha=4, target_modules=["query", "value"], lora_dropout=0))
prepare(lora)
model_case("bert, low rank", lora, classify, lambda n: "lora" in n or "classifier" in n,
           rename=lambda n: n.removeprefix("base_model.model.").replace(".base_layer", "").replace(".default", ""))

made = {
    "command": "python test/golden/gradients.py", "python": sys.version.split()[0], "torch": torch.__version__,
    "transformers": transformers.__version__, "peft": peft.__version__, "precision": "float64, printed to 9 digits",
}
os.makedirs(HERE, exist_ok=True)
for name, cases in (("ops", ops), ("models", models)):
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        f.write(json.dumps({"made": made, "cases": cases}, separators=(",", ":")) + "\n")
