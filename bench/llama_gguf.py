"""A GGUF file with random weights in a Llama of `mini`'s width, depth and vocabulary, to race llama.cpp's server.

    python bench/llama_gguf.py OUT.gguf [f32|bf16|f16]
    llama-server -m OUT.gguf --ignore-eos -np 64 -c 49152 -t 2 --port 8081
    cargo run --release -p server --example load -- --clients 64 --seconds 60 --address 127.0.0.1:8081 \
        --max-tokens 196 --no-compare

Needs `pip install gguf`. llama.cpp reads MLA whose queries are not compressed only in models that have the number of layers of
a published one, so this is plain multi-head attention, with heads of 32 where `mini` has keys of 48: a little less work a
token. Its answers say nothing.
"""

import json
import pathlib
import sys

import gguf
import numpy as np

out, kind = sys.argv[1], (sys.argv[2:] or ["f32"])[0]
assets = pathlib.Path(__file__).parent.parent / "crates/model/assets/mini"
config = json.loads((assets / "config.json").read_text())
tokenizer = json.loads((assets / "tokenizer.json").read_text())
d, ffn, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
heads, layers, context = config["num_attention_heads"], config["num_hidden_layers"], config["max_position_embeddings"]

writer = gguf.GGUFWriter(out, "llama")
writer.add_context_length(context)
writer.add_embedding_length(d)
writer.add_block_count(layers)
writer.add_feed_forward_length(ffn)
writer.add_head_count(heads)
writer.add_head_count_kv(heads)
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_rope_dimension_count(d // heads)

tokens = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
names = [special.get(i, f"[unused{i}]") for i in range(vocab)]
for name, i in tokens:
    names[i] = name
kinds = [gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(vocab)]
merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("default")
writer.add_token_list(names)
writer.add_token_types(kinds)
writer.add_token_merges(merges)
writer.add_bos_token_id(config["bos_token_id"])
writer.add_eos_token_id(config["eos_token_id"])

random = np.random.default_rng(0)
quant = gguf.GGMLQuantizationType[kind.upper()]


def matrix(name, rows, columns):
    data = (random.standard_normal((rows, columns)) * columns**-0.5).astype(np.float32)
    writer.add_tensor(name, gguf.quants.quantize(data, quant), raw_dtype=quant)


def ones(name):
    writer.add_tensor(name, np.ones(d, dtype=np.float32))


matrix("token_embd.weight", vocab, d)
ones("output_norm.weight")
for i in range(layers):
    ones(f"blk.{i}.attn_norm.weight")
    ones(f"blk.{i}.ffn_norm.weight")
    for part in ["attn_q", "attn_k", "attn_v", "attn_output"]:
        matrix(f"blk.{i}.{part}.weight", d, d)
    matrix(f"blk.{i}.ffn_gate.weight", ffn, d)
    matrix(f"blk.{i}.ffn_up.weight", ffn, d)
    matrix(f"blk.{i}.ffn_down.weight", d, ffn)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
