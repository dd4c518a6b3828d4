//! A user's own problems: a file of prompts and answers; no code needed.
//!
//! One JSON object a line: `{"prompt": "...", "answer": "..."}`. Optional are `"reasoning"` (worked thinking),
//! `"verifier"` (where the file's does not fit this problem) and `"split"` (`train`, `validation`, `test`). Without it the
//! prompt, but for case and spaces, decides the split, so the same question is never in two of them: 80% of a file is
//! for training, 10% each for validation and test. A file of three problems or more has at least one of each.
//!
//! An answer that is a number may be written as one (`"answer": 24`). The same prompt with two different answers is refused,
//! and so is an answer that its verifier cannot judge by: `integer` needs a whole number. A byte order mark is read over.
//!
//! GSM8K's own files are read too: `question` is the prompt, and what stands before `####` in the answer is the thinking.

use crate::rng::Rng;
use crate::split::{Split, stable_hash};
use crate::task::{Demonstration, Example, Judgement, Options, Task, TaskError};
use crate::verify::Verifier;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Problems read from a file.
#[derive(Debug)]
pub struct JsonlTask {
    name: String,
    about: String,
    verifier: Verifier,
    problems: Vec<Line>,
    /// Indices of the problems of each split, by [`Split::tag`].
    members: [Vec<usize>; 3],
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(alias = "question")]
    prompt: String,
    #[serde(deserialize_with = "text_or_number")]
    answer: String,
    reasoning: Option<String>,
    verifier: Option<String>,
    split: Option<Split>,
}

/// A text, or a number. Of a number with a point or too large for 64 bits, JSON keeps 53 bits: more must be a text.
fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) if number.is_f64() && number.as_f64().is_none_or(|n| n.abs() >= 1e15) => {
            Err(serde::de::Error::custom(format!("`answer` is {number}; a number of so many digits goes in quotes")))
        }
        Value::Number(number) => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!("`answer` is {other}; expected a text or a number"))),
    }
}

impl Line {
    /// Takes GSM8K's worked answer apart: `16-3 = <<16-3=13>>13 ..\n#### 13`.
    fn normalised(mut self) -> Line {
        if self.reasoning.is_none()
            && let Some((worked, answer)) = self.answer.rsplit_once("####")
        {
            let mut pieces = worked.split("<<");
            let first = pieces.next().unwrap_or_default().to_owned();
            // What stands between the double brackets was meant for a calculator.
            let reasoning =
                pieces.fold(first, |text, piece| text + piece.split_once(">>").map_or(piece, |(_, rest)| rest));
            (self.reasoning, self.answer) = (Some(reasoning.trim().to_owned()), answer.trim().to_owned());
        }
        self
    }

    fn canonical(&self) -> String {
        let words = self.prompt.split_whitespace().map(str::to_lowercase);
        words.collect::<Vec<_>>().join(" ")
    }
}

impl JsonlTask {
    /// Reads a problem file.
    ///
    /// # Errors
    /// Names the file and line that cannot be read, and what was expected; an unknown verifier.
    pub fn open(name: &str, path: &Path, verifier: &str) -> Result<Self, TaskError> {
        let file_error = |reason: String| TaskError::File { path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| file_error(error.to_string()))?;
        Self::parse(name, &text, verifier).map_err(|error| match error {
            TaskError::File { reason, .. } => file_error(reason),
            other => other,
        })
    }

    /// As [`JsonlTask::open`], from text.
    ///
    /// # Errors
    /// As [`JsonlTask::open`].
    pub fn parse(name: &str, text: &str, verifier: &str) -> Result<Self, TaskError> {
        let verifier = Verifier::named(verifier)?;
        let file_error = |reason: String| TaskError::File { path: name.to_string(), reason };
        let mut problems = Vec::new();
        let mut places = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let problem: Line = serde_json::from_str(line).map_err(|error| {
                file_error(format!("line {}: {error}; expected {{\"prompt\": \"...\", \"answer\": \"...\"}}", idx + 1))
            })?;
            problems.push(problem.normalised());
            places.push(idx + 1);
        }
        if problems.is_empty() {
            return Err(file_error("there is no problem in it; expected one JSON object a line".to_string()));
        }
        let mut answers: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for (problem, &place) in problems.iter().zip(&places) {
            let verifier = match &problem.verifier {
                Some(name) => Verifier::named(name).map_err(|error| file_error(format!("line {place}: {error}")))?,
                None => verifier,
            };
            verifier.accepts(&problem.answer).map_err(|reason| file_error(format!("line {place}: {reason}")))?;
            let answer = problem.answer.as_str();
            let (before, other) = *answers.entry(problem.canonical()).or_insert((place, answer));
            if other.trim() != answer.trim() {
                return Err(file_error(format!(
                    "lines {before} and {place}: the same prompt has two answers, `{other}` and `{answer}`"
                )));
            }
        }
        let members = divide(&problems).map_err(file_error)?;
        let about = format!("{} problems of your own", problems.len());
        Ok(Self { name: name.to_string(), about, verifier, problems, members })
    }

    fn example(&self, line: &Line) -> Example {
        let shown = |reasoning| Demonstration { reasoning, answer_text: line.answer.clone() };
        Example {
            id: format!("{}/{:016x}", self.name, stable_hash(&line.canonical())),
            task: self.name.clone(),
            difficulty: 1,
            prompt: line.prompt.clone(),
            problem: match &line.verifier {
                Some(verifier) => json!({ "prompt": line.prompt, "answer": line.answer, "verifier": verifier }),
                None => json!({ "prompt": line.prompt, "answer": line.answer }),
            },
            answer: line.answer.clone(),
            demonstration: line.reasoning.clone().map(shown),
        }
    }
}

/// Indices of the problems of each split: as the lines say, else by the prompt; a split that is left empty takes one
/// problem of the largest, by the same rule in every run.
fn divide(problems: &[Line]) -> Result<[Vec<usize>; 3], String> {
    let mut splits: BTreeMap<String, Split> = BTreeMap::new();
    for (idx, problem) in problems.iter().enumerate() {
        let canonical = problem.canonical();
        let split = problem.split.unwrap_or_else(|| Split::of_few(&canonical));
        if splits.insert(canonical, split).is_some_and(|before| before != split) {
            return Err(format!("problem {}: its prompt stands in another split too", idx + 1));
        }
    }
    let free: BTreeSet<String> = problems.iter().filter(|p| p.split.is_none()).map(Line::canonical).collect();
    for split in [Split::Test, Split::Validation, Split::Train] {
        let has = |wanted: Split| splits.values().filter(|split| **split == wanted).count();
        let largest = [Split::Train, Split::Validation, Split::Test].into_iter().max_by_key(|split| has(*split));
        if has(split) > 0 || free.len() < 3 {
            continue;
        }
        let movable = free.iter().filter(|canonical| splits.get(*canonical).copied() == largest);
        if let Some(canonical) = movable.min_by_key(|canonical| stable_hash(canonical)) {
            splits.insert(canonical.clone(), split);
        }
    }
    let mut members = [const { Vec::new() }; 3];
    for (idx, problem) in problems.iter().enumerate() {
        members[splits[&problem.canonical()].tag() as usize].push(idx);
    }
    Ok(members)
}

impl Task for JsonlTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        &self.about
    }

    fn levels(&self) -> u8 {
        1
    }

    fn count(&self, split: Split) -> Option<usize> {
        Some(self.members[split.tag() as usize].len())
    }

    /// # Panics
    /// When the file has no problem of this split: ask [`Task::count`] first.
    fn generate(&self, rng: &mut Rng, _: u8, split: Split, _: &Options) -> Example {
        let members = &self.members[split.tag() as usize];
        assert!(
            !members.is_empty(),
            "task `{}` has no problem of split {split:?} among {}",
            self.name,
            self.problems.len()
        );
        self.example(&self.problems[rng.pick(members)])
    }

    fn all(&self) -> Option<Vec<(Split, Example)>> {
        let mut all: Vec<(usize, Split)> = Vec::new();
        for split in [Split::Train, Split::Validation, Split::Test] {
            all.extend(self.members[split.tag() as usize].iter().map(|&idx| (idx, split)));
        }
        all.sort_unstable_by_key(|(idx, _)| *idx);
        Some(all.iter().map(|&(idx, split)| (split, self.example(&self.problems[idx]))).collect())
    }

    fn score(&self, problem: &Value, answer_text: &str) -> Judgement {
        let verifier = match problem.get("verifier").and_then(Value::as_str).map(Verifier::named) {
            None => self.verifier,
            Some(Ok(verifier)) => verifier,
            Some(Err(error)) => return Judgement::cannot_judge(error.to_string()),
        };
        match problem.get("answer").and_then(Value::as_str) {
            Some(gold) => verifier.judge(gold, answer_text),
            None => Judgement::cannot_judge("the problem has no `answer`"),
        }
    }
}
