//! The greatest common divisor of two numbers, by Euclid's algorithm.

use super::{Pair, reply_number};
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;

/// Greatest common divisors.
pub struct Gcd;

const WORDINGS: Wordings = Wordings {
    nouns: &[
        "the greatest common divisor of {a} and {b}",
        "the greatest common divisor of {a} and {b}",
        "the gcd of {a} and {b}",
        "gcd({a}, {b})",
        "the greatest common factor of {a} and {b}",
        "the largest number that divides both {a} and {b}",
        "the highest common factor of {a} and {b}",
        "the GCD of the numbers {a} and {b}",
    ],
    questions: &[
        "which is the largest number that divides both {a} and {b}",
        "what is the largest number by which {a} and {b} can be divided",
    ],
    chinese: &["{a}和{b}的最大公约数是多少？", "求{a}与{b}的最大公约数。", "{a}和{b}的最大公因数是几？"],
    ..Wordings::NONE
};

/// Euclid's algorithm; the divisor of 0 and n is n.
pub fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Euclid's algorithm written out, a division a line; ends with `gcd g`.
pub fn euclid(trace: &mut Trace, a: u64, b: u64) -> u64 {
    let (mut large, mut small) = (a.max(b), a.min(b));
    trace.line(format!("gcd of {large} and {small}"));
    while small > 0 {
        let rest = trace.remainder(large, small);
        (large, small) = (small, rest);
    }
    trace.line(format!("gcd {large}"));
    large
}

impl Family for Gcd {
    type Problem = Pair;

    fn name(&self) -> &'static str {
        "gcd"
    }

    fn about(&self) -> &'static str {
        "greatest common divisor of two numbers up to 20, 60, 200"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Pair {
        let most = [20, 60, 200][usize::from(difficulty) - 1];
        // A common factor on purpose: two random numbers mostly have none.
        let common = if rng.chance(0.3) { 1 } else { rng.between(2, most / 3) };
        Pair::different(rng, |rng| common * rng.between(1, most / common))
    }

    fn canonical(&self, p: &Pair) -> String {
        format!("gcd {} {}", p.a.min(p.b), p.a.max(p.b))
    }

    fn ask(&self, p: &Pair, rng: &mut Rng, options: &Options) -> Asked {
        p.ask(&WORDINGS, rng, options)
    }

    fn answer(&self, p: &Pair) -> String {
        gcd(p.a, p.b).to_string()
    }

    fn demonstrate(&self, p: &Pair, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let result = euclid(&mut trace, p.a, p.b);
        let what = format!("The greatest common divisor of {} and {} is", p.a, p.b);
        Some(reply_number(asked, trace, &what, result))
    }

    fn judge(&self, p: &Pair, answer_text: &str) -> Judgement {
        integer::judge(&self.answer(p), answer_text)
    }
}
