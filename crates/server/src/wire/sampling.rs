//! The fields that say how tokens are drawn, the same in every dialect.

use engine::SamplingParams;
use serde_json::Value;

use super::fields::{Fields, shown};
use crate::error::ApiError;

/// What a request says about sampling; what it leaves out is the model's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SamplingWish {
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<usize>,
    pub min_p: Option<f32>,
    pub typical_p: Option<f32>,
    pub repetition_penalty: Option<f32>,
    pub presence_penalty: Option<f32>,
    pub frequency_penalty: Option<f32>,
    pub logit_bias: Vec<(u32, f32)>,
    pub seed: Option<u64>,
}

/// Names of the fields that [`SamplingWish::take`] reads.
pub const SAMPLING_FIELDS: [&str; 11] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "seed",
];

impl SamplingWish {
    /// Takes the fields out of a request.
    pub fn take(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            temperature: fields.take_in("temperature", 0.0..=2.0)?,
            top_p: fields.take_in("top_p", 0.0..=1.0)?,
            top_k: top_k(fields)?,
            min_p: fields.take_in("min_p", 0.0..=1.0)?,
            typical_p: fields.take_in("typical_p", 0.0..=1.0)?,
            repetition_penalty: repetition_penalty(fields)?,
            presence_penalty: fields.take_in("presence_penalty", -2.0..=2.0)?,
            frequency_penalty: fields.take_in("frequency_penalty", -2.0..=2.0)?,
            logit_bias: logit_bias(fields)?,
            seed: seed(fields)?,
        })
    }

    /// The model's settings with the request's in their place, and this seed where the request gives none.
    pub fn over(&self, default: &SamplingParams, seed: u64) -> SamplingParams {
        SamplingParams {
            temperature: self.temperature.unwrap_or(default.temperature),
            top_k: self.top_k.unwrap_or(default.top_k),
            top_p: self.top_p.unwrap_or(default.top_p),
            min_p: self.min_p.unwrap_or(default.min_p),
            typical_p: self.typical_p.unwrap_or(default.typical_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(default.repetition_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(default.presence_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(default.frequency_penalty),
            logit_bias: self.logit_bias.clone(),
            seed: self.seed.unwrap_or(seed),
        }
    }
}

/// -1 and 0 both mean "off" among OpenAI-like servers.
fn top_k(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let value = fields.take::<i64>("top_k", "a whole number; 0 keeps all tokens")?;
    Ok(value.map(|k| usize::try_from(k).unwrap_or(0)))
}

/// Negative seeds are legal at OpenAI.
fn seed(fields: &mut Fields) -> Result<Option<u64>, ApiError> {
    match fields.map.get("seed") {
        Some(Value::Number(n)) if n.is_i64() || n.is_f64() => {
            Ok(fields.take::<i64>("seed", "a whole number")?.map(|s| s as u64))
        }
        _ => fields.take("seed", "a whole number"),
    }
}

/// Also under llama.cpp's name.
fn repetition_penalty(fields: &mut Fields) -> Result<Option<f32>, ApiError> {
    let [one, other] = ["repetition_penalty", "repeat_penalty"];
    let (first, second) = (fields.take_in(one, 0.1..=10.0)?, fields.take_in(other, 0.1..=10.0)?);
    match (first, second) {
        (Some(first), Some(second)) if first != second => Err(ApiError::contradiction(one, other, "send one of them")),
        _ => Ok(first.or(second)),
    }
}

/// OpenAI's map from token ids to biases, or llama.cpp's list of pairs; -100 rules a token out, as does llama.cpp's false.
fn logit_bias(fields: &mut Fields) -> Result<Vec<(u32, f32)>, ApiError> {
    let expected = "an object from token ids to numbers from -100 to 100, or a list of such pairs";
    let pairs: Vec<(Option<u32>, Value)> = match fields.take::<Value>("logit_bias", expected)? {
        None => Vec::new(),
        Some(Value::Object(map)) => map.into_iter().map(|(id, bias)| (id.parse().ok(), bias)).collect(),
        Some(Value::Array(pairs)) => {
            let id = |id: &Value| id.as_u64().and_then(|id| u32::try_from(id).ok());
            let pair = |pair: &Value| (id(&pair[0]).filter(|_| pair[2].is_null()), pair[1].clone());
            pairs.iter().map(pair).collect()
        }
        Some(other) => {
            return Err(fields.refuse("logit_bias", format!("is {}, but must be {expected}", shown(&other))));
        }
    };
    let refuse = || fields.refuse("logit_bias", format!("must be {expected}"));
    let mut biases = Vec::with_capacity(pairs.len());
    for (id, bias) in pairs {
        let bias = if bias == Value::Bool(false) { Some(-100.0) } else { bias.as_f64() };
        let bias = bias.filter(|bias| (-100.0..=100.0).contains(bias)).ok_or_else(refuse)?;
        let bias = if bias == -100.0 { f32::NEG_INFINITY } else { bias as f32 };
        biases.push((id.ok_or_else(refuse)?, bias));
    }
    Ok(biases)
}

/// `max_completion_tokens` or, in older clients, `max_tokens`; -1 is llama.cpp's word for no limit.
pub fn max_tokens(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let expected = "a whole number of at least 1, or -1 for no limit";
    let old = fields.take::<i64>("max_tokens", expected)?;
    let new = fields.take::<i64>("max_completion_tokens", expected)?;
    if let (Some(old), Some(new)) = (old, new)
        && old != new
    {
        let how = format!("they are {old} and {new}; send one of them");
        return Err(ApiError::contradiction("max_completion_tokens", "max_tokens", &how));
    }
    let name = if new.is_some() { "max_completion_tokens" } else { "max_tokens" };
    match new.or(old) {
        None | Some(-1) => Ok(None),
        Some(n) if n < 1 => Err(fields.refuse(name, format!("is {n}, but must be {expected}"))),
        Some(n) => Ok(Some(n as usize)),
    }
}

/// A string or up to 16 of them under `name`.
pub fn stop_strings(fields: &mut Fields, name: &str) -> Result<Vec<String>, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stop {
        One(String),
        Many(Vec<String>),
    }
    let stops = match fields.take(name, "a string or a list of up to 16 strings")? {
        None => Vec::new(),
        Some(Stop::One(stop)) => vec![stop],
        Some(Stop::Many(stops)) => stops,
    };
    if stops.len() > 16 || stops.iter().any(String::is_empty) {
        return Err(fields.refuse(name, "must be up to 16 strings, none of them empty"));
    }
    Ok(stops)
}

/// `stream` and `stream_options`: whether to stream, and whether the usage comes in a chunk of its own.
pub fn stream_options(fields: &mut Fields) -> Result<(bool, bool), ApiError> {
    let stream = fields.take("stream", "true or false")?.unwrap_or(false);
    let Some(mut options) = fields.take_object("stream_options", "an object")? else { return Ok((stream, false)) };
    let include_usage = options.take("include_usage", "true or false")?.unwrap_or(false);
    // OpenAI's padding against guesses from packet lengths; nothing is padded here.
    options.map.remove("include_obfuscation");
    options.refuse_others(&["include_usage"])?;
    Ok((stream, include_usage))
}

/// `n`: how many completions.
pub fn n_completions(fields: &mut Fields) -> Result<usize, ApiError> {
    let n = fields.take("n", "a whole number from 1 to 16")?.unwrap_or(1);
    if (1..=16).contains(&n) { Ok(n) } else { Err(fields.refuse("n", format!("is {n}, but must be from 1 to 16"))) }
}
