"""Tiny random checkpoints and what PyTorch says about them.

Shared by generate.py (the committed golden files) and random_case.py (fresh cases on demand).
Everything runs in float32 with eager attention on one thread; every random number comes from a
generator whose seed is an argument.
"""

import copy
import hashlib
import json
import pathlib
import platform

import numpy
import safetensors
import safetensors.torch
import torch
import transformers

torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.use_deterministic_algorithms(True)

# A routing decision closer than this could flip under another order of summation.
MIN_ROUTING_GAP = 1e-4

ADAMW = {
    "lr": 1e-3,
    "beta1": 0.9,
    "beta2": 0.95,
    "eps": 1e-8,
    "weight_decay": 0.1,
    "weight_decay_on": "parameters of two dimensions (embedding included)",
    "max_grad_norm": 1.0,
    "steps": 10,
}

MODEL_CLASSES = {
    "deepseek_v3": (transformers.DeepseekV3Config, transformers.DeepseekV3ForCausalLM),
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
}


def build(arch, config_dict, seed, attention="eager"):
    """A model of random weights, strong enough that every path changes the logits."""
    config_class, model_class = MODEL_CLASSES[arch]
    config = config_class(**copy.deepcopy(config_dict))
    config._attn_implementation = attention
    # "eager" loops over the experts; the fused one multiplies them as groups, in another order.
    if arch == "deepseek_v3":
        config._experts_implementation = "eager" if attention == "eager" else "grouped_mm"
    model = model_class(config).float().train()
    generator = torch.Generator().manual_seed(seed)
    init_module(model, generator)
    if config.tie_word_embeddings:
        model.tie_weights()
    return model


@torch.no_grad()
def init_module(module, generator):
    """Gains around 1, biases around 0, matrices with standard deviation 0.15 to 0.3."""

    def normal(tensor, mean, std):
        tensor.copy_(mean + std * torch.randn(tensor.shape, generator=generator))

    for name, parameter in sorted(module.named_parameters()):
        if "norm" in name:
            normal(parameter, 1.0, 0.2)
        elif parameter.ndim == 1:
            normal(parameter, 0.0, 0.2)
        elif "embed_tokens" in name or "lm_head" in name:
            normal(parameter, 0.0, 0.3)
        elif "mlp.gate.weight" in name:
            normal(parameter, 0.0, 0.25)
        else:
            normal(parameter, 0.0, 0.2)
    for name, buffer in sorted(module.named_buffers()):
        if name.endswith("e_score_correction_bias"):
            normal(buffer, 0.0, 0.15)


def random_tokens(n, vocab_size, generator):
    return torch.randint(0, vocab_size, (n,), generator=generator)


def split_experts(name, tensor):
    """transformers keeps a layer's experts in one tensor; files (and we) keep them apart."""
    if name.endswith("mlp.experts.gate_up_proj"):
        base = name[: -len("gate_up_proj")]
        for expert, both in enumerate(tensor):
            gate, up = both.chunk(2, dim=0)
            yield f"{base}{expert}.gate_proj.weight", gate
            yield f"{base}{expert}.up_proj.weight", up
    elif name.endswith("mlp.experts.down_proj"):
        base = name[: -len("down_proj")]
        for expert, down in enumerate(tensor):
            yield f"{base}{expert}.down_proj.weight", down
    else:
        yield name, tensor


def named_split(pairs):
    """{checkpoint name: contiguous detached copy}."""
    return {
        split: part.detach().clone().contiguous()
        for name, tensor in pairs
        for split, part in split_experts(name, tensor)
    }


def parameters_of(model):
    return named_split(model.named_parameters())


def gradients_of(model):
    pairs = []
    for name, parameter in model.named_parameters():
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        pairs.append((name, gradient))
    return named_split(pairs)


def documents(tokens, segments):
    return [tokens[start : start + length] for start, length in segments]


def forward_documents(model, docs):
    """Logits of each document by itself, concatenated: what packing must reproduce."""
    return torch.cat([model(input_ids=doc[None], use_cache=False).logits[0] for doc in docs])


def next_token_loss(logits, docs):
    """Cross-entropy, the mean over every position of every document that has a next token."""
    total, count, start = 0.0, 0, 0
    for doc in docs:
        rows = logits[start : start + len(doc) - 1]
        total = total + torch.nn.functional.cross_entropy(rows, doc[1:], reduction="sum")
        count += len(doc) - 1
        start += len(doc)
    return total / count


class RoutingGap:
    """While it lives, watches every router and keeps the smallest distance between what was
    chosen and what was not: of experts, of groups, and of the balance loss's own top-k."""

    def __init__(self, module, balance=True):
        self.smallest, self.balance = float("inf"), balance
        self.handles = [
            m.register_forward_hook(self.look)
            for m in module.modules()
            if type(m).__name__ == "DeepseekV3TopkRouter"
        ]

    def look(self, router, _inputs, output):
        scores = output[0].detach().sigmoid()
        choice = scores + router.e_score_correction_bias
        n_group, topk_group, top_k = router.num_group, router.topk_group, router.top_k
        by_group = choice.view(-1, n_group, choice.shape[-1] // n_group)
        group_scores = by_group.topk(2, dim=-1)[0].sum(-1)
        if topk_group < n_group:
            self.gap(group_scores, topk_group)
        kept = torch.zeros_like(group_scores).scatter_(1, group_scores.topk(topk_group)[1], 1)
        masked = by_group.masked_fill(kept[..., None] == 0, -torch.inf).flatten(1)
        if top_k < topk_group * by_group.shape[-1]:
            self.gap(masked, top_k)
        if self.balance and top_k < scores.shape[-1]:
            self.gap(scores, top_k)

    def gap(self, values, k):
        ordered = values.sort(dim=-1, descending=True)[0]
        self.smallest = min(self.smallest, (ordered[:, k - 1] - ordered[:, k]).min().item())

    def close(self):
        for handle in self.handles:
            handle.remove()
        return self.smallest


def run(model, tokens, segments):
    """Logits, loss and every gradient of one batch of documents."""
    docs = documents(tokens, segments)
    model.zero_grad(set_to_none=True)
    logits = forward_documents(model, docs)
    loss = next_token_loss(logits, docs)
    loss.backward()
    return logits.detach(), loss.detach(), gradients_of(model)


def ten_adamw_steps(model, tokens, segments):
    """Losses before each step, gradient norms before clipping, and the loss after the last."""
    docs = documents(tokens, segments)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": ADAMW["weight_decay"]},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=ADAMW["lr"], betas=(ADAMW["beta1"], ADAMW["beta2"]), eps=ADAMW["eps"]
    )
    losses, norms = [], []
    for _ in range(ADAMW["steps"]):
        optimizer.zero_grad(set_to_none=True)
        loss = next_token_loss(forward_documents(model, docs), docs)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), ADAMW["max_grad_norm"])
        optimizer.step()
        losses.append(loss.detach())
        norms.append(norm.detach())
    with torch.no_grad():
        loss_after = next_token_loss(forward_documents(model, docs), docs)
    return torch.stack(losses), torch.stack(norms), loss_after


def save_checkpoint(model, config_dict, directory, extra_tensors=None, transformers_config=True):
    """Weights under the published names. With `transformers_config` false, config.json is written
    as the hub's older files are (`rope_theta`, `rope_scaling`, `torch_dtype` at the top level)."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = named_split(model.named_parameters())
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            tensors[name] = buffer.detach().clone()
    tensors.update(extra_tensors or {})
    if transformers_config:
        model.save_pretrained(directory)
        written = safetensors.torch.load_file(directory / "model.safetensors")
        for name, tensor in written.items():
            assert torch.equal(tensor, tensors[name]), f"{name}: not what save_pretrained wrote"
        assert extra_tensors or set(written) == set(tensors), set(written) ^ set(tensors)
        (directory / "generation_config.json").unlink(missing_ok=True)
    else:
        hub = {"architectures": [type(model).__name__], "model_type": model.config.model_type}
        hub |= config_dict | {"torch_dtype": "float32"}
        parameters = dict(hub.pop("rope_parameters", None) or {})
        hub["rope_theta"] = parameters.pop("rope_theta", 10000.0)
        if parameters.get("rope_type", "default") != "default":
            if model.config.model_type == "deepseek_v3":
                parameters["type"] = parameters.pop("rope_type")
            hub["rope_scaling"] = parameters
        (directory / "config.json").write_text(json.dumps(hub, indent=2, sort_keys=True) + "\n")
    safetensors.torch.save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def as_i32(values):
    return torch.tensor(values, dtype=torch.int32) if not torch.is_tensor(values) else values.to(torch.int32)


def scalar(value):
    return torch.as_tensor(value, dtype=torch.float32).reshape(1)


def max_abs(a, b):
    return (a - b).abs().max().item()


def relative_l2(a, b):
    """How far tensor dictionary `a` is from `b`: the worst tensor's |a-b| / |b|."""
    return max(
        ((a[name] - b[name]).norm() / b[name].norm().clamp_min(1e-12)).item() for name in b
    )


def versions():
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "safetensors": safetensors.__version__,
        "numpy": numpy.__version__,
        "machine": platform.machine(),
    }


def write_golden(directory, tensors, meta):
    safetensors.torch.save_file(tensors, directory / "golden.safetensors")
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(pathlib.Path(directory).iterdir())
        if path.name != "meta.json"
    }
    meta = meta | {"versions": versions(), "sha256": digests}
    (directory / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")
