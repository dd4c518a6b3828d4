//! Draws the next token from a row of logits.
//!
//! The random number of a token is a function of the request's seed and the token's index in its completion alone
//! (Philox, Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"), so neither the batch, nor preemption,
//! nor a prefix found in the cache changes what is drawn.

use crate::request::{SamplingParams, TokenLogprobs};
use kernels::distribution::{Distribution, Filter, draw};

#[cfg(test)]
mod tests;

/// The logits are not numbers: the model or its weights are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinite;

/// Draws token number `n_drawn` of a completion from `logits` (`[vocab]`).
///
/// Returns the token and the natural logarithm of its probability: after temperature and filters, or in the model's own
/// distribution at temperature 0. The kernel that draws is the one that an update computes log-probabilities with.
pub fn sample(logits: &[f32], params: &SamplingParams, n_drawn: u64) -> Result<(u32, f32), NotFinite> {
    let Some(filter) = params.filter() else {
        let of = Distribution::new(logits, &Filter::NONE, false);
        let best = argmax(logits);
        return if of.is_finite() { Ok((best, of.log_prob(logits, best))) } else { Err(NotFinite) };
    };
    let unit = uniform(params.seed, n_drawn);
    if params.typical_p < 1.0 {
        let typical = keep_typical(logits, &filter, params.typical_p)?;
        let filter = Filter { temperature: filter.temperature, ..Filter::NONE };
        return draw(&typical, &filter, unit).ok_or(NotFinite);
    }
    draw(logits, &filter, unit).ok_or(NotFinite)
}

/// Natural logarithm of `token`'s probability in the model's own distribution, softmax of `logits`.
pub fn log_prob(logits: &[f32], token: u32) -> f32 {
    Distribution::new(logits, &Filter::NONE, false).log_prob(logits, token)
}

/// The most probable token, the lowest id among equals.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0u32..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    best.0
}

/// The model's own opinion of `token` and the `n_top` most probable ones: softmax of `logits`.
pub fn logprobs(logits: &[f32], token: u32, n_top: usize) -> TokenLogprobs {
    let distribution = Distribution::new(logits, &Filter::NONE, false);
    let of = |id: u32| distribution.log_prob(logits, id);
    let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
    let order = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if n_top > 0 && n_top < ids.len() {
        ids.select_nth_unstable_by(n_top - 1, order);
    }
    ids.truncate(n_top);
    ids.sort_unstable_by(order);
    TokenLogprobs { logprob: of(token), top: ids.into_iter().map(|id| (id, of(id))).collect() }
}

/// The logits without the tokens that `filter` or typicality leave out, which become minus infinity: what stays is the
/// tokens whose surprise is nearest to the entropy of what the filter left, up to the mass `typical_p`.
fn keep_typical(logits: &[f32], filter: &Filter, typical_p: f32) -> Result<Vec<f32>, NotFinite> {
    let of = Distribution::new(logits, filter, true);
    if !of.is_finite() {
        return Err(NotFinite);
    }
    let distance = |logp: f32| (logp + of.entropy()).abs();
    // A token without any mass has no surprise to speak of.
    let possible = (0..logits.len() as u32).map(|id| (id, of.log_prob(logits, id))).filter(|(_, lp)| lp.exp() > 0.0);
    let mut candidates: Vec<(u32, f32)> = possible.collect();
    candidates.sort_by(|a, b| distance(a.1).total_cmp(&distance(b.1)).then(a.0.cmp(&b.0)));
    let (mut mass, mut kept) = (0.0, vec![f32::NEG_INFINITY; logits.len()]);
    for (id, logp) in candidates {
        kept[id as usize] = logits[id as usize];
        mass += f64::from(logp).exp();
        if mass >= f64::from(typical_p) {
            break;
        }
    }
    Ok(kept)
}

/// Number `counter` of stream `seed`, uniform in [0, 1) with 53 bits.
pub fn uniform(seed: u64, counter: u64) -> f64 {
    let words = philox4x32([counter as u32, (counter >> 32) as u32, 0, 0], [seed as u32, (seed >> 32) as u32]);
    let bits = (u64::from(words[1]) << 32 | u64::from(words[0])) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

/// An independent seed for completion `idx` of a request for several, and for other derived streams.
pub fn derive_seed(seed: u64, idx: u64) -> u64 {
    if idx == 0 {
        return seed;
    }
    let words = philox4x32([idx as u32, (idx >> 32) as u32, 1, 0], [seed as u32, (seed >> 32) as u32]);
    u64::from(words[1]) << 32 | u64::from(words[0])
}

/// Philox4x32-10.
fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}
