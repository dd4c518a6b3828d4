//! The output head and cross-entropy in one operation, a chunk of rows at a time: the logits of a batch are never all
//! in memory. The loss is a root of the backward, so the gradients of the head are made in the forward pass, from each
//! chunk's logits while they are there.

use super::linear::matmul;
use crate::tensor::by_dtype;
use crate::{DType, ParamId, Tape, Tensor, Var};
use kernels::gemm::{Gemm, Layout, gemm};
use kernels::loss::{log_softmax_gather, softmax_gather_backward};

/// Logits in flight at once: 4 Mi values, 16 MiB.
const CHUNK_VALUES: usize = 1 << 22;

/// What a loss operation returns.
#[derive(Clone, Debug, Default)]
pub struct LossSum {
    /// The sum of weight · -log p(target): what backward differentiates.
    pub loss: f64,
    /// log p(target) of each row whose weight is not zero, in row order.
    pub logprobs: Vec<f32>,
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
        let vocab = self.params.value(head).n_rows();
        let is_meta = x.value.is_meta();
        let rows: Vec<usize> = (0..t).filter(|&i| is_meta || weights[i] != 0.0).collect();
        let mut dx = self.is_recording().then(|| Tensor::zeros(self.device(), x.value.dtype(), x.value.shape()));
        let mut sum = LossSum::default();
        for chunk in rows.chunks((CHUNK_VALUES / vocab).max(64)) {
            let part = x.value.select_rows(chunk);
            let mut logits = Tensor::empty(self.device(), DType::F32, &[chunk.len(), vocab]);
            matmul(self.params, &part, head, &mut logits, self.params.compute(), false);
            let chunk_targets: Vec<u32> = chunk.iter().map(|&i| targets[i]).collect();
            let (mut logp, mut lse) = (vec![0.0; chunk.len()], vec![0.0; chunk.len()]);
            if !is_meta {
                log_softmax_gather(vocab, logits.slice(), &chunk_targets, &mut logp, &mut lse);
                sum.loss +=
                    chunk.iter().zip(&logp).map(|(&i, &lp)| -f64::from(weights[i]) * f64::from(lp)).sum::<f64>();
                sum.logprobs.extend_from_slice(&logp);
            }
            if let Some(dx) = &mut dx {
                let dlogp: Vec<f32> = chunk.iter().map(|&i| -weights[i]).collect();
                let dpart = self.head_backward(head, &part, &logits, &lse, &chunk_targets, &dlogp);
                put_rows(&dpart, chunk, dx);
            }
        }
        if let Some(dx) = dx {
            let x_id = x.id;
            self.record(move |b| b.slots.give(x_id, dx));
        }
        sum
    }

    /// From one chunk's logits: adds to the head's gradient and returns the rows' [rows, d].
    fn head_backward(
        &mut self,
        head: ParamId,
        part: &Tensor,
        logits: &Tensor,
        lse: &[f32],
        targets: &[u32],
        dlogp: &[f32],
    ) -> Tensor {
        let (params, compute) = (self.params, self.params.compute());
        let weight = params.value(head);
        let (rows, vocab, dim) = (part.n_rows(), weight.n_rows(), weight.n_cols());
        let mut dlogits = Tensor::empty(params.device(), part.dtype(), logits.shape());
        let mut dpart = Tensor::empty(params.device(), part.dtype(), part.shape());
        if part.is_meta() {
            return dpart;
        }
        let dhead = self.grads.as_mut().expect("a training tape").get_mut(head);
        by_dtype!(part.dtype(), T => by_dtype!(weight.dtype(), W => {
            softmax_gather_backward::<T>(vocab, logits.slice(), lse, targets, dlogp, dlogits.slice_mut());
            let op = Gemm { layout: Layout::Tn, compute, m: vocab, n: dim, k: rows, accumulate: true };
            gemm::<T, T, f32>(op, dlogits.slice(), part.slice(), dhead.slice_mut());
            let op = Gemm { layout: Layout::Nn, compute, m: rows, n: dim, k: vocab, accumulate: false };
            gemm::<T, W, T>(op, dlogits.slice(), weight.slice(), dpart.slice_mut());
        }));
        dpart
    }
}

/// Writes `part`'s rows to the places in `x` that they came from.
fn put_rows(part: &Tensor, rows: &[usize], x: &mut Tensor) {
    let dim = x.n_cols();
    if x.is_meta() {
        return;
    }
    by_dtype!(x.dtype(), T => {
        let (from, to) = (part.slice::<T>(), x.slice_mut::<T>());
        for (row, values) in rows.iter().zip(from.chunks_exact(dim)) {
            to[row * dim..(row + 1) * dim].copy_from_slice(values);
        }
    });
}
