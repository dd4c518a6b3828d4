//! Messages of a chat, strictly.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fields::{Fields, short, shown};
use super::tools::refuse_unknown;
use crate::config::ChatMessage;
use crate::error::ApiError;

/// The messages, and whether the last one is the beginning of the answer.
pub fn read(fields: &mut Fields) -> Result<(Vec<ChatMessage>, bool), ApiError> {
    let values = fields.take::<Vec<Value>>("messages", "a list of messages")?.unwrap_or_default();
    let mut continues = fields.take("continue_final_message", "true or false")?.unwrap_or(false);
    if let Some(adds) = fields.take::<bool>("add_generation_prompt", "true or false")?
        && adds == continues
    {
        return Err(fields.refuse("add_generation_prompt", "must be true, or false with `continue_final_message`"));
    }
    let n = values.len();
    let mut messages = Vec::with_capacity(n);
    // Whether the assistant has called tools, and nobody has spoken since.
    let mut has_called = false;
    let mut calls = Calls::default();
    for (idx, value) in values.into_iter().enumerate() {
        let (message, is_prefix) = read_message(value, idx)?;
        if message.role == "tool" && !has_called {
            let path = format!("messages[{idx}]");
            let what = format!(
                "`{path}` is a tool's result, but no call comes before it: send the assistant's message with its `tool_calls` first"
            );
            return Err(ApiError::invalid(path, what));
        }
        if let Some(id) = message.tool_call_id.as_ref().filter(|_| message.role == "tool") {
            calls.check(id, &format!("messages[{idx}].tool_call_id"))?;
        }
        calls.add(&message.tool_calls);
        has_called = !message.tool_calls.is_empty() || message.role == "tool";
        if is_prefix && idx + 1 < n {
            let path = format!("messages[{idx}].prefix");
            return Err(ApiError::invalid(
                &path,
                format!("`{path}` is set, but only the last message can be a prefix"),
            ));
        }
        continues |= is_prefix;
        messages.push(message);
    }
    let here = format!("messages[{}]", n.saturating_sub(1));
    match messages.last() {
        None => Err(ApiError::invalid("messages", "`messages` is empty: send at least one message from the user")),
        Some(last) if continues && last.role != "assistant" => {
            Err(ApiError::invalid(&here, format!("`{here}` is to be continued, so its role must be assistant")))
        }
        Some(last) if last.role == "assistant" && !continues => {
            let message = "the last message is the assistant's: end with a message from the user, or set `prefix` on it to have it continued";
            Err(ApiError::invalid(&here, message))
        }
        Some(_) => Ok((messages, continues)),
    }
}

/// Ids of the calls of a conversation.
#[derive(Default)]
pub struct Calls(BTreeSet<String>);

impl Calls {
    /// Adds calls of OpenAI's form.
    pub fn add(&mut self, calls: &[Value]) {
        self.0.extend(calls.iter().filter_map(|call| call["id"].as_str()).map(str::to_owned));
    }

    /// Whether the result at `path` is of a call that came before it.
    pub fn check(&self, id: &str, path: &str) -> Result<(), ApiError> {
        if self.0.contains(id) {
            return Ok(());
        }
        let message = format!("`{path}` is \"{}\", but no call before it has that id", short(id));
        Err(ApiError::invalid(path, message))
    }
}

/// What clients send back of an answer, or along with a message for others, and what no model is shown.
const FOR_OTHERS: [&str; 8] = [
    "annotations",
    "audio",
    "cache_control",
    "id",
    "parsed",
    "provider_specific_fields",
    "reasoning_details",
    "thinking_blocks",
];

/// The same of a part of a message's content.
const FOR_OTHERS_IN_PARTS: [&str; 4] = ["annotations", "cache_control", "citations", "logprobs"];

fn read_message(value: Value, idx: usize) -> Result<(ChatMessage, bool), ApiError> {
    let here = format!("messages[{idx}]");
    let Value::Object(map) = value else {
        return Err(ApiError::invalid(&here, format!("`{here}` must be an object with `role` and `content`")));
    };
    let mut fields = Fields::new(map, format!("{here}."));
    let role: String = fields.take("role", "a string")?.unwrap_or_default();
    if !["system", "developer", "user", "assistant", "tool"].contains(&role.as_str()) {
        return Err(
            fields.refuse("role", format!("is \"{role}\", but must be system, developer, user, assistant or tool"))
        );
    }
    if fields.map.get("function_call").is_some_and(|v| !v.is_null()) {
        return Err(fields.refuse("function_call", "is of an old form: send `tool_calls`"));
    }
    let calls = fields.take::<Vec<Value>>("tool_calls", "a list of calls")?.unwrap_or_default();
    if !calls.is_empty() && role != "assistant" {
        return Err(fields.refuse("tool_calls", "may stand in an assistant's message alone"));
    }
    let tool_calls = calls.into_iter().enumerate().map(|(i, call)| read_call(call, &here, i));
    let tool_calls: Vec<Value> = tool_calls.collect::<Result<_, _>>()?;
    let tool_call_id = fields.take("tool_call_id", "a string")?;
    let name = fields.take("name", "a string")?;
    let is_prefix = fields.take("prefix", "true or false")?.unwrap_or(false);
    // What the assistant said when it declined, in OpenAI's words.
    let refusal = fields.take::<String>("refusal", "a string")?.map(Value::from);
    let content = fields.take::<Value>("content", "")?.or(refusal);
    let reasoning = fields.take("reasoning_content", "a string")?;
    let reasoning_content = reasoning.or(fields.take("reasoning", "a string")?);
    let may_be_empty = role == "assistant" && (!tool_calls.is_empty() || reasoning_content.is_some() || is_prefix);
    let is_empty = content.as_ref().is_none_or(|content| content.as_array().is_some_and(Vec::is_empty));
    let content = match content {
        _ if is_empty && may_be_empty => String::new(),
        content => read_content(content, &format!("{here}.content"))?,
    };
    let known = ["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "reasoning", "prefix"];
    fields.refuse_others_but(&known, &FOR_OTHERS)?;
    // To a model both are the same, and most templates know the older word alone.
    let role = if role == "developer" { "system".to_owned() } else { role };
    Ok((ChatMessage { role, content, reasoning_content, tool_calls, tool_call_id, name }, is_prefix))
}

/// A call in OpenAI's form, with its arguments as a string.
fn read_call(call: Value, here: &str, i: usize) -> Result<Value, ApiError> {
    let path = format!("{here}.tool_calls[{i}]");
    let expected = || {
        let message = format!(
            "`{path}` must be {{\"id\", \"type\": \"function\", \"function\": {{\"name\", \"arguments\"}}}} with arguments as a string"
        );
        ApiError::invalid(&path, message)
    };
    let function = call.get("function").ok_or_else(expected)?;
    if !matches!(call["type"].as_str(), None | Some("function")) {
        return Err(expected());
    }
    refuse_unknown(&call, &path, &["id", "type", "function"], &["index", "provider_specific_fields", "extra_content"])?;
    refuse_unknown(function, &format!("{path}.function"), &["name", "arguments"], &["parsed_arguments"])?;
    let name = function["name"].as_str().ok_or_else(expected)?;
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        Value::Object(map) => Value::Object(map.clone()).to_string(),
        Value::Null => "{}".to_owned(),
        _ => return Err(expected()),
    };
    let id = call["id"].as_str().unwrap_or_default();
    Ok(serde_json::json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
}

/// A message's text: a string, or a list of text parts.
pub fn read_content(content: Option<Value>, path: &str) -> Result<String, ApiError> {
    let refuse = |what: String| Err(ApiError::invalid(path, format!("`{path}` {what}")));
    let parts = match content {
        Some(Value::String(text)) => return Ok(text),
        Some(Value::Array(parts)) if parts.is_empty() => return refuse("is empty: give the message's text".into()),
        Some(Value::Array(parts)) => parts,
        None => return refuse("is missing: give the message's text".into()),
        Some(other) => return refuse(format!("is {}, but must be a string or a list of text parts", shown(&other))),
    };
    let mut text = String::new();
    for (i, part) in parts.iter().enumerate() {
        refuse_unknown(part, &format!("{path}[{i}]"), &["type", "text", "refusal"], &FOR_OTHERS_IN_PARTS).or_else(
            // What is no text is refused for that.
            |error| if part["text"].is_string() { Err(error) } else { Ok(()) },
        )?;
        match (part["type"].as_str(), part["text"].as_str()) {
            (Some("text" | "input_text" | "output_text"), Some(piece)) => text.push_str(piece),
            (Some("refusal"), _) if part["refusal"].is_string() => {
                text.push_str(part["refusal"].as_str().unwrap_or_default());
            }
            (Some(kind), _) if !["text", "input_text", "output_text"].contains(&kind) => {
                return refuse(format!("has a part of type \"{kind}\", but this model reads text only"));
            }
            _ => return refuse("has a part that is not {\"type\": \"text\", \"text\": \"…\"}".into()),
        }
    }
    Ok(text)
}

/// A message of plain text.
pub fn plain(role: &str, content: impl Into<String>) -> ChatMessage {
    ChatMessage { role: role.into(), content: content.into(), ..ChatMessage::default() }
}

/// A call in OpenAI's form.
pub fn call_json(id: &str, name: &str, arguments: &str) -> Value {
    serde_json::json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// Reads a map that must be an object.
pub fn object(value: Value, path: &str) -> Result<Map<String, Value>, ApiError> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(ApiError::invalid(path, format!("`{path}` is {}, but must be an object", shown(&other)))),
    }
}
