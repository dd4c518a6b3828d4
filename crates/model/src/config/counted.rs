//! `config.json` of architectures that are counted, for plans and inspection, and not run: decoders with multi-head or
//! grouped-query attention, dense or with experts, under the key names that their makers chose.
//!
//! What is counted is their matrices. Position embeddings, norms beside the two of a layer, biases of feed-forwards and
//! sinks are left out (below a thousandth), windows of attention are taken as the whole context, and layers that run side
//! by side as one after the other. Key names: `transformers` 5.23.

use super::RopeScaling;
use super::dense::{DenseConfig, DenseModelType, ExpertsConfig};
use super::fields::Fields;
use crate::error::{Error, Result};

/// `model_type`, and whether its feed-forward has a gate (three matrices) or not (two).
const KNOWN: [(&str, bool); 32] = [
    ("apertus", false),
    ("bloom", false),
    ("cohere", true),
    ("dots1", true),
    ("exaone", true),
    ("exaone4", true),
    ("falcon", false),
    ("gemma", true),
    ("gemma2", true),
    ("glm4", true),
    ("glm4_moe", true),
    ("gpt2", false),
    ("gpt_neox", false),
    ("gpt_oss", true),
    ("granite", true),
    ("internlm2", true),
    ("mistral", true),
    ("mixtral", true),
    ("mpt", false),
    ("nemotron", false),
    ("olmo", true),
    ("olmo2", true),
    ("olmo3", true),
    ("olmoe", true),
    ("opt", false),
    ("phi", false),
    ("phi3", true),
    ("qwen2_moe", true),
    ("qwen3_moe", true),
    ("seed_oss", true),
    ("smollm3", true),
    ("starcoder2", false),
];

/// The counted architecture that is called `model_type`, if it is one.
pub(super) fn known(model_type: &str) -> Option<DenseModelType> {
    KNOWN.iter().find(|(name, _)| *name == model_type).map(|(name, _)| DenseModelType::Counted(name))
}

/// The values of `model_type` of all of them.
pub(super) fn names() -> [&'static str; KNOWN.len()] {
    KNOWN.map(|(name, _)| name)
}

/// Reads one; `model_type` is of [`known`].
pub(super) fn read(fields: &Fields, model_type: DenseModelType) -> Result<DenseConfig> {
    let name = model_type.name();
    let any = |keys: &[&str]| -> Result<Option<usize>> {
        keys.iter().find_map(|key| fields.optional_count(key).transpose()).transpose()
    };
    let required = |keys: &[&str]| any(keys)?.ok_or_else(|| Error::config(format!("no `{}`", keys.join("` or `"))));
    let hidden_size = required(&["hidden_size", "n_embd", "d_model"])?;
    let num_attention_heads = required(&["num_attention_heads", "n_head", "n_heads"])?;
    let kv_heads = match any(&["num_key_value_heads", "num_kv_heads", "n_head_kv"])? {
        Some(n) => n,
        None if fields.flag("multi_query", false)? => 1,
        None => num_attention_heads,
    };
    let intermediate_size =
        any(&["intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"])?.unwrap_or(4 * hidden_size);
    let tied = matches!(name, "bloom" | "falcon" | "gemma" | "gemma2" | "gpt2" | "mpt" | "opt" | "cohere");
    Ok(DenseConfig {
        model_type,
        vocab_size: fields.required("vocab_size")?,
        hidden_size,
        intermediate_size,
        num_hidden_layers: required(&["num_hidden_layers", "n_layer", "n_layers"])?,
        num_attention_heads,
        num_key_value_heads: kv_heads,
        head_dim: any(&["head_dim"])?.unwrap_or(hidden_size / num_attention_heads.max(1)),
        attention_bias: fields.flag("attention_bias", false)?,
        o_proj_bias: false,
        qk_norm: false,
        gated: KNOWN.iter().any(|(known, gated)| *known == name && *gated),
        experts: experts(fields, intermediate_size)?,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: any(&[
            "max_position_embeddings",
            "n_positions",
            "seq_length",
            "max_seq_len",
            "n_ctx",
        ])?
        .unwrap_or(2048),
        tie_word_embeddings: fields.flag("tie_word_embeddings", tied)?,
        initializer_range: 0.02,
        bos_token_id: None,
        eos_token_id: Vec::new(),
        pad_token_id: None,
        torch_dtype: fields.torch_dtype()?,
        quantization_config: None,
    })
}

fn experts(fields: &Fields, intermediate_size: usize) -> Result<Option<ExpertsConfig>> {
    let first_of = |keys: [&str; 3]| keys.iter().find_map(|key| fields.optional_count(key).transpose()).transpose();
    let Some(n_routed_experts) = first_of(["num_local_experts", "num_experts", "n_routed_experts"])? else {
        return Ok(None);
    };
    let width = fields.count("moe_intermediate_size", intermediate_size)?;
    let shared = fields.count("n_shared_experts", 0)? * width;
    Ok(Some(ExpertsConfig {
        n_routed_experts,
        num_experts_per_tok: match fields.optional_count("num_experts_per_tok")? {
            Some(n) => n,
            None => fields.required("experts_per_token")?,
        },
        moe_intermediate_size: width,
        shared_intermediate_size: fields.count("shared_expert_intermediate_size", shared)?,
        first_k_dense_replace: fields.count("first_k_dense_replace", 0)?,
    }))
}
