//! Which problems may be trained on. The problem itself decides, so the splits cannot overlap.
//!
//! A family writes each problem in one canonical form that no wording and no order of commuting operands changes
//! (`347 + 588` and "the sum of 588 and 347" are both `347+588`). A stable hash of that form puts 98% of all problems
//! into training and 1% each into validation and test, whatever seed, family or mixture draws them.

use crate::rng::mix;
use serde::{Deserialize, Serialize};

/// A share of all problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// May be trained on: 98% of problems.
    Train,
    /// For choices made while developing: 1%.
    Validation,
    /// For figures that are reported: 1%.
    Test,
}

impl Split {
    /// The split of the problem whose canonical form this is.
    pub fn of(canonical: &str) -> Self {
        match stable_hash(canonical) % 100 {
            0 => Split::Test,
            1 => Split::Validation,
            _ => Split::Train,
        }
    }

    /// As [`Split::of`] for the few problems of a file: one tenth each for validation and test.
    pub(crate) fn of_few(canonical: &str) -> Self {
        match stable_hash(canonical) % 10 {
            0 => Split::Test,
            1 => Split::Validation,
            _ => Split::Train,
        }
    }

    /// Its name in recipes and problem files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// A number for seeding streams; part of the stable format.
    pub(crate) fn tag(self) -> u64 {
        match self {
            Split::Train => 0,
            Split::Validation => 1,
            Split::Test => 2,
        }
    }
}

/// FNV-1a over the bytes, then mixed. Never changes: test sets depend on it.
pub fn stable_hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for &byte in text.as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}
