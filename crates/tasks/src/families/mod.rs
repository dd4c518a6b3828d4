//! The native families of problems, one file each, and what several of them share.

pub mod addition;
pub mod base_conversion;
pub mod caesar_cipher;
mod calendar;
pub mod chain;
pub mod comparison;
pub mod conversation;
pub mod count_bits;
pub mod countdown;
pub mod date_difference;
pub mod day_of_week;
pub mod digits;
pub mod division;
pub mod game24;
pub mod gcd;
mod graph;
pub mod graph_connectivity;
pub mod instructions;
pub mod knights_knaves;
pub mod lcm;
pub mod letter_counting;
mod letters;
pub mod linear_equation;
pub mod linear_system;
pub mod list_filter;
pub mod list_max;
pub mod list_sort;
pub mod maze;
pub mod mini_sudoku;
pub mod modular_arithmetic;
pub mod multi_step;
pub mod multiplication;
pub mod n_queens;
pub mod out_of_scope;
pub mod palindrome;
pub mod polynomial_evaluation;
pub mod prime_factorization;
pub mod propositional;
pub mod running_sums;
pub mod shortest_path;
pub mod signed;
pub mod simplify;
pub mod spell_backward;
pub mod string_rewriting;
pub mod subtraction;
pub mod syllogism;
pub mod tower_of_hanoi;
pub mod unit_conversion;
pub mod word_problems;

use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Options};
use crate::verify::list;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

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

    /// A sum of several numbers, some of them taken away, in any order.
    pub fn total(terms: impl IntoIterator<Item = (char, u64)>) -> String {
        let mut terms: Vec<(char, u64)> = terms.into_iter().collect();
        terms.sort_unstable();
        terms.iter().map(|(op, n)| format!("{op}{n}")).collect()
    }

    /// A quotient, with or without remainder, or the remainder alone.
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

/// The reply `{what} {result}.`, or the result in the form that was asked for.
fn reply_number(asked: &Asked, trace: Trace, what: &str, result: impl std::fmt::Display) -> Demonstration {
    let answer_text = asked.reply(&result.to_string(), format!("{what} {result}."));
    Demonstration { reasoning: trace.finish(), answer_text }
}

/// A problem about two numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pair {
    a: u64,
    b: u64,
}

impl Pair {
    /// Two different numbers.
    fn different(rng: &mut Rng, mut number: impl FnMut(&mut Rng) -> u64) -> Self {
        loop {
            let (a, b) = (number(rng), number(rng));
            if a != b {
                return Self { a, b };
            }
        }
    }

    /// Asks about `{a}` and `{b}`.
    fn ask(&self, wordings: &Wordings, rng: &mut Rng, options: &Options) -> Asked {
        wordings.ask(&[("a", &self.a.to_string()), ("b", &self.b.to_string())], rng, options)
    }
}

/// `n` items.
fn list_of<T>(rng: &mut Rng, n: u64, mut item: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..n).map(|_| item(rng)).collect()
}

/// A list as people type it: `3, 7, 9`, `[3, 7, 9]`, `3 7 9`.
fn shown(items: &[i64], rng: &mut Rng) -> String {
    match rng.below(10) {
        0..6 => list::shown(items, ", "),
        6 => list::shown(items, " "),
        7 => list::shown(items, ","),
        _ => format!("[{}]", list::shown(items, ", ")),
    }
}
