//! Linear expressions in simplest form: `2x + 7`. The terms may stand in any order, but each letter and the number at
//! most once, without brackets.

use crate::task::Judgement;
use std::collections::BTreeMap;

/// Longest expression that is read.
const MAX_BYTES: usize = 400;

/// Judges what stands last in `answer_text` (behind its last `=`, `:` or word) against the coefficients `letters` and
/// the number `number`; coefficients of 0 must be left out.
pub fn judge(letters: &BTreeMap<char, i64>, number: i64, answer_text: &str) -> Judgement {
    let expression = match last(answer_text) {
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
    let text = text.trim().trim_end_matches(['.', '!', '。']).trim_end_matches("\\)").trim_end_matches("\\]");
    let text = text.trim_matches(['$', '*', '`', ' ']);
    let text = text.strip_suffix('}').unwrap_or(text);
    let start = text
        .rfind(['=', ':', '{', '：', '\n', '$', '`'])
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    // Words in front, as in "it is 2x + 7": an expression has no two letters side by side.
    let words: Vec<&str> = text[start..].split_whitespace().collect();
    let is_word = |word: &&str| word.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_alphabetic));
    let first = words.iter().rposition(is_word).map_or(0, |idx| idx + 1);
    let expression = words[first..].concat().replace(['−', '–'], "-").replace(['*', '·', '\\'], "").to_lowercase();
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
