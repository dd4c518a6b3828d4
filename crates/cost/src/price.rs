//! The price of compute: dollars for a core-hour, and where the number comes from.
//!
//! A core is paid for while it is held, busy or not, as a rented machine is.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// No core-hour costs more; a larger number is a slip (cents, or the price of a whole machine).
const MAX_DOLLARS: f64 = 100.0;

/// What a core-hour costs, and who says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Dollars.
    pub dollars_per_core_hour: f64,
    /// Where the price is from, with its date.
    pub source: String,
}

impl Price {
    /// A price that the user states.
    ///
    /// # Errors
    /// Not a number, negative, or beyond belief.
    pub fn stated(dollars_per_core_hour: f64) -> Result<Price> {
        if !(0.0..=MAX_DOLLARS).contains(&dollars_per_core_hour) {
            return Err(Error::Price { found: dollars_per_core_hour, max: MAX_DOLLARS });
        }
        Ok(Price { dollars_per_core_hour, source: "stated by the user".to_owned() })
    }

    /// Dollars for `core_s` seconds of one core.
    pub fn dollars(&self, core_s: f64) -> f64 {
        core_s / 3600.0 * self.dollars_per_core_hour
    }
}

impl Default for Price {
    /// $0.04: AWS m7g.large, 2 cores for $0.0816 an hour on demand in us-east-1, June 2026
    /// (factualminds.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026), rounded.
    fn default() -> Price {
        Price {
            dollars_per_core_hour: 0.04,
            source: "default: AWS m7g.large on demand, us-east-1, $0.0816 an hour for 2 cores, June 2026, rounded"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_checked_and_multiplied() {
        assert_eq!(Price::default().dollars(2.0 * 1800.0), 0.04);
        assert_eq!(Price::stated(0.0).unwrap().dollars(1e9), 0.0);
        for bad in [-1.0, 1e3, f64::NAN, f64::INFINITY] {
            assert!(Price::stated(bad).unwrap_err().to_string().contains("core-hour"));
        }
    }
}
