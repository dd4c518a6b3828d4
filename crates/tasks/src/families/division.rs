//! Division of a number of up to three digits by a small one: quotient, remainder or both.

use super::canonical;
use crate::phrase::{self, Core, binary, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::{extract, integer};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Quotients and remainders.
pub struct Division;

/// What is asked about `a ÷ b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Want {
    /// The quotient, and the remainder where there is one.
    Quotient,
    /// Only the remainder.
    Remainder,
}

/// `a ÷ b`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    a: u64,
    b: u64,
    want: Want,
}

const WITH_REMAINDER: &[&str] = &[
    " with remainder",
    " with a remainder",
    ", with remainder",
    " (with remainder)",
    " including the remainder",
    " and what is the remainder",
    ", quotient and remainder",
    "",
];
const REMAINDERS: &[&str] = &[
    "the remainder of {a} divided by {b}",
    "the remainder when {a} is divided by {b}",
    "the remainder when you divide {a} by {b}",
    "{a} mod {b}",
    "{a} modulo {b}",
    "the remainder of {a} / {b}",
    "the remainder of {a} ÷ {b}",
    "{a} % {b}",
    "the rest when {a} is divided by {b}",
    "what remains when {a} is divided by {b}",
    "the remainder if {a} is divided by {b}",
];
const HALVES: &[&str] = &["half of {a}", "half of {a}", "one half of {a}", "{a} halved"];

impl Problem {
    fn quotient(&self) -> Option<(u64, u64)> {
        Some((self.a.checked_div(self.b)?, self.a.checked_rem(self.b)?))
    }
}

impl Family for Division {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "division"
    }

    fn about(&self) -> &'static str {
        "exact or with remainder: tables, up to 3 digits by 1, then by 10 to 25 and round tens"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let b = match difficulty {
            1 | 2 => rng.between(2, 9),
            _ if rng.chance(0.2) => rng.pick(&[30, 40, 50, 60, 70, 80, 90, 100]),
            _ => rng.between(10, 25),
        };
        let most = if difficulty == 1 { 10 } else { 999 / b };
        let small = difficulty == 2 && rng.chance(0.4);
        let q = rng.between(1, if small { 99 / b } else { most });
        let want = if rng.chance(0.15) { Want::Remainder } else { Want::Quotient };
        let exact = want == Want::Quotient && rng.chance(0.7);
        let rest = if exact { 0 } else { rng.below(b) };
        Problem { a: (q * b + rest).min(999), b, want }
    }

    fn canonical(&self, p: &Problem) -> String {
        canonical::quotient(p.a, p.b)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let (a, b) = (p.a.to_string(), p.b.to_string());
        let values = [("a", a.as_str()), ("b", b.as_str())];
        if p.want == Want::Remainder {
            return phrase::ask(&Core::Noun(fill(rng.pick(REMAINDERS), &values)), rng);
        }
        if p.b == 2 && rng.chance(0.3) {
            return phrase::ask(&Core::Noun(fill(rng.pick(HALVES), &values)), rng);
        }
        let core = binary::core(p.a, '÷', p.b, rng, options);
        let tail = if p.b != 0 && !p.a.is_multiple_of(p.b) { rng.pick(WITH_REMAINDER) } else { "" };
        let core = match core {
            Core::Noun(text) => Core::Noun(text + tail),
            Core::Imperative(text) => Core::Imperative(text + tail),
            other => other,
        };
        phrase::ask(&core, rng)
    }

    fn answer(&self, p: &Problem) -> String {
        match (p.quotient(), p.want) {
            (None, _) => String::new(),
            (Some((_, rest)), Want::Remainder) => rest.to_string(),
            (Some((q, 0)), Want::Quotient) => q.to_string(),
            (Some((q, rest)), Want::Quotient) => format!("{q} remainder {rest}"),
        }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        trace.div(p.a, p.b);
        let answer = self.answer(p);
        let sentence = match p.want {
            Want::Remainder => format!("The remainder is {answer}."),
            Want::Quotient => format!("{} ÷ {} = {answer}", p.a, p.b),
        };
        let answer_text = asked.reply(&answer, sentence);
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        let Some((q, rest)) = p.quotient() else { return Judgement::cannot_judge("division by 0") };
        if p.want == Want::Remainder || rest == 0 {
            let gold = if p.want == Want::Remainder { rest } else { q };
            // "117 remainder 0" says the exact quotient too.
            let exact =
                p.want == Want::Quotient && says(answer_text, q, 0) && answer_text.to_lowercase().contains("remainder");
            return if exact {
                Judgement::right("quotient and remainder 0")
            } else {
                integer::judge(&gold.to_string(), answer_text)
            };
        }
        if says(answer_text, q, rest) {
            Judgement::right(format!("the last numbers are {q} and {rest}"))
        } else {
            Judgement::wrong(format!("the last two numbers are not quotient {q} and remainder {rest}"))
        }
    }
}

/// The last two numbers of the text are quotient and remainder.
fn says(answer_text: &str, q: u64, rest: u64) -> bool {
    let Ok(enclosed) = extract::enclosed(answer_text) else { return false };
    let mut text = enclosed.unwrap_or(answer_text).replace("\\,", " ");
    for word in ["\\text{ remainder }", "\\text{ R }", " R ", " r ", " rem "] {
        text = text.replace(word, " remainder ");
    }
    let numbers = integer::lasts(&text, 2).unwrap_or_default();
    numbers.iter().map(ToString::to_string).eq([q.to_string(), rest.to_string()])
}
