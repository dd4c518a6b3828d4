//! Published runs by name, derived: V3's pre-training, all of V3, R1-Zero and R1.

use model::presets::published;

use super::{Cluster, Phase, Plan, phase, plan_asked, plan_training};
use crate::catalogue::{Catalogue, Chip};
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec, Precision};
use crate::plan::explain::Line;
use crate::rl;
use crate::training::Asked;

/// The chip of all published runs among the presets.
const THEIRS: &str = "h800";

/// The presets' names, each with what it is.
pub const PRESETS: [(&str, &str); 4] = [
    ("v3-pretrain", "DeepSeek-V3's pre-training: 14.8T tokens on 2,048 H800s"),
    ("v3", "all of DeepSeek-V3: pre-training, longer contexts, post-training"),
    ("r1-zero", "DeepSeek-R1-Zero: 10,400 steps of reinforcement learning on 512 H800s"),
    ("r1", "DeepSeek-R1 on top of V3: reinforcement learning and its data"),
];

/// What may be changed of a preset.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Another chip.
    pub on: Option<String>,
    /// Another number of chips.
    pub count: Option<u64>,
    /// Another price of a chip-hour.
    pub price: Option<f64>,
    /// Other tokens (pre-training).
    pub tokens: Option<f64>,
    /// What is said of another layout: laid over the preset's own, where it has one on these chips.
    pub layout: Option<LayoutSpec>,
}

/// Plans the preset that is called `name`.
///
/// # Errors
/// An unknown name with the nearest known one, or changes that cannot be.
pub fn preset(name: &str, changes: &Changes, catalogue: &Catalogue) -> Result<Plan> {
    let chip = catalogue.chip(changes.on.as_deref().unwrap_or(THEIRS))?;
    let is_rl = matches!(name, "r1" | "r1-zero");
    let count = changes.count.unwrap_or(if is_rl { 512 } else { 2048 });
    let cluster = Cluster::new(chip, count, changes.price)?;
    let unused = [("--tokens", changes.tokens.is_some()), ("--layout", changes.layout.is_some())];
    if let Some((flag, _)) = unused.iter().find(|(_, is_given)| is_rl && *is_given) {
        return Err(Error::Question(format!("{flag}: {name} has its own, which cannot be changed; leave it out")));
    }
    match name {
        "v3-pretrain" => pretraining(changes, &cluster),
        "v3" => whole_v3(changes, &cluster, catalogue),
        "r1-zero" => {
            let mut plan = rl::plan("DeepSeek-R1-Zero", &rl::r1_zero()?, &cluster)?;
            plan.compare_to_published("");
            Ok(plan)
        }
        "r1" => whole_r1(&cluster, catalogue),
        _ => {
            let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            let near = model::error::nearest(name, known.iter().copied());
            let near = near.map_or(String::new(), |near| format!(", did you mean \"{near}\"?"));
            Err(Error::Question(format!("no preset \"{name}\"{near}; known: {}", known.join(", "))))
        }
    }
}

fn v3_job(tokens: f64, seq_len: u64, batch: u64) -> Result<Job> {
    let config = published("deepseek-v3").map_err(|e| Error::Question(e.to_string()))?;
    Ok(Job { config, tokens, seq_len, batch, mtp: true })
}

/// The training run of a preset on `count` chips, with its own layout.
///
/// # Errors
/// A preset without one, or an unknown name.
pub fn preset_job(name: &str, count: u64) -> Result<(Job, LayoutSpec)> {
    match name {
        "v3-pretrain" | "v3" => Ok((v3_job(14.8e12, 4096, v3_batch(count))?, v3_layout())),
        _ => Err(Error::Question(format!("\"{name}\" is no training run of which this can be asked; v3-pretrain is"))),
    }
}

/// Theirs of 15,360 = 2^10 x 15 sequences divides over powers of two; elsewhere it is rounded to the chips.
fn v3_batch(count: u64) -> u64 {
    if count.is_power_of_two() { 15_360 } else { super::divided(15_360, count) }
}

/// V3's report, sections 3.2 and 4.2: 16 stages, experts on 64 chips, ZeRO-1, FP8.
fn v3_layout() -> LayoutSpec {
    LayoutSpec { pp: Some(16), ep: Some(64), precision: Some(Precision::Fp8), ..LayoutSpec::default() }
}

/// What V3's pre-training has of its own: on as many chips as theirs, with FP8, their layout.
fn v3_own(chip: &Chip, count: u64) -> (u64, LayoutSpec) {
    let is_theirs = count == 2048 && chip.fp8_tflops.is_some();
    (v3_batch(count), if is_theirs { v3_layout() } else { LayoutSpec::default() })
}

/// V3's report, sections 3.2 and 4.2: 15,360 sequences of 4,096.
fn pretraining(changes: &Changes, cluster: &Cluster) -> Result<Plan> {
    let (mut job, _) = preset_job("v3-pretrain", cluster.count)?;
    job.tokens = changes.tokens.unwrap_or(job.tokens);
    let said = changes.layout.clone().unwrap_or_default();
    let asked = Asked { own: Some(v3_own), ..Asked::new(&job, &said, &cluster.chip, cluster.count) };
    let mut plan = plan_asked("DeepSeek-V3", &asked, cluster)?;
    if changes.tokens.is_none() && cluster.chip.id == THEIRS {
        plan.phases[0].published_gpu_hours = Some(2_664_000.0);
    }
    plan.phases[0].name = "pre-training".to_owned();
    plan.compare_to_published("");
    Ok(plan)
}

/// V3's report, Table 1. Longer contexts: two phases of 1,000 steps, 1,920 sequences of 32K and 480 of 128K (section
/// 4.3). Sequences are taken to be shared by 8 and by 32 chips, which leaves each with the 4,096 tokens of pre-training.
/// Whether the pieces were dealt out so that all chips have the same attention is nowhere said: the middle of both is taken.
fn whole_v3(changes: &Changes, cluster: &Cluster, catalogue: &Catalogue) -> Result<Plan> {
    let mut plan = pretraining(changes, cluster)?;
    let times = match cluster.chip.id == THEIRS {
        true => 1.0,
        false => {
            let tokens = changes.tokens;
            plan.gpu_hours
                / pretraining(&Changes { tokens, ..Changes::default() }, &on_theirs(2048, catalogue)?)?.gpu_hours
        }
    };
    name_lines(&mut plan, "pre-training");
    let contexts = |zigzag| longer_contexts(changes, cluster, zigzag);
    let (even, in_order) = (contexts(true)?, contexts(false)?);
    let hours = 0.5 * (even + in_order);
    let mut longer = phase("longer contexts", Some(125.8e9), hours, cluster);
    let mut post = phase("post-training", None, 5_000.0 * times, cluster);
    post.derived = false;
    if cluster.chip.id == THEIRS {
        longer.published_gpu_hours = Some(119_000.0);
        post.published_gpu_hours = Some(5_000.0);
    }
    plan.explain.push(Line::new(
        "longer contexts",
        format!("{} chip-hours", crate::text::whole(hours)),
        format!(
            "1,000 steps of 1,920 sequences of 32K, 1,000 of 480 of 128K, 4,096 tokens a chip: the middle of {} with attention \
             spread evenly over chips (zigzag=true) and {} with pieces in order (zigzag=false)",
            crate::text::whole(even),
            crate::text::whole(in_order)
        ),
        "V3's report, section 4.3; the layout of these phases is not published",
    ));
    plan.explain.push(standing_in("post-training", times, "pre-training", "V3's report, Table 1"));
    plan.title = format!("DeepSeek-V3, all stages, {} x {}", cluster.count, cluster.chip.name);
    plan.phases.extend([longer, post]);
    total(&mut plan, cluster);
    Ok(plan)
}

/// The line of a phase of which 5,000 H800-hours are published and nothing from which to derive them; on another chip it is
/// taken to need as much more as `others` do.
fn standing_in(name: &str, times: f64, others: &str, source: &str) -> Line {
    let how = match times == 1.0 {
        true => "not derived: the published figure stands in, its tokens are not published".to_owned(),
        false => format!(
            "not derived: the published 5,000 H800-hours x {times:.2}, the chip-hours of {others} here over those on H800s"
        ),
    };
    Line::new(name, format!("{} chip-hours", crate::text::whole(5_000.0 * times)), how, source)
}

/// `count` of the chips of the published runs; what they cost is not asked.
fn on_theirs(count: u64, catalogue: &Catalogue) -> Result<Cluster> {
    Cluster::new(catalogue.chip(THEIRS)?, count, Some(0.0))
}

/// Chip-hours of V3's longer contexts; `zigzag` says how the pieces of a sequence are dealt to chips.
fn longer_contexts(changes: &Changes, cluster: &Cluster, zigzag: bool) -> Result<f64> {
    let said = changes.layout.clone().unwrap_or_default().over(&v3_layout());
    let mut hours = 0.0;
    for (seq_len, batch, cp) in [(32 << 10, 1920, 8), (128 << 10, 480, 32)] {
        let job = v3_job(1000.0 * (seq_len * batch) as f64, seq_len, batch)?;
        let theirs = LayoutSpec { cp: Some(cp), zigzag: Some(zigzag), ..said.clone() };
        let phase = plan_training("DeepSeek-V3", &job, cluster, &theirs)
            .or_else(|_| plan_training("DeepSeek-V3", &job, cluster, &LayoutSpec::default()))?;
        hours += phase.gpu_hours;
    }
    Ok(hours)
}

/// R1's supplement, B.4.4, Table 7: R1-Zero 101K, data for fine-tuning 5K, R1 41K H800-hours.
fn whole_r1(cluster: &Cluster, catalogue: &Catalogue) -> Result<Plan> {
    let mut zero = rl::plan("DeepSeek-R1-Zero", &rl::r1_zero()?, cluster)?;
    let mut plan = rl::plan("DeepSeek-R1", &rl::r1()?, cluster)?;
    let times = match cluster.chip.id == THEIRS {
        true => 1.0,
        false => {
            let theirs = on_theirs(512, catalogue)?;
            let hours = |run| Ok(rl::plan("", &run, &theirs)?.gpu_hours);
            (zero.gpu_hours + plan.gpu_hours) / (hours(rl::r1_zero()?)? + hours(rl::r1()?)?)
        }
    };
    name_lines(&mut zero, "R1-Zero");
    name_lines(&mut plan, "R1");
    plan.explain.splice(0..0, zero.explain);
    plan.cycles.splice(0..0, zero.cycles);
    let source = "R1's supplement, B.4.4, Table 7";
    plan.explain.push(standing_in("data for fine-tuning", times, "reinforcement learning", source));
    let mut data = phase("data for fine-tuning", None, 5_000.0 * times, cluster);
    data.derived = false;
    data.published_gpu_hours = (cluster.chip.id == THEIRS).then_some(5_000.0);
    let phases: Vec<Phase> = zero.phases.into_iter().chain([data]).chain(std::mem::take(&mut plan.phases)).collect();
    plan.phases = phases;
    plan.title = format!("DeepSeek-R1 on top of V3, {} x {}", cluster.count, cluster.chip.name);
    plan.tokens += zero.tokens;
    total(&mut plan, cluster);
    Ok(plan)
}

/// Says of which phase the arithmetic so far is.
fn name_lines(plan: &mut Plan, phase: &str) {
    for line in &mut plan.explain {
        line.name = format!("{phase}: {}", line.name);
    }
}

/// The run is its phases.
fn total(plan: &mut Plan, cluster: &Cluster) {
    plan.gpu_hours = plan.phases.iter().map(|phase| phase.gpu_hours).sum();
    plan.days = plan.gpu_hours / cluster.count as f64 / 24.0;
    plan.dollars = cluster.dollars(plan.gpu_hours);
    plan.dollars_range = plan.range_of_dollars();
    plan.energy_kwh = super::energy_kwh(cluster, plan.gpu_hours);
    plan.compare_to_published("all phases: ");
    let whole = crate::text::whole;
    let hours = crate::page::hours(plan.gpu_hours);
    let parts: Vec<String> = plan.phases.iter().map(|p| format!("{} {}", p.name, whole(p.gpu_hours))).collect();
    plan.explain.extend([
        Line::new("all phases: chip-hours", hours.clone(), parts.join(" + "), ""),
        Line::new(
            "all phases: days",
            crate::text::duration(plan.days * 86_400.0),
            format!("{hours} chip-hours / {} chips", cluster.count),
            "",
        ),
        super::explain::cost("all phases: dollars", plan.gpu_hours, cluster),
        super::explain::energy("all phases: energy", plan),
    ]);
    if let Some(mut line) = super::explain::spread(plan) {
        line.name = format!("all phases: {}", line.name);
        plan.explain.push(line);
    }
}
