//! What the fullest chip of a layout holds: weights, gradients, optimizer, activations in flight.

use model::Config;
use model::count::count_layer;
use serde::Serialize;

use crate::assumptions::MEMORY_RESERVE;
use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, Precision, Recompute, Schedule};
use crate::schedule::Plan;
use crate::work::ffn_matrices;

/// Bytes of the fullest chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ChipMemory {
    /// Weights as products read them.
    pub weights: f64,
    /// Sums of gradients, f32.
    pub gradients: f64,
    /// Master weights and moments.
    pub optimizer: f64,
    /// Activations of all micro-batches in flight, logits included.
    pub activations: f64,
    /// Of them the logits and their gradient.
    pub logits: f64,
    /// Of them what a layer holds while it is computed again: all that it would have kept.
    pub again: f64,
}

impl ChipMemory {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.weights + self.gradients + self.optimizer + self.activations
    }

    /// Refuses what a chip cannot hold.
    ///
    /// # Errors
    /// The bytes needed and there.
    pub fn check(&self, layout: &Layout, chip: &Chip) -> Result<()> {
        let available_gb = chip.memory_gb * (1.0 - MEMORY_RESERVE);
        if self.total() <= available_gb * 1e9 {
            return Ok(());
        }
        // What would help is found where more is known than the layout: `nearest.rs`.
        let nearest = format!("that is with {}", layout.describe());
        Err(Error::DoesNotFit { needed_gb: self.total() / 1e9, available_gb, chip: chip.name.clone(), nearest })
    }
}

/// Parameters on the fullest chip.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// Outside the routed experts.
    pub(super) dense: f64,
    /// Of them embedding and head, which stay in BF16.
    pub(super) vocabulary: f64,
    /// In the routed experts.
    pub(super) experts: f64,
}

impl Held {
    fn total(&self) -> f64 {
        self.dense + self.experts
    }
}

pub(super) fn held(job: &Job, layout: &Layout, plan: &Plan, placement: &[usize]) -> Held {
    let ranks = (0..plan.n_ranks).map(|rank| held_by(job, layout, plan, placement, rank));
    ranks.max_by(|a, b| a.total().total_cmp(&b.total())).unwrap_or_default()
}

fn held_by(job: &Job, layout: &Layout, plan: &Plan, placement: &[usize], rank: usize) -> Held {
    let config = &job.config;
    let (tp, ep) = (layout.tp as f64, layout.ep as f64);
    let vocabulary = (config.vocab_size() * config.hidden_size()) as f64 / tp;
    let mut held = Held::default();
    let stages = plan.stages_of(rank);
    for stage in &stages {
        let first: usize = placement[..*stage].iter().sum();
        for layer_idx in first..first + placement[*stage] {
            let all = count_layer(config, layer_idx).all;
            held.experts += all.routed_experts as f64 / ep;
            held.dense += (all.total() - all.routed_experts) as f64 / tp;
        }
    }
    let (has_first, has_last) = (stages.contains(&0), stages.contains(&(plan.n_stages - 1)));
    let n = match (has_first, has_last) {
        (true, true) if config.tie_word_embeddings() => 1.0,
        (first, last) => f64::from(u8::from(first) + u8::from(last)),
    };
    held.vocabulary = n * vocabulary;
    held.dense += held.vocabulary;
    held
}

/// Bytes of the fullest chip in `layout`, its layers placed as given.
pub fn chip_memory(job: &Job, layout: &Layout, plan: &Plan, placement: &[usize]) -> ChipMemory {
    let ranks = (0..plan.n_ranks).map(|rank| memory_of(job, layout, plan, placement, rank));
    ranks.max_by(|a, b| a.total().total_cmp(&b.total())).unwrap_or_default()
}

fn memory_of(job: &Job, layout: &Layout, plan: &Plan, placement: &[usize], rank: usize) -> ChipMemory {
    let logits = match plan.stages_of(rank).contains(&(plan.n_stages - 1)) {
        true => logit_bytes(job, layout),
        false => 0.0,
    };
    let again = again_bytes(job, layout);
    let activations = activations(job, layout, plan, placement, rank) + logits + again;
    ChipMemory { activations, logits, again, ..states(job, layout, &held_by(job, layout, plan, placement, rank)) }
}

/// Bytes that the fullest chip holds at least: a mean chip's, without activations.
pub(super) fn least_bytes(job: &Job, layout: &Layout) -> f64 {
    let config = &job.config;
    let all = (0..job.n_layers()).map(|i| count_layer(config, i).all);
    let (dense, experts) = all.fold((0, 0), |(dense, experts), layer| {
        (dense + layer.total() - layer.routed_experts, experts + layer.routed_experts)
    });
    // DualPipe's ranks hold two stages each.
    let ranks = match layout.schedule {
        Schedule::DualPipe if layout.pp > 1 => layout.pp as f64 / 2.0,
        _ => layout.pp as f64,
    };
    let held = Held {
        dense: dense as f64 / layout.tp as f64 / ranks,
        experts: experts as f64 / layout.ep as f64 / ranks,
        vocabulary: 0.0,
    };
    states(job, layout, &held).total()
}

/// Weights, gradients and optimizer of what a chip holds.
fn states(job: &Job, layout: &Layout, held: &Held) -> ChipMemory {
    let fp8 = layout.precision == Precision::Fp8;
    let mirrored = if layout.schedule == Schedule::DualPipe && layout.pp > 1 { 2.0 } else { 1.0 };
    let copies = (layout.dp * layout.cp) as f64;
    let expert_copies = (copies * layout.tp as f64 / layout.ep as f64).max(1.0);
    let share = |from: u8| match layout.zero >= from {
        true => held.dense / (copies * mirrored) + held.experts / (expert_copies * mirrored),
        false => held.total(),
    };
    // Master in f32; moments in BF16 in V3's recipe (report, section 3.3.3), else in f32.
    let state = if fp8 { 4.0 + 4.0 } else { 4.0 + 8.0 };
    let matrices = share(3) * if fp8 { 1.0 } else { 2.0 };
    // Two layers at a time are whole in ZeRO-3: this one and the next.
    let whole = if layout.zero == 3 { 2.0 * 2.0 * held.total() / job.n_layers() as f64 } else { 0.0 };
    ChipMemory {
        weights: whole + matrices + if fp8 && layout.zero < 3 { held.vocabulary } else { 0.0 },
        gradients: 4.0 * share(2),
        optimizer: state * share(1),
        activations: 0.0,
        logits: 0.0,
        again: 0.0,
    }
}

/// Logits of a micro-batch and their gradient, BF16: of the head, or of an MTP layer's use of it after that.
fn logit_bytes(job: &Job, layout: &Layout) -> f64 {
    let tokens = (layout.micro_batch * job.seq_len) as f64 / layout.cp as f64;
    2.0 * 2.0 * tokens * job.config.vocab_size() as f64 / layout.tp as f64
}

/// What the layer whose backward runs has computed again of a micro-batch, beside what was kept of it.
fn again_bytes(job: &Job, layout: &Layout) -> f64 {
    let of = |recompute| activation_bytes(&job.config, layout.precision, recompute);
    tokens_held(job, layout) * (of(Recompute::None) - of(layout.recompute))
}

/// Tokens of a micro-batch whose activations one chip keeps.
pub(crate) fn tokens_held(job: &Job, layout: &Layout) -> f64 {
    (layout.micro_batch * job.seq_len) as f64 / (layout.cp * layout.tp) as f64
}

fn activations(job: &Job, layout: &Layout, plan: &Plan, placement: &[usize], rank: usize) -> f64 {
    let (p, n) = (plan.n_ranks as f64, plan.n_micro_batches as f64);
    let stages = plan.stages_of(rank);
    let n_layers: usize = stages.iter().map(|stage| placement[*stage]).sum();
    let of_stage = n_layers as f64 / stages.len() as f64;
    // V3's report, Table 2: PP chunks at once in 1F1B's first rank and in ZB1P, PP+1 in DualPipe; interleaving:
    // arXiv:2104.04473, section 2.2.
    let in_flight = match layout.schedule {
        _ if plan.n_ranks == 1 => 1.0,
        Schedule::DualPipe => p + 1.0,
        Schedule::Zb1p => p.min(n),
        Schedule::OneFOneB if layout.vpp > 1 => {
            let v = layout.vpp as f64;
            (2.0 * (p - rank as f64 - 1.0) + (v - 1.0) * p + 1.0).min(n * v)
        }
        Schedule::OneFOneB => (p - rank as f64).min(n),
    };
    let per_token = activation_bytes(&job.config, layout.precision, layout.recompute);
    in_flight * of_stage * tokens_held(job, layout) * per_token
}

/// Bytes that a layer keeps of each token for its backward pass, averaged over layers.
///
/// Inputs of FP8 products are kept in FP8, those of the linear after attention in 12 bits (V3's report, section 3.3.3).
/// `Selective` leaves out what V3 computes again: outputs of norms, of SwiGLU, and of MLA's projections from latents.
pub fn activation_bytes(config: &Config, precision: Precision, recompute: Recompute) -> f64 {
    let hidden = config.hidden_size() as f64;
    if recompute == Recompute::Full {
        return 2.0 * hidden;
    }
    let fp8 = precision == Precision::Fp8;
    let low = if fp8 { 1.0 } else { 2.0 };
    let (projected, latents, out, columns, rows) = widths(config);
    // Two residuals for the norms, the inputs of attention and feed-forward, and attention's output.
    let mut bytes = 2.0 * 2.0 * hidden + 2.0 * latents + out * if fp8 { 1.5 } else { 2.0 };
    // Rows at the experts, gate and up.
    bytes += low * (rows.max(1.0) * hidden + (ffn_matrices(config) - 1.0) * columns);
    let again = matches!(config, Config::DeepseekV3(_)) && recompute == Recompute::Selective;
    if !again {
        bytes += 2.0 * projected;
    }
    if recompute == Recompute::None {
        bytes += low * (2.0 * hidden + columns);
    }
    bytes
}

/// Widths of a mean layer: queries, keys and values; latents; attention's output; feed-forward columns that a token
/// passes; rows of experts.
fn widths(config: &Config) -> (f64, f64, f64, f64, f64) {
    let (projected, latents, out, dense_columns) = match config {
        Config::DeepseekV3(c) => {
            let heads = c.num_attention_heads;
            let projected = heads * (c.qk_head_dim() + c.qk_nope_head_dim + c.v_head_dim);
            let latents = c.q_lora_rank.unwrap_or(0) + c.kv_lora_rank + c.qk_rope_head_dim;
            (projected, latents, heads * c.v_head_dim, c.intermediate_size)
        }
        Config::Dense(c) => {
            let width = c.num_attention_heads * c.head_dim;
            (width + 2 * c.num_key_value_heads * c.head_dim, 0, width, c.intermediate_size)
        }
    };
    let n = config.num_hidden_layers();
    let (columns, rows) = config.experts().map_or((dense_columns as f64, 0.0), |e| {
        let share = n.saturating_sub(e.first_k_dense) as f64 / n as f64;
        let rows = (e.per_token + e.n_shared) as f64;
        (share * rows * e.intermediate_size as f64 + (1.0 - share) * dense_columns as f64, share * rows)
    });
    (projected as f64, latents as f64, out as f64, columns, rows)
}
