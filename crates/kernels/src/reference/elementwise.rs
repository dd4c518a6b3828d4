//! Embedding rows, biases and columns in plain loops.

use crate::elementwise::Columns;

/// `table[ids]`.
pub fn embed(dim: usize, table: &[f64], ids: &[u32]) -> Vec<f64> {
    ids.iter().flat_map(|id| table[*id as usize * dim..][..dim].iter().copied()).collect()
}

/// The gradient of the table, `[vocab, dim]`.
pub fn embed_backward(dim: usize, vocab: usize, dout: &[f64], ids: &[u32]) -> Vec<f64> {
    let mut dtable = vec![0.0; vocab * dim];
    for (r, id) in ids.iter().enumerate() {
        for c in 0..dim {
            dtable[*id as usize * dim + c] += dout[r * dim + c];
        }
    }
    dtable
}

/// The sum of the rows.
pub fn bias_backward(dim: usize, dx: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; dim];
    for (i, x) in dx.iter().enumerate() {
        sum[i % dim] += x;
    }
    sum
}

/// `dst` after the rectangle is copied or added.
pub fn copy_columns(op: &Columns, src: &[f64], dst: &mut [f64], accumulate: bool) {
    for r in 0..op.rows {
        for c in 0..op.width {
            let from = src[r * op.src_stride + op.src_offset + c];
            let to = &mut dst[r * op.dst_stride + op.dst_offset + c];
            *to = if accumulate { *to + from } else { from };
        }
    }
}
