//! Like terms collected: `3x + 5 - x + 2` is `2x + 7`; later with brackets.

use super::linear_equation::{airy, side, term};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::linear;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Linear expressions to be simplified.
pub struct Simplify;

/// A sum of parts: a factor before a bracket of terms; a factor of 1 has no bracket. A term without a letter is a
/// number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    factor: i64,
    terms: Vec<Term>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Term {
    letter: Option<char>,
    coefficient: i64,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    orders: &[
        "simplify {e}",
        "simplify: {e}",
        "simplify the expression {e}",
        "collect like terms: {e}",
        "combine like terms in {e}",
        "combine the like terms: {e}",
        "write {e} as simply as possible",
        "expand and simplify {e}",
        "reduce {e} to its simplest form",
    ],
    nouns: &["the simplest form of {e}", "the simplified form of {e}"],
    questions: &["how can {e} be simplified", "what does {e} simplify to"],
    wholes: &[],
    chinese: &["化简：{e}", "化简{e}。", "合并同类项：{e}", "把{e}写成最简形式。"],
};

impl Problem {
    /// All terms with their brackets opened; `None` when a number is too large.
    fn terms(&self) -> Option<Vec<Term>> {
        let open = |part: &Part| -> Option<Vec<Term>> {
            let times = |t: &Term| Some(Term { coefficient: t.coefficient.checked_mul(part.factor)?, ..*t });
            part.terms.iter().map(times).collect()
        };
        Some(self.parts.iter().map(open).collect::<Option<Vec<_>>>()?.concat())
    }

    /// The sum of each letter's coefficients, and of the numbers; letters in the order of the alphabet, 0 included.
    fn collected(&self) -> Option<(BTreeMap<char, i64>, i64)> {
        let (mut letters, mut number) = (BTreeMap::new(), 0i64);
        for term in self.terms()? {
            let sum = match term.letter {
                Some(letter) => letters.entry(letter).or_insert(0),
                None => &mut number,
            };
            *sum = sum.checked_add(term.coefficient)?;
        }
        Some((letters, number))
    }

    fn simplified(&self) -> Option<String> {
        let (letters, number) = self.collected()?;
        let terms: Vec<(i64, char)> = letters.iter().map(|(&letter, &sum)| (sum, letter)).collect();
        Some(side(&terms, number))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            if part.factor == 1 {
                text += &joined(&part.terms, !text.is_empty());
                continue;
            }
            text += if part.factor > 0 && !text.is_empty() { "+" } else { "" };
            let factor = if part.factor == -1 { "-".to_string() } else { part.factor.to_string() };
            text += &format!("{factor}({})", joined(&part.terms, false));
        }
        text
    }
}

/// Terms in a row; the first has a plus in front when something `goes_on`.
fn joined(terms: &[Term], goes_on: bool) -> String {
    let mut text = String::new();
    for t in terms {
        text += if t.coefficient >= 0 && (goes_on || !text.is_empty()) { "+" } else { "" };
        text += &t.letter.map_or_else(|| t.coefficient.to_string(), |letter| term(t.coefficient, letter));
    }
    text
}

impl Family for Simplify {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "simplify"
    }

    fn about(&self) -> &'static str {
        "collect like terms: one letter, two letters, with a bracket"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let pair = rng.pick(&[['x', 'y'], ['x', 'y'], ['a', 'b'], ['m', 'n'], ['p', 'q']]);
        let kinds: &[Option<char>] = match difficulty {
            2 => &[Some(pair[0]), Some(pair[1]), None],
            _ => &[Some(pair[0]), None],
        };
        let term = |rng: &mut Rng, letter: Option<char>, first: bool| {
            let size = rng.between(1, if letter.is_some() { 9 } else { 20 }) as i64;
            Term { letter, coefficient: if !first && rng.chance(0.35) { -size } else { size } }
        };
        let n_terms = [rng.between(3, 4), rng.between(4, 6), 2][usize::from(difficulty) - 1];
        let mut terms: Vec<Term> = Vec::new();
        for idx in 0..n_terms {
            // The first letter comes twice at least, so that there is something to collect.
            let letter = if idx == 0 || idx == 2 { kinds[0] } else { rng.pick(kinds) };
            terms.push(term(rng, letter, idx == 0));
        }
        let mut parts = vec![Part { factor: 1, terms }];
        if difficulty == 3 {
            let factor = rng.between(2, 6) as i64 * if rng.chance(0.35) { -1 } else { 1 };
            let inside = vec![term(rng, kinds[0], true), term(rng, None, false)];
            parts.push(Part { factor, terms: inside });
            // A factor below zero needs something in front.
            if factor > 0 && rng.chance(0.5) {
                parts.reverse();
            }
        }
        Problem { parts }
    }

    fn canonical(&self, p: &Problem) -> String {
        let mut terms = p.terms().unwrap_or_default();
        terms.sort_unstable();
        format!("simplify {terms:?}")
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let written = if rng.chance(0.7) { airy(&p.text()) } else { p.text() };
        WORDINGS.quote(&[("e", &written)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.simplified().map(|text| airy(&text)).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(p.text());
        for part in p.parts.iter().filter(|part| part.factor != 1) {
            for t in &part.terms {
                trace.brief(part.factor, '×', t.coefficient);
            }
        }
        let terms = p.terms()?;
        if p.parts.iter().any(|part| part.factor != 1) {
            trace.line(joined(&terms, false));
        }
        let (letters, _) = p.collected()?;
        let kinds = letters.keys().map(|&letter| Some(letter)).chain([None]);
        for kind in kinds {
            let mut same = terms.iter().filter(|t| t.letter == kind).map(|t| t.coefficient);
            let Some(mut sum) = same.next() else { continue };
            trace.line(format!("{}: {sum}", kind.map_or_else(|| "numbers".to_string(), String::from)));
            for next in same {
                sum = if next < 0 { trace.brief(sum, '-', -next) } else { trace.brief(sum, '+', next) };
            }
        }
        let answer = self.answer(p);
        trace.line(p.simplified()?);
        let answer_text = asked.reply(&answer, format!("{} = {answer}", airy(&p.text())));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.collected() {
            Some((letters, number)) if !letters.is_empty() => linear::judge(&letters, number, answer_text),
            _ => Judgement::cannot_judge("there is no letter, or a number is too large"),
        }
    }
}
