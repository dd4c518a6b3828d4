//! What the engine asks of a model: a vocabulary, a pool of KV blocks, and one forward pass over many sequences.
//!
//! The pool belongs to the model (it knows what a position costs and in which type it is kept); which block holds
//! which position is the engine's business ([`crate::block_manager`]). Tests use a mock that keeps tokens in place of
//! keys and values.

/// Positions in one KV block, counted from the start of a sequence.
pub const BLOCK_SIZE: usize = 64;

/// One sequence's new tokens in a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct SeqStep<'a> {
    /// The tokens to append, at least one; the first has position `n_cached`.
    pub tokens: &'a [u32],
    /// Positions already in this sequence's blocks.
    pub n_cached: usize,
    /// Indices into the model's pool, one for each [`BLOCK_SIZE`] positions, enough for `n_cached + tokens.len()`.
    /// A block may be shared with other sequences up to `n_cached`; what this step writes is its own.
    pub blocks: &'a [u32],
}

/// A model as the engine sees it.
///
/// A sequence's logits must not depend on which other steps share the call, nor on how its tokens were divided into
/// calls: then batching, preemption and the prefix cache leave every answer as it was.
pub trait LanguageModel: Send {
    /// Number of token ids; every id of a request is below it.
    fn vocab_size(&self) -> usize;

    /// Longest sequence (prompt and completion) the model can represent.
    fn max_positions(&self) -> usize;

    /// KV blocks of [`BLOCK_SIZE`] positions in this model's pool.
    fn n_blocks(&self) -> usize;

    /// Appends each step's tokens to its cache; returns the logits of each step's last token, `[steps.len(), vocab_size]`.
    fn forward(&mut self, steps: &[SeqStep]) -> Vec<f32>;
}
