"""Does PEFT read our LoRA adapters and do we read PEFT's? Log-probabilities of both sides on the same tokens.

    python bench/peft_adapter.py MODEL_DIR.. [--penseur target/release/penseur]

Each MODEL_DIR is a small Hugging Face directory (Llama, Qwen2, DeepSeek-V3). PEFT draws an adapter with random matrices on
every linear layer of attention and feed-forward; its own log-probabilities stand beside ours (`penseur logprobs --adapter`),
and beside those of the model without the adapter, so that agreement cannot come from an adapter that does nothing.
Then `penseur convert --adapter` merges it, and transformers reads the merged model. Needs: torch, transformers, peft.
"""
import argparse, json, subprocess, tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MLA_TARGETS = ["q_proj", "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"]


def logprobs(model, tokens):
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0].float()
    return torch.log_softmax(logits, -1)[:-1].gather(1, torch.tensor(tokens[1:])[:, None])[:, 0]


def ours(penseur, directory, tokens, *more):
    ids = ",".join(map(str, tokens))
    text = subprocess.check_output([penseur, "logprobs", "-m", str(directory), "--tokens", ids, "--json", *more], text=True)
    return torch.tensor(json.loads(text)["logprobs"][1:])


def compare(penseur, directory, work):
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    names = {name.rsplit(".", 1)[-1] for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)}
    wanted = [t for t in (MLA_TARGETS if "kv_b_proj" in names else TARGETS) if t in names]
    tokens = torch.randint(0, base.config.vocab_size, (48,)).tolist()
    plain = logprobs(base, tokens)
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=12, target_modules=wanted, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.3)
    theirs = logprobs(model.eval(), tokens)
    adapter, merged = work / "adapter", work / "merged"
    model.save_pretrained(adapter)
    read = ours(penseur, directory, tokens, "--adapter", str(adapter))
    subprocess.check_call([penseur, "convert", str(directory), str(merged), "--adapter", str(adapter)],
                          stdout=subprocess.DEVNULL)
    again = logprobs(AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32, attn_implementation="eager"), tokens)
    worst = lambda a, b: (a - b).abs().max().item()
    print(f"{directory.name:20} {', '.join(wanted)}\n"
          f"{'':20} PEFT against ours {worst(theirs, read):.1e}, against ours merged {worst(theirs, again):.1e}, "
          f"what the adapter does {worst(theirs, plain):.1e}")
    assert worst(theirs, read) < 1e-3 < worst(theirs, plain) and worst(theirs, again) < 1e-3


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--penseur", default="target/release/penseur")
    args = parser.parse_args()
    for directory in args.models:
        with tempfile.TemporaryDirectory() as work:
            compare(args.penseur, directory.resolve(), Path(work))
