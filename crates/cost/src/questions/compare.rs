//! Which chip, which layout, and the cheapest way to be done in time.

use model::Config;
use serde_json::json;

use super::Answer;
use crate::catalogue::{Catalogue, Chip};
use crate::error::{Error, Result};
use crate::layout::{Job, Layout, LayoutSpec, Precision, Schedule};
use crate::page::{Bar, Chart, Curve, Page, Table};
use crate::plan::{Cluster, Plan, plan_training};
use crate::text::{dollars, duration, significant, whole};
use crate::training::{ranked_layouts, simulate_step};

fn bars(title: &str, rows: &[(String, f64)], shown: impl Fn(f64) -> String) -> Chart {
    let bars = rows.iter().map(|(label, value)| Bar { label: label.clone(), value: *value, shown: shown(*value) });
    Chart::Bars { title: title.to_owned(), bars: bars.collect() }
}

/// The same run on several chips, each in its quickest layout (that of `spec` where it says one); and, on the first,
/// what each piece of V3's engineering is worth.
///
/// # Errors
/// A chip that is not known, has no price, or does not fit the run: the message says which.
pub fn compare_chips(
    name: &str,
    job: &Job,
    chips: &[(&Chip, Option<f64>)],
    count: u64,
    spec: &LayoutSpec,
) -> Result<Answer> {
    let open = LayoutSpec::default();
    let mut plans: Vec<Plan> = Vec::new();
    let mut left_out = Vec::new();
    for (chip, price) in chips {
        let planned = Cluster::new(chip, count, *price).and_then(|cluster| {
            // A layout in FP8 is none for a chip without it, which gets its own quickest.
            let is_possible = chip.fp8_tflops.is_some() || spec.precision != Some(Precision::Fp8);
            plan_training(name, job, &cluster, if is_possible { spec } else { &open })
        });
        match planned {
            Ok(plan) => plans.push(plan),
            Err(error) if chips.len() > 1 => left_out.push(format!("{}: {error}.", chip.name)),
            Err(error) => return Err(error),
        }
    }
    let Some(cheapest) = plans.iter().min_by(|a, b| a.dollars.total_cmp(&b.dollars)) else {
        return Err(Error::Question(left_out.join(" ")));
    };
    let first = &plans[0];
    let mut table = Table::new(
        "The same run on each",
        &["", "days", "chip-hours", "dollars", "MFU", "memory GB", "limited by", "against the first"],
    );
    for plan in &plans {
        table.rows.push(vec![
            plan.cluster.chip.name.clone(),
            significant(plan.days),
            whole(plan.gpu_hours),
            dollars(plan.dollars),
            format!("{:.1}%", 100.0 * plan.mfu_causal),
            significant(plan.memory_gb),
            plan.limited_by.clone(),
            format!(
                "{:.2} x the hours, {:.2} x the dollars",
                plan.gpu_hours / first.gpu_hours,
                plan.dollars / first.dollars
            ),
        ]);
    }
    let named = |f: fn(&Plan) -> f64| plans.iter().map(|p| (p.cluster.chip.name.clone(), f(p))).collect::<Vec<_>>();
    let mut page = Page {
        title: format!("{name} on {} tokens, {count} chips of each kind", crate::text::si(job.tokens)),
        headline: format!(
            "{} is cheapest: {} and {}.",
            cheapest.cluster.chip.name,
            dollars(cheapest.dollars),
            duration(cheapest.days * 86_400.0)
        ),
        tables: vec![table],
        charts: vec![
            bars("Dollars", &named(|p| p.dollars), dollars),
            bars("Chip-hours", &named(|p| p.gpu_hours), whole),
        ],
        notes: left_out,
        ..Page::default()
    };
    page.notes.extend(plans.iter().map(|plan| {
        let cluster = &plan.cluster;
        format!("{}: {} a chip-hour, {}.", cluster.chip.name, dollars(cluster.price), cluster.price_source)
    }));
    let mut json = json!({ "chips": plans });
    if let Some((table, chart, rows)) = engineering(job, first)? {
        page.tables.push(table);
        page.charts.push(chart);
        json["engineering"] = rows;
    }
    if let Some((table, rows)) = with_and_without(job, &plans)? {
        page.tables.push(table);
        json["with_and_without"] = rows;
    }
    page.lines = first.explain.clone();
    Ok(Answer { page, json })
}

/// The run on every chip with V3's engineering and without: what narrow links cost, and what is won back.
fn with_and_without(job: &Job, plans: &[Plan]) -> Result<Option<(Table, serde_json::Value)>> {
    let mut table = Table::new(
        "With the engineering and without",
        &["", "with it", "without any", "it saves", "without, to the first"],
    );
    let mut rows = Vec::new();
    for plan in plans {
        let Some(cases) = Variants::of(job, plan) else { return Ok(None) };
        let (with, without) = (plan.dollars, plan.dollars * cases.without_any()?);
        let first = rows.first().map_or(without, |(_, _, first)| *first);
        table.rows.push(vec![
            plan.cluster.chip.name.clone(),
            dollars(with),
            dollars(without),
            format!("{:.0}%", 100.0 * (1.0 - with / without)),
            format!("{:.2} x", without / first),
        ]);
        rows.push((plan.cluster.chip.id.clone(), with, without));
    }
    let json = rows.into_iter().map(|(chip, with, without)| json!({ "chip": chip, "with": with, "without": without }));
    Ok(Some((table, json.collect())))
}

/// What can be left out of V3's means against narrow links.
struct Variants<'a> {
    plan: &'a Plan,
    job: &'a Job,
    /// The job without a limit on the nodes that a token's experts are on.
    unlimited: Job,
    layout: &'a Layout,
    /// A variant that does not fit is still timed: the question is about time.
    roomy: Chip,
}

impl<'a> Variants<'a> {
    /// `None` of a plan that has none of them.
    fn of(job: &'a Job, plan: &'a Plan) -> Option<Variants<'a>> {
        let (Some(step), Config::DeepseekV3(config)) = (&plan.step, &job.config) else { return None };
        if step.layout.pp < 2 || config.n_routed_experts == 0 {
            return None;
        }
        let mut open = config.clone();
        (open.n_group, open.topk_group) = (1, 1);
        let unlimited = Job { config: Config::DeepseekV3(open), ..job.clone() };
        let roomy = Chip { memory_gb: 1e6, ..plan.cluster.chip.clone() };
        Some(Variants { plan, job, unlimited, layout: &step.layout, roomy })
    }

    fn seconds(&self, job: &Job, layout: &Layout) -> Result<f64> {
        Ok(simulate_step(job, layout, &self.roomy)?.seconds)
    }

    /// How many times as long a step takes without any of them.
    fn without_any(&self) -> Result<f64> {
        let none = Layout { schedule: Schedule::OneFOneB, precision: Precision::Bf16, ..self.layout.clone() };
        Ok(self.seconds(&self.unlimited, &none)? / self.plan.step_seconds)
    }
}

/// The step of `plan` without one after the other of V3's means against narrow links.
fn engineering(job: &Job, plan: &Plan) -> Result<Option<(Table, Chart, serde_json::Value)>> {
    let Some(variants) = Variants::of(job, plan) else { return Ok(None) };
    let (chip, base) = (&plan.cluster.chip, variants.layout);
    let zb1p = Layout { schedule: Schedule::Zb1p, ..base.clone() };
    let bf16 = Layout { precision: Precision::Bf16, ..base.clone() };
    let cases = [
        ("as planned", plan.step_seconds),
        ("without overlap of communication (ZB1P)", variants.seconds(variants.job, &zb1p)?),
        ("without limiting a token to some nodes", variants.seconds(&variants.unlimited, base)?),
        ("without FP8", variants.seconds(variants.job, &bf16)?),
        ("without any of these (1F1B, BF16)", plan.step_seconds * variants.without_any()?),
    ];
    let mut table = Table::new(
        &format!("What the engineering wins back on {}", chip.name),
        &["", "seconds a step", "against the plan", "run"],
    );
    let mut rows = Vec::new();
    for (label, seconds) in cases {
        let times = seconds / plan.step_seconds;
        table.rows.push(vec![
            label.to_owned(),
            significant(seconds),
            format!("{times:.2} x"),
            dollars(plan.dollars * times),
        ]);
        rows.push((label.to_owned(), seconds));
    }
    let chart = bars("Seconds a step", &rows, |s| format!("{} s", significant(s)));
    let json = rows.iter().map(|(label, s)| json!({ "without": label, "step_seconds": s })).collect();
    Ok(Some((table, chart, json)))
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
    let rows: Vec<(String, f64)> = labels.into_iter().zip(shown.iter().map(|step| step.seconds)).collect();
    let page = Page {
        title: format!("Layouts of {name} on {} x {}", cluster.count, cluster.chip.name),
        headline: format!("{}: {} a step.", best.layout.describe(), duration(best.seconds)),
        tables: vec![table],
        charts: vec![bars("Seconds a step", &rows, |s| format!("{} s", significant(s)))],
        notes: vec![
            "A row given to --layout is its plan. Tried: all pipelines and tensor parallelism that divide, sequences \
             shared by powers of two of chips down to 4,096 tokens, micro-batches of 1 to 8."
                .to_owned(),
        ],
        ..Page::default()
    };
    Ok(Answer { page, json: json!({ "layouts": shown, "best": best.layout.describe() }) })
}

/// The cheapest way to be done within `days`, over chips with a price (or one) and counts that are powers of two.
///
/// # Errors
/// Nothing is quick enough.
pub fn cheapest_within(
    name: &str,
    job: &Job,
    catalogue: &Catalogue,
    on: Option<&str>,
    (days, price): (f64, Option<f64>),
) -> Result<Answer> {
    const MOST_CHIPS_LOG2: u32 = 15;
    if !(days > 0.0 && days.is_finite()) {
        return Err(Error::Question(format!("{days} days: expected more than 0")));
    }
    let chips: Vec<&Chip> = match on {
        Some(name) => vec![catalogue.chip(name)?],
        None => catalogue.chips().filter(|chip| chip.price.is_some() || price.is_some()).collect(),
    };
    let flops = crate::training::flops_per_token(job, model::count::AttentionSpan::Causal) * job.tokens;
    let mut ways: Vec<Plan> = Vec::new();
    let mut quickest: Option<(f64, String)> = None;
    for &chip in &chips {
        for count in (0..=MOST_CHIPS_LOG2).map(|i| 1u64 << i) {
            // Nobody exceeds half of the peak: fewer chips than this cannot be in time.
            let least_days = flops / (0.5 * chip.bf16_tflops * 1e12 * count as f64) / 86_400.0;
            if least_days > 1.5 * days {
                continue;
            }
            let cluster = Cluster::new(chip, count, price)?;
            let Ok(plan) = plan_training(name, job, &cluster, &LayoutSpec::default()) else { continue };
            if quickest.as_ref().is_none_or(|(least, _)| plan.days < *least) {
                quickest = Some((plan.days, format!("{count} x {}", chip.name)));
            }
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
        let nearest = match quickest {
            Some((d, what)) => format!("nearest: {} on {what}", duration(d * 86_400.0)),
            None => {
                // Half of the peak of the most and fastest chips that were tried.
                let most = 1u64 << MOST_CHIPS_LOG2;
                let fastest = chips.iter().max_by(|a, b| a.bf16_tflops.total_cmp(&b.bf16_tflops));
                fastest.map_or("there are no chips to try".to_owned(), |chip| {
                    let least_s = flops / (0.5 * chip.bf16_tflops * 1e12 * most as f64);
                    format!("{most} x {} would take {} at half of their peak", chip.name, duration(least_s))
                })
            }
        };
        return Err(Error::Question(format!("nothing is done within {}; {nearest}", duration(days * 86_400.0))));
    };
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
        points: ways.iter().filter(|p| p.cluster.chip.id == id).map(|p| (p.days, p.dollars)).collect(),
    };
    let ids: Vec<&str> = in_time.iter().map(|p| p.cluster.chip.id.as_str()).take(4).collect();
    let page = Page {
        title: format!("{name} on {} tokens within {}", crate::text::si(job.tokens), duration(days * 86_400.0)),
        headline: format!(
            "{} x {}: {} and {}.",
            best.cluster.count,
            best.cluster.chip.name,
            dollars(best.dollars),
            duration(best.days * 86_400.0)
        ),
        tables: vec![table],
        charts: vec![Chart::Curves {
            title: "Dollars against days".to_owned(),
            x: "days".to_owned(),
            y: "dollars".to_owned(),
            log: true,
            curves: ids.into_iter().map(curve).collect(),
        }],
        lines: best.explain.clone(),
        notes: vec![
            "Counts are powers of two; chips without a price in the catalogue are left out.".to_owned(),
            format!("Price: {}.", best.cluster.price_source),
        ],
        ..Page::default()
    };
    Ok(Answer { json: json!({ "best": best, "in_time": in_time }), page })
}
