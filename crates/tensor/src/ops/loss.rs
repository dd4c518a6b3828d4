//! The output head and what a loss makes of it in one operation, a chunk of rows at a time: the logits of a batch are
//! never all in memory. A loss is a root of the backward, so the gradients of the head are made in the forward pass, from
//! each chunk's logits while they are there.

use super::linear::matmul;
use crate::tensor::by_dtype;
use crate::{DType, ParamId, Tape, Tensor, Var};
use kernels::distribution::Filter;
use kernels::gemm::{Gemm, Layout, gemm};
use kernels::loss::{LogProbs, RowGrads, Scores, log_probs, log_probs_backward};

/// Logits in flight at once: 4 Mi values, 16 MiB, where the vocabulary is small.
const CHUNK_VALUES: usize = 1 << 22;
/// Rows in flight at least: fewer would spend the time of the product on reading the head.
const MIN_CHUNK_ROWS: usize = 256;

/// What a loss operation returns.
#[derive(Clone, Debug, Default)]
pub struct LossSum {
    /// The sum of weight · -log p(target): what backward differentiates.
    pub loss: f64,
    /// log p(target) of each row whose weight is not zero, in row order.
    pub logprobs: Vec<f32>,
}

/// Some rows of `x` on their way through the head.
pub(super) struct HeadChunk<'r> {
    rows: &'r [usize],
    part: Tensor,
    logits: Tensor,
    targets: Vec<u32>,
    /// Empty on the meta device.
    pub(super) found: LogProbs,
}

impl<'a> Tape<'a> {
    /// `x [t, d]` and `head [v, d]`: the sum over rows of `weights[t] · -log softmax(x·headᵀ)[targets[t]]`. Rows of
    /// weight zero cost nothing. A root of the backward, so weights carry every factor (mean, λ of MTP).
    pub fn head_loss(&mut self, x: &Var, head: ParamId, targets: &[u32], weights: &[f32]) -> LossSum {
        let t = x.value.n_rows();
        assert_eq!(
            (t, t),
            (targets.len(), weights.len()),
            "head_loss: rows of {:?}, targets, weights",
            x.value.shape()
        );
        let is_meta = x.value.is_meta();
        let rows: Vec<usize> = (0..t).filter(|&i| is_meta || weights[i] != 0.0).collect();
        let mut dx = self.head_gradient(x);
        let mut sum = LossSum::default();
        for rows in rows.chunks(self.head_chunk_rows(head)) {
            let chunk = self.head_chunk((x, head), rows, targets, (&Filter::NONE, false));
            let logp = &chunk.found.logp;
            sum.loss += rows.iter().zip(logp).map(|(&i, &lp)| -f64::from(weights[i]) * f64::from(lp)).sum::<f64>();
            sum.logprobs.extend_from_slice(logp);
            if let Some(dx) = &mut dx {
                let dlogp: Vec<f32> = rows.iter().map(|&i| -weights[i]).collect();
                self.head_backward(head, &chunk, RowGrads { dlogp: &dlogp, dentropy: &[] }, dx);
            }
        }
        self.head_done(x, dx);
        sum
    }

    /// Rows of one chunk.
    pub(super) fn head_chunk_rows(&self, head: ParamId) -> usize {
        (CHUNK_VALUES / self.params.value(head).n_rows()).max(MIN_CHUNK_ROWS)
    }

    /// Where the gradient of `x` will be collected, if there is to be one.
    pub(super) fn head_gradient(&self, x: &Var) -> Option<Tensor> {
        self.is_recording().then(|| Tensor::zeros(self.device(), x.value.dtype(), x.value.shape()))
    }

    /// Leaves the collected gradient to the backward.
    pub(super) fn head_done(&mut self, x: &Var, dx: Option<Tensor>) {
        if let Some(dx) = dx {
            let x_id = x.id;
            self.record(move |b| b.slots.give(x_id, dx));
        }
    }

    /// The logits of `rows` and what they say of `targets` (one for each row of `x`); with entropies where wanted.
    pub(super) fn head_chunk<'r>(
        &self,
        (x, head): (&Var, ParamId),
        rows: &'r [usize],
        targets: &[u32],
        (filter, wants_entropy): (&Filter, bool),
    ) -> HeadChunk<'r> {
        let vocab = self.params.value(head).n_rows();
        let part = x.value.select_rows(rows);
        let mut logits = Tensor::empty(self.device(), DType::F32, &[rows.len(), vocab]);
        matmul(self.params, &part, head, &mut logits, self.params.compute(), false);
        let targets: Vec<u32> = rows.iter().map(|&i| targets[i]).collect();
        let found = match logits.is_meta() {
            true => LogProbs::default(),
            false => log_probs(Scores { vocab, logits: logits.slice(), targets: &targets }, filter, wants_entropy),
        };
        HeadChunk { rows, part, logits, targets, found }
    }

    /// Adds one chunk's part to the head's gradient, and puts the rows' into `dx`.
    pub(super) fn head_backward(&mut self, head: ParamId, chunk: &HeadChunk, grads: RowGrads, dx: &mut Tensor) {
        let (params, compute) = (self.params, self.params.compute());
        let HeadChunk { rows, part, logits, targets, found } = chunk;
        let weight = params.value(head);
        let (n, vocab, dim) = (part.n_rows(), weight.n_rows(), weight.n_cols());
        let mut dlogits = Tensor::empty(params.device(), part.dtype(), logits.shape());
        let mut dpart = Tensor::empty(params.device(), part.dtype(), part.shape());
        if part.is_meta() {
            return;
        }
        let dhead = self.grads.as_mut().expect("a training tape").get_mut(head);
        by_dtype!(part.dtype(), T => by_dtype!(weight.dtype(), W => {
            let scores = Scores { vocab, logits: logits.slice(), targets };
            log_probs_backward::<T>(scores, &found.rows, grads, dlogits.slice_mut());
            if let Some(dhead) = dhead {
                let op = Gemm { layout: Layout::Tn, compute, m: vocab, n: dim, k: n, accumulate: true };
                gemm::<T, T, f32>(op, dlogits.slice(), part.slice(), dhead.slice_mut());
            }
            let op = Gemm { layout: Layout::Nn, compute, m: n, n: dim, k: vocab, accumulate: false };
            gemm::<T, W, T>(op, dlogits.slice(), weight.slice(), dpart.slice_mut());
            let (from, to) = (dpart.slice::<T>(), dx.slice_mut::<T>());
            for (row, values) in rows.iter().zip(from.chunks_exact(dim)) {
                to[row * dim..(row + 1) * dim].copy_from_slice(values);
            }
        }));
    }
}
