#!/usr/bin/env bash
# What each stage of R1's pipeline in small (recipes/r1.toml) reaches on the test split of every family and difficulty, and
# paired tests: each stage against the one before it, and students that were distilled against students that were reinforced
# without a teacher. Test problems are never drawn by any stage of a recipe.
#
#     cargo build --release && target/release/penseur train recipes/r1.toml --run-dir DIR && bench/r1.sh DIR
#
# Twice: the most probable answer to each problem (DIR/test/greedy), and four samples of each at temperature 0.6 and top-p
# 0.95, as R1's report measures (arXiv:2501.12948, section 3; DIR/test/sampled). There *.json hold the figures (their `tasks`
# by family and difficulty), *-against-*.txt the paired tests.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-runs/r1} problems=${PROBLEMS:-20}
penseur=${PENSEUR:-target/release/penseur}

last() { ls -d "$dir/$1"-*/checkpoints/step_* | sort -V | tail -1; }
# All models answer the same problems.
measure() {
    "$penseur" eval all -m "$(last "$1")" --limit "$problems" --max-tokens 896 "${settings[@]}" --json \
        --out "$test/$1.jsonl" > "$test/$1.json"
}
against() { "$penseur" eval --compare "$test/$2.jsonl" "$test/$1.jsonl" | tee "$test/$1-against-$2.txt"; }

for how in greedy sampled; do
    test="$dir/test/$how" before=
    mkdir -p "$test"
    case $how in
        greedy) settings=(--temperature 0) ;;
        sampled) settings=(--temperature 0.6 --top-p 0.95 --samples 4) ;;
    esac
    for stage in base cold-start reasoning sft r1; do
        measure $stage
        [ -z "$before" ] || against $stage $before
        before=$stage
    done
    against r1 base
    for size in small large; do
        for student in base zero distilled; do
            measure $size-$student
        done
        against $size-zero $size-base
        against $size-distilled $size-zero
    done
done
