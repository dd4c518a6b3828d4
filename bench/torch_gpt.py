"""PyTorch's side of the training benchmark: one step of a small GPT.

    python bench/torch_gpt.py [--model gpt-6.9m] [--modes eager-f32,compiled-bf16] [--steps 10]

One training step (forward, backward, AdamW) on random tokens, as a practised user would write it:
fused attention, fused AdamW, and for bf16 either autocast over f32 weights (the default: master
weights stay f32, as ours do) or everything in bf16 (`--pure-bf16`). Each mode runs in a process of
its own, so that its peak memory is its own. One JSON line a mode on stdout.

Models: gpt-6.9m (d 256, 6 layers, 8 heads, SwiGLU 683, batch 16), gpt-29.5m (d 512, 8 layers, 8
heads, SwiGLU 1365, batch 8), deepseek-v3 (transformers' DeepseekV3: MLA, 16 experts top-2, one
shared, batch 16). Vocabulary 4,096 with its own head, sequence 256.

Needs `pip install torch`, and `transformers` for deepseek-v3; compiling needs g++.
"""

import argparse
import dataclasses
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import time

MODES = ["eager-f32", "eager-bf16", "compiled-f32", "compiled-bf16"]
VOCAB, SEQUENCE = 4096, 256


@dataclasses.dataclass
class Shape:
    d: int
    n_layers: int
    n_heads: int
    d_ff: int
    batch: int


SHAPES = {
    "gpt-6.9m": Shape(d=256, n_layers=6, n_heads=8, d_ff=683, batch=16),
    "gpt-29.5m": Shape(d=512, n_layers=8, n_heads=8, d_ff=1365, batch=8),
    "deepseek-v3": Shape(d=256, n_layers=6, n_heads=8, d_ff=683, batch=16),
}


def build_gpt(torch, shape):
    nn, F = torch.nn, torch.nn.functional
    head_dim = shape.d // shape.n_heads

    def rope_tables():
        inverse = 10000.0 ** (-torch.arange(0, head_dim, 2).float() / head_dim)
        angle = torch.arange(SEQUENCE).float()[:, None] * inverse[None]
        return angle.cos(), angle.sin()

    def rotate(x_bhtd, cos, sin):
        a, b = x_bhtd.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.RMSNorm(shape.d, eps=1e-6), nn.RMSNorm(shape.d, eps=1e-6)
            self.qkv = nn.Linear(shape.d, 3 * shape.d, bias=False)
            self.o = nn.Linear(shape.d, shape.d, bias=False)
            self.gate_up = nn.Linear(shape.d, 2 * shape.d_ff, bias=False)
            self.down = nn.Linear(shape.d_ff, shape.d, bias=False)

        def forward(self, x_btd, cos, sin):
            b, t, d = x_btd.shape
            qkv = self.qkv(self.norm1(x_btd)).view(b, t, 3, shape.n_heads, head_dim)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x_btd = x_btd + self.o(a.transpose(1, 2).reshape(b, t, d))
            gate, up = self.gate_up(self.norm2(x_btd)).chunk(2, dim=-1)
            return x_btd + self.down(F.silu(gate) * up)

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(VOCAB, shape.d)
            self.blocks = nn.ModuleList(Block() for _ in range(shape.n_layers))
            self.norm = nn.RMSNorm(shape.d, eps=1e-6)
            self.head = nn.Linear(shape.d, VOCAB, bias=False)
            cos, sin = rope_tables()
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)

        def forward(self, tokens_bt):
            x = self.embed(tokens_bt)
            for block in self.blocks:
                x = block(x, self.cos, self.sin)
            return self.head(self.norm(x))

    model = Gpt()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.02)
    return model


def build_deepseek(torch, shape):
    import transformers

    config = transformers.DeepseekV3Config(
        vocab_size=VOCAB,
        hidden_size=shape.d,
        intermediate_size=shape.d_ff,
        moe_intermediate_size=176,
        num_hidden_layers=shape.n_layers,
        num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_heads,
        n_routed_experts=16,
        n_shared_experts=1,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
        q_lora_rank=None,
        kv_lora_rank=64,
        qk_nope_head_dim=32,
        qk_rope_head_dim=16,
        v_head_dim=32,
        max_position_embeddings=SEQUENCE,
        num_mtp_layers=0,
        use_cache=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    config._attn_implementation = "sdpa"
    inner = transformers.DeepseekV3ForCausalLM(config).float().train()

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, tokens_bt):
            return self.inner(input_ids=tokens_bt, use_cache=False).logits

    return Logits()


def run_mode(model_name, mode, arguments):
    """Measures one mode in this process; returns its report."""
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    shape = SHAPES[model_name]
    build = build_deepseek if model_name == "deepseek-v3" else build_gpt
    model = build(torch, shape)
    compiled, bf16 = mode.startswith("compiled"), mode.endswith("bf16")
    if bf16 and arguments.pure_bf16:
        model = model.bfloat16()
    n_parameters = sum(p.numel() for p in model.parameters())
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    tokens = torch.randint(0, VOCAB, (shape.batch, SEQUENCE + 1))
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16 and not arguments.pure_bf16)

    def loss_of(tokens_bt):
        with autocast:
            logits = model(tokens_bt[:, :-1])
        return torch.nn.functional.cross_entropy(
            logits.float().view(-1, VOCAB), tokens_bt[:, 1:].reshape(-1)
        )

    if compiled:
        loss_of = torch.compile(loss_of)
    seconds, losses = [], []
    for _ in range(arguments.warmup + arguments.steps):
        start = time.perf_counter()
        loss = loss_of(tokens)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    seconds = seconds[arguments.warmup :]
    median_s = statistics.median(seconds)
    assert math.isfinite(losses[-1]) and losses[-1] < losses[0], losses
    return {
        "model": model_name,
        "mode": mode + ("-pure" if bf16 and arguments.pure_bf16 else ""),
        "tokens_per_s": round(shape.batch * SEQUENCE / median_s, 1),
        "step_median_ms": round(median_s * 1e3, 2),
        "step_min_ms": round(min(seconds) * 1e3, 2),
        "step_max_ms": round(max(seconds) * 1e3, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "parameters": n_parameters,
        "threads": arguments.threads,
        "steps": arguments.steps,
        "loss_first": round(losses[0], 4),
        "loss_last": round(losses[-1], 4),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", choices=sorted(SHAPES), default="gpt-6.9m")
    parser.add_argument("--modes", default=",".join(MODES), help="comma-separated, of " + ", ".join(MODES))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pure-bf16", action="store_true", help="weights in bf16 too, no autocast")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    modes = arguments.modes.split(",")
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        parser.error(f"unknown mode {unknown[0]}; the modes are {', '.join(MODES)}")
    if arguments.in_process:
        print(json.dumps(run_mode(arguments.model, modes[0], arguments)), flush=True)
        return
    for mode in modes:
        command = [sys.executable, __file__, "--in-process", "--modes", mode, "--model", arguments.model]
        for name in ("steps", "warmup", "threads", "seed"):
            command += [f"--{name}", str(getattr(arguments, name))]
        if arguments.pure_bf16:
            command.append("--pure-bf16")
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
