//! ARCHITECTURE.md, invariant 4: a run that is killed anywhere and resumed is, to the bit, the run that was never killed, but
//! for time and money; and its ledger shows what was lost. Real processes, real signals, a model of a few thousand
//! parameters.

use super::{scratch, stderr};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// Two layers with experts, MTP, an average, a ramp, two sources: everything that has a state.
const RECIPE: &str = r#"
name = "killed"
seed = 7
[model]
depth = 2
experts = true
precision = "f32"
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
mixture = "addition"
[[data.source]]
kind = "jsonl"
files = ["data.jsonl"]
[data]
validation = 0.1
[train]
steps = 60
seq_len = 128
micro_batch_tokens = 128
batch_tokens = 512
batch_ramp = { from = 256, tokens = 8000 }
warmup_steps = 5
ema = 0.9
[eval]
every = 10
tokens = 512
problems = 2
max_new_tokens = 16
[checkpoint]
every = 4
"#;

/// Kills before a run is left alone.
const N_KILLS: usize = 8;

fn start(dir: &Path, run: &str, resume: bool) -> Child {
    start_recipe(dir, "recipe.toml", run, resume)
}

/// Starts a run of a recipe in `dir`.
pub(super) fn start_recipe(dir: &Path, recipe: &str, run: &str, resume: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penseur"));
    command.args(["train", recipe, "--run-dir", run]).args(resume.then_some("--resume"));
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

fn finish(dir: &Path, run: &str, resume: bool) -> Output {
    finish_recipe(dir, "recipe.toml", run, resume)
}

/// Runs a recipe to its end.
pub(super) fn finish_recipe(dir: &Path, recipe: &str, run: &str, resume: bool) -> Output {
    let output = start_recipe(dir, recipe, run, resume).wait_with_output().expect("the binary ends");
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

fn new_recipe(name: &str) -> PathBuf {
    let dir = scratch(name);
    let lines: Vec<String> = (0..50)
        .map(|i| format!("{{\"prompt\": \"Say {i}.\", \"response\": \"{}\"}}\n", format!("{i} ").repeat(1 + i % 7)))
        .collect();
    std::fs::write(dir.join("data.jsonl"), lines.concat()).expect("the data can be written");
    std::fs::write(dir.join("recipe.toml"), RECIPE).expect("the recipe can be written");
    dir
}

/// The JSON lines of a file; none where it is not there.
pub(super) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// Everything that a run leaves, but for time and money.
fn result(run: &Path) -> (Vec<Value>, Vec<Value>, [Vec<u8>; 3]) {
    let mut metrics = lines(&run.join("metrics.jsonl"));
    for line in &mut metrics {
        let line = line.as_object_mut().expect("an object");
        line.retain(|key, _| key != "seconds" && key != "dollars");
    }
    let checkpoint = run.join("checkpoints/step_60");
    let bytes = ["model.safetensors", "state/optimizer.safetensors", "state/trainer.json"]
        .map(|name| std::fs::read(checkpoint.join(name)).expect("the last checkpoint is complete"));
    (metrics, lines(&run.join("samples.jsonl")), bytes)
}

/// Random numbers for choosing moments; a failure prints the seed.
pub(super) struct Moments(pub(super) u64);

impl Moments {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Kills a run some steps after the checkpoint that it goes on from, in the middle of whatever it does then. By
    /// steps and not by the clock, so that a slow machine is killed as often as a fast one.
    pub(super) fn kill(&mut self, mut child: Child, run: &Path) {
        let target = latest_checkpoint(run) + self.below(9) as usize;
        let metrics = run.join("metrics.jsonl");
        while lines_so_far(&metrics) < target && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(self.below(60_000)));
        child.kill().expect("a child can be killed");
        child.wait().expect("and ends");
    }
}

/// The step of the latest complete checkpoint; 0 without one.
fn latest_checkpoint(run: &Path) -> usize {
    let entries = std::fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    let steps = entries.filter_map(|e| e.file_name().to_str()?.strip_prefix("step_")?.parse().ok());
    steps.max().unwrap_or(0)
}

#[test]
fn kills_at_random_moments_change_nothing_but_time_and_money() {
    let dir = new_recipe("kill-resume");
    finish(&dir, "whole", false);
    let whole = result(&dir.join("whole"));
    assert_eq!(whole.0.len(), 60);

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
    eprintln!("seed of the moments: {seed}");
    let mut moments = Moments(seed);
    let run = dir.join("killed");
    for _ in 0..N_KILLS {
        moments.kill(start(&dir, "killed", run.join("run.json").exists()), &run);
    }
    finish(&dir, "killed", true);
    assert_eq!(result(&run), whole, "seed {seed}");

    let ledger = lines(&run.join("ledger.jsonl"));
    let kept: u64 = ledger.iter().filter(|l| l["lost"] == false).filter_map(|l| l["tokens"].as_u64()).sum();
    assert_eq!(Some(kept), whole.0[59]["tokens"].as_u64(), "kept work adds up to the run: {ledger:#?}");
    for line in &ledger {
        let (core_s, price) = (line["core_s"].as_f64().expect("core_s"), line["price"].as_f64().expect("price"));
        assert!((line["dollars"].as_f64().expect("dollars") - core_s / 3600.0 * price).abs() < 1e-12);
    }
}

#[test]
fn a_disk_that_takes_no_checkpoint_loses_nothing() {
    let dir = new_recipe("full-disk");
    let run = dir.join("run");
    let first = run.join("checkpoints/step_4");
    let mut child = start(&dir, "run", false);
    while !first.is_dir() && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("a child can be killed");
    child.wait().expect("and ends");
    let checkpoints = || {
        let entries = std::fs::read_dir(run.join("checkpoints")).expect("checkpoints").flatten();
        let mut names: Vec<_> =
            entries.map(|e| e.file_name()).filter(|n| !n.to_string_lossy().ends_with(".tmp")).collect();
        names.sort();
        names
    };
    let before = checkpoints();

    // Files may grow to a few kilobytes: enough for a log, not for a checkpoint.
    let script = "trap '' XFSZ; ulimit -f 32; exec \"$0\" train recipe.toml --run-dir run --resume";
    let output = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_penseur")]).current_dir(&dir).output();
    let output = output.expect("sh starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write"), "{}", stderr(&output));
    assert_eq!(checkpoints(), before, "earlier checkpoints stay, nothing half-written does");

    finish(&dir, "run", true);
    finish(&dir, "whole", false);
    assert_eq!(result(&run), result(&dir.join("whole")));
}

#[test]
#[cfg(unix)]
fn ctrl_c_finishes_the_step_and_says_how_to_go_on() {
    let dir = new_recipe("ctrl-c");
    let child = start(&dir, "run", false);
    let metrics = dir.join("run/metrics.jsonl");
    while lines_so_far(&metrics) < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = Command::new(env!("CARGO_BIN_EXE_penseur"))
        .args(["train", "recipe.toml", "--run-dir", "run", "--resume"])
        .current_dir(&dir)
        .output()
        .expect("the binary starts");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    let output = child.wait_with_output().expect("the binary ends");
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("in use by another"), "{}", stderr(&second));
    assert!(String::from_utf8_lossy(&output.stdout).contains("--resume"), "{}", stderr(&output));
    let step = lines(&metrics).last().expect("a line")["step"].as_u64().expect("a step");
    assert!(dir.join(format!("run/checkpoints/step_{step}")).is_dir(), "the last step is in a checkpoint");

    finish(&dir, "run", true);
    let done = finish(&dir, "run", true);
    assert!(String::from_utf8_lossy(&done.stdout).contains("done before"), "a finished stage is not run again");
}

fn lines_so_far(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count())
}
