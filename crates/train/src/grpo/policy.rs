//! What reinforcement learning asks of a model beyond supervised training.

use crate::learner::Learner;
use kernels::distribution::Filter;
use model::PackedBatch;

/// dL/dlog π of a batch's learnt rows.
pub enum Slopes<'a> {
    /// Known beforehand: the rollouts' own log-probabilities are the policy's, since it has not moved.
    Known(Vec<f32>),
    /// From the policy's log-probabilities of those rows, which takes a second pass over the head.
    Of(&'a mut dyn FnMut(&[f32]) -> Vec<f32>),
}

/// A model that can be reinforced.
pub trait Policy: Learner {
    /// Forward and backward of a micro-batch whose loss has the given slopes; gradients add up until
    /// [`Learner::update`]. The learnt rows are those with a weight other than 0 (the weight itself does not count).
    /// Returns log π of each of them, in row order, under `filter`, the
    /// rollouts' temperature and truncation.
    fn reinforce(&mut self, batch: &PackedBatch, filter: &Filter, slopes: Slopes) -> Vec<f32>;

    /// log π of the learnt rows under `filter`, without gradients.
    fn score(&mut self, batch: &PackedBatch, filter: &Filter) -> Vec<f32>;

    /// log π_ref of the learnt rows, under the reference. The reference is the policy as it was when
    /// [`Policy::set_reference`] was last called.
    ///
    /// # Panics
    /// Without a reference.
    fn score_reference(&mut self, batch: &PackedBatch, filter: &Filter) -> Vec<f32>;

    /// Makes the policy, as it is now, the reference.
    fn set_reference(&mut self);

    /// Whether the next updates note the norm of each tensor's gradient.
    fn watch_gradients(&mut self, on: bool);

    /// L2 norm of each tensor's gradient in the last update that was watched, by name; only tensors that the loss
    /// reaches. Empty without one.
    fn gradient_norms(&mut self) -> Vec<(String, f64)>;
}
