//! Which problems a step draws: the recipe's tasks by weight, and of these less of what teaches little.
//!
//! A group whose answers are all right, or all wrong, has no advantage and teaches nothing. So each task at each
//! difficulty has a running rate of success; where it lies outside the recipe's band, fewer of its problems are drawn,
//! down to a floor that keeps noticing when it comes back. The rates are the curriculum's whole state.

#[cfg(test)]
mod tests;

use crate::recipe::CurriculumSpec;
use serde::{Deserialize, Serialize};

/// Weight of the newest group in a rate of success.
const NEWEST: f64 = 0.1;

/// How the answers to one task at one difficulty have gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Running mean of groups' shares of right answers.
    pub success: f64,
    /// Groups seen.
    pub n_groups: u64,
}

/// Rates of success by entry of the mixture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curriculum {
    rates: Vec<Rate>,
}

impl Curriculum {
    /// For so many entries, nothing known of any.
    pub fn new(n_entries: usize) -> Curriculum {
        Curriculum { rates: vec![Rate { success: 0.5, n_groups: 0 }; n_entries] }
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.rates.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// The entry's rate.
    pub fn rate(&self, entry: usize) -> Rate {
        self.rates[entry]
    }

    /// Takes note of a group's share of right answers. The first groups weigh as a plain mean does.
    pub fn observe(&mut self, entry: usize, share_right: f64) {
        let rate = &mut self.rates[entry];
        rate.n_groups += 1;
        let weight = NEWEST.max(1.0 / rate.n_groups as f64);
        rate.success += weight * (share_right - rate.success);
    }

    /// The weights by which problems are drawn, from the recipe's: whole within the band, falling over a further 0.2 on
    /// either side to the floor.
    pub fn weights(&self, spec: &CurriculumSpec, base: &[f64]) -> Vec<f64> {
        assert_eq!(base.len(), self.rates.len(), "a rate for each entry");
        let factor = |rate: &Rate| {
            if !spec.enabled || rate.n_groups == 0 {
                return 1.0;
            }
            let outside = (spec.low - rate.success).max(rate.success - spec.high).max(0.0);
            (1.0 - outside / 0.2).max(spec.floor)
        };
        base.iter().zip(&self.rates).map(|(weight, rate)| weight * factor(rate)).collect()
    }
}
