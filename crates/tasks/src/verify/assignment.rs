//! Who is what: each name must be given its kind, as in "Anna is a knight, Ben and Carl are knaves".
//!
//! A kind belongs to the names since the last kind, or, as a heading (`Knights: Anna, Ben`), to those on its line; what is
//! said last about a name counts. A word of doubt, a question, or a kind without a name, makes the answer unreadable: it is
//! wrong.

use super::extract::{self, Source};
use crate::task::Judgement;

/// Longest text that is read.
const MAX_BYTES: usize = 10_000;

/// Judges whether `answer_text` gives each name of `gold` the kind of its index in `kinds`; a kind has several words.
pub fn judge(gold: &[(&str, usize)], kinds: &[&[&str]], answer_text: &str) -> Judgement {
    let text = match extract::answer_text(answer_text).and_then(announced) {
        Ok(text) if text.len() <= MAX_BYTES => text,
        Ok(text) => return Judgement::wrong(format!("the answer has {} bytes", text.len())),
        Err(reason) => return Judgement::wrong(reason),
    };
    if let Some(word) = super::words::doubt_in_front(text) {
        return Judgement::wrong(format!("the answer says `{word}`"));
    }
    const MAKE_BELIEVE: [&str; 4] = ["chance", "pretends", "probability", "supposedly"];
    let other = super::words::words(text).find(|word| MAKE_BELIEVE.contains(&word.to_lowercase().as_str()));
    if let Some(word) = super::words::reversal(text).or(other) {
        return Judgement::wrong(format!("the answer says `{word}`"));
    }
    if text.contains(['?', '？']) {
        return Judgement::wrong("the answer is a question");
    }
    let mut said: Vec<Option<usize>> = vec![None; gold.len()];
    let mut headed: Vec<bool> = vec![false; gold.len()];
    for line in text.split(['\n', '；', ';']) {
        if let Err(reason) = read_line(line, gold, kinds, &mut said, &mut headed) {
            return Judgement::wrong(reason);
        }
    }
    for ((name, kind), said) in gold.iter().zip(said) {
        match said {
            Some(said) if said == *kind => {}
            Some(said) => return Judgement::wrong(format!("{name} is said to be a {}", kinds[said][0])),
            None => return Judgement::wrong(format!("the answer does not say what {name} is")),
        }
    }
    Judgement::right("everyone is what they must be")
}

/// What stands in the last mark, or behind the last phrase such as "the answer is"; else the whole text.
fn announced(text: &str) -> Result<&str, String> {
    let Some(found) = extract::marked(text)? else { return Ok(text) };
    found.stands()?;
    Ok(match found.source {
        Source::Enclosed => found.text,
        _ => &text[found.text.as_ptr() as usize - text.as_ptr() as usize..],
    })
}

/// Reads what a line says. `headed`: who stands below a heading.
fn read_line(
    line: &str,
    gold: &[(&str, usize)],
    kinds: &[&[&str]],
    said: &mut [Option<usize>],
    headed: &mut [bool],
) -> Result<(), String> {
    let (mut pending, mut heading): (Vec<usize>, Option<usize>) = (Vec::new(), None);
    let is_headed = |word: &str| line.to_lowercase().replace("**", "").replace('：', ":").contains(&format!("{word}:"));
    for word in words(line, kinds) {
        if let Some(idx) = gold.iter().position(|(name, _)| name.to_lowercase() == word) {
            match heading {
                Some(kind) if headed[idx] && said[idx] != Some(kind) => {
                    return Err(format!("{word} stands below two headings"));
                }
                Some(kind) => (said[idx], headed[idx]) = (Some(kind), true),
                None => pending.push(idx),
            }
        } else if let Some(kind) = kinds.iter().position(|names| names.contains(&word.as_str())) {
            if pending.is_empty() && is_headed(&word) {
                heading = Some(kind);
            } else if pending.is_empty() {
                return Err(format!("it is not clear who is meant by `{word}`"));
            }
            for idx in pending.drain(..) {
                said[idx] = Some(kind);
            }
        }
    }
    Ok(())
}

/// Words in lower case; Chinese kinds stand without spaces around them.
fn words(text: &str, kinds: &[&[&str]]) -> Vec<String> {
    let mut text = text.to_lowercase().replace('’', "'");
    let chinese = kinds.iter().flat_map(|names| names.iter()).filter(|name| !name.is_ascii()).copied();
    for word in chinese.chain(["不是", "或", "是", "和"]) {
        text = text.replace(word, &format!(" {word} "));
    }
    let text = text.replace("不 是", "不是");
    let ends = |c: char| !(c.is_alphanumeric() || c == '\'');
    text.split(ends).filter(|word| !word.is_empty()).map(str::to_string).collect()
}

#[cfg(test)]
mod tests;
