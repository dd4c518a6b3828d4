//! Sums of two whole numbers of up to four digits.

use super::{canonical, equation, operands};
use crate::phrase::binary;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Sums of two numbers; the difficulty is the number of digits.
pub struct Addition;

/// `a + b`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    a: u64,
    b: u64,
}

impl Family for Addition {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "addition"
    }

    fn about(&self) -> &'static str {
        "the sum of two numbers of up to 1, 2, 3 or 4 digits"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (a, b) = operands(rng, u32::from(difficulty));
        Problem { a, b }
    }

    fn canonical(&self, p: &Problem) -> String {
        canonical::sum(p.a, p.b)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        binary::ask(p.a, '+', p.b, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.a.saturating_add(p.b).to_string()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let sum = trace.add(p.a, p.b);
        if rng.chance(options.checks) {
            trace.check_nines(p.a, '+', p.b, sum);
        }
        Some(equation(asked, trace.finish(), &format!("{} + {}", p.a, p.b), sum))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        integer::judge(&self.answer(p), answer_text)
    }
}
