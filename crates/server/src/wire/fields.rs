//! A JSON object from which fields are taken by name, with errors that name the field and say what it must be.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Names;
use crate::error::ApiError;

/// What is left of an object while it is read.
pub struct Fields {
    /// The fields not taken yet.
    pub map: Map<String, Value>,
    /// Path of the object, with a dot after it, for error messages.
    path: String,
}

impl Fields {
    /// The object at `path` (empty for the whole body, else with a dot at its end).
    pub fn new(map: Map<String, Value>, path: impl Into<String>) -> Self {
        Self { map, path: path.into() }
    }

    /// Reads a request body.
    pub fn of_body(body: &[u8]) -> Result<Self, ApiError> {
        // Files that some editors and shells write begin with a mark.
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let value: Value = serde_json::from_slice(body).map_err(|error| ApiError {
            code: Some("invalid_json"),
            ..ApiError::invalid("body", format!("the request body is not valid JSON: {error}"))
        })?;
        match value {
            Value::Object(map) => Ok(Self::new(map, "")),
            _ => Err(ApiError::invalid("body", "the request body must be a JSON object")),
        }
    }

    /// Takes a field; `None` if it is absent or null. `expected` completes "must be".
    pub fn take<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let value = match self.map.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let shown = shown(&value);
        serde_json::from_value(integral(value))
            .map(Some)
            .map_err(|_| self.refuse(name, format!("is {shown}, but must be {expected}")))
    }

    /// Takes a number in a range.
    pub fn take_in(&mut self, name: &str, range: std::ops::RangeInclusive<f32>) -> Result<Option<f32>, ApiError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let Some(value) = self.take::<f32>(name, &expected)? else { return Ok(None) };
        if range.contains(&value) {
            return Ok(Some(value));
        }
        Err(self.refuse(name, format!("is {value}, but must be {expected}")))
    }

    /// Takes an object.
    pub fn take_object(&mut self, name: &str, expected: &str) -> Result<Option<Fields>, ApiError> {
        let map = self.take::<Map<String, Value>>(name, expected)?;
        Ok(map.map(|map| Self::new(map, format!("{}{name}.", self.path))))
    }

    /// An error about a field: its path, quoted, and then `what`.
    pub fn refuse(&self, name: &str, what: impl AsRef<str>) -> ApiError {
        let path = format!("{}{name}", self.path);
        ApiError::invalid(&path, format!("`{path}` {}", what.as_ref()))
    }

    /// Refuses fields that are left and ask for something.
    pub fn refuse_others(&self, known: &[&str]) -> Result<(), ApiError> {
        self.refuse_others_but(known, &[])
    }

    /// The same, but for the fields `ignored`, which clients send and which change nothing.
    pub fn refuse_others_but(&self, known: &[&str], ignored: &[&str]) -> Result<(), ApiError> {
        let asks = |value: &Value| !value.is_null() && *value != Value::Bool(false);
        match self.map.iter().find(|(name, value)| asks(value) && !ignored.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                let path = format!("{}{}", self.path, short(name));
                let message = format!("unknown field `{path}`: known here are {}", known.join(", "));
                Err(ApiError { code: Some("unsupported_parameter"), ..ApiError::invalid(path, message) })
            }
        }
    }

    /// Refuses fields that are left, but for labels, and for fields that are set to a value that asks for nothing.
    pub fn refuse_the_rest(&self, names: &Names) -> Result<(), ApiError> {
        let Names { known, labels, neutral } = names;
        for (name, value) in &self.map {
            if value.is_null() || labels.contains(&name.as_str()) {
                continue;
            }
            let name = &short(name);
            let message = match neutral.iter().find(|(known, _)| known == name) {
                Some((_, neutral)) if neutral.contains(&value.to_string().as_str()) => continue,
                Some(_) => format!("`{name}` is not supported by this server: remove it"),
                None => format!("unknown field `{name}`: did you mean `{}`?", nearest(name, known)),
            };
            return Err(ApiError { code: Some("unsupported_parameter"), ..ApiError::invalid(name.as_str(), message) });
        }
        Ok(())
    }
}

/// A value for an error message, cut short.
pub fn shown(value: &Value) -> String {
    short(&value.to_string())
}

/// A text for an error message, cut short.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number without a fraction as a whole one, as JSON means it: some clients know one kind of number only.
fn integral(value: Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 9e15 => Value::from(number as i64),
        _ => value,
    }
}

/// What different dialects call the same.
const SYNONYMS: [&[&str]; 5] = [
    &["messages", "input", "prompt"],
    &["max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "max_new_tokens"],
    &["stop", "stop_sequences"],
    &["system", "instructions"],
    &["response_format", "text", "output_config", "format"],
];

/// The known field that means the same in another dialect, or else the one with the smallest edit distance.
fn nearest(name: &str, known: &[&'static str]) -> &'static str {
    let mut synonyms = SYNONYMS.iter().filter(|all| all.contains(&name)).flat_map(|all| all.iter());
    if let Some(same) = synonyms.find(|synonym| known.contains(synonym)) {
        return same;
    }
    known.iter().min_by_key(|known| edit_distance(known, name)).copied().unwrap_or("model")
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
