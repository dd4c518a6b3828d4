//! The key-value cache in blocks, for generation. Keys and values have the trainer's type and the trainer's bits.

use crate::tensor::by_dtype;
use crate::{DType, Device, Tape, Tensor, Var};
use kernels::attention::{Attention, CachedSeq, KV_BLOCK, attention_cached, kv_cache_write};

/// Blocks of [`KV_BLOCK`] positions for one layer: keys [block, hkv, dq, 64], values [block, hkv, 64, dv].
pub struct LayerCache {
    k: Tensor,
    v: Tensor,
}

impl LayerCache {
    /// Room for `n_blocks` blocks. The content is zero: what lies beyond a sequence is masked, but must be finite.
    pub fn new(device: &Device, dtype: DType, n_blocks: usize, op: &Attention) -> LayerCache {
        let zeros = |dim: usize| Tensor::zeros(device, dtype, &[n_blocks, op.n_kv_heads, dim, KV_BLOCK]);
        LayerCache { k: zeros(op.qk_head_dim), v: zeros(op.v_head_dim) }
    }

    /// Bytes of one block.
    pub fn block_bytes(dtype: DType, op: &Attention) -> usize {
        op.n_kv_heads * (op.qk_head_dim + op.v_head_dim) * KV_BLOCK * dtype.size()
    }

    /// Appends the rows' keys and values to their sequences' blocks, then attends: `q [t, h·dq] -> [t, h·dv]`. The same
    /// bits as [`Tape::attention`] over the whole documents.
    pub fn attend(&mut self, tape: &mut Tape, op: &Attention, seqs: &[CachedSeq], qkv: [&Tensor; 3]) -> Var {
        let [q, k, v] = qkv;
        assert!(!tape.is_recording(), "the cache is for inference");
        let mut out = Tensor::empty(q.device(), q.dtype(), &[q.n_rows(), op.n_heads * op.v_head_dim]);
        if !q.is_meta() {
            by_dtype!(q.dtype(), T => {
                kv_cache_write::<T>(op, seqs, k.slice(), v.slice(), self.k.slice_mut(), self.v.slice_mut());
                attention_cached::<T>(op, seqs, q.slice(), self.k.slice(), self.v.slice(), out.slice_mut());
            });
        }
        tape.var(out)
    }
}
