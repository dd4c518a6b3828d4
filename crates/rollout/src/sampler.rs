//! Many prompts, some samples each, through an engine in memory.
//!
//! A sample is a function of (model, prompt, settings, its seed), and its seed of (seed, problem, sample): whatever is
//! sampled beside it, in whatever order, it is the same. Samples of a prompt follow each other into the engine, so that
//! the prompt is computed once.

use engine::{Completion, Engine, Event, Request, RequestError, SamplingParams, Token};
use engine::{FinishReason, ThinkingParams};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

#[cfg(test)]
mod tests;

/// Requests that wait for a place, so that one that becomes free is filled at once.
const MAX_WAITING: usize = 64;

/// One prompt to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Tells problems apart in [`sample_seed`]; a hash of the problem's id serves, so that a problem has the same samples
    /// in every list.
    pub key: u64,
    /// The prompt's tokens.
    pub prompt: Vec<u32>,
    /// Which of its samples are wanted: `0..k`, or what an interrupted run still lacks.
    pub samples: std::ops::Range<u64>,
    /// Whether the prompt ends inside an open thinking block.
    pub in_thinking: bool,
}

/// How samples are drawn.
#[derive(Clone, Debug)]
pub struct SamplerOptions {
    /// Temperature and filters; the seed in it is the run's.
    pub sampling: SamplingParams,
    /// Most tokens of a completion; the room that the context leaves bounds it too.
    pub max_tokens: usize,
    /// Tokens that end a completion.
    pub stop_tokens: Vec<u32>,
    /// Control of thinking; whether it is open is each question's. `None`: the model does as it likes.
    pub thinking: Option<ThinkingParams>,
}

/// A finished sample.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// Index of the question.
    pub question_idx: usize,
    /// Number of the sample of that question.
    pub sample_idx: u64,
    /// Tokens with their log-probabilities, the stop token included.
    pub completion: Completion,
}

impl Sampled {
    /// The ids.
    pub fn token_ids(&self) -> Vec<u32> {
        self.completion.tokens.iter().map(|token| token.id).collect()
    }

    /// Whether the model ended it, so that it is not cut.
    pub fn is_finished(&self) -> bool {
        self.completion.finished.reason == FinishReason::Stop
    }
}

/// The seed of one sample.
pub fn sample_seed(seed: u64, key: u64, sample_idx: u64) -> u64 {
    tasks::Rng::stream(&[0x0073_616d_706c_6573, seed, key, sample_idx]).next_u64()
}

/// Samples every question; `on_sample` sees each as it ends, and may stop the whole. The order of the calls depends on the
/// lengths of the samples, nothing else does. What was in progress when it stopped is forgotten.
///
/// # Errors
/// A question that the engine refuses: a prompt that is empty or fills the context, settings out of range. All are
/// checked before the first is sampled.
///
/// # Panics
/// When the engine is not idle.
pub fn sample(
    engine: &mut Engine,
    questions: &[Question],
    options: &SamplerOptions,
    mut on_sample: impl FnMut(Sampled) -> ControlFlow<()>,
) -> Result<(), RequestError> {
    let (vocab_size, context) = (engine.model_mut().vocab_size(), engine.context());
    for question in questions {
        request(question, 0, options).validate(vocab_size, context)?;
    }
    let mut waiting = questions
        .iter()
        .enumerate()
        .flat_map(|(question_idx, question)| question.samples.clone().map(move |sample_idx| (question_idx, sample_idx)))
        .peekable();
    let mut running = BTreeMap::new();
    while waiting.peek().is_some() || !running.is_empty() {
        while engine.scheduler().n_waiting() < MAX_WAITING {
            let Some((question_idx, sample_idx)) = waiting.next() else { break };
            let id = engine.add(request(&questions[question_idx], sample_idx, options))?;
            running.insert(id, (question_idx, sample_idx, Vec::<Token>::new()));
        }
        for (id, event) in engine.step() {
            match event {
                Event::Logprobs(_) => {}
                Event::Token(token) => {
                    if let Some((_, _, tokens)) = running.get_mut(&id) {
                        tokens.push(token);
                    }
                }
                Event::Finished(finished) => {
                    let Some((question_idx, sample_idx, tokens)) = running.remove(&id) else { continue };
                    let completion = Completion { tokens, finished };
                    if on_sample(Sampled { question_idx, sample_idx, completion }).is_break() {
                        running.keys().for_each(|id| drop(engine.finish(*id, FinishReason::Cancelled)));
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

fn request(question: &Question, sample_idx: u64, options: &SamplerOptions) -> Request {
    let seed = sample_seed(options.sampling.seed, question.key, sample_idx);
    let thinking = options.thinking.clone();
    Request {
        prompt: question.prompt.clone(),
        max_tokens: options.max_tokens,
        stop_tokens: options.stop_tokens.clone(),
        sampling: SamplingParams { seed, ..options.sampling.clone() },
        thinking: thinking.map(|thinking| ThinkingParams { open: question.in_thinking, ..thinking }),
        ..Request::default()
    }
}
