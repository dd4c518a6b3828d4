#!/usr/bin/env bash
# R1-Zero in small, with what keeps it honest: three seeds of reinforcement from one base, and three controls that differ
# in the reward alone. The base is trained once; a chain finds it again by the digest of its inputs.
#
#     cargo build --release && bench/zero.sh [DIR]
#
# Then `penseur runs compare DIR/zero-*` lays them side by side, and
# `penseur eval TASK.. -m DIR/base-*/checkpoints/step_* --samples 64` says what was in the base already (pass@64).
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-runs/zero}
train() { target/release/penseur train recipes/zero.toml --run-dir "$dir" --resume "$@"; }

for seed in 1 2 3; do
    train --set stage.zero.seed=$seed
done
# Rewards that say nothing: a coin, and form without content.
train --set stage.zero.grpo.reward.accuracy=0 --set stage.zero.grpo.reward.format=0 --set stage.zero.grpo.reward.random=1
train --set stage.zero.grpo.reward.accuracy=0 --set stage.zero.grpo.reward.format=1
# The same on families whose worked thinking the base never saw.
train --set stage.base.data.source.1.guess=1 --set stage.zero.data.source.0.weight=1e-9
