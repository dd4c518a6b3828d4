//! Tools, which of them to call, and the form of the answer.

use std::collections::BTreeSet;

use engine::Grammar;
use serde_json::{Map, Value, json};

use super::fields::{Fields, shown};
use crate::error::ApiError;

/// Whether the model calls a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// What a request says about tools.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolsWish {
    /// In OpenAI's form: `{"type": "function", "function": {"name", "description", "parameters", "strict"}}`.
    pub definitions: Vec<Value>,
    pub choice: ToolChoice,
    /// Whether one answer may hold several calls.
    pub parallel: bool,
}

impl ToolsWish {
    /// Whether the model may call.
    pub fn is_on(&self) -> bool {
        !self.definitions.is_empty() && self.choice != ToolChoice::None
    }

    /// Whether one answer may hold one call only: a choice by name is of one call, as at OpenAI.
    pub fn allows_one_call(&self) -> bool {
        !self.parallel || matches!(self.choice, ToolChoice::Named(_))
    }

    /// Takes `tools`, `tool_choice` and `parallel_tool_calls`.
    pub fn take(fields: &mut Fields) -> Result<Self, ApiError> {
        let mut definitions = take_list(fields, read_tool)?;
        let choice = read_choice(fields, &mut definitions)?;
        let parallel = fields.take("parallel_tool_calls", "true or false")?.unwrap_or(true);
        Ok(Self { definitions, choice, parallel })
    }
}

/// Most tools of a request.
const MAX_TOOLS: usize = 128;

/// Longest name of one, as OpenAI has it.
const MAX_NAME: usize = 64;

/// Takes `tools`, each as `read` has it.
pub fn take_list(
    fields: &mut Fields,
    read: impl Fn((usize, Value)) -> Result<Value, ApiError>,
) -> Result<Vec<Value>, ApiError> {
    let tools = fields.take::<Vec<Value>>("tools", "a list of tools")?.unwrap_or_default();
    if tools.len() > MAX_TOOLS {
        return Err(fields.refuse("tools", format!("has {} tools, but at most {MAX_TOOLS} are possible", tools.len())));
    }
    let tools: Vec<Value> = tools.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let mut names = BTreeSet::new();
    match tools.iter().find(|tool| !names.insert(tool["function"]["name"].as_str())) {
        None => Ok(tools),
        Some(tool) => {
            let name = &tool["function"]["name"];
            Err(fields.refuse("tools", format!("has two tools with the name {name}: give each its own")))
        }
    }
}

/// The name of a tool at `path`, of at most `longest` characters.
pub fn name_of<'a>(function: &'a Value, path: &str, longest: usize) -> Result<&'a str, ApiError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let name = function["name"].as_str().unwrap_or_default();
    if name.is_empty() || name.len() > longest || !name.chars().all(legal) {
        let message = format!("`{path}` needs a name of 1 to {longest} letters, digits, `_`, `-` or `.`");
        return Err(ApiError::invalid(path, message));
    }
    Ok(name)
}

/// A choice that demands a call demands tools.
pub fn check_choice(fields: &Fields, choice: &ToolChoice, definitions: &[Value]) -> Result<(), ApiError> {
    match choice {
        ToolChoice::Required if definitions.is_empty() => {
            Err(fields.refuse("tool_choice", "demands a call, but `tools` is empty"))
        }
        ToolChoice::Named(name) if !definitions.iter().any(|tool| tool["function"]["name"] == name.as_str()) => {
            Err(fields.refuse("tool_choice", format!("names \"{name}\", which is not among `tools`")))
        }
        _ => Ok(()),
    }
}

/// The schema of a tool's arguments, which are an object whether it says so or not; `None` for one of anything else.
pub fn schema_of_object(schema: &Value) -> Option<Value> {
    let mut schema = schema.as_object()?.clone();
    let kind = schema.entry("type").or_insert_with(|| json!("object"));
    let is_object = *kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"));
    *kind = json!("object");
    is_object.then_some(schema.into())
}

/// A tool's name, description and parameters, in OpenAI's form.
pub fn tool_json(name: &str, description: Option<&str>, parameters: Value, strict: bool) -> Value {
    let mut function = Map::from_iter([("name".to_owned(), Value::from(name))]);
    if let Some(description) = description {
        function.insert("description".into(), description.into());
    }
    function.insert("parameters".into(), parameters);
    if strict {
        function.insert("strict".into(), true.into());
    }
    json!({"type": "function", "function": function})
}

/// A tool's description.
pub fn description_of<'a>(function: &'a Value, path: &str) -> Result<Option<&'a str>, ApiError> {
    match &function["description"] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(not_a(other, path, "description", "a string")),
    }
}

/// Whether a tool's calls must fit their schema.
pub fn strict_of(function: &Value, path: &str) -> Result<bool, ApiError> {
    match &function["strict"] {
        Value::Null => Ok(false),
        Value::Bool(strict) => Ok(*strict),
        other => Err(not_a(other, path, "strict", "true or false")),
    }
}

fn not_a(value: &Value, path: &str, name: &str, expected: &str) -> ApiError {
    let path = format!("{path}.{name}");
    ApiError::invalid(&path, format!("`{path}` is {}, but must be {expected}", shown(value)))
}

/// Refuses what an object at `path` has beside the fields `known`, but for those that change nothing.
pub fn refuse_unknown(object: &Value, path: &str, known: &[&str], ignored: &[&str]) -> Result<(), ApiError> {
    let all = object.as_object().into_iter().flatten();
    let others = all.filter(|(name, _)| !known.contains(&name.as_str()));
    let others = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    Fields::new(others, format!("{path}.")).refuse_others_but(known, ignored)
}

/// One tool, of Chat Completions' form or of the flat one of Responses.
pub fn read_tool((idx, tool): (usize, Value)) -> Result<Value, ApiError> {
    let path = format!("tools[{idx}]");
    let refuse = |what: &str| ApiError::invalid(&path, format!("`{path}` {what}"));
    if tool["type"] != "function" {
        return Err(refuse("is not of type \"function\", and this server has no tools of its own"));
    }
    let (function, at, of_function) = match tool["function"].is_object() {
        true => (&tool["function"], format!("{path}.function"), &["name", "description", "parameters", "strict"][..]),
        false => (&tool, path.clone(), &["type", "name", "description", "parameters", "strict"][..]),
    };
    let name = name_of(function, &path, MAX_NAME)?;
    let parameters = match &function["parameters"] {
        Value::Null => json!({"type": "object", "properties": {}}),
        schema => {
            schema_of_object(schema).ok_or_else(|| refuse("has parameters that are not an object's JSON schema"))?
        }
    };
    if tool["function"].is_object() {
        refuse_unknown(&tool, &path, &["type", "function"], &["cache_control"])?;
    }
    refuse_unknown(function, &at, of_function, &["cache_control"])?;
    Ok(tool_json(name, description_of(function, &at)?, parameters, strict_of(function, &at)?))
}

/// Takes `tool_choice`. One that allows some of the tools only takes the others away.
fn read_choice(fields: &mut Fields, definitions: &mut Vec<Value>) -> Result<ToolChoice, ApiError> {
    let expected =
        "none, auto, required, {\"type\": \"function\", \"function\": {\"name\": …}} or one of type \"allowed_tools\"";
    let choice = match fields.take::<Value>("tool_choice", expected)? {
        None => return Ok(ToolChoice::Auto),
        Some(Value::String(word)) => choice_of(fields, &word, expected)?,
        Some(object) if object["type"] == "allowed_tools" => {
            // Chat Completions has mode and tools in an object of their own, Responses beside the type.
            let allowed = if object["allowed_tools"].is_object() { &object["allowed_tools"] } else { &object };
            let tools = allowed["tools"].as_array().filter(|tools| !tools.is_empty());
            let tools = tools.ok_or_else(|| fields.refuse("tool_choice", "allows no tools: `tools` must name some"))?;
            let mut names = Vec::new();
            for tool in tools {
                let name = name_in(fields, tool, "of objects with a name in `tools`")?;
                check_choice(fields, &ToolChoice::Named(name.clone()), definitions)?;
                names.push(name);
            }
            definitions.retain(|tool| names.iter().any(|name| tool["function"]["name"] == name.as_str()));
            choice_of(fields, allowed["mode"].as_str().unwrap_or("auto"), "auto or required")?
        }
        Some(object) => ToolChoice::Named(name_in(fields, &object, expected)?),
    };
    check_choice(fields, &choice, definitions)?;
    Ok(choice)
}

fn choice_of(fields: &Fields, word: &str, expected: &str) -> Result<ToolChoice, ApiError> {
    match word {
        "none" => Ok(ToolChoice::None),
        "auto" => Ok(ToolChoice::Auto),
        "required" | "any" => Ok(ToolChoice::Required),
        _ => Err(fields.refuse("tool_choice", format!("is \"{word}\", but must be {expected}"))),
    }
}

/// The name of the tool that `object` chooses.
fn name_in(fields: &Fields, object: &Value, expected: &str) -> Result<String, ApiError> {
    let name = object["function"]["name"].as_str().or(object["name"].as_str());
    Ok(name.ok_or_else(|| fields.refuse("tool_choice", format!("must be {expected}")))?.to_owned())
}

/// What an answer must be, and the field that says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub grammar: Grammar,
    pub field: &'static str,
}

/// Names of the fields that [`take_format`] reads.
pub const FORMAT_FIELDS: [&str; 9] = [
    "response_format",
    "json_schema",
    "guided_json",
    "guided_regex",
    "guided_grammar",
    "guided_choice",
    "structured_outputs",
    "regex",
    "ebnf",
];

/// Takes `response_format`, llama.cpp's `json_schema`, vLLM's `structured_outputs` or one of its older `guided_…`, or SGLang's
/// `regex` and `ebnf`.
pub fn take_format(fields: &mut Fields) -> Result<Option<Form>, ApiError> {
    let mut found: Vec<Form> = Vec::new();
    let mut add = |field, grammar: Option<Grammar>| found.extend(grammar.map(|grammar| Form { grammar, field }));
    if let Some(format) = fields.take_object("response_format", "an object such as {\"type\": \"json_object\"}")? {
        add("response_format", read_format(format)?);
    }
    for (field, kind) in [
        ("json_schema", Kind::Schema),
        ("guided_json", Kind::Schema),
        ("guided_regex", Kind::Regex),
        ("guided_grammar", Kind::Grammar),
        ("guided_choice", Kind::Choice),
        ("regex", Kind::Regex),
        ("ebnf", Kind::Grammar),
    ] {
        add(field, take_kind(fields, field, kind)?);
    }
    if let Some(mut outputs) = fields.take_object("structured_outputs", "an object such as {\"regex\": \"[0-9]+\"}")? {
        let kinds =
            [("json", Kind::Schema), ("regex", Kind::Regex), ("grammar", Kind::Grammar), ("choice", Kind::Choice)];
        for (name, kind) in kinds {
            add("structured_outputs", take_kind(&mut outputs, name, kind)?);
        }
        outputs.refuse_others(&kinds.map(|(name, _)| name))?;
    }
    match &found[..] {
        [] | [_] => Ok(found.pop()),
        [first, second, ..] => {
            let what = format!("and `{}` may not be set at the same time: send one form", second.field);
            Err(fields.refuse(first.field, what))
        }
    }
}

/// Ways to say what an answer must be.
#[derive(Clone, Copy)]
enum Kind {
    Schema,
    Regex,
    Grammar,
    Choice,
}

fn take_kind(fields: &mut Fields, name: &str, kind: Kind) -> Result<Option<Grammar>, ApiError> {
    let grammar = match kind {
        Kind::Schema => match fields.take::<Value>(name, "a JSON schema")? {
            // vLLM and SGLang take it as a text too.
            Some(Value::String(text)) => {
                let refuse = |error| fields.refuse(name, format!("is a text, but no JSON schema: {error}"));
                Some(Grammar::LenientSchema(serde_json::from_str(&text).map_err(refuse)?))
            }
            schema => schema.map(Grammar::LenientSchema),
        },
        Kind::Regex => fields.take::<String>(name, "a regular expression")?.map(Grammar::Regex),
        Kind::Grammar => fields.take::<String>(name, "a grammar in Lark's form")?.map(Grammar::Lark),
        Kind::Choice => {
            let expected = "a list of texts, none of them empty";
            let Some(texts) = fields.take::<Vec<String>>(name, expected)? else { return Ok(None) };
            if texts.is_empty() || texts.iter().any(String::is_empty) {
                return Err(fields.refuse(name, format!("must be {expected}")));
            }
            // As Lark writes texts.
            let texts: Vec<String> = texts.into_iter().map(|text| Value::from(text).to_string()).collect();
            Some(Grammar::Lark(format!("start: {}", texts.join(" | "))))
        }
    };
    match &grammar {
        Some(Grammar::Lark(text)) if !matches!(kind, Kind::Choice) && text.contains("::=") => {
            let what = "is a grammar in EBNF (`name ::= …`), which this server does not read: write it in Lark's form (`name: …`)";
            Err(fields.refuse(name, what))
        }
        _ => Ok(grammar),
    }
}

/// The object of `response_format`, and of `text.format` of Responses, where name and schema stand in the object itself.
pub fn read_format(mut format: Fields) -> Result<Option<Grammar>, ApiError> {
    let expected = "text, json_object, json_schema, regex or grammar";
    let kind: String = format.take("type", expected)?.unwrap_or_default();
    let grammar = match kind.as_str() {
        "text" => None,
        // llama.cpp's clients send a schema with it.
        "json_object" => match format.take_object("schema", "a JSON schema")? {
            Some(schema) => Some(Grammar::LenientSchema(schema.map.into())),
            None => Some(Grammar::json_object()),
        },
        "json_schema" => {
            let inner = format.take_object("json_schema", "an object with `name` and `schema`")?;
            let inner = match inner {
                Some(mut inner) => {
                    let grammar = named_schema(&mut inner)?;
                    inner.refuse_others(&["name", "description", "schema", "strict"])?;
                    grammar
                }
                None => named_schema(&mut format)?,
            };
            Some(inner)
        }
        "regex" => {
            let pattern = format.take("pattern", "a regular expression")?;
            Some(Grammar::Regex(pattern.ok_or_else(|| format.refuse("pattern", "is missing"))?))
        }
        "grammar" => {
            let grammar = format.take("grammar", "a grammar in Lark's form")?;
            Some(Grammar::Lark(grammar.ok_or_else(|| format.refuse("grammar", "is missing"))?))
        }
        other => return Err(format.refuse("type", format!("is \"{other}\", but must be {expected}"))),
    };
    format.refuse_others(&["type", "json_schema", "schema", "name", "description", "strict", "pattern", "grammar"])?;
    Ok(grammar)
}

/// A schema with its name and whether it is meant to the letter.
fn named_schema(fields: &mut Fields) -> Result<Grammar, ApiError> {
    let schema = fields.take::<Value>("schema", "a JSON schema")?;
    let schema = schema.ok_or_else(|| fields.refuse("schema", "is missing: give a JSON schema"))?;
    for name in ["name", "description"] {
        fields.take::<String>(name, "a string")?;
    }
    match fields.take("strict", "true or false")? {
        Some(true) => Ok(Grammar::JsonSchema(schema)),
        _ => Ok(Grammar::LenientSchema(schema)),
    }
}
