//! The truth of a formula, given what its letters are.

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options, Verdict};
use crate::verify::{surroundings, text};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Formulas of propositional logic.
pub struct Propositional;

/// A formula and the values of the letters p, q, r.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    formula: Formula,
    values: [bool; 3],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Formula {
    /// 0 for p, 1 for q, 2 for r.
    Letter(usize),
    Not(Box<Formula>),
    And(Box<Formula>, Box<Formula>),
    Or(Box<Formula>, Box<Formula>),
    Implies(Box<Formula>, Box<Formula>),
}

const LETTERS: [&str; 3] = ["p", "q", "r"];
/// Deepest formula that is judged.
const MAX_DEPTH: usize = 16;

const WORDINGS: Wordings = Wordings {
    answers: Answers::Sentence,
    questions: &[
        "given {v}, is {f} true or false",
        "if {v}, is the formula {f} true or false",
        "with {v}, what is the truth value of {f}",
        "is {f} true or false when {v}",
        "let {e}. Is {f} true or false",
    ],
    orders: &["evaluate {f} for {e}", "find the truth value of {f} if {v}", "evaluate the formula {f} given {v}"],
    nouns: &["the truth value of {f}, given {v}"],
    wholes: &["Given: {v}. True or false: {f}?"],
    chinese: &["已知{z}，{g}是真还是假？", "当{z}时，求{g}的真值（true或false）。"],
};

/// How the connectives are written.
struct Signs {
    not: &'static str,
    and: &'static str,
    or: &'static str,
    implies: &'static str,
}

const WORDS: Signs = Signs { not: "not ", and: "and", or: "or", implies: "implies" };
const SYMBOLS: [Signs; 3] = [
    Signs { not: "¬", and: "∧", or: "∨", implies: "→" },
    Signs { not: "~", and: "&", or: "|", implies: "->" },
    Signs { not: "!", and: "&&", or: "||", implies: "=>" },
];

impl Formula {
    fn value(&self, values: &[bool; 3]) -> bool {
        match self {
            Formula::Letter(idx) => values.get(*idx).copied().unwrap_or(false),
            Formula::Not(a) => !a.value(values),
            Formula::And(a, b) => a.value(values) && b.value(values),
            Formula::Or(a, b) => a.value(values) || b.value(values),
            Formula::Implies(a, b) => !a.value(values) || b.value(values),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Formula::Letter(idx) => {
                if *idx < 3 {
                    1
                } else {
                    MAX_DEPTH + 1
                }
            }
            Formula::Not(a) => 1 + a.depth(),
            Formula::And(a, b) | Formula::Or(a, b) | Formula::Implies(a, b) => 1 + a.depth().max(b.depth()),
        }
    }

    fn has(&self, letter: usize) -> bool {
        match self {
            Formula::Letter(idx) => *idx == letter,
            Formula::Not(a) => a.has(letter),
            Formula::And(a, b) | Formula::Or(a, b) | Formula::Implies(a, b) => a.has(letter) || b.has(letter),
        }
    }

    /// Brackets around every formula of two parts but the outermost.
    fn text(&self, signs: &Signs, outermost: bool) -> String {
        let (a, sign, b) = match self {
            Formula::Letter(idx) => return LETTERS[*idx].to_string(),
            Formula::Not(a) => return format!("{}{}", signs.not, a.text(signs, false)),
            Formula::And(a, b) => (a, signs.and, b),
            Formula::Or(a, b) => (a, signs.or, b),
            Formula::Implies(a, b) => (a, signs.implies, b),
        };
        let text = format!("{} {sign} {}", a.text(signs, false), b.text(signs, false));
        if outermost { text } else { format!("({text})") }
    }

    /// A formula of `n_parts` connectives of two parts, with a negation here and there.
    fn draw(n_parts: u64, rng: &mut Rng) -> Self {
        let formula = if n_parts == 0 {
            Formula::Letter(rng.below(3) as usize)
        } else {
            let left = rng.below(n_parts);
            let (a, b) = (Box::new(Self::draw(left, rng)), Box::new(Self::draw(n_parts - 1 - left, rng)));
            match rng.below(5) {
                0 | 1 => Formula::And(a, b),
                2 | 3 => Formula::Or(a, b),
                _ => Formula::Implies(a, b),
            }
        };
        if rng.chance(0.25) { Formula::Not(Box::new(formula)) } else { formula }
    }

    /// Writes the value of each part, inner ones first; a letter stands for its value.
    fn work(&self, values: &[bool; 3], trace: &mut Trace) -> bool {
        let value = self.value(values);
        let line = match self {
            Formula::Letter(_) => return value,
            Formula::Not(a) => format!("not {}", a.work(values, trace)),
            Formula::And(a, b) => format!("{} and {}", a.work(values, trace), b.work(values, trace)),
            Formula::Or(a, b) => format!("{} or {}", a.work(values, trace), b.work(values, trace)),
            Formula::Implies(a, b) => format!("{} implies {}", a.work(values, trace), b.work(values, trace)),
        };
        trace.line(format!("{}: {line} is {value}", self.text(&WORDS, true)));
        value
    }
}

impl Family for Propositional {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "propositional"
    }

    fn about(&self) -> &'static str {
        "is a formula of p, q, r true: 1, 2, 3 to 4 connectives, with negations"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n_parts = match difficulty {
            3 => rng.between(3, 4),
            _ => u64::from(difficulty),
        };
        Problem { formula: Formula::draw(n_parts, rng), values: [(); 3].map(|()| rng.chance(0.5)) }
    }

    fn canonical(&self, p: &Problem) -> String {
        // A letter that the formula does not have is not mentioned in the prompt.
        let value = |idx: usize| if p.formula.has(idx) { p.values[idx].to_string() } else { "-".to_string() };
        format!("formula {} {}", p.formula.text(&WORDS, true), [0, 1, 2].map(value).join(" "))
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let signs = if rng.chance(0.6) { &WORDS } else { &SYMBOLS[rng.below(3) as usize] };
        let link = rng.pick(&[" is ", " is ", " = "]);
        let given = |idx: usize| format!("{}{link}{}", LETTERS[idx], p.values[idx]);
        let given: Vec<String> = (0..3).filter(|&idx| p.formula.has(idx)).map(given).collect();
        let listed = match given.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => given.concat(),
        };
        let (formula, symbols) = (p.formula.text(signs, true), p.formula.text(&SYMBOLS[0], true));
        let equal = listed.replace(link, " = ");
        let chinese = listed.replace(link, "为").replace(", ", "，").replace(" and ", "，");
        let values = [("f", formula.as_str()), ("g", &symbols), ("v", &listed), ("e", &equal), ("z", &chinese)];
        WORDINGS.quote(&values, rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.formula.value(&p.values).to_string()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let given: Vec<String> = (0..3)
            .filter(|&idx| p.formula.has(idx))
            .map(|idx| format!("{} is {}", LETTERS[idx], p.values[idx]))
            .collect();
        trace.line(given.join(", "));
        let value = p.formula.work(&p.values, &mut trace);
        Some(Demonstration { reasoning: trace.finish(), answer_text: format!("The formula is {value}.") })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if p.formula.depth() > MAX_DEPTH {
            return Judgement::cannot_judge("the formula is too deep or has an unknown letter");
        }
        let lower = answer_text.to_lowercase();
        let judgement = text::judge_word(&["true", "false"], &self.answer(p), without_reasons(&lower));
        let of_letter = value_of_letter(&lower).filter(|letter| p.formula.text(&WORDS, true) != *letter);
        match of_letter {
            Some(letter) if judgement.verdict == Verdict::Right => {
                Judgement::wrong(format!("the answer says what {letter} is, not the formula"))
            }
            _ if lower.contains("true that") || lower.contains("false that") => {
                Judgement::wrong("the answer says that a statement of its own is true or false")
            }
            _ => judgement,
        }
    }
}

/// `false, because not p is true` says "false".
fn without_reasons(text: &str) -> &str {
    const TURNS: [&str; 8] = ["so ", "thus", "therefore", "hence", "wait", "actually", "but", "formula"];
    let cut = ["because", "since"].iter().find_map(|word| text.split_once(word));
    match cut {
        Some((front, reasons)) if !TURNS.iter().any(|word| reasons.contains(word)) => {
            let front = front.trim_end();
            let said = front.trim_end_matches([',', '.', ';', '*']);
            if ["true", "false"].iter().any(|word| said.ends_with(word)) { said } else { text }
        }
        _ => text,
    }
}

/// The letter of which the last clause of `text` gives the value.
fn value_of_letter(text: &str) -> Option<&str> {
    let at = ["true", "false"].iter().filter_map(|word| text.rfind(word)).max()?;
    let clause = surroundings::clause(&text[..at]).trim_end();
    let front = ["is", "=", ":", "为", "是"].iter().find_map(|link| clause.strip_suffix(link))?;
    let name = front.trim().trim_matches(['*', '$', '`']).trim();
    LETTERS.contains(&name).then_some(name)
}

#[cfg(test)]
mod tests;
