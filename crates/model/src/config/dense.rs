//! `config.json` of Llama, Qwen2 and Qwen3: dense decoders with grouped-query attention.
//!
//! Key names and defaults from `transformers` 5.23 (`configuration_{llama,qwen2,qwen3}.py`).

use serde_json::{Map, Value, json};

use super::fields::{Fields, MAX_DIM, MAX_EXPERTS, MAX_LAYERS, check_divides, check_float, check_params, check_size};
use super::{QuantizationConfig, RopeScaling};
use crate::error::{Error, Result};

/// Which dense architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenseModelType {
    /// Llama 2 and 3, R1-Distill-Llama.
    Llama,
    /// Qwen2 and Qwen2.5, R1-Distill-Qwen: biases on q, k and v.
    Qwen2,
    /// Qwen3: norms on q and k.
    Qwen3,
    /// Another, by its `model_type`: counted, not run (`counted.rs`).
    Counted(&'static str),
}

impl DenseModelType {
    /// `model_type` in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            DenseModelType::Llama => "llama",
            DenseModelType::Qwen2 => "qwen2",
            DenseModelType::Qwen3 => "qwen3",
            DenseModelType::Counted(name) => name,
        }
    }
}

/// Experts of a decoder with grouped-query attention: counted, not run.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the file format's")]
pub struct ExpertsConfig {
    pub n_routed_experts: usize,
    pub num_experts_per_tok: usize,
    pub moe_intermediate_size: usize,
    /// All shared experts together; 0 without one.
    pub shared_intermediate_size: usize,
    pub first_k_dense_replace: usize,
}

/// A dense model's configuration; fields are Hugging Face's keys, or what a key implies for the architecture.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the file format's")]
pub struct DenseConfig {
    pub model_type: DenseModelType,
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    /// Explicit, or `hidden_size / num_attention_heads` (128 in Qwen3).
    pub head_dim: usize,
    /// Biases on q, k and v: always in Qwen2, the key `attention_bias` in Llama and Qwen3.
    pub attention_bias: bool,
    /// A bias on o: never in Qwen2, the key `attention_bias` in Llama and Qwen3.
    pub o_proj_bias: bool,
    /// RMSNorm over each head of q and k: Qwen3.
    pub qk_norm: bool,
    /// Whether the feed-forward has a gate: in all that are run.
    pub gated: bool,
    /// Experts, in architectures that are counted.
    pub experts: Option<ExpertsConfig>,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: RopeScaling,
    pub max_position_embeddings: usize,
    pub tie_word_embeddings: bool,
    pub initializer_range: f64,
    pub bos_token_id: Option<u32>,
    pub eos_token_id: Vec<u32>,
    pub pad_token_id: Option<u32>,
    pub torch_dtype: Option<String>,
    pub quantization_config: Option<QuantizationConfig>,
}

impl DenseConfig {
    /// `head_dim^-0.5`: what the attention scores are multiplied by.
    pub fn softmax_scale(&self) -> f64 {
        (self.head_dim as f64).powf(-0.5)
    }

    pub(super) fn read(fields: &Fields, model_type: DenseModelType) -> Result<Self> {
        let hidden_size = fields.required("hidden_size")?;
        let num_hidden_layers = fields.required("num_hidden_layers")?;
        let num_attention_heads = fields.required("num_attention_heads")?;
        refuse_unsupported(fields, model_type, num_hidden_layers)?;
        let max_position_embeddings = fields.count("max_position_embeddings", 2048)?;
        let (rope_theta, rope_scaling) = RopeScaling::read(fields, max_position_embeddings)?;
        let head_dim = match (fields.optional_count("head_dim")?, model_type) {
            (Some(head_dim), _) => head_dim,
            (None, DenseModelType::Qwen3) => 128,
            (None, _) => {
                check_divides(("num_attention_heads", num_attention_heads), ("hidden_size", hidden_size))?;
                hidden_size / num_attention_heads
            }
        };
        let (attention_bias, o_proj_bias) = match model_type {
            DenseModelType::Qwen2 => (true, false),
            _ => {
                let bias = fields.flag("attention_bias", false)?;
                (bias, bias)
            }
        };
        Ok(DenseConfig {
            model_type,
            vocab_size: fields.required("vocab_size")?,
            hidden_size,
            intermediate_size: fields.required("intermediate_size")?,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: fields.count("num_key_value_heads", num_attention_heads)?,
            head_dim,
            attention_bias,
            o_proj_bias,
            qk_norm: model_type == DenseModelType::Qwen3,
            gated: true,
            experts: None,
            rms_norm_eps: fields.float("rms_norm_eps", 1e-6)?,
            rope_theta,
            rope_scaling,
            max_position_embeddings,
            tie_word_embeddings: fields.flag("tie_word_embeddings", false)?,
            initializer_range: fields.float("initializer_range", 0.02)?,
            bos_token_id: fields.token_id("bos_token_id")?,
            eos_token_id: fields.token_ids("eos_token_id")?,
            pad_token_id: fields.token_id("pad_token_id")?,
            torch_dtype: fields.torch_dtype()?,
            quantization_config: fields.quantization_config()?,
        })
    }

    pub(super) fn write(&self) -> Map<String, Value> {
        let architecture = match self.model_type {
            DenseModelType::Llama => "LlamaForCausalLM",
            DenseModelType::Qwen2 => "Qwen2ForCausalLM",
            DenseModelType::Qwen3 => "Qwen3ForCausalLM",
            DenseModelType::Counted(name) => name,
        };
        let object = json!({
            "architectures": [architecture],
            "attention_dropout": 0.0,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": write_token_ids(&self.eos_token_id),
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "initializer_range": self.initializer_range,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "model_type": self.model_type.name(),
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "pad_token_id": self.pad_token_id,
            "rms_norm_eps": self.rms_norm_eps,
            "tie_word_embeddings": self.tie_word_embeddings,
            "torch_dtype": self.torch_dtype,
            "use_cache": true,
            "vocab_size": self.vocab_size,
        });
        let Value::Object(mut map) = object else { unreachable!("json! of braces is an object") };
        match self.model_type {
            DenseModelType::Counted(_) => {}
            DenseModelType::Llama => {
                map.insert("attention_bias".to_owned(), json!(self.attention_bias));
                map.insert("mlp_bias".to_owned(), json!(false));
            }
            DenseModelType::Qwen2 => {
                map.insert("use_sliding_window".to_owned(), json!(false));
            }
            DenseModelType::Qwen3 => {
                map.insert("attention_bias".to_owned(), json!(self.attention_bias));
                map.insert("use_sliding_window".to_owned(), json!(false));
            }
        }
        self.rope_scaling.write(self.rope_theta, &mut map);
        if let Some(q) = &self.quantization_config {
            map.insert("quantization_config".to_owned(), q.raw.clone());
        }
        map
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_size("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS)?;
        for (key, found) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            check_size(key, found, MAX_DIM)?;
        }
        check_divides(
            ("num_key_value_heads", self.num_key_value_heads),
            ("num_attention_heads", self.num_attention_heads),
        )?;
        if self.head_dim % 2 == 1 && !matches!(self.model_type, DenseModelType::Counted(_)) {
            return Err(Error::invalid("head_dim", format!("found {}, expected an even number", self.head_dim)));
        }
        check_float("rms_norm_eps", self.rms_norm_eps, 0.0..=1.0)?;
        check_float("initializer_range", self.initializer_range, 0.0..=100.0)?;
        self.rope_scaling.validate(self.rope_theta)?;
        if let Some(experts) = &self.experts {
            check_size("n_routed_experts", experts.n_routed_experts, MAX_EXPERTS)?;
            check_size("moe_intermediate_size", experts.moe_intermediate_size, MAX_DIM)?;
            check_size("shared_expert_intermediate_size", experts.shared_intermediate_size.max(1), MAX_DIM)?;
            check_size("num_experts_per_tok", experts.num_experts_per_tok, experts.n_routed_experts)?;
        }
        let n = |x: usize| x as u128;
        let routed = self.experts.as_ref().map_or(0, |e| {
            n(e.n_routed_experts) * (3 * n(e.moe_intermediate_size) + 1) + 3 * n(e.shared_intermediate_size)
        });
        let heads = 2 * n(self.num_attention_heads) + 2 * n(self.num_key_value_heads);
        let layer = n(self.hidden_size) * (heads * n(self.head_dim) + 3 * n(self.intermediate_size) + routed + 8)
            + heads * n(self.head_dim);
        check_params(2 * n(self.vocab_size) * n(self.hidden_size) + n(self.num_hidden_layers) * layer)
    }
}

/// As Hugging Face writes them: nothing, one id, or a list.
pub(super) fn write_token_ids(ids: &[u32]) -> Value {
    match ids {
        [] => Value::Null,
        [one] => json!(one),
        many => json!(many),
    }
}

fn refuse_unsupported(fields: &Fields, model_type: DenseModelType, num_hidden_layers: usize) -> Result<()> {
    fields.only_text("hidden_act", &["silu"])?;
    fields.only_false("mlp_bias")?;
    fields.only_false("use_mrope")?;
    if model_type == DenseModelType::Llama {
        return Ok(());
    }
    if let Some(Value::Array(kinds)) = fields.get("layer_types") {
        match kinds.iter().find(|kind| kind.as_str() != Some("full_attention")) {
            None => return Ok(()),
            Some(kind) => {
                return Err(Error::unsupported("layer_types", kind.to_string(), "\"full_attention\" in every layer"));
            }
        }
    }
    let first_window_layer = fields.count("max_window_layers", 28)?;
    let in_use = fields.flag("use_sliding_window", false)?
        && fields.get("sliding_window").is_some()
        && first_window_layer < num_hidden_layers;
    if in_use {
        return Err(Error::unsupported(
            "use_sliding_window",
            "true".to_owned(),
            "false (attention over the whole context)",
        ));
    }
    Ok(())
}
