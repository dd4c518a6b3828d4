//! The JSON of answers: OpenAI's objects with DeepSeek's fields, and llama.cpp's `timings`, which many clients read.

use std::time::Duration;

use engine::{Timings, ToolCall, Usage};
use serde::Serialize;

use crate::completion::TokenReport;
use crate::config::ChatFormat;

/// The version that answers.
pub const FINGERPRINT: &str = concat!("penseur-", env!("CARGO_PKG_VERSION"));

/// A number as it is written, and not as its bits are: a JSON value is a double, in which 0.95 would be 0.949999988079071.
pub fn as_written(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

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
    pub logprobs: Option<LogprobsJson>,
    pub finish_reason: &'static str,
    /// `natural`, `budget`, `loop`, `user`, `length`, or null without thinking.
    pub thinking_stop_reason: Option<&'static str>,
}

/// What the assistant says.
#[derive(Debug, Serialize)]
pub struct AssistantMessage {
    pub role: &'static str,
    pub content: String,
    /// DeepSeek's name for the thinking; absent when it was off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The same under the name of vLLM, Ollama and OpenRouter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallJson>,
}

/// A call of a tool.
#[derive(Clone, Debug, Serialize)]
pub struct ToolCallJson {
    pub index: usize,
    pub id: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub function: FunctionJson,
}

/// Name and arguments, the latter a string that holds JSON.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionJson {
    pub name: String,
    pub arguments: String,
}

impl ToolCallJson {
    pub fn new(index: usize, id: String, call: ToolCall) -> Self {
        Self { index, id, kind: "function", function: FunctionJson { name: call.name, arguments: call.arguments } }
    }
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
    pub logprobs: Option<LogprobsJson>,
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
    /// The thinking once more, under its other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CallDelta>,
}

impl DeltaJson {
    /// A piece of thinking.
    pub fn reasoning(text: String) -> Self {
        Self { reasoning: Some(text.clone()), reasoning_content: Some(text), ..Self::default() }
    }
}

/// A piece of a call.
#[derive(Debug, Serialize)]
pub struct CallDelta {
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    pub function: FunctionDelta,
}

/// A piece of its name or arguments.
#[derive(Debug, Serialize)]
pub struct FunctionDelta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub arguments: String,
}

impl CallDelta {
    /// A call in two pieces: its name, its arguments.
    pub fn pieces(index: usize, id: String, call: ToolCall) -> [Self; 2] {
        let begin = FunctionDelta { name: Some(call.name), arguments: String::new() };
        let arguments = FunctionDelta { name: None, arguments: call.arguments };
        [
            Self { index, id: Some(id), kind: Some("function"), function: begin },
            Self { index, id: None, kind: None, function: arguments },
        ]
    }
}

/// What the model thought of the tokens of an answer, and of its thinking apart, as DeepSeek has it.
#[derive(Debug, Serialize)]
pub struct LogprobsJson {
    pub content: Option<Vec<TokenLogprobJson>>,
    pub reasoning_content: Option<Vec<TokenLogprobJson>>,
    pub refusal: Option<()>,
}

/// One token and its alternatives.
#[derive(Debug, Serialize)]
pub struct TokenLogprobJson {
    #[serde(flatten)]
    pub token: AlternativeJson,
    pub top_logprobs: Vec<AlternativeJson>,
}

/// A token with its log-probability.
#[derive(Debug, Serialize)]
pub struct AlternativeJson {
    /// Its text, with U+FFFD where its bytes are not UTF-8 by themselves.
    pub token: String,
    /// Its id in the vocabulary.
    pub id: u32,
    pub logprob: f32,
    pub bytes: Vec<u8>,
}

impl AlternativeJson {
    pub fn of(id: u32, logprob: f32, format: &dyn ChatFormat) -> Self {
        let bytes = format.token_bytes(id);
        // JSON has no minus infinity; OpenAI writes this in its place.
        let logprob = logprob.max(-9999.0);
        Self { token: String::from_utf8_lossy(&bytes).into_owned(), id, logprob, bytes }
    }
}

impl LogprobsJson {
    /// `None` where no token was reported.
    pub fn of(reports: &[TokenReport], format: &dyn ChatFormat) -> Option<Self> {
        if reports.is_empty() {
            return None;
        }
        let one = |report: &TokenReport| TokenLogprobJson {
            token: AlternativeJson::of(report.token.id, report.logprobs.logprob, format),
            top_logprobs: report.logprobs.top.iter().map(|&(id, lp)| AlternativeJson::of(id, lp, format)).collect(),
        };
        let of_kind = |thinking: bool| {
            let all: Vec<_> = reports.iter().filter(|r| r.is_thinking() == thinking).map(one).collect();
            (!all.is_empty()).then_some(all)
        };
        Some(Self { content: of_kind(false), reasoning_content: of_kind(true), refusal: None })
    }
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
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        let n_cached = self.prompt_cache_hit_tokens + other.prompt_cache_hit_tokens;
        let n_reasoning =
            self.completion_tokens_details.reasoning_tokens + other.completion_tokens_details.reasoning_tokens;
        Self {
            prompt_tokens: self.prompt_tokens + other.prompt_tokens,
            completion_tokens: self.completion_tokens + other.completion_tokens,
            total_tokens: self.total_tokens + other.total_tokens,
            prompt_tokens_details: PromptTokensDetails { cached_tokens: n_cached },
            completion_tokens_details: CompletionTokensDetails { reasoning_tokens: n_reasoning },
            prompt_cache_hit_tokens: n_cached,
            prompt_cache_miss_tokens: self.prompt_cache_miss_tokens + other.prompt_cache_miss_tokens,
        }
    }

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
#[derive(Clone, Copy, Debug, Default, Serialize)]
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
    /// Of the slowest of several completions, which are computed together.
    pub fn of_slowest<'a>(all: impl IntoIterator<Item = (&'a Usage, &'a Timings)>) -> Option<Self> {
        let slowest = all.into_iter().max_by_key(|(_, timings)| timings.decode);
        slowest.map(|(usage, timings)| Self::of(usage, timings))
    }

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
