//! What surrounds the steps of every stage: its budget, its lines in the logs, its checkpoints, its bill and its end.
//!
//! A stage is a loop of its own ([`crate::trainer`], [`crate::grpo`]) over one of these.

use crate::checkpoint;
use crate::clock::Clock;
use crate::error::{Result, TrainError};
use crate::interrupt::StopFlag;
use crate::learner::Learner;
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::recipe::StageRecipe;
use crate::run_dir::{Done, Log, Meter, RunDir};
use crate::schedule::{Budget, Position};
use crate::trainer::Outcome;
use model::checkpoint::{CostSoFar, KeepRule, TrainingRecord};
use serde::Serialize;
use std::time::Instant;

/// Steps in a row whose gradient may be infinite or NaN before the run gives up.
const MAX_BAD_STEPS: u64 = 10;

/// A stage's files, bill and clock.
pub struct Keeper<'a> {
    /// The stage.
    pub stage: &'a StageRecipe,
    /// Where its files are.
    pub dir: &'a RunDir,
    /// The bill.
    pub meter: Meter,
    /// The budget.
    pub clock: Clock,
    /// `metrics.jsonl`.
    pub metrics: Log,
    /// `samples.jsonl`.
    pub samples: Log,
    /// The line on stderr.
    pub progress: Progress,
    /// Raised to stop in order.
    pub stop: StopFlag,
    /// Digest of the stage's inputs.
    pub digest: String,
    /// What training began from.
    pub parent: Option<String>,
    /// What the model had cost when the stage began.
    pub cost_before: CostSoFar,
    /// When the last checkpoint was written.
    pub last_checkpoint: Instant,
}

impl Keeper<'_> {
    /// The budget for the step at `at`; `so_far` is the one before it. Asks the clock where the budget is in minutes.
    ///
    /// # Errors
    /// A full disk.
    pub fn budget(&mut self, so_far: Option<Budget>, at: Position) -> Result<Budget> {
        let seconds = self.meter.seconds();
        self.clock.budget(&self.stage.train, so_far, at, seconds)
    }

    /// Counts steps in a row without a finite gradient, and gives up after some.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], with what to change.
    pub fn check_finite(&self, grad_norm: f64, n_bad_steps: &mut u64, step: u64) -> Result<()> {
        if grad_norm.is_finite() {
            *n_bad_steps = 0;
            return Ok(());
        }
        *n_bad_steps += 1;
        self.progress.note(&format!("step {step}: the gradient is not finite; the weights stay as they are"));
        if *n_bad_steps < MAX_BAD_STEPS {
            return Ok(());
        }
        Err(TrainError::Diverged(format!(
            "the gradient was not finite in {MAX_BAD_STEPS} steps in a row, up to step {step}; \
             lower train.lr or train.clip, or lengthen train.warmup_steps, and start from an earlier checkpoint"
        )))
    }

    /// The step's line in `metrics.jsonl`, on the screen too; after an evaluation also `report.html`.
    ///
    /// # Errors
    /// A full disk.
    pub fn write_down(&mut self, metrics: &Metrics, at: Position) -> Result<()> {
        let (seconds, dollars) = (self.meter.seconds(), self.meter.dollars());
        self.metrics.append(&metrics.line(at, seconds, dollars))?;
        self.progress.metrics(metrics);
        if metrics.iter().any(|(name, _)| name.starts_with("val/")) {
            self.refresh_report();
        }
        Ok(())
    }

    /// Draws the run's page again. A page that cannot be written is no reason to stop.
    fn refresh_report(&self) {
        if let Err(error) = report::html::refresh(self.dir.path()) {
            self.progress.note(&format!("no report: {error}"));
        }
    }

    /// Whether the recipe wants a checkpoint after this step.
    pub fn is_checkpoint_due(&self, step: u64) -> bool {
        let spec = &self.stage.checkpoint;
        let by_count = spec.every > 0 && step.is_multiple_of(spec.every);
        let by_time = spec.minutes > 0.0 && self.last_checkpoint.elapsed().as_secs_f64() >= 60.0 * spec.minutes;
        by_count || by_time
    }

    /// Writes everything that going on from here needs (`counters` are the loop's own), then removes what is no longer
    /// wanted. `held_out_loss` is what the best checkpoint is chosen by, where it was measured at this very step.
    ///
    /// # Errors
    /// A full disk, or weights that are not finite.
    pub fn write_checkpoint(
        &mut self,
        learner: &mut impl Learner,
        at: Position,
        held_out_loss: Option<f64>,
        counters: &impl Serialize,
    ) -> Result<()> {
        self.metrics.sync()?;
        self.samples.sync()?;
        self.meter.prepare(self.dir, at.step)?;
        let record = self.record(at, held_out_loss);
        let counters = serde_json::to_value(counters).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
        let checkpoints = checkpoint::directory(self.dir.path());
        learner.save(&model::checkpoint::checkpoint_dir(&checkpoints, at.step), &record, counters)?;
        self.meter.keep(self.dir)?;
        let spec = &self.stage.checkpoint;
        model::checkpoint::keep(&checkpoints, KeepRule { last: spec.keep_last, best: spec.keep_best })?;
        self.last_checkpoint = Instant::now();
        Ok(())
    }

    /// `penseur.json`.
    fn record(&self, at: Position, held_out_loss: Option<f64>) -> TrainingRecord {
        TrainingRecord {
            stage: self.stage.name.clone(),
            step: at.step,
            tokens: at.tokens,
            seed: self.stage.seed,
            recipe: self.stage.to_toml(),
            code_version: crate::CODE_VERSION.to_owned(),
            isa: crate::isa_name(),
            parent: self.parent.clone(),
            data_digest: self.digest.clone(),
            cost: self.meter.cost_on_top_of(&self.cost_before),
            held_out_loss,
            extra: serde_json::Map::new(),
        }
    }

    /// Ends the process's part of a stage that will go on later.
    ///
    /// # Errors
    /// A full disk.
    pub fn pause(self, step: u64) -> Result<Outcome> {
        self.progress.clear();
        self.meter.finish(self.dir)?;
        Ok(Outcome::Paused(step))
    }

    /// Whether the checkpoint of this step is there.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn has_checkpoint(&self, step: u64) -> Result<bool> {
        let latest = model::checkpoint::latest(&checkpoint::directory(self.dir.path()))?;
        Ok(latest.is_some_and(|latest| latest.step >= step))
    }

    /// Ends the stage: the checkpoint of `at` is its result.
    ///
    /// # Errors
    /// A full disk.
    pub fn finish(self, at: Position) -> Result<Outcome> {
        let Position { step, tokens } = at;
        self.progress.clear();
        self.meter.finish(self.dir)?;
        let path = model::checkpoint::checkpoint_dir(&checkpoint::directory(self.dir.path()), step);
        let checkpoint = path.strip_prefix(self.dir.path()).unwrap_or(&path).to_owned();
        self.dir.write_json("done.json", &Done { digest: self.digest, checkpoint, steps: step, tokens })?;
        Ok(Outcome::Finished(path))
    }
}
