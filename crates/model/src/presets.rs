//! Ready configurations: one dial for models trained from scratch, and the shapes of published models.
//!
//! **The dial** is `depth`, as in nanochat: a deeper model is also wider, and everything else follows, so that a sweep
//! over sizes changes one number. The rule, in V3's architecture at a small scale:
//!
//! | what | rule | V3 (V2-Lite) for comparison |
//! |---|---|---|
//! | layers | depth | 61 (27) |
//! | `hidden_size` | 64 · depth | 117 (76) · depth |
//! | heads · `v_head_dim` | `hidden_size`; heads of 32 below depth 8, of 64 from there | 2.3 (1) · `hidden_size` |
//! | `qk_nope_head_dim`, `qk_rope_head_dim` | head, head / 2 | 128, 64 |
//! | `kv_lora_rank` | `hidden_size` / 4, a multiple of 16, at most 512 | 512 (512 = `hidden_size` / 4) |
//! | `q_lora_rank` | none below depth 32, then `hidden_size` / 4 | 1536 (none) |
//! | `intermediate_size` | 8/3 · `hidden_size`, to a multiple of 32 | 2.6 (5.3) · `hidden_size` |
//! | with experts | 16 routed, 4 a token, 1 shared, each a quarter of the dense width; 4 groups, 2 chosen; first layer dense | 256, 8, 1 (64, 6, 2) |
//! | MTP | one layer | one |

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::config::{
    Config, DeepseekModelType, DeepseekV3Config, DenseConfig, DenseModelType, RopeScaling, ScoringFunc, TopkMethod,
};
use crate::error::{Error, Result, nearest};

/// Configurations of published models, by name: `{"name": {"source": .., "config": {..}}}`.
const PUBLISHED: &str = include_str!("presets/published.json");

/// The one dial and the few choices beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dial {
    /// Layers; width follows.
    pub depth: usize,
    /// Entries of the tokenizer's vocabulary.
    pub vocab_size: usize,
    /// Longest document, in tokens.
    pub max_position_embeddings: usize,
    /// Whether layers after the first have experts.
    pub experts: bool,
    /// Whether the head is the embedding.
    pub tie_word_embeddings: bool,
}

impl Dial {
    /// A DeepSeek-V3 of this depth (see the module's table).
    pub fn deepseek_v3(&self) -> DeepseekV3Config {
        let hidden_size = 64 * self.depth;
        let head = self.head_dim();
        let intermediate_size = self.intermediate_size();
        DeepseekV3Config {
            model_type: DeepseekModelType::V3,
            vocab_size: self.vocab_size,
            hidden_size,
            intermediate_size,
            moe_intermediate_size: if self.experts { (intermediate_size / 4).next_multiple_of(16) } else { 0 },
            num_hidden_layers: self.depth,
            num_nextn_predict_layers: 1,
            num_attention_heads: hidden_size / head,
            n_routed_experts: if self.experts { 16 } else { 0 },
            n_shared_experts: usize::from(self.experts),
            num_experts_per_tok: if self.experts { 4 } else { 0 },
            n_group: if self.experts { 4 } else { 1 },
            topk_group: if self.experts { 2 } else { 1 },
            routed_scaling_factor: if self.experts { 2.5 } else { 1.0 },
            scoring_func: ScoringFunc::Sigmoid,
            topk_method: TopkMethod::NoauxTc,
            norm_topk_prob: true,
            // Without experts every layer is dense, the MTP layer too.
            first_k_dense_replace: if self.experts { 1 } else { self.depth + 1 },
            q_lora_rank: (self.depth >= 32).then_some(hidden_size / 4),
            kv_lora_rank: (hidden_size / 4).next_multiple_of(16).min(512),
            qk_nope_head_dim: head,
            qk_rope_head_dim: head / 2,
            v_head_dim: head,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            rope_interleave: true,
            max_position_embeddings: self.max_position_embeddings,
            tie_word_embeddings: self.tie_word_embeddings,
            initializer_range: 0.02,
            bos_token_id: Some(0),
            eos_token_id: vec![1],
            pad_token_id: None,
            torch_dtype: Some("float32".to_owned()),
            quantization_config: None,
        }
    }

    /// A dense model of this depth: same width and feed-forward, a quarter as many KV heads (at least one).
    pub fn dense(&self, model_type: DenseModelType) -> DenseConfig {
        let hidden_size = 64 * self.depth;
        let n_heads = hidden_size / self.head_dim();
        let quarter = n_heads.div_ceil(4);
        let n_kv_heads = (1..=quarter).rev().find(|n| n_heads.is_multiple_of(*n)).unwrap_or(1);
        DenseConfig {
            model_type,
            vocab_size: self.vocab_size,
            hidden_size,
            intermediate_size: self.intermediate_size(),
            num_hidden_layers: self.depth,
            num_attention_heads: n_heads,
            num_key_value_heads: n_kv_heads,
            head_dim: self.head_dim(),
            attention_bias: model_type == DenseModelType::Qwen2,
            o_proj_bias: false,
            qk_norm: model_type == DenseModelType::Qwen3,
            gated: true,
            experts: None,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            max_position_embeddings: self.max_position_embeddings,
            tie_word_embeddings: self.tie_word_embeddings,
            initializer_range: 0.02,
            bos_token_id: Some(0),
            eos_token_id: vec![1],
            pad_token_id: None,
            torch_dtype: Some("float32".to_owned()),
            quantization_config: None,
        }
    }

    fn head_dim(&self) -> usize {
        if self.depth < 8 { 32 } else { 64 }
    }

    fn intermediate_size(&self) -> usize {
        (64 * self.depth * 8 / 3).next_multiple_of(32)
    }
}

/// Names of the published models whose shapes are built in.
pub fn names() -> Vec<String> {
    table().keys().cloned().collect()
}

/// The configuration of a published model, as [`names`] lists them (`deepseek-r1`, `qwen2.5-0.5b`, ..).
///
/// # Errors
/// An unknown name, with the nearest known one.
pub fn published(name: &str) -> Result<Config> {
    let table = table();
    match table.get(name) {
        Some(entry) => Config::from_json(&entry["config"].to_string()),
        None => {
            let known = match nearest(name, table.keys().map(String::as_str)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("known: {}", names().join(", ")),
            };
            Err(Error::config(format!("no published model \"{name}\"; {known}")))
        }
    }
}

fn table() -> serde_json::Map<String, Value> {
    match serde_json::from_str(PUBLISHED) {
        Ok(Value::Object(table)) => table,
        other => panic!("presets/published.json is a JSON object: {other:?}"),
    }
}
