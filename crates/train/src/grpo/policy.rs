//! What reinforcement learning asks of a model beyond supervised training.

use crate::learner::Learner;
use kernels::distribution::Filter;
use model::PackedBatch;

/// dL/dlog π of the learnt rows of a document (by its index in the batch), given log π of them.
pub type SlopesOf<'a> = dyn FnMut(usize, &[f32]) -> Vec<f32> + Send + 'a;

/// A model that can be reinforced.
pub trait Policy: Learner {
    /// Forward and backward of a micro-batch whose loss has the slopes that `slopes_of` gives; gradients add up until
    /// [`Learner::update`]. The learnt rows are those with a weight other than 0 (the weight itself does not count), their
    /// log π is under `filter`, the rollouts' temperature and truncation. Documents without learnt rows are not asked about.
    fn reinforce(&mut self, batch: &PackedBatch, filter: &Filter, slopes_of: &mut SlopesOf);

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
