//! The training loop: step, evaluate, write down, keep. It serves pretraining and supervised fine-tuning alike; what
//! differs between them is in the recipe.
//!
//! Everything but time and money is a function of (recipe, data, code version, instruction set): see ARCHITECTURE.md,
//! invariant 4.

#[cfg(test)]
mod tests;

use crate::accuracy::ProblemSet;
use crate::checkpoint::{Best, TrainerState};
use crate::data::prefetch::Prefetch;
use crate::data::{StepBatch, ValidationSet};
use crate::error::Result;
use crate::keeper::Keeper;
use crate::learner::Learner;
use crate::metrics::Metrics;
use crate::progress::Snapshot;
use crate::schedule::{self, Budget, Position, StepSettings};
use model::{LossSpec, StepLoss};
use std::path::PathBuf;

/// How a stage ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It reached its budget; the result is the checkpoint in this directory.
    Finished(PathBuf),
    /// It was asked to stop, and wrote a checkpoint at this step first.
    Paused(u64),
}

/// A stage in progress.
pub struct Trainer<'a, L> {
    /// Its files, bill and clock.
    pub keeper: Keeper<'a>,
    /// The model and its optimizer.
    pub learner: L,
    /// Its steps' batches.
    pub data: Prefetch,
    /// What the loss is measured on.
    pub validation: ValidationSet,
    /// What accuracy is measured on.
    pub problems: ProblemSet,
    /// The counters.
    pub state: TrainerState,
}

impl<L: Learner> Trainer<'_, L> {
    /// Trains until the budget is spent or a stop is asked for.
    ///
    /// # Errors
    /// A full disk, a run that diverges, data without content. What was written up to the last checkpoint stays good.
    pub fn run(mut self) -> Result<Outcome> {
        while !self.is_finished()? {
            let mut metrics = self.step()?;
            let is_best = self.evaluate_when_due(&mut metrics)?;
            self.keeper.write_down(&metrics, self.state.at)?;
            let stops = self.keeper.stop.is_raised();
            if stops || is_best || self.keeper.is_checkpoint_due(self.state.at.step) {
                self.write_checkpoint()?;
            }
            if stops {
                return self.keeper.pause(self.state.at.step);
            }
        }
        self.finish()
    }

    /// Whether the budget is spent; asks the clock first.
    fn is_finished(&mut self) -> Result<bool> {
        let budget = self.keeper.budget(self.state.budget, self.state.at)?;
        self.state.budget = Some(budget);
        Ok(budget.is_spent(self.state.at))
    }

    /// One optimizer step over its micro-batches.
    fn step(&mut self) -> Result<Metrics> {
        let batch = self.data.next_step()?;
        let settings = schedule::settings(&self.keeper.stage.train, self.budget(), self.state.at);
        let spec = LossSpec::over(&batch.micro, settings.mtp_weight as f32, settings.balance_alpha as f32);
        let mut loss = StepLoss::default();
        let mut flops = 0.0;
        for micro in &batch.micro {
            loss.add(&self.learner.accumulate(micro, &spec));
            flops += self.learner.flops(micro, settings.mtp_weight > 0.0);
        }
        let grad_norm = self.learner.update(&settings, &loss);
        self.keeper.check_finite(grad_norm, &mut self.state.n_bad_steps, self.state.at.step + 1)?;
        let n_tokens = batch.after.tokens - self.state.at.tokens;
        self.state.at = Position { step: self.state.at.step + 1, tokens: batch.after.tokens };
        self.keeper.meter.add(self.keeper.dir, self.state.at.step, n_tokens, flops)?;
        self.keeper.progress.step(&Snapshot {
            at: self.state.at,
            share_done: self.budget().progress(self.state.at),
            flops,
            n_tokens,
            dollars: self.keeper.meter.dollars(),
        });
        let metrics = step_metrics(&settings, &loss, grad_norm, &batch);
        self.state.loader = Some(batch.after);
        Ok(metrics)
    }

    /// Measures held-out loss and accuracy where they are due. True if the loss is the lowest so far and to be kept.
    fn evaluate_when_due(&mut self, metrics: &mut Metrics) -> Result<bool> {
        let (every, step) = (self.keeper.stage.eval.every, self.state.at.step);
        self.state.held_out_loss = None;
        // Whether this is the last step may depend on the clock, but only through what was written down.
        let is_last = self.is_finished()?;
        if !(is_last || every > 0 && step.is_multiple_of(every)) {
            return Ok(false);
        }
        self.learner.swap_average();
        let loss = self.measure_loss(metrics);
        self.state.held_out_loss = loss;
        let (meter, dir, progress) = (&mut self.keeper.meter, self.keeper.dir, &self.keeper.progress);
        let mut watch = |n_done: usize, _| {
            meter.beat(dir);
            progress.phase(&format!("step {step} evaluation, {n_done} answers"));
        };
        self.problems.measure(&mut self.learner, step, metrics, &mut self.keeper.samples, &mut watch)?;
        self.learner.swap_average();
        self.keeper.progress.evaluated(step, metrics);
        let is_best = loss.is_some_and(|loss| self.state.best.is_none_or(|best| loss < best.loss));
        if let (true, Some(loss)) = (is_best, loss) {
            self.state.best = Some(Best { step, loss });
        }
        Ok(is_best && self.keeper.stage.checkpoint.keep_best)
    }

    fn measure_loss(&mut self, metrics: &mut Metrics) -> Option<f64> {
        let (mut nats, mut tokens, mut bytes) = (0.0, 0.0, 0);
        for group in &self.validation.groups {
            let group_nats: f64 = group.batches.iter().map(|batch| self.learner.evaluate(batch)).sum();
            if self.validation.groups.len() > 1 {
                metrics.set(&format!("val/{}/bpb", group.label), bits_per_byte(group_nats, group.n_bytes));
            }
            nats += group_nats;
            tokens += group.n_tokens;
            bytes += group.n_bytes;
        }
        if tokens == 0.0 {
            return None;
        }
        metrics.set("val/loss", nats / tokens);
        metrics.set("val/bpb", bits_per_byte(nats, bytes));
        Some(nats / tokens)
    }

    fn write_checkpoint(&mut self) -> Result<()> {
        self.keeper.write_checkpoint(&mut self.learner, self.state.at, self.state.held_out_loss, &self.state)
    }

    fn finish(mut self) -> Result<Outcome> {
        if !self.keeper.has_checkpoint(self.state.at.step)? {
            self.write_checkpoint()?;
        }
        self.keeper.finish(self.state.at)
    }

    fn budget(&self) -> Budget {
        self.state.budget.expect("the budget is known once the run has begun")
    }
}

fn step_metrics(settings: &StepSettings, loss: &StepLoss, grad_norm: f64, batch: &StepBatch) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.set("loss", loss.loss);
    if settings.mtp_weight > 0.0 && loss.mtp_loss != 0.0 {
        metrics.set("mtp_loss", loss.mtp_loss);
    }
    if !loss.expert_load.is_empty() {
        metrics.set("balance/loss", loss.balance_loss);
        metrics.set("balance/max_violation", max_violation(&loss.expert_load));
    }
    metrics.set("grad_norm", grad_norm);
    metrics.set("lr", settings.lr);
    metrics.set("batch_tokens", batch.micro.iter().map(model::PackedBatch::len).sum::<usize>() as f64);
    metrics.set("data/truncated", batch.after.n_truncated as f64);
    metrics.set("data/skipped", batch.after.n_skipped as f64);
    metrics
}

/// How far the busiest expert of any layer is above the mean, as a share of it ("MaxVio", Wang et al. 2024,
/// arXiv:2408.15664, section 4.1).
fn max_violation(expert_load: &[Vec<u64>]) -> f64 {
    let violation = |load: &Vec<u64>| {
        let mean = load.iter().sum::<u64>() as f64 / load.len().max(1) as f64;
        let busiest = load.iter().copied().max().unwrap_or(0) as f64;
        if mean > 0.0 { busiest / mean - 1.0 } else { 0.0 }
    };
    expert_load.iter().map(violation).fold(0.0, f64::max)
}

fn bits_per_byte(nats: f64, bytes: u64) -> f64 {
    nats / std::f64::consts::LN_2 / bytes.max(1) as f64
}
