//! Differences of two whole numbers of up to four digits; half of them are negative.

use super::{canonical, equation, operands};
use crate::phrase::binary;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Differences of two numbers; the difficulty is the number of digits.
pub struct Subtraction;

/// `a - b`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    a: u64,
    b: u64,
}

impl Family for Subtraction {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "subtraction"
    }

    fn about(&self) -> &'static str {
        "the difference of two numbers of up to 1, 2, 3 or 4 digits; it may be negative"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (a, b) = operands(rng, u32::from(difficulty));
        Problem { a, b }
    }

    fn canonical(&self, p: &Problem) -> String {
        canonical::difference(p.a, p.b)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        binary::ask(p.a, '-', p.b, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        (i128::from(p.a) - i128::from(p.b)).to_string()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let difference = trace.sub(p.a, p.b);
        if rng.chance(options.checks) {
            // Checked as the sum that undoes it.
            let (large, small) = (p.a.max(p.b), p.a.min(p.b));
            trace.check_nines(small, '+', large - small, large);
        }
        Some(equation(asked, trace.finish(), &format!("{} - {}", p.a, p.b), difference))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        integer::judge(&self.answer(p), answer_text)
    }
}
