//! Drawing a token: the inverse of the cumulative sum over ids in ascending order, blocks first, then within one.

use super::{BLOCK, Distribution, Filter};
use crate::isa::Isa;

/// Draws from a row of logits with `unit`, a number in [0, 1): the token and its log-probability, or `None` where the
/// logits are not numbers.
pub fn draw(row: &[f32], filter: &Filter, unit: f64) -> Option<(u32, f32)> {
    draw_on(Isa::active(), row, filter, unit)
}

/// [`draw`] on a given instruction set.
pub fn draw_on(isa: Isa, row: &[f32], filter: &Filter, unit: f64) -> Option<(u32, f32)> {
    let mut block_weights = Vec::with_capacity(row.len().div_ceil(BLOCK));
    let of = Distribution::measure(isa, row, filter, false, |weight| block_weights.push(f64::from(weight)));
    if !of.is_finite() {
        return None;
    }
    // Rounding may leave a crumb beyond the last block and the last token; the last possible ones take it.
    let (mut rest, mut place) = (unit * of.total, None);
    for (idx, &weight) in block_weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        place = Some((idx * BLOCK, rest));
        if rest < weight {
            break;
        }
        rest -= weight;
    }
    let (first_id, mut rest) = place?;
    let mut weights = [0.0; BLOCK];
    let weights = &mut weights[..(row.len() - first_id).min(BLOCK)];
    of.block_weights(isa, row, first_id, weights);
    let mut chosen = None;
    for (id, &weight) in (first_id as u32..).zip(&*weights).filter(|(_, weight)| **weight > 0.0) {
        chosen = Some(id);
        rest -= f64::from(weight);
        if rest < 0.0 {
            break;
        }
    }
    chosen.map(|id| (id, of.log_prob(row, id)))
}
