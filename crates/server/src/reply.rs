//! The JSON of answers: OpenAI's objects with DeepSeek's fields, and llama.cpp's `timings`, which many clients read.

use std::time::Duration;

use engine::{Timings, Usage};
use serde::Serialize;

/// What all parts of one answer have in common.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    pub id: String,
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    pub system_fingerprint: &'static str,
}

/// A whole answer.
#[derive(Debug, Serialize)]
pub struct Reply {
    #[serde(flatten)]
    pub head: Head,
    pub choices: Vec<WholeChoice>,
    pub usage: UsageJson,
    pub timings: TimingsJson,
}

/// One of its `n` completions.
#[derive(Debug, Serialize)]
pub struct WholeChoice {
    pub index: usize,
    pub message: AssistantMessage,
    pub logprobs: Option<()>,
    pub finish_reason: &'static str,
    /// `natural`, `budget`, `loop`, `user`, `length`, or null without thinking.
    pub thinking_stop_reason: Option<&'static str>,
}

/// What the assistant says.
#[derive(Debug, Serialize)]
pub struct AssistantMessage {
    pub role: &'static str,
    pub content: String,
    /// Absent when thinking was off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
}

/// One event of a stream.
#[derive(Debug, Serialize)]
pub struct Chunk<'a> {
    #[serde(flatten)]
    pub head: &'a Head,
    /// One, or none in the chunk that carries the usage alone.
    pub choices: Vec<ChunkChoice>,
    pub usage: Option<UsageJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timings: Option<TimingsJson>,
}

/// A piece of one completion.
#[derive(Debug, Default, Serialize)]
pub struct ChunkChoice {
    pub index: usize,
    pub delta: DeltaJson,
    pub logprobs: Option<()>,
    pub finish_reason: Option<&'static str>,
    /// In the last piece only, null there without thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_stop_reason: Option<Option<&'static str>>,
}

/// New text.
#[derive(Debug, Default, Serialize)]
pub struct DeltaJson {
    /// In the first piece only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    pub content: Option<String>,
    pub reasoning_content: Option<String>,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UsageJson {
    pub prompt_tokens: usize,
    pub completion_tokens: usize,
    pub total_tokens: usize,
    pub prompt_tokens_details: PromptTokensDetails,
    pub completion_tokens_details: CompletionTokensDetails,
    pub prompt_cache_hit_tokens: usize,
    pub prompt_cache_miss_tokens: usize,
}

/// OpenAI's name for cache hits.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PromptTokensDetails {
    pub cached_tokens: usize,
}

/// What part of the completion was thinking (its tags included).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CompletionTokensDetails {
    pub reasoning_tokens: usize,
}

impl UsageJson {
    /// Sums the completions of one request, whose prompt counts once.
    pub fn of(usages: &[Usage]) -> Self {
        let n_prompt = usages.first().map_or(0, |u| u.n_prompt);
        let n_cached = usages.first().map_or(0, |u| u.n_cached);
        let completion_tokens = usages.iter().map(|u| u.n_completion).sum();
        Self {
            prompt_tokens: n_prompt,
            completion_tokens,
            total_tokens: n_prompt + completion_tokens,
            prompt_tokens_details: PromptTokensDetails { cached_tokens: n_cached },
            completion_tokens_details: CompletionTokensDetails {
                reasoning_tokens: usages.iter().map(|u| u.n_reasoning).sum(),
            },
            prompt_cache_hit_tokens: n_cached,
            prompt_cache_miss_tokens: n_prompt - n_cached,
        }
    }
}

/// Where the time went; llama.cpp's names.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TimingsJson {
    /// Prompt tokens found in the cache.
    pub cache_n: usize,
    /// Prompt tokens computed.
    pub prompt_n: usize,
    pub prompt_ms: f64,
    pub prompt_per_second: f64,
    pub predicted_n: usize,
    pub predicted_ms: f64,
    pub predicted_per_second: f64,
    /// Time spent waiting for a place.
    pub queued_ms: f64,
}

impl TimingsJson {
    /// Of one completion. Rates are 0 where no time was measured.
    pub fn of(usage: &Usage, timings: &Timings) -> Self {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let rate = |n: usize, time: Duration| if time.is_zero() { 0.0 } else { n as f64 / time.as_secs_f64() };
        let prompt_n = usage.n_prompt - usage.n_cached;
        Self {
            cache_n: usage.n_cached,
            prompt_n,
            prompt_ms: ms(timings.prefill),
            prompt_per_second: rate(prompt_n, timings.prefill),
            predicted_n: usage.n_completion,
            predicted_ms: ms(timings.decode),
            // The first token is the prefill's.
            predicted_per_second: rate(usage.n_completion.saturating_sub(1), timings.decode),
            queued_ms: ms(timings.queued),
        }
    }
}
