"""Loads a checkpoint we wrote into transformers and says what its logits are.

    python tests/golden/load_in_transformers.py DIR [--tokens 1,2,3] [--logprobs ours.json] \
        [--logits golden.safetensors]

Refuses missing or unexpected tensors (the layer of multi-token prediction apart, which
transformers keeps out of the main model). `--logprobs` takes the output of `penseur logprobs
--json` over the same checkpoint, takes the tokens from it and compares; `--logits` compares with
a file's `one.tokens` and `one.logits`. Differences above --tolerance (1e-4) are exit status 1.
"""

import argparse
import json
import pathlib
import re
import sys

import safetensors.torch
import torch
import transformers

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def load(directory):
    """The model in f32, after checking that every tensor found its place."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        directory,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    n_layers = model.config.num_hidden_layers

    def is_mtp(name):
        layer = re.search(r"layers\.(\d+)\.", name)
        return layer is not None and int(layer[1]) >= n_layers

    unexpected = [name for name in info["unexpected_keys"] if not is_mtp(name)]
    problems = {"missing": sorted(info["missing_keys"]), "unexpected": sorted(unexpected)}
    problems["mismatched"] = [str(entry) for entry in info["mismatched_keys"]]
    if any(problems.values()):
        sys.exit(f"{directory}: {json.dumps(problems)}")
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--tokens", default="1,2,3,4,5")
    parser.add_argument("--logprobs", type=pathlib.Path)
    parser.add_argument("--logits", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()

    tokens = [int(token) for token in arguments.tokens.split(",")]
    ours = golden = None
    if arguments.logprobs:
        ours = json.loads(arguments.logprobs.read_text())
        tokens = ours["tokens"]
    if arguments.logits:
        golden = safetensors.torch.load_file(arguments.logits)
        tokens = golden["one.tokens"].tolist()

    model = load(arguments.directory)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]
    chosen = logits.log_softmax(-1)[:-1].gather(1, torch.tensor(tokens)[1:, None])[:, 0].tolist()
    report = {"transformers": transformers.__version__, "tokens": tokens, "logprobs": [None, *chosen]}
    report["argmax"] = logits.argmax(-1).tolist()
    worst = 0.0
    if ours:
        worst = max(abs(a - b) for a, b in zip(ours["logprobs"][1:], chosen, strict=True))
    if golden:
        worst = max(worst, (logits - golden["one.logits"]).abs().max().item())
    ok = worst <= arguments.tolerance
    if ours or golden:
        report |= {"max_abs_difference": worst, "ok": ok}
    print(json.dumps(report))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
