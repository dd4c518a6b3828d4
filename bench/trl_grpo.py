"""TRL's side of the race: seconds of one GRPO step (rollouts, rewards, update) in bf16 on this CPU.

    python bench/trl_grpo.py MODEL_DIR [--answers 64] [--group 8] [--tokens 256] [--steps 2] [--lora]

MODEL_DIR comes from `bench/random_model.py`. Prompts have 96 tokens, as in our side:

    cargo run --release -p engine --example rollout_bench -- bench/shapes/mini.json 64 256

Every answer has exactly `--tokens` tokens (the end-of-text token is ruled out), so both sides do the same work. The
first step is left out of the mean. One JSON line on stdout. Needs `pip install torch transformers trl peft datasets`.
"""

import argparse
import json
import statistics
import tempfile
import time

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

PROMPT = 96


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--answers", type=int, default=64)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--micro-batch", type=int, default=8, help="answers that go through the update at once")
    parser.add_argument("--lora", action="store_true")
    return parser.parse_args()


class Clock(TrainerCallback):
    def __init__(self):
        self.seconds = []

    def on_step_begin(self, *_, **__):
        self.start = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.start)


def prompts(tokenizer, n):
    """Texts that are exactly PROMPT tokens long."""
    found = []
    for salt in range(n):
        ids = tokenizer(f"Problem {salt}: " + "what is 17 + 25 ? " * PROMPT)["input_ids"][:PROMPT]
        found.append({"prompt": tokenizer.decode(ids)})
    return Dataset.from_list(found)


def main():
    args = arguments()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.bfloat16)
    eos = model.config.eos_token_id
    # A stand-in tokenizer has an end of its own.
    ends = {tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])}
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        use_cpu=True,
        bf16=True,
        gradient_checkpointing=False,  # the faster choice where memory allows
        max_steps=args.steps + 1,
        per_device_train_batch_size=args.micro_batch,
        gradient_accumulation_steps=args.answers // args.micro_batch,
        num_generations=args.group,
        max_completion_length=args.tokens,
        temperature=1.0,
        beta=0.0,
        learning_rate=1e-6,
        report_to=[],
        save_strategy="no",
        generation_kwargs={"suppress_tokens": sorted(ends)},
    )
    peft_config = None
    if args.lora:
        from peft import LoraConfig

        peft_config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    clock = Clock()
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [float(len(text) % 7) for text in completions],
        args=config,
        train_dataset=prompts(tokenizer, args.answers // args.group * (args.steps + 1)),
        processing_class=tokenizer,
        callbacks=[clock],
        peft_config=peft_config,
    )
    trainer.train()
    seconds = statistics.mean(clock.seconds[1:])
    print(json.dumps({"seconds": seconds, "samples_per_s": args.answers / seconds, "steps": clock.seconds}))


if __name__ == "__main__":
    main()
