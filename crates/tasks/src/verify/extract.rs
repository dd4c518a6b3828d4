//! The final answer in a whole solution text.
//!
//! Only the last answer counts. What marks one, wherever it stands last: `<answer>…</answer>`, `\boxed{…}`, GSM8K's
//! `#### …`, and a phrase such as "the answer is …" or "答案是…". A text without marks is an answer itself, when it is one
//! line; of a longer one, the last line is. Thinking is left out; thinking that is not closed has no answer.

/// The last of a text that is looked at.
const MAX_TAIL: usize = 100_000;

/// How an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A mark that holds nothing but the answer.
    Enclosed,
    /// A phrase that the answer follows, with more behind it perhaps.
    Phrase,
    /// Nothing marks it.
    Unmarked,
}

/// A final answer and how it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// The answer, with what is around it on the same line.
    pub text: &'a str,
    /// How it was found.
    pub source: Source,
}

const PHRASES: &[&str] =
    &["answer is", "answer:", "answer =", "answer**:", "result is", "答案是", "答案为", "答案：", "答案:"];

/// The final answer in `text`.
///
/// # Errors
/// Says in words why there is none.
pub fn extract(text: &str) -> Result<Extracted<'_>, String> {
    let text = tail(after_thinking(tail(text))?);
    let boxed = last_boxed(text)?;
    let tagged = last_tagged(text)?;
    let enclosed = [boxed, tagged, after_hashes(text)];
    // "So the answer is clear." behind a box is talk.
    let is_talk = |found: &str| !found.contains(|c: char| c.is_ascii_digit()) && found.trim_end_matches('.').len() > 3;
    let has_mark = enclosed.iter().any(Option::is_some);
    let phrase = last_phrase(text).filter(|(_, found)| !has_mark || !is_talk(found.text));
    let candidates = enclosed.into_iter().chain([phrase]);
    if let Some((_, found)) = candidates.flatten().max_by_key(|(at, _)| *at) {
        return if found.text.trim().is_empty() { Err("the answer is empty".to_string()) } else { Ok(found) };
    }
    let last_line = text.lines().rev().find(|line| !line.trim().is_empty()).ok_or("there is no answer")?;
    Ok(Extracted { text: last_line.trim(), source: Source::Unmarked })
}

/// Of a text behind its thinking, the last line that has a digit.
pub(super) fn last_line_with_digit(text: &str) -> Option<&str> {
    let text = after_thinking(tail(text)).ok()?;
    text.lines().rev().find(|line| line.contains(|c: char| c.is_ascii_digit())).map(str::trim)
}

fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(MAX_TAIL);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}

/// What follows the thinking; the whole text where there is none.
///
/// # Errors
/// When thinking begins that does not end.
pub(crate) fn after_thinking(text: &str) -> Result<&str, String> {
    match (text.rfind("<think>"), text.rfind("</think>")) {
        (Some(open), Some(close)) if close < open => Err("the thinking does not end".to_string()),
        (Some(_), None) => Err("the thinking does not end".to_string()),
        (_, Some(close)) => Ok(&text[close + "</think>".len()..]),
        (None, None) => Ok(text),
    }
}

type Found<'a> = Option<(usize, Extracted<'a>)>;

/// What the last `\boxed{…}` holds; of nested boxes, the innermost.
fn last_boxed(text: &str) -> Result<Found<'_>, String> {
    let Some(at) = text.rfind("\\boxed") else { return Ok(None) };
    let inside = text[at + "\\boxed".len()..].trim_start();
    let Some(inside) = inside.strip_prefix('{') else {
        return Err("the last \\boxed has no {".to_string());
    };
    let mut depth = 1usize;
    let mut escaped = false;
    for (idx, c) in inside.char_indices() {
        match c {
            _ if escaped => {}
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if depth == 0 {
            return Ok(Some((at, Extracted { text: &inside[..idx], source: Source::Enclosed })));
        }
    }
    Err("the last \\boxed{ is not closed".to_string())
}

fn last_tagged(text: &str) -> Result<Found<'_>, String> {
    let Some(at) = text.rfind("<answer>") else { return Ok(None) };
    let inside = tag_content(&text[at + "<answer>".len()..])?;
    // A box within the tag is the answer itself.
    if inside.contains("\\boxed") {
        return Ok(None);
    }
    Ok(Some((at, Extracted { text: inside, source: Source::Enclosed })))
}

/// What stands before `</answer>`, of which there is one.
pub(crate) fn tag_content(after_open: &str) -> Result<&str, String> {
    let (inside, rest) = after_open.split_once("</answer>").ok_or("the last <answer> is not closed")?;
    if rest.contains("</answer>") { Err("the last <answer> is closed twice".to_string()) } else { Ok(inside) }
}

fn after_hashes(text: &str) -> Found<'_> {
    let at = text.rfind("####")?;
    let line = text[at + 4..].lines().next()?;
    Some((at, Extracted { text: line, source: Source::Enclosed }))
}

/// What follows the last phrase that announces an answer, on its line or, when nothing is left there, on the next.
fn last_phrase(text: &str) -> Found<'_> {
    let lower = text.to_ascii_lowercase();
    let (at, phrase) = PHRASES.iter().filter_map(|p| lower.rfind(p).map(|at| (at, p))).max_by_key(|(at, _)| *at)?;
    let after = text[at + phrase.len()..].trim_start_matches([' ', ':', '：', '*', '\n', '\r']);
    let line = after.lines().next()?;
    if line.trim().is_empty() {
        return None;
    }
    Some((at, Extracted { text: line.trim(), source: Source::Phrase }))
}

#[cfg(test)]
mod tests;
