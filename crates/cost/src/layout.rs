//! A parallel layout: how a training step is spread over chips. `pp=16,ep=64` is read, completed and checked; what does
//! not divide is refused with the nearest layout that does.

mod parse;
#[cfg(test)]
mod tests;

use model::Config;
use serde::Serialize;

pub use parse::LayoutSpec;

use crate::catalogue::Chip;
use crate::error::{Error, Result};

/// The order in which a pipeline's ranks work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// One forward, one backward (PipeDream-Flush); interleaved where ranks hold several stages (arXiv:2104.04473).
    #[serde(rename = "1f1b")]
    OneFOneB,
    /// Backward in two halves, the weights' half where ranks would wait (ZB-H1 of arXiv:2401.10241; "ZB1P" in V3's report).
    Zb1p,
    /// Both directions at once, a forward and a backward overlapped (V3's report, section 3.2.1).
    DualPipe,
}

/// The type of matrix products in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// BF16, with moments in f32.
    Bf16,
    /// V3's: FP8 in blocks for attention's and feed-forward matrices, moments in BF16 (report, section 3.3).
    Fp8,
}

/// Which activations are computed again in the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    /// None.
    None,
    /// V3's: norms, SwiGLU, and MLA's projections from the latents (report, section 3.2.3).
    Selective,
    /// Everything but a layer's input.
    Full,
}

impl Schedule {
    /// As `--layout` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Schedule::OneFOneB => "1f1b",
            Schedule::Zb1p => "zb1p",
            Schedule::DualPipe => "dualpipe",
        }
    }
}

impl Precision {
    /// As `--layout` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Bf16 => "bf16",
            Precision::Fp8 => "fp8",
        }
    }
}

impl Recompute {
    /// As `--layout` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Recompute::None => "none",
            Recompute::Selective => "selective",
            Recompute::Full => "full",
        }
    }
}

/// How a step is spread over chips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layout {
    /// Copies of the model that see different data.
    pub dp: u64,
    /// Stages of the pipeline.
    pub pp: u64,
    /// Stages that each rank holds one after the other (interleaving).
    pub vpp: u64,
    /// Chips that share the experts of a layer.
    pub ep: u64,
    /// Chips that share each matrix.
    pub tp: u64,
    /// Chips that share a sequence.
    pub cp: u64,
    /// 0 to 3: what data-parallel copies share (ZeRO, arXiv:1910.02054).
    pub zero: u8,
    /// The pipeline's order.
    pub schedule: Schedule,
    /// Whether chips that share a sequence have an early and a late piece of it each, and so the same pairs of attention
    /// (Llama 3, arXiv:2407.21783, section 3.3.2); otherwise the last chip has nearly twice the mean.
    pub zigzag: bool,
    /// Sequences of a micro-batch.
    pub micro_batch: u64,
    /// Type of matrix products.
    pub precision: Precision,
    /// What is computed twice.
    pub recompute: Recompute,
    /// Units of the chip given to communication while computation runs beside it (V3: 20 of 132): to the experts' rows
    /// in DualPipe, to gradients and parameters where they are hidden.
    pub comm_sm: u64,
    /// The busiest chip's expert work, relative to the mean.
    pub imbalance: f64,
    /// Whether gradients and parameters travel behind the backward and forward passes.
    pub hide_dp: bool,
}

/// What is trained: the model and the step.
#[derive(Clone, Debug)]
pub struct Job {
    /// The model.
    pub config: Config,
    /// Tokens of the run.
    pub tokens: f64,
    /// Length of a sequence.
    pub seq_len: u64,
    /// Sequences of a step.
    pub batch: u64,
    /// Whether the MTP layers are trained.
    pub mtp: bool,
}

impl Job {
    /// Tokens of a step.
    pub fn step_tokens(&self) -> f64 {
        self.batch as f64 * self.seq_len as f64
    }

    /// Layers that are trained, the MTP layers included.
    pub fn n_layers(&self) -> usize {
        self.config.num_hidden_layers() + if self.mtp { self.n_mtp_layers() } else { 0 }
    }

    fn n_mtp_layers(&self) -> usize {
        match &self.config {
            Config::DeepseekV3(c) => c.num_nextn_predict_layers,
            Config::Dense(_) => 0,
        }
    }
}

/// Units of a chip that an all-to-all needs to fill its links: V3's 20 of an H800's 132 (report, section 3.2.2), as a share
/// of the chip; one is left to compute.
pub(crate) fn send_units(chip: &Chip) -> u64 {
    (chip.n_sm * 20).div_ceil(132).min(chip.n_sm.saturating_sub(1))
}

/// Routed experts of a layer; 0 in a dense model.
pub fn n_experts(config: &Config) -> u64 {
    config.experts().map_or(0, |experts| experts.n_routed as u64)
}

/// Whether a model is DeepSeek's V3 or built like it: trained in FP8 (V3's report, section 3.3) and DualPipe (3.2.1).
/// Mixtral, Qwen's and GLM's experts, DeepSeek-V2 and dense models were trained in BF16, as far as their makers say,
/// and nobody but DeepSeek tells of pipelines in which a forward and a backward overlap.
fn is_like_v3(config: &Config) -> bool {
    config.model_type() == "deepseek_v3" && n_experts(config) > 0
}

/// Heads of queries, and of keys and values, over which tensor parallelism divides.
fn heads(config: &Config) -> (u64, u64) {
    match config {
        Config::DeepseekV3(c) => (c.num_attention_heads as u64, c.num_attention_heads as u64),
        Config::Dense(c) => (c.num_attention_heads as u64, c.num_key_value_heads as u64),
    }
}

/// Whether `tp` chips can share the heads: heads of keys and values are copied where there are fewer than chips.
pub(crate) fn divides_heads(config: &Config, tp: u64) -> bool {
    let (queries, keys) = heads(config);
    queries.is_multiple_of(tp) && (keys.is_multiple_of(tp) || tp.is_multiple_of(keys))
}

impl Layout {
    /// Pairs of attention on the busiest of the chips that share a sequence, relative to the mean.
    pub(crate) fn attention_imbalance(&self) -> f64 {
        // The last of cp pieces sees all before it: 1 - (1 - 1/cp)^2 of the pairs, where 1/cp is the mean.
        if self.zigzag { 1.0 } else { 2.0 - 1.0 / self.cp as f64 }
    }

    /// How many times as long the experts' all-to-all takes with the units that it is given as with those that it needs.
    /// Only where it runs beside computation is it kept to a few: elsewhere it has the whole chip.
    pub(crate) fn send_slowdown(&self, chip: &Chip) -> f64 {
        match self.schedule == Schedule::DualPipe && self.pp > 1 {
            true => (send_units(chip) as f64 / self.comm_sm.max(1) as f64).max(1.0),
            false => 1.0,
        }
    }

    /// Chips that it takes.
    pub fn chips(&self) -> u64 {
        self.dp * self.pp * self.tp * self.cp
    }

    /// Micro-batches that pass through each pipeline in a step.
    pub fn n_micro_batches(&self, job: &Job) -> u64 {
        job.batch / (self.dp * self.micro_batch)
    }

    /// In one line, as `--layout` reads it: what it says, read again, is the same step.
    pub fn describe(&self) -> String {
        let schedule = self.schedule.name();
        let mut text = format!("dp={},pp={},ep={},tp={},zero={}", self.dp, self.pp, self.ep, self.tp, self.zero);
        if self.cp > 1 {
            text.push_str(&format!(",cp={},zigzag={}", self.cp, self.zigzag));
        }
        if self.vpp > 1 {
            text.push_str(&format!(",vpp={}", self.vpp));
        }
        if self.pp > 1 {
            text.push_str(&format!(",schedule={schedule}"));
        }
        if (self.pp > 1 && self.schedule == Schedule::DualPipe) || self.hide_dp {
            text.push_str(&format!(",comm_sm={}", self.comm_sm));
        }
        if self.imbalance > 1.0 {
            text.push_str(&format!(",imbalance={}", self.imbalance));
        }
        let (precision, recompute) = (self.precision.name(), self.recompute.name());
        let (micro_batch, hide_dp) = (self.micro_batch, self.hide_dp);
        text.push_str(&format!(
            ",micro_batch={micro_batch},precision={precision},recompute={recompute},hide_dp={hide_dp}"
        ));
        text
    }

    /// Refuses what does not divide or does not exist.
    ///
    /// # Errors
    /// What was found, what was expected, and the nearest layout that divides.
    pub fn check(&self, job: &Job, chip: &Chip, count: u64) -> Result<()> {
        let refuse = |found: String, expected: String, nearest: String| Err(Error::Layout { found, expected, nearest });
        if self.chips() != count {
            return Err(self.off_by_chips(count));
        }
        chip.peak_tflops(self.precision == Precision::Fp8)?;
        let per_node = chip.per_node;
        if self.tp > per_node || !divides_heads(&job.config, self.tp) {
            let near = divisor_near(self.tp.min(per_node), |n| divides_heads(&job.config, n) && n <= per_node);
            return refuse(
                format!("tp={}", self.tp),
                format!("a divisor of {} heads, at most {per_node} (a node)", heads(&job.config).0),
                format!("tp={near}"),
            );
        }
        let usual = format!("comm_sm={}", send_units(chip));
        if self.comm_sm >= chip.n_sm {
            let expected = format!("fewer than the {} units of {}", chip.n_sm, chip.name);
            return refuse(format!("comm_sm={}", self.comm_sm), expected, usual);
        }
        if self.comm_sm == 0 && self.ep > 1 && chip.n_sm > 1 {
            let expected = format!("units of the chip that send rows to the experts of ep={}", self.ep);
            return refuse("comm_sm=0".to_owned(), expected, usual);
        }
        if self.cp > job.seq_len {
            return refuse(
                format!("cp={}", self.cp),
                format!("at most a token a chip, and a sequence has {}", job.seq_len),
                "cp=1".to_owned(),
            );
        }
        self.check_pipeline(job)?;
        self.check_experts(job)?;
        let copies = self.dp * self.micro_batch;
        if !job.batch.is_multiple_of(copies) || job.batch < copies {
            let near = (job.batch / copies).max(1) * copies;
            return refuse(
                format!("{} sequences a step over dp·micro_batch = {copies}", job.batch),
                format!("a multiple of {copies}"),
                format!("--batch {near}"),
            );
        }
        if self.schedule == Schedule::DualPipe && self.pp > 1 {
            let (n, least) = (self.n_micro_batches(job), 2 * self.pp);
            if n < least || !n.is_multiple_of(2) {
                return refuse(
                    format!("dualpipe with {n} micro-batches"),
                    format!("an even number, at least 2·pp = {least}"),
                    "schedule=zb1p".to_owned(),
                );
            }
        }
        if self.vpp > 1 && !self.n_micro_batches(job).is_multiple_of(self.pp) {
            return refuse(
                format!("vpp={} with {} micro-batches", self.vpp, self.n_micro_batches(job)),
                format!("micro-batches that pp={} divides", self.pp),
                "vpp=1".to_owned(),
            );
        }
        Ok(())
    }

    /// The layout takes another number of chips than there are: what is nearest to it.
    fn off_by_chips(&self, count: u64) -> Error {
        let (found, share) = (self.chips(), self.pp * self.tp * self.cp);
        let nearest = match count.is_multiple_of(share) {
            true => format!("dp={}, or leave dp out", count / share),
            // One of the three is changed, the largest that does not fit.
            false => {
                let parts = [("pp", self.pp), ("tp", self.tp), ("cp", self.cp)];
                let odd = parts.into_iter().filter(|(_, n)| !count.is_multiple_of(*n)).max_by_key(|(_, n)| *n);
                let (key, n) = odd.unwrap_or_else(|| parts.into_iter().max_by_key(|(_, n)| *n).unwrap_or(parts[0]));
                let others = share / n;
                let near = divisor_near(n, |n| count.is_multiple_of(others * n));
                format!("{key}={near}, or --count {}", (count / share).max(1) * share)
            }
        };
        Error::Layout {
            found: format!(
                "pp·tp·cp·dp = {}·{}·{}·{} is {found} chips, of {count}",
                self.pp, self.tp, self.cp, self.dp
            ),
            expected: format!("a layout that takes all {count}"),
            nearest,
        }
    }

    fn check_pipeline(&self, job: &Job) -> Result<()> {
        let n_layers = job.n_layers() as u64;
        if self.vpp > 1 && self.pp == 1 {
            return Err(Error::Layout {
                found: format!("vpp={} with pp=1", self.vpp),
                expected: "more than one pipeline stage to interleave".to_owned(),
                nearest: "vpp=1".to_owned(),
            });
        }
        // The first stage may hold the embedding alone and the last the head, as Llama 3's do.
        if self.pp * self.vpp > n_layers + 2 || self.pp > n_layers {
            let nearest = match self.pp > n_layers {
                true => format!("pp={}", divisor_near(n_layers, |n| n.is_power_of_two() && n <= n_layers)),
                false => format!("vpp={}", ((n_layers + 2) / self.pp).max(1)),
            };
            return Err(Error::Layout {
                found: format!("pp·vpp = {}·{} stages", self.pp, self.vpp),
                expected: format!("at most the model's {n_layers} layers"),
                nearest,
            });
        }
        if self.vpp > 1 && self.schedule != Schedule::OneFOneB {
            return Err(Error::Layout {
                found: format!("vpp={} with another schedule", self.vpp),
                expected: "schedule=1f1b, which alone interleaves".to_owned(),
                nearest: "vpp=1".to_owned(),
            });
        }
        if self.schedule == Schedule::DualPipe && self.pp > 1 && !self.pp.is_multiple_of(2) {
            return Err(Error::Layout {
                found: format!("dualpipe with pp={}", self.pp),
                expected: "an even number of stages".to_owned(),
                nearest: "schedule=zb1p".to_owned(),
            });
        }
        if self.zero == 3 && self.pp > 1 {
            return Err(Error::Layout {
                found: format!("zero=3 with pp={}", self.pp),
                expected: "one of the two: parameters would travel again for every micro-batch".to_owned(),
                nearest: "zero=1".to_owned(),
            });
        }
        Ok(())
    }

    fn check_experts(&self, job: &Job) -> Result<()> {
        let (n, group) = (n_experts(&job.config), self.dp * self.tp * self.cp);
        let divides = |ep: u64| n.is_multiple_of(ep) && group.is_multiple_of(ep);
        if n == 0 && self.ep > 1 {
            return Err(Error::Layout {
                found: format!("ep={}", self.ep),
                expected: "1: the model has no experts".to_owned(),
                nearest: "ep=1".to_owned(),
            });
        }
        if n > 0 && !divides(self.ep) {
            return Err(Error::Layout {
                found: format!("ep={}", self.ep),
                expected: format!("a divisor of {n} experts and of dp·tp·cp = {group}"),
                nearest: format!("ep={}", divisor_near(self.ep, divides)),
            });
        }
        Ok(())
    }
}

/// The number nearest to `wanted` that `good` accepts, from 1 up; the smaller of two.
fn divisor_near(wanted: u64, good: impl Fn(u64) -> bool) -> u64 {
    let below = (1..=wanted).rev().find(|n| good(*n)).unwrap_or(1);
    let above = (wanted..=wanted.saturating_mul(4)).find(|n| good(*n));
    match above {
        Some(above) if above - wanted < wanted - below => above,
        _ => below,
    }
}
