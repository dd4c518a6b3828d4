//! The letter of a multiple choice: `B`, `(B)`, `B) Paris`, `option B`, `故选B`. All letters that an answer names must be
//! the same one.

use crate::task::Judgement;
use crate::verify::words;

/// The letter that a gold answer is.
pub fn gold(text: &str) -> Option<char> {
    let mut letters = text.trim_matches(['(', ')', '{', '}', ' ']).chars();
    let letter = letters.next().filter(|c| ('A'..='J').contains(c))?;
    letters.next().is_none().then_some(letter)
}

/// Judges the letters that `answer`, a cleaned text, names.
pub fn judge(gold: char, answer: &str) -> Judgement {
    if let Some(word) = words::doubt(answer) {
        return Judgement::wrong(format!("the answer says `{word}`"));
    }
    if answer.contains(['?', '？', '¬']) {
        return Judgement::wrong("the answer is a question");
    }
    let found = letters(answer);
    if let Some(word) = answer.match_indices(gold).find_map(|(at, _)| words::change_before(&answer[..at])) {
        return Judgement::wrong(format!("the answer says `{word}`"));
    }
    match found.as_slice() {
        [] if answer.chars().any(char::is_alphanumeric) && answer.len() > 1 => {
            Judgement::cannot_judge("the answer names no letter; it may be the text of one")
        }
        [] => Judgement::wrong("the answer names no letter"),
        [one, rest @ ..] if rest.iter().any(|letter| letter != one) => Judgement::wrong("several different letters"),
        [one, ..] if *one == gold => Judgement::right(format!("the answer is {gold}")),
        [one, ..] => Judgement::wrong(format!("the answer is {one}, not {gold}")),
    }
}

/// Letters that stand alone. Small ones count where the answer is nothing else.
fn letters(answer: &str) -> Vec<char> {
    let bare = answer.trim_matches(|c: char| c.is_whitespace() || "(){}[].".contains(c));
    if let (Some(c @ 'a'..='j'), None) = (bare.chars().next(), bare.chars().nth(1)) {
        return vec![c.to_ascii_uppercase()];
    }
    let characters: Vec<char> = answer.chars().filter(|c| !matches!(c, '{' | '}')).collect();
    let joins = |c: Option<&char>| {
        c.is_some_and(|c| c.is_ascii_alphanumeric() || "'’^_+-−*/\\&|=<>!~≈".contains(*c) || words::is_strange(*c))
    };
    let mut found = Vec::new();
    for (at, c) in characters.iter().enumerate() {
        let (before, after) = (at.checked_sub(1).map(|at| &characters[at]), characters.get(at + 1));
        // "I think so" names no letter.
        let is_pronoun = *c == 'I' && after == Some(&' ') && characters.get(at + 2).is_some_and(|c| c.is_lowercase());
        // `C#`, `12 C`
        let counted = characters[..at].iter().rev().find(|c| **c != ' ').is_some_and(char::is_ascii_digit);
        if ('A'..='J').contains(c) && !is_pronoun && !joins(before) && !joins(after) && after != Some(&'#') && !counted
        {
            found.push(*c);
        }
    }
    found
}
