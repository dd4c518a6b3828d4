//! The optimizer's operations, element by element; equal to the fast ones bit for bit.

use crate::optim::AdamW;

/// What [`crate::optim::adamw_step`] computes.
pub fn adamw_step(op: &AdamW, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let f = op.factors();
    for i in 0..w.len() {
        let grad = g[i] * f.grad_scale;
        m[i] += (grad - m[i]) * f.new_m;
        v[i] = v[i] * f.keep_v + grad * grad * f.new_v;
        let change = m[i] / (v[i].sqrt() / f.root_correction + f.eps);
        w[i] = w[i] * f.keep_weight - change * f.step_size;
    }
}

/// What [`crate::optim::sum_squares`] computes.
pub fn sum_squares(x: &[f32]) -> f64 {
    let of_block = |block: &[f32]| {
        let mut sums = [0.0f64; 16];
        for (i, x) in block.iter().enumerate() {
            sums[i % 16] += f64::from(*x) * f64::from(*x);
        }
        sums.iter().fold(0.0, |total, sum| total + sum)
    };
    x.chunks(4096).map(of_block).fold(0.0, |total, sum| total + sum)
}

/// What [`crate::optim::ema_update`] computes.
pub fn ema_update(decay: f32, w: &[f32], ema: &mut [f32]) {
    for (ema, w) in ema.iter_mut().zip(w) {
        *ema = *ema * decay + w * (1.0 - decay);
    }
}
