//! The JSON of a chat request, read strictly: what cannot be honoured is refused by name, so nobody wonders why a setting
//! has no effect.
//!
//! Three kinds of fields have no effect and are still accepted: those that only label a request ([`LABELS`]), those set to
//! the value that changes nothing ([`NEUTRAL`]), and null. Everything else that is not listed here is an error, as at
//! OpenAI.

use engine::{Effort, ThinkingWish};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::ChatMessage;
use crate::error::ApiError;

#[cfg(test)]
mod tests;

/// Fields that describe the caller or the request and change nothing in the answer.
const LABELS: &[&str] =
    &["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// Fields this server does not implement, with the values that ask for nothing.
const NEUTRAL: &[(&str, &[&str])] = &[
    ("presence_penalty", &["0", "0.0"]),
    ("frequency_penalty", &["0", "0.0"]),
    ("repetition_penalty", &["1", "1.0"]),
    ("logit_bias", &["{}"]),
    ("logprobs", &["false"]),
    ("top_logprobs", &["0"]),
    ("tools", &["[]"]),
    ("tool_choice", &["\"none\"", "\"auto\""]),
    ("parallel_tool_calls", &["true", "false"]),
    ("functions", &["[]"]),
    ("function_call", &["\"none\"", "\"auto\""]),
    ("response_format", &["{\"type\":\"text\"}"]),
    ("modalities", &["[\"text\"]"]),
    ("verbosity", &["\"medium\""]),
    ("best_of", &["1"]),
    ("echo", &["false"]),
];

/// Fields that are honoured.
const KNOWN: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stop",
    "thinking",
    "reasoning_effort",
    "enable_thinking",
    "chat_template_kwargs",
];

/// A chat request, checked for form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    pub model: Option<String>,
    pub messages: Vec<ChatMessage>,
    pub stream: bool,
    pub include_usage: bool,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<usize>,
    pub min_p: Option<f32>,
    pub seed: Option<u64>,
    pub max_tokens: Option<usize>,
    pub n: usize,
    pub stop: Vec<String>,
    pub thinking: ThinkingWish,
    /// Template variables other than the switch for thinking.
    pub template_variables: Map<String, Value>,
}

/// A JSON object from which fields are taken by name.
struct Fields {
    map: Map<String, Value>,
    /// Path of the object, with a dot after it, for error messages.
    path: String,
}

impl Fields {
    /// Takes a field; `None` if it is absent or null. `expected` completes "must be".
    fn take<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let value = match self.map.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let refuse = || {
            let path = format!("{}{name}", self.path);
            ApiError::invalid(&path, format!("`{path}` is {}, but must be {expected}", shown(&value)))
        };
        serde_json::from_value(value.clone()).map(Some).map_err(|_| refuse())
    }

    fn take_in(&mut self, name: &str, range: std::ops::RangeInclusive<f32>) -> Result<Option<f32>, ApiError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let Some(value) = self.take::<f32>(name, &expected)? else { return Ok(None) };
        if range.contains(&value) {
            return Ok(Some(value));
        }
        let path = format!("{}{name}", self.path);
        Err(ApiError::invalid(&path, format!("`{path}` is {value}, but must be {expected}")))
    }

    /// Refuses fields that are left and ask for something.
    fn refuse_others(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.map.iter().find(|(_, value)| !value.is_null() && **value != Value::Bool(false)) {
            None => Ok(()),
            Some((name, _)) => {
                let path = format!("{}{name}", self.path);
                let message = format!("unknown field `{path}`: known here are {}", known.join(", "));
                Err(ApiError { code: Some("unsupported_parameter"), ..ApiError::invalid(path, message) })
            }
        }
    }
}

/// A value for an error message, cut short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl ChatRequest {
    /// Reads a request body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body).map_err(|error| ApiError {
            code: Some("invalid_json"),
            ..ApiError::invalid("body", format!("the request body is not valid JSON: {error}"))
        })?;
        let Value::Object(map) = value else {
            return Err(ApiError::invalid("body", "the request body must be a JSON object with `messages`"));
        };
        let mut fields = Fields { map, path: String::new() };
        let messages = fields.take::<Vec<Value>>("messages", "a list of messages")?.unwrap_or_default();
        let (thinking, template_variables) = thinking_wish(&mut fields)?;
        let request = Self {
            model: fields.take("model", "a string")?,
            messages: read_messages(messages)?,
            stream: fields.take("stream", "true or false")?.unwrap_or(false),
            include_usage: include_usage(&mut fields)?,
            temperature: fields.take_in("temperature", 0.0..=2.0)?,
            top_p: fields.take_in("top_p", 0.0..=1.0)?,
            top_k: top_k(&mut fields)?,
            min_p: fields.take_in("min_p", 0.0..=1.0)?,
            seed: seed(&mut fields)?,
            max_tokens: max_tokens(&mut fields)?,
            n: fields.take("n", "a whole number from 1 to 16")?.unwrap_or(1),
            stop: stop_strings(&mut fields)?,
            thinking,
            template_variables,
        };
        if !(1..=16).contains(&request.n) {
            return Err(ApiError::invalid("n", format!("`n` is {}, but must be from 1 to 16", request.n)));
        }
        refuse_the_rest(&fields.map)?;
        Ok(request)
    }
}

fn include_usage(fields: &mut Fields) -> Result<bool, ApiError> {
    let Some(options) = fields.take::<Map<String, Value>>("stream_options", "an object")? else { return Ok(false) };
    let mut options = Fields { map: options, path: "stream_options.".into() };
    let include_usage = options.take("include_usage", "true or false")?.unwrap_or(false);
    options.refuse_others(&["include_usage"])?;
    Ok(include_usage)
}

/// -1 and 0 both mean "off" among OpenAI-like servers.
fn top_k(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let value = fields.take::<i64>("top_k", "a whole number; 0 keeps all tokens")?;
    Ok(value.map(|k| usize::try_from(k).unwrap_or(0)))
}

/// Negative seeds are legal at OpenAI.
fn seed(fields: &mut Fields) -> Result<Option<u64>, ApiError> {
    match fields.map.get("seed") {
        Some(Value::Number(n)) if n.is_i64() => Ok(fields.take::<i64>("seed", "a whole number")?.map(|s| s as u64)),
        _ => fields.take("seed", "a whole number"),
    }
}

fn max_tokens(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let expected = "a whole number of at least 1";
    let old = fields.take::<usize>("max_tokens", expected)?;
    let new = fields.take::<usize>("max_completion_tokens", expected)?;
    match new.or(old) {
        Some(0) => Err(ApiError::invalid("max_tokens", format!("`max_tokens` is 0, but must be {expected}"))),
        limit => Ok(limit),
    }
}

fn stop_strings(fields: &mut Fields) -> Result<Vec<String>, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stop {
        One(String),
        Many(Vec<String>),
    }
    let stops = match fields.take("stop", "a string or a list of up to 16 strings")? {
        None => Vec::new(),
        Some(Stop::One(stop)) => vec![stop],
        Some(Stop::Many(stops)) => stops,
    };
    if stops.len() > 16 || stops.iter().any(String::is_empty) {
        return Err(ApiError::invalid("stop", "`stop` must be up to 16 strings, none of them empty"));
    }
    Ok(stops)
}

/// Gathers `thinking`, `enable_thinking`, `chat_template_kwargs` and `reasoning_effort`; they may not contradict each other.
fn thinking_wish(fields: &mut Fields) -> Result<(ThinkingWish, Map<String, Value>), ApiError> {
    let mut wish = ThinkingWish::default();
    let mut switches: Vec<(&str, bool)> = Vec::new();
    if let Some(map) = fields.take::<Map<String, Value>>("thinking", "an object such as {\"type\": \"enabled\"}")? {
        let mut thinking = Fields { map, path: "thinking.".into() };
        let kind: Option<String> = thinking.take("type", "\"enabled\" or \"disabled\"")?;
        match kind.as_deref() {
            Some("enabled" | "adaptive") => switches.push(("thinking", true)),
            Some("disabled") => switches.push(("thinking", false)),
            None => {}
            Some(other) => {
                let message = format!("`thinking.type` is \"{other}\", but must be \"enabled\" or \"disabled\"");
                return Err(ApiError::invalid("thinking.type", message));
            }
        }
        wish.budget_tokens = thinking.take("budget_tokens", "a whole number of tokens")?;
        thinking.refuse_others(&["type", "budget_tokens"])?;
    }
    if let Some(on) = fields.take("enable_thinking", "true or false")? {
        switches.push(("enable_thinking", on));
    }
    let kwargs = fields.take("chat_template_kwargs", "an object of template variables")?.unwrap_or_default();
    let mut kwargs = Fields { map: kwargs, path: "chat_template_kwargs.".into() };
    for name in ["enable_thinking", "thinking"] {
        if let Some(on) = kwargs.take(name, "true or false")? {
            switches.push(("chat_template_kwargs", on));
        }
    }
    if let Some(word) = fields.take::<String>("reasoning_effort", "a string")? {
        let effort = Effort::parse(&word).map_err(|known| {
            let message = format!("`reasoning_effort` is \"{word}\", but must be {known}");
            ApiError::invalid("reasoning_effort", message)
        })?;
        switches.push(("reasoning_effort", effort != Effort::None));
        wish.effort = Some(effort);
    }
    if let [(first, on), rest @ ..] = switches.as_slice() {
        if let Some((other, _)) = rest.iter().find(|(_, value)| value != on) {
            let message =
                format!("`{first}` and `{other}` contradict each other: one turns thinking on, the other off");
            return Err(ApiError::invalid(*other, message));
        }
        wish.enabled = Some(*on);
    }
    Ok((wish, kwargs.map))
}

fn read_messages(values: Vec<Value>) -> Result<Vec<ChatMessage>, ApiError> {
    let messages: Vec<ChatMessage> =
        values.into_iter().enumerate().map(|(i, value)| read_message(value, i)).collect::<Result<_, _>>()?;
    match messages.last() {
        None => Err(ApiError::invalid("messages", "`messages` is empty: send at least one message from the user")),
        Some(last) if last.role == "assistant" => {
            let message = "the last message is the assistant's: end with a message from the user (continuing an answer is not supported)";
            Err(ApiError::invalid(format!("messages[{}]", messages.len() - 1), message))
        }
        Some(_) => Ok(messages),
    }
}

fn read_message(value: Value, idx: usize) -> Result<ChatMessage, ApiError> {
    let here = format!("messages[{idx}]");
    let Value::Object(map) = value else {
        return Err(ApiError::invalid(&here, format!("`{here}` must be an object with `role` and `content`")));
    };
    let mut fields = Fields { map, path: format!("{here}.") };
    let role: String = fields.take("role", "a string")?.unwrap_or_default();
    if !["system", "developer", "user", "assistant"].contains(&role.as_str()) {
        let message = format!("`{here}.role` is \"{role}\", but must be system, developer, user or assistant");
        return Err(ApiError::invalid(format!("{here}.role"), message));
    }
    for name in ["tool_calls", "function_call", "audio", "prefix"] {
        let asked = fields.take::<Value>(name, "")?;
        if asked.is_some_and(|v| v != Value::Bool(false) && v != Value::Array(Vec::new())) {
            let path = format!("{here}.{name}");
            return Err(ApiError::invalid(&path, format!("`{path}` is not supported by this server: remove it")));
        }
    }
    let content = fields.take::<Value>("content", "")?;
    let reasoning = fields.take("reasoning_content", "a string")?;
    let reasoning_content = reasoning.or(fields.take("reasoning", "a string")?);
    Ok(ChatMessage { content: read_content(content, &here)?, role, reasoning_content })
}

/// A message's text: a string, or a list of text parts.
fn read_content(content: Option<Value>, here: &str) -> Result<String, ApiError> {
    let path = format!("{here}.content");
    let refuse = |what: String| Err(ApiError::invalid(&path, format!("`{path}` {what}")));
    let parts = match content {
        Some(Value::String(text)) => return Ok(text),
        Some(Value::Array(parts)) => parts,
        None => return refuse("is missing: give the message's text".into()),
        Some(other) => return refuse(format!("is {}, but must be a string or a list of text parts", shown(&other))),
    };
    let mut text = String::new();
    for part in &parts {
        match (part["type"].as_str(), part["text"].as_str()) {
            (Some("text"), Some(piece)) => text.push_str(piece),
            (Some(kind), _) if kind != "text" => {
                return refuse(format!("has a part of type \"{kind}\", but this model reads text only"));
            }
            _ => return refuse("has a part that is not {\"type\": \"text\", \"text\": \"…\"}".into()),
        }
    }
    Ok(text)
}

fn refuse_the_rest(rest: &Map<String, Value>) -> Result<(), ApiError> {
    for (name, value) in rest {
        if value.is_null() || LABELS.contains(&name.as_str()) {
            continue;
        }
        let unsupported = match NEUTRAL.iter().find(|(known, _)| known == name) {
            Some((_, neutral)) if neutral.contains(&value.to_string().as_str()) => continue,
            Some(_) => format!("`{name}` is not supported by this server: remove it"),
            None => format!("unknown field `{name}`: did you mean `{}`?", nearest(name)),
        };
        return Err(ApiError { code: Some("unsupported_parameter"), ..ApiError::invalid(name.as_str(), unsupported) });
    }
    Ok(())
}

/// The known field with the smallest edit distance.
fn nearest(name: &str) -> &'static str {
    KNOWN.iter().min_by_key(|known| edit_distance(known, name)).expect("a constant list")
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
