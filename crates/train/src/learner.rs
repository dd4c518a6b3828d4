//! What the training loop asks of a model and its optimizer. The real one is [`crate::model_learner`]; tests of
//! the loop, its files and its resumption use one of a few numbers.

use crate::error::Result;
use crate::schedule::StepSettings;
use engine::{Completion, Request};
use model::checkpoint::TrainingRecord;
use model::{LossSpec, PackedBatch, StepLoss};
use serde_json::Value;
use std::path::Path;

/// A model with its optimizer.
pub trait Learner {
    /// Forward and backward of one micro-batch; gradients add up until [`Learner::update`].
    fn accumulate(&mut self, batch: &PackedBatch, spec: &LossSpec) -> StepLoss;

    /// One optimizer step with the gradients since the last; `loss` is the sum over the step's micro-batches. Returns
    /// the gradients' norm before clipping. A norm that is not finite leaves everything as it was.
    fn update(&mut self, settings: &StepSettings, loss: &StepLoss) -> f64;

    /// Exchanges the weights with their moving average, where one is kept. Call twice.
    fn swap_average(&mut self);

    /// Sum of the weighted next-token losses, in nats.
    fn evaluate(&mut self, batch: &PackedBatch) -> f64;

    /// Longest prompt and completion together.
    fn context(&self) -> usize;

    /// Completes the requests together and returns them in order. `watch` is told now and then how many are complete
    /// and how many tokens were drawn.
    ///
    /// # Panics
    /// On a request that does not fit into [`Learner::context`].
    fn generate(&mut self, requests: Vec<Request>, watch: &mut dyn FnMut(usize, u64)) -> Vec<Completion>;

    /// Operations of training on a batch, by the model's arithmetic (forward and backward, nothing recomputed), with the
    /// MTP module or without.
    fn flops(&self, batch: &PackedBatch, mtp: bool) -> f64;

    /// Writes a checkpoint at `dir`, complete or absent: model, optimizer's state, and the trainer's `counters`.
    ///
    /// # Errors
    /// A full disk, or weights that are not finite.
    fn save(&mut self, dir: &Path, record: &TrainingRecord, counters: Value) -> Result<()>;

    /// Restores what [`Learner::save`] wrote, bit for bit.
    ///
    /// # Errors
    /// Files that are missing or of another model.
    fn restore(&mut self, dir: &Path) -> Result<()>;
}
