//! What a configuration weighs: tensors, parameters, bytes of cache, and floating-point operations, without building it.
//!
//! Everything is derived from one list, [`tensor_specs`], which is also what checkpoints are read and written by, so
//! that a count cannot drift from the model. Conventions, checked against the published figures (DeepSeek-V3 Technical
//! Report section 4.2; "Insights into DeepSeek-V3", arXiv:2505.09343, Tables 1, 2 and 4):
//! - *active* parameters are those that one token meets: the shared experts and `num_experts_per_tok` routed ones;
//! - the MTP layer is counted apart, and its copies of embedding and head only on disk;
//! - a multiply-add is two operations, a backward pass is twice its forward, recomputation is not counted, and causal
//!   attention counts each pair of positions that is used, once.

mod flops;
mod tensors;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use flops::{AttentionSpan, FlopModel, MlaForm, causal_pairs};
pub use tensors::{Part, Role, TensorSpec, tensor_specs};

use crate::config::Config;
use tensors::{TensorGroup, head_groups, layer_groups};

/// Parameters of a set of tensors, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartCounts {
    /// Input embedding.
    pub embedding: u64,
    /// Projections of attention with their biases, and the norms inside (latents in MLA, q and k in Qwen3).
    pub attention: u64,
    /// Feed-forward of layers without experts.
    pub dense_ffn: u64,
    /// Routed experts.
    pub routed_experts: u64,
    /// Shared experts.
    pub shared_experts: u64,
    /// Router weights and their selection bias.
    pub router: u64,
    /// RMSNorm weights of the residual stream.
    pub norms: u64,
    /// `eh_proj` of an MTP layer.
    pub mtp_projection: u64,
    /// Output head; 0 where it is the embedding.
    pub output_head: u64,
}

impl PartCounts {
    /// All parts together.
    pub fn total(&self) -> u64 {
        self.named().iter().map(|(_, n)| n).sum()
    }

    /// The parts with their names, in the order of a forward pass.
    pub fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("embedding", self.embedding),
            ("attention", self.attention),
            ("dense feed-forward", self.dense_ffn),
            ("routed experts", self.routed_experts),
            ("shared experts", self.shared_experts),
            ("router", self.router),
            ("norms", self.norms),
            ("mtp projection", self.mtp_projection),
            ("output head", self.output_head),
        ]
    }

    fn add(&mut self, part: Part, n: u64) {
        let sum = match part {
            Part::Embedding => &mut self.embedding,
            Part::Attention => &mut self.attention,
            Part::DenseFfn => &mut self.dense_ffn,
            Part::RoutedExperts => &mut self.routed_experts,
            Part::SharedExperts => &mut self.shared_experts,
            Part::Router => &mut self.router,
            Part::Norm => &mut self.norms,
            Part::MtpProjection => &mut self.mtp_projection,
            Part::OutputHead => &mut self.output_head,
        };
        *sum += n;
    }
}

/// How many parameters a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ParamCounts {
    /// The main model, every parameter.
    pub main: PartCounts,
    /// The main model, what one token meets.
    pub main_active: PartCounts,
    /// The MTP layers without their copies of embedding and head.
    pub mtp: PartCounts,
    /// The MTP layers, what one token meets.
    pub mtp_active: PartCounts,
    /// The router's selection bias in the main model: stored, counted in `router`, but not trained by gradient.
    pub router_bias: u64,
}

impl ParamCounts {
    /// Parameters of the main model (671.026B for DeepSeek-V3).
    pub fn total(&self) -> u64 {
        self.main.total()
    }

    /// Parameters that one token meets, its embedding matrix included (37.55B for DeepSeek-V3).
    pub fn active(&self) -> u64 {
        self.main_active.total()
    }

    /// As [`Self::active`] without the input embedding, which is looked up and not multiplied (36.63B for DeepSeek-V3).
    /// A tied head is multiplied, so it counts.
    pub fn active_without_embedding(&self) -> u64 {
        let tied = self.main.output_head == 0;
        self.active() - if tied { 0 } else { self.main_active.embedding }
    }

    /// Everything that a training run holds: the main model and the MTP layers.
    pub fn trained(&self) -> u64 {
        self.main.total() + self.mtp.total()
    }
}

/// Counts the parameters of `config`.
pub fn count_params(config: &Config) -> ParamCounts {
    let top_k = experts_per_token(config);
    let mut counts = ParamCounts {
        main: PartCounts::default(),
        main_active: PartCounts::default(),
        mtp: PartCounts::default(),
        mtp_active: PartCounts::default(),
        router_bias: 0,
    };
    for_each_group(config, |group, role| {
        let (all, active) = match role {
            Role::Main => (&mut counts.main, &mut counts.main_active),
            Role::Mtp => (&mut counts.mtp, &mut counts.mtp_active),
            Role::MtpDuplicate => return,
        };
        all.add(group.part, group.n_values() * group.n_copies() as u64);
        let met = if group.part == Part::RoutedExperts { top_k } else { group.n_copies() };
        active.add(group.part, group.n_values() * met as u64);
        if role == Role::Main && group.is_router_bias() {
            counts.router_bias += group.n_values();
        }
    });
    counts
}

/// Parameters of one layer, for whoever spreads layers over machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerCounts {
    /// Every parameter; an MTP layer's copies of embedding and head are not among them.
    pub all: PartCounts,
    /// Values of the matrices by which one token is multiplied.
    pub multiplied: PartCounts,
}

/// Counts layer `layer_idx` of `config`; MTP layers count on from `num_hidden_layers`.
pub fn count_layer(config: &Config, layer_idx: usize) -> LayerCounts {
    let top_k = experts_per_token(config);
    let mut counts = LayerCounts::default();
    for group in layer_groups(config, layer_idx).iter().filter(|group| !group.is_duplicate) {
        counts.all.add(group.part, group.n_values() * group.n_copies() as u64);
        if group.as_matrix().is_some() {
            let met = if group.part == Part::RoutedExperts { top_k } else { group.n_copies() };
            counts.multiplied.add(group.part, group.n_values() * met as u64);
        }
    }
    counts
}

/// Values in the published files: the main model, the MTP layers with their copies of embedding and head, and the f32
/// scales of block-quantized matrices (684,531,386,000 for DeepSeek-R1).
pub fn on_disk_values(config: &Config) -> u64 {
    let block = config.quantization_config().and_then(|q| q.weight_block_size);
    let mut n = 0;
    for_each_group(config, |group, _| {
        let scales = match (block, group.as_matrix()) {
            (Some([rows, cols]), Some([r, c])) if group.is_block_quantized() => {
                (r.div_ceil(rows) * c.div_ceil(cols)) as u64
            }
            _ => 0,
        };
        n += (group.n_values() + scales) * group.n_copies() as u64;
    });
    n
}

/// What a KV cache keeps of each token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvForm {
    /// MLA's latent and rotary key, shared by all heads; keys and values of the KV heads in a dense model.
    Latent,
    /// MLA's keys and values of every head, as others prefill and train; the same as `Latent` in a dense model.
    Expanded,
    /// What the engine here keeps: MLA's latent as a value too, beside the key; the same as `Latent` in a dense model.
    Kept,
}

/// Values that a KV cache keeps of each token, over all layers of the main model.
pub fn kv_values_per_token(config: &Config, form: KvForm) -> u64 {
    let per_layer = match (config, form) {
        (Config::DeepseekV3(c), KvForm::Latent) => c.kv_lora_rank + c.qk_rope_head_dim,
        (Config::DeepseekV3(c), KvForm::Kept) => 2 * c.kv_lora_rank + c.qk_rope_head_dim,
        (Config::DeepseekV3(c), KvForm::Expanded) => c.num_attention_heads * (c.qk_head_dim() + c.v_head_dim),
        (Config::Dense(c), _) => 2 * c.num_key_value_heads * c.head_dim,
    };
    per_layer as u64 * config.num_hidden_layers() as u64
}

/// Bytes of KV cache for each token at two bytes a value (70,272 for DeepSeek-V3 in latent form).
pub fn kv_bytes_per_token_bf16(config: &Config, form: KvForm) -> u64 {
    2 * kv_values_per_token(config, form)
}

fn experts_per_token(config: &Config) -> usize {
    config.experts().map_or(0, |experts| experts.per_token)
}

/// Visits every group of equal tensors with the role of its layer. Layers of one kind are visited one by one: a count
/// over 61 layers is 61 times a dozen groups, whatever the number of experts.
fn for_each_group(config: &Config, mut visit: impl FnMut(&TensorGroup, Role)) {
    for group in head_groups(config) {
        visit(&group, Role::Main);
    }
    let n_main = config.num_hidden_layers();
    for layer_idx in 0..n_main + tensors::n_mtp_layers(config) {
        let role = if layer_idx < n_main { Role::Main } else { Role::Mtp };
        for group in layer_groups(config, layer_idx) {
            visit(&group, if group.is_duplicate { Role::MtpDuplicate } else { role });
        }
    }
}
