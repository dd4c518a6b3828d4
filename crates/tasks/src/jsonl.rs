//! A user's own problems: a file of prompts and answers and the name of a verifier; no code needed.
//!
//! One JSON object a line: `{"prompt": "...", "answer": "..."}`; an optional `"reasoning"` is worked thinking. GSM8K's
//! own files are read too: `question` is the prompt, and what stands before `####` in the answer is the thinking. The
//! prompt, without regard to case and spaces, decides the split, so the same question is never in two of them.

use crate::rng::Rng;
use crate::split::{Split, stable_hash};
use crate::task::{Demonstration, Example, Judgement, Options, Task, TaskError};
use crate::verify::Verifier;
use serde::Deserialize;
use serde_json::{Value, json};
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
    answer: String,
    reasoning: Option<String>,
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
        for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let problem: Line = serde_json::from_str(line).map_err(|error| {
                file_error(format!("line {}: {error}; expected {{\"prompt\": \"...\", \"answer\": \"...\"}}", idx + 1))
            })?;
            problems.push(problem.normalised());
        }
        if problems.is_empty() {
            return Err(file_error("there is no problem in it; expected one JSON object a line".to_string()));
        }
        let mut members = [const { Vec::new() }; 3];
        for (idx, problem) in problems.iter().enumerate() {
            members[Split::of(&problem.canonical()).tag() as usize].push(idx);
        }
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
            problem: json!({ "prompt": line.prompt, "answer": line.answer }),
            answer: line.answer.clone(),
            demonstration: line.reasoning.clone().map(shown),
        }
    }

    /// Number of problems in a split.
    pub fn count(&self, split: Split) -> usize {
        self.members[split.tag() as usize].len()
    }
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

    /// # Panics
    /// When the file has no problem of this split: ask [`JsonlTask::count`] first.
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
        Some(self.problems.iter().map(|line| (Split::of(&line.canonical()), self.example(line))).collect())
    }

    fn score(&self, problem: &Value, answer_text: &str) -> Judgement {
        match problem.get("answer").and_then(Value::as_str) {
            Some(gold) => self.verifier.judge(gold, answer_text),
            None => Judgement::cannot_judge("the problem has no `answer`"),
        }
    }
}
