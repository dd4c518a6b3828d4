//! Lists of whole numbers: the last list of the answer must be the gold one, in its order.
//!
//! Items are separated by commas, semicolons, spaces, line breaks, brackets, `<`, `>`, arrows or "and"; any other word
//! ends a list. A word with digits that is no whole number (`7.5`, `3+4`, `x2`) spoils the list it stands in.

use crate::task::Judgement;

/// Longest text that is read, beyond the length of the gold list.
const MAX_BYTES: usize = 20_000;

/// Judges the last list of `answer_text` against `gold`.
pub fn judge(gold: &[i64], answer_text: &str) -> Judgement {
    if answer_text.len() > MAX_BYTES + 24 * gold.len() {
        return Judgement::wrong(format!("the answer has {} bytes", answer_text.len()));
    }
    match last(answer_text) {
        Err(reason) => Judgement::wrong(reason),
        Ok(found) if found == gold => Judgement::right("the last list is the expected one"),
        Ok(found) => {
            Judgement::wrong(format!("the last list has {} items and is not {}", found.len(), shown(gold, ", ")))
        }
    }
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
    let separates = |c: char| c.is_whitespace() || ",;[](){}<>→、，；$*`\"'".contains(c);
    let marked = text.replace('=', " = ").replace([':', '：'], " : ").replace('和', " and ").replace("->", " ");
    let mut items: Vec<i64> = Vec::new();
    let mut spoilt = None;
    let mut ended = true;
    for word in marked.split(separates).map(|word| word.trim_end_matches(['.', '。', '!', '?'])) {
        if word.is_empty() || word.eq_ignore_ascii_case("and") || word == "\\" {
            continue;
        }
        if !word.contains(|c: char| c.is_ascii_digit()) {
            ended = true;
            continue;
        }
        if std::mem::take(&mut ended) {
            items.clear();
            spoilt = None;
        }
        match word.replace('−', "-").parse() {
            Ok(number) => items.push(number),
            Err(_) => spoilt = Some(word.chars().take(40).collect::<String>()),
        }
    }
    match spoilt {
        Some(word) => Err(format!("`{word}` in the last list is no whole number")),
        None if items.is_empty() => Err("there is no list of numbers in the answer".to_string()),
        None => Ok(items),
    }
}

#[cfg(test)]
mod tests;
