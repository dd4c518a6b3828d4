//! A JSON object with given keys and values.

use super::words::KEYS;
use crate::rng::Rng;
use crate::task::Judgement;
use crate::worked::Trace;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Keys with their values, in the order of the prompt.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    fields: Vec<(String, Value)>,
}

/// An object's keys and values as they are written: a key that comes twice is there twice.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl Object {
    /// `difficulty + 1` keys.
    pub fn draw(rng: &mut Rng, difficulty: u8) -> Self {
        let mut fields: Vec<(String, Value)> = Vec::new();
        while fields.len() < usize::from(difficulty) + 1 {
            let (key, values) = rng.pick(KEYS);
            if fields.iter().all(|(other, _)| other != key) {
                let value = match values {
                    [] => Value::from(rng.between(1, 99)),
                    values => Value::from(rng.pick(values)),
                };
                fields.push((key.to_string(), value));
            }
        }
        Self { fields }
    }

    /// The prompt.
    pub fn ask(&self, rng: &mut Rng) -> String {
        let bare = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
        let said: Vec<String> = self.fields.iter().map(|(key, value)| format!("{key} is {}", bare(value))).collect();
        let said = said.join(", ");
        match rng.below(3) {
            0 => format!("Answer with a JSON object and nothing else: {said}."),
            1 => format!("Write this as a JSON object: {said}."),
            _ => format!("Turn it into JSON, numbers as numbers, words as strings: {said}."),
        }
    }

    /// The object, each key on a line of the thinking.
    pub fn worked(&self, trace: &mut Trace) -> String {
        for (key, value) in &self.fields {
            trace.line(format!("{key}: {} {value}", if value.is_string() { "string" } else { "number" }));
        }
        let fields: Vec<String> = self.fields.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{{}}}", fields.join(", "))
    }

    /// Right when the answer is this object and nothing else; the order of keys is free.
    pub fn judge(&self, text: &str) -> Judgement {
        let expected: Map<String, Value> = self.fields.iter().cloned().collect();
        if expected.is_empty() {
            return Judgement::cannot_judge("the problem has no keys");
        }
        let Fields(fields) = match serde_json::from_str(unfenced(text)) {
            Ok(found) => found,
            Err(error) => return Judgement::wrong(format!("not a JSON object: {error}")),
        };
        let n_fields = fields.len();
        let found: Map<String, Value> = fields.into_iter().collect();
        if found.len() < n_fields {
            return Judgement::wrong("a key comes twice");
        }
        if let Some((key, _)) = expected.iter().find(|(key, value)| found.get(*key) != Some(value)) {
            return Judgement::wrong(format!("`{key}` is missing or has another value"));
        }
        if found.len() > expected.len() {
            return Judgement::wrong(format!("{} keys, not {}", found.len(), expected.len()));
        }
        Judgement::right("the object has the keys and values asked for")
    }
}

/// JSON without the fences that it has in Markdown.
pub(super) fn unfenced(text: &str) -> &str {
    let inside = text.trim().strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    inside.map_or(text, |inside| inside.strip_prefix("json").unwrap_or(inside))
}
