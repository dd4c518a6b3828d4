"""Multi-token prediction and the sequence-wise balance loss, written from the paper.

DeepSeek-V3 Technical Report, sections 2.1.2 (equations 17 to 20) and 2.2 (equations 21 to 25,
depth D = 1). The decoder layer itself is transformers' own, so only the paper's equations are
ours. Where the published weights fix what the paper leaves open, they win: the input of `eh_proj`
is [enorm(Emb(t_{i+1})); hnorm(h_i)], embedding first, and h_i is the main model's hidden state
after its final norm, as vLLM and transformers' MtpModel feed it (`check_against_transformers`).
"""

import torch
from torch import nn
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf

import common

MTP_LAMBDA = 0.3
# A thousand times the paper's 1e-4, so that a mistake in the balance loss shows in the gradients.
BALANCE_ALPHA = 0.1


class MtpModule(nn.Module):
    """One prediction module; its parameters carry the published names below model.layers.N."""

    def __init__(self, config):
        super().__init__()
        size, eps = config.hidden_size, config.rms_norm_eps
        self.enorm = hf.DeepseekV3RMSNorm(size, eps=eps)
        self.hnorm = hf.DeepseekV3RMSNorm(size, eps=eps)
        self.eh_proj = nn.Linear(2 * size, size, bias=False)
        self.block = hf.DeepseekV3DecoderLayer(config, layer_idx=config.num_hidden_layers)
        self.shared_head_norm = hf.DeepseekV3RMSNorm(size, eps=eps)

    def forward(self, main, h_td, tokens_t):
        """Logits for t_{i+2} at i = 0..T-3. h_td: main model after its final norm."""
        n = len(tokens_t) - 2
        embedded_nd = main.model.embed_tokens(tokens_t[1 : n + 1])
        # Equation 21, in the published weights' order.
        joined = torch.cat([self.enorm(embedded_nd), self.hnorm(h_td[:n])], dim=-1)
        x_nd = self.eh_proj(joined)
        # Equation 22: a whole transformer block over the positions 0..T-3, causal, at position i.
        position_ids = torch.arange(n)[None]
        mask = torch.full((n, n), -torch.inf).triu(1)[None, None]
        cos_sin = main.model.rotary_emb(x_nd[None], position_ids)
        x_nd = self.block(x_nd[None], attention_mask=mask, position_embeddings=cos_sin)[0]
        # Equation 23: the output head is the main model's.
        return main.lm_head(self.shared_head_norm(x_nd))


def published_names(module, layer):
    """Pairs of (checkpoint name, tensor) of an MtpModule's parameters."""

    def rename(name):
        if name.startswith("block."):
            return f"model.layers.{layer}.{name[len('block.'):]}"
        return f"model.layers.{layer}.{name.replace('shared_head_norm', 'shared_head.norm')}"

    return [(rename(name), p) for name, p in module.named_parameters()], rename


def losses(main, mtp, docs):
    """Mean main loss and mean MTP loss over all documents (equations 24 and 25)."""
    main_logits, mtp_logits = [], []
    main_sum = mtp_sum = 0.0
    for doc in docs:
        h_td = main.model(input_ids=doc[None], use_cache=False).last_hidden_state[0]
        logits = main.lm_head(h_td)
        main_sum = main_sum + nn.functional.cross_entropy(logits[:-1], doc[1:], reduction="sum")
        ahead = mtp(main, h_td, doc)
        mtp_sum = mtp_sum + nn.functional.cross_entropy(ahead, doc[2:], reduction="sum")
        main_logits.append(logits)
        mtp_logits.append(ahead)
    n_main = sum(len(doc) - 1 for doc in docs)
    n_mtp = sum(len(doc) - 2 for doc in docs)
    return main_sum / n_main, mtp_sum / n_mtp, torch.cat(main_logits), torch.cat(mtp_logits)


def build(config_dict, seed, attention="eager"):
    main = common.build("deepseek_v3", config_dict, seed, attention)
    mtp = MtpModule(main.config).float()
    common.init_module(mtp, torch.Generator().manual_seed(seed + 250_000))
    return main, mtp


def mtp_tensors(main, mtp, batches):
    out = {}
    layer = main.config.num_hidden_layers
    for name, tokens, segments in batches:
        for module in (main, mtp):
            module.zero_grad(set_to_none=True)
        docs = common.documents(tokens, segments)
        main_loss, mtp_loss, logits, ahead = losses(main, mtp, docs)
        loss = main_loss + MTP_LAMBDA * mtp_loss
        loss.backward()
        out[f"{name}.tokens"] = common.as_i32(tokens)
        out[f"{name}.segments"] = common.as_i32(segments)
        out[f"{name}.logits"], out[f"{name}.mtp_logits"] = logits.detach(), ahead.detach()
        out[f"{name}.main_loss"] = common.scalar(main_loss.detach())
        out[f"{name}.mtp_loss"] = common.scalar(mtp_loss.detach())
        out[f"{name}.loss"] = common.scalar(loss.detach())
        gradients = common.gradients_of(main)
        named, _ = published_names(mtp, layer)
        gradients |= common.named_split((n, p.grad) for n, p in named)
        for parameter, gradient in gradients.items():
            if name == "one":
                out[f"one.grad.{parameter}"] = gradient
            else:
                out[f"two.grad_norm.{parameter}"] = common.scalar(gradient.norm())
    return out


@torch.no_grad()
def check_against_transformers(main, mtp, tokens):
    """The same module through transformers' MtpModel (inference only). It counts positions from 1
    where we count from 0; rotary attention sees only differences, so nothing may change."""
    from transformers.cache_utils import MtpCache
    from transformers.modeling_layers import MtpModel

    other = MtpModel(main, 1).float()
    theirs = dict(other.layers[0].named_parameters()) | dict(other.layers[0].named_buffers())
    ours = dict(mtp.named_parameters()) | dict(mtp.named_buffers())
    for name, tensor in ours.items():
        name = name.replace("block.", "mtp_block.", 1) if name.startswith("block.") else name
        theirs[name.replace("shared_head_norm", "post_norm")].copy_(tensor)
    h_td = main.model(input_ids=tokens[None], use_cache=False).last_hidden_state
    hidden = other.forward_layer(
        0,
        h_td[:, :-2],
        torch.arange(1, len(tokens) - 1)[None],
        None,
        input_ids=tokens[None, 1:-1],
    )
    return common.max_abs(other._project_to_logits(hidden)[0], mtp(main, h_td[0], tokens))


def generate(directory, config_dict, first_seed, batch, segment_lists, first_good_seed):
    def batches(seed):
        one, two = batch(config_dict, seed)
        return [("one", one, segment_lists[0]), ("two", two, segment_lists[1])]

    def attempt(seed, attention="eager"):
        main, mtp = build(config_dict, seed, attention)
        watches = [common.RoutingGap(main), common.RoutingGap(mtp)]
        out = mtp_tensors(main, mtp, batches(seed))
        return out, min(watch.close() for watch in watches)

    seed, out, gap = first_good_seed(first_seed, attempt)
    main, mtp = build(config_dict, seed)
    layer = main.config.num_hidden_layers
    named, rename = published_names(mtp, layer)
    extra = common.named_split(named)
    for name, buffer in mtp.named_buffers():
        extra[rename(name)] = buffer.detach().clone()
    common.save_checkpoint(main, config_dict, directory, extra, transformers_config=False)
    difference = check_against_transformers(main, mtp, batches(seed)[0][1])
    assert difference < 1e-5, f"transformers' MtpModel differs by {difference}"
    meta = {
        "case": "deepseek_v3_mtp",
        "arch": "deepseek_v3",
        "seed": seed,
        "mtp_lambda": MTP_LAMBDA,
        "smallest_routing_gap": gap,
        "max_abs_logit_difference_from_transformers_mtp_model": difference,
    }
    common.write_golden(directory, out, meta)
    return meta


def sequence_balance(router_logits_per_layer, top_k):
    """Equations 17 to 20 for one document, without alpha: sum over layers of sum_i f_i P_i.

    f_i counts the K_r largest plain scores s, without the correction bias and without groups, and
    carries no gradient; P_i is the mean of s normalised over all experts."""
    total = 0.0
    for logits_te in router_logits_per_layer:
        s_te = logits_te.sigmoid()
        n_tokens, n_experts = s_te.shape
        chosen = torch.zeros_like(s_te).scatter_(1, s_te.topk(top_k, dim=-1)[1], 1.0)
        f_e = chosen.sum(0) * n_experts / (top_k * n_tokens)
        p_e = (s_te / s_te.sum(-1, keepdim=True)).mean(0)
        total = total + (f_e.detach() * p_e).sum()
    return total


def balance_tensors(model, tokens, segments):
    """The balance loss of packed documents, each weighted by its rows, and the gradients of
    cross-entropy + alpha * balance. A training batch has no row for a document's last token, which
    predicts nothing, so it is left out here too."""
    docs = common.documents(tokens, segments)
    seen = []
    handles = [
        m.register_forward_hook(lambda _m, _i, output: seen.append(output[0]))
        for m in model.modules()
        if isinstance(m, hf.DeepseekV3TopkRouter)
    ]
    model.zero_grad(set_to_none=True)
    balance, logits = 0.0, []
    for doc in docs:
        seen.clear()
        logits.append(model(input_ids=doc[None], use_cache=False).logits[0])
        rows = [logits_te[:-1] for logits_te in seen]
        document = sequence_balance(rows, model.config.num_experts_per_tok)
        balance = balance + document * ((len(doc) - 1) / (len(tokens) - len(docs)))
    for handle in handles:
        handle.remove()
    value = BALANCE_ALPHA * balance
    loss = common.next_token_loss(torch.cat(logits), docs) + value
    loss.backward()
    out = {
        "balance.alpha": common.scalar(BALANCE_ALPHA),
        "balance.value": common.scalar(value.detach()),
        "balance.loss": common.scalar(loss.detach()),
    }
    for name, gradient in common.gradients_of(model).items():
        if name.endswith("mlp.gate.weight"):
            out[f"balance.grad.{name}"] = gradient
        else:
            out[f"balance.grad_norm.{name}"] = common.scalar(gradient.norm())
    return out
