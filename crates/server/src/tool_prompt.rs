//! Tools in plain words, for templates that know nothing of them: which there are and how to call them goes into the
//! system prompt, earlier calls and results into the text of messages.
//!
//! DeepSeek's own templates show calls and results but not the list of tools; the text for that list is the one of
//! V3.1's model card, in the form of the model at hand. Tags in it are plain text to the tokenizer: nothing that comes
//! with a request becomes a control token.

use std::fmt::Write;

use engine::ToolFormat;
use engine::tool_parser::{CALL_BEGIN, CALL_END, CALLS_BEGIN, CALLS_END, SEP, TAG_BEGIN, TAG_END};
use serde_json::Value;

use crate::config::{ChatMessage, ToolSupport};

#[cfg(test)]
mod tests;

/// The messages with everything in words that the template would leave out.
pub fn in_plain_words(messages: &[ChatMessage], tools: &[Value], support: ToolSupport) -> Vec<ChatMessage> {
    let mut messages: Vec<ChatMessage> = match support.shows_results {
        true => messages.to_vec(),
        false => messages.iter().map(|message| message_in_words(message, support.format)).collect(),
    };
    if tools.is_empty() || support.lists_tools {
        return messages;
    }
    let list = list_of_tools(tools, support.format);
    match messages.first_mut() {
        Some(first) if first.role == "system" => first.content = format!("{}\n\n{list}", first.content),
        _ => messages.insert(0, ChatMessage { role: "system".into(), content: list, ..ChatMessage::default() }),
    }
    messages
}

fn list_of_tools(tools: &[Value], format: ToolFormat) -> String {
    let mut text = "## Tools\nYou have access to the following tools:\n".to_owned();
    for tool in tools {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        let description = function["description"].as_str().unwrap_or("none");
        // Writing to a String cannot fail.
        let _ = write!(text, "\n### {name}\nDescription: {description}\n\nParameters: {}\n", function["parameters"]);
    }
    let example = written("NAME", "ARGUMENTS", format);
    let example = match format {
        ToolFormat::Tagged => example,
        ToolFormat::Fenced | ToolFormat::Bare => format!("{CALLS_BEGIN}{example}{CALLS_END}"),
    };
    text + "\nTo use a tool, write exactly this, with the arguments as a JSON object; several calls may follow each other:\n"
        + &example
}

/// One call as the model would write it.
fn written(name: &str, arguments: &str, format: ToolFormat) -> String {
    match format {
        ToolFormat::Fenced => format!("{CALL_BEGIN}function{SEP}{name}\n```json\n{arguments}\n```{CALL_END}"),
        ToolFormat::Bare => format!("{CALL_BEGIN}{name}{SEP}{arguments}{CALL_END}"),
        ToolFormat::Tagged => format!("{TAG_BEGIN}\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n{TAG_END}"),
    }
}

fn message_in_words(message: &ChatMessage, format: ToolFormat) -> ChatMessage {
    if message.role == "tool" {
        let content = format!("The tool's result:\n{}", message.content);
        return ChatMessage { role: "user".into(), content, ..ChatMessage::default() };
    }
    let mut message = message.clone();
    for call in std::mem::take(&mut message.tool_calls) {
        let function = &call["function"];
        let part = |name: &str| function[name].as_str().unwrap_or_default();
        if !message.content.is_empty() {
            message.content.push('\n');
        }
        message.content += &written(part("name"), part("arguments"), format);
    }
    message
}
