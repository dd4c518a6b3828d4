"""A directory with a random model in Hugging Face layout, for benchmarks and for trying a recipe where nothing can be
downloaded.

    python bench/random_model.py bench/shapes/qwen2.5-0.5b.json TOKENIZER_DIR OUT

Needs `pip install torch transformers`. TOKENIZER_DIR holds tokenizer.json and tokenizer_config.json.
"""

import pathlib
import shutil
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

shape, tokenizer, out = map(pathlib.Path, sys.argv[1:4])
torch.manual_seed(0)
out.mkdir(parents=True)
shutil.copy(shape, out / "config.json")
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(out), dtype=torch.bfloat16)
model.save_pretrained(out)
shutil.copy(shape, out / "config.json")  # the keys as we wrote them
for name in ["tokenizer.json", "tokenizer_config.json"]:
    shutil.copy(tokenizer / name, out)
