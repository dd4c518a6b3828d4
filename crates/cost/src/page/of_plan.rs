//! The page of a plan.

use super::{Bar, Chart, Page, Stage, Table};
use crate::assumptions as assume;
use crate::layout::Precision;
use crate::plan::Plan;
use crate::text::{dollars, duration, si, significant, thousands, whole};

impl From<&Plan> for Page {
    fn from(plan: &Plan) -> Page {
        let cluster = &plan.cluster;
        let headline = format!(
            "{} and {} on {} {}.",
            if cluster.is_priced() { dollars(plan.dollars) } else { format!("{} chip-hours", hours(plan.gpu_hours)) },
            duration(plan.days * 86_400.0),
            if cluster.count == 1 { "one".to_owned() } else { format!("{} x", whole(cluster.count as f64)) },
            cluster.chip.name
        );
        let batch = plan.step.as_ref().map(|step| {
            let tokens = step.batch as f64 * step.seq_len as f64;
            let [batch, seq_len] = [step.batch, step.seq_len].map(thousands);
            ("batch", format!("{} tokens: {batch} sequences of {seq_len}", si(tokens)))
        });
        let facts = [
            ("chip-hours", hours(plan.gpu_hours)),
            ("limited by", plan.limited_by.clone()),
            ("tokens", si(plan.tokens)),
            ("tokens a day", si(plan.tokens_per_day)),
            ("step", duration(plan.step_seconds)),
            ("causal MFU", format!("{:.1}%", 100.0 * plan.mfu_causal)),
            ("memory a chip", format!("{} of {} GB", significant(plan.memory_gb), significant(cluster.chip.memory_gb))),
            ("parameters", format!("{}, {} active", si(plan.params_total as f64), si(plan.params_active as f64))),
            (
                "price",
                if cluster.is_priced() { format!("${} a chip-hour", cluster.price) } else { dollars(cluster.price) },
            ),
            ("energy", energy(plan.energy_kwh)),
        ];
        let range = plan
            .dollars_range
            .map(|[low, high]| ("as published runs vary", format!("{} to {}", dollars(low), dollars(high))));
        let range = range.or_else(|| {
            let (hours, off) = off_published(plan)?;
            Some(("published", format!("{}, of which the derived is off by {off}", dollars(hours * cluster.price))))
        });
        let facts = range.into_iter().chain(facts).chain(batch).map(|(name, value)| (name.to_owned(), value)).collect();
        Page {
            title: plan.title.clone(),
            headline,
            facts,
            tables: vec![phases(plan)].into_iter().chain(breakdown(plan)).collect(),
            charts: where_it_goes(plan).into_iter().chain(cycles(plan)).collect(),
            drawings: timeline(plan).into_iter().collect(),
            lines: plan.explain.clone(),
            notes: notes(plan),
        }
    }
}

/// Chip-hours, in digits that say something for a minute's run as well.
pub(crate) fn hours(hours: f64) -> String {
    if hours < 100.0 { significant(hours) } else { whole(hours) }
}

pub(crate) fn energy(kwh: f64) -> String {
    match kwh {
        kwh if kwh >= 1e6 => format!("{} MWh", whole(kwh / 1e3)),
        kwh if kwh >= 1e3 => format!("{} MWh", significant(kwh / 1e3)),
        kwh if kwh >= 1.0 => format!("{} kWh", significant(kwh)),
        kwh => format!("{} Wh", significant(kwh * 1e3)),
    }
}

/// Chip-hours that were published for this very run, and how far the derived ones are off.
fn off_published(plan: &Plan) -> Option<(f64, String)> {
    let published = plan.published_gpu_hours()?;
    Some((published, format!("{:+.1}%", 100.0 * (plan.gpu_hours / published - 1.0))))
}

/// How published runs of the kind vary about what is derived for them.
fn varied(plan: &Plan) -> String {
    let Some(spread) = plan.spread else { return String::new() };
    let [low, high] = spread.map(|times| format!("{:+.0}%", 100.0 * (times - 1.0)));
    let kind = if plan.params_active < plan.params_total { "runs with experts" } else { "dense runs" };
    format!(
        "Of published {kind} that nothing was fitted to, four in five took {low} to {high} against what is derived."
    )
}

/// As V3's Table 1.
fn phases(plan: &Plan) -> Table {
    let has_published = plan.phases.iter().any(|phase| phase.published_gpu_hours.is_some());
    let mut columns = vec!["", "tokens", "chip-hours", "dollars"];
    if has_published {
        columns.extend(["published", "off by"]);
    }
    let mut table = Table::new("The bill to expect", &columns);
    let row = |name: String, tokens: String, taken: f64, cost: f64, published: Option<f64>| {
        let mut row = vec![name, tokens, hours(taken), dollars(cost)];
        if has_published {
            row.push(published.map_or("-".to_owned(), whole));
            row.push(published.map_or("-".to_owned(), |p| format!("{:+.1}%", 100.0 * (taken / p - 1.0))));
        }
        row
    };
    for phase in &plan.phases {
        let name = if phase.derived { phase.name.clone() } else { format!("{} (published)", phase.name) };
        let tokens = phase.tokens.map_or("-".to_owned(), si);
        let published = phase.published_gpu_hours.filter(|_| phase.derived);
        table.rows.push(row(name, tokens, phase.gpu_hours, phase.dollars, published));
    }
    if plan.phases.len() > 1 {
        let published = plan.phases.iter().map(|phase| phase.published_gpu_hours).sum();
        table.rows.push(row("total".to_owned(), String::new(), plan.gpu_hours, plan.dollars, published));
    }
    table
}

fn breakdown(plan: &Plan) -> Option<Table> {
    let step = plan.step.as_ref()?;
    let mut table = Table::new("A step, by what the pipeline does", &["", "seconds", "share"]);
    for (name, s) in step.breakdown.named() {
        if s > 0.0 {
            table.rows.push(vec![name.to_owned(), significant(s), format!("{:.1}%", 100.0 * s / step.seconds)]);
        }
    }
    table.rows.push(vec!["total".to_owned(), significant(step.seconds), "100%".to_owned()]);
    Some(table)
}

fn where_it_goes(plan: &Plan) -> Option<Chart> {
    let step = plan.step.as_ref()?;
    let spent = &step.spent;
    let parts = [
        ("matrix products", spent.products_s),
        ("attention", spent.attention_s),
        ("memory bandwidth", spent.memory_s),
        ("communication", spent.communication_s),
        ("the optimizer", spent.optimizer_s),
        ("bubbles", spent.bubble_s),
    ];
    let bars = parts.into_iter().map(|(label, value)| Bar {
        label: label.to_owned(),
        value,
        shown: format!("{} s, {:.0}%", significant(value), 100.0 * value / step.seconds),
    });
    Some(Chart::Bars { title: "A step, by what the chips spend it on".to_owned(), bars: bars.collect() })
}

/// Of a run of reinforcement learning: what each part of it spends its time on, and the phases of a cycle of each.
fn cycles(plan: &Plan) -> Vec<Chart> {
    if plan.cycles.is_empty() {
        return Vec::new();
    }
    let phases = plan.cycles[0].cycle.named().map(|(name, _)| name.to_owned());
    let all_s = |i: usize| plan.cycles.iter().map(|of| of.n * of.cycle.named()[i].1).sum::<f64>();
    let run_s: f64 = (0..phases.len()).map(all_s).sum();
    let bars = phases.iter().enumerate().map(|(i, label)| Bar {
        label: label.clone(),
        value: all_s(i) / 3600.0,
        shown: format!("{}, {:.0}%", duration(all_s(i)), 100.0 * all_s(i) / run_s),
    });
    let of_cycle = plan.cycles.iter().map(|of| {
        let named = of.cycle.named();
        let stage = |i: usize| Stage {
            label: named[i].0.to_owned(),
            seconds: (0..named.len()).map(|part| if part == i { named[i].1 } else { 0.0 }).collect(),
            shown: format!("{}, {:.0}%", duration(named[i].1), 100.0 * named[i].1 / of.cycle.total()),
        };
        Chart::Stages {
            title: format!("A cycle of {}", of.name),
            parts: phases.to_vec(),
            stages: (0..named.len()).map(stage).collect(),
        }
    });
    let whole = Chart::Bars { title: "The run, by what the chips do".to_owned(), bars: bars.collect() };
    std::iter::once(whole).chain(of_cycle).collect()
}

fn timeline(plan: &Plan) -> Option<(String, String)> {
    let step = plan.step.as_ref().filter(|step| step.layout.pp > 1)?;
    Some(("A step of every rank of a pipeline".to_owned(), step.timeline.svg(820.0)))
}

fn notes(plan: &Plan) -> Vec<String> {
    let cluster = &plan.cluster;
    let mut notes = vec![format!("Price: {}.", cluster.price_source)];
    notes.extend(plan.hint.clone());
    notes.extend(cluster.chip.link_note());
    if let Some(step) = &plan.step {
        notes.push(format!("Layout: {}.", step.layout.describe()));
        let error = match off_published(plan) {
            Some((hours, off)) => format!("This run itself took {} chip-hours: {off}.", whole(hours)),
            None => varied(plan),
        };
        notes.push(format!(
            "Two constants were fitted to DeepSeek-V3's published step: products reach {} of the best one measured, \
             streaming {} of the memory's bandwidth. {error} `penseur plan --published` shows others.",
            assume::MATRIX_SHARE,
            assume::STREAM_SHARE,
        ));
        let is_fp8 = step.layout.precision == Precision::Fp8;
        notes.extend(cluster.chip.gemm_note(is_fp8));
    }
    if plan.phases.iter().any(|phase| !phase.derived) {
        notes.push("A part marked (published) is not derived: the published figure stands in, on other chips as much larger or \
             smaller as the derived parts.".to_owned());
    }
    if plan.interruptions.is_some() {
        notes.push(
            "Failures are those of Llama 3's cluster; research, ablations, data and people are not in it.".to_owned(),
        );
    } else {
        notes.push("Lengths of answers and how the engine runs were partly assumed: see the arithmetic.".to_owned());
    }
    notes
}
