//! The arithmetic behind every number of a plan.

use model::count::{AttentionSpan, FlopModel, MlaForm, count_params};
use serde::Serialize;

use super::{Cluster, Plan};
use crate::assumptions as assume;
use crate::layout::{Job, Precision};
use crate::text::{dollars, duration, si, significant, whole};
use crate::training::{Communication, Step, Traffic, activation_bytes, flops_per_token, tokens_held};

/// One number: what it is, its value, how it comes about, and where its parts are from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What.
    pub name: String,
    /// Its value, with its unit.
    pub value: String,
    /// The arithmetic.
    pub how: String,
    /// Where what goes into it is from.
    pub source: String,
}

impl Line {
    pub(crate) fn new(name: &str, value: String, how: String, source: &str) -> Line {
        Line { name: name.to_owned(), value, how, source: source.to_owned() }
    }
}

pub(super) fn training(job: &Job, plan: &Plan) -> Vec<Line> {
    let mut lines = counting(job);
    lines.extend(speed(job, plan));
    lines.extend(step_lines(job, plan));
    lines.extend(run_lines(job, plan));
    lines
}

fn counting(job: &Job) -> Vec<Line> {
    let params = count_params(&job.config);
    let flops = FlopModel::new(&job.config, MlaForm::Expanded);
    let parts: Vec<String> = params
        .main
        .named()
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("{name} {}", si(*n as f64)))
        .collect();
    let per_token = flops_per_token(job, AttentionSpan::Causal);
    vec![
        Line::new(
            "parameters",
            si(params.total() as f64),
            parts.join(" + "),
            "the model's configuration, tensor by tensor",
        ),
        Line::new(
            "active parameters",
            si(params.active() as f64),
            "those that one token meets, its embedding matrix included".to_owned(),
            "the same",
        ),
        Line::new(
            "operations a token",
            format!("{} GFLOP", significant(per_token / 1e9)),
            format!(
                "3 x (layers {} + head {} + attention {} a pair x {} pairs on average), GFLOP",
                significant(flops.per_token as f64 / 1e9),
                significant(flops.per_logit_row as f64 / 1e9),
                significant(flops.per_pair as f64 / 1e9),
                whole((job.seq_len + 1) as f64 / 2.0)
            ),
            "a multiply-add is two, a backward pass twice its forward, causal attention counted once",
        ),
    ]
}

fn speed(job: &Job, plan: &Plan) -> Vec<Line> {
    let Some(step) = &plan.step else { return Vec::new() };
    let chip = &plan.cluster.chip;
    let is_fp8 = step.layout.precision == Precision::Fp8;
    let (peak, best, word) = match is_fp8 {
        true => (chip.fp8_tflops.unwrap_or_default(), chip.gemm_fp8, "FP8"),
        false => (chip.bf16_tflops, chip.gemm_bf16, "BF16"),
    };
    let source = |group: &str| chip.source.get(group).map_or("not in the catalogue", String::as_str);
    let spent = &step.spent;
    let does = &spent.does;
    let rate = |peak: f64, best: f64| significant(peak * best * assume::MATRIX_SHARE);
    let tflop = |flops: f64| format!("{} TFLOP", whole(flops / 1e12));
    let (measured, gemm_source) = match chip.gemm_source(is_fp8) {
        Some(source) => ("best product measured", source),
        None => {
            ("assumed, as no product is measured", "assumed: between the best and the worst chip that were measured")
        }
    };
    let bf16 = match is_fp8 {
        true => {
            format!(" + {} in BF16 over {} TFLOP/s", tflop(does.bf16_flops), rate(chip.bf16_tflops, chip.gemm_bf16))
        }
        false => String::new(),
    };
    let products = if is_fp8 { does.product_flops } else { does.product_flops + does.bf16_flops };
    vec![
        Line::new(
            "matrix products",
            format!("{} TFLOP/s, {} a step", rate(peak, best), duration(spent.products_s)),
            format!(
                "{} a chip and step in {word} over {peak} peak x {best} {measured} x {} FITTED{bf16}; at least as long as \
                 weights are read",
                tflop(products),
                assume::MATRIX_SHARE
            ),
            gemm_source,
        ),
        Line::new(
            "attention",
            duration(spent.attention_s),
            format!(
                "{} a chip and step forward at {} of the BF16 peak of {}, {} backward at {}",
                tflop(does.attention_flops),
                assume::ATTENTION_FORWARD,
                chip.bf16_tflops,
                tflop(does.attention_back_flops),
                assume::ATTENTION_BACKWARD
            ),
            "FlashAttention-3, arXiv:2407.08608, figures 5 and 6",
        ),
        Line::new(
            "streaming through memory",
            duration(spent.memory_s),
            format!(
                "{} GB a chip and step between products over {} GB/s x {} FITTED",
                whole(does.stream_bytes / 1e9),
                chip.memory_gb_s,
                assume::STREAM_SHARE
            ),
            source("memory"),
        ),
        Line::new(
            "the optimizer",
            duration(spent.optimizer_s),
            format!(
                "{} GB of gradients, moments, masters and weights over {} GB/s x {} FITTED",
                significant(spent.optimizer_bytes / 1e9),
                chip.memory_gb_s,
                assume::STREAM_SHARE
            ),
            source("memory"),
        ),
        Line::new(
            "communication that nothing hides",
            duration(spent.communication_s),
            shown(&step.communication, step),
            source("links"),
        ),
        Line::new(
            "communication that is hidden",
            duration(step.communication.hidden_experts_s + step.communication.hidden_copies_s),
            format!(
                "{} s of the experts' all-to-all + {} s of gradients and parameters; computation beside them has all \
                 but {} of {} units",
                significant(step.communication.hidden_experts_s),
                significant(step.communication.hidden_copies_s),
                step.layout.comm_sm,
                chip.n_sm
            ),
            "units: V3's report, section 3.2.2",
        ),
        Line::new(
            "what a chip sends in a step",
            String::new(),
            format!("{}; {} GB/s within a node, {} between", sent(&step.traffic), chip.link_gb_s, chip.nic_gb_s),
            source("links"),
        ),
        Line::new(
            "bubbles",
            format!("{}, {:.0}% of a step", duration(spent.bubble_s), 100.0 * spent.bubble_s / step.seconds),
            format!(
                "simulated: {} micro-batches through {} stages holding {:?} layers",
                step.layout.n_micro_batches(job),
                step.layout.pp * step.layout.vpp,
                step.placement
            ),
            "the placement of layers is chosen for the shortest step",
        ),
    ]
}

/// The parts of communication that a step is longer by.
fn shown(communication: &Communication, step: &Step) -> String {
    let Communication { tensor_s, context_s, experts_s, copies_s, beside_s, .. } = *communication;
    let parts = [
        ("s within layers by tensor parallelism", tensor_s),
        ("s of keys and values beyond the attention beside them", context_s),
        ("s of the experts' all-to-all", experts_s),
        ("s of gradients and parameters", copies_s),
        ("s that computation loses to what sends beside it", beside_s),
    ];
    let some = parts.iter().filter(|(_, s)| *s > 1e-6 * step.seconds);
    let words: Vec<String> = some.map(|(what, s)| format!("{} {what}", significant(*s))).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" + ") }
}

/// A chip's bytes of a step, by what sends them.
fn sent(traffic: &Traffic) -> String {
    let parts = [
        ("to experts", traffic.experts),
        ("for gradients and parameters", traffic.data_parallel),
        ("between stages", traffic.pipeline),
        ("within layers by tensor parallelism", traffic.tensor_parallel),
        ("within layers among chips that share a sequence", traffic.context_parallel),
    ];
    let some = parts.iter().filter(|(_, bytes)| *bytes > 0.0);
    let words: Vec<String> = some.map(|(what, bytes)| format!("{} GB {what}", significant(bytes / 1e9))).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn step_lines(job: &Job, plan: &Plan) -> Vec<Line> {
    let Some(step) = &plan.step else { return Vec::new() };
    let parts: Vec<String> =
        step.breakdown.named().iter().map(|(name, s)| format!("{name} {}", significant(*s))).collect();
    let memory = &step.memory;
    let gb = |bytes: f64| significant(bytes / 1e9);
    vec![
        Line::new("step", duration(step.seconds), parts.join(" + "), "mean over the pipeline's ranks"),
        Line::new(
            "tokens a day",
            si(plan.tokens_per_day),
            format!("{} tokens a step / {} s x 86,400", si(job.step_tokens()), significant(step.seconds)),
            "",
        ),
        Line::new(
            "causal MFU",
            format!("{:.1}%", 100.0 * plan.mfu_causal),
            format!(
                "{} GFLOP x {} tokens / {} s / ({} chips x {} TFLOP/s)",
                significant(flops_per_token(job, AttentionSpan::Causal) / 1e9),
                si(job.step_tokens()),
                significant(step.seconds),
                plan.cluster.count,
                plan.cluster.chip.bf16_tflops
            ),
            "over the BF16 peak, as V3's MFU is",
        ),
        Line::new(
            "memory of the fullest chip",
            format!("{} GB", gb(memory.total())),
            format!(
                "{} GB of weights + {} GB of gradients + {} GB of the optimizer + {} GB of activations in flight",
                gb(memory.weights),
                gb(memory.gradients),
                gb(memory.optimizer),
                gb(memory.activations)
            ),
            "f32 gradients and masters; moments f32, or BF16 with FP8 (V3's report, section 3.3.3)",
        ),
        activations(job, step),
    ]
}

fn activations(job: &Job, step: &Step) -> Line {
    let layout = &step.layout;
    let tokens = tokens_held(job, layout);
    let bytes = activation_bytes(&job.config, layout.precision, layout.recompute);
    let (logits, again) = (step.memory.logits, step.memory.again);
    let kept = step.memory.activations - logits - again;
    Line::new(
        "activations in flight",
        format!("{} GB", significant(step.memory.activations / 1e9)),
        format!(
            "{} layers' of micro-batches on the way x {} tokens x {} KB, {} GB of the layer that is computed again, and {} GB \
             of logits",
            significant(kept / (tokens * bytes)),
            whole(tokens),
            significant(bytes / 1e3),
            significant(again / 1e9),
            significant(logits / 1e9)
        ),
        "what a layer keeps of a token, by what is computed again: `training/memory.rs`",
    )
}

/// The name of the line that says how far published runs were off.
pub(super) const SPREAD: &str = "dollars as published runs vary";

/// Dollars as published runs vary; `None` where no dollars are known or no run of the kind is.
pub(super) fn spread(plan: &Plan) -> Option<Line> {
    let ([low, high], [least, most]) = (plan.spread?, plan.dollars_range?);
    Some(Line::new(
        SPREAD,
        format!("{} to {}", dollars(least), dollars(most)),
        format!(
            "{} x {low} to x {high}: published over derived chip-hours, between which four in five {} are",
            dollars(plan.dollars),
            if plan.params_active < plan.params_total { "runs with experts" } else { "dense runs" }
        ),
        "MEASURED: `penseur plan --published`",
    ))
}

/// What `gpu_hours` cost.
pub(crate) fn cost(name: &str, gpu_hours: f64, cluster: &Cluster) -> Line {
    let hours = crate::page::hours(gpu_hours);
    match cluster.is_priced() {
        true => Line::new(
            name,
            dollars(cluster.dollars(gpu_hours)),
            format!("{hours} chip-hours x ${}", cluster.price),
            &cluster.price_source,
        ),
        false => Line::new(name, "-".to_owned(), format!("{hours} chip-hours x a price"), &cluster.price_source),
    }
}

/// What the run's chip-hours draw.
pub(crate) fn energy(name: &str, plan: &Plan) -> Line {
    let (hours, chip) = (crate::page::hours(plan.gpu_hours), &plan.cluster.chip);
    Line::new(
        name,
        crate::page::energy(plan.energy_kwh),
        format!("{hours} chip-hours x {} W x {} with the rest of the machines", chip.watts, 1.0 + chip.host_share),
        "power at full load",
    )
}

fn run_lines(job: &Job, plan: &Plan) -> Vec<Line> {
    let (Some(step), Some(failures)) = (&plan.step, &plan.interruptions) else { return Vec::new() };
    let n_steps = (job.tokens / job.step_tokens()).ceil();
    let [every_s, between_s] = [failures.checkpoint_every_s, failures.hours_between * 3600.0].map(significant);
    let mut lines = vec![
        Line::new(
            "failures and checkpoints",
            format!("{:.4} x the time", 1.0 + failures.overhead),
            format!(
                "(1 + {} s of a checkpoint / {every_s} s between two) / (1 - ({} s to start again + {every_s} s / 2) / \
                 {between_s} s between failures)",
                assume::CHECKPOINT_S,
                assume::RESTART_S
            ),
            "419 failures in 54 days on 16,384 chips: arXiv:2407.21783, section 3.3.4; Young, 1974",
        ),
        Line::new(
            "chip-hours",
            crate::page::hours(plan.gpu_hours),
            format!(
                "{} steps x {} s x {} chips / 3,600 x {:.4}",
                whole(n_steps),
                significant(step.seconds),
                plan.cluster.count,
                1.0 + failures.overhead
            ),
            "",
        ),
        Line::new(
            "days",
            duration(plan.days * 86_400.0),
            format!("{} chip-hours / {} chips", crate::page::hours(plan.gpu_hours), plan.cluster.count),
            "",
        ),
        cost("dollars", plan.gpu_hours, &plan.cluster),
        energy("energy", plan),
    ];
    lines.extend(spread(plan));
    lines
}
