//! A question as OpenAI's JSON, and the answer out of it in the dialects that there are.

use super::EndpointConfig;
use super::budget::Prices;
use crate::completion::Parts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The `finish_reason` of a question that the endpoint would not answer (a filter, a prompt that is too long).
pub const REFUSED: &str = "refused";

/// Most characters of an error that are shown.
const MAX_EXCERPT: usize = 400;

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Role and content of each message.
    pub messages: Vec<(String, String)>,
    /// Number of the sample of this problem.
    pub sample_idx: u64,
    /// Sent along; most endpoints promise little for it.
    pub seed: u64,
    /// 0 for the most probable token.
    pub temperature: f64,
    /// Nucleus.
    pub top_p: f64,
    /// Most tokens of the answer, thinking included.
    pub max_tokens: usize,
}

impl Job {
    /// The request's JSON.
    pub(super) fn body(&self, config: &EndpointConfig) -> String {
        let messages: Vec<Value> =
            self.messages.iter().map(|(role, content)| json!({ "role": role, "content": content })).collect();
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(config.model));
        body.insert("messages".to_owned(), messages.into());
        body.insert("max_tokens".to_owned(), json!(self.max_tokens));
        body.insert("temperature".to_owned(), json!(self.temperature));
        body.insert("top_p".to_owned(), json!(self.top_p));
        // Some servers read it as a signed 32-bit number.
        body.insert("seed".to_owned(), json!(self.seed & 0x7fff_ffff));
        body.insert("stream".to_owned(), json!(false));
        for (key, value) in &config.extra {
            match value {
                Value::Null => drop(body.remove(key)),
                value => drop(body.insert(key.clone(), value.clone())),
            }
        }
        Value::Object(body).to_string()
    }

    /// What the question is known by: its whole request, and which sample of it this is.
    pub(super) fn key(&self, body: &str) -> String {
        format!("{:016x}-{}", tasks::split::stable_hash(body), self.sample_idx)
    }
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The thinking where the endpoint gives it apart.
    pub reasoning: String,
    /// The text of the answer; it may hold the thinking in tags.
    pub content: String,
    /// OpenAI's word for the end, or [`REFUSED`].
    pub finish_reason: String,
    /// Tokens of the prompt, as the endpoint counted them.
    pub n_prompt: Option<u64>,
    /// Tokens of the answer, thinking included.
    pub n_completion: Option<u64>,
    /// Of these, thinking, where it says.
    pub n_reasoning: Option<u64>,
    /// From the request to the whole answer.
    pub seconds: f64,
    /// What it cost by the given prices.
    pub dollars: f64,
}

impl Answer {
    /// For a question that got none.
    pub(super) fn refused(reason: &str) -> Answer {
        Answer {
            reasoning: String::new(),
            content: reason.to_owned(),
            finish_reason: REFUSED.to_owned(),
            n_prompt: None,
            n_completion: None,
            n_reasoning: None,
            seconds: 0.0,
            dollars: 0.0,
        }
    }

    /// Thinking and answer: from their own fields, or by the tags. A closing tag without an opening one stems from a
    /// template that opens the block in the prompt.
    pub fn parts(&self) -> Parts {
        if !self.reasoning.trim().is_empty() {
            return Parts::from_fields(&self.reasoning, &self.content);
        }
        let opened_by_prompt = self.content.contains("</think>") && !self.content.trim_start().starts_with("<think>");
        Parts::from_text(&self.content, opened_by_prompt)
    }

    /// Whether the model ended it.
    pub fn is_finished(&self) -> bool {
        self.finish_reason == "stop"
    }
}

#[derive(Deserialize)]
pub(super) struct Reply {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: ReplyMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct ReplyMessage {
    content: Option<String>,
    /// DeepSeek's and vLLM's name.
    reasoning_content: Option<String>,
    /// OpenRouter's and newer vLLM's.
    reasoning: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl Reply {
    /// Reads a body; says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Reply, String> {
        let reply: Reply =
            serde_json::from_str(text).map_err(|e| format!("not a chat completion ({e}): {}", excerpt(text)))?;
        if reply.choices.is_empty() {
            return Err(format!("a chat completion without choices: {}", excerpt(text)));
        }
        Ok(reply)
    }

    pub(super) fn into_answer(mut self, job: &Job, prices: &Prices, seconds: f64) -> Answer {
        let Choice { message, finish_reason } = self.choices.swap_remove(0);
        let reasoning = message.reasoning_content.or(message.reasoning).unwrap_or_default();
        let content = message.content.unwrap_or_default();
        let usage = self.usage;
        let n_prompt = usage.as_ref().and_then(|u| u.prompt_tokens);
        let n_completion = usage.as_ref().and_then(|u| u.completion_tokens);
        let n_reasoning = usage.and_then(|u| u.completion_tokens_details).and_then(|d| d.reasoning_tokens);
        // An endpoint that does not count is charged by bytes, of which no token has fewer than one.
        let dollars = match (n_prompt, n_completion) {
            (Some(n_prompt), Some(n_completion)) => prices.dollars(n_prompt, n_completion),
            _ => prices
                .at_most(job)
                .min(prices.at_most(&Job { max_tokens: reasoning.len() + content.len(), ..job.clone() })),
        };
        let finish_reason = finish_reason.unwrap_or_else(|| "stop".to_owned());
        Answer { reasoning, content, finish_reason, n_prompt, n_completion, n_reasoning, seconds, dollars }
    }
}

/// The wait that a server asks for, in seconds or milliseconds. A date is passed over: the usual waits serve.
pub(super) fn retry_after(headers: &ureq::http::HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1e3).or_else(|| number("retry-after"))?;
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(1e6)))
}

/// The beginning of a text, on one line.
pub(super) fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_EXCERPT).collect()
}
