//! What a division leaves: of a number, a sum, a product, a power.

use super::canonical;
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Arithmetic modulo a small number.
pub struct ModularArithmetic;

/// `(a op b) mod m`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    kind: Kind,
    a: u64,
    b: u64,
    m: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// `a` alone; `b` is 0.
    Number,
    Sum,
    Product,
    Power,
}

const WORDINGS: Wordings = Wordings {
    nouns: &[
        "{e} mod {m}",
        "{e} mod {m}",
        "{e} modulo {m}",
        "the remainder of {e} divided by {m}",
        "the remainder when {e} is divided by {m}",
        "{e} % {m}",
        "the residue of {e} modulo {m}",
    ],
    questions: &["what remains when {e} is divided by {m}", "what does {e} leave when divided by {m}"],
    chinese: &["{e}除以{m}的余数是多少？", "求{e}模{m}的值。", "{e} mod {m}等于几？"],
    ..Wordings::NONE
};

impl Problem {
    /// `None` for a modulus of 0 or numbers beyond what is computed here.
    fn value(&self) -> Option<u64> {
        let m = u128::from(self.m);
        let (a, b) = (u128::from(self.a).checked_rem(m)?, u128::from(self.b));
        let result = match self.kind {
            Kind::Number => a,
            Kind::Sum => (a + b) % m,
            Kind::Product => a * (b % m) % m,
            Kind::Power if self.b <= 10_000 => (0..self.b).fold(1 % m, |power, _| power * a % m),
            Kind::Power => return None,
        };
        u64::try_from(result).ok()
    }

    fn expression(&self, gap: &str) -> String {
        let (a, b) = (self.a, self.b);
        match self.kind {
            Kind::Number => a.to_string(),
            Kind::Sum => format!("({a}{gap}+{gap}{b})"),
            Kind::Product => format!("({a}{gap}×{gap}{b})"),
            Kind::Power => format!("{a}^{b}"),
        }
    }
}

/// `24 ≡ 0 (mod 3)` as `24 = 0`, where the modulus is `m`.
fn without_modulus(answer_text: &str, m: u64) -> String {
    let mut text = answer_text.to_string();
    if text.contains(['≡']) || text.contains("\\equiv") {
        for modulus in [format!("(mod {m})"), format!("\\pmod{{{m}}}"), format!("\\pmod {m}"), format!("(\\bmod {m})")]
        {
            text = text.replace(&modulus, "");
        }
        text = text.replace("\\equiv", "=").replace('≡', "=");
    }
    text
}

impl Family for ModularArithmetic {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "modular_arithmetic"
    }

    fn about(&self) -> &'static str {
        "remainder of a number, a sum, a product, a power"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let m = if difficulty == 3 { rng.between(3, 13) } else { rng.between(2, 9) };
        let (kind, a, b) = match difficulty {
            1 => (Kind::Number, rng.between(m, 99), 0),
            2 => (Kind::Sum, rng.between(10, 99), rng.between(10, 99)),
            3 => (Kind::Product, rng.between(10, 99), rng.between(10, 99)),
            _ => (Kind::Power, rng.between(2, 12), rng.between(3, 6)),
        };
        Problem { kind, a, b, m }
    }

    fn canonical(&self, p: &Problem) -> String {
        let (a, b) = match p.kind {
            Kind::Number => return canonical::quotient(p.a, p.m),
            Kind::Sum | Kind::Product => (p.a.min(p.b), p.a.max(p.b)),
            _ => (p.a, p.b),
        };
        format!("mod {:?} {a} {b} {}", p.kind, p.m)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let written = p.expression(if rng.chance(0.7) { " " } else { "" });
        let written = written.replace('×', rng.pick(&["×", "*"]));
        WORDINGS.ask(&[("e", &written), ("m", &p.m.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(format!("{} mod {}", p.expression(""), p.m));
        let a = trace.remainder(p.a, p.m);
        let value = match p.kind {
            Kind::Number => a,
            Kind::Sum | Kind::Product => {
                let b = trace.remainder(p.b, p.m);
                let op = if p.kind == Kind::Sum { '+' } else { '×' };
                let both = trace.brief(a as i64, op, b as i64);
                trace.remainder(both as u64, p.m)
            }
            Kind::Power => {
                let mut power = a;
                for exponent in 2..=p.b {
                    trace.line(format!("power {exponent}"));
                    let product = trace.brief(power as i64, '×', a as i64);
                    power = trace.remainder(product as u64, p.m);
                }
                power
            }
        };
        let sentence = format!("{} mod {} is {value}.", p.expression(" "), p.m);
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&value.to_string(), sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => integer::judge(&value.to_string(), &without_modulus(answer_text, p.m)),
            None => Judgement::cannot_judge("the modulus is 0 or the numbers are too large"),
        }
    }
}
