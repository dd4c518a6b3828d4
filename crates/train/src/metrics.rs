//! One line of `metrics.jsonl`: names as TRL has them, values that a repeated run repeats; only `seconds` and `dollars`
//! may differ.

use crate::schedule::Position;
use serde_json::{Map, Value, json};

/// Named values of one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Adds a value.
    pub fn set(&mut self, name: &str, value: f64) {
        self.0.push((name.to_owned(), value));
    }

    /// A value by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The line. A value that is not finite has no form in JSON and is written as text.
    pub(crate) fn line(&self, at: Position, seconds: f64, dollars: f64) -> Value {
        let mut line = Map::new();
        line.insert("step".to_owned(), json!(at.step));
        line.insert("tokens".to_owned(), json!(at.tokens));
        line.insert("seconds".to_owned(), json!((seconds * 1e3).round() / 1e3));
        line.insert("dollars".to_owned(), json!(dollars));
        for (name, value) in self.iter() {
            let value = if value.is_finite() { json!(value) } else { json!(value.to_string()) };
            line.insert(name.to_owned(), value);
        }
        Value::Object(line)
    }
}
