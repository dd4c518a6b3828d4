//! The many ways in which people ask for the same thing.
//!
//! A prompt is composed: a *core* that carries the content (`347 + 588`, "the sum of 347 and 588", "add 347 and 588"),
//! a *frame* that makes a request of it ("What is …?", "Can you … for me?"), sometimes a lead-in ("Quick question: ")
//! and a tail (" Show your work."), then the noise of real typing: case, spaces, missing punctuation.

pub mod binary;
pub mod chinese;
mod noise;
pub mod numbers;
mod requests;
mod surroundings;
mod wordings;

use crate::rng::Rng;
use crate::task::{Asked, Form};
use requests::{IMPERATIVE_FRAMES, NOUN_FRAMES};
use surroundings::{ASKS, BARE_TAILS, BOXED_TAILS, CLAUSE_ENDS, EXPRESSION_ENDS, LEADS, SHEETS, TAILS};

pub use noise::noise;
pub use wordings::{Answers, Wordings};

/// What is asked, before it is framed as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Core {
    /// `347 + 588`
    Expression(String),
    /// "the sum of 347 and 588"
    Noun(String),
    /// "add 347 and 588"
    Imperative(String),
    /// "what do you get when you add 347 and 588", a question of its own
    Question(String),
    /// Taken as it is, in any language; only spaces and final punctuation may vary.
    Whole(String),
}

/// Fills `{a}`, `{b}`, … from `values`.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').map_or_else(|| panic!("template `{template}` lacks a }}"), |at| open + at);
        let name = &rest[open + 1..close];
        text.push_str(&rest[..open]);
        let value = values.iter().find(|(key, _)| *key == name);
        text.push_str(value.unwrap_or_else(|| panic!("template `{template}`: nothing is called `{name}`")).1);
        rest = &rest[close + 1..];
    }
    text + rest
}

/// The first letter in upper case.
pub fn capitalise(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Frames a core as a prompt.
pub fn ask(core: &Core, rng: &mut Rng) -> Asked {
    match core {
        Core::Whole(text) => noise::spaces(Asked::plain(text.clone()), rng),
        _ => noise(framed(core, rng), rng),
    }
}

/// As [`ask`], where the answer is a word: nobody asks for "Just the number."
pub fn ask_word(core: &Core, rng: &mut Rng) -> Asked {
    loop {
        let asked = ask(core, rng);
        if asked.form == Form::Sentence {
            return asked;
        }
    }
}

/// As [`ask`], without the noise of typing.
fn framed(core: &Core, rng: &mut Rng) -> Asked {
    match core {
        Core::Expression(text) if rng.chance(0.4) => bare_expression(text, rng),
        Core::Expression(text) | Core::Noun(text) => sentence(&fill(rng.pick(NOUN_FRAMES), &[("x", text)]), rng),
        Core::Imperative(text) => sentence(&fill(rng.pick(IMPERATIVE_FRAMES), &[("x", text)]), rng),
        Core::Question(text) => sentence(&format!("{text}{}", rng.pick(CLAUSE_ENDS)), rng),
        Core::Whole(text) => Asked::plain(text.clone()),
    }
}

/// A request as a sentence: sometimes led in, sometimes followed by another.
fn sentence(text: &str, rng: &mut Rng) -> Asked {
    if rng.chance(0.02) {
        return Asked::plain(fill(rng.pick(SHEETS), &[("x", &capitalise(text))]));
    }
    if rng.chance(0.12) {
        let lead = rng.pick(LEADS);
        let goes_on = lead.ends_with(", ") || (!lead.ends_with(". ") && rng.chance(0.3));
        let text = if goes_on { text.to_string() } else { capitalise(text) };
        return tail(format!("{lead}{text}"), rng);
    }
    tail(capitalise(text), rng)
}

/// An expression as one types it into a search box: `347+588=?`
fn bare_expression(text: &str, rng: &mut Rng) -> Asked {
    let tight = !text.contains(' ');
    let end = rng.pick(EXPRESSION_ENDS);
    let end = if tight && rng.chance(0.7) { end.replace(' ', "") } else { end.to_string() };
    let mut prompt = format!("{text}{end}");
    if rng.chance(0.2) {
        prompt = format!("{}{prompt}", rng.pick(ASKS));
    }
    if rng.chance(0.06) {
        prompt = format!("{}{prompt}", rng.pick(LEADS));
    }
    if rng.chance(0.25) { tail(prompt, rng) } else { Asked::plain(prompt) }
}

/// Sometimes a second sentence; some of them ask for a form of answer.
pub fn tail(prompt: String, rng: &mut Rng) -> Asked {
    let roll = rng.unit();
    let (tails, form) = match roll {
        _ if roll < 0.05 => (BARE_TAILS, Form::Bare),
        _ if roll < 0.065 => (BOXED_TAILS, Form::Boxed),
        _ if roll < 0.15 => (TAILS, Form::Sentence),
        _ => return Asked::plain(prompt),
    };
    let tail = rng.pick(tails);
    let ended = prompt.ends_with(['.', '?', '!', '=', '_', ':', '>']);
    let joined = match tail.starts_with(',') {
        true => format!("{}{tail}", prompt.trim_end_matches(['.', '?', '!'])),
        false if ended || tail.starts_with('\n') => format!("{prompt}{tail}"),
        false => format!("{}.{tail}", prompt.trim_end()),
    };
    Asked { prompt: joined, form }
}
