//! ARCHITECTURE.md, invariants 3 and 4, for reinforcement learning: killed in the middle of rollouts, verification, update
//! or checkpoint, and resumed, a run is to the bit the run that was never killed; and the log-probabilities of sampling
//! are those of the update in every step. Real processes, real signals, a model of a few thousand parameters with experts.

use super::kill_resume::{Moments, finish_recipe, lines, start_recipe};
use super::scratch;
use serde_json::Value;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const BASE: &str = r#"
name = "base"
seed = 7
[model]
depth = 2
experts = true
precision = "bf16"
[model.config]
hidden_size = 32
intermediate_size = 48
moe_intermediate_size = 16
n_routed_experts = 4
num_experts_per_tok = 2
n_group = 2
topk_group = 1
num_attention_heads = 2
kv_lora_rank = 16
qk_nope_head_dim = 8
qk_rope_head_dim = 8
v_head_dim = 8
[tokenizer]
vocab_size = 288
sample_bytes = 20_000
[[data.source]]
kind = "task"
tasks = [{ task = "addition", weight = 1, difficulty = 1 }]
guess = 1.0
[train]
steps = 40
seq_len = 128
micro_batch_tokens = 256
batch_tokens = 512
lr = 3e-3
warmup_steps = 5
[eval]
tokens = 0
"#;

/// A reference that is renewed, passes off the policy, fresh groups for flat ones, a truncated distribution: everything
/// that has a state or a case of its own.
const GRPO: &str = r#"
name = "killed"
kind = "grpo"
seed = 3
[model]
from = "base/checkpoints/step_40"
precision = "bf16"
[[data.source]]
kind = "task"
tasks = [{ task = "addition", weight = 1, difficulty = 1 }, { task = "digits", weight = 1, difficulty = 1 }]
[train]
steps = 14
seq_len = 128
micro_batch_tokens = 256
lr = 1e-3
[grpo]
prompts = 4
group_size = 4
max_new_tokens = 24
temperature = 0.9
top_p = 0.95
minibatches = 2
dynamic_sampling = 1
kl = "k3"
reference_every = 5
zero_variance_filter = false
[grpo.reward]
accuracy = 1.0
format = 0.5
random = 0.1
[eval]
every = 4
problems = 8
max_new_tokens = 24
[checkpoint]
every = 3
"#;

fn metrics(run: &Path) -> Vec<Value> {
    let mut metrics = lines(&run.join("metrics.jsonl"));
    for line in &mut metrics {
        line.as_object_mut().expect("an object").retain(|key, _| key != "seconds" && key != "dollars");
    }
    metrics
}

/// Everything that a run leaves, but for time and money; of its last checkpoint these files.
fn result(run: &Path, files: &[&str]) -> (Vec<Value>, [Vec<Value>; 2], Vec<Vec<u8>>) {
    let checkpoint = run.join("checkpoints/step_14");
    let bytes = files.iter().map(|name| std::fs::read(checkpoint.join(name)).expect("the last checkpoint is complete"));
    (metrics(run), ["samples.jsonl", "gradients.jsonl"].map(|name| lines(&run.join(name))), bytes.collect())
}

/// Runs the recipe once whole and once with `n_kills` kills; `files` of the two checkpoints are compared.
fn kills_change_nothing(name: &str, recipe: &str, n_kills: usize, files: &[&str]) {
    let dir = scratch(name);
    for (name, text) in [("base.toml", BASE), ("grpo.toml", recipe)] {
        std::fs::write(dir.join(name), text).expect("a recipe can be written");
    }
    finish_recipe(&dir, "base.toml", "base", false);
    finish_recipe(&dir, "grpo.toml", "whole", false);
    let whole = result(&dir.join("whole"), files);
    assert_eq!(whole.0.len(), 15, "what training begins from is measured too");
    for line in &whole.0[1..] {
        assert_eq!(line["mismatch_kl"], 0.0, "{line}");
    }
    assert!(whole.0[1..].iter().any(|line| line["grad_norm"].as_f64().expect("a norm") > 0.0), "something is learnt");

    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
    eprintln!("seed of the moments: {seed}");
    let mut moments = Moments(seed);
    let run = dir.join("killed");
    for _ in 0..n_kills {
        moments.kill(start_recipe(&dir, "grpo.toml", "killed", run.join("run.json").exists()), &run);
    }
    finish_recipe(&dir, "grpo.toml", "killed", true);
    assert!(result(&run, files) == whole, "seed {seed}: {:#?}", metrics(&run));

    let ledger = lines(&run.join("ledger.jsonl"));
    let kept: u64 = ledger.iter().filter(|l| l["lost"] == false).filter_map(|l| l["tokens"].as_u64()).sum();
    assert_eq!(Some(kept), whole.0[14]["tokens"].as_u64(), "kept work adds up to the run: {ledger:#?}");
}

#[test]
fn rollouts_agree_with_updates_and_kills_change_nothing_but_time_and_money() {
    let files = ["model.safetensors", "state/optimizer.safetensors", "state/trainer.json"];
    kills_change_nothing("kill-grpo", GRPO, 6, &files);
}

#[test]
fn an_adapter_survives_kills_as_weights_do() {
    let recipe = GRPO.replace("[grpo]\n", "[train.lora]\nrank = 4\nalpha = 8\n[grpo]\n");
    let files = ["model.safetensors", "adapter/adapter_model.safetensors", "state/trainer.json"];
    kills_change_nothing("kill-lora", &recipe, 3, &files);
}
