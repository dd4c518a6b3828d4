//! cons@k: the answer that most of k samples give (Wang et al. 2022, arXiv:2203.11171; R1 report, section 3.1).
//!
//! The vote is blind: it looks at what the samples say and what form an answer has, never at verdicts. Samples that were
//! cut or say nothing do not vote. Where the most frequent answers tie, and where texts that count as one answer have
//! different verdicts, the result is the expected one of a fair draw, so that it does not depend on an order.

use std::collections::BTreeMap;
use tasks::Verdict;

#[cfg(test)]
mod tests;

/// What a sample votes for: its answer without what surrounds it. `None` for an empty text.
///
/// The last `\boxed{}`, else the last `<answer>`; else the last number where `is_number` (the form of the gold answer, not
/// its value); else the last line, without regard to case, spaces and final punctuation.
pub fn ballot(content: &str, is_number: bool) -> Option<String> {
    let answer = boxed(content).or_else(|| tagged(content));
    let text = answer.unwrap_or(content);
    if let Some(number) = last_number(text).filter(|_| is_number) {
        return Some(number);
    }
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let words: String = line.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = words.trim_matches(|c: char| matches!(c, '.' | '!' | '。' | '*' | '`' | '$' | '"' | ' '));
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// Whether a gold answer is a number, so that [`ballot`] looks for one.
pub fn is_number(gold: &str) -> bool {
    last_number(gold).is_some_and(|number| number == spelled(gold.trim()))
}

/// The chance that a majority of these samples is right: 0 or 1, or a share where a draw decides. `None` where no sample
/// could be judged; a majority of samples without an answer is wrong.
pub fn majority(samples: &[(Option<String>, Verdict)]) -> Option<f64> {
    let judged = samples.iter().filter(|(_, verdict)| *verdict != Verdict::CannotJudge);
    judged.clone().next()?;
    let mut counts = BTreeMap::<&str, (u32, u32)>::new();
    for (answer, verdict) in judged {
        if let Some(answer) = answer {
            let (n, n_right) = counts.entry(answer).or_default();
            *n += 1;
            *n_right += u32::from(*verdict == Verdict::Right);
        }
    }
    let most = counts.values().map(|(n, _)| *n).max().unwrap_or(0);
    let winners: Vec<f64> =
        counts.values().filter(|(n, _)| *n == most).map(|(n, n_right)| f64::from(*n_right) / f64::from(*n)).collect();
    Some(winners.iter().sum::<f64>() / winners.len().max(1) as f64)
}

/// What the last `\boxed{..}` holds.
fn boxed(text: &str) -> Option<&str> {
    let inside = text.rsplit_once("\\boxed{")?.1;
    let mut depth = 1usize;
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(&inside[..at]);
        }
    }
    None
}

/// What the last `<answer>` holds.
fn tagged(text: &str) -> Option<&str> {
    let (_, after) = text.rsplit_once("<answer>")?;
    after.split_once("</answer>").map(|(inside, _)| inside)
}

/// The last number of a text in one spelling: no grouping, no plus, no trailing zeros of a decimal fraction.
fn last_number(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '/');
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start =
        text[..end].rfind(|c| !is_part(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let number = text[start..end].trim_start_matches(['.', ',', '/']);
    let before = text[..start].trim_end_matches(' ');
    let signed = before.strip_suffix(['-', '−']).is_some_and(|rest| {
        // `7 - 3` is a difference, `= -3` a sign.
        !rest.trim_end().ends_with(|c: char| c.is_ascii_digit() || c == ')')
    });
    Some(format!("{}{}", if signed { "-" } else { "" }, spelled(number)))
}

fn spelled(number: &str) -> String {
    let plain = number.replace(',', "").replace('−', "-");
    let plain = plain.strip_prefix('+').unwrap_or(&plain);
    match plain.split_once('.') {
        Some((whole, fraction)) if !plain.contains('/') => {
            let fraction = fraction.trim_end_matches('0');
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
        _ => plain.to_owned(),
    }
}
