//! Linear expressions in simplest form: `2x + 7`. The terms may stand in any order, but each letter and the number at
//! most once, without brackets around a part.

use super::extract;
use super::surroundings;
use crate::task::Judgement;
use std::collections::BTreeMap;

/// Longest expression that is read.
const MAX_BYTES: usize = 400;

/// Judges what stands last in `answer_text` (behind its last `=`, `:` or word) against the coefficients `letters` and
/// the number `number`; coefficients of 0 must be left out.
pub fn judge(letters: &BTreeMap<char, i64>, number: i64, answer_text: &str) -> Judgement {
    let expression = match extract::claim(answer_text).and_then(last) {
        Ok(expression) => expression,
        Err(reason) => return Judgement::wrong(reason),
    };
    let Some((found, found_number)) = read(&expression) else {
        return Judgement::wrong(format!("`{expression}` is no linear expression in simplest form"));
    };
    let expected: BTreeMap<char, i64> = letters.iter().filter(|(_, c)| **c != 0).map(|(l, c)| (*l, *c)).collect();
    if found == expected && found_number == number {
        Judgement::right(format!("`{expression}` has the expected coefficients"))
    } else {
        Judgement::wrong(format!("`{expression}` has other coefficients"))
    }
}

/// The last expression of a text, tight and in lower case.
fn last(text: &str) -> Result<String, String> {
    let enclosed = extract::enclosed(text)?;
    let text = enclosed.unwrap_or(text).trim();
    let text = text.strip_prefix("\\text{").and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let marks = |c: char| c.is_whitespace() || ".!。*`$\"”".contains(c);
    let mut bare = text.trim_end_matches(marks);
    if text[bare.len()..].starts_with('!') {
        return Err("a factorial, or an exclamation".to_string());
    }
    while let Some(inner) = ["\\)", "\\]"].iter().find_map(|close| bare.strip_suffix(close)) {
        bare = inner.trim_end_matches(marks);
    }
    // `(2x + 7)`, but not `3(2x + 7)`.
    let bare = bare.strip_suffix(')').filter(|inner| !inner.contains(')')).unwrap_or(bare);
    let is_bracketed = bare.len() < text.trim_end_matches(marks).len() && text.contains('(') && !text.contains("\\(");
    let is_part = |c: char| c.is_ascii_alphanumeric() || " \t+-−–*·×⋅".contains(c);
    let line = bare.replace("\\cdot", "·").replace("\\times", "·").replace('＋', "+");
    let start =
        line.rfind(|c: char| !is_part(c)).map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    // Words in front, as in "it is 2x + 7": an expression has no two letters side by side.
    let is_word = |word: &str| word.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_alphabetic));
    let mut at = start;
    let mut first = start;
    for word in line[start..].split_inclusive(char::is_whitespace) {
        at += word.len();
        first = if is_word(word) { at } else { first };
    }
    // Bold marks in front are not multiplication.
    let led = line[first..].trim_start();
    let led = led.strip_prefix("**").or_else(|| led.strip_prefix('*')).unwrap_or(led);
    let front = &line[..line.len() - led.len()];
    if is_bracketed && !front.ends_with('(') {
        return Err("a bracket does not stand around the expression".to_string());
    }
    let mut digits = led.split_whitespace().map(|word| {
        (word.starts_with(|c: char| c.is_ascii_digit()), word.ends_with(|c: char| c.is_ascii_alphanumeric()))
    });
    let mut previous = digits.next().is_some_and(|(_, ends)| ends);
    for (starts, ends) in digits {
        if starts && previous {
            return Err("two numbers stand side by side".to_string());
        }
        previous = ends;
    }
    surroundings::before(front)?;
    if surroundings::clause(front).trim_end().trim_end_matches('=').trim_end().parse::<i64>().is_ok() {
        return Err("an equation is no expression".to_string());
    }
    let expression = led
        .split_whitespace()
        .collect::<String>()
        .replace(['−', '–'], "-")
        .replace(['*', '·', '×', '⋅'], "")
        .to_lowercase();
    if expression.is_empty() || expression.len() > MAX_BYTES {
        return Err("there is no expression at the end of the answer".to_string());
    }
    Ok(expression)
}

/// Coefficients and number of `2x-3y+7`; `None` when it is anything else or repeats a kind of term.
fn read(expression: &str) -> Option<(BTreeMap<char, i64>, i64)> {
    let (mut letters, mut number) = (BTreeMap::new(), None);
    let mut rest = expression;
    while !rest.is_empty() {
        let negative = rest.starts_with('-');
        if !negative && !rest.starts_with('+') && rest.len() != expression.len() {
            return None;
        }
        rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at(n_digits);
        if n_digits > 1 && digits.starts_with('0') {
            return None;
        }
        let letter = after.chars().next().filter(char::is_ascii_lowercase);
        let size: i64 = if digits.is_empty() { letter.map(|_| 1)? } else { digits.parse().ok()? };
        let value = if negative { -size } else { size };
        rest = &after[letter.map_or(0, char::len_utf8)..];
        let twice = match letter {
            Some(letter) => letters.insert(letter, value).is_some(),
            None => number.replace(value).is_some(),
        };
        if twice || (value == 0 && expression != "0") {
            return None;
        }
    }
    Some((letters, number.unwrap_or(0)))
}

#[cfg(test)]
mod tests;
