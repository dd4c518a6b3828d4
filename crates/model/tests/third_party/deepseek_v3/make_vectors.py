"""Writes vectors.jsonl: what Python's `tokenizers` gives for these texts (run with tokenizers 0.23.3)."""

import gzip
import json
import pathlib
import sys

import tokenizers

here = pathlib.Path(__file__).parent
tokenizer = tokenizers.Tokenizer.from_str(gzip.open(here / "tokenizer.json.gz", "rt").read())
texts = [json.loads(line)["text"] for line in open(sys.argv[1])]
texts += ["12345678 + 9.0 = 3,14", "x" * 300, "日本語のテキスト 漢字とかな", "a\u0301 e\u0301", "\r\n\r\n \t x", "٣٤٥ ⅷ ²"]
with open(here / "vectors.jsonl", "w") as out:
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        out.write(json.dumps({"text": text, "ids": ids}, ensure_ascii=False) + "\n")
