//! The least common multiple of two numbers, by way of their greatest common divisor.

use super::gcd::{euclid, gcd};
use super::{Pair, reply_number};
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;

/// Least common multiples.
pub struct Lcm;

const WORDINGS: Wordings = Wordings {
    nouns: &[
        "the least common multiple of {a} and {b}",
        "the least common multiple of {a} and {b}",
        "the lcm of {a} and {b}",
        "lcm({a}, {b})",
        "the lowest common multiple of {a} and {b}",
        "the smallest number that both {a} and {b} divide",
        "the LCM of the numbers {a} and {b}",
        "the smallest common multiple of {a} and {b}",
    ],
    questions: &[
        "which is the smallest number that is a multiple of {a} and of {b}",
        "what is the smallest number above 0 that can be divided by {a} and by {b}",
        "a bus comes every {a} minutes, another every {b} minutes. Both come now. After how many minutes do they meet again",
    ],
    chinese: &["{a}和{b}的最小公倍数是多少？", "求{a}与{b}的最小公倍数。", "{a}、{b}的最小公倍数是几？"],
    ..Wordings::NONE
};

/// The least common multiple; `None` when it is too large.
fn lcm(a: u64, b: u64) -> Option<u64> {
    if a == 0 || b == 0 { Some(0) } else { (a / gcd(a, b)).checked_mul(b) }
}

impl Family for Lcm {
    type Problem = Pair;

    fn name(&self) -> &'static str {
        "lcm"
    }

    fn about(&self) -> &'static str {
        "least common multiple of two numbers up to 10, 30, 90"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Pair {
        let most = [10, 30, 90][usize::from(difficulty) - 1];
        let common = if rng.chance(0.3) { 1 } else { rng.between(2, most / 3) };
        Pair::different(rng, |rng| common * rng.between(1, (most / common).min(9)))
    }

    fn canonical(&self, p: &Pair) -> String {
        format!("lcm {} {}", p.a.min(p.b), p.a.max(p.b))
    }

    fn ask(&self, p: &Pair, rng: &mut Rng, options: &Options) -> Asked {
        p.ask(&WORDINGS, rng, options)
    }

    fn answer(&self, p: &Pair) -> String {
        lcm(p.a, p.b).map(|n| n.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Pair, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let (large, small) = (p.a.max(p.b), p.a.min(p.b));
        let common = euclid(&mut trace, large, small);
        let part = small / common;
        trace.line(format!("{small}÷{common}={part}"));
        let result = trace.brief(large as i64, '×', part as i64);
        let what = format!("The least common multiple of {} and {} is", p.a, p.b);
        Some(reply_number(asked, trace, &what, result))
    }

    fn judge(&self, p: &Pair, answer_text: &str) -> Judgement {
        match lcm(p.a, p.b) {
            Some(gold) => integer::judge(&gold.to_string(), answer_text),
            None => Judgement::cannot_judge("the multiple is too large"),
        }
    }
}
