//! Log-probabilities of targets on rows of logits, `[rows, vocab]` f32, and the way back: cross-entropy, and the loss of
//! reinforcement learning.
//!
//! The head computes logits in chunks of rows; these kernels turn one chunk into log-probabilities of the targets and
//! back into the gradient of the logits, so that the logits of a batch are never all in memory. What a row means is
//! [`crate::distribution`]'s business, for sampling as for learning.

use crate::distribution::{Distribution, Filter, RowGrad};
use crate::isa::Isa;
use crate::parallel::{SharedMut, for_rows};
use crate::simd::Element;

/// Element-operations that one logit stands for when work is shared out.
const OPS: usize = 8;

/// Rows of logits with a target each.
#[derive(Clone, Copy)]
pub struct Scores<'a> {
    /// Logits in a row.
    pub vocab: usize,
    /// `[rows, vocab]`
    pub logits: &'a [f32],
    /// `[rows]`
    pub targets: &'a [u32],
}

impl Scores<'_> {
    fn check(&self, name: &str) {
        let (rows, vocab, logits) = (self.targets.len(), self.vocab, self.logits.len());
        assert!(
            vocab > 0 && logits == rows * vocab,
            "{name}: {logits} logits for {rows} targets in a vocabulary of {vocab}"
        );
        if let Some(target) = self.targets.iter().find(|t| **t as usize >= vocab) {
            panic!("{name}: target {target} is outside the vocabulary of {vocab}");
        }
    }

    fn row(&self, r: usize) -> &[f32] {
        &self.logits[r * self.vocab..][..self.vocab]
    }
}

/// What [`log_probs`] finds, an entry a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogProbs {
    /// `ln p(target)`
    pub logp: Vec<f32>,
    /// What the rest of the row is.
    pub rows: Vec<Distribution>,
}

/// The log-probability of each row's target under `filter`, and the distributions, with their entropy where asked for.
///
/// # Panics
/// When a length does not fit or a target is outside the vocabulary.
pub fn log_probs(scores: Scores, filter: &Filter, wants_entropy: bool) -> LogProbs {
    log_probs_on(Isa::active(), scores, filter, wants_entropy)
}

/// [`log_probs`] on a given instruction set.
pub fn log_probs_on(isa: Isa, scores: Scores, filter: &Filter, wants_entropy: bool) -> LogProbs {
    scores.check("log_probs");
    let n = scores.targets.len();
    let mut found = LogProbs { logp: vec![0.0; n], rows: vec![Distribution::default(); n] };
    let (logp, rows) = (SharedMut::new(&mut found.logp), SharedMut::new(&mut found.rows));
    for_rows(n, scores.vocab * OPS, |chunk| {
        // SAFETY: chunks of rows are disjoint.
        let (logp, rows) = unsafe { (logp.part(chunk.start, chunk.len()), rows.part(chunk.start, chunk.len())) };
        for (i, r) in chunk.enumerate() {
            rows[i] = Distribution::new_on(isa, scores.row(r), filter, wants_entropy);
            logp[i] = rows[i].log_prob(scores.row(r), scores.targets[r]);
        }
    });
    found
}

/// The gradients of a loss with respect to what a row gives it.
#[derive(Clone, Copy)]
pub struct RowGrads<'a> {
    /// With respect to each `ln p(target)`.
    pub dlogp: &'a [f32],
    /// With respect to each entropy; empty where no entropy is in the loss.
    pub dentropy: &'a [f32],
}

/// Writes `dlogits [rows, vocab]`; `rows` is what the forward found. A target outside its support has no gradient.
///
/// # Panics
/// When a length does not fit or a target is outside the vocabulary.
pub fn log_probs_backward<T: Element>(scores: Scores, rows: &[Distribution], grads: RowGrads, dlogits: &mut [T]) {
    log_probs_backward_on(Isa::active(), scores, rows, grads, dlogits);
}

/// [`log_probs_backward`] on a given instruction set.
pub fn log_probs_backward_on<T: Element>(
    isa: Isa,
    scores: Scores,
    rows: &[Distribution],
    grads: RowGrads,
    dlogits: &mut [T],
) {
    const NAME: &str = "log_probs_backward";
    scores.check(NAME);
    let (n, vocab, RowGrads { dlogp, dentropy }) = (scores.targets.len(), scores.vocab, grads);
    let fits = rows.len() == n && dlogp.len() == n && (dentropy.is_empty() || dentropy.len() == n);
    assert!(fits, "{NAME}: {n} targets, {} rows, {} and {} gradients", rows.len(), dlogp.len(), dentropy.len());
    assert_eq!(dlogits.len(), scores.logits.len(), "{NAME}: gradients of the logits");
    let dlogits = SharedMut::new(dlogits);
    for_rows(n, vocab * OPS, |chunk| {
        for r in chunk {
            // SAFETY: rows are disjoint.
            let dlogits = unsafe { dlogits.part(r * vocab, vocab) };
            let dentropy = dentropy.get(r).copied().unwrap_or(0.0);
            let grad = RowGrad { target: scores.targets[r], dlogp: dlogp[r], dentropy };
            rows[r].backward(isa, scores.row(r), grad, dlogits);
        }
    });
}

#[cfg(test)]
mod tests;
