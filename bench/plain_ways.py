"""Sums, differences and products as people ask them: what a model says to 300 held-out problems of each in ten plain ways.

    python bench/plain_ways.py target/release/penseur [MODEL]

Problems come from the test split (3-digit sums and differences, 2-digit products); the same prompt counts once. Prints
`penseur eval`'s line for each: problems, pass@1, its 95% interval, tokens, time, dollars. MODEL is a directory or a bundled
model, by default mini.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

PENSEUR, MODEL = sys.argv[1], (sys.argv[2:] or ["mini"])[0]
ASKED = ["What is {} {s} {}?", "{} {s} {} =", "{} {word} {}", "Calculate {} {s} {}.", "How much is {} {s} {}?", "{}{s}{}"]
NAMED = ["{verb}", "the {noun} of {} and {}", "What is the {noun} of {} and {}?", "Compute {} {s} {}"]
FAMILIES = {  # family: (difficulty, words of its ten ways)
    "addition": (3, dict(s="+", word="plus", noun="sum", verb="Add {} and {}.")),
    "subtraction": (3, dict(s="-", word="minus", noun="difference", verb="Subtract {1} from {0}.")),
    "multiplication": (4, dict(s="*", word="times", noun="product", verb="Multiply {} by {}.")),
}


def run(*args):
    return subprocess.run([PENSEUR, *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


for family, (difficulty, words) in FAMILIES.items():
    sampled = run("tasks", "sample", family, "-n", "300", "--difficulty", str(difficulty), "--seed", "77", "--json")
    ways = [way.replace("{verb}", words["verb"]) for way in ASKED + NAMED]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, f"{family}.jsonl")
        with file.open("w") as lines:
            for i, line in enumerate(sampled.splitlines()):
                problem = json.loads(line)
                numbers = problem["problem"]["a"], problem["problem"]["b"]
                prompt = ways[i % len(ways)].format(*numbers, **words)
                lines.write(json.dumps({"prompt": prompt, "answer": problem["answer"]}) + "\n")
        table = run("eval", f"{file}:integer", "-m", MODEL, "--temperature", "0", "--max-tokens", "640")
        print(table.splitlines()[1].replace(str(file), family))
