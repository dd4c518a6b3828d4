//! The problems of a step: drawn from the recipe's tasks by the curriculum's weights, and put into tokens.

use super::curriculum::Curriculum;
use crate::data::{Codec, problem_mixture};
use crate::error::{Result, TrainError};
use crate::recipe::{CurriculumSpec, StageRecipe};
use rollout::prompt::Asking;
use std::sync::Arc;
use tasks::{Example, Options, Rng, Split, Task};

/// First number of this module's random streams.
const STREAM: u64 = 0x6772_706f_5f70_726f;

/// Draws of a problem before its prompt is called too long for the model.
const MAX_DRAWS: u64 = 64;

/// A problem, asked.
#[derive(Clone)]
pub struct Problem {
    /// Its entry in the curriculum.
    pub entry: usize,
    /// Where it comes from.
    pub task: Arc<dyn Task>,
    /// What is asked.
    pub example: Example,
    /// The prompt's tokens.
    pub prompt: Vec<u32>,
    /// Whether the prompt ends inside an open thinking block.
    pub in_thinking: bool,
}

struct Entry {
    task: Arc<dyn Task>,
    difficulty: u8,
    options: Options,
    thinks: bool,
    weight: f64,
}

/// All tasks of a stage.
pub struct Prompts {
    entries: Vec<Entry>,
    seed: u64,
    max_prompt: usize,
    codec: Arc<Codec>,
}

impl Prompts {
    /// Looks the stage's tasks up.
    ///
    /// # Errors
    /// Unknown tasks.
    pub fn new(stage: &StageRecipe, codec: &Arc<Codec>) -> Result<Prompts> {
        let mut entries = Vec::new();
        for source in &stage.data.source {
            let mixture = problem_mixture(source)?;
            let total: f64 = mixture.entries().map(|(_, weight, _)| weight).sum();
            entries.extend(mixture.entries().map(|(task, weight, difficulty)| Entry {
                task: Arc::clone(task),
                difficulty,
                options: *mixture.options(),
                thinks: source.think > 0.0,
                weight: source.weight * weight / total,
            }));
        }
        let max_new_tokens = stage.grpo.as_ref().map_or(0, |grpo| grpo.max_new_tokens);
        let max_prompt = stage.train.seq_len - max_new_tokens;
        Ok(Prompts { entries, seed: stage.seed, max_prompt, codec: Arc::clone(codec) })
    }

    /// Tasks at their difficulties.
    pub fn n_entries(&self) -> usize {
        self.entries.len()
    }

    /// Problem `idx` of a step: a function of its arguments.
    ///
    /// # Errors
    /// Prompts that leave no room for an answer of `grpo.max_new_tokens` within `train.seq_len`.
    pub fn draw(&self, spec: &CurriculumSpec, curriculum: &Curriculum, step: u64, idx: u64) -> Result<Problem> {
        let base: Vec<f64> = self.entries.iter().map(|entry| entry.weight).collect();
        let weights = curriculum.weights(spec, &base);
        let mut longest = 0;
        for attempt in 0..MAX_DRAWS {
            let mut rng = Rng::stream(&[STREAM, self.seed, step, idx, attempt]);
            let at = choose(&weights, rng.unit());
            let entry = &self.entries[at];
            let example = entry.task.generate(&mut rng, entry.difficulty, Split::Train, &entry.options);
            let asking = Asking { thinking: Some(entry.thinks), system: None };
            let prompt = asking.encode(&self.codec.template, &self.codec.tokenizer, &example.prompt);
            let prompt = prompt.map_err(|e| TrainError::Run(format!("the chat template: {e}")))?;
            if prompt.tokens.len() <= self.max_prompt {
                let (task, in_thinking) = (Arc::clone(&entry.task), prompt.in_thinking);
                return Ok(Problem { entry: at, task, example, prompt: prompt.tokens, in_thinking });
            }
            longest = longest.max(prompt.tokens.len());
        }
        Err(TrainError::Run(format!(
            "{MAX_DRAWS} problems in a row have prompts over {} tokens (the last up to {longest}): raise train.seq_len or \
             lower grpo.max_new_tokens",
            self.max_prompt
        )))
    }
}

/// The entry at `unit` (from 0 to below 1) of the weights' sum.
fn choose(weights: &[f64], unit: f64) -> usize {
    let mut rest = unit * weights.iter().sum::<f64>();
    let chosen = weights.iter().position(|weight| {
        rest -= weight;
        rest < 0.0
    });
    chosen.unwrap_or(weights.len() - 1)
}
