//! Causal attention over packed documents, with grouped or shared keys. The score matrix is never in memory.

use crate::tensor::by_dtype;
use crate::{DType, Tape, Tensor, Var};
use kernels::attention::{Attention, AttentionGrads, AttentionSaved, Span, attention_backward, attention_forward};

impl<'a> Tape<'a> {
    /// `q [t, h·dq], k [t, hkv·dq], v [t, hkv·dv] -> [t, h·dv]`; rows of different spans do not see each other.
    pub fn attention(&mut self, q: &Var, k: &Var, v: &Var, op: Attention, spans: &'a [Span]) -> Var {
        let (out, lse) = forward(&op, spans, &q.value, &k.value, &v.value, self.is_recording());
        let out = self.var(out);
        if self.is_recording() {
            let ids = (q.id, k.id, v.id, out.id);
            let (q, k, v, kept) = (q.save(), k.save(), v.save(), out.value.clone());
            self.record(move |b| {
                let (q, k, v) = (q.take(b.params), k.take(b.params), v.take(b.params));
                let Some(dout) = b.slots.take(ids.3) else { return };
                let (dq, dk, dv) = backward(&op, spans, [&q, &k, &v, &kept, &lse], &dout);
                b.slots.give(ids.0, dq);
                b.slots.give(ids.1, dk);
                b.slots.give(ids.2, dv);
            });
        }
        out
    }
}

/// The output, and the logarithm of each row's sum of exponentials where backward will need it.
fn forward(op: &Attention, spans: &[Span], q: &Tensor, k: &Tensor, v: &Tensor, wants_lse: bool) -> (Tensor, Tensor) {
    let t = q.n_rows();
    let mut out = Tensor::empty(q.device(), q.dtype(), &[t, op.n_heads * op.v_head_dim]);
    let mut lse = Tensor::empty(q.device(), DType::F32, &[if wants_lse { t } else { 0 }, op.n_heads]);
    if !q.is_meta() {
        by_dtype!(q.dtype(), T => {
            attention_forward::<T>(op, spans, q.slice(), k.slice(), v.slice(), out.slice_mut(), lse.slice_mut())
        });
    }
    (out, lse)
}

/// Gradients of q, k and v from `[q, k, v, out, lse]`.
fn backward(
    op: &Attention,
    spans: &[Span],
    [q, k, v, out, lse]: [&Tensor; 5],
    dout: &Tensor,
) -> (Tensor, Tensor, Tensor) {
    let like = |x: &Tensor| Tensor::empty(x.device(), x.dtype(), x.shape());
    let (mut dq, mut dk, mut dv) = (like(q), like(k), like(v));
    if !q.is_meta() {
        by_dtype!(q.dtype(), T => {
            let saved =
                AttentionSaved { q: q.slice(), k: k.slice(), v: v.slice(), out: out.slice(), lse: lse.slice() };
            let grads = AttentionGrads { dq: dq.slice_mut(), dk: dk.slice_mut(), dv: dv.slice_mut() };
            attention_backward::<T>(op, spans, saved, dout.slice(), grads)
        });
    }
    (dq, dk, dv)
}
