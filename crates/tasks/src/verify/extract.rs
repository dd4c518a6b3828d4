//! The final answer in a whole solution text.
//!
//! Only the last answer counts. What marks one, wherever it stands last: `<answer>…</answer>`, `\boxed{…}`, GSM8K's
//! `#### …`, and a phrase such as "the answer is …" or "答案是…". A text without marks is an answer itself, when it is one
//! line; of a longer one, the last line is. Thinking is left out; thinking that is not closed has no answer. What stands
//! around a marked answer is kept, for it can say that the answer is not this one: [`Extracted::stands`].

use super::surroundings::{self, without_closes};
use super::wrapped::{unwrapped, without_reasons};

/// Longest text that is looked at: what is longer has no answer, so that nothing can be pushed out of sight.
pub const MAX_BYTES: usize = 100_000;

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
    /// What is in front of the mark or phrase; empty where the mark alone decides.
    front: &'a str,
    /// What is behind the text, on later lines too.
    pub rest: &'a str,
}

impl<'a> Extracted<'a> {
    fn new(text: &'a str, source: Source, front: &'a str, rest: &'a str) -> Self {
        Self { text, source, front, rest }
    }

    /// Whether what is said around the mark lets the answer stand.
    ///
    /// # Errors
    /// Says in words what stands in its way.
    pub fn stands(&self) -> Result<(), String> {
        match self.source {
            Source::Enclosed => surroundings::before_mark(self.front).and_then(|()| surroundings::after(self.rest)),
            Source::Phrase | Source::Unmarked => surroundings::words_before(self.front),
        }
    }
}

const PHRASES: &[&str] = &[
    "answer is",
    "answer:",
    "answer =",
    "answer**:",
    "answer equals",
    "result is",
    "result:",
    "答案是",
    "答案为",
    "答案：",
    "答案:",
    "答：",
    "答:",
    "结果是",
    "结果为",
];

/// What may follow "the answer is" without being an answer.
const TALK: [&str; 14] = [
    "as",
    "clear",
    "complete",
    "confirmed",
    "correct",
    "found",
    "given",
    "helpful",
    "obvious",
    "right",
    "shown",
    "unique",
    "verified",
    "what",
];

/// The final answer in `text`.
///
/// # Errors
/// Says in words why there is none.
pub fn extract(text: &str) -> Result<Extracted<'_>, String> {
    let text = claim(text)?;
    if let Some(found) = marked(text)? {
        return if found.text.trim().is_empty() { Err("the answer is empty".to_string()) } else { Ok(found) };
    }
    let is_fence = |line: &str| line.chars().all(|c| c.is_whitespace() || "`$[]\\".contains(c));
    let last_line = text.lines().rev().find(|line| !is_fence(line)).ok_or("there is no answer")?;
    let start = last_line.as_ptr() as usize - text.as_ptr() as usize;
    Ok(Extracted::new(last_line.trim(), Source::Unmarked, &text[..start], &text[start + last_line.len()..]))
}

/// As [`answer_text`], without the reasons behind the answer.
///
/// # Errors
/// As [`answer_text`].
pub(crate) fn claim(text: &str) -> Result<&str, String> {
    answer_text(text).map(|text| unwrapped(without_reasons(text)))
}

/// What follows the thinking, without what wraps the whole of it ([`super::wrapped`]).
///
/// # Errors
/// When thinking begins that does not end, or more follows than is read.
pub(crate) fn answer_text(text: &str) -> Result<&str, String> {
    let text = after_thinking(text)?;
    if text.len() > MAX_BYTES {
        return Err(format!("the answer has {} bytes, more than {MAX_BYTES}", text.len()));
    }
    Ok(unwrapped(text))
}

/// The last answer that a mark or a phrase shows, in a text without thinking.
///
/// # Errors
/// When a mark is not closed, or a box holds more than a box.
pub fn marked(text: &str) -> Result<Option<Extracted<'_>>, String> {
    let enclosed = [last_boxed(text)?, last_tagged(text)?, after_hashes(text)].into_iter().flatten();
    let enclosed = enclosed.max_by_key(|(at, _)| *at);
    Ok(enclosed.into_iter().chain(last_phrase(text)).max_by_key(|(at, _)| *at).map(|(_, found)| found))
}

/// The last answer within a box, a tag or behind `####`, if no phrase announces another one behind it.
///
/// # Errors
/// When it is not closed, or what is said around it does not let it stand.
pub fn enclosed(text: &str) -> Result<Option<&str>, String> {
    match marked(text)?.filter(|found| found.source == Source::Enclosed) {
        Some(found) => found.stands().map(|()| Some(found.text)),
        None => Ok(None),
    }
}

/// "So the answer is clear." behind a box is talk.
fn is_talk(found: &str) -> bool {
    let start: String = found.chars().take(40).collect();
    let lower = super::words::lower(&start);
    super::words::words(&lower).next().is_some_and(|word| TALK.contains(&word))
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

/// What the last `\boxed{…}` holds. A box that holds another is that box when it holds nothing else.
fn last_boxed(text: &str) -> Result<Found<'_>, String> {
    let (mut last, mut from): (Option<(usize, &str)>, usize) = (None, 0);
    let mut front = "";
    let next = |from: usize| {
        text[from..].match_indices('\\').find_map(|(at, _)| {
            let name = ["\\boxed", "\\fbox"].into_iter().find(|name| text[from + at..].starts_with(name))?;
            Some((from + at, name.len()))
        })
    };
    while let Some((at, length)) = next(from) {
        let (start, end) = braced(text, at + length)?;
        let inside = &text[start..end];
        // Two boxes in one sentence are two answers, unless a word says that the second is the answer.
        let between = &text[from..at];
        let is_beside = last.is_some_and(|(_, other)| other != inside)
            && !between.contains(['.', '!', '?', '。', '！', '？'])
            && !super::words::links(between);
        front = if is_beside { &text[..from] } else { &text[..at] };
        last = Some((at, inside));
        from = end + 1;
    }
    let Some((at, mut inside)) = last else { return Ok(None) };
    while let Some(inner) = inside.find("\\boxed") {
        let (start, end) = braced(inside, inner + "\\boxed".len())?;
        let is_alone = inside[..inner].trim().is_empty() && inside[end + 1..].trim().is_empty();
        if !is_alone {
            return Err("the last \\boxed holds a box and more".to_string());
        }
        inside = &inside[start..end];
    }
    Ok(Some((at, Extracted::new(inside, Source::Enclosed, front, &text[from..]))))
}

/// Start and end of what the braces at `at` hold.
fn braced(text: &str, at: usize) -> Result<(usize, usize), String> {
    let bare = text[at..].trim_start();
    let start = text.len() - bare.len() + 1;
    if !bare.starts_with('{') {
        return Err("the last \\boxed has no {".to_string());
    }
    let mut depth = 1usize;
    let mut escaped = false;
    for (idx, c) in text[start..].char_indices() {
        match c {
            _ if escaped => {}
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if depth == 0 {
            return Ok((start, start + idx));
        }
    }
    Err("the last \\boxed{ is not closed".to_string())
}

fn last_tagged(text: &str) -> Result<Found<'_>, String> {
    let Some(at) = text.rfind("<answer>") else { return Ok(None) };
    let start = at + "<answer>".len();
    let inside = tag_content(&text[start..])?;
    let n_open = text[..at].matches("<answer>").count();
    if n_open != text[..at].matches("</answer>").count() {
        return Err("an <answer> stands within another".to_string());
    }
    // A box within the tag is the answer itself.
    if inside.contains("\\boxed") {
        return Ok(None);
    }
    let rest = &text[start + inside.len() + "</answer>".len()..];
    // Of the words in front of a tag, none counts; a sign does.
    Ok(Some((at, Extracted::new(inside, Source::Enclosed, surroundings::sign_at_end(&text[..at]), rest))))
}

/// What stands before `</answer>`, of which there is one.
pub(crate) fn tag_content(after_open: &str) -> Result<&str, String> {
    let (inside, rest) = after_open.split_once("</answer>").ok_or("the last <answer> is not closed")?;
    if rest.contains("</answer>") { Err("the last <answer> is closed twice".to_string()) } else { Ok(inside) }
}

/// Headings that no answer stands behind.
const HEADINGS: [&str; 9] =
    ["check", "explanation", "note", "notes", "proof", "reasoning", "step", "steps", "verification"];

/// What stands behind the last `####` of its line; behind a heading such as "Answer", what stands below it.
fn after_hashes(text: &str) -> Found<'_> {
    let heading = |at: usize| -> String {
        let line = text[at + 4..].lines().next().unwrap_or_default();
        line.chars().take(40).filter(|c| !"*:#".contains(*c)).collect::<String>().trim().to_lowercase()
    };
    let is_other = |at: &usize| HEADINGS.contains(&heading(*at).split(' ').next().unwrap_or_default());
    let at = text.rmatch_indices("####").map(|(at, _)| at).find(|at| !is_other(at))?;
    let rest = &text[at + 4..];
    let is_empty = matches!(heading(at).as_str(), "answer" | "final answer" | "the answer" | "conclusion" | "result");
    let mut lines = rest.lines();
    let mut line = lines.next()?;
    if is_empty {
        line = lines.find(|line| !line.trim().is_empty())?;
    }
    let end = line.as_ptr() as usize - text.as_ptr() as usize + line.len();
    let line_start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    Some((at, Extracted::new(line, Source::Enclosed, &text[line_start..at], &text[end..])))
}

/// Most phrases that are looked at, from the end, when they announce no answer.
const MAX_PHRASES: usize = 4;

/// What follows the last phrase that announces an answer, on its line or, when nothing is left there, on the next.
fn last_phrase(text: &str) -> Found<'_> {
    let lower = text.to_ascii_lowercase();
    let mut end = lower.len();
    for _ in 0..MAX_PHRASES {
        let found = PHRASES.iter().filter_map(|phrase| lower[..end].rfind(phrase).map(|at| (at, phrase)));
        let (at, phrase) = found.max_by_key(|(at, _)| *at)?;
        let found = behind_phrase(text, at, at + phrase.len())?;
        if !is_talk(found.text) {
            return Some((at, found));
        }
        end = at;
    }
    None
}

fn behind_phrase(text: &str, at: usize, end: usize) -> Option<Extracted<'_>> {
    let mut after = &text[end..];
    loop {
        // `\text{Answer: } 48`
        let bare = after.trim_start_matches([' ', ':', '：', '`', '\n', '\r', '}']);
        // A single `*` may be an operator.
        after = bare.strip_prefix("**").unwrap_or(bare);
        if after.len() == bare.len() {
            break;
        }
    }
    // A formula on lines of its own.
    let displayed = ["\\[", "$$"].iter().find_map(|open| after.strip_prefix(open));
    let after = displayed.filter(|rest| rest.starts_with('\n')).unwrap_or(after).trim_start_matches(['\n', '\r']);
    // A phrase within a tag or a box ends with it.
    let line = within_braces(after.lines().next()?.split("</answer>").next()?);
    if !line.contains(|c| !"*.:!` \t".contains(c)) {
        return None;
    }
    Some(Extracted::new(line.trim(), Source::Phrase, &text[..at], without_closes(&after[line.len()..])))
}

/// `text` up to a brace that closes what opened in front of it.
fn within_braces(text: &str) -> &str {
    let mut depth = 0;
    let closes = |(_, c): &(usize, char)| {
        depth += i32::from(*c == '{') - i32::from(*c == '}');
        depth < 0
    };
    text.char_indices().find(closes).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests;
