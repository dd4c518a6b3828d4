//! Typed access to the keys of a JSON object, with errors that name the key.
//!
//! serde's derive reports a line and a column; a person who edits a `config.json` wants the key, what it holds and what
//! it should hold. `null` is the same as absent, as `transformers` treats it.

use serde_json::{Map, Value};

use super::QuantizationConfig;
use crate::error::{Error, Result};

/// No dimension of a real model comes near this; a larger one is a corrupted file.
pub(super) const MAX_DIM: usize = 1 << 24;
/// Upper bound on layers, so that nothing is sized by a lying file.
pub(super) const MAX_LAYERS: usize = 1 << 12;
/// Upper bound on routed experts of a layer.
pub(super) const MAX_EXPERTS: usize = 1 << 14;
/// Upper bound on the parameters of a model: a thousand times the largest published one.
pub(super) const MAX_PARAMS: u128 = 1_000_000_000_000_000;

pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: &'a Map<String, Value>) -> Fields<'a> {
        Fields { map }
    }

    /// The value of `key`, with `null` as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        self.optional(key, "a string", Value::as_str)
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.optional(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    pub(super) fn optional_float(&self, key: &str) -> Result<Option<f64>> {
        self.optional(key, "a number", Value::as_f64)
    }

    pub(super) fn float(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.optional_float(key)?.unwrap_or(default))
    }

    /// A count that may be zero and may be absent.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<usize>> {
        let found = self.optional(key, "a whole number of at least 0", Value::as_u64)?;
        match found.map(usize::try_from) {
            None => Ok(None),
            Some(Ok(n)) if n <= MAX_DIM => Ok(Some(n)),
            Some(_) => Err(Error::invalid(key, format!("found {}, expected at most {MAX_DIM}", self.map[key]))),
        }
    }

    pub(super) fn count(&self, key: &str, default: usize) -> Result<usize> {
        Ok(self.optional_count(key)?.unwrap_or(default))
    }

    /// A count that must be there.
    pub(super) fn required(&self, key: &str) -> Result<usize> {
        self.optional_count(key)?.ok_or_else(|| Error::invalid(key, "the key is missing"))
    }

    pub(super) fn token_id(&self, key: &str) -> Result<Option<u32>> {
        self.optional(key, "a token id", token)
    }

    /// One id, a list of ids, or nothing.
    pub(super) fn token_ids(&self, key: &str) -> Result<Vec<u32>> {
        let read = |v: &Value| match v {
            Value::Array(ids) => ids.iter().map(token).collect::<Option<Vec<u32>>>(),
            one => token(one).map(|id| vec![id]),
        };
        Ok(self.optional(key, "a token id or a list of them", read)?.unwrap_or_default())
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<&'a Map<String, Value>>> {
        self.optional(key, "an object", Value::as_object)
    }

    /// Refuses any value but `supported` (absent counts as supported): for keys that change the computation.
    pub(super) fn only_text(&self, key: &str, supported: &[&str]) -> Result<()> {
        match self.text(key)? {
            Some(found) if !supported.contains(&found) => {
                Err(Error::unsupported(key, format!("\"{found}\""), &supported.join(" or ")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses `true`: for keys that switch on something we do not implement.
    pub(super) fn only_false(&self, key: &str) -> Result<()> {
        match self.flag(key, false)? {
            true => Err(Error::unsupported(key, "true".to_owned(), "false")),
            false => Ok(()),
        }
    }

    /// Refuses any number but `supported` (absent counts as supported).
    pub(super) fn only_number(&self, key: &str, supported: f64) -> Result<()> {
        match self.optional_float(key)? {
            Some(found) if found != supported => {
                Err(Error::unsupported(key, found.to_string(), &supported.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// `dtype` (transformers 5) or `torch_dtype` (before).
    pub(super) fn torch_dtype(&self) -> Result<Option<String>> {
        let found = match self.text("dtype")? {
            Some(name) => Some(name),
            None => self.text("torch_dtype")?,
        };
        Ok(found.map(|name| name.trim_start_matches("torch.").to_owned()))
    }

    pub(super) fn quantization_config(&self) -> Result<Option<QuantizationConfig>> {
        let Some(map) = self.object("quantization_config")? else {
            return Ok(None);
        };
        let fields = Fields::new(map);
        let block = |v: &Value| match v.as_array()?.as_slice() {
            [rows, cols] => {
                let side = |v: &Value| usize::try_from(v.as_u64()?).ok().filter(|n| *n > 0);
                Some([side(rows)?, side(cols)?])
            }
            _ => None,
        };
        Ok(Some(QuantizationConfig {
            quant_method: fields.text("quant_method")?.unwrap_or("unknown").to_owned(),
            weight_block_size: fields.optional("weight_block_size", "two numbers of at least 1", block)?,
            raw: Value::Object(map.clone()),
        }))
    }

    fn optional<T>(&self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                let mut found = value.to_string();
                if found.len() > 60 {
                    found = found.chars().take(60).collect::<String>() + "..";
                }
                Error::invalid(key, format!("found {found}, expected {expected}"))
            }),
        }
    }
}

fn token(v: &Value) -> Option<u32> {
    u32::try_from(v.as_u64()?).ok()
}

/// A size that must be at least one and at most `max`.
pub(super) fn check_size(key: &str, found: usize, max: usize) -> Result<()> {
    if (1..=max).contains(&found) {
        return Ok(());
    }
    Err(Error::invalid(key, format!("found {found}, expected a number from 1 to {max}")))
}

/// A number that must be finite and inside `range` (bounds included).
pub(super) fn check_float(key: &str, found: f64, range: std::ops::RangeInclusive<f64>) -> Result<()> {
    if range.contains(&found) {
        return Ok(());
    }
    Err(Error::invalid(key, format!("found {found}, expected a number from {} to {}", range.start(), range.end())))
}

/// `part` must divide `whole`.
pub(super) fn check_divides(part: (&str, usize), whole: (&str, usize)) -> Result<()> {
    if part.1 != 0 && whole.1.is_multiple_of(part.1) {
        return Ok(());
    }
    Err(Error::invalid(part.0, format!("found {}, which does not divide {} = {}", part.1, whole.0, whole.1)))
}

/// The whole model must have a number of parameters that could be true.
pub(super) fn check_params(n_params: u128) -> Result<()> {
    if n_params <= MAX_PARAMS {
        return Ok(());
    }
    Err(Error::config(format!(
        "the sizes make {n_params} parameters, more than {MAX_PARAMS}: the file is not credible"
    )))
}
