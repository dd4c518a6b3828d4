//! Messages as the page gets them: texts beside their HTML.

use std::collections::BTreeMap;

use serde::Serialize;

use super::render;
use super::store::{Facts, FileInfo, Message, Role, Sample, Settings, Status};

/// A message with all that the page shows of it.
#[derive(Serialize)]
pub struct MessageJson<'a> {
    id: &'a str,
    parent: Option<&'a str>,
    role: Role,
    created_at: i64,
    content: &'a str,
    model: &'a str,
    settings: &'a Settings,
    chosen: usize,
    files: &'a [FileInfo],
    samples: Vec<SampleJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    majority: Option<Majority>,
}

#[derive(Serialize)]
struct SampleJson<'a> {
    status: Status,
    reasoning: &'a str,
    content: &'a str,
    facts: &'a Facts,
    thinking_blocks: Vec<String>,
    answer_blocks: Vec<String>,
}

/// What most samples of an answer say.
#[derive(Debug, PartialEq, Serialize)]
pub struct Majority {
    /// The text that they agree on.
    pub answer: String,
    /// How many do.
    pub n: usize,
    /// Out of how many that ended with an answer.
    pub of: usize,
    /// The first sample that says so.
    pub sample: usize,
    /// All samples that say so.
    pub agree: Vec<usize>,
}

/// Renders a message. A running sample's blocks come by its stream.
pub fn message(message: &Message) -> MessageJson<'_> {
    let sample = |sample: &'_ Sample| {
        let blocks = |text: &str| if sample.status == Status::Running { Vec::new() } else { render::whole(text) };
        (blocks(&sample.reasoning), blocks(&sample.content))
    };
    let samples = message.samples.iter().map(|s| {
        let (thinking_blocks, answer_blocks) = sample(s);
        SampleJson {
            status: s.status,
            reasoning: &s.reasoning,
            content: &s.content,
            facts: &s.facts,
            thinking_blocks,
            answer_blocks,
        }
    });
    MessageJson {
        id: &message.id,
        parent: message.parent.as_deref(),
        role: message.role,
        created_at: message.created_at,
        content: &message.content,
        model: &message.model,
        settings: &message.settings,
        chosen: message.chosen,
        files: &message.files,
        samples: samples.collect(),
        majority: majority(&message.samples),
    }
}

/// What most samples say; `None` for a single sample. Among equals the one that came first.
pub fn majority(samples: &[Sample]) -> Option<Majority> {
    if samples.len() < 2 {
        return None;
    }
    let ended = samples.iter().enumerate().filter(|(_, s)| s.status == Status::Done && !s.content.trim().is_empty());
    let answers: Vec<(usize, String)> = ended.map(|(idx, s)| (idx, result_of(&s.content))).collect();
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (idx, answer) in &answers {
        groups.entry(compared(answer)).or_default().push(*idx);
    }
    let agree = groups.into_values().max_by_key(|group| (group.len(), std::cmp::Reverse(group[0])))?;
    let answer = answers.iter().find(|(idx, _)| *idx == agree[0]).map(|(_, answer)| answer.clone())?;
    Some(Majority { answer, n: agree.len(), of: answers.len(), sample: agree[0], agree })
}

/// The result in an answer: what is boxed, else the last bold words, else the last number, else the whole text.
fn result_of(text: &str) -> String {
    if let Some(at) = text.rfind("\\boxed{") {
        let inner = &text[at + "\\boxed{".len()..];
        let mut depth = 1;
        let end = inner.char_indices().find(|(_, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0
        });
        return inner[..end.map_or(inner.len(), |(at, _)| at)].trim().to_owned();
    }
    let bold: Vec<&str> = text.split("**").collect();
    if bold.len() >= 3 && bold.len() % 2 == 1 {
        return bold[bold.len() - 2].trim().to_owned();
    }
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '−' | '/');
    let mut numbers = text
        .split(|c| !is_number(c))
        .map(|n| n.trim_matches(['.', ',', '/']))
        .filter(|n| n.contains(|c: char| c.is_ascii_digit()));
    numbers.next_back().unwrap_or(text.trim()).to_owned()
}

/// A result as it is compared: without space, case and signs that mean the same.
fn compared(result: &str) -> String {
    let kept = result.chars().filter(|c| {
        !c.is_whitespace() && !matches!(c, ',' | '$' | '.' | '*') || *c == '.' && result.parse::<f64>().is_ok()
    });
    kept.map(|c| if c == '−' { '-' } else { c }).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    //! Majorities.

    use super::*;

    fn samples(contents: &[&str]) -> Vec<Sample> {
        contents.iter().map(|content| Sample { content: (*content).into(), ..Sample::default() }).collect()
    }

    #[test]
    fn results_are_compared_and_not_the_words_around_them() {
        let all =
            samples(&["It is **41**.", "So \\(\\boxed{4,042}\\).", "47 × 86 = **4042**", "The answer is 4042.", ""]);
        let found = majority(&all).expect("a majority");
        assert_eq!((found.n, found.of, found.sample, found.agree), (3, 4, 1, vec![1, 2, 3]));
        assert_eq!(found.answer, "4,042");
        assert_eq!(majority(&all[..1]), None);
        // Among equals the first.
        assert_eq!(majority(&samples(&["a", "b"])).expect("one").answer, "a");
        assert_eq!(majority(&samples(&["", " "])), None);
    }

    #[test]
    fn signs_and_decimals_count() {
        assert_eq!(majority(&samples(&["-3", "3"])).expect("one").n, 1);
        assert_eq!(majority(&samples(&["−3", "-3"])).expect("one").n, 2);
        assert_eq!(majority(&samples(&["1.5", "15"])).expect("one").n, 1);
    }
}
