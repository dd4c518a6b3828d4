//! Division of a number of up to three digits by a small one: quotient, remainder or both.

use super::canonical;
use crate::phrase::{self, Core, binary, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::words::is_east_asian;
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
    ", quotient and remainder",
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
        let is_exact = p.b != 0 && p.a.is_multiple_of(p.b);
        if p.b == 2 && is_exact && rng.chance(0.3) {
            return phrase::ask(&Core::Noun(fill(rng.pick(HALVES), &values)), rng);
        }
        let core = binary::core(p.a, '÷', p.b, rng, options);
        // Where the division is not exact, the prompt says that it wants no fraction.
        let tail = if is_exact { "" } else { rng.pick(WITH_REMAINDER) };
        let core = match core {
            core if is_exact => core,
            Core::Expression(text) => Core::Noun(text + tail),
            Core::Noun(text) => Core::Noun(text + tail),
            Core::Imperative(text) => Core::Imperative(text + tail),
            Core::Question(text) => Core::Question(text + tail),
            Core::Whole(text) if text.contains(is_east_asian) => Core::Whole(format!("{text}（求商和余数）")),
            Core::Whole(text) => Core::Whole(text + " Give the quotient and the remainder."),
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
        if p.want == Want::Remainder {
            return integer::judge(&rest.to_string(), answer_text);
        }
        let expected = [q.to_string(), rest.to_string()];
        match said(answer_text) {
            Err(reason) => Judgement::wrong(reason),
            Ok(Said::Unnamed(_)) if rest == 0 => {
                let text = [" with no remainder", " without remainder", " without a remainder"]
                    .iter()
                    .fold(answer_text.to_string(), |text, none| text.replace(none, ""));
                integer::judge(&q.to_string(), &text)
            }
            Ok(Said::Named(found) | Said::Unnamed(Some(found))) if found == expected => {
                Judgement::right(format!("the quotient is {q}, the remainder {rest}"))
            }
            Ok(_) => Judgement::wrong(format!("the answer is not quotient {q} and remainder {rest}")),
        }
    }
}

/// Quotient and remainder of an answer.
#[derive(Debug)]
enum Said {
    /// The remainder has a name.
    Named([String; 2]),
    /// The last two numbers, where there are two.
    Unnamed(Option<[String; 2]>),
}

/// Reads `4 remainder 2`, `4 R2`, `4……2`, `remainder 2, quotient 4`.
fn said(answer_text: &str) -> Result<Said, String> {
    let text = extract::enclosed(answer_text)?.unwrap_or(answer_text);
    let text = text
        .to_lowercase()
        .replace("\\,", " ")
        .replace("\\text{", " ")
        .replace('}', " ")
        .replace("remaining", "remainder");
    let dotted = ["……", "⋯⋯", "⋯", "…", "......", "..."].iter().fold(text, |text, dots| match text.rsplit_once(dots) {
        Some((front, rest)) if front.trim_end().ends_with(|c: char| c.is_ascii_digit()) => format!("{front} r {rest}"),
        _ => text,
    });
    // `4r2` and `4 rem 2` as `4 remainder 2`; `4余2` too.
    let mut plain = String::with_capacity(dotted.len());
    let mut rest = dotted.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '余') {
        let word = &rest[at..];
        let length = word.find(|c: char| !c.is_ascii_alphabetic() && c != '余').unwrap_or(word.len());
        let is_short = matches!(&word[..length], "r" | "rem" | "rest" | "余");
        plain += &rest[..at];
        plain += if is_short { " remainder " } else { &word[..length] };
        rest = &word[length..];
    }
    plain += rest;
    let numbers = integer::lasts(&plain, 2).map(|numbers| [numbers[0].to_string(), numbers[1].to_string()]);
    let Some(at) = plain.rfind("remainder").filter(|_| !says_none(&plain)) else {
        return Ok(Said::Unnamed(numbers.ok()));
    };
    let [first, second] = numbers?;
    if !plain[at..].contains(|c: char| c.is_ascii_digit()) {
        return Err("no number follows the name of the remainder".to_string());
    }
    let quotient = plain.rfind("quotient").or(plain.rfind('商'));
    Ok(Said::Named(if quotient.is_some_and(|quotient| quotient > at) { [second, first] } else { [first, second] }))
}

/// "3 with no remainder"
fn says_none(text: &str) -> bool {
    let nothing = ["no remainder", "without remainder", "without a remainder", "没有余", "没有 remainder", "无余"];
    nothing.iter().any(|none| text.contains(none))
}

#[cfg(test)]
mod tests;
