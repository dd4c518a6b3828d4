//! The loss of reinforcement learning at the output head: log-probabilities of chosen tokens under the distribution that
//! they were drawn from, and a gradient for each of them that the caller's objective decides.

use super::loss::HeadChunk;
use crate::{ParamId, Tape, Tensor, Var};
use kernels::distribution::{Distribution, Filter};
use kernels::loss::RowGrads;

/// Which rows are looked at, and how.
#[derive(Clone, Copy)]
pub struct PolicyRows<'r> {
    /// The token that follows each row `[t]`.
    pub targets: &'r [u32],
    /// The rows of interest of each document, in ascending order.
    pub documents: &'r [Vec<usize>],
    /// The sampler's.
    pub filter: &'r Filter,
}

/// Log-probability and entropy of each row of interest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenLogProbs {
    /// ln p(target), under temperature and filters: the bits that the sampler recorded.
    pub logp: Vec<f32>,
    /// The entropy of the distribution drawn from, in nats.
    pub entropy: Vec<f32>,
}

/// The gradient of a document's loss with respect to what [`TokenLogProbs`] holds of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenGrads {
    /// With respect to each ln p(target).
    pub dlogp: Vec<f32>,
    /// With respect to each entropy; empty where the loss has none.
    pub dentropy: Vec<f32>,
}

/// From a document (its index, and what its rows of interest say) to the gradient of its loss. Called once for each
/// document that has such rows, in order.
pub type Objective<'o> = dyn FnMut(usize, &TokenLogProbs) -> TokenGrads + Send + 'o;

impl<'a> Tape<'a> {
    /// `x [t, d]` and `head [v, d]`: the log-probabilities of `rows`, document after document. On a training tape a root
    /// of the backward: the gradients are what `objective` answers.
    ///
    /// The logits of a document that does not fit one chunk are computed twice.
    pub fn head_policy(
        &mut self,
        x: &Var,
        head: ParamId,
        rows: &PolicyRows,
        objective: &mut Objective,
    ) -> TokenLogProbs {
        assert_eq!(x.value.n_rows(), rows.targets.len(), "head_policy: rows of {:?} and targets", x.value.shape());
        let mut dx = self.head_gradient(x);
        let mut all = TokenLogProbs::default();
        let n_max = self.head_chunk_rows(head);
        let mut first = 0;
        while first < rows.documents.len() {
            let n_docs = documents_in_chunk(&rows.documents[first..], n_max);
            let documents = first..first + n_docs;
            let idx: Vec<usize> = rows.documents[documents.clone()].concat();
            let chunks: Vec<&[usize]> = idx.chunks(n_max).collect();
            let mut found = TokenLogProbs::default();
            let mut kept: Option<HeadChunk> = None;
            for part in &chunks {
                drop(kept.take()); // before there is another
                let chunk = self.head_chunk((x, head), part, rows.targets, (rows.filter, true));
                found.logp.extend_from_slice(&chunk.found.logp);
                found.entropy.extend(chunk.found.rows.iter().map(Distribution::entropy));
                kept = Some(chunk);
            }
            if let Some(dx) = &mut dx {
                let lens = rows.documents[documents.clone()].iter().map(Vec::len);
                let grads = document_grads(documents.clone().zip(lens), &found, objective);
                self.policy_backward((x, head), rows, (&chunks, kept), &grads, dx);
            }
            all.logp.append(&mut found.logp);
            all.entropy.append(&mut found.entropy);
            first += n_docs;
        }
        self.head_done(x, dx);
        all
    }

    /// `last` is the last of `chunks` as it was scored; the others are scored again.
    fn policy_backward(
        &mut self,
        (x, head): (&Var, ParamId),
        rows: &PolicyRows,
        (chunks, last): (&[&[usize]], Option<HeadChunk>),
        grads: &TokenGrads,
        dx: &mut Tensor,
    ) {
        let mut end: usize = chunks.iter().map(|part| part.len()).sum();
        let mut last = last;
        for part in chunks.iter().rev() {
            let chunk = last.take().unwrap_or_else(|| {
                self.head_chunk((x, head), part, rows.targets, (rows.filter, !grads.dentropy.is_empty()))
            });
            let start = end - part.len();
            let of = |all: &'_ [f32]| -> Vec<f32> { all.get(start..end).unwrap_or_default().to_vec() };
            let (dlogp, dentropy) = (of(&grads.dlogp), of(&grads.dentropy));
            self.head_backward(head, &chunk, RowGrads { dlogp: &dlogp, dentropy: &dentropy }, dx);
            end = start;
        }
    }
}

/// How many documents go together through the head: as many as fit, at least one.
fn documents_in_chunk(documents: &[Vec<usize>], n_max: usize) -> usize {
    let mut n_rows = 0;
    let fits = documents.iter().take_while(|rows| {
        n_rows += rows.len();
        n_rows <= n_max
    });
    fits.count().max(1)
}

/// Asks for the gradient of each document (index and number of rows), and lays them side by side.
fn document_grads(
    documents: impl Iterator<Item = (usize, usize)>,
    found: &TokenLogProbs,
    objective: &mut Objective,
) -> TokenGrads {
    let mut grads = TokenGrads::default();
    let mut start = 0;
    for (idx, len) in documents.filter(|(_, len)| *len > 0) {
        if found.logp.is_empty() {
            continue; // the meta device has no values
        }
        let of = |all: &[f32]| all[start..start + len].to_vec();
        let document = TokenLogProbs { logp: of(&found.logp), entropy: of(&found.entropy) };
        let TokenGrads { dlogp, dentropy } = objective(idx, &document);
        let n_entropy = dentropy.len();
        assert!(
            dlogp.len() == len && (n_entropy == 0 || n_entropy == len),
            "document {idx}: {} and {n_entropy} gradients for {len} tokens",
            dlogp.len()
        );
        grads.dlogp.extend(dlogp);
        if n_entropy > 0 {
            grads.dentropy.resize(start, 0.0);
            grads.dentropy.extend(dentropy);
        } else if !grads.dentropy.is_empty() {
            grads.dentropy.resize(start + len, 0.0);
        }
        start += len;
    }
    grads
}
