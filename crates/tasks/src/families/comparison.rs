//! Which of two numbers is larger or smaller, and is one larger than the other.

mod stated;

use crate::phrase::{self, Core, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options, Verdict};
use crate::verify::{extract, integer, text, words};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Comparisons of two different numbers.
pub struct Comparison;

/// What is asked about `a` and `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Want {
    /// The larger number.
    Larger,
    /// The smaller number.
    Smaller,
    /// Is `a` larger than `b`?
    IsLarger,
    /// Is `a` smaller than `b`?
    IsSmaller,
}

/// Two different numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    a: u64,
    b: u64,
    want: Want,
}

const PAIRS: &[&str] = &["{a} or {b}", "{a} or {b}", "{a} or {b}", "{a} and {b}"];
const WHICH: &[&str] = &[
    "which is {w}, {p}",
    "which is {w}: {p}",
    "which number is {w}, {p}",
    "which number is {w}: {p}",
    "which one is {w}, {p}",
    "what is {w}, {p}",
    "what's {w}, {p}",
    "is {a} or {b} {w}",
    "{a} or {b}, which is {w}",
    "which is the {w} number, {p}",
    "which of {a} and {b} is {w}",
    "{a} vs {b}: which is {w}",
    "of {a} and {b}, which is {w}",
    "which is {w} - {p}",
];
const NOUNS: &[&str] = &[
    "the {w} of {a} and {b}",
    "the {w} number of {a} and {b}",
    "the {w} one of {a} and {b}",
    "the {w} of the two numbers {a} and {b}",
    "the {m} of {a} and {b}",
    "{m}({a}, {b})",
    "the {w} number: {a} or {b}",
];
const YES_NO: &[&str] = &[
    "is {a} {w} than {b}",
    "is {a} {w} than {b}",
    "is it true that {a} is {w} than {b}",
    "is {a} {s} {b}",
    "{a} {s} {b}",
];

impl Want {
    fn picks_larger(self) -> bool {
        matches!(self, Want::Larger | Want::IsLarger)
    }

    fn is_yes_no(self) -> bool {
        matches!(self, Want::IsLarger | Want::IsSmaller)
    }

    /// Comparative, superlative and sign in the words of `rng`'s choice.
    fn words(self, rng: &mut Rng) -> (&'static str, &'static str, &'static str) {
        if self.picks_larger() {
            (
                rng.pick(&["larger", "larger", "bigger", "bigger", "greater", "higher", "more"]),
                rng.pick(&["maximum", "max"]),
                ">",
            )
        } else {
            (rng.pick(&["smaller", "smaller", "smaller", "less", "lower"]), rng.pick(&["minimum", "min"]), "<")
        }
    }
}

impl Family for Comparison {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "comparison"
    }

    fn about(&self) -> &'static str {
        "which of two numbers is larger or smaller: up to 2, then 4 digits"
    }

    fn levels(&self) -> u8 {
        2
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let want = rng.pick(&[Want::Larger, Want::Larger, Want::Smaller, Want::IsLarger, Want::IsSmaller]);
        loop {
            let digits = rng.between(1, 2 * u64::from(difficulty)) as u32;
            let a = rng.number(digits);
            let near = rng.chance(0.3);
            let longer = u32::from(rng.chance(0.2));
            let b = if near { a - a % 10 + rng.below(10) } else { rng.number(digits + longer) };
            if a != b {
                return Problem { a, b, want };
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("compare {} {}", p.a.min(p.b), p.a.max(p.b))
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let (a, b) = (p.a.to_string(), p.b.to_string());
        let (comparative, superlative, sign) = p.want.words(rng);
        let pair = fill(rng.pick(PAIRS), &[("a", &a), ("b", &b)]);
        let values = [("a", a.as_str()), ("b", &b), ("w", comparative), ("m", superlative), ("s", sign), ("p", &pair)];
        if rng.chance(options.chinese) {
            let word = if p.want.picks_larger() { "大" } else { "小" };
            let text =
                if p.want.is_yes_no() { format!("{a}比{b}{word}吗？") } else { format!("{a}和{b}哪个{word}？") };
            return phrase::ask(&Core::Whole(text), rng);
        }
        let core = match p.want {
            want if want.is_yes_no() => Core::Question(fill(rng.pick(YES_NO), &values)),
            _ if rng.chance(0.3) => Core::Noun(fill(rng.pick(NOUNS), &values)),
            _ => Core::Question(fill(rng.pick(WHICH), &values)),
        };
        if p.want.is_yes_no() { phrase::ask_word(&core, rng) } else { phrase::ask(&core, rng) }
    }

    fn answer(&self, p: &Problem) -> String {
        match p.want {
            Want::Larger => p.a.max(p.b).to_string(),
            Want::Smaller => p.a.min(p.b).to_string(),
            Want::IsLarger => if p.a > p.b { "yes" } else { "no" }.to_string(),
            Want::IsSmaller => if p.a < p.b { "yes" } else { "no" }.to_string(),
        }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let word = if p.want.picks_larger() { "larger" } else { "smaller" };
        let answer = self.answer(p);
        let relation = if p.a > p.b { '>' } else { '<' };
        trace.line(format!("{} and {}: {word}", p.a, p.b));
        trace.compare(p.a, p.b, format!("so {}{relation}{}", p.a, p.b));
        let sentence = if p.want.is_yes_no() {
            let not = if answer == "no" { "not " } else { "" };
            format!("{}, {} is {not}{word} than {}.", phrase::capitalise(&answer), p.a, p.b)
        } else {
            format!("The {word} number is {answer}.")
        };
        let answer_text = asked.reply(&answer, sentence);
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        let said = match extract::answer_text(answer_text) {
            Ok(text) => stated::read(p.a, p.b, text),
            Err(reason) => return Judgement::wrong(reason),
        };
        if said.iter().any(|said| said.larger != p.a.max(p.b)) {
            return Judgement::wrong("the answer says that the smaller number is larger");
        }
        let answer = self.answer(p);
        // "127 > 65" has neither a yes nor the larger number at its end.
        let last = said.last().filter(|said| said.stands_last && (said.by_sign || said.subject.to_string() == answer));
        let last = last.or(said.last().filter(|said| said.stands_last && p.want.is_yes_no()));
        let judgement = match p.want.is_yes_no() {
            true => text::judge_word(&["yes", "no"], &answer, answer_text),
            false => integer::judge(&answer, answer_text),
        };
        match last {
            Some(_) if judgement.verdict == Verdict::Wrong && !says_word(answer_text) => {
                Judgement::right("the numbers are compared as they are")
            }
            _ => judgement,
        }
    }
}

/// Says yes or no.
fn says_word(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains(['是', '不', '对', '否', '错']) || words::words(&lower).any(|word| matches!(word, "yes" | "no"))
}

#[cfg(test)]
mod tests;
