//! From a chat request to engine requests: renders the prompt, fills in the model's defaults, decides how much may be
//! thought.
//!
//! `max_tokens` bounds thinking and answer together. Without it, a completion may fill the context, and thinking is closed
//! in time to leave room for an answer. With it and without a budget, the model decides, and a completion may end in the
//! middle of its thinking (`finish_reason: length`, `thinking_stop_reason: length`), as OpenAI's does.

use engine::{Request, SamplingParams, Split, ThinkingParams, sampler};

use crate::config::{PromptOptions, ServedModel};
use crate::error::ApiError;
use crate::wire::ChatRequest;

#[cfg(test)]
mod tests;

/// What one chat request asks of the engine.
pub struct Job {
    /// One for each of `n`.
    pub requests: Vec<Request>,
    /// How its thinking is recognised.
    pub split: Split,
    /// Whether the answer begins with thinking.
    pub in_thinking: bool,
}

/// Renders and encodes the prompt and settles every parameter. Takes time in proportion to the prompt.
pub fn prepare(model: &ServedModel, chat: &ChatRequest) -> Result<Job, ApiError> {
    let options = PromptOptions { thinking: chat.thinking.switch(), variables: chat.template_variables.clone() };
    let prompt =
        model.format.prompt(&chat.messages, &options).map_err(|e| ApiError::invalid("messages", e.to_string()))?;
    let room = model.engine.context().saturating_sub(prompt.tokens.len());
    let max_tokens = chat.max_tokens.unwrap_or(room).min(room);
    let thinking = thinking_params(model, chat, max_tokens, prompt.in_thinking)?;
    let split = match thinking {
        Some(_) => Split::ByToken,
        None => Split::ByText { opened_by_prompt: prompt.in_thinking },
    };
    let sampling = sampling_params(model, chat)?;
    let request = Request {
        prompt: prompt.tokens,
        // A prompt that leaves no room is refused by the engine, with the figures.
        max_tokens: max_tokens.max(1),
        stop_tokens: model.format.stop_tokens(),
        sampling,
        thinking,
        ..Request::default()
    };
    let with_seed = |idx| {
        let seed = sampler::derive_seed(request.sampling.seed, idx);
        Request { sampling: SamplingParams { seed, ..request.sampling.clone() }, ..request.clone() }
    };
    Ok(Job { requests: (0..chat.n as u64).map(with_seed).collect(), split, in_thinking: prompt.in_thinking })
}

fn sampling_params(model: &ServedModel, chat: &ChatRequest) -> Result<SamplingParams, ApiError> {
    let default = &model.sampling;
    let seed = match chat.seed {
        Some(seed) => seed,
        None => random_u64()?,
    };
    Ok(SamplingParams {
        temperature: chat.temperature.unwrap_or(default.temperature),
        top_k: chat.top_k.unwrap_or(default.top_k),
        top_p: chat.top_p.unwrap_or(default.top_p),
        min_p: chat.min_p.unwrap_or(default.min_p),
        seed,
        ..default.clone()
    })
}

fn thinking_params(
    model: &ServedModel,
    chat: &ChatRequest,
    max_tokens: usize,
    open: bool,
) -> Result<Option<ThinkingParams>, ApiError> {
    let Some(tags) = model.format.think_tags() else {
        if !chat.thinking.needs_tags() {
            return Ok(None);
        }
        let message =
            "this model's thinking tags are not single tokens, so its thinking cannot be bounded: remove the budget";
        return Err(ApiError::invalid("thinking", message));
    };
    Ok(Some(chat.thinking.params(&tags, open, max_tokens, chat.max_tokens.is_some())))
}

/// A number from the system's random source.
pub fn random_u64() -> Result<u64, ApiError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the system's random source failed ({error}); give a `seed`");
        ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "no_randomness", message)
    })?;
    Ok(u64::from_le_bytes(bytes))
}
