//! A grammar of tool calls in a model's own form, for calls that are demanded (`tool_choice`) or must fit their schema
//! (`strict`).

use std::fmt::Write as _;

use serde_json::Value;

use crate::constraint::Grammar;
use crate::constraint::schema::prepared;
use crate::tool_parser::{CALL_BEGIN, CALL_END, CALLS_BEGIN, CALLS_END, SEP, TAG_BEGIN, TAG_END, ToolFormat};

#[cfg(test)]
mod tests;

/// One tool.
#[derive(Clone, Copy, Debug)]
pub struct ToolRule<'a> {
    /// Its name.
    pub name: &'a str,
    /// Schema of its arguments.
    pub schema: &'a Value,
    /// Whether the schema is meant to the letter, or as [`Grammar::LenientSchema`] is.
    pub strict: bool,
}

/// Most calls that follow a first one: a model that does not know what else to do calls again.
const MAX_MORE_CALLS: usize = 7;

/// What calls must be.
#[derive(Clone, Copy, Debug)]
pub struct CallRules<'a> {
    /// What may be called.
    pub tools: &'a [ToolRule<'a>],
    /// Whether several calls may follow each other.
    pub parallel: bool,
    /// Whether there must be a call; otherwise any text may come before it, or in its place.
    pub required: bool,
}

/// The grammar. `id_of` knows the control tokens among the tags; others are text.
pub fn tool_grammar(format: ToolFormat, rules: CallRules, id_of: impl Fn(&str) -> Option<u32>) -> Grammar {
    let tag = |tag: &str| match id_of(tag) {
        Some(id) => format!("<[{id}]>"),
        None => literal(tag),
    };
    let more = |between: &str| match rules.parallel {
        true => format!("({between} call){{0,{MAX_MORE_CALLS}}}"),
        false => String::new(),
    };
    let (begin, end) = (tag(CALLS_BEGIN), tag(CALLS_END));
    let block = match format {
        ToolFormat::Tagged => format!("call {}", more("\"\\n\"")),
        ToolFormat::Fenced => format!("{begin} call {} {end}", more("\"\\n\"")),
        ToolFormat::Bare => format!("{begin} call {} {end}", more("")),
    };
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match rules.required {
        true => writeln!(text, "start: {block}"),
        false => writeln!(text, "start: TEXT | TEXT block\nblock: {block}\nTEXT: /(?s:.*)/"),
    };
    let names: Vec<String> = (0..rules.tools.len()).map(|i| format!("call_{i}")).collect();
    let _ = writeln!(text, "call: {}", names.join(" | "));
    for (i, ToolRule { name, schema, strict }) in rules.tools.iter().enumerate() {
        let body = match format {
            ToolFormat::Tagged => {
                let (open, close) = (tag(TAG_BEGIN), tag(TAG_END));
                let start = literal(&format!("\n{{\"name\": {}, \"arguments\": ", Value::from(*name)));
                format!("{open} {start} args_{i} \"}}\\n\" {close}")
            }
            ToolFormat::Fenced => {
                let (open, sep, close) = (tag(CALL_BEGIN), tag(SEP), tag(CALL_END));
                let start = literal(&format!("{name}\n```json\n"));
                format!("{open} \"function\" {sep} {start} args_{i} \"\\n```\" {close}")
            }
            ToolFormat::Bare => {
                let (open, sep, close) = (tag(CALL_BEGIN), tag(SEP), tag(CALL_END));
                format!("{open} {} {sep} args_{i} {close}", literal(name))
            }
        };
        let _ = writeln!(text, "call_{i}: {body}\nargs_{i}: %json {}", prepared(schema, !strict));
    }
    Grammar::Lark(text)
}

/// A string as Lark writes it.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}
