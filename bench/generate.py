"""Writes with transformers what bench/generate.ts writes with dptune; see there.

    python bench/generate.py make DIRECTORY            a GPT-2 small (124 M) with random weights
    python bench/generate.py write DIRECTORY           JSON on standard input: {prompts, maxNewTokens, threads}
"""
import json
import sys
import time

import torch
import transformers

transformers.logging.set_verbosity_error()
what, directory = sys.argv[1:3]
if what == "make":
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(initializer_range=0.1))
    model.save_pretrained(directory)
else:
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    ids = torch.tensor(request["prompts"])
    options = {"max_new_tokens": request["maxNewTokens"], "min_new_tokens": request["maxNewTokens"], "do_sample": False, "pad_token_id": 0}
    with torch.inference_mode():
        model.generate(ids, attention_mask=torch.ones_like(ids), **{**options, "max_new_tokens": 2, "min_new_tokens": 2})
        start = time.perf_counter()
        out = model.generate(ids, attention_mask=torch.ones_like(ids), **options)
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "tokens": out[:, ids.shape[1]:].tolist()}))
