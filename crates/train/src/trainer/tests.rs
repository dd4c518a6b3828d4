use super::{Outcome, Trainer};
use crate::accuracy::ProblemSet;
use crate::checkpoint::{self, STATE_NAME, TrainerState};
use crate::clock::Clock;
use crate::data::tests::{Counting, codec, stage};
use crate::data::{Loader, Source, ValidationSet, prefetch::Prefetch};
use crate::error::Result;
use crate::interrupt::StopFlag;
use crate::keeper::Keeper;
use crate::learner::Learner;
use crate::progress::{Display, Progress};
use crate::recipe::StageRecipe;
use crate::run_dir::{Meter, RunDir, read_ledger, read_lines};
use crate::schedule::StepSettings;
use engine::{Completion, FinishReason, Finished, Request, Timings, Token, TokenKind, Usage};
use model::checkpoint::{Contents, State, TrainingRecord, checkpoint_dir};
use model::presets::Dial;
use model::weights::{OutTensor, OutValues, StoredType, Weights};
use model::{Config, LossSpec, PackedBatch, StepLoss};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Eight weights that every token moves; dies at a step of its life, or stops there, or sees an infinite gradient.
struct Mock {
    weights: Vec<f32>,
    grads: Vec<f32>,
    n_updates: u64,
    event: Event,
}

#[derive(Clone)]
enum Event {
    None,
    DiesAt(u64),
    StopsAt(u64, StopFlag),
    Diverges,
}

impl Mock {
    fn new(event: Event) -> Mock {
        Mock { weights: vec![1.0; 8], grads: vec![0.0; 8], n_updates: 0, event }
    }
}

impl Learner for Mock {
    fn accumulate(&mut self, batch: &PackedBatch, spec: &LossSpec) -> StepLoss {
        for (i, (token, target)) in batch.tokens.iter().zip(&batch.targets).enumerate() {
            self.grads[i % 8] += (*token as f32 - 0.7 * *target as f32) / spec.main_norm as f32;
        }
        StepLoss { loss: f64::from(self.weights.iter().sum::<f32>()), ..StepLoss::default() }
    }

    fn update(&mut self, settings: &StepSettings, _: &StepLoss) -> f64 {
        self.n_updates += 1;
        match &self.event {
            Event::DiesAt(n) if *n == self.n_updates => panic!("killed"),
            Event::StopsAt(n, flag) if *n == self.n_updates => flag.raise(),
            Event::Diverges => return f64::NAN,
            _ => {}
        }
        for (w, g) in self.weights.iter_mut().zip(&mut self.grads) {
            *w -= settings.lr as f32 * *g;
            *g = 0.0;
        }
        1.0
    }

    fn swap_average(&mut self) {}

    fn evaluate(&mut self, batch: &PackedBatch) -> f64 {
        batch.len() as f64 * f64::from(self.weights[0]).abs()
    }

    fn context(&self) -> usize {
        64
    }

    fn generate(&mut self, requests: Vec<Request>, _: &mut dyn FnMut(usize, u64)) -> Vec<Completion> {
        let token = |id, kind| Token { id, logprob: -1.0, kind, chosen: true };
        let finished = Finished {
            reason: FinishReason::Stop,
            thinking_stop_reason: None,
            usage: Usage::default(),
            timings: Timings::default(),
        };
        let complete = |request: Request| Completion {
            tokens: vec![token(40, TokenKind::Answer), token(request.stop_tokens[0], TokenKind::Stop)],
            finished: finished.clone(),
        };
        requests.into_iter().map(complete).collect()
    }

    fn flops(&self, batch: &PackedBatch, _mtp: bool) -> f64 {
        batch.len() as f64
    }

    fn save(&mut self, dir: &Path, record: &TrainingRecord, counters: Value) -> Result<()> {
        let dial =
            Dial { depth: 1, vocab_size: 300, max_position_embeddings: 64, experts: false, tie_word_embeddings: true };
        let config = Config::DeepseekV3(dial.deepseek_v3());
        let values = OutValues::F32(&self.weights);
        let tensor = OutTensor { name: "w".to_owned(), shape: vec![8], values, stored: StoredType::F32 };
        let states = vec![State { name: STATE_NAME, tensors: Vec::new(), json: counters }];
        let contents =
            Contents { config: &config, tensors: vec![tensor], files: Vec::new(), record: Some(record), states };
        Ok(model::checkpoint::write(dir, &contents)?)
    }

    fn restore(&mut self, dir: &Path) -> Result<()> {
        Ok(Weights::open(dir)?.read_f32("w", &[8], &mut self.weights)?)
    }
}

fn test_stage() -> StageRecipe {
    stage(
        "[[data.source]]\nkind = \"task\"\nmixture = \"addition\"\n",
        "warmup_steps = 3\n[eval]\nevery = 5\ntokens = 400\nproblems = 2\n[checkpoint]\nevery = 4\nkeep_last = 2\n",
    )
}

/// Opens the directory as a process would, and trains until the end or the event.
fn train(path: &Path, stage: &StageRecipe, event: Event) -> Result<Outcome> {
    let dir = RunDir::open(path)?;
    let checkpoints = checkpoint::directory(path);
    model::checkpoint::clean_up(&checkpoints)?;
    let latest = model::checkpoint::latest(&checkpoints)?;
    let state: TrainerState =
        latest.as_ref().map(|found| checkpoint::read_state(&found.dir)).transpose()?.unwrap_or_default();
    let stop = if let Event::StopsAt(_, flag) = &event { flag.clone() } else { StopFlag::default() };
    let mut learner = Mock::new(event);
    if let Some(found) = &latest {
        learner.restore(&found.dir)?;
    }
    let codec = codec();
    let sources: Vec<Arc<dyn Source>> = vec![Arc::new(Counting { label: "counting", n_tokens: 30 })];
    let keeper = Keeper {
        stage,
        dir: &dir,
        meter: Meter::start(&dir, &stage.name, stage.cost.price(), state.at.step)?,
        clock: Clock::new(&stage.train, dir.replay()?),
        metrics: dir.log("metrics.jsonl", state.at.step)?,
        samples: dir.log("samples.jsonl", state.at.step)?,
        progress: Progress::new(&stage.name, None, Display::Quiet),
        stop,
        digest: "digest".to_owned(),
        parent: None,
        cost_before: Default::default(),
        last_checkpoint: Instant::now(),
    };
    let validation = ValidationSet::new(stage, &sources, &codec);
    let problems = ProblemSet::new(stage, &codec)?;
    let data = Prefetch::start(Loader::new(sources, vec![1.0], &stage.train, state.loader.clone()));
    Trainer { keeper, learner, data, validation, problems, state }.run()
}

/// Everything but time and money, and the weights at the end.
fn result(path: &Path) -> (Vec<Value>, Vec<Value>, Vec<f32>) {
    let mut metrics = read_lines(&path.join("metrics.jsonl")).unwrap();
    for line in &mut metrics {
        let line = line.as_object_mut().unwrap();
        assert!(line.remove("seconds").is_some() && line.remove("dollars").is_some());
    }
    let mut weights = vec![0.0; 8];
    let last = model::checkpoint::latest(&checkpoint::directory(path)).unwrap().unwrap();
    Weights::open(&last.dir).unwrap().read_f32("w", &[8], &mut weights).unwrap();
    (metrics, read_lines(&path.join("samples.jsonl")).unwrap(), weights)
}

#[test]
fn a_run_leaves_what_it_promises() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = train(dir.path(), &test_stage(), Event::None).unwrap();
    let checkpoints = checkpoint::directory(dir.path());
    assert_eq!(outcome, Outcome::Finished(checkpoint_dir(&checkpoints, 20)));
    let (metrics, samples, _) = result(dir.path());
    assert_eq!(metrics.len(), 20);
    let steps_with = |key: &str| {
        metrics.iter().filter(|l| l.get(key).is_some()).map(|l| l["step"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(steps_with("val/bpb"), [5, 10, 15, 20]);
    assert_eq!(steps_with("val/accuracy"), [5, 10, 15, 20]);
    assert_eq!(steps_with("loss").len(), 20);
    assert_eq!(samples.len(), 8);
    let kept = model::checkpoint::list(&checkpoints).unwrap();
    assert!(kept.iter().rev().take(2).map(|e| e.step).eq([20, 16]), "the last two");
    let ledger = read_ledger(dir.path()).unwrap();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].usage.tokens, metrics[19]["tokens"].as_u64().unwrap());
    assert!(dir.path().join("done.json").exists());
}

#[test]
fn kills_and_stops_change_nothing_but_time_and_money() {
    let whole = tempfile::tempdir().unwrap();
    train(whole.path(), &test_stage(), Event::None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::panic::set_hook(Box::new(|_| {})); // the kills below are meant
    for event in
        [Event::DiesAt(2), Event::DiesAt(7), Event::StopsAt(6, StopFlag::default()), Event::DiesAt(3), Event::None]
    {
        let (path, stage) = (dir.path(), test_stage());
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| train(path, &stage, event)));
        // What a kill may leave behind.
        std::fs::create_dir_all(checkpoint::directory(path).join("step_99.tmp")).unwrap();
    }
    let _ = std::panic::take_hook();
    assert_eq!(result(dir.path()), result(whole.path()));
    let ledger = read_ledger(dir.path()).unwrap();
    assert_eq!(ledger.last().unwrap().attempt, 5);
    assert!(ledger.iter().any(|line| line.lost && line.usage.tokens > 0), "lost work has its own line");
    let kept: u64 = ledger.iter().filter(|line| !line.lost).map(|line| line.usage.tokens).sum();
    let (metrics, _, _) = result(dir.path());
    assert_eq!(kept, metrics.last().unwrap()["tokens"].as_u64().unwrap(), "kept work adds up to the run");
}

#[test]
fn a_stop_finishes_the_step_and_writes_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = train(dir.path(), &test_stage(), Event::StopsAt(6, StopFlag::default())).unwrap();
    assert_eq!(outcome, Outcome::Paused(6));
    let latest = model::checkpoint::latest(&checkpoint::directory(dir.path())).unwrap().unwrap();
    assert_eq!(latest.step, 6);
    assert!(!dir.path().join("done.json").exists());
}

#[test]
fn a_diverging_run_gives_up_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let error = train(dir.path(), &test_stage(), Event::Diverges).unwrap_err().to_string();
    assert!(error.contains("10 steps in a row") && error.contains("lower train.lr"), "{error}");
}

#[test]
fn a_budget_in_minutes_repeats_what_the_clock_said() {
    let mut stage = test_stage();
    (stage.train.steps, stage.train.minutes) = (None, Some(1e-9));
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), &stage, Event::None).unwrap();
    let (first, _, weights) = result(dir.path());
    assert_eq!(first.len(), 10, "the clock is asked at step 10 first");
    // The same steps again, with time enough for many more: they repeat what was written down.
    std::fs::remove_dir_all(checkpoint::directory(dir.path())).unwrap();
    stage.train.minutes = Some(1e9);
    train(dir.path(), &stage, Event::None).unwrap();
    let (second, _, again) = result(dir.path());
    assert_eq!((first, weights), (second, again));
}
