//! `config.json` of DeepSeek-V3 and R1 (`deepseek_v3`), and of V2 and V2-Lite (`deepseek_v2`) for counting.
//!
//! DeepSeek-V3 Technical Report (arXiv:2412.19437), sections 2.1, 2.2 and 4.2; key names from DeepSeek's
//! `configuration_deepseek.py`.

use serde_json::{Map, Value, json};

use super::fields::{Fields, MAX_DIM, MAX_EXPERTS, MAX_LAYERS, check_divides, check_float, check_params, check_size};
use super::{QuantizationConfig, RopeScaling};
use crate::error::{Error, Result};

/// Epsilon of the norms on the compressed latents (`q_a_layernorm`, `kv_a_layernorm`): DeepSeek's and Hugging Face's
/// code build them with their default, whatever `rms_norm_eps` says.
pub const LATENT_NORM_EPS: f64 = 1e-6;

/// Which generation of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeepseekModelType {
    /// V3, V3.1, R1, R1-Zero.
    V3,
    /// V2, V2-Lite: counted, not yet run.
    V2,
}

impl DeepseekModelType {
    /// `model_type` in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            DeepseekModelType::V3 => "deepseek_v3",
            DeepseekModelType::V2 => "deepseek_v2",
        }
    }
}

/// How router logits become affinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoringFunc {
    /// V3: each expert on its own.
    Sigmoid,
    /// V2: over all experts.
    Softmax,
}

/// How experts are chosen from their affinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopkMethod {
    /// V3: affinity plus bias, groups ranked by the sum of their two best.
    NoauxTc,
    /// V2-Lite: the k best of all.
    Greedy,
    /// V2: groups ranked by their best.
    GroupLimitedGreedy,
}

/// DeepSeek-V3's configuration; fields are Hugging Face's keys.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the file format's; what they mean is in the paper's section 4.2")]
pub struct DeepseekV3Config {
    pub model_type: DeepseekModelType,
    pub vocab_size: usize,
    pub hidden_size: usize,
    /// Width of the dense layers' feed-forward.
    pub intermediate_size: usize,
    /// Width of one expert's feed-forward.
    pub moe_intermediate_size: usize,
    pub num_hidden_layers: usize,
    /// MTP layers, stored as `model.layers.{num_hidden_layers}` and following.
    pub num_nextn_predict_layers: usize,
    pub num_attention_heads: usize,
    /// 0 where no layer has experts.
    pub n_routed_experts: usize,
    pub n_shared_experts: usize,
    pub num_experts_per_tok: usize,
    pub n_group: usize,
    pub topk_group: usize,
    pub routed_scaling_factor: f64,
    pub scoring_func: ScoringFunc,
    pub topk_method: TopkMethod,
    pub norm_topk_prob: bool,
    /// Layers with an index below this are dense; an MTP layer counts on from `num_hidden_layers`.
    pub first_k_dense_replace: usize,
    /// `None`: queries are projected directly (V2-Lite).
    pub q_lora_rank: Option<usize>,
    pub kv_lora_rank: usize,
    pub qk_nope_head_dim: usize,
    pub qk_rope_head_dim: usize,
    pub v_head_dim: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: RopeScaling,
    /// Rotary pairs are neighbours (DeepSeek's weights) rather than halves.
    pub rope_interleave: bool,
    pub max_position_embeddings: usize,
    pub tie_word_embeddings: bool,
    pub initializer_range: f64,
    pub bos_token_id: Option<u32>,
    pub eos_token_id: Vec<u32>,
    pub pad_token_id: Option<u32>,
    pub torch_dtype: Option<String>,
    pub quantization_config: Option<QuantizationConfig>,
}

impl DeepseekV3Config {
    /// Width of one query or key head: the part without position and the rotary part.
    pub fn qk_head_dim(&self) -> usize {
        self.qk_nope_head_dim + self.qk_rope_head_dim
    }

    /// Whether layer `layer_idx` (MTP layers count on from `num_hidden_layers`) has experts.
    pub fn is_moe_layer(&self, layer_idx: usize) -> bool {
        layer_idx >= self.first_k_dense_replace
    }

    /// Layers with experts, those of the MTP modules included.
    pub fn n_moe_layers(&self) -> usize {
        (self.num_hidden_layers + self.num_nextn_predict_layers).saturating_sub(self.first_k_dense_replace)
    }

    /// `qk_head_dim^-0.5` times YaRN's factor: what the attention scores are multiplied by.
    pub fn softmax_scale(&self) -> f64 {
        (self.qk_head_dim() as f64).powf(-0.5) * self.rope_scaling.softmax_scale()
    }

    pub(super) fn read(fields: &Fields, model_type: DeepseekModelType) -> Result<Self> {
        refuse_unsupported(fields, model_type)?;
        let is_v3 = model_type == DeepseekModelType::V3;
        let num_hidden_layers = fields.required("num_hidden_layers")?;
        let num_attention_heads = fields.required("num_attention_heads")?;
        let n_kv_heads = fields.count("num_key_value_heads", num_attention_heads)?;
        if n_kv_heads != num_attention_heads {
            return Err(Error::unsupported(
                "num_key_value_heads",
                n_kv_heads.to_string(),
                &format!("num_attention_heads = {num_attention_heads}, as MLA has it"),
            ));
        }
        let max_position_embeddings = fields.count("max_position_embeddings", 4096)?;
        let (rope_theta, rope_scaling) = RopeScaling::read(fields, max_position_embeddings)?;
        let n_group = fields.count("n_group", 1)?;
        let nextn = match fields.optional_count("num_nextn_predict_layers")? {
            Some(n) => n,
            None => fields.count("num_mtp_layers", 0)?,
        };
        Ok(DeepseekV3Config {
            model_type,
            vocab_size: fields.required("vocab_size")?,
            hidden_size: fields.required("hidden_size")?,
            intermediate_size: fields.required("intermediate_size")?,
            moe_intermediate_size: fields.count("moe_intermediate_size", 0)?,
            num_hidden_layers,
            num_nextn_predict_layers: nextn,
            num_attention_heads,
            n_routed_experts: match fields.optional_count("n_routed_experts")? {
                Some(n) => n,
                None => fields.count("num_local_experts", 0)?,
            },
            n_shared_experts: fields.count("n_shared_experts", 0)?,
            num_experts_per_tok: fields.count("num_experts_per_tok", 0)?,
            n_group,
            topk_group: fields.count("topk_group", n_group)?,
            routed_scaling_factor: fields.float("routed_scaling_factor", 1.0)?,
            scoring_func: if is_v3 { ScoringFunc::Sigmoid } else { ScoringFunc::Softmax },
            topk_method: match fields.text("topk_method")? {
                Some("group_limited_greedy") => TopkMethod::GroupLimitedGreedy,
                Some("noaux_tc") => TopkMethod::NoauxTc,
                Some(_) => TopkMethod::Greedy,
                None if is_v3 => TopkMethod::NoauxTc,
                None => TopkMethod::Greedy,
            },
            norm_topk_prob: fields.flag("norm_topk_prob", is_v3)?,
            first_k_dense_replace: fields.count("first_k_dense_replace", 0)?,
            q_lora_rank: fields.optional_count("q_lora_rank")?.filter(|rank| *rank > 0),
            kv_lora_rank: fields.required("kv_lora_rank")?,
            qk_nope_head_dim: fields.required("qk_nope_head_dim")?,
            qk_rope_head_dim: fields.required("qk_rope_head_dim")?,
            v_head_dim: fields.required("v_head_dim")?,
            rms_norm_eps: fields.float("rms_norm_eps", 1e-6)?,
            rope_theta,
            rope_scaling,
            rope_interleave: fields.flag("rope_interleave", true)?,
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
        let (architecture, scoring) = match self.model_type {
            DeepseekModelType::V3 => ("DeepseekV3ForCausalLM", "sigmoid"),
            DeepseekModelType::V2 => ("DeepseekV2ForCausalLM", "softmax"),
        };
        let topk_method = match self.topk_method {
            TopkMethod::NoauxTc => "noaux_tc",
            TopkMethod::Greedy => "greedy",
            TopkMethod::GroupLimitedGreedy => "group_limited_greedy",
        };
        let object = json!({
            "architectures": [architecture],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": super::dense::write_token_ids(&self.eos_token_id),
            "first_k_dense_replace": self.first_k_dense_replace,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "initializer_range": self.initializer_range,
            "intermediate_size": self.intermediate_size,
            "kv_lora_rank": self.kv_lora_rank,
            "max_position_embeddings": self.max_position_embeddings,
            "model_type": self.model_type.name(),
            "moe_intermediate_size": self.moe_intermediate_size,
            "moe_layer_freq": 1,
            "n_group": self.n_group,
            "n_routed_experts": self.n_routed_experts,
            "n_shared_experts": self.n_shared_experts,
            "norm_topk_prob": self.norm_topk_prob,
            "num_attention_heads": self.num_attention_heads,
            "num_experts_per_tok": self.num_experts_per_tok,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_attention_heads,
            "num_nextn_predict_layers": self.num_nextn_predict_layers,
            "pad_token_id": self.pad_token_id,
            "q_lora_rank": self.q_lora_rank,
            "qk_nope_head_dim": self.qk_nope_head_dim,
            "qk_rope_head_dim": self.qk_rope_head_dim,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_interleave": self.rope_interleave,
            "routed_scaling_factor": self.routed_scaling_factor,
            "scoring_func": scoring,
            "tie_word_embeddings": self.tie_word_embeddings,
            "topk_group": self.topk_group,
            "topk_method": topk_method,
            "torch_dtype": self.torch_dtype,
            "use_cache": true,
            "v_head_dim": self.v_head_dim,
            "vocab_size": self.vocab_size,
        });
        let Value::Object(mut map) = object else { unreachable!("json! of braces is an object") };
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
            ("q_lora_rank", self.q_lora_rank.unwrap_or(1)),
            ("kv_lora_rank", self.kv_lora_rank),
            ("qk_nope_head_dim", self.qk_nope_head_dim),
            ("qk_rope_head_dim", self.qk_rope_head_dim),
            ("v_head_dim", self.v_head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            check_size(key, found, MAX_DIM)?;
        }
        if self.num_nextn_predict_layers > 16 {
            return Err(Error::invalid(
                "num_nextn_predict_layers",
                format!("found {}, expected at most 16", self.num_nextn_predict_layers),
            ));
        }
        if self.qk_rope_head_dim % 2 == 1 {
            return Err(Error::invalid(
                "qk_rope_head_dim",
                format!("found {}, expected an even number", self.qk_rope_head_dim),
            ));
        }
        check_float("rms_norm_eps", self.rms_norm_eps, 0.0..=1.0)?;
        check_float("initializer_range", self.initializer_range, 0.0..=100.0)?;
        self.rope_scaling.validate(self.rope_theta)?;
        if self.n_moe_layers() > 0 {
            self.validate_experts()?;
        }
        check_params(self.n_params_upper_bound())
    }

    fn validate_experts(&self) -> Result<()> {
        check_size("n_routed_experts", self.n_routed_experts, MAX_EXPERTS)?;
        check_size("moe_intermediate_size", self.moe_intermediate_size, MAX_DIM)?;
        check_size("n_group", self.n_group, self.n_routed_experts)?;
        check_divides(("n_group", self.n_group), ("n_routed_experts", self.n_routed_experts))?;
        check_size("topk_group", self.topk_group, self.n_group)?;
        let group_size = self.n_routed_experts / self.n_group;
        if self.model_type == DeepseekModelType::V3 && group_size < 2 {
            return Err(Error::invalid(
                "n_group",
                format!(
                    "found {} groups of {group_size} experts; a group's score is the sum of its two best, \
                     so a group needs at least 2",
                    self.n_group
                ),
            ));
        }
        if self.n_shared_experts > MAX_EXPERTS {
            return Err(Error::invalid(
                "n_shared_experts",
                format!("found {}, expected at most {MAX_EXPERTS}", self.n_shared_experts),
            ));
        }
        let reachable = self.topk_group * group_size;
        if !(1..=reachable).contains(&self.num_experts_per_tok) {
            return Err(Error::invalid(
                "num_experts_per_tok",
                format!(
                    "found {}, expected a number from 1 to {reachable} \
                     (topk_group {} x {group_size} experts a group)",
                    self.num_experts_per_tok, self.topk_group
                ),
            ));
        }
        check_float("routed_scaling_factor", self.routed_scaling_factor, 0.0..=1e6)?;
        if self.n_moe_layers() * self.n_routed_experts > 1 << 20 {
            return Err(Error::config(format!(
                "{} layers of {} experts are more than {} experts: the file is not credible",
                self.n_moe_layers(),
                self.n_routed_experts,
                1 << 20
            )));
        }
        Ok(())
    }

    /// An upper bound in arithmetic that cannot overflow; the exact count is in `crate::count`.
    fn n_params_upper_bound(&self) -> u128 {
        let n = |x: usize| x as u128;
        let (hidden, heads) = (n(self.hidden_size), n(self.num_attention_heads));
        let q_rank = n(self.q_lora_rank.unwrap_or(self.hidden_size));
        let attention = q_rank * (hidden + heads * n(self.qk_head_dim()))
            + hidden * n(self.kv_lora_rank + self.qk_rope_head_dim)
            + n(self.kv_lora_rank) * heads * n(self.qk_nope_head_dim + self.v_head_dim)
            + hidden * heads * n(self.v_head_dim);
        let dense = 3 * hidden * n(self.intermediate_size);
        let moe = if self.n_moe_layers() > 0 {
            hidden * n(self.n_routed_experts + self.n_shared_experts) * (3 * n(self.moe_intermediate_size) + 1)
        } else {
            0
        };
        let layers = n(self.num_hidden_layers + self.num_nextn_predict_layers);
        2 * n(self.vocab_size) * hidden + layers * (attention + dense + moe + 8 * hidden * hidden)
    }
}

fn refuse_unsupported(fields: &Fields, model_type: DeepseekModelType) -> Result<()> {
    fields.only_text("hidden_act", &["silu"])?;
    fields.only_false("attention_bias")?;
    fields.only_number("moe_layer_freq", 1.0)?;
    if fields.get("index_topk").is_some() || fields.get("index_n_heads").is_some() {
        return Err(Error::unsupported(
            "index_topk",
            "sparse attention (DeepSeek-V3.2)".to_owned(),
            "no such key (DeepSeek-V3, V3.1, R1)",
        ));
    }
    match model_type {
        DeepseekModelType::V3 => {
            fields.only_text("scoring_func", &["sigmoid"])?;
            fields.only_text("topk_method", &["noaux_tc"])
        }
        DeepseekModelType::V2 => {
            fields.only_text("scoring_func", &["softmax"])?;
            fields.only_text("topk_method", &["greedy", "group_limited_greedy"])
        }
    }
}
