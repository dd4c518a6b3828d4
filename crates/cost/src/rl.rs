//! Reinforcement learning on a cluster, as R1's supplement (B.1) describes it: rollout, inference of the reference's and
//! the policy's probabilities, reward (hidden behind them), training; between phases models leave the chips' memory.

#[cfg(test)]
mod tests;

use model::Config;
use model::count::{AttentionSpan, FlopModel, MlaForm, count_params};
use model::presets::published;
use serde::Serialize;

use crate::assumptions as assume;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec, Precision};
use crate::plan::{Cluster, Line, Phase, Plan};
use crate::serving::Service;
use crate::text::{dollars, duration, si, significant, whole};
use crate::training::{Asked, best_layout, flops_per_token, simulate_step};

/// A part of a run with one limit on lengths.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Policy updates.
    pub steps: f64,
    /// Mean length of an answer.
    pub mean_len: f64,
    /// Longest answer; the longest of a rollout is taken to reach it.
    pub longest: f64,
}

/// A run of reinforcement learning.
#[derive(Clone, Debug)]
pub struct RlRun {
    /// The model.
    pub config: Config,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Answers of a rollout.
    pub rollout: f64,
    /// Policy updates that a rollout serves.
    pub updates: f64,
    /// Type of the weights in the rollout engine.
    pub rollout_precision: Precision,
    /// Chips over which an engine's experts are spread.
    pub rollout_unit: u64,
    /// Tokens for each decode step and sequence.
    pub tokens_per_step: f64,
    /// Seconds of a rollout's cycle in which models are moved in and out and weights are handed on.
    pub switch_s: f64,
    /// Chip-hours that were published, where it runs on what was published.
    pub published_hours: Option<f64>,
    /// What was assumed, in words.
    pub assumed: Vec<String>,
}

/// Stages of the pipeline in which the policy is trained, as V3's.
const STAGES: u64 = 16;

fn r1_like(parts: Vec<Part>, published_hours: f64, assumed: Vec<String>) -> Result<RlRun> {
    let config = published("deepseek-r1").map_err(|e| Error::Question(e.to_string()))?;
    let mut all = vec![
        "lengths are exponentially distributed up to the limit, and each rollout's longest answer reaches it"
            .to_owned(),
        "the engine keeps BF16 weights on units of 64 chips".to_owned(),
        "moving models in and out and handing weights on takes 90 s a rollout".to_owned(),
        "rewards are computed meanwhile".to_owned(),
        format!("the engine's own work takes {} ms a decode step", assume::ENGINE_S * 1e3),
    ];
    all.extend(assumed);
    Ok(RlRun {
        config,
        parts,
        rollout: 8192.0,
        updates: 16.0,
        rollout_precision: Precision::Bf16,
        rollout_unit: 64,
        tokens_per_step: assume::MTP_SPEEDUP,
        switch_s: 90.0,
        published_hours: Some(published_hours),
        assumed: all,
    })
}

/// R1-Zero (R1's supplement, section 2.1 and B.4.1): 10,400 steps of 512 answers, 8,192 in a rollout; at most 32,768
/// tokens to step 8,200, 65,536 after it.
///
/// # Errors
/// None that a user can cause.
pub fn r1_zero() -> Result<RlRun> {
    let parts = vec![
        Part { steps: 8200.0, mean_len: 5000.0, longest: 32_768.0 },
        Part { steps: 2200.0, mean_len: 13_000.0, longest: 65_536.0 },
    ];
    let assumed = vec!["mean lengths of 5,000 and 13,000 tokens, read from figure 1 of the R1 paper".to_owned()];
    r1_like(parts, 101_000.0, assumed)
}

/// R1's two stages of RL: 1,700 steps in the second (section 3.2.2); the first's number is not published.
///
/// # Errors
/// None that a user can cause.
pub fn r1() -> Result<RlRun> {
    let parts = vec![
        Part { steps: 2500.0, mean_len: 8000.0, longest: 32_768.0 },
        Part { steps: 1700.0, mean_len: 8000.0, longest: 32_768.0 },
    ];
    let assumed = vec![
        "2,500 steps in the first stage: one pass of 32 questions a step over its 80K questions (table 4 of the supplement)"
            .to_owned(),
        "a mean length of 8,000 tokens".to_owned(),
    ];
    r1_like(parts, 41_000.0, assumed)
}

/// Seconds of one rollout's cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cycle {
    /// Answers are drawn.
    pub rollout_s: f64,
    /// Two forward passes: the reference's and the policy's probabilities.
    pub inference_s: f64,
    /// All updates.
    pub training_s: f64,
    /// Models in and out.
    pub switch_s: f64,
}

impl Cycle {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.rollout_s + self.inference_s + self.training_s + self.switch_s
    }
}

/// Simulates a rollout's cycle with the lengths of `part`.
///
/// # Errors
/// A model that does not fit.
pub fn cycle(run: &RlRun, part: &Part, cluster: &Cluster) -> Result<Cycle> {
    let (chip, count) = (&cluster.chip, cluster.count);
    let tokens = run.rollout * part.mean_len;
    let precision = if chip.fp8_tflops.is_some() { Precision::Fp8 } else { Precision::Bf16 };
    Ok(Cycle {
        rollout_s: rollout_s(run, part, cluster),
        inference_s: inference_s(run, tokens, part.mean_len, cluster, precision)?,
        training_s: run.updates * update_s(run, tokens / run.updates, precision, cluster, count)?,
        switch_s: run.switch_s,
    })
}

/// A chip's share of the answers is drawn together; fewer and fewer are left until the longest is done.
fn rollout_s(run: &RlRun, part: &Part, cluster: &Cluster) -> f64 {
    let mut service = Service::deepseek(&run.config);
    service.precision = run.rollout_precision;
    service.decode_unit = run.rollout_unit.min(cluster.count);
    let begun = run.rollout / cluster.count as f64;
    let pieces = 64;
    let each = part.longest / pieces as f64;
    (0..pieces)
        .map(|i| {
            let at = (i as f64 + 0.5) * each;
            let left = (begun * (-at / part.mean_len).exp()).max(1.0);
            each / run.tokens_per_step * (service.decode_step_s(&cluster.chip, left, at) + assume::ENGINE_S)
        })
        .sum()
}

fn inference_s(run: &RlRun, tokens: f64, mean_len: f64, cluster: &Cluster, precision: Precision) -> Result<f64> {
    let mut service = Service::deepseek(&run.config);
    service.precision = precision;
    service.context = mean_len;
    Ok(2.0 * tokens / (cluster.count as f64 * service.prefill_tokens_per_s(&cluster.chip)?))
}

/// An update: sequences packed into chunks of 8,192 tokens, through a pipeline of 16 stages.
fn update_s(run: &RlRun, tokens: f64, precision: Precision, cluster: &Cluster, count: u64) -> Result<f64> {
    let seq_len = 8192;
    let mut spec = LayoutSpec::parse("pp=16,ep=32,schedule=zb1p,recompute=full")?;
    spec.precision = Some(precision);
    let n_chunks = (tokens / seq_len as f64).ceil().max(1.0) as u64;
    let over = |copies: u64| Job {
        config: run.config.clone(),
        tokens,
        seq_len,
        batch: n_chunks.div_ceil(copies) * copies,
        mtp: false,
    };
    let job = over((count / STAGES).max(1));
    if count.is_multiple_of(STAGES) {
        let layout = spec.complete(&job, &cluster.chip, count);
        let theirs =
            layout.check(&job, &cluster.chip, count).and_then(|()| simulate_step(&job, &layout, &cluster.chip));
        if let Ok(step) = theirs {
            return Ok(step.seconds);
        }
    }
    let open = LayoutSpec { precision: Some(precision), ..LayoutSpec::default() };
    // Chunks are rounded up to a multiple of the copies, whichever number of them divides the chips: the fewest chunks first.
    let copies = (1..=count.min(n_chunks)).filter(|n| count.is_multiple_of(*n));
    let mut batches: Vec<u64> = copies.map(|n| over(n).batch).collect();
    batches.sort_unstable();
    batches.dedup();
    let asked = |batch: &u64| {
        let job = Job { batch: *batch, ..job.clone() };
        Asked { job, spec: open.clone(), chip: &cluster.chip, count }.works()
    };
    let batch = batches.iter().find(|batch| asked(batch)).copied().unwrap_or(job.batch);
    Ok(best_layout(&Job { batch, ..job }, &open, &cluster.chip, count)?.seconds)
}

/// Plans `run` on `cluster`.
///
/// # Errors
/// Chips that no layout divides over, or a model that does not fit, with the nearest number of chips that works: of such a
/// run nothing else can be changed.
pub fn plan(name: &str, run: &RlRun, cluster: &Cluster) -> Result<Plan> {
    plan_on(name, run, cluster).map_err(|error| match error {
        Error::Layout { found, expected, .. } => {
            let nearest = nearest_count(name, run, cluster);
            let nearest = nearest.unwrap_or_else(|| "another chip".to_owned());
            Error::Layout { found, expected: format!("{expected}, of {} chips", cluster.count), nearest }
        }
        Error::DoesNotFit { needed_gb, available_gb, chip, nearest } => {
            let nearest = match nearest_count(name, run, cluster) {
                Some(count) => format!("nearest: {count}"),
                // What a layout is offered in exchange is nothing that such a run can take.
                None if nearest.contains("that is with") || nearest.contains("nearest:") => {
                    "a chip with more memory may hold it".to_owned()
                }
                None => nearest,
            };
            Error::DoesNotFit { needed_gb, available_gb, chip, nearest }
        }
        other => other,
    })
}

/// The nearest number of chips on which `run` can be planned, as it is asked for: multiples of the pipeline's 16 stages
/// about it, then powers of two above it.
fn nearest_count(name: &str, run: &RlRun, cluster: &Cluster) -> Option<String> {
    let at = cluster.count / STAGES;
    let near = (0..4).flat_map(|i| [at.saturating_sub(i), at + 1 + i]).map(|n| n * STAGES);
    let mut near: Vec<u64> = near.filter(|n| (1..=2 * cluster.count).contains(n)).collect();
    near.sort_by_key(|n| n.abs_diff(cluster.count));
    let above = (0..=6).map(|i| cluster.count.next_power_of_two() << i);
    let mut all = near.into_iter().chain(above).filter(|n| *n != cluster.count);
    // Whether the weights fit by themselves is quickly seen.
    let least = 2.0 * count_params(&run.config).total() as f64 / (cluster.chip.memory_gb * 1e9);
    all.find(|count| {
        let cluster = Cluster { count: *count, ..cluster.clone() };
        *count as f64 > least && plan_on(name, run, &cluster).is_ok()
    })
    .map(|count| format!("--count {count}"))
}

fn plan_on(name: &str, run: &RlRun, cluster: &Cluster) -> Result<Plan> {
    let mut service = Service::deepseek(&run.config);
    service.precision = run.rollout_precision;
    let memory_gb = service.held_bytes(run.rollout_unit.min(cluster.count)) / 1e9;
    let available_gb = cluster.chip.memory_gb * (1.0 - assume::MEMORY_RESERVE);
    if memory_gb > available_gb {
        let nearest =
            "the rollout engine holds all but the experts on every chip; a chip with more memory may".to_owned();
        return Err(Error::DoesNotFit { needed_gb: memory_gb, available_gb, chip: cluster.chip.name.clone(), nearest });
    }
    let mut sum = Cycle::default();
    let (mut seconds, mut tokens, mut steps) = (0.0, 0.0, 0.0);
    for part in &run.parts {
        let cycles = part.steps / run.updates;
        let one = cycle(run, part, cluster)?;
        seconds += cycles * one.total();
        tokens += cycles * run.rollout * part.mean_len;
        steps += part.steps;
        sum = Cycle {
            rollout_s: sum.rollout_s + cycles * one.rollout_s,
            inference_s: sum.inference_s + cycles * one.inference_s,
            training_s: sum.training_s + cycles * one.training_s,
            switch_s: sum.switch_s + cycles * one.switch_s,
        };
    }
    let params = count_params(&run.config);
    let gpu_hours = seconds / 3600.0 * cluster.count as f64;
    let named = [
        ("rollout", sum.rollout_s),
        ("probabilities", sum.inference_s),
        ("training", sum.training_s),
        ("moving models", sum.switch_s),
    ];
    let limit = named.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |(name, _)| name);
    let mean_len = (tokens / (steps / run.updates * run.rollout)) as u64;
    let job = Job { config: run.config.clone(), tokens, seq_len: mean_len, batch: 1, mtp: false };
    let rate = flops_per_token(&job, AttentionSpan::Causal) * tokens / seconds;
    let row = Phase {
        name: format!("{name}: reinforcement learning"),
        tokens: Some(tokens),
        gpu_hours,
        dollars: cluster.dollars(gpu_hours),
        published_gpu_hours: run.published_hours.filter(|_| cluster.chip.id == "h800"),
        derived: true,
    };
    Ok(Plan {
        title: format!("{name}, {} x {}", cluster.count, cluster.chip.name),
        params_total: params.total(),
        params_active: params.active(),
        step_seconds: seconds / steps,
        tokens_per_day: tokens / seconds * 86_400.0,
        mfu_causal: rate / (cluster.count as f64 * cluster.chip.bf16_tflops * 1e12),
        gpu_hours,
        days: seconds / 86_400.0,
        dollars: cluster.dollars(gpu_hours),
        dollars_range: None,
        memory_gb,
        limited_by: limit.to_owned(),
        tokens,
        energy_kwh: crate::plan::energy_kwh(cluster, gpu_hours),
        cluster: cluster.clone(),
        phases: vec![row],
        step: None,
        interruptions: None,
        explain: explain(run, cluster, &named, seconds, steps),
        hint: None,
    })
}

fn explain(run: &RlRun, cluster: &Cluster, named: &[(&str, f64)], seconds: f64, steps: f64) -> Vec<Line> {
    let flops = FlopModel::new(&run.config, MlaForm::Expanded);
    let parts: Vec<String> = run
        .parts
        .iter()
        .map(|p| format!("{} steps of {} tokens, at most {}", whole(p.steps), si(p.mean_len), whole(p.longest)))
        .collect();
    let mut lines = vec![Line::new(
        "run",
        format!("{} updates", whole(steps)),
        parts.join("; "),
        "R1's paper, sections 2.1, 3.2.2 and B.4.1",
    )];
    for (name, s) in named {
        let how = match *name {
            "rollout" => format!(
                "{} answers on {} chips, {} tokens a decode step by MTP; the longest answer decides",
                run.rollout, cluster.count, run.tokens_per_step
            ),
            "probabilities" => format!(
                "two forward passes of {} GFLOP a token without attention",
                significant((flops.per_token + flops.per_logit_row) as f64 / 1e9)
            ),
            "training" => format!("{} updates a rollout, 16 stages, chunks of 8,192 tokens", run.updates),
            _ => "assumed".to_owned(),
        };
        lines.push(Line::new(name, format!("{}, {:.0}%", duration(*s), 100.0 * s / seconds), how, "simulated"));
    }
    lines.push(Line::new(
        "chip-hours",
        whole(seconds / 3600.0 * cluster.count as f64),
        format!("{} x {} chips", duration(seconds), cluster.count),
        "",
    ));
    let hours = seconds / 3600.0 * cluster.count as f64;
    lines.push(Line::new(
        "dollars",
        dollars(cluster.dollars(hours)),
        format!("{} chip-hours x ${}", whole(hours), cluster.price),
        &cluster.price_source,
    ));
    lines.push(Line::new(
        "energy",
        crate::page::energy(crate::plan::energy_kwh(cluster, hours)),
        format!("{} chip-hours x {} W x {}", whole(hours), cluster.chip.watts, 1.0 + cluster.chip.host_share),
        "power at full load",
    ));
    lines.extend(run.assumed.iter().map(|text| Line::new("assumed", String::new(), text.clone(), "not published")));
    lines
}
