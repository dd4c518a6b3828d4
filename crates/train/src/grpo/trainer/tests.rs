//! The loop over a policy that is a table of logits, the same at every position: small enough to see through, real
//! enough to learn, to die and to go on.

use super::{GrpoState, GrpoTrainer};
use crate::accuracy::ProblemSet;
use crate::checkpoint::{self, STATE_NAME};
use crate::clock::Clock;
use crate::data::tests::codec;
use crate::error::Result;
use crate::grpo::policy::{Policy, SlopesOf};
use crate::grpo::prompts::Prompts;
use crate::interrupt::StopFlag;
use crate::keeper::Keeper;
use crate::learner::Learner;
use crate::progress::{Display, Progress};
use crate::recipe::{Recipe, StageRecipe};
use crate::run_dir::{Meter, RunDir, read_lines};
use crate::schedule::StepSettings;
use crate::trainer::Outcome;
use engine::{BLOCK_SIZE, Completion, Engine, EngineConfig, LanguageModel, Request, SeqStep};
use kernels::distribution::Filter;
use model::checkpoint::{Contents, State, TrainingRecord};
use model::presets::Dial;
use model::weights::{OutTensor, OutValues, StoredType, Weights};
use model::{Config, LossSpec, PackedBatch, StepLoss};
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

const VOCAB: usize = 300;

/// What becomes of the process.
#[derive(Clone)]
enum Event {
    None,
    DiesInRollout(u64),
    DiesInUpdate(u64),
    StopsAt(u64, StopFlag),
}

/// Logits for every next token, whatever came before.
struct Table {
    logits: Vec<f32>,
    grads: Vec<f32>,
    reference: Option<Vec<f32>>,
    /// Added to every log-probability that the update sees: 0 unless a test wants them to differ from the rollouts'.
    drift: f32,
    n_rollouts: u64,
    n_updates: u64,
    event: Event,
}

impl Table {
    /// Ends its thinking and stops, now and then says a letter between, and seldom in that order.
    fn new(event: Event) -> Table {
        let codec = codec();
        let mut logits = vec![-20.0; VOCAB];
        let letter = codec.tokenizer.encode("x")[0];
        for id in [letter, codec.tokenizer.think_end_id().unwrap(), codec.tokenizer.eos_ids()[0]] {
            logits[id as usize] = if id == letter { -1.5 } else { 0.0 };
        }
        Table { logits, grads: vec![0.0; VOCAB], reference: None, drift: 0.0, n_rollouts: 0, n_updates: 0, event }
    }

    fn logprobs(&self, logits: &[f32], batch: &PackedBatch) -> Vec<f32> {
        let learnt = batch.targets.iter().zip(&batch.loss_weights).filter(|(_, weight)| **weight != 0.0);
        learnt.map(|(target, _)| engine::sampler::log_prob(logits, *target) + self.drift).collect()
    }
}

struct TableModel(Vec<f32>);

impl LanguageModel for TableModel {
    fn vocab_size(&self) -> usize {
        VOCAB
    }

    fn max_positions(&self) -> usize {
        64
    }

    fn n_blocks(&self) -> usize {
        64 / BLOCK_SIZE * 512
    }

    fn forward(&mut self, steps: &[SeqStep]) -> Vec<f32> {
        self.0.repeat(steps.len())
    }
}

impl Learner for Table {
    fn accumulate(&mut self, _: &PackedBatch, _: &LossSpec) -> StepLoss {
        unreachable!("reinforcement learning shows no text")
    }

    fn update(&mut self, settings: &StepSettings, _: &StepLoss) -> f64 {
        self.n_updates += 1;
        match &self.event {
            Event::DiesInUpdate(n) if *n == self.n_updates => panic!("killed"),
            Event::StopsAt(n, flag) if *n == self.n_updates => flag.raise(),
            _ => {}
        }
        let norm = self.grads.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        for (logit, grad) in self.logits.iter_mut().zip(&mut self.grads) {
            *logit -= settings.lr as f32 * *grad;
            *grad = 0.0;
        }
        norm
    }

    fn swap_average(&mut self) {}

    fn evaluate(&mut self, _: &PackedBatch) -> f64 {
        0.0
    }

    fn context(&self) -> usize {
        64
    }

    fn generate(&mut self, requests: Vec<Request>, watch: &mut dyn FnMut(usize, u64)) -> Vec<Completion> {
        self.n_rollouts += 1;
        if matches!(self.event, Event::DiesInRollout(n) if n == self.n_rollouts) {
            panic!("killed");
        }
        let config = EngineConfig { max_running: 64, max_step_tokens: 4096, max_in_flight: usize::MAX };
        let mut engine = Engine::new(Box::new(TableModel(self.logits.clone())), config);
        engine.generate_watched(requests, watch).unwrap()
    }

    fn flops(&self, batch: &PackedBatch, _mtp: bool) -> f64 {
        batch.len() as f64
    }

    fn save(&mut self, dir: &Path, record: &TrainingRecord, counters: Value) -> Result<()> {
        let dial = Dial {
            depth: 1,
            vocab_size: VOCAB,
            max_position_embeddings: 64,
            experts: false,
            tie_word_embeddings: true,
        };
        let config = Config::DeepseekV3(dial.deepseek_v3());
        let tensor = |name: &str, values| OutTensor {
            name: name.to_owned(),
            shape: vec![VOCAB],
            values: OutValues::F32(values),
            stored: StoredType::F32,
        };
        let mut tensors = vec![tensor("logits", &self.logits)];
        tensors.extend(self.reference.as_ref().map(|reference| tensor("reference", reference)));
        let states = vec![State { name: STATE_NAME, tensors: Vec::new(), json: counters }];
        let contents = Contents { config: &config, tensors, files: Vec::new(), record: Some(record), states };
        Ok(model::checkpoint::write(dir, &contents)?)
    }

    fn restore(&mut self, dir: &Path) -> Result<()> {
        let weights = Weights::open(dir)?;
        weights.read_f32("logits", &[VOCAB], &mut self.logits)?;
        if weights.info("reference").is_some() {
            let mut reference = vec![0.0; VOCAB];
            weights.read_f32("reference", &[VOCAB], &mut reference)?;
            self.reference = Some(reference);
        }
        Ok(())
    }
}

impl Policy for Table {
    fn reinforce(&mut self, batch: &PackedBatch, filter: &Filter, slopes_of: &mut SlopesOf) {
        let new = self.score(batch, filter);
        let (mut rest, mut slopes) = (new.as_slice(), Vec::new());
        for (idx, segment) in batch.segments.iter().enumerate() {
            let weights = &batch.loss_weights[segment.start..][..segment.len];
            let (own, others) = rest.split_at(weights.iter().filter(|weight| **weight != 0.0).count());
            rest = others;
            if !own.is_empty() {
                slopes.extend(slopes_of(idx, own));
            }
        }
        let probs: Vec<f32> = (0..VOCAB as u32).map(|id| engine::sampler::log_prob(&self.logits, id).exp()).collect();
        let learnt = batch.targets.iter().zip(&batch.loss_weights).filter(|(_, weight)| **weight != 0.0);
        for ((target, _), slope) in learnt.zip(slopes) {
            for (id, grad) in self.grads.iter_mut().enumerate() {
                let hit = f32::from(u8::from(id == *target as usize));
                *grad += slope * (hit - probs[id]);
            }
        }
    }

    fn score(&mut self, batch: &PackedBatch, _: &Filter) -> Vec<f32> {
        self.logprobs(&self.logits, batch)
    }

    fn score_reference(&mut self, batch: &PackedBatch, _: &Filter) -> Vec<f32> {
        self.logprobs(self.reference.as_ref().expect("a reference was set"), batch)
    }

    fn set_reference(&mut self) {
        self.reference = Some(self.logits.clone());
    }

    fn watch_gradients(&mut self, _: bool) {}

    fn gradient_norms(&mut self) -> Vec<(String, f64)> {
        vec![("logits".to_owned(), 1.0)]
    }
}

/// Rewards form alone: thinking that ends, then something, then the end.
fn grpo_stage(more: &str) -> StageRecipe {
    let text = format!(
        "kind = \"grpo\"\n[model]\nfrom = \"mini\"\n[[data.source]]\nkind = \"task\"\nmixture = \"addition\"\n\
         [train]\nsteps = 20\nseq_len = 64\nmicro_batch_tokens = 128\nwarmup_steps = 0\nlr = 4.0\n\
         [eval]\nevery = 4\nproblems = 6\nmax_new_tokens = 6\n[checkpoint]\nevery = 3\nkeep_last = 2\n\
         [grpo]\nprompts = 6\ngroup_size = 8\nmax_new_tokens = 6\n{more}\n\
         [grpo.reward]\naccuracy = 0\nformat = 1\n"
    );
    Recipe::from_toml(&text, "test", &[]).unwrap().stages.remove(0)
}

/// Opens the directory as a process would, and trains until the end or the event.
fn train_with(path: &Path, stage: &StageRecipe, event: Event, drift: f32) -> Result<Outcome> {
    let dir = RunDir::open(path)?;
    let checkpoints = checkpoint::directory(path);
    model::checkpoint::clean_up(&checkpoints)?;
    let latest = model::checkpoint::latest(&checkpoints)?;
    let state: GrpoState =
        latest.as_ref().map(|found| checkpoint::read_state(&found.dir)).transpose()?.unwrap_or_default();
    let stop = if let Event::StopsAt(_, flag) = &event { flag.clone() } else { StopFlag::default() };
    let mut policy = Table::new(event);
    policy.drift = drift;
    if let Some(found) = &latest {
        policy.restore(&found.dir)?;
    }
    let (codec, step) = (codec(), state.at.step);
    let keeper = Keeper {
        stage,
        dir: &dir,
        meter: Meter::start(&dir, &stage.name, stage.cost.price(), step)?,
        clock: Clock::new(&stage.train, dir.replay()?),
        metrics: dir.log("metrics.jsonl", step)?,
        samples: dir.log("samples.jsonl", step)?,
        progress: Progress::new(&stage.name, None, Display::Quiet),
        stop,
        digest: "digest".to_owned(),
        parent: None,
        cost_before: Default::default(),
        last_checkpoint: Instant::now(),
    };
    let (prompts, problems) = (Prompts::new(stage, &codec)?, ProblemSet::new(stage, &codec)?);
    let (timings, gradients) = (dir.log("timings.jsonl", step)?, dir.log("gradients.jsonl", step)?);
    GrpoTrainer { keeper, policy, prompts, problems, judge: None, codec, state, timings, gradients }.run()
}

fn train(path: &Path, stage: &StageRecipe, event: Event) -> Result<Outcome> {
    train_with(path, stage, event, 0.0)
}

fn metrics(path: &Path) -> Vec<Value> {
    let mut metrics = read_lines(&path.join("metrics.jsonl")).unwrap();
    for line in &mut metrics {
        let line = line.as_object_mut().unwrap();
        assert!(line.remove("seconds").is_some() && line.remove("dollars").is_some());
    }
    metrics
}

/// Everything but time and money: metrics, samples, gradients, the weights and the counters at the end.
fn result(path: &Path) -> (Vec<Value>, Vec<Value>, Vec<Value>, Vec<u8>, GrpoState) {
    let last = model::checkpoint::latest(&checkpoint::directory(path)).unwrap().unwrap();
    let lines = |name: &str| read_lines(&path.join(name)).unwrap();
    let weights = std::fs::read(last.dir.join("model.safetensors")).unwrap();
    (
        metrics(path),
        lines("samples.jsonl"),
        lines("gradients.jsonl"),
        weights,
        checkpoint::read_state(&last.dir).unwrap(),
    )
}

fn mean_of(lines: &[Value], key: &str) -> f64 {
    lines.iter().map(|line| line[key].as_f64().unwrap()).sum::<f64>() / lines.len() as f64
}

#[test]
fn the_reward_rises_and_rollouts_agree_with_the_update() {
    let dir = tempfile::tempdir().unwrap();
    let mut stage = grpo_stage("");
    let grpo = stage.grpo.as_mut().unwrap();
    (grpo.prompts, grpo.group_size) = (16, 16);
    train(dir.path(), &stage, Event::None).unwrap();
    let metrics = metrics(dir.path());
    assert_eq!(metrics.len(), 21, "step 0 is what training begins from");
    let (first, last) = (mean_of(&metrics[1..5], "reward"), mean_of(&metrics[17..], "reward"));
    assert!(last > 2.0 * first, "{first} {last}");
    for line in &metrics[1..] {
        assert_eq!(line["mismatch_kl"], 0.0, "{line}");
        assert_eq!(line["clip_ratio"], 0.0, "one update a step is on-policy");
    }
    assert_eq!(read_lines(&dir.path().join("timings.jsonl")).unwrap().len(), 20);
}

/// The check that the zero above can fail.
#[test]
fn a_forward_that_differs_from_the_rollouts_shows() {
    let dir = tempfile::tempdir().unwrap();
    train_with(dir.path(), &grpo_stage(""), Event::None, 1e-3).unwrap();
    assert!(metrics(dir.path())[1..].iter().all(|line| line["mismatch_kl"].as_f64().unwrap() > 1e-8));
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_happened() {
    let variants = [
        "",
        "kl = \"k3\"\nbeta = 0.05\nreference_every = 5",
        "minibatches = 3\nepochs = 2\nclip = \"cispo\"\ndynamic_sampling = 2\nloss = \"dr_grpo\"",
    ];
    for more in variants {
        let stage = grpo_stage(more);
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        train(whole.path(), &stage, Event::None).unwrap();
        // Before the first checkpoint, between two, in the middle of rollouts, and in order.
        for event in [Event::DiesInUpdate(2), Event::DiesInRollout(6), Event::DiesInUpdate(5)] {
            let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| train(parts.path(), &stage, event)));
            assert!(died.is_err(), "{more}");
        }
        let stop = StopFlag::default();
        assert!(matches!(train(parts.path(), &stage, Event::StopsAt(2, stop)).unwrap(), Outcome::Paused(_)));
        train(parts.path(), &stage, Event::None).unwrap();
        assert!(result(whole.path()) == result(parts.path()), "{more}");
    }
}

#[test]
fn the_variants_move_the_policy_and_say_what_they_did() {
    let last = |more: &str| {
        let dir = tempfile::tempdir().unwrap();
        train(dir.path(), &grpo_stage(more), Event::None).unwrap();
        metrics(dir.path())
    };
    let kl = last("kl = \"unbiased\"\nbeta = 0.1");
    assert!(kl[20]["kl"].as_f64().unwrap() > 0.0 && kl[1]["kl"] == 0.0);
    let off = last("minibatches = 2\nepochs = 3\nepsilon_low = 0.01\nepsilon_high = 0.02");
    assert!(off[1..].iter().any(|line| line["clip_ratio"].as_f64().unwrap() > 0.0), "later passes are clipped");
    assert!(off[1..].iter().all(|line| line["mismatch_kl"] == 0.0), "measured where the policy has not moved");
    let resampled = last("dynamic_sampling = 3");
    assert!(resampled[1..].iter().all(|line| line["n_groups"] == 6.0));
    let masked = last("overlong = \"mask\"");
    assert!(masked[1]["completions/clipped_ratio"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_random_reward_teaches_nothing_in_particular() {
    let mut stage = grpo_stage("");
    let grpo = stage.grpo.as_mut().unwrap();
    (grpo.reward.format, grpo.reward.random) = (0.0, 1.0);
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), &stage, Event::None).unwrap();
    let reward = mean_of(&metrics(dir.path())[1..], "reward");
    assert!((reward - 0.5).abs() < 0.1, "a coin's mean, from first to last: {reward}");
}

#[test]
fn no_validation_problem_comes_twice() {
    let mut stage = grpo_stage("");
    // Sums of one-digit numbers: a handful, where 500 are asked for.
    stage.data.source[0].mixture = None;
    stage.data.source[0].tasks = vec![tasks::MixtureEntry { task: "addition".to_owned(), weight: 1.0, difficulty: 1 }];
    stage.eval.problems = 500;
    let problems = ProblemSet::new(&stage, &codec()).unwrap();
    let different: std::collections::BTreeSet<String> = problems.examples().map(|e| e.problem.to_string()).collect();
    assert!(!different.is_empty() && different.len() < 500);
    assert_eq!(problems.examples().count(), different.len());
}

#[test]
fn what_dies_in_its_first_rollouts_is_on_the_bill() {
    let dir = tempfile::tempdir().unwrap();
    let died = std::panic::catch_unwind(|| train(dir.path(), &grpo_stage(""), Event::DiesInRollout(2)));
    assert!(died.is_err());
    let attempt: Value = serde_json::from_slice(&std::fs::read(dir.path().join("attempt.json")).unwrap()).unwrap();
    assert!(attempt["spent"]["usage"]["wall_s"].as_f64().unwrap() > 0.0, "{attempt}");
}
