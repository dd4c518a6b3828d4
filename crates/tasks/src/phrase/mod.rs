//! The many ways in which people ask for the same thing.
//!
//! A prompt is composed: a *core* that carries the content (`347 + 588`, "the sum of 347 and 588", "add 347 and 588"),
//! a *frame* that makes a request of it ("What is …?", "Can you … for me?"), sometimes a lead-in ("Quick question: ")
//! and a tail (" Show your work."), then the noise of real typing: case, spaces, missing punctuation.

pub mod binary;
pub mod chinese;
pub mod frames;
pub mod numbers;

use crate::rng::Rng;
use crate::task::Asked;
use frames::{ASKS, CLAUSE_ENDS, EXPRESSION_ENDS, IMPERATIVE_FRAMES, LEADS, NOUN_FRAMES, TAILS, TERSE_TAILS};

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
    let sentence = match core {
        Core::Expression(text) if rng.chance(0.4) => return bare_expression(text, rng),
        Core::Expression(text) | Core::Noun(text) => fill(rng.pick(NOUN_FRAMES), &[("x", text)]),
        Core::Imperative(text) => fill(rng.pick(IMPERATIVE_FRAMES), &[("x", text)]),
        Core::Question(text) => format!("{text}{}", rng.pick(CLAUSE_ENDS)),
        Core::Whole(text) => return space_noise(Asked { prompt: text.clone(), terse: false }, rng),
    };
    let mut prompt = if sentence.starts_with(|c: char| c.is_ascii_digit()) { sentence } else { capitalise(&sentence) };
    if rng.chance(0.12) {
        let lead = rng.pick(LEADS);
        let lower_after = lead.ends_with(", ") || rng.chance(0.3);
        if lower_after
            && prompt.starts_with(char::is_uppercase)
            && !prompt.starts_with("I ")
            && !prompt.starts_with("I'")
        {
            prompt = prompt[..1].to_lowercase() + &prompt[1..];
        }
        prompt = format!("{lead}{prompt}");
    }
    let asked = add_tail(prompt, rng);
    space_noise(case_noise(asked, rng), rng)
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
    space_noise(case_noise(Asked { prompt, terse: false }, rng), rng)
}

/// Sometimes a second sentence; some of them ask for the bare answer.
pub fn add_tail(prompt: String, rng: &mut Rng) -> Asked {
    let roll = rng.unit();
    let (tails, terse) = match roll {
        _ if roll < 0.05 => (TERSE_TAILS, true),
        _ if roll < 0.14 => (TAILS, false),
        _ => return Asked { prompt, terse: false },
    };
    let tail = rng.pick(tails);
    let ended = prompt.ends_with(['.', '?', '!']);
    let stop = if ended || tail.starts_with(',') { "" } else { "." };
    let prompt = if ended && tail.starts_with(',') { prompt[..prompt.len() - 1].to_string() } else { prompt };
    Asked { prompt: format!("{prompt}{stop}{tail}"), terse }
}

/// All lower case now and then, shouting rarely, the final mark left out often.
pub fn case_noise(mut asked: Asked, rng: &mut Rng) -> Asked {
    let roll = rng.unit();
    if roll < 0.16 {
        asked.prompt = asked.prompt.to_lowercase();
    } else if roll < 0.18 {
        asked.prompt = asked.prompt.to_uppercase();
    }
    if asked.prompt.ends_with(['.', '?']) && rng.chance(0.2) {
        asked.prompt.pop();
    }
    asked
}

/// Spaces too many, in front, behind or inside.
pub fn space_noise(mut asked: Asked, rng: &mut Rng) -> Asked {
    let roll = rng.unit();
    if roll < 0.01 {
        asked.prompt.insert(0, ' ');
    } else if roll < 0.03 {
        asked.prompt.push(' ');
    } else if roll < 0.05 {
        let spaces: Vec<usize> = asked.prompt.match_indices(' ').map(|(at, _)| at).collect();
        if !spaces.is_empty() {
            asked.prompt.insert(rng.pick(&spaces), ' ');
        }
    } else if roll < 0.055 {
        asked.prompt.push('\n');
    }
    asked
}
