#!/usr/bin/env bash
# What each stage of R1's pipeline in small (recipes/r1.toml) reaches on the test split of every family and difficulty, and
# paired tests: each stage against the one before it, and students that were distilled against students that were reinforced
# without a teacher. Test problems are never drawn by any stage of a recipe.
#
#     cargo build --release && target/release/penseur train recipes/r1.toml --run-dir DIR && bench/r1.sh DIR
#
# DIR/test/*.json hold the figures (their `tasks` by family and difficulty), DIR/test/*-against-*.txt the paired tests.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-runs/r1} problems=${PROBLEMS:-20}
penseur=${PENSEUR:-target/release/penseur}
mkdir -p "$dir/test"

last() { ls -d "$dir/$1"-*/checkpoints/step_* | sort -V | tail -1; }
# One greedy answer to each problem, the same problems for all.
measure() {
    "$penseur" eval all -m "$(last "$1")" --limit "$problems" --temperature 0 --max-tokens 896 --json \
        --out "$dir/test/$1.jsonl" > "$dir/test/$1.json"
}
against() { "$penseur" eval --compare "$dir/test/$2.jsonl" "$dir/test/$1.jsonl" | tee "$dir/test/$1-against-$2.txt"; }

before=
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
