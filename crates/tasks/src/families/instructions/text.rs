//! A given text, changed step by step.

use crate::rng::Rng;
use crate::task::Judgement;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

use super::words::{ADJECTIVES, ADVERBS, ALONE, NOUNS};

/// Words and what is done to them, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    words: Vec<String>,
    steps: Vec<Step>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Lower,
    Upper,
    Reverse,
    First(usize),
    Last(usize),
    Replace(String, String),
    Append(String),
    Prepend(String),
    Quotes,
    /// So many times, one a line.
    Repeat(usize),
}

/// Most repetitions.
const MAX_REPEAT: usize = 10;

impl Step {
    /// Steps on words come first, then those on the whole.
    fn rank(&self) -> u8 {
        match self {
            Step::First(_) | Step::Last(_) | Step::Replace(..) | Step::Reverse => 0,
            Step::Lower | Step::Upper => 1,
            Step::Append(_) | Step::Prepend(_) => 2,
            Step::Quotes => 3,
            Step::Repeat(_) => 4,
        }
    }

    fn apply(&self, text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        match self {
            Step::Lower => text.to_lowercase(),
            Step::Upper => text.to_uppercase(),
            Step::Reverse => words.into_iter().rev().collect::<Vec<_>>().join(" "),
            Step::First(n) => words[..(*n).min(words.len())].join(" "),
            Step::Last(n) => words[words.len().saturating_sub(*n)..].join(" "),
            Step::Replace(old, new) => {
                words.into_iter().map(|word| if word == old { new } else { word }).collect::<Vec<_>>().join(" ")
            }
            Step::Append(end) => format!("{text} {end}"),
            Step::Prepend(start) => format!("{start} {text}"),
            Step::Quotes => format!("\"{text}\""),
            Step::Repeat(n) => vec![text; (*n).min(MAX_REPEAT)].join("\n"),
        }
    }

    /// As an order.
    fn asked(&self) -> String {
        match self {
            Step::Lower => "write it in lower case".to_string(),
            Step::Upper => "write it in capital letters".to_string(),
            Step::Reverse => "put its words in reverse order".to_string(),
            Step::First(n) => format!("keep only its first {n} words"),
            Step::Last(n) => format!("keep only its last {n} words"),
            Step::Replace(old, new) => format!("replace {old} with {new}"),
            Step::Append(end) => format!("add {end} at the end"),
            Step::Prepend(start) => format!("add {start} at the beginning"),
            Step::Quotes => "put it in double quotes".to_string(),
            Step::Repeat(n) => format!("write it {n} times, one per line"),
        }
    }
}

impl Text {
    /// `difficulty` changes of three to seven words.
    pub fn draw(rng: &mut Rng, difficulty: u8) -> Self {
        let lists = [ADJECTIVES, NOUNS, ALONE, ADVERBS];
        let mut words: Vec<String> = Vec::new();
        let n_words = rng.between(3, 7) as usize;
        while words.len() < n_words {
            let list = rng.pick(&lists);
            let word = rng.pick(list).to_string();
            let word = if rng.chance(0.3) { crate::phrase::capitalise(&word) } else { word };
            if !words.iter().any(|other| other.eq_ignore_ascii_case(&word)) {
                words.push(word);
            }
        }
        let mut steps: Vec<Step> = Vec::new();
        while steps.len() < usize::from(difficulty) {
            let step = Self::step(&words, rng);
            if !steps.iter().any(|other| other.rank() == step.rank()) {
                steps.push(step);
            }
        }
        steps.sort_by_key(Step::rank);
        Text { words, steps }
    }

    fn step(words: &[String], rng: &mut Rng) -> Step {
        let some = |rng: &mut Rng| rng.between(1, words.len() as u64 - 1).max(2) as usize;
        match rng.below(10) {
            0 => Step::Lower,
            1 => Step::Upper,
            2 => Step::Reverse,
            3 => Step::First(some(rng)),
            4 => Step::Last(some(rng)),
            5 => {
                let old = words[rng.below(words.len() as u64) as usize].clone();
                Step::Replace(old, rng.pick(&["table", "moon", "seven", "paper", "music"]).to_string())
            }
            6 => Step::Append(rng.pick(&["Done.", "The end.", "Goodbye!", "Thank you."]).to_string()),
            7 => Step::Prepend(rng.pick(&["Answer:", "Note:", "Here:", "Hello!"]).to_string()),
            8 => Step::Quotes,
            _ => Step::Repeat(rng.between(2, 4) as usize),
        }
    }

    fn given(&self) -> String {
        self.words.join(" ")
    }

    /// The prompt.
    pub fn ask(&self, rng: &mut Rng) -> String {
        let orders: Vec<String> = self.steps.iter().map(Step::asked).collect();
        let orders = orders.join(", then ");
        match rng.below(4) {
            0 => format!("Take the text \"{}\": {orders}. Answer with the result only.", self.given()),
            1 => format!("{}\n\nTake this text; {orders}.", self.given()),
            2 => format!("Here is a text: {}\nPlease {orders}.", self.given()),
            _ => format!("With the words \"{}\", do this: {orders}. Write nothing else.", self.given()),
        }
    }

    /// The result, each change on a line of the thinking.
    pub fn worked(&self, trace: &mut Trace) -> String {
        let mut text = self.given();
        trace.line(format!("text: {text}"));
        for step in &self.steps {
            text = step.apply(&text);
            trace.line(format!("{}: {text}", step.asked()));
        }
        text
    }

    /// Right when it is the result, but for empty lines and spaces at the ends of lines.
    pub fn judge(&self, text: &str) -> Judgement {
        let lines =
            |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect::<Vec<_>>();
        let expected = lines(&self.worked(&mut Trace::new()));
        if expected.is_empty() {
            return Judgement::cannot_judge("the problem has no words");
        }
        if lines(text) == expected {
            Judgement::right("the text is as asked")
        } else {
            Judgement::wrong("another text")
        }
    }
}
