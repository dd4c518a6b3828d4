//! Which chip, which layout, and the cheapest way to be done in time.

use model::Config;
use serde_json::{Value, json};

use super::Answer;
use crate::catalogue::{Catalogue, Chip};
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, LayoutSpec, Precision, Schedule};
use crate::page::{Bar, Chart, Curve, Page, Table};
use crate::plan::{Cluster, Line, Plan, plan_training};
use crate::text::{dollars, duration, significant, whole};
use crate::training::{Step, best_layout, ranked_layouts, simulate_step};

fn bars(title: &str, rows: &[(String, f64)], shown: impl Fn(f64) -> String) -> Chart {
    let bars = rows.iter().map(|(label, value)| Bar { label: label.clone(), value: *value, shown: shown(*value) });
    Chart::Bars { title: title.to_owned(), bars: bars.collect() }
}

/// A run planned on one of the chips that are compared.
struct Compared {
    plan: Plan,
}

impl Compared {
    fn is_priced(&self) -> bool {
        self.plan.cluster.is_priced()
    }

    fn dollars(&self, chip_hours: f64) -> String {
        dollars(self.plan.cluster.dollars(chip_hours))
    }

    fn note(&self) -> String {
        let cluster = &self.plan.cluster;
        match self.is_priced() {
            true => format!("{}: {} a chip-hour, {}.", cluster.chip.name, dollars(cluster.price), cluster.price_source),
            false => format!("{}: nobody says what it costs; --price DOLLARS does.", cluster.chip.name),
        }
    }
}

/// The same run on several chips, each in its quickest layout (that of `spec` where it says one); on each, what V3's means
/// against narrow links save; and, on the first, what each of them is worth.
///
/// # Errors
/// A chip that is not known or does not fit the run: the message says which.
pub fn compare_chips(
    name: &str,
    job: &Job,
    chips: &[(&Chip, Option<f64>)],
    count: u64,
    spec: &LayoutSpec,
) -> Result<Answer> {
    let open = LayoutSpec::default();
    let mut all: Vec<Compared> = Vec::new();
    let mut left_out = Vec::new();
    for (chip, price) in chips {
        let planned = Cluster::new(chip, count, *price).and_then(|cluster| {
            // A layout in FP8 is none for a chip without it, which gets its own quickest.
            let is_possible = chip.fp8_tflops.is_some() || spec.precision != Some(Precision::Fp8);
            plan_training(name, job, &cluster, if is_possible { spec } else { &open })
        });
        match planned {
            Ok(plan) => all.push(Compared { plan }),
            Err(error) if chips.len() > 1 => left_out.push(format!("{}: {error}.", chip.name)),
            Err(error) => return Err(error),
        }
    }
    let Some(first) = all.first() else { return Err(Error::Question(left_out.join(" "))) };
    let mut page = Page {
        title: format!("{name} on {} tokens, {count} chips of each kind", crate::text::si(job.tokens)),
        headline: cheapest(&all),
        tables: vec![on_each(&all)],
        charts: charts(&all),
        notes: left_out,
        lines: all.iter().flat_map(|one| named(&one.plan.cluster.chip.name, &one.plan.explain)).collect(),
        ..Page::default()
    };
    if spec.is_open() {
        page.notes.push(
            "Each chip has its quickest layout; the plan of a preset is in the one that was published.".to_owned(),
        );
    }
    page.notes.extend(all.iter().map(Compared::note));
    page.notes.extend(all.iter().filter_map(|one| {
        let is_fp8 = one.plan.step.as_ref().is_some_and(|step| step.layout.precision == Precision::Fp8);
        one.plan.cluster.chip.gemm_note(is_fp8)
    }));
    let mut json = json!({ "chips": all.iter().map(|one| &one.plan).collect::<Vec<_>>() });
    let without = all.iter().map(|one| without_any(job, &one.plan)).collect::<Result<Option<Vec<Step>>>>()?;
    if let Some(without) = without {
        if let Some(won) = engineering(job, first, &without[0])? {
            page.tables.push(won.table);
            page.charts.push(won.chart);
            page.lines.extend(won.lines);
            json["engineering"] = won.json;
        }
        let (table, rows) = with_and_without(&all, &without);
        page.tables.push(table);
        page.lines.extend(all.iter().zip(&without).map(|(one, step)| {
            let name = format!("{}: without any of the engineering", one.plan.cluster.chip.name);
            of_step(&name, &one.plan, step)
        }));
        json["with_and_without"] = rows;
        page.headline.push_str(&won_back(&all, &without));
        page.notes.push(
            "Without any of it: each chip's quickest layout in 1F1B and BF16, tensor parallelism among its choices, in which \
             nothing overlaps and a token's experts are on any nodes; of a chip with more memory where none fits."
                .to_owned(),
        );
    }
    Ok(Answer { page, json })
}

/// Lines of one of several plans.
fn named<'a>(of: &'a str, lines: &'a [Line]) -> impl Iterator<Item = Line> + 'a {
    lines.iter().map(move |line| Line { name: format!("{of}: {}", line.name), ..line.clone() })
}

/// Chip-hours of the run of `plan` in another step than its own, and the parts of that step.
fn of_step(name: &str, plan: &Plan, step: &Step) -> Line {
    let parts: Vec<String> =
        step.breakdown.named().iter().map(|(part, s)| format!("{part} {}", significant(*s))).collect();
    Line::new(
        name,
        format!("{} chip-hours", whole(hours_at(plan, step.seconds))),
        format!(
            "{} chip-hours as planned x {} s / {} s a step",
            whole(plan.gpu_hours),
            significant(step.seconds),
            significant(plan.step_seconds)
        ),
        &format!("simulated: {} s, in {}", parts.join(" + "), step.layout.describe()),
    )
}

fn cheapest(all: &[Compared]) -> String {
    let priced = all.iter().filter(|one| one.is_priced());
    match priced.min_by(|a, b| a.plan.dollars.total_cmp(&b.plan.dollars)) {
        Some(Compared { plan }) => {
            let time = duration(plan.days * 86_400.0);
            format!("{} is cheapest: {} and {time}.", plan.cluster.chip.name, dollars(plan.dollars))
        }
        None => {
            let quickest = all.iter().min_by(|a, b| a.plan.gpu_hours.total_cmp(&b.plan.gpu_hours));
            quickest.map_or(String::new(), |Compared { plan }| {
                format!("{} takes the fewest chip-hours: {}.", plan.cluster.chip.name, whole(plan.gpu_hours))
            })
        }
    }
}

fn on_each(all: &[Compared]) -> Table {
    let mut table = Table::new(
        "The same run on each",
        &["", "days", "chip-hours", "dollars", "MFU", "memory GB", "limited by", "against the first"],
    );
    for one in all {
        let (plan, first) = (&one.plan, &all[0]);
        let mut against = format!("{:.2} x the hours", plan.gpu_hours / first.plan.gpu_hours);
        if one.is_priced() && first.is_priced() && first.plan.dollars > 0.0 {
            against.push_str(&format!(", {:.2} x the dollars", plan.dollars / first.plan.dollars));
        }
        table.rows.push(vec![
            plan.cluster.chip.name.clone(),
            significant(plan.days),
            whole(plan.gpu_hours),
            one.dollars(plan.gpu_hours),
            format!("{:.1}%", 100.0 * plan.mfu_causal),
            significant(plan.memory_gb),
            plan.limited_by.clone(),
            against,
        ]);
    }
    table
}

fn charts(all: &[Compared]) -> Vec<Chart> {
    let named = |one: &Compared, value: f64| (one.plan.cluster.chip.name.clone(), value);
    let priced: Vec<_> = all.iter().filter(|one| one.is_priced()).map(|one| named(one, one.plan.dollars)).collect();
    let hours: Vec<_> = all.iter().map(|one| named(one, one.plan.gpu_hours)).collect();
    let costs = (!priced.is_empty()).then(|| bars("Dollars", &priced, dollars));
    costs.into_iter().chain([bars("Chip-hours", &hours, whole)]).collect()
}

/// The step of a model like V3 on the chips of `plan` without V3's means against narrow links: the quickest layout that is
/// left. Where none fits, that of a chip with more memory: the question is about time. `None`: the model has no such means.
fn without_any(job: &Job, plan: &Plan) -> Result<Option<Step>> {
    let Some(unlimited) = unlimited(job) else { return Ok(None) };
    let spec = LayoutSpec {
        schedule: Some(Schedule::OneFOneB),
        precision: Some(Precision::Bf16),
        hide_dp: Some(false),
        ..LayoutSpec::default()
    };
    let (chip, count) = (&plan.cluster.chip, plan.cluster.count);
    match best_layout(&unlimited, &spec, chip, count) {
        Err(Error::DoesNotFit { .. }) => best_layout(&unlimited, &spec, &roomy(chip), count).map(Some),
        // What does not divide without pipelines that overlap is not compared.
        Err(Error::Layout { .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// `job` without a limit on the nodes that a token's experts are on; `None` where there is none to lift.
fn unlimited(job: &Job) -> Option<Job> {
    let Config::DeepseekV3(config) = &job.config else { return None };
    if config.n_routed_experts == 0 {
        return None;
    }
    let mut open = config.clone();
    (open.n_group, open.topk_group) = (1, 1);
    Some(Job { config: Config::DeepseekV3(open), ..job.clone() })
}

/// A chip on which everything fits.
fn roomy(chip: &Chip) -> Chip {
    Chip { memory_gb: 1e6, ..chip.clone() }
}

/// Chip-hours of the run of `plan` in steps of `seconds`.
fn hours_at(plan: &Plan, seconds: f64) -> f64 {
    plan.gpu_hours * seconds / plan.step_seconds
}

/// The run on every chip with V3's engineering and without: what narrow links cost, and what is won back.
fn with_and_without(all: &[Compared], without: &[Step]) -> (Table, Value) {
    let mut table = Table::new(
        "With the engineering and without any of it",
        &["", "chip-hours", "dollars", "to with it", "to the first", "layout"],
    );
    let mut rows = Vec::new();
    let first = [all[0].plan.gpu_hours, hours_at(&all[0].plan, without[0].seconds)];
    for (one, step) in all.iter().zip(without) {
        let plan = &one.plan;
        let hours = [plan.gpu_hours, hours_at(plan, step.seconds)];
        let layouts = [plan.step.as_ref().map_or(String::new(), |step| step.layout.describe()), step.layout.describe()];
        for (i, case) in ["with it", "without"].into_iter().enumerate() {
            table.rows.push(vec![
                format!("{}, {case}", plan.cluster.chip.name),
                whole(hours[i]),
                one.dollars(hours[i]),
                format!("{:.2} x", hours[i] / hours[0]),
                format!("{:.2} x", hours[i] / first[i]),
                layouts[i].clone(),
            ]);
        }
        let cost = |hours: f64| one.is_priced().then(|| plan.cluster.dollars(hours));
        rows.push(json!({
            "chip": plan.cluster.chip.id, "with": cost(hours[0]), "without": cost(hours[1]), "with_hours": hours[0],
            "without_hours": hours[1], "with_layout": layouts[0], "without_layout": layouts[1],
        }));
    }
    (table, Value::Array(rows))
}

/// What the first chip's links cost against the chip that is quickest without the engineering, and what that wins back.
fn won_back(all: &[Compared], without: &[Step]) -> String {
    let hours = |i: usize| hours_at(&all[i].plan, without[i].seconds);
    let Some(other) = (1..all.len()).min_by(|a, b| hours(*a).total_cmp(&hours(*b))) else { return String::new() };
    let name = |i: usize| &all[i].plan.cluster.chip.name;
    format!(
        " Without the engineering {} takes {:.2} x the chip-hours of {}, with it {:.2} x.",
        name(0),
        hours(0) / hours(other),
        name(other),
        all[0].plan.gpu_hours / all[other].plan.gpu_hours
    )
}

/// What the engineering wins back on a chip, as a page has it.
struct WonBack {
    table: Table,
    chart: Chart,
    json: Value,
    lines: Vec<Line>,
}

/// The step of `plan` without one after the other of V3's means against narrow links, in the same layout; then without any
/// of them. What does not fit is still timed: the question is about time.
fn engineering(job: &Job, first: &Compared, without_any: &Step) -> Result<Option<WonBack>> {
    let plan = &first.plan;
    let (Some(step), Some(unlimited)) = (&plan.step, unlimited(job)) else { return Ok(None) };
    if step.layout.pp < 2 {
        return Ok(None);
    }
    let (chip, base) = (&plan.cluster.chip, &step.layout);
    let roomy = roomy(chip);
    let simulated = |job: &Job, layout: &Layout| simulate_step(job, layout, &roomy);
    let zb1p = Layout { schedule: Schedule::Zb1p, ..base.clone() };
    let bf16 = Layout { precision: Precision::Bf16, ..base.clone() };
    let cases = [
        ("as planned", step.clone()),
        ("without overlap of communication (ZB1P)", simulated(job, &zb1p)?),
        ("without limiting a token to some nodes", simulated(&unlimited, base)?),
        ("without FP8", simulated(job, &bf16)?),
        ("without any of these, in the quickest layout left", without_any.clone()),
    ];
    let lines =
        cases[1..4].iter().map(|(label, step)| of_step(&format!("{}: {label}", chip.name), plan, step)).collect();
    let mut table = Table::new(
        &format!("What the engineering wins back on {}", chip.name),
        &["", "seconds a step", "against the plan", "run"],
    );
    let mut rows = Vec::new();
    for (label, step) in &cases {
        let (seconds, times) = (step.seconds, step.seconds / plan.step_seconds);
        table.rows.push(vec![
            (*label).to_owned(),
            significant(seconds),
            format!("{times:.2} x"),
            first.dollars(plan.gpu_hours * times),
        ]);
        rows.push(((*label).to_owned(), seconds));
    }
    let chart = bars("Seconds a step", &rows, |s| format!("{} s", significant(s)));
    let json = rows.iter().map(|(label, s)| json!({ "without": label, "step_seconds": s })).collect();
    Ok(Some(WonBack { table, chart, json, lines }))
}

/// The layouts that work, the quickest first.
///
/// # Errors
/// None works: what the nearest one needs.
pub fn compare_layouts(name: &str, job: &Job, cluster: &Cluster, spec: &LayoutSpec) -> Result<Answer> {
    const SHOWN: usize = 12;
    let shown = ranked_layouts(job, spec, &cluster.chip, cluster.count, SHOWN)?;
    let best = &shown[0];
    let labels: Vec<String> = shown.iter().map(|step| step.layout.describe()).collect();
    let mut table = Table::new(
        "The quickest layouts",
        &["", "s a step", "bubble", "communication", "memory GB", "against the best"],
    );
    for (step, label) in shown.iter().zip(&labels) {
        let share = |s: f64| format!("{:.0}%", 100.0 * s / step.seconds);
        table.rows.push(vec![
            label.clone(),
            significant(step.seconds),
            share(step.spent.bubble_s),
            share(step.spent.communication_s),
            significant(step.memory.total() / 1e9),
            format!("{:.2} x", step.seconds / best.seconds),
        ]);
    }
    // A row given to --layout is its plan, and so is its arithmetic.
    let stated = LayoutSpec::parse(&labels[0])?;
    let lines = plan_training(name, job, cluster, &stated).map_or(Vec::new(), |plan| plan.explain);
    let rows: Vec<(String, f64)> = labels.into_iter().zip(shown.iter().map(|step| step.seconds)).collect();
    let page = Page {
        title: format!("Layouts of {name} on {} x {}", cluster.count, cluster.chip.name),
        headline: format!("{}: {} a step.", best.layout.describe(), duration(best.seconds)),
        tables: vec![table],
        charts: vec![bars("Seconds a step", &rows, |s| format!("{} s", significant(s)))],
        lines,
        notes: vec![
            "A row given to --layout is its plan. Tried: all pipelines and tensor parallelism that divide, sequences \
             shared by powers of two of chips down to 4,096 tokens, micro-batches of 1 to 8."
                .to_owned(),
        ],
        ..Page::default()
    };
    Ok(Answer { page, json: json!({ "layouts": shown, "best": best.layout.describe() }) })
}

/// The most chips with which it is tried to be done in time: 2 to this.
const MOST_CHIPS_LOG2: u32 = 15;

/// The cheapest way to be done within `days`, over chips with a price (or one) and counts that are powers of two. One chip
/// without a price is answered in chip-hours.
///
/// # Errors
/// Nothing is quick enough: what is quickest, in days that are enough for it.
pub fn cheapest_within(
    name: &str,
    job: &Job,
    catalogue: &Catalogue,
    on: Option<&str>,
    (days, price): (f64, Option<f64>),
) -> Result<Answer> {
    if !(days > 0.0 && days.is_finite()) {
        return Err(Error::Question(format!("{days} days: expected more than 0")));
    }
    let chips: Vec<&Chip> = match on {
        Some(name) => vec![catalogue.chip(name)?],
        None => catalogue.chips().filter(|chip| chip.price.is_some() || price.is_some()).collect(),
    };
    let flops = crate::training::flops_per_token(job, model::count::AttentionSpan::Causal) * job.tokens;
    let mut ways: Vec<Plan> = Vec::new();
    for &chip in &chips {
        for count in (0..=MOST_CHIPS_LOG2).map(|i| 1u64 << i) {
            // Nobody exceeds half of the peak: fewer chips than this cannot be in time.
            let least_days = flops / (0.5 * chip.bf16_tflops * 1e12 * count as f64) / 86_400.0;
            if least_days > 1.5 * days {
                continue;
            }
            let cluster = Cluster::new(chip, count, price)?;
            let Ok(plan) = plan_training(name, job, &cluster, &LayoutSpec::default()) else { continue };
            let is_in_time = plan.days <= days;
            ways.push(plan);
            if is_in_time {
                break;
            }
        }
    }
    let mut in_time: Vec<&Plan> = ways.iter().filter(|plan| plan.days <= days).collect();
    in_time.sort_by(|a, b| a.dollars.total_cmp(&b.dollars));
    let Some(best) = in_time.first() else {
        let nearest = match quickest(name, job, &chips, price) {
            Some(plan) => format!(
                "nearest: --within {}, on {} x {}",
                enough(plan.days),
                plan.cluster.count,
                plan.cluster.chip.name
            ),
            None => "none of these chips holds it in any layout".to_owned(),
        };
        return Err(Error::Question(format!("nothing is done within {}; {nearest}", duration(days * 86_400.0))));
    };
    let is_priced = best.cluster.is_priced();
    let mut table =
        Table::new("The cheapest in time, for each chip", &["", "chips", "days", "chip-hours", "dollars", "layout"]);
    for plan in &in_time {
        table.rows.push(vec![
            plan.cluster.chip.name.clone(),
            plan.cluster.count.to_string(),
            significant(plan.days),
            whole(plan.gpu_hours),
            dollars(plan.dollars),
            plan.step.as_ref().map_or(String::new(), |step| step.layout.describe()),
        ]);
    }
    let curve = |id: &str| Curve {
        name: id.to_owned(),
        points: ways
            .iter()
            .filter(|p| p.cluster.chip.id == id)
            .map(|p| (p.days, if is_priced { p.dollars } else { p.gpu_hours }))
            .collect(),
    };
    let unit = if is_priced { ("Dollars against days", "dollars") } else { ("Chip-hours against days", "chip-hours") };
    let ids: Vec<&str> = in_time.iter().map(|p| p.cluster.chip.id.as_str()).take(4).collect();
    let page = Page {
        title: format!("{name} on {} tokens within {}", crate::text::si(job.tokens), duration(days * 86_400.0)),
        headline: format!(
            "{} x {}: {} and {}.",
            best.cluster.count,
            best.cluster.chip.name,
            if is_priced { dollars(best.dollars) } else { format!("{} chip-hours", whole(best.gpu_hours)) },
            duration(best.days * 86_400.0)
        ),
        tables: vec![table],
        charts: vec![Chart::Curves {
            title: unit.0.to_owned(),
            x: "days".to_owned(),
            y: unit.1.to_owned(),
            log: true,
            curves: ids.into_iter().map(curve).collect(),
        }],
        lines: best.explain.clone(),
        notes: vec![
            match on {
                Some(_) => "Counts are powers of two.".to_owned(),
                None => {
                    "Counts are powers of two; chips without a price in the catalogue are left out: --on CHIP asks \
                         of one."
                        .to_owned()
                }
            },
            format!("Price: {}.", best.cluster.price_source),
        ],
        ..Page::default()
    };
    Ok(Answer { json: json!({ "best": best, "in_time": in_time }), page })
}

/// The quickest plan on any number of any of these chips. More chips are quicker but for what divides them, so of each
/// chip the few largest numbers are tried.
fn quickest(name: &str, job: &Job, chips: &[&Chip], price: Option<f64>) -> Option<Plan> {
    const TRIED: usize = 3;
    let of_chip = |chip: &&Chip| {
        let counts = (0..=MOST_CHIPS_LOG2).rev().map(|i| 1u64 << i);
        let plans = counts.filter_map(|count| {
            let cluster = Cluster::new(chip, count, price).ok()?;
            plan_training(name, job, &cluster, &LayoutSpec::default()).ok()
        });
        plans.take(TRIED).min_by(|a, b| a.days.total_cmp(&b.days))
    };
    chips.iter().filter_map(of_chip).min_by(|a, b| a.days.total_cmp(&b.days))
}

/// Days in three digits, rounded so that they are enough.
fn enough(days: f64) -> f64 {
    let unit = 10f64.powf(days.log10().floor() - 2.0);
    let rounded = ((days / unit).ceil() * unit * 1e9).round() / 1e9;
    if rounded < days { days } else { rounded }
}
