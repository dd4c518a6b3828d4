//! A judge as a reward: an endpoint that grades answers from 0 to 10.
//!
//! What it says is written into the run's `judge.jsonl` before it is used, and read from there when a step is repeated
//! after a kill (ARCHITECTURE.md, invariant 4). An answer that it does not grade has no reward, and is left out.

#[cfg(test)]
mod tests;

use super::rollouts::Group;
use crate::error::{Result, TrainError};
use crate::recipe::JudgeSpec;
use rollout::endpoint::{Endpoint, EndpointConfig, Job, Journal};
use std::path::Path;

/// What the judge is asked where the recipe says nothing else.
const INSTRUCTION: &str = "Grade an answer to a question.\n\nQuestion:\n{prompt}\n\nReference answer:\n{answer}\n\nAnswer to \
                           grade:\n{content}\n\nIs it correct, clear and complete? Reply with one whole number from 0 \
                           (worthless) to 10 (perfect) and nothing else.";

/// Most tokens of a grade: room for a judge that thinks aloud.
const MAX_TOKENS: usize = 1024;

/// A judge with its memory.
pub struct Judge {
    endpoint: Endpoint,
    journal: Journal,
    instruction: String,
}

impl Judge {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// A key that is not in the environment; a journal that cannot be read or written.
    pub fn open(spec: &JudgeSpec, run_dir: &Path) -> Result<Judge> {
        let failed = |e: rollout::endpoint::EndpointError| TrainError::Run(format!("grpo.judge: {e}"));
        let api_key = crate::recipe::key_of("grpo.judge.key_env", spec.key_env.as_deref())?;
        let config = EndpointConfig {
            api_key,
            prices: spec.prices,
            max_dollars: spec.max_dollars,
            ..EndpointConfig::new(&spec.endpoint, &spec.model)
        };
        Ok(Judge {
            endpoint: Endpoint::new(config).map_err(failed)?,
            journal: Journal::open(&run_dir.join("judge.jsonl")).map_err(failed)?,
            instruction: spec.instruction.clone().unwrap_or_else(|| INSTRUCTION.to_owned()),
        })
    }

    /// Grades from 0 to 1, an answer each, in order; `None` where the judge gave none.
    ///
    /// # Errors
    /// An endpoint that refuses or stays out of reach; what it said until then is kept.
    pub fn grade(&self, groups: &[Group]) -> Result<Vec<Option<f64>>> {
        let jobs: Vec<Job> = groups
            .iter()
            .flat_map(|group| group.answers.iter().map(move |answer| (group, answer)))
            .map(|(group, answer)| self.job(group, &answer.parts.content))
            .collect();
        let mut grades = vec![None; jobs.len()];
        let asked = self.endpoint.ask_all(&jobs, &self.journal, &|| false, |idx, answer| {
            grades[idx] = grade_in(&answer.content);
        });
        asked.map_err(|e| TrainError::Run(format!("grpo.judge: {e}")))?;
        Ok(grades)
    }

    /// Dollars that it was paid so far, over all attempts of the run.
    pub fn spent(&self) -> f64 {
        self.journal.spent()
    }

    fn job(&self, group: &Group, content: &str) -> Job {
        let example = &group.problem.example;
        // One pass, so that an answer which holds a placeholder stays an answer.
        let mut text = String::new();
        let mut rest = self.instruction.as_str();
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            text += before;
            let filled = [("{prompt}", &*example.prompt), ("{answer}", &*example.answer), ("{content}", content)]
                .into_iter()
                .find(|(name, _)| after.starts_with(name));
            let (value, len) = filled.map_or(("{", 1), |(name, value)| (value, name.len()));
            text += value;
            rest = &after[len..];
        }
        text += rest;
        let messages = vec![("user".to_owned(), text)];
        Job { messages, sample_idx: 0, seed: 0, temperature: 0.0, top_p: 1.0, max_tokens: MAX_TOKENS }
    }
}

/// The last number of a reply, where it is from 0 to 10, over 10.
fn grade_in(reply: &str) -> Option<f64> {
    let after_thinking = reply.rsplit("</think>").next().unwrap_or(reply);
    let numbers = after_thinking.split(|c: char| !c.is_ascii_digit() && c != '.');
    let last = numbers.filter_map(|text| text.trim_matches('.').parse::<f64>().ok()).next_back()?;
    (0.0..=10.0).contains(&last).then_some(last / 10.0)
}
