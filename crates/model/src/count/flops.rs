//! Floating-point operations of a forward pass and of training, as a function of the context.
//!
//! The cost of a batch is linear in three numbers: its tokens, the rows that reach the output head, and the pairs of
//! positions that attention scores. [`FlopModel`] holds the three coefficients, so that the trainer (packed documents),
//! the planner (a mean context) and serving (a cache) multiply the same ones.

use serde::Serialize;

use super::{Part, Role, experts_per_token, for_each_group};
use crate::config::Config;

/// Which pairs of positions attention scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionSpan {
    /// Each position sees itself and those before it: what the model computes.
    Causal,
    /// Each position sees all: the convention of "non-causal" MFU figures.
    Full,
}

/// How MLA's attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlaForm {
    /// Keys and values of every head are built from the latent: training and prefill.
    Expanded,
    /// Queries are moved into the latent space instead: decoding. No difference in a dense model.
    Absorbed,
}

/// Coefficients of the cost of a forward pass, in operations (a multiply-add is two).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FlopModel {
    /// For each token: all matrices of the layers that it meets.
    pub per_token: u64,
    /// For each row that reaches the output head.
    pub per_logit_row: u64,
    /// For each (query, key) pair, over all layers: scores and weighted sum.
    pub per_pair: u64,
    /// For each token in the MTP layers, without their head.
    pub mtp_per_token: u64,
    /// For each pair in the MTP layers.
    pub mtp_per_pair: u64,
    /// Number of MTP layers, each of which uses the head once more.
    pub n_mtp_layers: u64,
}

impl FlopModel {
    /// The coefficients of `config`, with MLA in the given form.
    pub fn new(config: &Config, form: MlaForm) -> FlopModel {
        let top_k = experts_per_token(config);
        let (mut per_token, mut mtp_per_token) = (0, 0);
        for_each_group(config, |group, role| {
            let looked_up = matches!(group.part, Part::Embedding | Part::OutputHead);
            if group.as_matrix().is_none() || looked_up {
                return;
            }
            let met = if group.part == Part::RoutedExperts { top_k } else { group.n_copies() };
            let flops = 2 * group.n_values() * met as u64;
            match role {
                Role::Main => per_token += flops,
                Role::Mtp => mtp_per_token += flops,
                Role::MtpDuplicate => {}
            }
        });
        let pair = pair_flops_of_a_layer(config, form);
        let n_mtp_layers = super::tensors::n_mtp_layers(config) as u64;
        FlopModel {
            per_token,
            per_logit_row: 2 * (config.vocab_size() * config.hidden_size()) as u64,
            per_pair: pair * config.num_hidden_layers() as u64,
            mtp_per_token,
            mtp_per_pair: pair * n_mtp_layers,
            n_mtp_layers,
        }
    }

    /// A forward pass of the main model over `tokens`, of which `logit_rows` reach the head, with `pairs` scored.
    pub fn forward(&self, tokens: u64, logit_rows: u64, pairs: u64) -> f64 {
        self.per_token as f64 * tokens as f64
            + self.per_logit_row as f64 * logit_rows as f64
            + self.per_pair as f64 * pairs as f64
    }

    /// A training step of the main model (forward and backward) over `tokens` with `pairs` scored.
    pub fn train(&self, tokens: u64, pairs: u64) -> f64 {
        3.0 * self.forward(tokens, tokens, pairs)
    }

    /// What the MTP layers add to [`FlopModel::train`].
    pub fn train_mtp(&self, tokens: u64, pairs: u64) -> f64 {
        let per_token = self.mtp_per_token + self.n_mtp_layers * self.per_logit_row;
        3.0 * (per_token as f64 * tokens as f64 + self.mtp_per_pair as f64 * pairs as f64)
    }

    /// Forward operations for each token of documents of `context` tokens, head included.
    pub fn forward_per_token(&self, context: u64, span: AttentionSpan) -> f64 {
        let pairs = match span {
            AttentionSpan::Causal => (context + 1) as f64 / 2.0,
            AttentionSpan::Full => context as f64,
        };
        (self.per_token + self.per_logit_row) as f64 + self.per_pair as f64 * pairs
    }

    /// Training operations for each token of documents of `context` tokens, without MTP (about 250e9 for DeepSeek-V3
    /// at 4,096, causal: arXiv:2505.09343, Table 2).
    pub fn train_per_token(&self, context: u64, span: AttentionSpan) -> f64 {
        3.0 * self.forward_per_token(context, span)
    }
}

/// Pairs that causal attention scores when `new_tokens` follow `n_cached` positions of the same document.
pub fn causal_pairs(n_cached: u64, new_tokens: u64) -> u64 {
    new_tokens * n_cached + new_tokens * (new_tokens + 1) / 2
}

fn pair_flops_of_a_layer(config: &Config, form: MlaForm) -> u64 {
    let width = match (config, form) {
        (Config::DeepseekV3(c), MlaForm::Expanded) => c.num_attention_heads * (c.qk_head_dim() + c.v_head_dim),
        (Config::DeepseekV3(c), MlaForm::Absorbed) => c.num_attention_heads * (2 * c.kv_lora_rank + c.qk_rope_head_dim),
        (Config::Dense(c), _) => 2 * c.num_attention_heads * c.head_dim,
    };
    2 * width as u64
}
