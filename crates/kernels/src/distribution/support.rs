//! Where a support ends: top-k, then top-p, then min-p.

use super::{BLOCK, Cut, Distribution, Filter};
use crate::isa::Isa;

/// Ids under one maximum, when a bound for top-k is looked for.
const CHUNK: usize = 64;

/// One token while filtering.
#[derive(Clone, Copy)]
struct Candidate {
    id: u32,
    /// Scaled logit.
    z: f32,
    /// `exp(z - max)`.
    weight: f32,
}

/// The last id that the filters keep; `max` is the row's largest scaled logit.
pub(super) fn cut(isa: Isa, row: &[f32], filter: &Filter, max: f32) -> Cut {
    let Filter { top_k, top_p, min_p, .. } = *filter;
    let filters_k = top_k > 0 && top_k < row.len();
    if !(filters_k || top_p < 1.0 || min_p > 0.0) || !max.is_finite() {
        return Cut::ALL;
    }
    let all = Distribution { scale: filter.scale(), max, ..Distribution::default() };
    let mut weights = vec![0.0; row.len()];
    let mut total = 0.0;
    for first_id in (0..row.len()).step_by(BLOCK) {
        let block = first_id..row.len().min(first_id + BLOCK);
        all.block_weights(isa, row, first_id, &mut weights[block]);
        total += f64::from(all.block_sums(isa, row, first_id, false).0);
    }
    if total.is_nan() {
        return Cut::ALL; // a logit is not a number, and the whole row will say so
    }
    // A large vocabulary need not be sorted: what is surely left out goes first.
    let (least_logit, least_weight) = match filters_k {
        true => (bound_of_largest(row, top_k), 0.0),
        // All tokens lighter than this weigh less than 1 - top_p together; a hundredth less, for rounding.
        false if top_p < 1.0 => (f32::NEG_INFINITY, 0.99 * (1.0 - f64::from(top_p)) * total / row.len() as f64),
        false => (f32::NEG_INFINITY, f64::from(min_p)),
    };
    let mut kept: Vec<Candidate> = (0u32..)
        .zip(row.iter().zip(weights))
        .filter(|&(_, (&logit, weight))| logit >= least_logit && f64::from(weight) >= least_weight)
        .map(|(id, (&logit, weight))| Candidate { id, z: logit * all.scale, weight })
        .collect();
    kept.sort_unstable_by(|a, b| b.z.total_cmp(&a.z).then(a.id.cmp(&b.id)));
    if filters_k {
        kept.truncate(top_k);
        total = kept.iter().map(|c| f64::from(c.weight)).sum();
    }
    if top_p < 1.0 {
        let mut mass = 0.0;
        let reached = kept.iter().position(|c| {
            mass += f64::from(c.weight);
            mass >= f64::from(top_p) * total
        });
        kept.truncate(reached.map_or(kept.len(), |last| last + 1));
    }
    kept.truncate(kept.partition_point(|c| c.weight >= min_p));
    let last = kept.last().expect("the largest logit has weight 1 and stays");
    Cut { z: last.z, id: last.id }
}

/// A logit that at least `k` reach and hardly more: the k-th largest of the chunks' maxima.
fn bound_of_largest(row: &[f32], k: usize) -> f32 {
    let mut maxima: Vec<f32> =
        row.chunks(CHUNK).map(|chunk| chunk.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect();
    if maxima.len() < k {
        return f32::NEG_INFINITY;
    }
    *maxima.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1
}
