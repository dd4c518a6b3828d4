"""A new random checkpoint and what transformers says about it, to compare with ours.

    python tests/golden/random_case.py --arch deepseek_v3 --seed 7 --out /tmp/case

writes config.json, model.safetensors, tokens.txt (ids separated by spaces) and expected.json
(`tokens`, `logprobs`: null first, then log p of each token given those before it), then
compare_logprobs.py compares. Shapes are drawn from the seed, not only weights.
"""

import argparse
import json
import pathlib
import random

import torch

import common


def random_rope(rng, arch):
    theta = rng.choice([500.0, 10000.0, 1000000.0])
    if arch == "deepseek_v3" and rng.random() < 0.5:
        return {
            "rope_type": "yarn",
            "rope_theta": theta,
            "factor": rng.choice([2.0, 4.0, 40.0]),
            "original_max_position_embeddings": rng.choice([32, 64, 4096]),
            "beta_fast": 32,
            "beta_slow": 1,
            "mscale": rng.choice([1.0, 0.707]),
            "mscale_all_dim": rng.choice([1.0, 0.707]),
        }
    if arch == "llama" and rng.random() < 0.7:
        return {
            "rope_type": "llama3",
            "rope_theta": theta,
            "factor": rng.choice([8.0, 32.0]),
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": rng.choice([32, 64]),
        }
    return {"rope_type": "default", "rope_theta": theta}


def random_config(rng, arch):
    """A small configuration of this architecture."""
    heads = rng.choice([2, 3, 4])
    config = {
        "vocab_size": rng.randint(60, 300),
        "hidden_size": heads * rng.choice([16, 20, 32]),
        "intermediate_size": rng.randint(30, 100),
        "num_hidden_layers": rng.randint(1, 4),
        "num_attention_heads": heads,
        "hidden_act": "silu",
        "rms_norm_eps": rng.choice([1e-6, 1e-5]),
        "max_position_embeddings": 8192,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "tie_word_embeddings": rng.random() < 0.5,
        "rope_parameters": random_rope(rng, arch),
    }
    if arch != "deepseek_v3":
        config["num_key_value_heads"] = rng.choice([d for d in range(1, heads + 1) if heads % d == 0])
        if arch in ("qwen3", "llama"):
            config["head_dim"] = rng.choice([8, 12, 16, 32])
        return config
    n_group = rng.choice([1, 2, 4])
    topk_group = rng.randint(1, n_group)
    n_experts = n_group * rng.choice([2, 4, 5])
    return config | {
        "num_key_value_heads": heads,
        "moe_intermediate_size": rng.randint(8, 40),
        "first_k_dense_replace": rng.randint(0, config["num_hidden_layers"]),
        "moe_layer_freq": 1,
        "n_routed_experts": n_experts,
        "n_shared_experts": rng.randint(1, 2),
        "num_experts_per_tok": rng.randint(1, topk_group * (n_experts // n_group)),
        "n_group": n_group,
        "topk_group": topk_group,
        "norm_topk_prob": True,
        "scoring_func": "sigmoid",
        "topk_method": "noaux_tc",
        "routed_scaling_factor": rng.choice([1.0, 2.5]),
        "q_lora_rank": rng.choice([None, 12, 24]),
        "kv_lora_rank": rng.choice([8, 16, 30]),
        "qk_nope_head_dim": rng.choice([6, 8, 16]),
        "qk_rope_head_dim": rng.choice([4, 8, 16]),
        "v_head_dim": rng.choice([8, 12, 16]),
        "attention_bias": False,
        "num_nextn_predict_layers": 0,
    }


def make(arch, seed, n_tokens, out):
    rng = random.Random(seed)
    config = random_config(rng, arch)
    for attempt in range(200):
        model_seed = seed * 1000 + attempt
        model = common.build(arch, config, model_seed).eval()
        generator = torch.Generator().manual_seed(model_seed + 500_000)
        tokens = common.random_tokens(n_tokens, config["vocab_size"], generator)
        watch = common.RoutingGap(model, balance=False)
        with torch.no_grad():
            logits = model(input_ids=tokens[None], use_cache=False).logits[0]
        gap = watch.close()
        if gap > common.MIN_ROUTING_GAP / 5:
            break
    else:
        raise SystemExit(f"--seed {seed}: routing is always near a tie; take another seed or fewer tokens")
    common.save_checkpoint(model, config, out, transformers_config=rng.random() < 0.5)
    chosen = logits.log_softmax(-1)[:-1].gather(1, tokens[1:, None])[:, 0]
    expected = {
        "arch": arch,
        "seed": seed,
        "versions": common.versions(),
        "tokens": tokens.tolist(),
        "logprobs": [None, *chosen.tolist()],
    }
    (out / "expected.json").write_text(json.dumps(expected) + "\n")
    (out / "tokens.txt").write_text(" ".join(map(str, tokens.tolist())) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--arch", required=True, choices=sorted(common.MODEL_CLASSES))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=40, help="how many tokens (default 40)")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    make(arguments.arch, arguments.seed, arguments.tokens, arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
