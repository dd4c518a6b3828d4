//! RMSNorm in plain loops.

use crate::norm::RmsNorm;

/// `y = x * rstd * gain` as `[rows, dim]`.
pub fn rms_norm(op: &RmsNorm, x: &[f64], gain: &[f64]) -> Vec<f64> {
    let mut y = Vec::with_capacity(op.rows * op.dim);
    for r in 0..op.rows {
        let x = &x[r * op.x_stride..][..op.dim];
        let rstd = rstd(op, x);
        y.extend(x.iter().zip(gain).map(|(x, g)| x * rstd * g));
    }
    y
}

fn rstd(op: &RmsNorm, x: &[f64]) -> f64 {
    let mean = x.iter().map(|x| x * x).sum::<f64>() / op.dim as f64;
    1.0 / (mean + f64::from(op.eps)).sqrt()
}

/// `(dx, dgain)`; `dx` is strided like `x`, zero in the other columns.
pub fn rms_norm_backward(op: &RmsNorm, x: &[f64], gain: &[f64], dy: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut dx, mut dgain) = (vec![0.0; x.len()], vec![0.0; op.dim]);
    for r in 0..op.rows {
        let at = r * op.x_stride;
        let (x, dy) = (&x[at..][..op.dim], &dy[r * op.dim..][..op.dim]);
        let rstd = rstd(op, x);
        let along: f64 = (0..op.dim).map(|c| gain[c] * dy[c] * x[c]).sum();
        for c in 0..op.dim {
            dgain[c] += dy[c] * x[c] * rstd;
            dx[at + c] = rstd * gain[c] * dy[c] - x[c] * rstd.powi(3) / op.dim as f64 * along;
        }
    }
    (dx, dgain)
}
