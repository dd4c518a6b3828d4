//! The JSON of Anthropic's `/v1/messages`, read into a [`ChatRequest`].

use engine::{Effort, ThinkingWish};
use serde_json::{Map, Value, json};

use super::fields::{Fields, shown};
use super::messages::{Calls, call_json, object, plain};
use super::sampling::{self, SAMPLING_FIELDS, SamplingWish};
use super::tools::{
    Form, ToolChoice, ToolsWish, check_choice, description_of, name_of, read_format, refuse_unknown, schema_of_object,
    strict_of, take_list, tool_json,
};
use super::{ChatRequest, LABELS, Names, thinking};
use crate::config::ChatMessage;
use crate::error::ApiError;
use crate::routes::REASONER;

/// Fields with the values that ask for nothing.
const NEUTRAL: &[(&str, &[&str])] = &[("container", &[]), ("mcp_servers", &["[]"]), ("speed", &["\"standard\""])];

/// Fields that change nothing in the answer, beside those of all dialects.
const OWN_LABELS: &[&str] = &["cache_control", "inference_geo"];

const OWN: &[&str] = &[
    "model",
    "messages",
    "system",
    "max_tokens",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "output_config",
    "output_format",
    "context_management",
];

/// What a message's request may hold.
pub fn names() -> Names {
    let known = [OWN, &SAMPLING_FIELDS, &thinking::THINKING_FIELDS].concat();
    Names { known, labels: [LABELS, OWN_LABELS].concat(), neutral: NEUTRAL }
}

/// Longest name of a tool, twice OpenAI's.
const MAX_NAME: usize = 128;

/// The code of an error that tells Anthropic's clients to send whole conversations.
pub const NO_THREADS: &str = "thread_unsupported_request";

/// Reads the body of a message; with `counts_only` as `/v1/messages/count_tokens` has it.
pub fn parse(body: &[u8], counts_only: bool) -> Result<ChatRequest, ApiError> {
    let mut fields = Fields::of_body(body)?;
    if fields.map.get("thread").is_some_and(|thread| !thread.is_null()) {
        let message = "`thread` is not supported, because nothing is stored: send the whole conversation as `messages`";
        return Err(ApiError { code: Some(NO_THREADS), ..ApiError::invalid("thread", message) });
    }
    let max_tokens = fields.take::<usize>("max_tokens", "a whole number of at least 1")?;
    match max_tokens {
        Some(0) => return Err(fields.refuse("max_tokens", "is 0, but must be a whole number of at least 1")),
        None if !counts_only => {
            return Err(fields.refuse("max_tokens", "is missing: give a whole number of at least 1"));
        }
        _ => {}
    }
    let mut messages: Vec<ChatMessage> = Vec::new();
    if let Some(system) = fields.take::<Value>("system", "a string or a list of text blocks")? {
        messages.push(plain("system", text_of(&system, "system")?));
    }
    let told = fields.take::<Vec<Value>>("messages", "a list of messages")?.unwrap_or_default();
    let mut calls = Calls::default();
    for (idx, message) in told.into_iter().enumerate() {
        read_message(message, &format!("messages[{idx}]"), &mut messages, &mut calls)?;
    }
    // As at Anthropic, a last message of the assistant is the beginning of the answer.
    let continues = match messages.last() {
        None => {
            return Err(ApiError::invalid("messages", "`messages` is empty: send at least one message from the user"));
        }
        Some(last) => last.role == "assistant" && last.tool_calls.is_empty(),
    };
    let omits_thinking = take_display(&mut fields)?;
    let (mut thinking, template_variables) = take_thinking(&mut fields)?;
    check_context_management(&mut fields)?;
    let model: Option<String> = fields.take("model", "a string")?;
    // As at Anthropic, who does not ask for thinking gets none; the name that stands for thinking asks for it.
    if thinking.0.switch().is_none() && model.as_deref() != Some(REASONER) {
        thinking.0.enabled = Some(false);
    }
    let request = ChatRequest {
        model,
        messages,
        continues,
        stream: fields.take("stream", "true or false")?.unwrap_or(false),
        include_usage: true,
        sampling: SamplingWish::take(&mut fields)?,
        max_tokens,
        n: 1,
        stop: sampling::stop_strings(&mut fields, "stop_sequences")?,
        thinking: thinking.0,
        template_variables,
        tools: take_tools(&mut fields)?,
        format: thinking.1,
        logprobs: None,
        omits_thinking,
    };
    super::check_metadata(&fields)?;
    fields.refuse_the_rest(&names())?;
    Ok(request)
}

/// `display` of `thinking`: whether what was thought is kept back. There are no summaries: who asks for one is shown all.
fn take_display(fields: &mut Fields) -> Result<bool, ApiError> {
    let thinking = fields.map.get_mut("thinking").and_then(Value::as_object_mut);
    match thinking.and_then(|thinking| thinking.remove("display")).unwrap_or_default() {
        Value::Null => Ok(false),
        display if display == "summarized" => Ok(false),
        display if display == "omitted" => Ok(true),
        other => {
            let what = format!("is {}, but must be \"summarized\" or \"omitted\"", shown(&other));
            Err(fields.refuse("thinking.display", what))
        }
    }
}

/// Past thinking is the template's affair, and ours drops it; nothing else of a conversation is taken away.
fn check_context_management(fields: &mut Fields) -> Result<(), ApiError> {
    let Some(mut management) = fields.take_object("context_management", "an object with `edits`")? else {
        return Ok(());
    };
    for edit in management.take::<Vec<Value>>("edits", "a list of edits")?.unwrap_or_default() {
        let kind = edit["type"].as_str().unwrap_or_default();
        if !kind.starts_with("clear_thinking_") {
            let what = format!(
                "asks for \"{kind}\", which this server does not do: send the messages as the model is to see them"
            );
            return Err(management.refuse("edits", what));
        }
    }
    management.refuse_others(&["edits"])
}

type ThinkingAndFormat = (ThinkingWish, Option<Form>);

/// `thinking`, and the effort and form in `output_config`.
fn take_thinking(fields: &mut Fields) -> Result<(ThinkingAndFormat, Map<String, Value>), ApiError> {
    let config = fields.take_object("output_config", "an object such as {\"effort\": \"low\"}")?;
    let (mut wish, variables) = thinking::take(fields)?;
    let mut format = None;
    if let Some(mut config) = config {
        if let Some(word) = config.take::<String>("effort", "a string")? {
            let effort = thinking::parse_effort("output_config.effort", &word)?;
            if wish.effort.is_some_and(|other| other != effort) {
                return Err(ApiError::contradiction("reasoning_effort", "output_config.effort", "send one of them"));
            }
            if effort == Effort::None && wish.enabled == Some(true) {
                return Err(ApiError::contradiction(
                    "thinking.type",
                    "output_config.effort",
                    "one turns thinking on, the other off",
                ));
            }
            wish.effort = Some(effort);
        }
        if let Some(object) = config.take_object("format", "an object")? {
            format = read_format(object)?.map(|grammar| Form { grammar, field: "output_config.format" });
        }
        config.refuse_others(&["effort", "format"])?;
    }
    if let Some(object) = fields.take_object("output_format", "an object")? {
        format = read_format(object)?.map(|grammar| Form { grammar, field: "output_format" });
    }
    Ok(((wish, format), variables))
}

fn take_tools(fields: &mut Fields) -> Result<ToolsWish, ApiError> {
    let read = |(idx, tool): (usize, Value)| {
        let path = format!("tools[{idx}]");
        let refuse = |what: &str| ApiError::invalid(&path, format!("`{path}` {what}"));
        if tool["type"].as_str().is_some_and(|kind| kind != "custom") {
            return Err(refuse("is a tool of Anthropic's own, which this server does not have"));
        }
        let name = name_of(&tool, &path, MAX_NAME)?;
        let schema = schema_of_object(&tool["input_schema"])
            .ok_or_else(|| refuse("needs an `input_schema` that is an object's JSON schema"))?;
        let (description, strict) = (description_of(&tool, &path)?, strict_of(&tool, &path)?);
        let known = ["type", "name", "description", "input_schema", "strict"];
        refuse_unknown(&tool, &path, &known, &["cache_control", "eager_input_streaming", "allowed_callers"])?;
        Ok(tool_json(name, description, schema, strict))
    };
    let mut wish = ToolsWish { definitions: take_list(fields, read)?, choice: ToolChoice::Auto, parallel: true };
    if let Some(mut choice) = fields.take_object("tool_choice", "an object such as {\"type\": \"auto\"}")? {
        let kind: String = choice.take("type", "a string")?.unwrap_or_default();
        wish.parallel = !choice.take("disable_parallel_tool_use", "true or false")?.unwrap_or(false);
        wish.choice = match kind.as_str() {
            "auto" => ToolChoice::Auto,
            "any" => ToolChoice::Required,
            "none" => ToolChoice::None,
            "tool" => ToolChoice::Named(choice.take("name", "a string")?.unwrap_or_default()),
            other => return Err(choice.refuse("type", format!("is \"{other}\", but must be auto, any, tool or none"))),
        };
        check_choice(fields, &wish.choice, &wish.definitions)?;
    }
    Ok(wish)
}

/// One of Anthropic's messages may hold text, thinking, calls and results; each becomes what a template knows.
fn read_message(value: Value, here: &str, messages: &mut Vec<ChatMessage>, calls: &mut Calls) -> Result<(), ApiError> {
    let mut fields = Fields::new(object(value, here)?, format!("{here}."));
    let role: String = fields.take("role", "a string")?.unwrap_or_default();
    if !["user", "assistant", "system"].contains(&role.as_str()) {
        return Err(fields.refuse("role", format!("is \"{role}\", but must be user or assistant")));
    }
    let content = fields.take::<Value>("content", "")?.unwrap_or_default();
    let blocks = match content {
        Value::Array(blocks) if blocks.is_empty() && role != "assistant" => {
            return Err(fields.refuse("content", "is empty: give at least one block"));
        }
        Value::Array(blocks) => blocks,
        Value::Null => return Err(fields.refuse("content", "is missing: give the message's text")),
        text => vec![json!({"type": "text", "text": text_of(&text, &format!("{here}.content"))?})],
    };
    let mut message = plain(&role, "");
    let mut said = blocks.is_empty();
    for (i, block) in blocks.iter().enumerate() {
        let path = format!("{here}.content[{i}]");
        let text = |name: &str| block[name].as_str().unwrap_or_default();
        let required = |name: &str| match block[name].as_str() {
            Some(text) if !text.is_empty() => Ok(text),
            _ => {
                let path = format!("{path}.{name}");
                Err(ApiError::invalid(&path, format!("`{path}` is missing: give a string")))
            }
        };
        match block["type"].as_str().unwrap_or_default() {
            "text" => {
                refuse_unknown(block, &path, &["type", "text"], &["cache_control", "citations"])?;
                message.content += &text_of(&json!([block]), &path)?;
                said = true;
            }
            "thinking" => message.reasoning_content = Some(text("thinking").to_owned()),
            "redacted_thinking" => {}
            "tool_use" => {
                said = true;
                let input = if block["input"].is_null() { json!({}) } else { block["input"].clone() };
                message.tool_calls.push(call_json(required("id")?, required("name")?, &input.to_string()));
            }
            "tool_result" => {
                let result = text_of(&block["content"], &format!("{path}.content"))?;
                calls.check(required("tool_use_id")?, &format!("{path}.tool_use_id"))?;
                let id = Some(required("tool_use_id")?.to_owned());
                messages.push(ChatMessage { tool_call_id: id, ..plain("tool", result) });
            }
            other => {
                let message = format!("`{path}` is of type \"{other}\", but this model reads text only");
                return Err(ApiError::invalid(&path, message));
            }
        }
    }
    calls.add(&message.tool_calls);
    if said || message.reasoning_content.is_some() {
        messages.push(message);
    }
    Ok(())
}

/// A string, or the joined text of text blocks, which may be none.
fn text_of(value: &Value, path: &str) -> Result<String, ApiError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Array(blocks) if blocks.is_empty() => Ok(String::new()),
        value => super::messages::read_content(Some(value.clone()), path),
    }
}
