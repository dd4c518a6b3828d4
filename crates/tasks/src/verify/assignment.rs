//! Who is what: each name must be given its kind, as in "Anna is a knight, Ben and Carl are knaves".
//!
//! A kind belongs to the names since the last kind; what is said last about a name counts. A negation, or a kind
//! without a name, makes the answer unreadable: it is wrong.

use crate::task::Judgement;

/// Longest text that is read.
const MAX_BYTES: usize = 10_000;

/// Judges whether `answer_text` gives each name of `gold` the kind of its index in `kinds`; a kind has several words.
pub fn judge(gold: &[(&str, usize)], kinds: &[&[&str]], answer_text: &str) -> Judgement {
    if answer_text.len() > MAX_BYTES {
        return Judgement::wrong(format!("the answer has {} bytes", answer_text.len()));
    }
    let mut said: Vec<Option<usize>> = vec![None; gold.len()];
    let mut pending = Vec::new();
    for word in words(answer_text, kinds) {
        if let Some(idx) = gold.iter().position(|(name, _)| name.to_lowercase() == word) {
            pending.push(idx);
        } else if let Some(kind) = kinds.iter().position(|names| names.contains(&word.as_str())) {
            if pending.is_empty() {
                return Judgement::wrong(format!("it is not clear who is meant by `{word}`"));
            }
            for idx in pending.drain(..) {
                said[idx] = Some(kind);
            }
        } else if matches!(word.as_str(), "not" | "isn't" | "aren't" | "or" | "either" | "neither" | "不是" | "或") {
            return Judgement::wrong(format!("the answer hedges: it says `{word}`"));
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
