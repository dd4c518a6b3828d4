#!/usr/bin/env bash
# R1-Zero in small, with what keeps it honest: three seeds of reinforcement from one base, two controls that differ in the
# reward alone, rejection sampling with the same compute, and what the base could do already. The base is trained once; a
# chain finds it again by the digest of its inputs. About two hours on two quiet cores.
#
#     cargo build --release && bench/zero.sh [DIR]
#
# `penseur runs compare DIR/zero-*` lays the runs side by side; DIR/test/*/*.json hold what each model reaches on the test
# split, which no stage of a recipe ever draws from.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-runs/zero}
penseur=target/release/penseur
train() { "$penseur" train "$@" --run-dir "$dir" --resume; }

# measure NAME MODEL SAMPLES LIMIT: the recipe's mix, family by family, at its temperature.
measure() {
    local out=$dir/test/$1 settings=(-m "$2" --samples "$3" --limit "$4" --temperature 1 --top-p 1 --max-tokens 256 --json)
    mkdir -p "$out"
    for task in addition:3 subtraction:3 multiplication:4 chain:2; do
        "$penseur" eval "${task%:*}" --difficulty "${task#*:}" "${settings[@]}" --out "$out/${task%:*}.jsonl" \
            > "$out/${task%:*}.json"
    done
}
last() { ls -d "$1"/checkpoints/step_* | sort -V | tail -1; }

for seed in 1 2 3; do
    train recipes/zero.toml --set stage.zero.seed=$seed
done
# Rewards that say nothing: a coin, and form without content.
train recipes/zero.toml --set stage.zero.grpo.reward.accuracy=0 --set stage.zero.grpo.reward.format=0 \
    --set stage.zero.grpo.reward.random=1
train recipes/zero.toml --set stage.zero.grpo.reward.accuracy=0 --set stage.zero.grpo.reward.format=1
train bench/rs_sft.toml

measure base "$(last "$dir"/base-*)" 64 100
for run in "$dir"/zero-* "$dir"/rs-sft-*; do
    measure "$(basename "$run")" "$(last "$run")" 1 300
done

# The same on families whose worked thinking the base never saw: a base of its own.
dir=$dir/unseen
train recipes/zero.toml --set stage.base.data.source.1.guess=1 --set stage.zero.data.source.0.weight=1e-9
