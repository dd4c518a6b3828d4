//! Finds tool calls in the text of an answer, in the forms that models are trained to write them:
//!
//! - DeepSeek's: a block of `<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME`, arguments in a fence of `json` (V3, R1), or
//!   `<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>ARGUMENTS` (V3.1); both are read wherever either is expected;
//! - Qwen's and Hermes': `<tool_call>{"name": .., "arguments": ..}</tool_call>`, which models without a form of their own
//!   are asked for as well.
//!
//! A call is reported once it is complete. What looks like a call and is none, for example because its arguments are not
//! JSON, stays text: nothing is lost. Text after a block of calls is dropped where it is white space or an echo of the
//! end, as servers of these models do; so is a call that was begun after one that is whole, or that the answer's limit cut.

use serde_json::{Map, Value};

use crate::reasoning_parser::held_back;

#[cfg(test)]
mod tests;

/// How a model writes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolFormat {
    /// V3 and R1: arguments in a fence.
    Fenced,
    /// V3.1 and later: bare arguments.
    Bare,
    /// JSON between `<tool_call>` tags.
    Tagged,
}

impl ToolFormat {
    /// The form that a chat template writes past calls in.
    pub fn of_template(source: &str) -> Self {
        match source.contains(CALL_BEGIN) {
            true if source.contains("```json") => Self::Fenced,
            true => Self::Bare,
            false => Self::Tagged,
        }
    }

    /// What opens the first call.
    pub fn begin(self) -> &'static str {
        match self {
            Self::Fenced | Self::Bare => CALLS_BEGIN,
            Self::Tagged => TAG_BEGIN,
        }
    }

    fn call_tags(self) -> (&'static str, &'static str) {
        match self {
            Self::Fenced | Self::Bare => (CALL_BEGIN, CALL_END),
            Self::Tagged => (TAG_BEGIN, TAG_END),
        }
    }
}

/// Opens DeepSeek's block of calls.
pub const CALLS_BEGIN: &str = "<｜tool▁calls▁begin｜>";
/// Closes it.
pub const CALLS_END: &str = "<｜tool▁calls▁end｜>";
/// Opens one call.
pub const CALL_BEGIN: &str = "<｜tool▁call▁begin｜>";
/// Closes it.
pub const CALL_END: &str = "<｜tool▁call▁end｜>";
/// Stands before the name, or after it.
pub const SEP: &str = "<｜tool▁sep｜>";
/// Opens a call in JSON.
pub const TAG_BEGIN: &str = "<tool_call>";
/// Closes it.
pub const TAG_END: &str = "</tool_call>";

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The function's name.
    pub name: String,
    /// Its arguments, a JSON object as the model wrote it.
    pub arguments: String,
}

/// Text and calls that became known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolDelta {
    /// The answer's text.
    pub content: String,
    /// Complete calls.
    pub calls: Vec<ToolCall>,
}

/// The parser's state between pieces of text.
#[derive(Clone, Debug)]
pub struct ToolParser {
    format: ToolFormat,
    held: String,
    /// Inside a block; `held` is what is not understood of it yet.
    in_block: bool,
    n_calls: usize,
}

impl ToolParser {
    /// A parser before the first text.
    pub fn new(format: ToolFormat) -> Self {
        Self { format, held: String::new(), in_block: false, n_calls: 0 }
    }

    /// Takes the next piece of text.
    pub fn push(&mut self, text: &str) -> ToolDelta {
        self.held.push_str(text);
        let mut delta = ToolDelta::default();
        if !self.in_block {
            let begin = self.format.begin();
            match self.held.find(begin) {
                Some(at) => {
                    delta.content.extend(self.held.drain(..at));
                    self.in_block = true;
                }
                None => {
                    let n_held = held_back(&self.held, &[begin]);
                    delta.content.extend(self.held.drain(..self.held.len() - n_held));
                    return delta;
                }
            }
        }
        self.take_calls(&mut delta);
        delta
    }

    /// Ends the stream; returns the rest of the text. A block that the model itself left without a call was text after all. In
    /// an answer that was `cut`, it is a call that would have gone on: half of its markup is of no use to a reader, nor is the
    /// beginning of its tag (a single character is not taken for one).
    pub fn finish(&mut self, cut: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let is_markup = self.in_block || held.chars().nth(1).is_some();
        if self.n_calls > 0 || (cut && is_markup) { String::new() } else { held }
    }

    /// Takes complete calls off the block's front.
    fn take_calls(&mut self, delta: &mut ToolDelta) {
        let (open, close) = self.format.call_tags();
        while let Some(start) = self.held.find(open) {
            let Some(length) = self.held[start + open.len()..].find(close) else { return };
            let inner = start + open.len();
            let end = inner + length + close.len();
            match self.read(&self.held[inner..inner + length]) {
                Some(call) => {
                    delta.calls.push(call);
                    self.n_calls += 1;
                    self.held.drain(..end);
                }
                None => delta.content.extend(self.held.drain(..end)),
            }
        }
    }

    fn read(&self, inner: &str) -> Option<ToolCall> {
        match self.format {
            ToolFormat::Tagged => read_json(inner),
            ToolFormat::Fenced | ToolFormat::Bare => read_block(inner),
        }
    }
}

fn read_block(inner: &str) -> Option<ToolCall> {
    let (before, after) = inner.split_once(SEP)?;
    let fenced = after.split_once("```json").or_else(|| after.split_once("```"));
    let (name, arguments) = match fenced {
        Some((name, rest)) => (name, rest.rsplit_once("```").map_or(rest, |(arguments, _)| arguments)),
        None => (before, after),
    };
    call(name, arguments.trim())
}

fn read_json(inner: &str) -> Option<ToolCall> {
    let value: Map<String, Value> = serde_json::from_str(inner.trim()).ok()?;
    let arguments = value.get("arguments").or(value.get("parameters"))?;
    // A few models write the arguments as a string that holds JSON.
    let arguments = match arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    call(value.get("name")?.as_str()?, &arguments)
}

fn call(name: &str, arguments: &str) -> Option<ToolCall> {
    let name = name.trim();
    let is_object = serde_json::from_str::<Map<String, Value>>(arguments).is_ok();
    (is_object && !name.is_empty()).then(|| ToolCall { name: name.to_owned(), arguments: arguments.to_owned() })
}
