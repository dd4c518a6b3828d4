//! Draws the next token from a row of logits.
//!
//! The random number of a token is a function of the request's seed and the token's index in its completion alone
//! (Philox, Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"), so neither the batch, nor preemption,
//! nor a prefix found in the cache changes what is drawn. Sums run over token ids in ascending order, the order in
//! which a trainer that recomputes these log-probabilities meets them.

use crate::request::{SamplingParams, TokenLogprobs};

#[cfg(test)]
mod tests;

/// The logits are not numbers: the model or its weights are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinite;

/// One candidate while filtering: a token and its unnormalised probability, `exp(logit / temperature - max)`.
#[derive(Clone, Copy)]
struct Candidate {
    id: u32,
    weight: f32,
}

/// Draws token number `n_drawn` of a completion from `logits` (`[vocab]`).
///
/// Returns the token and the natural logarithm of its probability: after temperature and filters, or in the model's own
/// distribution at temperature 0.
pub fn sample(logits: &[f32], params: &SamplingParams, n_drawn: u64) -> Result<(u32, f32), NotFinite> {
    let (best, max) = argmax(logits)?;
    if params.temperature == 0.0 {
        return Ok((best, log_prob(logits, best)));
    }
    let mut candidates: Vec<Candidate> = (0u32..)
        .zip(logits)
        .map(|(id, &logit)| Candidate { id, weight: ((logit - max) / params.temperature).exp() })
        .collect();
    filter(&mut candidates, params);
    let total: f64 = candidates.iter().map(|c| f64::from(c.weight)).sum();
    let mut rest = uniform(params.seed, n_drawn) * total;
    let chosen = candidates.iter().find(|c| {
        rest -= f64::from(c.weight);
        rest < 0.0
    });
    // Rounding may leave a crumb beyond the last candidate; the most probable token takes it.
    let id = chosen.map_or(best, |c| c.id);
    let logprob = f64::from((logits[id as usize] - max) / params.temperature) - total.ln();
    Ok((id, logprob as f32))
}

/// Natural logarithm of `token`'s probability in the model's own distribution, softmax of `logits`.
pub fn log_prob(logits: &[f32], token: u32) -> f32 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|&logit| f64::from((logit - max).exp())).sum();
    (f64::from(logits[token as usize] - max) - total.ln()) as f32
}

/// The most probable token (the lowest id among equals) and its logit. Minus infinity is a legal logit (a token that is
/// ruled out), as long as one token is left.
fn argmax(logits: &[f32]) -> Result<(u32, f32), NotFinite> {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0u32..).zip(logits) {
        if logit.is_nan() {
            return Err(NotFinite);
        }
        if logit > best.1 {
            best = (id, logit);
        }
    }
    if best.1.is_finite() { Ok(best) } else { Err(NotFinite) }
}

/// The model's own opinion of `token` and the `n_top` most probable ones: softmax of `logits`.
pub fn logprobs(logits: &[f32], token: u32, n_top: usize) -> TokenLogprobs {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let log_total = logits.iter().map(|&logit| f64::from((logit - max).exp())).sum::<f64>().ln();
    let of = |id: u32| (f64::from(logits[id as usize] - max) - log_total) as f32;
    let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
    let order = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if n_top > 0 && n_top < ids.len() {
        ids.select_nth_unstable_by(n_top - 1, order);
    }
    ids.truncate(n_top);
    ids.sort_unstable_by(order);
    TokenLogprobs { logprob: of(token), top: ids.into_iter().map(|id| (id, of(id))).collect() }
}

/// Applies top-k, top-p, min-p and typical; leaves the candidates in ascending order of id.
fn filter(candidates: &mut Vec<Candidate>, params: &SamplingParams) {
    let by_weight = |a: &Candidate, b: &Candidate| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id));
    if params.top_k > 0 && params.top_k < candidates.len() {
        candidates.select_nth_unstable_by(params.top_k - 1, by_weight);
        candidates.truncate(params.top_k);
    }
    if params.top_p < 1.0 {
        let total: f64 = candidates.iter().map(|c| f64::from(c.weight)).sum();
        // All tokens lighter than this weigh less than 1 - top_p together: none of them is in the nucleus, and a large
        // vocabulary need not be sorted.
        let floor = (1.0 - f64::from(params.top_p)) * total / candidates.len() as f64;
        candidates.retain(|c| f64::from(c.weight) >= floor);
        candidates.sort_unstable_by(by_weight);
        let mut mass = 0.0;
        let reached = candidates.iter().position(|c| {
            mass += f64::from(c.weight);
            mass >= f64::from(params.top_p) * total
        });
        candidates.truncate(reached.map_or(candidates.len(), |last| last + 1));
    }
    if params.min_p > 0.0 {
        // The most probable token has weight 1.
        candidates.retain(|c| c.weight >= params.min_p);
    }
    if params.typical_p < 1.0 {
        keep_typical(candidates, params.typical_p);
    }
    candidates.sort_unstable_by_key(|c| c.id);
}

/// Keeps the candidates whose surprise is nearest to the entropy of what is left, up to the mass `typical_p`.
fn keep_typical(candidates: &mut Vec<Candidate>, typical_p: f32) {
    let total: f64 = candidates.iter().map(|c| f64::from(c.weight)).sum();
    let probability = |c: &Candidate| f64::from(c.weight) / total;
    // A token without any mass has no surprise to speak of, and adds nothing to the entropy.
    candidates.retain(|c| c.weight > 0.0);
    let entropy: f64 = candidates.iter().map(|c| -probability(c) * probability(c).ln()).sum();
    let distance = |c: &Candidate| (-probability(c).ln() - entropy).abs();
    candidates.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.id.cmp(&b.id)));
    let mut mass = 0.0;
    let reached = candidates.iter().position(|c| {
        mass += probability(c);
        mass >= f64::from(typical_p)
    });
    candidates.truncate(reached.map_or(candidates.len(), |last| last + 1));
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
