//! The JSON of `/v1/completions`: a text or token ids to go on from, without a chat template.

use serde_json::Value;

use super::fields::Fields;
use super::sampling::{self, SAMPLING_FIELDS, SamplingWish};
use super::{LABELS, MAX_TOP_LOGPROBS, Names, tools};
use crate::error::ApiError;

/// Tokens of an answer where the request does not say, as at OpenAI.
const DEFAULT_MAX_TOKENS: usize = 16;

/// What to go on from.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptWish {
    Text(String),
    Tokens(Vec<u32>),
}

/// A completion request, checked for form.
#[derive(Clone, Debug, PartialEq)]
pub struct CompletionRequest {
    pub model: Option<String>,
    /// At least one.
    pub prompts: Vec<PromptWish>,
    /// The text that follows what is to be written (FIM).
    pub suffix: Option<String>,
    pub echo: bool,
    pub stream: bool,
    pub include_usage: bool,
    pub sampling: SamplingWish,
    /// 0 only with `echo`.
    pub max_tokens: usize,
    pub n: usize,
    pub stop: Vec<String>,
    pub format: Option<tools::Form>,
    pub logprobs: Option<usize>,
}

impl CompletionRequest {
    /// Reads the body of a completion.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::of_body(body)?;
        let (stream, include_usage) = sampling::stream_options(&mut fields)?;
        let echo = fields.take("echo", "true or false")?.unwrap_or(false);
        let request = Self {
            model: fields.take("model", "a string")?,
            prompts: read_prompts(&mut fields)?,
            suffix: fields.take::<String>("suffix", "a string")?.filter(|suffix| !suffix.is_empty()),
            echo,
            stream,
            include_usage,
            sampling: SamplingWish::take(&mut fields)?,
            max_tokens: max_tokens(&mut fields, echo)?,
            n: sampling::n_completions(&mut fields)?,
            stop: sampling::stop_strings(&mut fields, "stop")?,
            format: tools::take_format(&mut fields)?,
            logprobs: logprobs(&mut fields)?,
        };
        if request.echo && (request.stream || request.suffix.is_some()) {
            return Err(fields.refuse("echo", "does not go with `stream` or `suffix`"));
        }
        if request.suffix.is_some() && request.prompts.iter().any(|p| matches!(p, PromptWish::Tokens(_))) {
            return Err(fields.refuse("suffix", "goes with a prompt of text, not of token ids"));
        }
        let best_of = fields.take::<usize>("best_of", "a whole number")?;
        if best_of.is_some_and(|best_of| best_of != request.n) {
            return Err(fields.refuse("best_of", "is not supported unless it is `n`: remove it"));
        }
        super::check_metadata(&fields)?;
        fields.refuse_the_rest(&names())?;
        Ok(request)
    }
}

/// What a completion may hold.
pub fn names() -> Names {
    let own = [
        "model",
        "prompt",
        "suffix",
        "echo",
        "stream",
        "stream_options",
        "max_tokens",
        "n",
        "best_of",
        "stop",
        "logprobs",
    ];
    let known = [&own[..], &tools::FORMAT_FIELDS, &SAMPLING_FIELDS].concat();
    Names { known, labels: LABELS.to_vec(), neutral: &[] }
}

fn max_tokens(fields: &mut Fields, echo: bool) -> Result<usize, ApiError> {
    let n = match fields.take::<i64>("max_tokens", "a whole number, or -1 for no limit")? {
        None => DEFAULT_MAX_TOKENS,
        // The context's end is the limit.
        Some(-1) => usize::MAX,
        Some(n) => usize::try_from(n).map_err(|_| {
            fields.refuse("max_tokens", format!("is {n}, but must be a whole number, or -1 for no limit"))
        })?,
    };
    if n == 0 && !echo {
        return Err(fields.refuse("max_tokens", "is 0, but must be at least 1 where `echo` is not set"));
    }
    Ok(n)
}

fn logprobs(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    // Some clients send a switch, as for chat.
    let n = match fields.map.get("logprobs") {
        Some(Value::Bool(on)) => {
            let on = *on;
            fields.map.remove("logprobs");
            on.then_some(0)
        }
        _ => fields.take::<usize>("logprobs", "a whole number from 0 to 20")?,
    };
    match n {
        Some(n) if n > MAX_TOP_LOGPROBS => {
            Err(fields.refuse("logprobs", format!("is {n}, but must be from 0 to {MAX_TOP_LOGPROBS}")))
        }
        n => Ok(n),
    }
}

/// A string, token ids, or a list of either.
fn read_prompts(fields: &mut Fields) -> Result<Vec<PromptWish>, ApiError> {
    let expected = "a string, a list of token ids, or a list of up to 64 of either";
    let refuse = |fields: &Fields| fields.refuse("prompt", format!("must be {expected}, none of them empty"));
    let prompts = match fields.take::<Value>("prompt", expected)? {
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_number) => vec![Value::Array(items)],
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
        None => return Err(fields.refuse("prompt", format!("is missing: give {expected}"))),
    };
    if prompts.is_empty() || prompts.len() > 64 {
        return Err(refuse(fields));
    }
    let read = |prompt: Value| match prompt {
        Value::String(text) => Some(PromptWish::Text(text)),
        other => serde_json::from_value(other).ok().filter(|ids: &Vec<u32>| !ids.is_empty()).map(PromptWish::Tokens),
    };
    prompts.into_iter().map(|prompt| read(prompt).ok_or_else(|| refuse(fields))).collect()
}
