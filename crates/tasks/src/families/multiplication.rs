//! Products of two whole numbers, the larger of up to three digits.

use super::{canonical, equation};
use crate::phrase::{self, Core, binary, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Products of two numbers.
pub struct Multiplication;

/// `a × b`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    a: u64,
    b: u64,
}

/// Digits of the factors by difficulty.
const DIGITS: [(u32, u32); 5] = [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2)];

/// Other words for a square or a multiple.
const SQUARES: &[&str] = &["{a} squared", "the square of {a}", "{a} times itself", "{a} multiplied by itself"];
const DOUBLES: &[&str] = &["twice {a}", "double {a}", "two times {a}", "{a} doubled", "the double of {a}"];
const TRIPLES: &[&str] = &["three times {a}", "triple {a}", "{a} tripled", "thrice {a}"];

impl Family for Multiplication {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "multiplication"
    }

    fn about(&self) -> &'static str {
        "the product of two numbers of 1×1, 2×1, 3×1, 2×2 or 3×2 digits"
    }

    fn levels(&self) -> u8 {
        DIGITS.len() as u8
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (long, short) = DIGITS[usize::from(difficulty) - 1];
        let (a, b) = (rng.number(long), rng.number(short));
        match rng.below(60) {
            0 => Problem { a, b: 2 },
            1 => Problem { a, b: 3 },
            2 if long == short => Problem { a, b: a },
            n if n % 2 == 0 => Problem { a, b },
            _ => Problem { a: b, b: a },
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        canonical::product(p.a, p.b)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let special = match (p.a, p.b) {
            (a, b) if a == b => SQUARES,
            (_, 2) => DOUBLES,
            (_, 3) => TRIPLES,
            _ => &[],
        };
        if !special.is_empty() && rng.chance(0.3) {
            let core = Core::Noun(fill(rng.pick(special), &[("a", &p.a.to_string())]));
            return phrase::ask(&core, rng);
        }
        binary::ask(p.a, '×', p.b, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.a.saturating_mul(p.b).to_string()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let product = trace.mul(p.a, p.b);
        if rng.chance(options.checks) {
            trace.check_nines(p.a, '×', p.b, product);
        }
        Some(equation(asked, trace.finish(), &format!("{} × {}", p.a, p.b), product))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        integer::judge(&self.answer(p), answer_text)
    }
}
