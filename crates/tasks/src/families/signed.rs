//! Sums, differences and products in which an operand is negative.

use super::equation;
use crate::phrase::{self, Core, binary, chinese, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Arithmetic with negative operands.
pub struct Signed;

/// `a op b`, one of them or both negative.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    a: i64,
    b: i64,
    operator: char,
}

impl Problem {
    /// The value; `None` for an unknown operator or numbers too large.
    fn value(&self) -> Option<i64> {
        match self.operator {
            '+' => self.a.checked_add(self.b),
            '-' => self.a.checked_sub(self.b),
            '×' => self.a.checked_mul(self.b),
            _ => None,
        }
    }

    /// The expression with brackets around a negative second operand.
    fn text(&self, gap: &str) -> String {
        let b = if self.b < 0 { format!("({})", self.b) } else { self.b.to_string() };
        format!("{}{gap}{}{gap}{b}", self.a, self.operator)
    }
}

impl Family for Signed {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "signed"
    }

    fn about(&self) -> &'static str {
        "sums, differences and products with negative operands: 1, 2, then 3 digits"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let operator = rng.pick(&['+', '+', '-', '-', '×']);
        // Products stay within two digits by one.
        let most = if operator == '×' { difficulty.min(2) } else { difficulty };
        let a_digits = rng.between(1, u64::from(most)) as u32;
        let b_digits = if operator == '×' { 1 } else { rng.between(1, u64::from(most)) as u32 };
        let (a, b) = (rng.number(a_digits).max(1) as i64, rng.number(b_digits).max(1) as i64);
        match rng.below(5) {
            0 | 1 => Problem { a: -a, b, operator },
            2 | 3 => Problem { a, b: -b, operator },
            _ => Problem { a: -a, b: -b, operator },
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        let (a, b) = if p.operator == '-' { (p.a, p.b) } else { (p.a.min(p.b), p.a.max(p.b)) };
        format!("{a}{}({b})", p.operator)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let minus = rng.pick(&["-", "-", "-", "−"]);
        let operand = |n: i64, bracket: bool| {
            let text = format!("{}{}", if n < 0 { minus } else { "" }, n.unsigned_abs());
            if bracket { format!("({text})") } else { text }
        };
        let (a, b) = (operand(p.a, p.a < 0 && rng.chance(0.15)), operand(p.b, p.b < 0 && rng.chance(0.6)));
        if rng.chance(options.chinese) {
            let written = binary::spaced(&a, binary::sign(p.operator, rng), &b, rng);
            return phrase::ask(&Core::Whole(fill(rng.pick(chinese::EXPRESSION), &[("e", &written)])), rng);
        }
        if rng.chance(0.3) {
            let (a, b) = (spoken(p.a, rng), spoken(p.b, rng));
            let core = Core::Noun(format!("{a} {} {b}", binary::spoken(p.operator)[0]));
            return phrase::ask(&core, rng);
        }
        phrase::ask(&Core::Expression(binary::spaced(&a, binary::sign(p.operator, rng), &b, rng)), rng)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let value = trace.step(p.a, p.operator, p.b);
        Some(equation(asked, trace.finish(), &p.text(" "), value))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => integer::judge(&value.to_string(), answer_text),
            None => Judgement::cannot_judge("an operator is not one of + - ×, or the numbers are too large"),
        }
    }
}

/// `-5`, "minus 5" or "negative 5".
fn spoken(n: i64, rng: &mut Rng) -> String {
    let size = n.unsigned_abs();
    if n < 0 { format!("{}{size}", rng.pick(&["-", "negative ", "minus "])) } else { size.to_string() }
}
