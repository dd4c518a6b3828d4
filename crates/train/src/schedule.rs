//! Everything that changes over a run: learning rate, batch size, weights of the side losses. Pure functions of how
//! far the run is, so that a resumed run needs nothing but its counters.
//!
//! DeepSeek-V3 Technical Report, section 4.2: warm-up, constant, decay; the batch grows over the first tokens; the
//! weight of the MTP loss drops late; the experts' correction bias rests at the end.

#[cfg(test)]
mod tests;

use crate::recipe::{ScheduleKind, TrainSpec};
use serde::{Deserialize, Serialize};

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Optimizer steps done.
    pub step: u64,
    /// Tokens that went through the model.
    pub tokens: u64,
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// After this many tokens. A budget in minutes becomes one in tokens, see [`crate::clock`].
    Tokens(u64),
    /// After this many steps.
    Steps(u64),
}

impl Budget {
    /// The share of the run that is done, at most 1.
    pub fn progress(self, at: Position) -> f64 {
        let (done, all) = match self {
            Budget::Tokens(all) => (at.tokens, all),
            Budget::Steps(all) => (at.step, all),
        };
        (done as f64 / all.max(1) as f64).min(1.0)
    }

    /// Whether the run ends here.
    pub fn is_spent(self, at: Position) -> bool {
        match self {
            Budget::Tokens(all) => at.tokens >= all,
            Budget::Steps(all) => at.step >= all,
        }
    }
}

/// What holds for one optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSettings {
    /// Learning rate.
    pub lr: f64,
    /// Weight of the MTP loss.
    pub mtp_weight: f64,
    /// Weight of the sequence-wise balance loss.
    pub balance_alpha: f64,
    /// Step of the experts' correction bias.
    pub bias_gamma: f64,
}

/// The settings of the step that follows position `at`.
pub fn settings(train: &TrainSpec, budget: Budget, at: Position) -> StepSettings {
    let progress = budget.progress(at);
    StepSettings {
        lr: learning_rate(train, progress, at.step),
        mtp_weight: if progress < train.mtp_switch { train.mtp_weight } else { train.mtp_weight_late },
        balance_alpha: train.balance_alpha,
        bias_gamma: if progress < train.bias_freeze { train.bias_gamma } else { 0.0 },
    }
}

fn learning_rate(train: &TrainSpec, progress: f64, step: u64) -> f64 {
    let warmup = if step < train.warmup_steps { (step + 1) as f64 / train.warmup_steps as f64 } else { 1.0 };
    // How much of the way from `lr` down to `min_lr` is left.
    let height = match train.schedule {
        ScheduleKind::Constant => 1.0,
        ScheduleKind::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        ScheduleKind::Wsd if train.decay == 0.0 => 1.0,
        ScheduleKind::Wsd => ((1.0 - progress) / train.decay).min(1.0),
    };
    warmup * (train.min_lr + (train.lr - train.min_lr) * height)
}

/// Micro-batches of the step before which `tokens` tokens were seen.
pub fn n_micro_batches(train: &TrainSpec, tokens: u64) -> usize {
    let batch_tokens = match train.batch_ramp {
        Some(ramp) if tokens < ramp.tokens => {
            ramp.from + ((train.batch_tokens - ramp.from) as f64 * (tokens as f64 / ramp.tokens as f64)) as u64
        }
        _ => train.batch_tokens,
    };
    let micro = train.micro_batch_tokens as u64;
    ((batch_tokens + micro / 2) / micro).max(1) as usize
}
