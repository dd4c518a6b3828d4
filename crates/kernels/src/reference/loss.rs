//! Softmax and cross-entropy in plain loops.

/// `ln(sum(exp(row)))`.
pub fn log_sum_exp(row: &[f64]) -> f64 {
    let max = row.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln()
}

/// `(logp, lse)` of each row's target.
pub fn log_softmax_gather(vocab: usize, logits: &[f64], targets: &[u32]) -> (Vec<f64>, Vec<f64>) {
    let rows = logits.chunks_exact(vocab).zip(targets);
    rows.map(|(row, target)| {
        let lse = log_sum_exp(row);
        (row[*target as usize] - lse, lse)
    })
    .unzip()
}

/// `dlogp * (onehot - softmax)`.
pub fn softmax_gather_backward(vocab: usize, logits: &[f64], targets: &[u32], dlogp: &[f64]) -> Vec<f64> {
    let mut dlogits = Vec::with_capacity(logits.len());
    for (r, row) in logits.chunks_exact(vocab).enumerate() {
        let lse = log_sum_exp(row);
        for (c, x) in row.iter().enumerate() {
            let hit = f64::from(c == targets[r] as usize);
            dlogits.push(dlogp[r] * (hit - (x - lse).exp()));
        }
    }
    dlogits
}
