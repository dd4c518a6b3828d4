//! The sequence-wise balance loss (V3 eq. 17-20): within one document, experts that are chosen often should not also be
//! the ones with high affinity.

use super::{Router, top_k};
use crate::attention::{Span, check_spans};
use crate::parallel::{ROW_BLOCK, SharedMut, for_tasks};

/// The sum over spans of `len / total * alpha * sum_i f_i P_i`; its gradient with respect to `scores`, `[t, e]`, is
/// added to `dscores`.
///
/// Within a span of T tokens, f_i = e / (k T) * (tokens whose `top_k` largest *unbiased* scores, whatever the groups,
/// hold i), constant for the gradient; P_i is the mean of the scores divided by their token's sum. `expert_idx`,
/// `[t, k]`, which was chosen with bias and groups, therefore only has its shape checked.
///
/// # Panics
/// When a length does not fit or spans overlap.
pub fn balance_loss(
    op: &Router,
    spans: &[Span],
    scores: &[f32],
    expert_idx: &[u32],
    alpha: f32,
    dscores: &mut [f32],
) -> f64 {
    const NAME: &str = "balance_loss";
    let t = op.tokens(NAME, scores.len());
    assert!(
        expert_idx.len() == t * op.top_k && dscores.len() == scores.len(),
        "{NAME}: {op:?} of {t} tokens: expert_idx has {} elements, dscores {}",
        expert_idx.len(),
        dscores.len()
    );
    check_spans(NAME, spans.to_vec(), t);
    let total: usize = spans.iter().map(|span| span.len).sum();
    let spans: Vec<Span> = spans.iter().copied().filter(|span| span.len > 0).collect();
    let mut losses = vec![0.0f64; spans.len()];
    let (dscores, shared) = (SharedMut::new(dscores), SharedMut::new(&mut losses));
    let ops = total * op.n_experts * (op.top_k + 4);
    for_tasks(spans.len(), ops, |i| {
        let Span { start, len, .. } = spans[i];
        let (first, n) = (start * op.n_experts, len * op.n_experts);
        // SAFETY: spans do not overlap, and each has its own loss.
        let (dscores, loss) = unsafe { (dscores.part(first, n), shared.part(i, 1)) };
        let alpha = f64::from(alpha) * len as f64 / total as f64;
        loss[0] = span_loss(op, &scores[first..first + n], alpha, dscores);
    });
    losses.iter().sum()
}

/// `alpha * sum_i f_i P_i` of one document, and its gradient.
fn span_loss(op: &Router, scores: &[f32], alpha: f64, dscores: &mut [f32]) -> f64 {
    let (e, n_tokens) = (op.n_experts, scores.len() / op.n_experts);
    let mut chosen = vec![0u64; e];
    let mut mean = vec![0.0f64; e];
    let (mut allowed, mut idx) = (vec![true; e], vec![0; op.top_k]);
    let mut partial = vec![0.0f32; e];
    for block in scores.chunks(ROW_BLOCK * e) {
        partial.fill(0.0);
        for token in block.chunks_exact(e) {
            allowed.fill(true);
            top_k(token, &mut allowed, &mut idx);
            idx.iter().for_each(|i| chosen[*i as usize] += 1);
            let by = 1.0 / token.iter().sum::<f32>();
            partial.iter_mut().zip(token).for_each(|(p, s)| *p += s * by);
        }
        mean.iter_mut().zip(&partial).for_each(|(m, p)| *m += f64::from(*p));
    }
    let per_choice = e as f64 / (op.top_k * n_tokens) as f64;
    let f: Vec<f64> = chosen.iter().map(|n| per_choice * *n as f64).collect();
    let loss: f64 = f.iter().zip(&mean).map(|(f, p)| f * p).sum();
    let by = alpha / n_tokens as f64;
    // d loss / d s_i = by / sum(s) * (f_i - sum_j f_j s_j / sum(s)).
    let f: Vec<f32> = f.iter().map(|f| (by * f) as f32).collect();
    for (token, d) in scores.chunks_exact(e).zip(dscores.chunks_exact_mut(e)) {
        let inverse = 1.0 / token.iter().sum::<f32>();
        let mean = inverse * token.iter().zip(&f).map(|(s, f)| s * f).sum::<f32>();
        for (d, f) in d.iter_mut().zip(&f) {
            *d += inverse * (f - mean);
        }
    }
    by * loss
}
