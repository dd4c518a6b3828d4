//! Verdicts on answer texts: strict, deterministic, bounded by the length of the text.

pub mod answer;
pub mod assignment;
pub mod clean;
pub mod expression;
pub mod extract;
pub mod factors;
pub mod grid;
pub mod integer;
pub mod linear;
pub mod list;
pub mod number;
pub mod numeral;
pub mod path;
pub mod surroundings;
pub mod text;
pub mod values;
pub mod words;
mod wrapped;

use crate::task::{Judgement, TaskError};

/// A verifier by name, for problems that come without code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verifier {
    /// The general checker: numbers in any spelling, choices, lists, words; the answer may be a whole solution.
    Answer,
    /// The last number of the text is the gold integer.
    Integer,
    /// The text is the gold text, but for case, spaces and outer punctuation.
    Text,
}

/// Names of all verifiers, for recipes and problem files.
pub const NAMES: [&str; 3] = ["answer", "integer", "text"];

impl Verifier {
    /// The verifier called `name`.
    ///
    /// # Errors
    /// [`TaskError::UnknownName`] when there is none.
    pub fn named(name: &str) -> Result<Self, TaskError> {
        match name {
            "answer" => Ok(Verifier::Answer),
            "integer" => Ok(Verifier::Integer),
            "text" => Ok(Verifier::Text),
            _ => Err(crate::registry::unknown("verifier", name, &NAMES)),
        }
    }

    /// Whether answers can be judged by `gold`.
    ///
    /// # Errors
    /// Says in words why not, and what is expected.
    pub fn accepts(self, gold: &str) -> Result<(), String> {
        match self {
            _ if gold.trim().is_empty() => Err("the answer is empty".to_string()),
            Verifier::Integer if integer::last(gold).is_err() => Err(format!(
                "the answer `{}` is not a whole number, which the verifier `integer` needs; others are `answer` and `text`",
                gold.chars().take(40).collect::<String>()
            )),
            _ => Ok(()),
        }
    }

    /// Judges what follows the thinking in `answer_text` against `gold`.
    pub fn judge(self, gold: &str, answer_text: &str) -> Judgement {
        let answer_text = match extract::after_thinking(answer_text) {
            Ok(answer_text) => answer_text,
            Err(reason) => return Judgement::wrong(reason),
        };
        match self {
            Verifier::Answer => answer::judge(gold, answer_text),
            Verifier::Integer => integer::judge(gold, answer_text),
            Verifier::Text => text::judge(gold, answer_text),
        }
    }
}

#[cfg(test)]
mod tests;
