//! The plan of a recipe on this machine: every stage, and all of them.

use std::path::Path;

use cost::page::{Chart, Page, Stage, Table};
use cost::text::{dollars, duration, si, significant, whole};
use serde_json::{Value, json};
use train::Recipe;
use train::dry_run::StagePlan;

use crate::cli::PlanArgs;

pub fn run(path: &Path, args: &PlanArgs) -> anyhow::Result<()> {
    let recipe = Recipe::from_file(path, &args.set).map_err(super::super::train::by_audience)?;
    let stages = train::dry_run::plan(&recipe).map_err(super::super::train::by_audience)?;
    super::show(&json_of(&stages), &page(path, &stages), args)
}

/// The whole recipe: time and dollars are sums, the rest is the last stage's, whose model is the result.
fn json_of(stages: &[StagePlan]) -> Value {
    let last = stages.last();
    let seconds: f64 = stages.iter().map(|s| s.estimate.wall_s).sum();
    let busiest = stages.iter().max_by(|a, b| a.estimate.wall_s.total_cmp(&b.estimate.wall_s));
    json!({
        "params_total": last.map(|s| s.params_total),
        "params_active": last.map(|s| s.params_active),
        "step_seconds": busiest.map(|s| s.step_tokens as f64 / s.estimate.tokens_per_s),
        "tokens_per_day": stages.iter().map(|s| s.tokens as f64).sum::<f64>() / seconds * 86_400.0,
        "mfu_causal": busiest.map(|s| s.efficiency),
        "gpu_hours": seconds / 3600.0,
        "days": seconds / 86_400.0,
        "dollars": stages.iter().map(|s| s.estimate.dollars).sum::<f64>(),
        "memory_gb": stages.iter().map(|s| s.memory_bytes).max().unwrap_or(0) as f64 / 1e9,
        "limited_by": busiest.map(StagePlan::limited_by),
        "tokens": stages.iter().map(|s| s.tokens).sum::<u64>(),
        "stages": stages,
    })
}

fn page(path: &Path, stages: &[StagePlan]) -> Page {
    let seconds: f64 = stages.iter().map(|s| s.estimate.wall_s).sum();
    let cost: f64 = stages.iter().map(|s| s.estimate.dollars).sum();
    let mut table =
        Table::new("The bill to expect", &["", "parameters", "tokens", "tokens/s", "time", "GB", "dollars"]);
    for s in stages {
        table.rows.push(vec![
            s.stage.clone(),
            si(s.params_total as f64),
            si(s.tokens as f64),
            whole(s.estimate.tokens_per_s),
            duration(s.estimate.wall_s),
            significant(s.memory_bytes as f64 / 1e9),
            dollars(s.estimate.dollars),
        ]);
    }
    if stages.len() > 1 {
        let tokens: u64 = stages.iter().map(|s| s.tokens).sum();
        let row = [
            "total".to_owned(),
            String::new(),
            si(tokens as f64),
            String::new(),
            duration(seconds),
            String::new(),
            dollars(cost),
        ];
        table.rows.push(row.into());
    }
    Page {
        title: format!("{} on this machine", path.display()),
        headline: format!("{} and {}.", dollars(cost), duration(seconds)),
        tables: vec![table],
        charts: vec![when(stages)],
        lines: stages.iter().flat_map(StagePlan::explain).collect(),
        notes: vec![
            "Speed: one micro-batch of the recipe's own model, trained here a moment ago.".to_owned(),
            format!("Price: {}.", stages.first().map_or("", |s| s.price_source.as_str())),
        ],
        ..Page::default()
    }
}

/// The stages on an axis of time, each with what it goes to and what it costs.
fn when(stages: &[StagePlan]) -> Chart {
    let stage = |s: &StagePlan| Stage {
        label: s.stage.clone(),
        seconds: vec![s.rollout_s, s.training_s, s.evaluation_s],
        shown: format!("{}, {}", duration(s.estimate.wall_s), dollars(s.estimate.dollars)),
    };
    Chart::Stages {
        title: "When, and for how much".to_owned(),
        parts: ["answers to learn from", "training", "evaluations"].map(str::to_owned).to_vec(),
        stages: stages.iter().map(stage).collect(),
    }
}
