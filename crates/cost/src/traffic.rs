//! Bytes between chips, by what sends them, and how long they take.
//!
//! A chip has two ways out: the node's own link and the network. A group within a node uses the first; a ring over
//! several nodes reduces within each first, so that the network carries one node's share.

use model::Config;
use model::count::{KvForm, kv_values_per_token};
use serde::Serialize;

use crate::catalogue::Chip;
use crate::layout::{Layout, Precision};

/// The experts' exchange: each token's row to the chips of its experts, and the sum back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AllToAll {
    /// Other nodes that a token's rows go to, on average.
    pub remote_nodes: f64,
    /// Other chips.
    pub remote_chips: f64,
    /// Bytes of a row on the way to the experts (FP8 with its scales in V3, else BF16), and back (BF16).
    pub dispatch_bytes: f64,
    /// On the way back.
    pub combine_bytes: f64,
}

impl AllToAll {
    /// Of a model with experts.
    pub fn new(config: &Config, layout: &Layout, chip: &Chip) -> AllToAll {
        let fp8 = layout.precision == Precision::Fp8;
        AllToAll::between(config, layout.ep, chip.per_node, fp8)
    }

    /// Among `ep` chips, `per_node` in a node. Groups of experts are placed on neighbours, so that a token that may
    /// choose among `topk_group` of `n_group` groups stays on as large a part of the chips.
    pub fn between(config: &Config, ep: u64, per_node: u64, fp8: bool) -> AllToAll {
        let (top_k, groups) =
            config.experts().map_or((0.0, 1.0), |e| (e.per_token as f64, e.topk_group as f64 / e.n_group as f64));
        // Of `n` equal places, those that hold at least one of top_k experts drawn from a share of them.
        let hit = |n: f64| {
            let open = (n * groups).max(1.0);
            open * (1.0 - (1.0 - 1.0 / open).powf(top_k))
        };
        let (chips, nodes) = (ep as f64, (ep as f64 / per_node as f64).max(1.0));
        let hidden = config.hidden_size() as f64;
        AllToAll {
            remote_nodes: hit(nodes) * (1.0 - 1.0 / nodes),
            remote_chips: hit(chips) * (1.0 - 1.0 / chips),
            // One f32 scale for 128 values.
            dispatch_bytes: if fp8 { hidden + hidden / 128.0 * 4.0 } else { 2.0 * hidden },
            combine_bytes: 2.0 * hidden,
        }
    }

    /// Bytes that a chip sends over the network for `tokens`, there and back.
    pub fn network_bytes(&self, tokens: f64) -> f64 {
        tokens * self.remote_nodes * (self.dispatch_bytes + self.combine_bytes)
    }

    /// Seconds there and back: rows cross the network once for each node and spread within it meanwhile.
    pub fn seconds(&self, tokens: f64, chip: &Chip) -> f64 {
        let link = tokens * self.remote_chips * (self.dispatch_bytes + self.combine_bytes) / (chip.link_gb_s * 1e9);
        link.max(self.network_bytes(tokens) / (chip.nic_gb_s * 1e9))
    }
}

/// Bytes that a chip sends in one layer's forward for tensor parallelism with sequence parallelism: gathers before and
/// scatters after attention and feed-forward (arXiv:2205.05198). The backward sends as much.
pub fn tensor_parallel_bytes(config: &Config, tp: u64, tokens: f64) -> f64 {
    4.0 * tokens * config.hidden_size() as f64 * 2.0 * (1.0 - 1.0 / tp as f64)
}

/// Seconds of the same.
pub(crate) fn tensor_parallel_s(config: &Config, layout: &Layout, chip: &Chip, tokens: f64) -> f64 {
    tensor_parallel_bytes(config, layout.tp, tokens) / (chip.link_gb_s * 1e9)
}

/// Bytes that a chip receives in one layer's forward when a sequence is shared: the others' keys and values (MLA's
/// latents), in BF16.
pub fn context_parallel_bytes(config: &Config, cp: u64, tokens: f64) -> f64 {
    let per_layer = kv_values_per_token(config, KvForm::Latent) as f64 / config.num_hidden_layers() as f64;
    (cp - 1) as f64 * tokens * per_layer * 2.0
}

/// Seconds of the same: the slowest hop of the ring decides, the node's link where all of it is in one. Chips that share
/// matrices are nearest to each other, then those that share a sequence.
pub(crate) fn context_parallel_s(config: &Config, layout: &Layout, chip: &Chip, tokens: f64) -> f64 {
    let bytes = context_parallel_bytes(config, layout.cp, tokens);
    bytes / (out_gb_s(layout.tp * layout.cp, chip) * 1e9)
}

/// Seconds between two neighbours of a pipeline. Its stages are the farthest from each other of all: only where all chips
/// are in one node is its link between them.
pub(crate) fn pipeline_hop_s(config: &Config, layout: &Layout, chip: &Chip, seq_len: u64) -> f64 {
    pipeline_bytes(config, layout, seq_len) / (out_gb_s(layout.chips(), chip) * 1e9)
}

/// Bandwidth among `n` chips that are nearest to each other.
fn out_gb_s(n: u64, chip: &Chip) -> f64 {
    if n <= chip.per_node { chip.link_gb_s } else { chip.nic_gb_s }
}

/// Bytes between two neighbours of a pipeline for one micro-batch, each way: the residual stream in BF16.
pub fn pipeline_bytes(config: &Config, layout: &Layout, seq_len: u64) -> f64 {
    let tokens = (layout.micro_batch * seq_len) as f64 / (layout.cp * layout.tp) as f64;
    tokens * config.hidden_size() as f64 * 2.0
}

/// A group of chips that hold the same parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Chips.
    pub size: f64,
    /// Of them in one node.
    pub in_node: f64,
}

impl Group {
    /// Seconds to reduce `bytes` so that each chip has its share of the sum, or to gather the shares again.
    pub fn scatter_s(&self, bytes: f64, chip: &Chip) -> f64 {
        let nodes = (self.size / self.in_node).max(1.0);
        let inside = bytes * (1.0 - 1.0 / self.in_node) / (chip.link_gb_s * 1e9);
        inside + bytes / self.in_node * (1.0 - 1.0 / nodes) / (chip.nic_gb_s * 1e9)
    }

    /// Bytes that a chip sends in it.
    pub fn scatter_bytes(&self, bytes: f64) -> f64 {
        bytes * (1.0 - 1.0 / self.size)
    }
}
