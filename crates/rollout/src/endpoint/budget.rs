//! What tokens cost, and a cap that is never passed.

use super::wire::Job;
use super::{EndpointError, pace::sleep_unless};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::time::Duration;

/// Dollars for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Of prompts.
    pub input: f64,
    /// Of answers, thinking included.
    pub output: f64,
}

impl Prices {
    /// What so many tokens cost.
    pub fn dollars(&self, n_prompt: u64, n_completion: u64) -> f64 {
        (n_prompt as f64 * self.input + n_completion as f64 * self.output) / 1e6
    }

    /// The most that an answer to `job` can cost: no token is shorter than a byte, and templates add a few a message.
    pub(super) fn at_most(&self, job: &Job) -> f64 {
        let n_prompt: usize = job.messages.iter().map(|(role, content)| role.len() + content.len() + 64).sum();
        self.dollars(n_prompt as u64, job.max_tokens as u64)
    }
}

/// Dollars spent and reserved.
pub(super) struct Budget {
    cap: Option<f64>,
    /// Spent, and reserved by requests on their way.
    dollars: Mutex<(f64, f64)>,
}

impl Budget {
    pub(super) fn new(cap: Option<f64>, spent: f64) -> Budget {
        Budget { cap, dollars: Mutex::new((spent, 0.0)) }
    }

    /// Reserves the most that a request can cost; waits while requests on their way may leave room for it. False if all
    /// was over before.
    pub(super) fn reserve(&self, at_most: f64, is_over: &(dyn Fn() -> bool + Sync)) -> Result<bool, EndpointError> {
        loop {
            {
                let mut dollars = self.dollars.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let (spent, reserved) = *dollars;
                let Some(cap) = self.cap.filter(|cap| spent + reserved + at_most > *cap) else {
                    dollars.1 += at_most;
                    return Ok(true);
                };
                if spent + at_most > cap {
                    return Err(EndpointError::Cap { cap, spent, next: at_most });
                }
            }
            if !sleep_unless(Duration::from_millis(20), is_over) {
                return Ok(false);
            }
        }
    }

    /// A reserved request came to its end and cost this much.
    pub(super) fn settle(&self, at_most: f64, dollars: f64) {
        let mut now = self.dollars.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = (now.0 + dollars, now.1 - at_most);
    }
}
