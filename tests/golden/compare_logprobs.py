"""Compares `penseur logprobs --json` with what transformers said about a random case.

    penseur logprobs -m CASE --tokens-file CASE/tokens.txt --json \
        | python tests/golden/compare_logprobs.py CASE

Needs no package. Exit status 1 when the largest difference is above --tolerance (1e-4).
"""

import argparse
import json
import pathlib
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("case", type=pathlib.Path, help="folder written by random_case.py")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    expected = json.loads((arguments.case / "expected.json").read_text())
    found = json.load(sys.stdin)
    if found["tokens"] != expected["tokens"]:
        sys.exit("the tokens are not those of the case")
    if found["logprobs"][0] is not None or len(found["logprobs"]) != len(expected["logprobs"]):
        sys.exit("logprobs must be null for the first token and have one entry a token")
    worst = max(abs(a - b) for a, b in zip(found["logprobs"][1:], expected["logprobs"][1:], strict=True))
    # Written so that NaN fails too.
    ok = worst <= arguments.tolerance
    print(json.dumps({"case": str(arguments.case), "max_abs_difference": worst, "ok": ok}))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
