//! The JSON of OpenAI's `/v1/responses`, read into a [`ChatRequest`].

use serde_json::{Map, Value};

use super::fields::{Fields, shown};
use super::messages::{Calls, call_json, object, plain, read_content};
use super::sampling::{self, SAMPLING_FIELDS, SamplingWish};
use super::tools::{Form, ToolsWish, read_format};
use super::{ChatRequest, LABELS, MAX_TOP_LOGPROBS, Names, thinking};
use crate::config::ChatMessage;
use crate::error::ApiError;

/// Fields with the values that ask for nothing.
const NEUTRAL: &[(&str, &[&str])] =
    &[("background", &["false"]), ("truncation", &["\"disabled\"", "\"auto\""]), ("max_tool_calls", &[])];

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
    "top_logprobs",
    "include",
    "stream_options",
];

/// Fields that a response repeats as they were sent.
const REPEATED: &[&str] = &[
    "instructions",
    "text",
    "tool_choice",
    "reasoning",
    "metadata",
    "temperature",
    "top_p",
    "user",
    "safety_identifier",
    "prompt_cache_key",
];

/// Reads the body of a response. Returns also what the response repeats of it.
pub fn parse(body: &[u8]) -> Result<(ChatRequest, Map<String, Value>), ApiError> {
    let mut fields = Fields::of_body(body)?;
    let sent = |name: &&str| Some(((*name).to_owned(), fields.map.get(*name).filter(|v| !v.is_null())?.clone()));
    let repeated = REPEATED.iter().filter_map(sent).collect();
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
            super::check_verbosity(&mut text)?;
            let format = text.take_object("format", "an object with `type`")?;
            text.refuse_others(&["format"])?;
            let grammar = format.map(read_format).transpose()?.flatten();
            grammar.map(|grammar| Form { grammar, field: "text.format" })
        }
    };
    let expected = "a whole number of at least 1";
    let max_tokens = fields.take::<usize>("max_output_tokens", expected)?;
    if max_tokens == Some(0) {
        return Err(fields.refuse("max_output_tokens", format!("is 0, but must be {expected}")));
    }
    let n_top = fields.take::<usize>("top_logprobs", "a whole number from 0 to 20")?.unwrap_or(0);
    if n_top > MAX_TOP_LOGPROBS {
        return Err(fields.refuse("top_logprobs", format!("must be from 0 to {MAX_TOP_LOGPROBS}")));
    }
    let includes_logprobs = read_include(&mut fields)?;
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
        logprobs: (n_top > 0 || includes_logprobs).then_some(n_top),
        omits_thinking: false,
    };
    super::check_metadata(&fields)?;
    fields.refuse_the_rest(&names())?;
    Ok((request, repeated))
}

/// What a response's request may hold.
pub fn names() -> Names {
    let known = [OWN, &SAMPLING_FIELDS, &thinking::THINKING_FIELDS].concat();
    Names { known, labels: LABELS.to_vec(), neutral: NEUTRAL }
}

/// `include`: whether it asks for log-probabilities.
fn read_include(fields: &mut Fields) -> Result<bool, ApiError> {
    let mut logprobs = false;
    for name in fields.take::<Vec<String>>("include", "a list of strings")?.unwrap_or_default() {
        match name.as_str() {
            "message.output_text.logprobs" => logprobs = true,
            // Thinking is in the answer as it is, and may be sent back so.
            "reasoning.encrypted_content" => {}
            other => {
                let what = format!("asks for \"{other}\", which this server does not have: remove it");
                return Err(fields.refuse("include", what));
            }
        }
    }
    Ok(logprobs)
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
    let mut calls = Calls::default();
    for (i, item) in items.into_iter().enumerate() {
        read_item(item, &format!("input[{i}]"), messages, &mut calls)?;
    }
    match messages.last() {
        Some(last) if last.role != "assistant" => Ok(()),
        _ => Err(fields.refuse("input", "must end with the user's message or a tool's output")),
    }
}

/// One item. Thinking and calls that stand apart here join the assistant's message that they belong to.
fn read_item(item: Value, here: &str, messages: &mut Vec<ChatMessage>, calls: &mut Calls) -> Result<(), ApiError> {
    let item = object(item, here)?;
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let required = |name: &str| {
        let path = format!("{here}.{name}");
        match item.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            None | Some(Value::Null) => {
                Err(ApiError::invalid(&path, format!("`{path}` is missing: send the item as it came")))
            }
            Some(other) => Err(ApiError::invalid(&path, format!("`{path}` is {}, but must be a string", shown(other)))),
        }
    };
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
            let call = call_json(required("call_id")?, required("name")?, required("arguments")?);
            let at = turn(messages);
            calls.add(std::slice::from_ref(&call));
            messages[at].tool_calls.push(call);
        }
        "function_call_output" => {
            let output = item.get("output").filter(|output| !output.as_array().is_some_and(Vec::is_empty));
            let output = match output {
                None if item.contains_key("output") => String::new(),
                output => read_content(output.cloned(), &format!("{here}.output"))?,
            };
            let id = Some(required("call_id")?.to_owned());
            calls.check(required("call_id")?, &format!("{here}.call_id"))?;
            messages.push(ChatMessage { tool_call_id: id, ..plain("tool", output) });
        }
        "reasoning" => {
            // A summary is the thinking itself, and some clients send nothing else back.
            let thinking = ["content", "summary"].into_iter().map(|name| {
                let parts = item.get(name).and_then(Value::as_array).into_iter().flatten();
                parts.filter_map(|part| part["text"].as_str()).collect::<String>()
            });
            let thinking = thinking.into_iter().find(|text| !text.is_empty());
            let at = turn(messages);
            messages[at].reasoning_content = thinking;
        }
        "item_reference" => {
            let message = format!(
                "`{here}` refers to an item, but nothing is stored here: send the items themselves, as clients do with `store: false`"
            );
            return Err(ApiError::invalid(here, message));
        }
        other => {
            let message = format!("`{here}` is of type \"{other}\", which this server does not know");
            return Err(ApiError::invalid(here, message));
        }
    }
    Ok(())
}
