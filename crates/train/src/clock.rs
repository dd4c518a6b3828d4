//! A budget in minutes, made repeatable: what the clock said is written down before it decides anything.
//!
//! The learning rate depends on how far the run is, so the clock must become a number of tokens. It is asked at fixed
//! steps; the answer (tokens in all, at the speed so far) goes through [`Replay`], so that steps repeated after a kill
//! decide as they did the first time.

use crate::error::Result;
use crate::recipe::TrainSpec;
use crate::run_dir::Replay;
use crate::schedule::{Budget, Position};
use serde_json::json;

/// Says when a run ends.
pub struct Clock {
    /// Seconds that the stage may take, where it is bounded by time.
    limit_s: Option<f64>,
    /// Seconds and tokens when this process began to train; speed is measured from here.
    begun: Option<(f64, u64)>,
    replay: Replay,
}

/// Without an answer from the clock yet: so far away that the run counts as begun.
const UNKNOWN: Budget = Budget::Tokens(u64::MAX);

impl Clock {
    /// A clock for the stage.
    pub fn new(train: &TrainSpec, replay: Replay) -> Clock {
        Clock { limit_s: train.minutes.map(|minutes| 60.0 * minutes), begun: None, replay }
    }

    /// The budget for the step at `at`; `so_far` is the one before it, `seconds` what the stage has taken.
    ///
    /// # Errors
    /// A full disk.
    pub fn budget(&mut self, train: &TrainSpec, so_far: Option<Budget>, at: Position, seconds: f64) -> Result<Budget> {
        let Some(limit_s) = self.limit_s else {
            return Ok(train.tokens.map(Budget::Tokens).or(train.steps.map(Budget::Steps)).unwrap_or(UNKNOWN));
        };
        let (begun_s, begun_tokens) = *self.begun.get_or_insert((seconds, at.tokens));
        if !asks_at(at.step) {
            return Ok(so_far.unwrap_or(UNKNOWN));
        }
        let ask = || {
            let speed = (at.tokens - begun_tokens) as f64 / (seconds - begun_s).max(1e-3);
            let left = if at.tokens > begun_tokens { speed * (limit_s - seconds).max(0.0) } else { 0.0 };
            json!(at.tokens + left as u64)
        };
        let tokens = self.replay.get("budget_tokens", at.step, ask)?;
        Ok(tokens.as_u64().map_or(UNKNOWN, Budget::Tokens))
    }
}

/// The steps at which the clock is asked: often at first, when little is known.
fn asks_at(step: u64) -> bool {
    step > 0 && (step.is_multiple_of(50) || (step < 50 && step.is_multiple_of(10)))
}
