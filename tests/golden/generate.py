"""Writes the golden files of this folder: python tests/golden/generate.py [CASE ..]

What is in them is described in docs/golden.md. A case whose routing comes nearer to a tie than
common.MIN_ROUTING_GAP is drawn again with the next seed, so that a different order of summation
cannot choose another expert.
"""

import copy
import pathlib
import sys

import torch

import common
import mtp_reference

HERE = pathlib.Path(__file__).parent

DEEPSEEK_GROUPS_YARN = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "moe_intermediate_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "n_group": 4,
    "topk_group": 2,
    "norm_topk_prob": True,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
    "routed_scaling_factor": 2.5,
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "q_lora_rank": 24,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "attention_bias": False,
    "max_position_embeddings": 256,
    # mscale and mscale_all_dim differ so that both the scale on cos/sin and the one on the
    # softmax take part; the published V3 has them equal, where the first is 1.
    "rope_parameters": {
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 64,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 1.0,
        "mscale_all_dim": 0.8,
    },
    "num_nextn_predict_layers": 0,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
}

# Odd sizes on purpose: no dimension here but the rotary one is a multiple of a vector's width.
DEEPSEEK_PLAIN_TIED = DEEPSEEK_GROUPS_YARN | {
    "vocab_size": 101,
    "hidden_size": 36,
    "intermediate_size": 44,
    "moe_intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "num_key_value_heads": 3,
    "n_routed_experts": 6,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "n_group": 1,
    "topk_group": 1,
    "routed_scaling_factor": 1.5,
    "q_lora_rank": None,
    "kv_lora_rank": 20,
    "qk_nope_head_dim": 10,
    "qk_rope_head_dim": 6,
    "v_head_dim": 14,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0},
    "tie_word_embeddings": True,
}

# The main model of the multi-token-prediction case: one dense layer, one with experts.
DEEPSEEK_MTP = DEEPSEEK_GROUPS_YARN | {
    "num_hidden_layers": 2,
    "n_group": 2,
    "topk_group": 1,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "num_nextn_predict_layers": 1,
}

DENSE = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 52,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "tie_word_embeddings": False,
}

QWEN2 = DENSE | {
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
}
QWEN3 = DENSE | {
    "head_dim": 12,
    "attention_bias": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
}
LLAMA = DENSE | {
    "head_dim": 16,
    "rms_norm_eps": 1e-5,
    "attention_bias": False,
    "mlp_bias": False,
    "rope_parameters": {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    },
}

# name: (architecture, config, first seed, config.json as transformers 5 writes it)
CASES = {
    "deepseek_v3_groups_yarn": ("deepseek_v3", DEEPSEEK_GROUPS_YARN, 1000, False),
    "deepseek_v3_plain_tied": ("deepseek_v3", DEEPSEEK_PLAIN_TIED, 2000, True),
    "qwen2": ("qwen2", QWEN2, 3000, True),
    "qwen3": ("qwen3", QWEN3, 4000, True),
    "llama": ("llama", LLAMA, 5000, False),
}

ONE = [(0, 32)]
TWO = [(0, 21), (21, 12)]


def batch(config, seed):
    generator = torch.Generator().manual_seed(seed + 500_000)
    one = common.random_tokens(sum(n for _, n in ONE), config["vocab_size"], generator)
    two = common.random_tokens(sum(n for _, n in TWO), config["vocab_size"], generator)
    return one, two


def run_everything(arch, config, seed, attention):
    """All of one case's tensors, and how near its routing came to a tie."""
    one, two = batch(config, seed)
    model = common.build(arch, config, seed, attention)
    watch = common.RoutingGap(model)
    out = {}
    for name, tokens, segments in (("one", one, ONE), ("two", two, TWO)):
        logits, loss, gradients = common.run(model, tokens, segments)
        out[f"{name}.tokens"] = common.as_i32(tokens)
        out[f"{name}.segments"] = common.as_i32(segments)
        out[f"{name}.logits"] = logits
        out[f"{name}.loss"] = common.scalar(loss)
        for parameter, gradient in gradients.items():
            if name == "one" or "embed_tokens" in parameter:
                out[f"{name}.grad.{parameter}"] = gradient
            else:
                out[f"two.grad_norm.{parameter}"] = common.scalar(gradient.norm())
    if arch == "deepseek_v3":
        out |= mtp_reference.balance_tensors(model, two, TWO)
    losses, norms, loss_after = common.ten_adamw_steps(model, one, ONE)
    out["adamw.loss"], out["adamw.grad_norm"] = losses, norms
    out["adamw.loss_after"] = common.scalar(loss_after)
    for parameter, value in common.parameters_of(model).items():
        out[f"final.{parameter}"] = value
    return out, watch.close()


def noise(ours, other):
    """What another order of summation changes: eager against fused attention, both in f32."""

    def part(prefix):
        names = [n for n in ours if n.startswith(prefix)]
        return {n: ours[n] for n in names}, {n: other[n] for n in names}

    return {
        "logits_max_abs": common.max_abs(ours["one.logits"], other["one.logits"]),
        "grad_relative_l2": common.relative_l2(*part("one.grad.")),
        "adamw_loss_max_abs": common.max_abs(ours["adamw.loss"], other["adamw.loss"]),
        "adamw_grad_norm_max_abs": common.max_abs(ours["adamw.grad_norm"], other["adamw.grad_norm"]),
        "final_relative_l2": common.relative_l2(*part("final.")),
        "final_max_abs": max(common.max_abs(ours[n], other[n]) for n in part("final.")[0]),
    }


def first_good_seed(first_seed, attempt):
    """`attempt(seed)` for seed, seed+1, .. until routing keeps its distance from a tie."""
    for seed in range(first_seed, first_seed + 200):
        out, gap = attempt(seed)
        if gap > common.MIN_ROUTING_GAP:
            return seed, out, gap
    raise SystemExit(f"no seed in {first_seed}..+200 keeps routing away from ties")


def generate(name):
    directory = HERE / name
    if name == "deepseek_v3_mtp":
        return mtp_reference.generate(directory, DEEPSEEK_MTP, 6000, batch, (ONE, TWO), first_good_seed)
    arch, config, first_seed, transformers_config = CASES[name]
    seed, out, gap = first_good_seed(first_seed, lambda s: run_everything(arch, config, s, "eager"))
    other, _ = run_everything(arch, config, seed, "sdpa")
    model = common.build(arch, config, seed)
    common.save_checkpoint(model, config, directory, transformers_config=transformers_config)
    meta = {
        "case": name,
        "arch": arch,
        "seed": seed,
        "smallest_routing_gap": gap if gap != float("inf") else None,
        "adamw": common.ADAMW,
        "noise_eager_against_sdpa": noise(out, other),
    }
    common.write_golden(directory, out, meta)
    return meta


def main():
    for name in sys.argv[1:] or [*CASES, "deepseek_v3_mtp"]:
        meta = generate(name)
        size = sum(p.stat().st_size for p in (HERE / name).iterdir())
        print(name, f"{size / 1e3:.0f} kB", copy.copy(meta).get("noise_eager_against_sdpa"), flush=True)


if __name__ == "__main__":
    main()
