//! The JSON of OpenAI's `/v1/responses`, read into a [`ChatRequest`].

use serde_json::Value;

use super::fields::Fields;
use super::messages::{call_json, object, plain, read_content};
use super::sampling::{self, SAMPLING_FIELDS, SamplingWish};
use super::tools::{ToolsWish, read_format};
use super::{ChatRequest, LABELS, MAX_TOP_LOGPROBS, thinking};
use crate::config::ChatMessage;
use crate::error::ApiError;

/// Fields with the values that ask for nothing.
const NEUTRAL: &[(&str, &[&str])] = &[
    ("background", &["false"]),
    ("truncation", &["\"disabled\""]),
    ("include", &["[]", "[\"reasoning.encrypted_content\"]", "[\"message.output_text.logprobs\"]"]),
    ("max_tool_calls", &[]),
];

const OWN: &[&str] = &[
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "stream",
    "text",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "top_logprobs",
];

/// Reads the body of a response.
pub fn parse(body: &[u8]) -> Result<ChatRequest, ApiError> {
    let mut fields = Fields::of_body(body)?;
    for name in ["previous_response_id", "conversation"] {
        if fields.map.get(name).is_some_and(|v| !v.is_null()) {
            return Err(fields.refuse(
                name,
                "is not supported, because responses are not stored: send the whole conversation as `input`",
            ));
        }
    }
    let mut messages = Vec::new();
    if let Some(instructions) = fields.take::<String>("instructions", "a string")? {
        messages.push(plain("system", instructions));
    }
    read_input(&mut fields, &mut messages)?;
    let (thinking, template_variables) = thinking::take(&mut fields)?;
    let format = match fields.take_object("text", "an object such as {\"format\": {\"type\": \"text\"}}")? {
        None => None,
        Some(mut text) => {
            text.map.remove("verbosity");
            let format = text.take_object("format", "an object with `type`")?;
            text.refuse_others(&["format"])?;
            format.map(read_format).transpose()?.flatten()
        }
    };
    let expected = "a whole number of at least 1";
    let max_tokens = fields.take::<usize>("max_output_tokens", expected)?;
    if max_tokens == Some(0) {
        return Err(fields.refuse("max_output_tokens", format!("is 0, but must be {expected}")));
    }
    let n_top = fields.take::<usize>("top_logprobs", "a whole number from 0 to 20")?.filter(|&n| n > 0);
    if n_top.is_some_and(|n| n > MAX_TOP_LOGPROBS) {
        return Err(fields.refuse("top_logprobs", format!("must be from 0 to {MAX_TOP_LOGPROBS}")));
    }
    let (stream, _) = sampling::stream_options(&mut fields)?;
    let request = ChatRequest {
        model: fields.take("model", "a string")?,
        messages,
        continues: false,
        stream,
        include_usage: true,
        sampling: SamplingWish::take(&mut fields)?,
        max_tokens,
        n: 1,
        stop: Vec::new(),
        thinking,
        template_variables,
        tools: ToolsWish::take(&mut fields)?,
        format,
        logprobs: n_top,
    };
    fields.refuse_the_rest(&[OWN, &SAMPLING_FIELDS].concat(), LABELS, NEUTRAL)?;
    Ok(request)
}

/// `input`: a text, or items.
fn read_input(fields: &mut Fields, messages: &mut Vec<ChatMessage>) -> Result<(), ApiError> {
    let expected = "a string or a list of items";
    let items = match fields.take::<Value>("input", expected)? {
        Some(Value::String(text)) => {
            messages.push(plain("user", text));
            return Ok(());
        }
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Err(fields.refuse("input", format!("is missing or empty: give {expected}"))),
    };
    for (i, item) in items.into_iter().enumerate() {
        read_item(item, &format!("input[{i}]"), messages)?;
    }
    match messages.last() {
        Some(last) if last.role != "assistant" => Ok(()),
        _ => Err(fields.refuse("input", "must end with the user's message or a tool's output")),
    }
}

/// One item. Thinking and calls that stand apart here join the assistant's message that they belong to.
fn read_item(item: Value, here: &str, messages: &mut Vec<ChatMessage>) -> Result<(), ApiError> {
    let item = object(item, here)?;
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let turn = |messages: &mut Vec<ChatMessage>| {
        if messages.last().is_none_or(|last| last.role != "assistant") {
            messages.push(plain("assistant", ""));
        }
        messages.len() - 1
    };
    match item.get("type").and_then(Value::as_str).unwrap_or("message") {
        "message" => {
            let role = match text("role") {
                "developer" | "system" => "system",
                role @ ("user" | "assistant") => role,
                other => {
                    let message =
                        format!("`{here}.role` is \"{other}\", but must be user, assistant, system or developer");
                    return Err(ApiError::invalid(format!("{here}.role"), message));
                }
            };
            let content = read_content(item.get("content").cloned(), &format!("{here}.content"))?;
            if role == "assistant" {
                let at = turn(messages);
                messages[at].content += &content;
            } else {
                messages.push(plain(role, content));
            }
        }
        "function_call" => {
            let call = call_json(text("call_id"), text("name"), text("arguments"));
            let at = turn(messages);
            messages[at].tool_calls.push(call);
        }
        "function_call_output" => {
            let output = read_content(item.get("output").cloned(), &format!("{here}.output"))?;
            let id = Some(text("call_id").to_owned());
            messages.push(ChatMessage { tool_call_id: id, ..plain("tool", output) });
        }
        "reasoning" => {
            let parts = item.get("content").and_then(Value::as_array).into_iter().flatten();
            let thinking: String = parts.filter_map(|part| part["text"].as_str()).collect();
            let at = turn(messages);
            messages[at].reasoning_content = Some(thinking).filter(|thinking| !thinking.is_empty());
        }
        other => {
            let message = format!("`{here}` is of type \"{other}\", which this server does not know");
            return Err(ApiError::invalid(here, message));
        }
    }
    Ok(())
}
