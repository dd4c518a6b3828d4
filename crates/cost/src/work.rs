//! How long a chip takes for one micro-batch of a layer: products, attention, what streams through memory between them,
//! and what it exchanges with other chips.
//!
//! Operations are counted by `model::count`; the bytes that the operations between the products move are listed in
//! `stream_bytes`, and those of the exchanges in [`crate::traffic`]. Times are seconds on one chip.

use model::Config;
use model::count::{FlopModel, MlaForm, PartCounts, count_layer};
use serde::Serialize;

use crate::assumptions as assume;
use crate::catalogue::Chip;
use crate::error::Result;
use crate::layout::{Job, Layout, Precision, Recompute};
use crate::traffic;

/// Seconds of one micro-batch in one part of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StageTime {
    /// Forward, computation alone.
    pub forward: f64,
    /// Backward of the inputs.
    pub backward: f64,
    /// Backward of the weights.
    pub weight: f64,
    /// The experts' all-to-all, in each direction; it can be overlapped.
    pub all_to_all: f64,
    /// Exchanges within a layer (tensor and context parallelism), in each direction; nothing runs beside them.
    pub exchange: f64,
    /// Of them keys and values of chips that share a sequence, as far as they take longer than attention.
    pub ring: f64,
    /// Of forward, backward and weight together: matrix products.
    pub products: f64,
    /// Of the same: attention.
    pub attention: f64,
    /// Of the same: what streams through memory.
    pub stream: f64,
    /// What the last three do.
    pub does: Counts,
}

/// Operations and bytes of a micro-batch in one part of the model, all passes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Operations of products in the layout's precision.
    pub product_flops: f64,
    /// Operations of those that stay in BF16.
    pub bf16_flops: f64,
    /// Operations of attention forward, computed again where it is.
    pub attention_flops: f64,
    /// Operations of attention backward.
    pub attention_back_flops: f64,
    /// Bytes between products.
    pub stream_bytes: f64,
}

impl Counts {
    /// Both together.
    pub fn plus(&self, other: &Counts) -> Counts {
        Counts {
            product_flops: self.product_flops + other.product_flops,
            bf16_flops: self.bf16_flops + other.bf16_flops,
            attention_flops: self.attention_flops + other.attention_flops,
            attention_back_flops: self.attention_back_flops + other.attention_back_flops,
            stream_bytes: self.stream_bytes + other.stream_bytes,
        }
    }

    /// `times` of it.
    pub fn times(&self, times: f64) -> Counts {
        Counts {
            product_flops: self.product_flops * times,
            bf16_flops: self.bf16_flops * times,
            attention_flops: self.attention_flops * times,
            attention_back_flops: self.attention_back_flops * times,
            stream_bytes: self.stream_bytes * times,
        }
    }
}

impl StageTime {
    /// Both together.
    pub fn plus(&self, other: &StageTime) -> StageTime {
        StageTime {
            forward: self.forward + other.forward,
            backward: self.backward + other.backward,
            weight: self.weight + other.weight,
            all_to_all: self.all_to_all + other.all_to_all,
            exchange: self.exchange + other.exchange,
            ring: self.ring + other.ring,
            products: self.products + other.products,
            attention: self.attention + other.attention,
            stream: self.stream + other.stream,
            does: self.does.plus(&other.does),
        }
    }

    /// Computation of all three.
    pub fn compute(&self) -> f64 {
        self.forward + self.backward + self.weight
    }
}

/// A chip at work on a layout's share of a job.
pub struct Worker<'a> {
    job: &'a Job,
    layout: &'a Layout,
    chip: &'a Chip,
    /// Operations a second of FP8 or BF16 products in the layers, and of BF16 products.
    product_rate: f64,
    bf16_rate: f64,
    /// Bytes a second.
    stream_rate: f64,
}

/// Operations and bytes of a part, before they are divided by rates.
struct Part {
    /// Products in the layout's precision, and those that stay in BF16.
    products: f64,
    products_bf16: f64,
    /// Of the products, those that are computed once more in the backward pass.
    again: f64,
    attention: f64,
    /// Bytes forward, and in the weights' backward beside the gradients.
    stream: f64,
    stream_weight: f64,
    /// Parameters of the matrices on this chip.
    held: f64,
}

impl<'a> Worker<'a> {
    /// # Errors
    /// A precision that the chip does not have.
    pub fn new(job: &'a Job, layout: &'a Layout, chip: &'a Chip) -> Result<Worker<'a>> {
        let fp8 = layout.precision == Precision::Fp8;
        let best = if fp8 { chip.gemm_fp8 } else { chip.gemm_bf16 };
        Ok(Worker {
            job,
            layout,
            chip,
            product_rate: chip.peak_tflops(fp8)? * 1e12 * best * assume::MATRIX_SHARE,
            bf16_rate: chip.bf16_tflops * 1e12 * chip.gemm_bf16 * assume::MATRIX_SHARE,
            stream_rate: chip.memory_gb_s * 1e9 * assume::STREAM_SHARE,
        })
    }

    /// Tokens of a micro-batch that this chip has, before tensor parallelism divides the work on them.
    fn tokens(&self) -> f64 {
        (self.layout.micro_batch * self.job.seq_len) as f64 / self.layout.cp as f64
    }

    /// Layer `layer_idx`; MTP layers count on.
    pub fn layer(&self, layer_idx: usize) -> StageTime {
        let (layout, config) = (self.layout, &self.job.config);
        let n = count_layer(config, layer_idx).multiplied;
        let (tokens, tp) = (self.tokens(), layout.tp as f64);
        let experts = n.routed_experts as f64 * layout.imbalance;
        let low = n.attention as f64 + n.dense_ffn as f64 + n.shared_experts as f64 + experts;
        let per_pair = FlopModel::new(config, MlaForm::Expanded).per_pair as f64 / config.num_hidden_layers() as f64;
        let pairs = (layout.micro_batch * self.job.seq_len * (self.job.seq_len + 1) / 2) as f64 / layout.cp as f64;
        let stream = stream_bytes(config, &n, layout.precision);
        let part = Part {
            products: 2.0 * tokens * low / tp,
            products_bf16: 2.0 * tokens * (n.router + n.mtp_projection) as f64 / tp,
            again: 2.0 * tokens * self.recomputed(&n) / tp,
            attention: layout.attention_imbalance() * per_pair * pairs / tp,
            stream: stream.forward * tokens / tp,
            stream_weight: stream.weight * tokens / tp,
            held: self.held(layer_idx),
        };
        let mut time = self.time(&part);
        // Keys and values of the others arrive while attention works on those that are there.
        let attention = part.attention / (assume::ATTENTION_FORWARD * self.chip.bf16_tflops * 1e12);
        let ring = traffic::context_parallel_s(config, layout, self.chip, tokens);
        time.ring = (ring - attention).max(0.0);
        time.exchange = traffic::tensor_parallel_s(config, layout, self.chip, tokens) + time.ring;
        if n.routed_experts > 0 {
            let seconds = traffic::AllToAll::new(config, layout, self.chip).seconds(tokens / tp, self.chip);
            time.all_to_all = layout.imbalance * layout.send_slowdown(self.chip) * seconds;
        }
        time
    }

    /// The output head with its loss.
    pub fn head(&self) -> StageTime {
        let (vocab, hidden) = (self.job.config.vocab_size() as f64, self.job.config.hidden_size() as f64);
        let (tokens, tp) = (self.tokens(), self.layout.tp as f64);
        self.time(&Part {
            products: 0.0,
            products_bf16: 2.0 * tokens * vocab * hidden / tp,
            again: 0.0,
            attention: 0.0,
            // Logits are written, read by the loss, and their gradient likewise.
            stream: 2.0 * 2.0 * tokens * vocab / tp,
            stream_weight: 0.0,
            held: vocab * hidden / tp,
        })
    }

    fn time(&self, part: &Part) -> StageTime {
        // A product takes at least as long as reading its weights.
        let bytes = if self.layout.precision == Precision::Fp8 { 1.0 } else { 2.0 };
        let read = part.held * bytes / (self.chip.memory_gb_s * 1e9);
        let products = (part.products / self.product_rate + part.products_bf16 / self.bf16_rate).max(read);
        let again = part.again / self.product_rate;
        let peak = self.chip.bf16_tflops * 1e12;
        let attention = part.attention / (assume::ATTENTION_FORWARD * peak);
        let attention_back = assume::ATTENTION_BACKWARD_WORK * part.attention / (assume::ATTENTION_BACKWARD * peak);
        let full = self.layout.recompute == Recompute::Full;
        let (attention_again, stream_again) = if full { (attention, part.stream) } else { (0.0, 0.0) };
        let stream = part.stream / self.stream_rate;
        // The gradient of the inputs reads and writes about twice what the forward does.
        let stream_back = (2.0 * part.stream + stream_again) / self.stream_rate;
        // Weights' gradients are added to in f32: read and written.
        let stream_weight = (part.stream_weight + 8.0 * part.held) / self.stream_rate;
        StageTime {
            forward: products + attention + stream,
            backward: products + again + attention_back + attention_again + stream_back,
            weight: products + stream_weight,
            all_to_all: 0.0,
            exchange: 0.0,
            ring: 0.0,
            products: 3.0 * products + again,
            attention: attention + attention_back + attention_again,
            stream: stream + stream_back + stream_weight,
            does: Counts {
                product_flops: 3.0 * part.products + part.again,
                bf16_flops: 3.0 * part.products_bf16,
                attention_flops: part.attention * if full { 2.0 } else { 1.0 },
                attention_back_flops: assume::ATTENTION_BACKWARD_WORK * part.attention,
                stream_bytes: (stream + stream_back + stream_weight) * self.stream_rate,
            },
        }
    }

    /// Values of the matrices by which a token is multiplied once more in the backward pass.
    fn recomputed(&self, n: &PartCounts) -> f64 {
        match (self.layout.recompute, &self.job.config) {
            (Recompute::None, _) | (Recompute::Selective, Config::Dense(_)) => 0.0,
            (Recompute::Selective, Config::DeepseekV3(c)) => {
                let q = c.q_lora_rank.map_or(0, |rank| rank * c.num_attention_heads * c.qk_head_dim());
                (q + c.kv_lora_rank * c.num_attention_heads * (c.qk_nope_head_dim + c.v_head_dim)) as f64
            }
            (Recompute::Full, _) => n.total() as f64,
        }
    }

    /// Parameters of a layer's matrices on this chip.
    fn held(&self, layer_idx: usize) -> f64 {
        let all = count_layer(&self.job.config, layer_idx).all;
        let experts = all.routed_experts as f64;
        (all.total() as f64 - experts) / self.layout.tp as f64 + experts / self.layout.ep as f64
    }

    /// Share of the chip's units that send while others compute.
    pub fn sending_share(&self) -> f64 {
        self.layout.comm_sm as f64 / self.chip.n_sm as f64
    }

    /// Seconds of a forward and a backward of two micro-batches that run side by side: communication hides behind
    /// computation, which has fewer units while it runs.
    pub fn overlapped(&self, forward: &StageTime, backward: &StageTime) -> f64 {
        let side = self.side_by_side(forward, backward);
        side.compute_s + side.lost_s + side.longer_s + forward.exchange + backward.exchange
    }

    /// How these seconds come about, exchanges within layers apart.
    pub fn side_by_side(&self, forward: &StageTime, backward: &StageTime) -> SideBySide {
        let compute_s = forward.forward + backward.backward + backward.weight;
        let sent = forward.all_to_all + backward.all_to_all;
        let lost_s = sent * self.sending_share();
        match compute_s + lost_s >= sent {
            true => SideBySide { compute_s, lost_s, longer_s: 0.0, hidden_s: sent },
            false => SideBySide { compute_s, lost_s: 0.0, longer_s: sent - compute_s, hidden_s: compute_s },
        }
    }
}

/// Seconds of computation beside an all-to-all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SideBySide {
    /// Computation with all units of the chip.
    pub compute_s: f64,
    /// What it takes longer with the units that are left.
    pub lost_s: f64,
    /// What the all-to-all takes longer than both.
    pub longer_s: f64,
    /// What of it is hidden.
    pub hidden_s: f64,
}

/// Matrices of a feed-forward: three with a gate.
pub(crate) fn ffn_matrices(config: &Config) -> f64 {
    match config {
        Config::Dense(c) if !c.gated => 2.0,
        _ => 3.0,
    }
}

/// Bytes that a token moves between products in a layer.
struct Stream {
    forward: f64,
    weight: f64,
}

/// What the operations between a layer's products read and write for each token. BF16 values; the inputs of FP8 products
/// are quantized on the way, and for the weights' gradients once more in columns (V3's report, section 3.3.2).
fn stream_bytes(config: &Config, n: &PartCounts, precision: Precision) -> Stream {
    let (q, kv, latents, out) = match config {
        Config::DeepseekV3(c) => {
            let heads = c.num_attention_heads;
            let latents = c.q_lora_rank.unwrap_or(0) + c.kv_lora_rank;
            (heads * c.qk_head_dim(), heads * (c.qk_nope_head_dim + c.v_head_dim), latents, heads * c.v_head_dim)
        }
        Config::Dense(c) => {
            let width = c.num_attention_heads * c.head_dim;
            (width, 2 * c.num_key_value_heads * c.head_dim, 0, width)
        }
    };
    let hidden = config.hidden_size() as f64;
    let [q, kv, latents, out] = [q, kv, latents, out].map(|n| n as f64);
    let low = if precision == Precision::Fp8 { 1.0 } else { 2.0 };
    // Columns of the feed-forward that a token passes, over all its experts, and the experts' number.
    let columns = (n.dense_ffn + n.routed_experts + n.shared_experts) as f64 / (ffn_matrices(config) * hidden);
    let rows = match config.experts() {
        Some(experts) if n.routed_experts > 0 => (experts.per_token + experts.n_shared) as f64,
        _ => 0.0,
    };
    // Norms read and write; residuals read two and write one.
    let norms = 2.0 * (2.0 + low) * hidden + 2.0 * 6.0 * hidden + (2.0 + low) * latents;
    // Queries, keys and values are written, turned by the rotary embedding, and read; the output written and read.
    let attention = 3.0 * 2.0 * (q + kv) + 2.0 * 2.0 * out;
    // Gate and up are written and read, their product written and read; rows to experts and back.
    let ffn =
        columns * ((ffn_matrices(config) - 1.0) * 2.0 * 2.0 + 2.0 * low) + rows * hidden * (2.0 * low + 2.0 * 2.0);
    let weight = if precision == Precision::Fp8 {
        let n_inputs = rows.max(1.0);
        let inputs = 2.0 * (hidden + latents + out + n_inputs * hidden + columns) + 2.0 * columns;
        let gradients = 3.0 * (q + kv + latents + hidden + 2.0 * columns + n_inputs * hidden);
        inputs + gradients
    } else {
        0.0
    };
    Stream { forward: norms + attention + ffn, weight }
}
