//! Multi-head latent attention in its expanded form (V3 report, section 2.1.1): keys and values are assembled from the
//! up-projected latent and the shared rotary key, used, and dropped; backward assembles them again.

use super::attention;
use crate::tensor::by_dtype;
use crate::{Tape, Tensor, Var};
use kernels::attention::{Attention, Span};
use kernels::mla::{MlaKv, mla_kv_backward, mla_kv_forward};
use kernels::rope::RopeTable;

/// The shape of MLA's heads, and the rotation of the shared key.
#[derive(Clone, Copy)]
pub struct MlaSpec<'a> {
    /// Query heads (each has its own key and value).
    pub n_heads: usize,
    /// Head values without rotation.
    pub qk_nope_head_dim: usize,
    /// Rotated head values; the key's are shared by all heads.
    pub qk_rope_head_dim: usize,
    /// Values of a value head.
    pub v_head_dim: usize,
    /// Width of the latent.
    pub kv_lora_rank: usize,
    /// Scale of the scores.
    pub softmax_scale: f32,
    /// Cosines and sines by position.
    pub table: &'a RopeTable,
    /// The position of each row.
    pub positions: &'a [u32],
    /// Pairs are neighbours (DeepSeek's weights) rather than half a head apart.
    pub interleaved: bool,
}

impl MlaSpec<'_> {
    /// Attention over the assembled keys and values.
    pub fn attention(&self) -> Attention {
        Attention {
            n_heads: self.n_heads,
            n_kv_heads: self.n_heads,
            qk_head_dim: self.qk_nope_head_dim + self.qk_rope_head_dim,
            v_head_dim: self.v_head_dim,
            scale: self.softmax_scale,
        }
    }

    fn kv_op(&self, tokens: usize) -> MlaKv<'_> {
        assert_eq!(tokens, self.positions.len(), "MLA: rows and positions");
        MlaKv {
            tokens,
            n_heads: self.n_heads,
            qk_nope_head_dim: self.qk_nope_head_dim,
            qk_rope_head_dim: self.qk_rope_head_dim,
            v_head_dim: self.v_head_dim,
            kv_lora_rank: self.kv_lora_rank,
            table: self.table,
            positions: self.positions,
            interleaved: self.interleaved,
        }
    }

    /// Keys [t, h·(nope+rope)] and values [t, h·v] from `kv [t, h·(nope+v)]` and `kv_a [t, kv_lora+rope]`.
    pub fn keys_values(&self, kv: &Tensor, kv_a: &Tensor) -> (Tensor, Tensor) {
        let (t, op) = (kv.n_rows(), self.attention());
        let mut k = Tensor::empty(kv.device(), kv.dtype(), &[t, self.n_heads * op.qk_head_dim]);
        let mut v = Tensor::empty(kv.device(), kv.dtype(), &[t, self.n_heads * op.v_head_dim]);
        if !kv.is_meta() {
            by_dtype!(kv.dtype(), T => {
                mla_kv_forward::<T>(&self.kv_op(t), kv.slice(), kv_a.slice(), k.slice_mut(), v.slice_mut())
            });
        }
        (k, v)
    }
}

impl<'a> Tape<'a> {
    /// `q [t, h·(nope+rope)]` (already rotated), `kv [t, h·(nope+v)]`, `kv_a [t, kv_lora+rope]` -> [t, h·v].
    pub fn mla_attention(&mut self, q: &Var, kv: &Var, kv_a: &Var, spec: MlaSpec<'a>, spans: &'a [Span]) -> Var {
        let op = spec.attention();
        let (k, v) = spec.keys_values(&kv.value, &kv_a.value);
        let (out, lse) = attention::forward(&op, spans, &q.value, &k, &v, self.is_recording());
        let out = self.var(out);
        if self.is_recording() {
            let ids = (q.id, kv.id, kv_a.id, out.id);
            let (q, kv, kv_a, kept) = (q.save(), kv.save(), kv_a.save(), out.value.clone());
            self.record(move |b| {
                let (q, kv, kv_a) = (q.take(b.params), kv.take(b.params), kv_a.take(b.params));
                let Some(dout) = b.slots.take(ids.3) else { return };
                let (k, v) = spec.keys_values(&kv, &kv_a);
                let (dq, dk, dv) = attention::backward(&op, spans, [&q, &k, &v, &kept, &lse], &dout);
                b.slots.give(ids.0, dq);
                let mut dkv = Tensor::empty(kv.device(), kv.dtype(), kv.shape());
                let dkv_a = b.slots.get_zeroed(ids.2, kv_a.dtype(), kv_a.shape());
                if !kv.is_meta() {
                    by_dtype!(kv.dtype(), T => {
                        let op = spec.kv_op(kv.n_rows());
                        mla_kv_backward::<T>(&op, dk.slice(), dv.slice(), dkv.slice_mut(), dkv_a.slice_mut())
                    });
                }
                b.slots.give(ids.1, dkv);
            });
        }
        out
    }
}
