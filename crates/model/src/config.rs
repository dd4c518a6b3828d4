//! What a model is: Hugging Face's `config.json`, read, checked and written.
//!
//! Everything else in the workspace (the model files, counting, the planner) starts from the structs here, whose
//! fields carry Hugging Face's names. Reading is strict where it matters: a key that changes the computation in a way
//! we do not implement is refused by name, sizes that cannot be true are refused before anything is allocated, and
//! keys that we do not know are left alone, because the file is theirs.
//!
//! Both dialects of `transformers` are read: `rope_theta` with `rope_scaling` (4.x) and `rope_parameters` (5.x);
//! the first is written, which both load. Key names: DeepSeek's `configuration_deepseek.py` and `transformers` 5.23.

mod counted;
mod deepseek;
mod dense;
mod fields;
mod rope;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};

pub use deepseek::{DeepseekModelType, DeepseekV3Config, LATENT_NORM_EPS, ScoringFunc, TopkMethod};
pub use dense::{DenseConfig, DenseModelType, ExpertsConfig};
pub use rope::RopeScaling;

use crate::error::{Error, Result};
use fields::Fields;

/// The values of `model_type` that this crate reads, as error messages list them.
pub const SUPPORTED: &str = "deepseek_v3, deepseek_v2, kimi_k2, llama, qwen2, qwen3";

/// The configuration of one model.
#[derive(Clone, Debug, PartialEq)]
pub enum Config {
    /// DeepSeek-V3, R1, R1-Zero, V3.1; V2 and V2-Lite for counting.
    DeepseekV3(DeepseekV3Config),
    /// Llama, Qwen2 and Qwen3: dense decoders with grouped-query attention. Others of the kind, with experts or without,
    /// for counting.
    Dense(DenseConfig),
}

/// How a model's experts are made up, whatever its architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    /// Routed experts of a layer.
    pub n_routed: usize,
    /// Of them those that a token meets.
    pub per_token: usize,
    /// Experts that every token meets.
    pub n_shared: usize,
    /// Groups of experts, and those among which a token may choose; 1 of 1 where it may choose among all.
    pub n_group: usize,
    /// The second of these.
    pub topk_group: usize,
    /// Width of an expert.
    pub intermediate_size: usize,
    /// Layers before the first with experts.
    pub first_k_dense: usize,
}

/// How the stored weights are quantized (`quantization_config`); `None` for plain floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizationConfig {
    /// `fp8` for DeepSeek's block-scaled files; others (`awq`, `gptq`, ..) are kept for the error message.
    pub quant_method: String,
    /// Rows and columns that share one scale (`weight_block_size`), where the method has blocks.
    pub weight_block_size: Option<[usize; 2]>,
    /// The object as it was found, written back unchanged.
    pub raw: Value,
}

impl Config {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// Text that is not a JSON object, an architecture that is not supported, a key that changes the computation in an
    /// unsupported way, or sizes that cannot be true; the message names the key, what was found and what is expected.
    pub fn from_json(text: &str) -> Result<Config> {
        let value: Value = serde_json::from_str(text).map_err(|e| Error::config(format!("not valid JSON: {e}")))?;
        let Value::Object(map) = &value else {
            return Err(Error::config("expected a JSON object at the top"));
        };
        let config = Config::from_map(map)?;
        config.validate()?;
        Ok(config)
    }

    /// Reads `config.json` at `path`.
    ///
    /// # Errors
    /// As [`Config::from_json`], with the path in the message; or the file cannot be read.
    pub fn from_file(path: &Path) -> Result<Config> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        Config::from_json(&text).map_err(|e| e.in_file(path))
    }

    fn from_map(map: &Map<String, Value>) -> Result<Config> {
        let fields = Fields::new(map);
        let model_type = match (fields.text("model_type")?, map.get("architectures")) {
            (Some(name), _) => name.to_owned(),
            (None, Some(Value::Array(names))) => match names.first().and_then(Value::as_str) {
                Some("DeepseekV3ForCausalLM") => "deepseek_v3".to_owned(),
                Some("DeepseekV2ForCausalLM") => "deepseek_v2".to_owned(),
                Some("LlamaForCausalLM") => "llama".to_owned(),
                Some("Qwen2ForCausalLM") => "qwen2".to_owned(),
                Some("Qwen3ForCausalLM") => "qwen3".to_owned(),
                other => other.unwrap_or("").to_owned(),
            },
            _ if map.contains_key("n_activated_experts") => {
                return Err(Error::config(
                    "this is a configuration of DeepSeek's inference demo (keys such as `dim` and `n_layers`); \
                     expected Hugging Face's config.json, with `model_type`",
                ));
            }
            _ => {
                return Err(Error::config(format!("no `model_type`; supported: {SUPPORTED}")));
            }
        };
        match model_type.as_str() {
            // Kimi K2 is V3's architecture under a name of its own (arXiv:2507.20534, section 2.3).
            "deepseek_v3" | "kimi_k2" => {
                Ok(Config::DeepseekV3(DeepseekV3Config::read(&fields, DeepseekModelType::V3)?))
            }
            "deepseek_v2" => Ok(Config::DeepseekV3(DeepseekV3Config::read(&fields, DeepseekModelType::V2)?)),
            "llama" => Ok(Config::Dense(DenseConfig::read(&fields, DenseModelType::Llama)?)),
            "qwen2" => Ok(Config::Dense(DenseConfig::read(&fields, DenseModelType::Qwen2)?)),
            "qwen3" => Ok(Config::Dense(DenseConfig::read(&fields, DenseModelType::Qwen3)?)),
            "deepseek_v32" | "deepseek_v4" => Err(Error::Architecture {
                found: model_type,
                hint: "sparse attention (DeepSeek-V3.2 and later) is not implemented; \
                       DeepSeek-V3, V3.1 and R1 are"
                    .to_owned(),
            }),
            other => match counted::known(other) {
                Some(counted) => Ok(Config::Dense(counted::read(&fields, counted)?)),
                None => Err(Error::Architecture {
                    found: model_type,
                    hint: format!(
                        "supported: {SUPPORTED}; counted for plans: {}; to plan another decoder, write its sizes into a \
                         config.json with the `model_type` of the one that it resembles",
                        counted::names().join(", ")
                    ),
                }),
            },
        }
    }

    /// Refuses sizes that cannot be true: zero, not divisible, more experts chosen than there are, or so large that a
    /// count overflows. Reading calls it; call it after changing a field by hand.
    ///
    /// # Errors
    /// The message names the keys, their values and the rule.
    pub fn validate(&self) -> Result<()> {
        match self {
            Config::DeepseekV3(c) => c.validate(),
            Config::Dense(c) => c.validate(),
        }
    }

    /// Whether the model code can run this configuration, as opposed to only counting it.
    ///
    /// # Errors
    /// Names what is missing: V2's routing, or quantized weights.
    pub fn check_runnable(&self) -> Result<()> {
        if let Config::DeepseekV3(c) = self
            && c.model_type == DeepseekModelType::V2
        {
            return Err(Error::Architecture {
                found: "deepseek_v2".to_owned(),
                hint: "its parameters can be counted, but its softmax routing is not implemented yet; \
                       runnable: deepseek_v3, llama, qwen2, qwen3"
                    .to_owned(),
            });
        }
        if let Config::Dense(c) = self
            && let DenseModelType::Counted(name) = c.model_type
        {
            return Err(Error::Architecture {
                found: name.to_owned(),
                hint: "its parameters can be counted and its training planned, but it cannot be run; \
                       runnable: deepseek_v3, llama, qwen2, qwen3"
                    .to_owned(),
            });
        }
        match self.quantization_config() {
            Some(q) => Err(Error::unsupported(
                "quantization_config",
                format!("quant_method {}", q.quant_method),
                "plain F32, F16 or BF16 weights",
            )),
            None => Ok(()),
        }
    }

    /// The text of a `config.json` that `transformers` loads; reading it back gives an equal configuration.
    pub fn to_json(&self) -> String {
        let map = match self {
            Config::DeepseekV3(c) => c.write(),
            Config::Dense(c) => c.write(),
        };
        let mut text = serde_json::to_string_pretty(&Value::Object(map))
            .unwrap_or_else(|e| panic!("a configuration is always valid JSON: {e}"));
        text.push('\n');
        text
    }

    /// `model_type` in `config.json`.
    pub fn model_type(&self) -> &'static str {
        match self {
            Config::DeepseekV3(c) => c.model_type.name(),
            Config::Dense(c) => c.model_type.name(),
        }
    }

    /// Entries of the vocabulary: rows of the embedding and of the output head.
    pub fn vocab_size(&self) -> usize {
        match self {
            Config::DeepseekV3(c) => c.vocab_size,
            Config::Dense(c) => c.vocab_size,
        }
    }

    /// The experts of its layers; `None` in a dense model.
    pub fn experts(&self) -> Option<Experts> {
        match self {
            Config::DeepseekV3(c) if c.n_routed_experts > 0 => Some(Experts {
                n_routed: c.n_routed_experts,
                per_token: c.num_experts_per_tok,
                n_shared: c.n_shared_experts,
                n_group: c.n_group.max(1),
                topk_group: c.topk_group.max(1),
                intermediate_size: c.moe_intermediate_size,
                first_k_dense: c.first_k_dense_replace,
            }),
            Config::DeepseekV3(_) => None,
            Config::Dense(c) => c.experts.as_ref().map(|e| Experts {
                n_routed: e.n_routed_experts,
                per_token: e.num_experts_per_tok,
                n_shared: e.shared_intermediate_size.div_ceil(e.moe_intermediate_size.max(1)),
                n_group: 1,
                topk_group: 1,
                intermediate_size: e.moe_intermediate_size,
                first_k_dense: e.first_k_dense_replace,
            }),
        }
    }

    /// Width of the residual stream.
    pub fn hidden_size(&self) -> usize {
        match self {
            Config::DeepseekV3(c) => c.hidden_size,
            Config::Dense(c) => c.hidden_size,
        }
    }

    /// Transformer layers of the main model (an MTP layer is not among them).
    pub fn num_hidden_layers(&self) -> usize {
        match self {
            Config::DeepseekV3(c) => c.num_hidden_layers,
            Config::Dense(c) => c.num_hidden_layers,
        }
    }

    /// Positions the model is made for, after RoPE scaling.
    pub fn max_position_embeddings(&self) -> usize {
        match self {
            Config::DeepseekV3(c) => c.max_position_embeddings,
            Config::Dense(c) => c.max_position_embeddings,
        }
    }

    /// Whether the output head is the embedding matrix itself.
    pub fn tie_word_embeddings(&self) -> bool {
        match self {
            Config::DeepseekV3(c) => c.tie_word_embeddings,
            Config::Dense(c) => c.tie_word_embeddings,
        }
    }

    /// Token that opens a text, if the model has one. Not checked against the vocabulary: published files differ.
    pub fn bos_token_id(&self) -> Option<u32> {
        match self {
            Config::DeepseekV3(c) => c.bos_token_id,
            Config::Dense(c) => c.bos_token_id,
        }
    }

    /// Tokens that end an answer. Not checked against the vocabulary: published files differ.
    pub fn eos_token_ids(&self) -> &[u32] {
        match self {
            Config::DeepseekV3(c) => &c.eos_token_id,
            Config::Dense(c) => &c.eos_token_id,
        }
    }

    /// Type of the stored weights, as `torch` names it (`float32`, `bfloat16`), where the file says so.
    pub fn torch_dtype(&self) -> Option<&str> {
        match self {
            Config::DeepseekV3(c) => c.torch_dtype.as_deref(),
            Config::Dense(c) => c.torch_dtype.as_deref(),
        }
    }

    /// Sets [`Config::torch_dtype`], which a checkpoint's writer does when it chooses the type on disk.
    pub fn set_torch_dtype(&mut self, name: &str) {
        match self {
            Config::DeepseekV3(c) => c.torch_dtype = Some(name.to_owned()),
            Config::Dense(c) => c.torch_dtype = Some(name.to_owned()),
        }
    }

    /// How the stored weights are quantized, if they are.
    pub fn quantization_config(&self) -> Option<&QuantizationConfig> {
        match self {
            Config::DeepseekV3(c) => c.quantization_config.as_ref(),
            Config::Dense(c) => c.quantization_config.as_ref(),
        }
    }
}
