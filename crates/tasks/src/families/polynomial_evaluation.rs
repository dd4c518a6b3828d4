//! The value of a polynomial at a whole number, by Horner's rule: one product and one sum for each power.

use super::linear_equation::airy;
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Polynomials of degree 1 to 3.
pub struct PolynomialEvaluation;

/// Coefficients from the highest power down, and the place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    coefficients: Vec<i64>,
    x: i64,
}

const WORDINGS: Wordings = Wordings {
    nouns: &[
        "the value of {p} at x = {x}",
        "the value of {p} for x = {x}",
        "the value of the polynomial {p} when x is {x}",
        "{p} for x = {x}",
    ],
    orders: &[
        "evaluate {p} at x = {x}",
        "evaluate the polynomial {p} for x = {x}",
        "compute {p} for x = {x}",
        "substitute x = {x} into {p}",
        "calculate {p} when x = {x}",
    ],
    questions: &[
        "what is {p} if x = {x}",
        "if x = {x}, what is {p}",
        "if f(x) = {p}, what is f({x})",
        "given f(x) = {p}, what is f({x})",
        "how much is {p} when x is {x}",
    ],
    chinese: &["当x={x}时，{p}等于多少？", "求多项式{p}在x={x}时的值。", "已知f(x)={p}，求f({x})。"],
    ..Wordings::NONE
};

impl Problem {
    /// Horner's rule; `None` when a step is too large.
    fn value(&self) -> Option<i64> {
        self.coefficients.iter().try_fold(0i64, |sum, &c| sum.checked_mul(self.x)?.checked_add(c))
    }

    /// `2x^2-3x+5`
    fn text(&self) -> String {
        let degree = self.coefficients.len() - 1;
        let mut text = String::new();
        for (&c, power) in self.coefficients.iter().zip((0..=degree).rev()).filter(|(c, _)| **c != 0) {
            text += if c < 0 { "-" } else { ["+", ""][usize::from(text.is_empty())] };
            if c.abs() != 1 || power == 0 {
                write!(text, "{}", c.unsigned_abs()).expect("infallible");
            }
            match power {
                0 => {}
                1 => text.push('x'),
                _ => write!(text, "x^{power}").expect("infallible"),
            }
        }
        text
    }
}

impl Family for PolynomialEvaluation {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "polynomial_evaluation"
    }

    fn about(&self) -> &'static str {
        "value of a polynomial: degree 1, degree 2, degree 2 with numbers below zero, degree 3"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let degree = [1, 2, 2, 3][usize::from(difficulty) - 1];
        let sign = |rng: &mut Rng| if difficulty > 1 && rng.chance(0.35) { -1 } else { 1 };
        let mut coefficients = Vec::new();
        for power in (0..=degree).rev() {
            let most = if power == 0 { 20 } else { 5 };
            let size = rng.between(u64::from(power == degree), most) as i64;
            let negative = if power == degree { 1 } else { sign(rng) };
            coefficients.push(size * negative);
        }
        let x = rng.between(1, if difficulty == 4 { 5 } else { 9 }) as i64;
        Problem { coefficients, x: if difficulty >= 3 { sign(rng) * x } else { x } }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("polynomial {:?} {}", p.coefficients, p.x)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let written = if rng.chance(0.7) { airy(&p.text()) } else { p.text() };
        WORDINGS.quote(&[("p", &written), ("x", &p.x.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(format!("{}, x={}", p.text(), p.x));
        let degree = p.coefficients.len() - 1;
        let mut value = *p.coefficients.first()?;
        trace.line(format!("x^{degree}: {value}"));
        for (&c, power) in p.coefficients[1..].iter().zip((0..degree).rev()) {
            trace.line(match power {
                0 => format!("number: {c}"),
                _ => format!("x^{power}: {c}"),
            });
            value = trace.brief(value, '×', p.x);
            value = if c < 0 { trace.brief(value, '-', -c) } else { trace.brief(value, '+', c) };
        }
        let answer_text = asked.reply(&value.to_string(), format!("The value at x = {} is {value}.", p.x));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) if !p.coefficients.is_empty() => integer::judge(&value.to_string(), answer_text),
            _ => Judgement::cannot_judge("there are no coefficients, or the value is too large"),
        }
    }
}
