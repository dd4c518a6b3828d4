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
use crate::text::{duration, si, significant, whole};
use crate::training::{Asked, Step, best_layout, flops_per_token, simulate_step};

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
        self.named().iter().map(|(_, s)| s).sum()
    }

    /// Its phases, in order.
    pub fn named(&self) -> [(&'static str, f64); 4] {
        [
            ("rollout", self.rollout_s),
            ("probabilities", self.inference_s),
            ("training", self.training_s),
            ("moving models", self.switch_s),
        ]
    }
}

/// The cycles of a part of a run, and what the seconds of one are made of.
#[derive(Clone, Debug, Serialize)]
pub struct Cycles {
    /// Whose, with answers of which length.
    pub name: String,
    /// How many.
    pub n: f64,
    /// One of them.
    pub cycle: Cycle,
    /// Tokens of its answers.
    pub tokens: f64,
    /// Its decode steps.
    pub decode_steps: f64,
    /// Seconds of a decode step, the engine's own apart: on average, at first, and when the longest answer is alone.
    pub decode_step_s: [f64; 3],
    /// Tokens a second of which a chip computes probabilities.
    pub forward_tokens_per_s: f64,
    /// Seconds of an update.
    pub update_s: f64,
    /// The layout of an update.
    pub update_layout: String,
}

/// Simulates a rollout's cycle with the lengths of `part`.
///
/// # Errors
/// A model that does not fit.
pub fn cycle(run: &RlRun, part: &Part, cluster: &Cluster) -> Result<Cycle> {
    Ok(cycles("", run, part, cluster)?.cycle)
}

/// All cycles of `part`.
fn cycles(name: &str, run: &RlRun, part: &Part, cluster: &Cluster) -> Result<Cycles> {
    let (chip, count) = (&cluster.chip, cluster.count as f64);
    let tokens = run.rollout * part.mean_len;
    let precision = if chip.fp8_tflops.is_some() { Precision::Fp8 } else { Precision::Bf16 };
    let decode_steps = part.longest / run.tokens_per_step;
    let decode_step_s = decode_step_s(run, part, cluster);
    let forward_tokens_per_s = forward_tokens_per_s(run, part.mean_len, cluster, precision)?;
    let update = update(run, tokens / run.updates, precision, cluster)?;
    Ok(Cycles {
        name: format!("{name}, answers of {} tokens", si(part.mean_len)),
        n: part.steps / run.updates,
        cycle: Cycle {
            rollout_s: decode_steps * (decode_step_s[0] + assume::ENGINE_S),
            inference_s: 2.0 * tokens / (count * forward_tokens_per_s),
            training_s: run.updates * update.seconds,
            switch_s: run.switch_s,
        },
        tokens,
        decode_steps,
        decode_step_s,
        forward_tokens_per_s,
        update_s: update.seconds,
        update_layout: update.layout.describe(),
    })
}

/// A chip's share of the answers is drawn together; fewer and fewer are left until the longest is done. Seconds of a
/// step on average, at first and at the end.
fn decode_step_s(run: &RlRun, part: &Part, cluster: &Cluster) -> [f64; 3] {
    let mut service = Service::deepseek(&run.config);
    service.precision = run.rollout_precision;
    service.decode_unit = run.rollout_unit.min(cluster.count);
    let begun = run.rollout / cluster.count as f64;
    let pieces = 64;
    let each = part.longest / pieces as f64;
    let step_s = |i: usize| {
        let at = (i as f64 + 0.5) * each;
        let left = (begun * (-at / part.mean_len).exp()).max(1.0);
        service.decode_step_s(&cluster.chip, left, at)
    };
    [(0..pieces).map(step_s).sum::<f64>() / pieces as f64, step_s(0), step_s(pieces - 1)]
}

fn forward_tokens_per_s(run: &RlRun, mean_len: f64, cluster: &Cluster, precision: Precision) -> Result<f64> {
    let mut service = Service::deepseek(&run.config);
    service.precision = precision;
    service.context = mean_len;
    service.prefill_tokens_per_s(&cluster.chip)
}

/// An update: sequences packed into chunks of 8,192 tokens, through a pipeline of 16 stages.
fn update(run: &RlRun, tokens: f64, precision: Precision, cluster: &Cluster) -> Result<Step> {
    let (seq_len, count) = (8192, cluster.count);
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
        if theirs.is_ok() {
            return theirs;
        }
    }
    let open = LayoutSpec { precision: Some(precision), ..LayoutSpec::default() };
    // Chunks are rounded up to a multiple of the copies, whichever number of them divides the chips: the fewest chunks first.
    let copies = (1..=count.min(n_chunks)).filter(|n| count.is_multiple_of(*n));
    let mut batches: Vec<u64> = copies.map(|n| over(n).batch).collect();
    batches.sort_unstable();
    batches.dedup();
    let asked = |batch: &u64| Asked::new(&Job { batch: *batch, ..job.clone() }, &open, &cluster.chip, count).works();
    let batch = batches.iter().find(|batch| asked(batch)).copied().unwrap_or(job.batch);
    best_layout(&Job { batch, ..job }, &open, &cluster.chip, count)
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
    let mut all: Vec<Cycles> = Vec::new();
    for (i, part) in run.parts.iter().enumerate() {
        let lengths = |part: &Part| (part.mean_len, part.longest);
        let is_as_before = i > 0 && lengths(&run.parts[i - 1]) == lengths(part);
        match all.last_mut().filter(|_| is_as_before) {
            Some(before) => before.n += part.steps / run.updates,
            None => all.push(cycles(name, run, part, cluster)?),
        }
    }
    let seconds: f64 = all.iter().map(|of| of.n * of.cycle.total()).sum();
    let tokens: f64 = all.iter().map(|of| of.n * of.tokens).sum();
    let steps: f64 = run.parts.iter().map(|part| part.steps).sum();
    let params = count_params(&run.config);
    let gpu_hours = seconds / 3600.0 * cluster.count as f64;
    let named: Vec<(&str, f64)> = (0..Cycle::default().named().len())
        .map(|i| (all[0].cycle.named()[i].0, all.iter().map(|of| of.n * of.cycle.named()[i].1).sum()))
        .collect();
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
    let mut plan = Plan {
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
        spread: None,
        memory_gb,
        limited_by: limit.to_owned(),
        tokens,
        energy_kwh: crate::plan::energy_kwh(cluster, gpu_hours),
        cluster: cluster.clone(),
        phases: vec![row],
        step: None,
        cycles: all,
        interruptions: None,
        explain: Vec::new(),
        hint: None,
    };
    plan.explain = explain(run, &plan, &named, steps, flops_per_token(&job, AttentionSpan::Causal));
    Ok(plan)
}

/// The arithmetic: of one cycle of each part, of the phases over all of them, and of the run.
fn explain(run: &RlRun, plan: &Plan, named: &[(&str, f64)], steps: f64, flops_a_token: f64) -> Vec<Line> {
    let (cluster, seconds) = (&plan.cluster, steps * plan.step_seconds);
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
    for of in &plan.cycles {
        lines.extend(of_a_cycle(run, of, cluster));
    }
    for (i, (name, s)) in named.iter().enumerate() {
        let cycles = plan.cycles.iter();
        let all: Vec<String> = cycles
            .map(|of| format!("{} rollouts x {} s", significant(of.n), significant(of.cycle.named()[i].1)))
            .collect();
        lines.push(Line::new(name, format!("{} s", whole(*s)), all.join(" + "), "the phases of a cycle, above"));
    }
    let hours = crate::page::hours(plan.gpu_hours);
    lines.extend([
        Line::new(
            "step",
            duration(plan.step_seconds),
            format!("{} s / {} updates", whole(seconds), whole(steps)),
            "the whole run over its updates",
        ),
        Line::new(
            "tokens a day",
            si(plan.tokens_per_day),
            format!("{} tokens / {} s x 86,400", si(plan.tokens), whole(seconds)),
            "those of answers",
        ),
        Line::new(
            "causal MFU",
            format!("{:.1}%", 100.0 * plan.mfu_causal),
            format!(
                "{} GFLOP x {} tokens / {} s / ({} chips x {} TFLOP/s)",
                significant(flops_a_token / 1e9),
                si(plan.tokens),
                whole(seconds),
                cluster.count,
                cluster.chip.bf16_tflops
            ),
            "operations of training alone, over the BF16 peak",
        ),
        held(run, plan),
        Line::new("chip-hours", hours.clone(), format!("{} s / 3,600 x {} chips", whole(seconds), cluster.count), ""),
        crate::plan::cost("dollars", plan.gpu_hours, cluster),
        crate::plan::energy("energy", plan),
    ]);
    lines.extend(run.assumed.iter().map(|text| Line::new("assumed", String::new(), text.clone(), "not published")));
    lines
}

/// What the phases of one cycle are made of.
fn of_a_cycle(run: &RlRun, of: &Cycles, cluster: &Cluster) -> [Line; 4] {
    let flops = FlopModel::new(&run.config, MlaForm::Expanded);
    let line = |phase: &str, s: f64, how: String, source: &str| {
        Line::new(&format!("{}: {phase}", of.name), format!("{} s", significant(s)), how, source)
    };
    let [mean_s, first_s, last_s] = of.decode_step_s;
    [
        line(
            "rollout",
            of.cycle.rollout_s,
            format!(
                "{} decode steps x ({} s on average + {} s of the engine's own)",
                whole(of.decode_steps),
                significant(mean_s),
                assume::ENGINE_S
            ),
            &format!(
                "simulated: {} answers on {} chips, {} ms a step at first, {} ms when the longest is alone, which \
                 decides; {} tokens a step by MTP",
                run.rollout,
                cluster.count,
                significant(first_s * 1e3),
                significant(last_s * 1e3),
                run.tokens_per_step
            ),
        ),
        line(
            "probabilities",
            of.cycle.inference_s,
            format!(
                "2 passes x {} tokens / ({} chips x {} tokens/s)",
                si(of.tokens),
                cluster.count,
                si(of.forward_tokens_per_s)
            ),
            &format!(
                "simulated as reading prompts: {} GFLOP a token without attention",
                significant((flops.per_token + flops.per_logit_row) as f64 / 1e9)
            ),
        ),
        line(
            "training",
            of.cycle.training_s,
            format!("{} updates x {} s", run.updates, significant(of.update_s)),
            &format!("simulated: chunks of 8,192 tokens in {}", of.update_layout),
        ),
        line("moving models", of.cycle.switch_s, format!("{} s", run.switch_s), "assumed"),
    ]
}

/// Weights on a chip of the rollout engine.
fn held(run: &RlRun, plan: &Plan) -> Line {
    let counts = count_params(&run.config);
    let experts = counts.main.routed_experts as f64;
    let unit = run.rollout_unit.min(plan.cluster.count);
    let bytes = if run.rollout_precision == Precision::Fp8 { 1 } else { 2 };
    Line::new(
        "memory a chip",
        format!("{} GB", significant(plan.memory_gb)),
        format!(
            "{bytes} GB a billion x ({} in experts / {unit} chips + {} in the rest)",
            significant(experts / 1e9),
            significant((counts.total() as f64 - experts) / 1e9)
        ),
        "weights of the rollout engine; its caches take what is left",
    )
}
