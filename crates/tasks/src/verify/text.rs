//! Words: equal texts, or the last of a few possible words.

use crate::task::Judgement;

/// Longest text that is compared.
const MAX_BYTES: usize = 10_000;

/// Right when both texts are equal but for case, spaces and punctuation at the ends.
pub fn judge(gold: &str, answer_text: &str) -> Judgement {
    let expected = normal(gold);
    if expected.is_empty() {
        return Judgement::cannot_judge("there is no gold answer");
    }
    if answer_text.len() > MAX_BYTES.max(2 * gold.len()) {
        return Judgement::wrong(format!("the answer has {} bytes", answer_text.len()));
    }
    if normal(answer_text) == expected {
        Judgement::right("the texts are equal")
    } else {
        Judgement::wrong(format!("the text is not `{gold}`"))
    }
}

fn normal(text: &str) -> String {
    let ends = |c: char| {
        c.is_whitespace()
            || (c.is_ascii_punctuation() && !matches!(c, '(' | ')' | '[' | ']' | '-' | '+'))
            || matches!(c, '。' | '！' | '？')
    };
    text.trim_matches(ends).to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Right when `gold` is the last of `choices` that the text says, as a whole word.
pub fn judge_word(choices: &[&str], gold: &str, answer_text: &str) -> Judgement {
    let tail_start = answer_text.len().saturating_sub(MAX_BYTES);
    let tail_start = (tail_start..=answer_text.len()).find(|&at| answer_text.is_char_boundary(at)).unwrap_or(0);
    let lower = answer_text[tail_start..].to_lowercase();
    let said = lower.rsplit(|c: char| !c.is_alphanumeric()).find(|word| choices.contains(word));
    match said {
        Some(word) if word == gold => Judgement::right(format!("the answer says `{word}`")),
        Some(word) => Judgement::wrong(format!("the answer says `{word}`, not `{gold}`")),
        None => Judgement::wrong(format!("the answer says none of {}", choices.join(", "))),
    }
}

/// Right when the last word of the text is `gold`, but for case and punctuation around it.
pub fn judge_last_word(gold: &str, answer_text: &str) -> Judgement {
    if gold.is_empty() {
        return Judgement::cannot_judge("there is no gold answer");
    }
    let ends = |c: char| !c.is_alphanumeric();
    let last = answer_text.trim_end_matches(ends).rsplit(|c: char| c.is_whitespace() || c == '{').next();
    match last.map(|word| word.trim_matches(ends)) {
        Some(word) if word.to_lowercase() == gold.to_lowercase() => {
            Judgement::right("the last word is the expected one")
        }
        Some(word) if !word.is_empty() => {
            Judgement::wrong(format!("the last word is `{}`, not `{gold}`", word.chars().take(40).collect::<String>()))
        }
        _ => Judgement::wrong("there is no word in the answer"),
    }
}
