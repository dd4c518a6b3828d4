//! Named values: the answer must give each name its value, as in `x = 3, y = -2`.
//!
//! A value is given by the name, then `=`, `:` or "is", then a whole number that nothing follows but a mark or a word.
//! What is said last about a name counts. A bare pair `(3, -2)` is read in the order of the names.

use super::list;
use crate::task::Judgement;

/// Longest text that is read.
const MAX_BYTES: usize = 20_000;

/// Judges the values that `answer_text` gives to all names of `gold`.
pub fn judge(gold: &[(&str, i64)], answer_text: &str) -> Judgement {
    if answer_text.len() > MAX_BYTES {
        return Judgement::wrong(format!("the answer has {} bytes", answer_text.len()));
    }
    let text = answer_text.to_lowercase().replace('−', "-").replace(['*', '$', '`', '\\'], " ");
    let found: Vec<Option<Result<i64, String>>> = gold.iter().map(|(name, _)| value_of(name, &text)).collect();
    if found.iter().all(Option::is_none) {
        let values: Vec<i64> = gold.iter().map(|(_, value)| *value).collect();
        return list::judge(&values, answer_text);
    }
    for ((name, value), found) in gold.iter().zip(found) {
        match found {
            Some(Ok(found)) if found == *value => {}
            Some(Ok(found)) => return Judgement::wrong(format!("{name} is said to be {found}, not {value}")),
            Some(Err(word)) => return Judgement::wrong(format!("`{word}` for {name} is no whole number")),
            None => return Judgement::wrong(format!("the answer does not say what {name} is")),
        }
    }
    Judgement::right("every value is the expected one")
}

/// What the text says last about `name`; an error holds the word in place of a number.
fn value_of(name: &str, text: &str) -> Option<Result<i64, String>> {
    let whole = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    };
    let mut said = None;
    for (at, _) in text.match_indices(name).filter(|(at, _)| whole(*at)) {
        let rest = text[at + name.len()..].trim_start();
        let value = ["=", ":", "is ", "：", "是"].iter().find_map(|link| rest.strip_prefix(link));
        let Some(value) = value else { continue };
        let ends = |c: char| c.is_whitespace() || ",;()[]{}，；。".contains(c);
        let value = value.trim_start_matches(|c: char| ends(c) || c == '=');
        let word = value.split(ends).next().unwrap_or_default().trim_end_matches(['.', '!']);
        // An uncomputed value: `x = 3 + 4`.
        let next = value[word.len()..].trim_start().chars().next();
        let computed = !next.is_some_and(|c| "+*/×÷^=-".contains(c)) || value[word.len()..].starts_with(',');
        said = Some(word.parse().ok().filter(|_| computed).ok_or_else(|| word.chars().take(40).collect::<String>()));
    }
    said
}

#[cfg(test)]
mod tests;
