//! The number that a sentence ends in, or that follows "the answer is".

use super::{Said, names, read_equation, several, unreadable};
use crate::task::Judgement;
use crate::verify::clean::{DOLLAR, trim};
use crate::verify::extract::Source;
use crate::verify::number;
use crate::verify::surroundings;
use crate::verify::words;

/// Most stretches of numbers in a sentence that holds one answer.
const MAX_RUNS: usize = 8;

/// Longest clause in which a number is looked for.
const MAX_BYTES: usize = 1000;

/// The number at the end of `answer`, a cleaned line; behind a phrase such as "the answer is", the only one that follows.
/// `front` is what stands on the lines before.
pub fn number(answer: &str, front: &str, source: Source) -> Result<Said, Judgement> {
    let (answer, rest) = if source == Source::Phrase { first_sentence(answer) } else { (answer, "") };
    if answer.len() > MAX_BYTES && !answer.contains(' ') {
        return Err(unreadable(answer));
    }
    if let Some(said) = several(answer) {
        return said;
    }
    let runs = runs(answer);
    let Some(&last) = runs.last() else { return Err(unreadable(answer)) };
    let start = last.as_ptr() as usize - answer.as_ptr() as usize;
    let (before, behind) = (&answer[..start], &answer[start + last.len()..]);
    // A unit, or "million", may end the sentence.
    let whole = number::parse(trim(&answer[start..])).map(|number| Said { number, name: None });
    let (said, behind) = match whole {
        Some(said) => (said, ""),
        None if behind.contains(|c: char| c.is_numeric()) => {
            return Err(Judgement::cannot_judge("the answer's sentence holds several numbers"));
        }
        None => (with_unit(read(last)?, behind), behind),
    };
    let (before, said) = match last.strip_prefix('=') {
        Some(_) => named(before, said)?,
        None => (before, said),
    };
    if source == Source::Phrase {
        if runs.len() > MAX_RUNS {
            return Err(Judgement::cannot_judge("the answer's sentence holds many numbers"));
        }
        let is_other = |run: &&str| !read(run).is_ok_and(|other| other.number.value == said.number.value);
        if runs[..runs.len() - 1].iter().any(is_other) {
            return Err(Judgement::cannot_judge("the answer's sentence holds several numbers"));
        }
    }
    let lines = format!("{}\n", tail(front));
    let front = lines + before;
    let stands = surroundings::before(&front)
        .and_then(|()| if source == Source::Unmarked { surroundings::joined(&front, false) } else { Ok(()) })
        .and_then(|()| surroundings::after(behind))
        .and_then(|()| surroundings::after(rest));
    let about = before.trim_end().rsplit(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("about"));
    match stands {
        Ok(()) if about => Err(Judgement::cannot_judge("the answer says `about` of its number")),
        Ok(()) => Ok(said),
        Err(reason) => Err(Judgement::wrong(reason)),
    }
}

fn read(run: &str) -> Result<Said, Judgement> {
    read_equation(run.trim_start_matches('=').trim_start()).unwrap_or_else(|| Err(unreadable(run)))
}

/// The word behind a number is its unit, if it is not one of those that go on with the sentence.
fn with_unit(mut said: Said, behind: &str) -> Said {
    const PLAIN: [&str; 14] =
        ["and", "as", "because", "by", "for", "in", "is", "left", "of", "on", "since", "so", "there", "when"];
    let word = behind.trim_start().split(|c: char| !(c.is_alphabetic() || c == '/')).next().unwrap_or_default();
    if said.number.unit.is_empty() && !PLAIN.contains(&word) {
        said.number.unit = word.to_string();
    }
    said
}

/// `So x = 5`: the name in front of the sign, without which the rest of the sentence is judged.
fn named(before: &str, said: Said) -> Result<(&str, Said), Judgement> {
    let front = before.trim_end();
    let start = front.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let name = &front[start..];
    if front.is_empty() || said.name.is_some() {
        return Ok((before, said));
    }
    let name = name.trim_start_matches(['(', ',']);
    if !names::is_name(name) {
        return Err(Judgement::cannot_judge(format!(
            "`{}` is left to solve",
            name.chars().take(40).collect::<String>()
        )));
    }
    let start = front.len() - name.len();
    let name = names::is_symbol(name).then(|| name.to_string());
    Ok((&front[..start], Said { name, ..said }))
}

/// What is looked at of the lines in front: enough for a clause.
fn tail(front: &str) -> &str {
    let start = front.len().saturating_sub(MAX_BYTES);
    let start = (start..=front.len()).find(|at| front.is_char_boundary(*at)).unwrap_or(front.len());
    &front[start..]
}

/// A text up to the end of its first sentence, and the rest.
fn first_sentence(text: &str) -> (&str, &str) {
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        if c == '。' || (previous == '.' && c.is_whitespace()) {
            return text.split_at(at);
        }
        previous = c;
    }
    (text, "")
}

/// Stretches of words that are numbers and signs only: `347 + 588 = 935` in a sentence.
fn runs(text: &str) -> Vec<&str> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    let mut open = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let (start, end) = (at, at + word.len());
        at = end;
        let bare = trim(word);
        let is_sign = |c: char| c.is_ascii_digit() || c == DOLLAR || "+-*/^()=%.,{}€£¥".contains(c);
        let mathematical =
            bare.starts_with("\\frac") || (!bare.is_empty() && bare.chars().all(is_sign)) || is_scientific(bare);
        if mathematical && open {
            runs.last_mut().expect("a run is open").1 = end;
        } else if mathematical {
            runs.push((start, end));
        } else if let Some(digits) = digits_among_chinese(bare) {
            let offset = digits.as_ptr() as usize - text.as_ptr() as usize;
            runs.push((offset, offset + digits.len()));
        }
        open = mathematical && word.trim_end().len() == bare.len();
    }
    let runs = runs.into_iter().map(|(start, end)| trim(&text[start..end]));
    runs.filter(|run| run.contains(|c: char| c.is_ascii_digit())).collect()
}

/// The last number of `一共有42个`, which has no spaces.
fn digits_among_chinese(word: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_digit() || ".,-+=/%".contains(c);
    let end = word.rfind(|c: char| c.is_ascii_digit())? + 1;
    let end = end + usize::from(word[end..].starts_with('%'));
    let start = word[..end]
        .rfind(|c: char| !is_part(c))
        .map_or(0, |at| at + word[at..].chars().next().map_or(1, char::len_utf8));
    let is_chinese = words::is_east_asian;
    let apart = word[..start].ends_with(is_chinese) || word[end..].starts_with(is_chinese);
    let touched =
        word[..start].ends_with(|c: char| c.is_ascii()) || word[end..].starts_with(|c: char| c.is_ascii_alphanumeric());
    (apart && !touched).then(|| &word[start..end])
}

fn is_scientific(word: &str) -> bool {
    word.contains(['e', 'E']) && number::parse(word).is_some_and(|number| number.unit.is_empty())
}
