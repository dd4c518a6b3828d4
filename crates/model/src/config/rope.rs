//! Rotary position embedding: how its frequencies are scaled for contexts longer than the model was trained on.
//!
//! Sources: YaRN (arXiv:2309.00071) as DeepSeek-V3's `modeling_deepseek.py` applies it, Llama 3.1's scaling, linear
//! interpolation; names and defaults as in `transformers`' `modeling_rope_utils.py` (5.23).

use serde_json::{Map, Value, json};

use super::fields::{Fields, check_float};
use crate::error::{Error, Result};

/// `rope_scaling` of a `config.json`.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// The frequencies of `rope_theta` as they are.
    None,
    /// Every frequency divided by `factor`.
    Linear {
        /// How much longer the context is.
        factor: f64,
    },
    /// YaRN: low frequencies divided by `factor`, high ones kept, a ramp between `beta_slow` and `beta_fast`.
    Yarn {
        /// How much longer the context is.
        factor: f64,
        /// Context of pretraining, in tokens.
        original_max_position_embeddings: usize,
        /// Rotations over the original context above which a frequency is kept.
        beta_fast: f64,
        /// Rotations over the original context below which a frequency is divided by `factor`.
        beta_slow: f64,
        /// Weight of the attention temperature on cos and sin; `None` where the file does not say.
        mscale: Option<f64>,
        /// Weight of the attention temperature that DeepSeek moves into the softmax scale.
        mscale_all_dim: Option<f64>,
        /// Overrides the factor on cos and sin that the two above imply.
        attention_factor: Option<f64>,
    },
    /// Llama 3.1: by wavelength, smooth between the two factors.
    Llama3 {
        /// How much longer the context is.
        factor: f64,
        /// Wavelengths above original / this are divided by `factor`.
        low_freq_factor: f64,
        /// Wavelengths below original / this are kept.
        high_freq_factor: f64,
        /// Context of pretraining, in tokens.
        original_max_position_embeddings: usize,
    },
}

impl RopeScaling {
    /// The same scaling as the kernels' tables take it.
    pub fn to_kernel(&self) -> kernels::rope::RopeScaling {
        use kernels::rope::RopeScaling as Kernel;
        match *self {
            RopeScaling::None => Kernel::None,
            RopeScaling::Linear { factor } => Kernel::Linear { factor },
            RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast,
                beta_slow,
                mscale,
                mscale_all_dim,
                attention_factor,
                ..
            } => {
                // The table multiplies cos and sin by the ratio of two temperatures; a factor given outright is one too.
                let (mscale, mscale_all_dim) = match attention_factor {
                    None => (mscale.unwrap_or(0.0), mscale_all_dim.unwrap_or(0.0)),
                    Some(given) => ((given * yarn_mscale(factor, 1.0) - 1.0) / (0.1 * factor.ln()), 1.0),
                };
                Kernel::Yarn { factor, original_max_position_embeddings, beta_fast, beta_slow, mscale, mscale_all_dim }
            }
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
                Kernel::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings }
            }
        }
    }

    /// The factor on cos and sin (1 but for YaRN), as `transformers` computes `attention_scaling`.
    pub fn cos_sin_scale(&self) -> f64 {
        match *self {
            RopeScaling::Yarn { factor, mscale, mscale_all_dim, attention_factor, .. } => {
                match (attention_factor, mscale, mscale_all_dim) {
                    (Some(given), _, _) => given,
                    (None, Some(m), Some(all)) if m != 0.0 && all != 0.0 => {
                        yarn_mscale(factor, m) / yarn_mscale(factor, all)
                    }
                    _ => yarn_mscale(factor, 1.0),
                }
            }
            _ => 1.0,
        }
    }

    /// The factor that DeepSeek puts on the softmax scale: `(0.1 · mscale_all_dim · ln factor + 1)²`, else 1.
    /// Dense models do not have it.
    pub fn softmax_scale(&self) -> f64 {
        match *self {
            RopeScaling::Yarn { factor, mscale_all_dim: Some(all), .. } if all != 0.0 => {
                yarn_mscale(factor, all).powi(2)
            }
            _ => 1.0,
        }
    }

    /// `rope_theta` and the scaling, from either dialect of `transformers`.
    pub(super) fn read(fields: &Fields, max_position: usize) -> Result<(f64, RopeScaling)> {
        fields.only_number("partial_rotary_factor", 1.0)?;
        // As `transformers` does where both are given: the older key wins, unless it is empty.
        let parameters = match fields.object("rope_scaling")?.filter(|map| !map.is_empty()) {
            Some(map) => Some(map),
            None => fields.object("rope_parameters")?,
        };
        let top_theta = fields.optional_float("rope_theta")?;
        let Some(map) = parameters else {
            return Ok((top_theta.unwrap_or(10_000.0), RopeScaling::None));
        };
        if map.contains_key("full_attention") || map.contains_key("sliding_attention") {
            return Err(Error::unsupported(
                "rope_parameters",
                "one set for each kind of layer".to_owned(),
                "one set for all layers",
            ));
        }
        let inner = Fields::new(map);
        inner.only_number("partial_rotary_factor", 1.0)?;
        let theta = match inner.optional_float("rope_theta")? {
            Some(theta) => theta,
            None => top_theta.unwrap_or(10_000.0),
        };
        let original = match fields.optional_count("original_max_position_embeddings")? {
            Some(n) => n,
            None => inner.count("original_max_position_embeddings", max_position)?,
        };
        let rope_type = match inner.text("rope_type")? {
            Some(name) => name,
            None => inner.text("type")?.unwrap_or("default"),
        };
        let required = |key: &str| {
            inner
                .optional_float(key)?
                .ok_or_else(|| Error::invalid(&format!("rope_scaling.{key}"), "the key is missing"))
        };
        let scaling = match rope_type {
            "default" => RopeScaling::None,
            "linear" => RopeScaling::Linear { factor: required("factor")? },
            "yarn" => read_yarn(&inner, original, max_position)?,
            "llama3" => RopeScaling::Llama3 {
                factor: required("factor")?,
                low_freq_factor: required("low_freq_factor")?,
                high_freq_factor: required("high_freq_factor")?,
                original_max_position_embeddings: original,
            },
            other => {
                return Err(Error::unsupported(
                    "rope_scaling.rope_type",
                    format!("\"{other}\""),
                    "default, linear, yarn or llama3",
                ));
            }
        };
        Ok((theta, scaling))
    }

    /// Adds `rope_theta` and `rope_scaling` in the dialect that every version of `transformers` reads.
    pub(super) fn write(&self, rope_theta: f64, map: &mut Map<String, Value>) {
        map.insert("rope_theta".to_owned(), json!(rope_theta));
        let mut object = Map::new();
        match *self {
            RopeScaling::None => {}
            RopeScaling::Linear { factor } => {
                object.insert("factor".to_owned(), json!(factor));
                name_type(&mut object, "linear");
            }
            RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast,
                beta_slow,
                mscale,
                mscale_all_dim,
                attention_factor,
            } => {
                object.insert("factor".to_owned(), json!(factor));
                object.insert("original_max_position_embeddings".to_owned(), json!(original_max_position_embeddings));
                object.insert("beta_fast".to_owned(), json!(beta_fast));
                object.insert("beta_slow".to_owned(), json!(beta_slow));
                for (key, value) in
                    [("mscale", mscale), ("mscale_all_dim", mscale_all_dim), ("attention_factor", attention_factor)]
                {
                    if let Some(value) = value {
                        object.insert(key.to_owned(), json!(value));
                    }
                }
                name_type(&mut object, "yarn");
            }
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
                object.insert("factor".to_owned(), json!(factor));
                object.insert("low_freq_factor".to_owned(), json!(low_freq_factor));
                object.insert("high_freq_factor".to_owned(), json!(high_freq_factor));
                object.insert("original_max_position_embeddings".to_owned(), json!(original_max_position_embeddings));
                name_type(&mut object, "llama3");
            }
        }
        let value = if object.is_empty() { Value::Null } else { Value::Object(object) };
        map.insert("rope_scaling".to_owned(), value);
    }

    pub(super) fn validate(&self, rope_theta: f64) -> Result<()> {
        check_float("rope_theta", rope_theta, 1.0..=1e12)?;
        let original_in_range = |n: usize| {
            super::fields::check_size("rope_scaling.original_max_position_embeddings", n, super::fields::MAX_DIM)
        };
        match *self {
            RopeScaling::None => Ok(()),
            RopeScaling::Linear { factor } => check_float("rope_scaling.factor", factor, 1.0..=1e6),
            RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast,
                beta_slow,
                mscale,
                mscale_all_dim,
                attention_factor,
            } => {
                check_float("rope_scaling.factor", factor, 1.0..=1e6)?;
                original_in_range(original_max_position_embeddings)?;
                check_float("rope_theta", rope_theta, 1.001..=1e12)?;
                check_float("rope_scaling.beta_slow", beta_slow, 1e-6..=1e6)?;
                check_float("rope_scaling.beta_fast", beta_fast, beta_slow..=1e6)?;
                for (key, value) in [
                    ("rope_scaling.mscale", mscale),
                    ("rope_scaling.mscale_all_dim", mscale_all_dim),
                    ("rope_scaling.attention_factor", attention_factor),
                ] {
                    check_float(key, value.unwrap_or(0.0), 0.0..=1e3)?;
                }
                Ok(())
            }
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
                check_float("rope_scaling.factor", factor, 1.0..=1e6)?;
                original_in_range(original_max_position_embeddings)?;
                check_float("rope_scaling.low_freq_factor", low_freq_factor, 1e-6..=1e6)?;
                check_float("rope_scaling.high_freq_factor", high_freq_factor, 1e-6..=1e6)?;
                if high_freq_factor <= low_freq_factor {
                    return Err(Error::invalid(
                        "rope_scaling.high_freq_factor",
                        format!("found {high_freq_factor}, expected more than low_freq_factor = {low_freq_factor}"),
                    ));
                }
                Ok(())
            }
        }
    }
}

fn read_yarn(inner: &Fields, original: usize, max_position: usize) -> Result<RopeScaling> {
    if !inner.flag("truncate", true)? {
        return Err(Error::unsupported("rope_scaling.truncate", "false".to_owned(), "true"));
    }
    let set = |x: f64| x != 0.0;
    Ok(RopeScaling::Yarn {
        factor: match inner.optional_float("factor")? {
            Some(factor) => factor,
            None => max_position as f64 / original.max(1) as f64,
        },
        original_max_position_embeddings: original,
        beta_fast: inner.optional_float("beta_fast")?.filter(|x| set(*x)).unwrap_or(32.0),
        beta_slow: inner.optional_float("beta_slow")?.filter(|x| set(*x)).unwrap_or(1.0),
        mscale: inner.optional_float("mscale")?,
        mscale_all_dim: inner.optional_float("mscale_all_dim")?,
        attention_factor: inner.optional_float("attention_factor")?,
    })
}

/// Both spellings: `type` is what DeepSeek's own code reads, `rope_type` what `transformers` does.
fn name_type(object: &mut Map<String, Value>, name: &str) {
    object.insert("type".to_owned(), json!(name));
    object.insert("rope_type".to_owned(), json!(name));
}

/// `0.1 · mscale · ln(scale) + 1`, and 1 where nothing is scaled (YaRN, section 3.4; DeepSeek's `yarn_get_mscale`).
fn yarn_mscale(scale: f64, mscale: f64) -> f64 {
    if scale <= 1.0 { 1.0 } else { 0.1 * mscale * scale.ln() + 1.0 }
}
