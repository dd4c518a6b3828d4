//! Following instructions that can be checked: lists, texts, sentences and JSON with a format and other conditions.
//!
//! The content is what a very small model can know (colours, animals, given words), so that what is learnt is to obey.
//! The conditions are of the kind of IFEval's (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language
//! Models"). An answer is right when it keeps all of them; with a list whose words this family does not know, it cannot
//! say.

mod list;
mod object;
mod sentence;
mod text;
mod words;

use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// One, two, then three or more conditions at once.
pub struct Instructions;

/// Longest answer that is read.
const MAX_BYTES: usize = 5000;

/// What is to be written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Problem {
    /// Some of a kind of things.
    List(list::List),
    /// A given text, changed.
    Text(text::Text),
    /// A sentence of so many words.
    Sentence(sentence::Sentence),
    /// A JSON object.
    Object(object::Object),
}

impl Family for Instructions {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "instructions"
    }

    fn about(&self) -> &'static str {
        "lists, texts, sentences and JSON that keep one, two, then three conditions"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        match rng.weighted(&[5, 3, 2, 1]) {
            0 => Problem::List(list::List::draw(rng, difficulty)),
            1 => Problem::Text(text::Text::draw(rng, difficulty)),
            2 => Problem::Sentence(sentence::Sentence::draw(rng, difficulty)),
            _ => Problem::Object(object::Object::draw(rng, difficulty)),
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        serde_json::to_string(p).expect("problems are plain data")
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, _: &Options) -> Asked {
        Asked::plain(match p {
            Problem::List(list) => list.ask(rng),
            Problem::Text(text) => text.ask(rng),
            Problem::Sentence(sentence) => sentence.ask(rng),
            Problem::Object(object) => object.ask(rng),
        })
    }

    /// One answer of many.
    fn answer(&self, p: &Problem) -> String {
        self.worked(p, &mut Trace::new(), &mut Rng::new(0)).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, rng: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let answer_text = self.worked(p, &mut trace, rng)?;
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if answer_text.len() > MAX_BYTES {
            return Judgement::wrong(format!("the answer has {} bytes, more than {MAX_BYTES}", answer_text.len()));
        }
        match p {
            Problem::List(list) => list.judge(answer_text.trim()),
            Problem::Text(text) => text.judge(answer_text),
            Problem::Sentence(sentence) => sentence.judge(answer_text.trim()),
            Problem::Object(object) => object.judge(answer_text.trim()),
        }
    }
}

impl Instructions {
    /// An answer and the thinking that leads to it; `None` when the conditions exclude each other.
    fn worked(&self, p: &Problem, trace: &mut Trace, rng: &mut Rng) -> Option<String> {
        match p {
            Problem::List(list) => list.worked(trace, rng),
            Problem::Text(text) => Some(text.worked(trace)),
            Problem::Sentence(sentence) => sentence.worked(trace, rng),
            Problem::Object(object) => Some(object.worked(trace)),
        }
    }
}

/// Letters of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Case {
    Any,
    Lower,
    Upper,
}

impl Case {
    fn apply(self, text: &str) -> String {
        match self {
            Case::Any => text.to_string(),
            Case::Lower => text.to_lowercase(),
            Case::Upper => text.to_uppercase(),
        }
    }

    fn check(self, text: &str) -> Result<(), String> {
        if self.apply(text) == text { Ok(()) } else { Err(format!("not all letters are in {}", self.name())) }
    }

    fn name(self) -> &'static str {
        match self {
            Case::Any => "any case",
            Case::Lower => "lower case",
            Case::Upper => "capital letters",
        }
    }
}

#[cfg(test)]
mod tests;
