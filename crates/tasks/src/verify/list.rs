//! Lists of whole numbers: the last list of the answer must be the gold one, in its order.
//!
//! Items are separated by commas, semicolons, spaces, line breaks, `<`, `>`, arrows or "and"; any other word ends a list.
//! A word with digits that is no whole number (`7.5`, `3+4`, `x2`) spoils the list it stands in, and so do brackets
//! around a part of it, signs that say another order, and words of doubt ([`super::words`]).

use super::extract;
use super::surroundings;
use super::words;
use super::wrapped::listed;
use crate::task::Judgement;
use std::ops::Range;

/// Longest text that is read, beyond the length of the gold list.
const MAX_BYTES: usize = 20_000;

/// Judges the last list of `answer_text` against `gold`.
pub fn judge(gold: &[i64], answer_text: &str) -> Judgement {
    if answer_text.len() > MAX_BYTES + 24 * gold.len() {
        return Judgement::wrong(format!("the answer has {} bytes", answer_text.len()));
    }
    match extract::answer_text(answer_text).and_then(|text| said(text, gold)) {
        Err(reason) => Judgement::wrong(reason),
        Ok(found) if found == gold => Judgement::right("the last list is the expected one"),
        Ok(found) => {
            Judgement::wrong(format!("the last list has {} items and is not {}", found.len(), shown(gold, ", ")))
        }
    }
}

/// The list that a text says, and that what is around it lets stand.
fn said(text: &str, gold: &[i64]) -> Result<Vec<i64>, String> {
    let text = extract::enclosed(text)?.unwrap_or(text);
    let listed = listed(text);
    let text = listed.as_deref().unwrap_or(text);
    let (items, at) = last_at(text)?;
    let front = text[..at.start].trim_end_matches(['{', '\\']);
    let line = front.rsplit('\n').next().unwrap_or_default();
    let is_bullet = matches!(line.trim(), "-" | "*" | "•");
    surroundings::before(if is_bullet { &front[..front.len() - line.len()] } else { front })?;
    let rest = text[at.end..].trim_start_matches([')', ']', '}', ' ', ',']);
    let is_cut =
        ["...", "…"].iter().any(|dots| rest.starts_with(dots) || front.trim_end_matches([' ', ',']).ends_with(dots));
    if is_cut {
        return Err("the list is not whole".to_string());
    }
    let sentence = text[at.end..].split(['\n', '.', ';']).next().unwrap_or_default();
    if let Some(word) =
        words::reversal(sentence).or(words::reversal(surroundings::clause(front)).filter(|_| !links_on(front)))
    {
        return Err(format!("`{word}` stands beside the list"));
    }
    surroundings::words_after(&text[at.end..])?;
    let list = &text[at];
    let depth = list.chars().fold((0i32, 0i32), |(depth, least), c| {
        let depth = depth + i32::from("([".contains(c)) - i32::from(")]".contains(c));
        (depth, least.min(depth))
    });
    if depth.1 < 0 || list.contains(['[', '(', '{', '}']) {
        return Err("brackets stand around parts of the list".to_string());
    }
    let is_sorted = |sign: char, holds: fn(&i64, &i64) -> bool| !list.contains(sign) || gold.is_sorted_by(holds);
    if !is_sorted('<', |a, b| a < b) || (!is_sorted('>', |a, b| a > b) && !list.contains("->")) {
        return Err("the signs between the items say another order".to_string());
    }
    Ok(items)
}

/// "In reverse order: 9, 3, 1" says how the list is sorted, "reverse of 9, 3, 1" changes it.
fn links_on(front: &str) -> bool {
    let front = front.trim_end_matches([' ', '*', '$', '[', '(', '\n']);
    front.ends_with(':') || front.ends_with("：") || front.ends_with(" is")
}

/// The items as text.
pub fn shown(items: &[i64], separator: &str) -> String {
    items.iter().map(i64::to_string).collect::<Vec<_>>().join(separator)
}

/// The last list of whole numbers of a text; one number is a list too.
///
/// # Errors
/// Says in words why there is none that can be read.
pub fn last(text: &str) -> Result<Vec<i64>, String> {
    last_at(text).map(|(items, _)| items)
}

/// The last list and where it is.
fn last_at(text: &str) -> Result<(Vec<i64>, Range<usize>), String> {
    let separates = |c: char| c.is_whitespace() || ",;[](){}<>→≤≥|、，；$*`\"'\\:：=和".contains(c);
    let mut items: Vec<i64> = Vec::new();
    let mut spoilt = None;
    let mut ended = true;
    let mut at = 0..0;
    let mut position = 0;
    let mut computes = false;
    for piece in text.split_inclusive(separates) {
        let start = position;
        position += piece.len();
        let mark = piece.chars().next_back().filter(|c| separates(*c));
        let word = piece.strip_suffix(separates).unwrap_or(piece).trim_end_matches(['.', '。', '!', '?']);
        let word = if mark == Some('>') { word.trim_end_matches('-') } else { word };
        let is_arrow = matches!(word, "-" | "–" | "&") && mark == Some(' ');
        if !(word.is_empty() || word.eq_ignore_ascii_case("and") || is_arrow) {
            let digits = word.replace('−', "-");
            // In Chinese, words touch the list.
            let chinese = digits.trim_start_matches(words::is_east_asian);
            if !word.contains(|c: char| c.is_ascii_digit()) {
                ended = true;
            } else {
                if std::mem::take(&mut ended) || chinese.len() < digits.len() {
                    items.clear();
                    (spoilt, at) = (None, start + (digits.len() - chinese.len())..start);
                }
                let plain = chinese.trim_start_matches('-');
                let is_plain = !plain.starts_with('0') || plain == "0";
                match chinese.parse().ok().filter(|_| is_plain) {
                    Some(number) => items.push(number),
                    None => spoilt = Some(word.chars().take(40).collect::<String>()),
                }
                at.end = start + word.len();
            }
        }
        ended |= matches!(mark, Some('=' | ':' | '：'));
        // A line that computes is no part of the list below it.
        computes |= piece.contains('=');
        if mark == Some('\n') {
            ended |= std::mem::take(&mut computes);
        }
    }
    match spoilt {
        Some(word) => Err(format!("`{word}` in the last list is no whole number")),
        None if items.is_empty() => Err("there is no list of numbers in the answer".to_string()),
        None => Ok((items, at)),
    }
}

#[cfg(test)]
mod tests;
