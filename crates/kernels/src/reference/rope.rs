//! RoPE in plain loops.

use crate::rope::Rope;

/// `x` with its columns turned.
pub fn rope(op: &Rope, x: &[f64]) -> Vec<f64> {
    let mut y = x.to_vec();
    let half = op.rot_dim / 2;
    for (t, position) in op.positions.iter().enumerate() {
        let (cos, sin) = op.table.at(*position as usize);
        for h in 0..op.n_heads {
            let at = (t * op.n_heads + h) * op.head_dim + op.rot_offset;
            for i in 0..half {
                let (a, b) = if op.interleaved { (2 * i, 2 * i + 1) } else { (i, i + half) };
                let (cos, mut sin) = (f64::from(cos[i]), f64::from(sin[i]));
                if op.inverse {
                    sin = -sin;
                }
                y[at + a] = x[at + a] * cos - x[at + b] * sin;
                y[at + b] = x[at + b] * cos + x[at + a] * sin;
            }
        }
    }
    y
}
