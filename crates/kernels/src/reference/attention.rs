//! Causal attention in plain loops, with the whole score row of each query.

use crate::attention::{Attention, Span};

/// What attention computes from q, k and v.
pub struct Attended {
    /// `[t, h, e]`
    pub out: Vec<f64>,
    /// `[t, h]`
    pub lse: Vec<f64>,
}

/// The gradients of q, k and v.
pub struct Gradients {
    /// `[t, h, d]`
    pub dq: Vec<f64>,
    /// `[t, g, d]`
    pub dk: Vec<f64>,
    /// `[t, g, e]`
    pub dv: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Calls `f(query row, key rows, probabilities, lse)` for each (position, head); rows count heads.
fn for_rows(op: &Attention, spans: &[Span], q: &[f64], k: &[f64], mut f: impl FnMut(usize, &[usize], &[f64], f64)) {
    let d = op.qk_head_dim;
    let group = op.n_heads / op.n_kv_heads;
    for span in spans {
        let shared = span.shared.start..span.shared.start + span.shared.len;
        for (t, h) in (0..span.len).flat_map(|t| (0..op.n_heads).map(move |h| (t, h))) {
            let row = (span.start + t) * op.n_heads + h;
            let seen = shared.clone().chain(span.start..=span.start + t);
            let key_rows: Vec<usize> = seen.map(|j| j * op.n_kv_heads + h / group).collect();
            let scores: Vec<f64> =
                key_rows.iter().map(|j| f64::from(op.scale) * dot(&q[row * d..][..d], &k[j * d..][..d])).collect();
            let lse = super::loss::log_sum_exp(&scores);
            let p: Vec<f64> = scores.iter().map(|s| (s - lse).exp()).collect();
            f(row, &key_rows, &p, lse);
        }
    }
}

/// Rows outside the spans are 0.
pub fn attention(op: &Attention, spans: &[Span], q: &[f64], k: &[f64], v: &[f64]) -> Attended {
    let e = op.v_head_dim;
    let rows = q.len() / op.qk_head_dim;
    let (mut out, mut lse) = (vec![0.0; rows * e], vec![0.0; rows]);
    for_rows(op, spans, q, k, |row, key_rows, p, row_lse| {
        lse[row] = row_lse;
        for (j, p) in key_rows.iter().zip(p) {
            for c in 0..e {
                out[row * e + c] += p * v[j * e + c];
            }
        }
    });
    Attended { out, lse }
}

/// `qkv` are the three inputs.
pub fn attention_backward(op: &Attention, spans: &[Span], [q, k, v]: [&[f64]; 3], dout: &[f64]) -> Gradients {
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let mut g = Gradients { dq: vec![0.0; q.len()], dk: vec![0.0; k.len()], dv: vec![0.0; v.len()] };
    for_rows(op, spans, q, k, |row, key_rows, p, _| {
        let dout = &dout[row * e..][..e];
        let dp: Vec<f64> = key_rows.iter().map(|j| dot(dout, &v[j * e..][..e])).collect();
        let mean = dot(p, &dp);
        for ((j, p), dp) in key_rows.iter().zip(p).zip(dp) {
            let ds = f64::from(op.scale) * p * (dp - mean);
            for (dv, dout) in g.dv[j * e..].iter_mut().zip(dout) {
                *dv += p * dout;
            }
            for c in 0..d {
                g.dq[row * d + c] += ds * k[j * d + c];
                g.dk[j * d + c] += ds * q[row * d + c];
            }
        }
    });
    g
}
