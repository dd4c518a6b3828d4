//! The distribution of a row of logits and its gradient, in plain loops.

use crate::distribution::Filter;

/// `ln(sum(exp(row)))`.
pub fn log_sum_exp(row: &[f64]) -> f64 {
    let max = row.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln()
}

/// The probabilities of a row under `filter`: 0 outside the support.
pub fn probabilities(row: &[f64], filter: &Filter) -> Vec<f64> {
    let max = row.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    let weights: Vec<f64> = row.iter().map(|x| ((x - max) / f64::from(filter.temperature)).exp()).collect();
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
    if filter.top_k > 0 {
        order.truncate(filter.top_k);
    }
    if filter.top_p < 1.0 {
        let total: f64 = order.iter().map(|&id| weights[id]).sum();
        let mut mass = 0.0;
        let reached = order.iter().position(|&id| {
            mass += weights[id];
            mass >= f64::from(filter.top_p) * total
        });
        order.truncate(reached.map_or(order.len(), |last| last + 1));
    }
    order.retain(|&id| weights[id] >= f64::from(filter.min_p));
    let total: f64 = order.iter().map(|&id| weights[id]).sum();
    let mut p = vec![0.0; row.len()];
    order.into_iter().for_each(|id| p[id] = weights[id] / total);
    p
}

/// `(ln p(target), entropy)` of each row.
pub fn log_probs(vocab: usize, logits: &[f64], targets: &[u32], filter: &Filter) -> Vec<(f64, f64)> {
    let rows = logits.chunks_exact(vocab).zip(targets);
    rows.map(|(row, target)| {
        let p = probabilities(row, filter);
        let entropy = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        (p[*target as usize].ln(), entropy)
    })
    .collect()
}

/// The gradient of `dlogp · ln p(target) + dentropy · entropy` of one row.
pub fn log_probs_backward(row: &[f64], target: u32, filter: &Filter, dlogp: f64, dentropy: f64) -> Vec<f64> {
    let p = probabilities(row, filter);
    let entropy: f64 = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    let in_support = p[target as usize] > 0.0;
    let gradient = |(id, &p): (usize, &f64)| {
        if p == 0.0 {
            return 0.0;
        }
        let hit = f64::from(in_support && id == target as usize);
        (dlogp * (hit - p) - dentropy * p * (p.ln() + entropy)) / f64::from(filter.temperature)
    };
    p.iter().enumerate().map(gradient).collect()
}
