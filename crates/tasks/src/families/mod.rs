//! The native families of problems, one file each, and what several of them share.

pub mod addition;
pub mod chain;
pub mod comparison;
pub mod conversation;
pub mod countdown;
pub mod digits;
pub mod division;
pub mod multiplication;
pub mod out_of_scope;
pub mod signed;
pub mod subtraction;
pub mod word_problems;

use crate::rng::Rng;
use crate::task::{Asked, Demonstration};

/// Canonical forms of sums, differences, products and quotients, shared by all families: a problem that is held out
/// in one of them is held out in the others.
pub mod canonical {
    /// A sum, in either order.
    pub fn sum(a: u64, b: u64) -> String {
        format!("{}+{}", a.min(b), a.max(b))
    }

    /// A difference, in either order: both take the same columns.
    pub fn difference(a: u64, b: u64) -> String {
        format!("{}-{}", a.max(b), a.min(b))
    }

    /// A product, in either order.
    pub fn product(a: u64, b: u64) -> String {
        format!("{}×{}", a.min(b), a.max(b))
    }

    /// A quotient, with or without remainder.
    pub fn quotient(a: u64, b: u64) -> String {
        format!("{a}÷{b}")
    }
}

/// Two operands of at most `n` digits, most often of exactly `n`.
fn operands(rng: &mut Rng, n: u32) -> (u64, u64) {
    let mixed = rng.chance(0.3);
    let mut one = |mixed: bool| {
        let digits = if mixed { rng.between(1, u64::from(n)) as u32 } else { n };
        rng.number(digits)
    };
    (one(mixed), one(mixed))
}

/// The reply `{expression} = {result}`, or the result in the form that was asked for.
fn equation(asked: &Asked, reasoning: String, expression: &str, result: impl std::fmt::Display) -> Demonstration {
    let answer_text = asked.reply(&result.to_string(), format!("{expression} = {result}"));
    Demonstration { reasoning, answer_text }
}
