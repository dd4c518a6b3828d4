//! The gate, the balance loss and the traffic of experts in plain loops.

use crate::attention::Span;
use crate::router::{Router, Scoring};

/// Affinities `[t, e]`.
pub fn scores(op: &Router, logits: &[f64]) -> Vec<f64> {
    logits
        .chunks_exact(op.n_experts)
        .flat_map(|row| {
            let lse = super::loss::log_sum_exp(row);
            row.iter()
                .map(|x| match op.scoring {
                    Scoring::Sigmoid => 1.0 / (1.0 + (-x).exp()),
                    Scoring::Softmax => (x - lse).exp(),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Indices in descending order of value, ties by lower index.
fn ranking(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    order
}

/// The experts of each token, `[t, k]`.
pub fn choose(op: &Router, scores: &[f64], bias: &[f64]) -> Vec<u32> {
    let size = op.n_experts / op.n_group;
    let mut idx = Vec::new();
    for row in scores.chunks_exact(op.n_experts) {
        let biased: Vec<f64> = row.iter().zip(bias).map(|(s, b)| s + b).collect();
        let groups: Vec<f64> =
            biased.chunks_exact(size).map(|group| ranking(group).iter().take(2).map(|i| group[*i]).sum()).collect();
        let open = &ranking(&groups)[..op.topk_group];
        let mut order = ranking(&biased);
        order.retain(|i| open.contains(&(i / size)));
        idx.extend(order[..op.top_k].iter().map(|i| *i as u32));
    }
    idx
}

/// The weights of the chosen experts, `[t, k]`.
pub fn weights(op: &Router, scores: &[f64], idx: &[u32]) -> Vec<f64> {
    let mut weights = Vec::new();
    for (row, idx) in scores.chunks_exact(op.n_experts).zip(idx.chunks_exact(op.top_k)) {
        let chosen: Vec<f64> = idx.iter().map(|i| row[*i as usize]).collect();
        let by = if op.norm_topk_prob { chosen.iter().sum::<f64>() + 1e-20 } else { 1.0 };
        weights.extend(chosen.iter().map(|s| s / by * f64::from(op.routed_scaling_factor)));
    }
    weights
}

/// f_i of V3 eq. 18, for one document.
fn frequencies(op: &Router, scores: &[f64]) -> Vec<f64> {
    let n_tokens = (scores.len() / op.n_experts) as f64;
    let mut f = vec![0.0; op.n_experts];
    for row in scores.chunks_exact(op.n_experts) {
        for i in &ranking(row)[..op.top_k] {
            f[*i] += op.n_experts as f64 / (op.top_k as f64 * n_tokens);
        }
    }
    f
}

/// V3 eq. 17-20. The frequencies come from `constant`, the scores themselves in the forward pass: they have no gradient.
pub fn balance_loss(op: &Router, spans: &[Span], scores: &[f64], constant: &[f64], alpha: f64) -> f64 {
    let total: usize = spans.iter().map(|span| span.len).sum();
    let mut loss = 0.0;
    for span in spans {
        let part = span.start * op.n_experts..(span.start + span.len) * op.n_experts;
        let f = frequencies(op, &constant[part.clone()]);
        for row in scores[part].chunks_exact(op.n_experts) {
            let sum: f64 = row.iter().sum();
            let p = row.iter().zip(&f).map(|(s, f)| f * s / sum).sum::<f64>();
            loss += alpha * p / total as f64; // len / total * (1 / len)
        }
    }
    loss
}

/// `out[t] = sum_slot weights[t, slot] * y[token t, slot]` with `y` `[t, k, dim]`, unsorted.
pub fn combine(dim: usize, y: &[f64], weights: &[f64], top_k: usize) -> Vec<f64> {
    let mut out = vec![0.0; weights.len() / top_k * dim];
    for (choice, w) in weights.iter().enumerate() {
        for c in 0..dim {
            out[choice / top_k * dim + c] += w * y[choice * dim + c];
        }
    }
    out
}
