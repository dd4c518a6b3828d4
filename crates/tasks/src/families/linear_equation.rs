//! Linear equations in one unknown: `3x + 5 = 26`, `5x - 2 = 2x + 13`.

use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Linear equations with a whole solution.
pub struct LinearEquation;

/// `a x + b = c x + d`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    letter: char,
    a: i64,
    b: i64,
    c: i64,
    d: i64,
}

const WORDINGS: Wordings = Wordings {
    orders: &[
        "solve {e} for {x}",
        "solve for {x}: {e}",
        "solve the equation {e}",
        "solve {e}",
        "find {x}: {e}",
        "find {x} if {e}",
        "determine {x} from {e}",
        "find the value of {x} such that {e}",
        "work out {x}: {e}",
    ],
    questions: &[
        "what is {x} if {e}",
        "if {e}, what is {x}",
        "given {e}, what is the value of {x}",
        "for which {x} is {e}",
        "what value of {x} makes {e} true",
    ],
    chinese: &["解方程：{e}", "已知{e}，求{x}。", "{e}，{x}等于多少？", "求方程{e}的解。"],
    ..Wordings::NONE
};

/// `3x`, `x`, `-x`
pub fn term(coefficient: i64, letter: char) -> String {
    match coefficient {
        1 => letter.to_string(),
        -1 => format!("-{letter}"),
        _ => format!("{coefficient}{letter}"),
    }
}

/// `3x+5`, `-x`, `7`: a sum of terms and a number; a missing part is left out.
pub fn side(terms: &[(i64, char)], number: i64) -> String {
    let mut text = String::new();
    for &(coefficient, letter) in terms.iter().filter(|(coefficient, _)| *coefficient != 0) {
        text += if coefficient > 0 && !text.is_empty() { "+" } else { "" };
        text += &term(coefficient, letter);
    }
    match number {
        0 if !text.is_empty() => text,
        _ if number > 0 && !text.is_empty() => format!("{text}+{number}"),
        _ => format!("{text}{number}"),
    }
}

/// Puts spaces around the signs of a tight expression, as textbooks do; a sign in front stays tight.
pub fn airy(tight: &str) -> String {
    let mut text = String::new();
    for c in tight.chars() {
        let between = !text.is_empty() && !text.ends_with([' ', '(']);
        match c {
            '=' => text += " = ",
            '+' | '-' if between => text += &format!(" {c} "),
            _ => text.push(c),
        }
    }
    text
}

impl Problem {
    /// The solution; `None` when there is no single whole one.
    fn value(&self) -> Option<i64> {
        let (factor, rest) = (self.a.checked_sub(self.c)?, self.d.checked_sub(self.b)?);
        (rest.checked_rem(factor)? == 0).then(|| rest.checked_div(factor))?
    }

    fn text(&self) -> String {
        format!("{}={}", side(&[(self.a, self.letter)], self.b), side(&[(self.c, self.letter)], self.d))
    }
}

impl Family for LinearEquation {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "linear_equation"
    }

    fn about(&self) -> &'static str {
        "one unknown: one step, two steps, the unknown on both sides, numbers below zero"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let letter = rng.pick(&['x', 'x', 'x', 'x', 'y', 'n', 'a', 'z', 't', 'm']);
        let signed = |rng: &mut Rng, most: u64| {
            let size = rng.between(1, most) as i64;
            if rng.chance(0.5) { -size } else { size }
        };
        let (x, a, b, c) = match difficulty {
            1 if rng.chance(0.5) => (rng.between(1, 12) as i64, rng.between(2, 9) as i64, 0, 0),
            1 => (rng.between(1, 20) as i64, 1, signed(rng, 9), 0),
            2 => (rng.between(1, 12) as i64, rng.between(2, 9) as i64, signed(rng, 20), 0),
            3 => {
                let c = rng.between(1, 6) as i64;
                (rng.between(1, 12) as i64, c + rng.between(1, 6) as i64, signed(rng, 20), c)
            }
            _ => {
                let (a, c) = (signed(rng, 9), signed(rng, 9));
                (signed(rng, 12), if a == c { a + 1 } else { a }, signed(rng, 30), c)
            }
        };
        // A coefficient of 0 on the left would be no equation of this form.
        let a = if a == 0 { 1 - c.signum() } else { a };
        let a = if a == c { a + 1 } else { a };
        Problem { letter, a, b, c, d: (a - c) * x + b }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("linear {} {} {} {}", p.a, p.b, p.c, p.d)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let equation = if rng.chance(0.7) { airy(&p.text()) } else { p.text() };
        WORDINGS.quote(&[("e", &equation), ("x", &p.letter.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        let value = work(&mut trace, p);
        let answer_text = asked.reply(&value.to_string(), format!("{} = {value}", p.letter));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => integer::judge_of(p.letter, &value.to_string(), answer_text),
            None => Judgement::cannot_judge("the equation has no single whole solution"),
        }
    }
}

/// Brings unknowns to the left, numbers to the right, and divides.
fn work(trace: &mut Trace, p: &Problem) -> i64 {
    let x = p.letter;
    let moved = |by: i64| if by > 0 { format!("-{by}") } else { format!("+{}", -by) };
    let apart = |by: i64| if by > 0 { '-' } else { '+' };
    trace.line(p.text());
    let mut factor = p.a;
    if p.c != 0 {
        let sign = if p.c > 0 { "-" } else { "+" };
        trace.line(format!("{}{sign}{}={}", side(&[(p.a, x)], p.b), term(p.c.abs(), x), p.d));
        factor = trace.brief(p.a, apart(p.c), p.c.abs());
        trace.line(format!("{}={}", side(&[(factor, x)], p.b), p.d));
    }
    let mut rest = p.d;
    if p.b != 0 {
        trace.line(format!("{}={}{}", term(factor, x), p.d, moved(p.b)));
        rest = trace.brief(p.d, apart(p.b), p.b.abs());
        if factor != 1 {
            trace.line(format!("{}={rest}", term(factor, x)));
        }
    }
    if factor != 1 {
        let divisor = if factor < 0 { format!("({factor})") } else { factor.to_string() };
        trace.line(format!("{x}={rest}÷{divisor}"));
        rest /= factor;
    }
    trace.line(format!("{x}={rest}"));
    rest
}
