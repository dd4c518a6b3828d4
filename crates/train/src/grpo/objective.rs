//! The arithmetic of GRPO and its successors: rewards to advantages, advantages and log-probabilities to the gradient
//! of the loss. Pure functions of numbers; no model, no task.
//!
//! Everything that distinguishes the variants is a coefficient dL/dlogp for each token, so that the model's backward is
//! the same for all of them. With `r = π/π_old`, `A` the advantage and `x = log π_ref - log π`:
//!
//! | | loss of a token | its gradient by log π |
//! |---|---|---|
//! | PPO's clip | `-min(rA, clip(r)A)` | `-rA`, or 0 where the clip holds |
//! | CISPO | `-sg(clip(r))·A·log π` | `-clip(r)·A` |
//! | k3 | `β(eˣ - x - 1)` | `β(1 - eˣ)` |
//! | unbiased | `β·r(eˣ - x - 1)` | `-β·r·x` |
//!
//! GSPO's ratio is one number for an answer, the geometric mean of its tokens' ratios; its gradient spreads evenly over
//! them, so the first two lines hold with that number in the place of `r`.

#[cfg(test)]
mod tests;

use crate::recipe::{ClipKind, GrpoSpec, KlKind, LossKind, RatioKind, ScaleKind};

/// Kept from dividing by zero; as in the published implementations, too small to matter otherwise.
const EPS: f64 = 1e-6;

/// Advantages of one step's answers from their rewards. `groups` holds a group's rewards; an answer without a verdict is
/// `None`, takes no part in its group's mean, and gets no advantage.
///
/// The standard deviation is the sample's (n - 1), as TRL has it.
pub fn advantages(groups: &[Vec<Option<f64>>], scale: ScaleKind) -> Vec<Vec<Option<f64>>> {
    let batch_std = std_of(&groups.iter().flatten().flatten().copied().collect::<Vec<f64>>());
    let of_group = |rewards: &Vec<Option<f64>>| {
        let judged: Vec<f64> = rewards.iter().flatten().copied().collect();
        let mean = mean_of(&judged);
        let divisor = match scale {
            ScaleKind::Group => std_of(&judged) + EPS,
            ScaleKind::Batch => batch_std + EPS,
            ScaleKind::None => 1.0,
        };
        rewards.iter().map(|reward| reward.map(|r| (r - mean) / divisor)).collect()
    };
    groups.iter().map(of_group).collect()
}

/// Whether no two of them differ. Sums of equal rewards round (sixteen times 0.1), so no mean is asked.
fn are_equal(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// The mean; of equal values exactly theirs, of none 0.
fn mean_of(values: &[f64]) -> f64 {
    match values.first() {
        None => 0.0,
        Some(&first) if are_equal(values) => first,
        Some(_) => values.iter().sum::<f64>() / values.len() as f64,
    }
}

/// The sample's standard deviation; exactly 0 for fewer than two values, and for equal ones.
pub fn std_of(values: &[f64]) -> f64 {
    if are_equal(values) {
        return 0.0;
    }
    let mean = mean_of(values);
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// DAPO's soft overlong punishment (arXiv:2503.14476, equation 13): 0 up to `limit - buffer` tokens, then falling
/// linearly to -1 at `limit`.
pub fn overlong_penalty(len: usize, limit: usize, buffer: usize) -> f64 {
    let free = limit.saturating_sub(buffer);
    -((len.saturating_sub(free)) as f64 / buffer.max(1) as f64).min(1.0)
}

/// One answer in the loss.
#[derive(Clone, Copy, Debug)]
pub struct AnswerTerms<'a> {
    /// Its advantage.
    pub advantage: f64,
    /// log π_old of each of its tokens that the policy chose, as recorded while sampling.
    pub old: &'a [f32],
    /// log π_ref of the same tokens; empty without a divergence.
    pub reference: &'a [f32],
}

/// The factors by which a loss over answers becomes one number; fixed for an update before any of it is computed.
#[derive(Clone, Copy, Debug)]
pub struct Norms {
    /// Answers in the update.
    pub n_answers: usize,
    /// Their tokens.
    pub n_tokens: usize,
}

/// What the loss was, for the metrics: sums over tokens unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossStats {
    /// The loss, norms applied, divergence included.
    pub loss: f64,
    /// The divergence from the reference (k3).
    pub kl: f64,
    /// Tokens whose ratio was beyond its bound with a gradient that the clip took away or bounded.
    pub n_clipped: u64,
    /// Tokens.
    pub n_tokens: u64,
    /// Largest and smallest ratio.
    pub ratio_max: f64,
    /// Smallest.
    pub ratio_min: f64,
    /// Answers left out by the off-policy mask.
    pub n_masked: u64,
    /// k3 between the old and the new log-probabilities.
    pub mismatch: f64,
}

impl LossStats {
    /// Adds the statistics of another part of the update.
    pub fn add(&mut self, other: &LossStats) {
        let is_first = self.n_tokens == 0;
        self.loss += other.loss;
        self.kl += other.kl;
        self.n_clipped += other.n_clipped;
        self.n_masked += other.n_masked;
        self.mismatch += other.mismatch;
        if other.n_tokens > 0 {
            self.ratio_max = if is_first { other.ratio_max } else { self.ratio_max.max(other.ratio_max) };
            self.ratio_min = if is_first { other.ratio_min } else { self.ratio_min.min(other.ratio_min) };
        }
        self.n_tokens += other.n_tokens;
    }
}

/// dL/dlog π for every token of an answer, given log π of the same tokens in `new`.
///
/// # Panics
/// When `new` has another length than the answer.
pub fn gradient(spec: &GrpoSpec, norms: Norms, a: &AnswerTerms, new: &[f32]) -> (Vec<f32>, LossStats) {
    assert_eq!(a.old.len(), new.len(), "gradient: tokens of an answer, log-probabilities");
    let mut slopes = Vec::with_capacity(new.len());
    let weight = match spec.loss {
        LossKind::Grpo => 1.0 / (norms.n_answers as f64 * new.len().max(1) as f64),
        LossKind::Token => 1.0 / norms.n_tokens as f64,
        LossKind::DrGrpo => 1.0 / (norms.n_answers as f64 * spec.max_new_tokens as f64),
    };
    let log_ratio = |i: usize| f64::from(new[i]) - f64::from(a.old[i]);
    let mean_log_ratio = (0..new.len()).map(log_ratio).sum::<f64>() / new.len().max(1) as f64;
    let is_masked = a.advantage < 0.0 && spec.off_policy_mask.is_some_and(|delta| -mean_log_ratio > delta);
    let advantage = if is_masked { 0.0 } else { a.advantage };
    let mut stats = LossStats {
        n_tokens: new.len() as u64,
        ratio_max: f64::NEG_INFINITY,
        ratio_min: f64::INFINITY,
        n_masked: u64::from(is_masked),
        ..LossStats::default()
    };
    for (i, &new) in new.iter().enumerate() {
        let (own, new) = (log_ratio(i), f64::from(new));
        let ratio = match spec.ratio {
            RatioKind::Token => own,
            RatioKind::Sequence => mean_log_ratio,
        }
        .exp();
        let (mut loss, mut slope, is_clipped) = surrogate(spec, ratio, advantage, new);
        if spec.kl != KlKind::Off {
            let x = f64::from(a.reference[i]) - new;
            let k3 = x.exp() - x - 1.0;
            stats.kl += k3;
            match spec.kl {
                KlKind::K3 => (loss, slope) = (loss + spec.beta * k3, slope + spec.beta * (1.0 - x.exp())),
                // The token's own ratio weighs it, whatever the surrogate's ratio is of.
                _ => (loss, slope) = (loss + spec.beta * own.exp() * k3, slope - spec.beta * own.exp() * x),
            }
        }
        slopes.push((weight * slope) as f32);
        stats.loss += weight * loss;
        stats.n_clipped += u64::from(is_clipped);
        stats.ratio_max = stats.ratio_max.max(ratio);
        stats.ratio_min = stats.ratio_min.min(ratio);
        stats.mismatch += own.exp() - own - 1.0;
    }
    (slopes, stats)
}

/// Loss, its slope by log π, and whether a bound took effect.
fn surrogate(spec: &GrpoSpec, ratio: f64, advantage: f64, logp: f64) -> (f64, f64, bool) {
    let bounded = ratio.clamp(1.0 - spec.epsilon_low, 1.0 + spec.epsilon_high);
    match spec.clip {
        ClipKind::Ppo => {
            let (free, held) = (ratio * advantage, bounded * advantage);
            // The smaller gain counts; where that is the bounded one, the token has no slope.
            if held < free { (-held, 0.0, true) } else { (-free, -ratio * advantage, false) }
        }
        ClipKind::Cispo => (-bounded * advantage * logp, -bounded * advantage, bounded != ratio && advantage != 0.0),
    }
}
