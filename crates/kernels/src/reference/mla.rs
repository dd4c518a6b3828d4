//! MLA's keys and values in plain loops.

use super::rope::rope;
use crate::mla::MlaKv;
use crate::rope::Rope;

fn turn(op: &MlaKv, x: &[f64], inverse: bool) -> Vec<f64> {
    let turn = Rope {
        table: op.table,
        positions: op.positions,
        n_heads: 1,
        head_dim: op.qk_rope_head_dim,
        rot_offset: 0,
        rot_dim: op.qk_rope_head_dim,
        interleaved: op.interleaved,
        inverse,
    };
    rope(&turn, x)
}

/// `(k, v)`.
pub fn mla_kv(op: &MlaKv, kv: &[f64], kv_a: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let rope_dim = op.qk_rope_head_dim;
    let before: Vec<f64> =
        kv_a.chunks_exact(op.kv_lora_rank + rope_dim).flat_map(|row| row[op.kv_lora_rank..].iter().copied()).collect();
    let turned = turn(op, &before, false);
    let (mut k, mut v) = (Vec::new(), Vec::new());
    for (row, kv) in kv.chunks_exact(op.qk_nope_head_dim + op.v_head_dim).enumerate() {
        let t = row / op.n_heads;
        k.extend_from_slice(&kv[..op.qk_nope_head_dim]);
        k.extend_from_slice(&turned[t * rope_dim..][..rope_dim]);
        v.extend_from_slice(&kv[op.qk_nope_head_dim..]);
    }
    (k, v)
}

/// `(dkv, dkv_a)`, the latter zero in the latent columns.
pub fn mla_kv_backward(op: &MlaKv, dk: &[f64], dv: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (nope, rope_dim) = (op.qk_nope_head_dim, op.qk_rope_head_dim);
    let mut dkv = Vec::new();
    let mut sum = vec![0.0; op.tokens * rope_dim];
    let rows = dk.chunks_exact(nope + rope_dim).zip(dv.chunks_exact(op.v_head_dim));
    for (row, (dk, dv)) in rows.enumerate() {
        dkv.extend_from_slice(&dk[..nope]);
        dkv.extend_from_slice(dv);
        for c in 0..rope_dim {
            sum[row / op.n_heads * rope_dim + c] += dk[nope + c];
        }
    }
    let turned = turn(op, &sum, true);
    let mut dkv_a = Vec::new();
    for row in turned.chunks_exact(rope_dim) {
        dkv_a.extend(std::iter::repeat_n(0.0, op.kv_lora_rank));
        dkv_a.extend_from_slice(row);
    }
    (dkv, dkv_a)
}
