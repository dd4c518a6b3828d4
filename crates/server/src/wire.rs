//! The JSON of requests, read strictly: what cannot be honoured is refused by name, so nobody wonders why a setting has no
//! effect.
//!
//! Three kinds of fields have no effect and are still accepted: those that only label a request ([`LABELS`]), those set to
//! the value that changes nothing ([`NEUTRAL`]), and null. Everything else that is not listed here is an error, as at
//! OpenAI. [`ChatRequest`] is what all dialects of chat become.

pub mod anthropic;
pub mod completions;
pub mod fields;
pub mod messages;
pub mod responses;
pub mod sampling;
pub mod thinking;
pub mod tools;

use engine::ThinkingWish;
use serde_json::{Map, Value};

use crate::config::ChatMessage;
use crate::error::ApiError;
use fields::Fields;
use sampling::SamplingWish;
use tools::{Form, ToolsWish};

#[cfg(test)]
mod tests;

/// Fields that describe the caller or the request and change nothing in the answer.
pub const LABELS: &[&str] = &[
    "user",
    "user_id",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "cache_prompt",
    // A guess at the answer, to be quicker where it is right.
    "prediction",
    // llama.cpp's wish for timings in every event; here they come with the last.
    "timings_per_token",
];

/// Fields this server does not implement, with the values that ask for nothing.
const NEUTRAL: &[(&str, &[&str])] = &[
    ("functions", &["[]"]),
    ("function_call", &["\"none\"", "\"auto\""]),
    ("modalities", &["[\"text\"]"]),
    ("best_of", &["1"]),
    ("echo", &["false"]),
    ("include_reasoning", &["true"]),
    ("separate_reasoning", &["true"]),
];

/// The names that may stand in a request's body.
pub struct Names {
    /// Of what is honoured.
    pub known: Vec<&'static str>,
    /// Of what changes nothing in the answer.
    pub labels: Vec<&'static str>,
    /// Of what this server does not implement, with the values that ask for nothing.
    pub neutral: &'static [(&'static str, &'static [&'static str])],
}

impl Names {
    /// Of a body that holds nothing else.
    pub fn only(known: &[&'static str]) -> Self {
        Self { known: known.to_vec(), labels: Vec::new(), neutral: &[] }
    }
}

/// Most alternatives that are reported for a token.
pub const MAX_TOP_LOGPROBS: usize = 20;

/// A chat request, checked for form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    pub model: Option<String>,
    pub messages: Vec<ChatMessage>,
    /// The last message is the beginning of the answer.
    pub continues: bool,
    pub stream: bool,
    pub include_usage: bool,
    pub sampling: SamplingWish,
    pub max_tokens: Option<usize>,
    pub n: usize,
    pub stop: Vec<String>,
    pub thinking: ThinkingWish,
    /// Template variables other than the switch for thinking.
    pub template_variables: Map<String, Value>,
    pub tools: ToolsWish,
    /// What the answer must be like.
    pub format: Option<Form>,
    /// Report log-probabilities, with this many alternatives.
    pub logprobs: Option<usize>,
    /// Keep what was thought to yourself, as Anthropic's clients may ask.
    pub omits_thinking: bool,
}

impl ChatRequest {
    /// Reads the body of a chat completion.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::of_body(body)?;
        let (messages, continues) = messages::read(&mut fields)?;
        let (thinking, template_variables) = thinking::take(&mut fields)?;
        let (stream, include_usage) = sampling::stream_options(&mut fields)?;
        let request = Self {
            model: fields.take("model", "a string")?,
            messages,
            continues,
            stream,
            include_usage,
            sampling: SamplingWish::take(&mut fields)?,
            max_tokens: sampling::max_tokens(&mut fields)?,
            n: sampling::n_completions(&mut fields)?,
            stop: sampling::stop_strings(&mut fields, "stop")?,
            thinking,
            template_variables,
            tools: ToolsWish::take(&mut fields)?,
            format: tools::take_format(&mut fields)?,
            logprobs: logprobs(&mut fields)?,
            omits_thinking: false,
        };
        check_verbosity(&mut fields)?;
        check_metadata(&fields)?;
        fields.refuse_the_rest(&names())?;
        Ok(request)
    }
}

/// In how many dialects `body` is a request; what fuzzing calls.
pub fn count_dialects(body: &[u8]) -> usize {
    let read = [
        ChatRequest::parse(body).is_ok(),
        completions::CompletionRequest::parse(body).is_ok(),
        responses::parse(body).is_ok(),
        anthropic::parse(body, false).is_ok(),
        anthropic::parse(body, true).is_ok(),
    ];
    read.into_iter().filter(|ok| *ok).count()
}

/// What a chat completion may hold.
pub fn names() -> Names {
    let own = [
        "model",
        "messages",
        "continue_final_message",
        "add_generation_prompt",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "logprobs",
        "top_logprobs",
        "verbosity",
    ];
    let known = [&own[..], &tools::FORMAT_FIELDS, &sampling::SAMPLING_FIELDS, &thinking::THINKING_FIELDS].concat();
    Names { known, labels: LABELS.to_vec(), neutral: NEUTRAL }
}

/// `verbosity`, which changes nothing: answers are as long as the model has learned.
fn check_verbosity(fields: &mut Fields) -> Result<(), ApiError> {
    let expected = "low, medium or high";
    match fields.take::<String>("verbosity", expected)? {
        Some(word) if !["low", "medium", "high"].contains(&word.as_str()) => {
            Err(fields.refuse("verbosity", format!("is \"{word}\", but must be {expected}")))
        }
        _ => Ok(()),
    }
}

/// `metadata`, as it may be at OpenAI and Anthropic.
fn check_metadata(fields: &Fields) -> Result<(), ApiError> {
    let is_text = |(_, value): (&String, &Value)| value.is_string() || value.is_null();
    match fields.map.get("metadata") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(map)) if map.iter().all(is_text) => Ok(()),
        Some(_) => Err(fields.refuse("metadata", "must be an object whose values are strings")),
    }
}

/// `logprobs` and `top_logprobs`.
fn logprobs(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let on = fields.take("logprobs", "true or false")?.unwrap_or(false);
    let n_top = fields.take::<usize>("top_logprobs", "a whole number from 0 to 20")?;
    match n_top {
        Some(n) if n > MAX_TOP_LOGPROBS => {
            Err(fields.refuse("top_logprobs", format!("is {n}, but must be from 0 to {MAX_TOP_LOGPROBS}")))
        }
        Some(n) if n > 0 && !on => Err(fields.refuse("top_logprobs", "needs `logprobs` to be true")),
        n_top => Ok(on.then_some(n_top.unwrap_or(0))),
    }
}
