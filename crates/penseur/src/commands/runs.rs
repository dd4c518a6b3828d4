//! `penseur runs`: what there is, where it stands, what it cost, and what is wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cost::text::{dollars, duration, si, thousands};
use report::compare::Comparison;
use report::tensorboard::Exporter;
use report::{Chain, Run, Status, Summary, doctor};
use serde_json::{Value, json};

use crate::cli::{RunsArgs, RunsCommand};
use crate::output;

/// Where runs are kept unless somebody says otherwise.
const ROOT: &str = "runs";

/// Between two looks at a run that goes on.
const FOLLOW_PAUSE: Duration = Duration::from_secs(5);

pub fn run(args: &RunsArgs) -> anyhow::Result<()> {
    match &args.command {
        RunsCommand::List { dir, json } => list(dir, *json),
        RunsCommand::Show { run, json } => show(run, *json),
        RunsCommand::Report { run, out } => {
            let path = report::html::write(&open(run)?.path, out.as_deref())?;
            Ok(output::print_line(path.display())?)
        }
        RunsCommand::Compare { runs, html, json } => compare(runs, html.as_deref(), *json),
        RunsCommand::ExportTensorboard { run, out, follow } => export(run, out.as_deref(), *follow),
        RunsCommand::Doctor { run, json } => examine(run, *json),
    }
}

/// The directory that `RUN` names: itself, or one below `runs/`.
fn place(run: &Path) -> PathBuf {
    let below = Path::new(ROOT).join(run);
    if !run.is_dir() && below.is_dir() { below } else { run.to_owned() }
}

fn open(run: &Path) -> anyhow::Result<Chain> {
    Ok(Chain::open(&place(run))?)
}

fn list(dir: &Path, as_json: bool) -> anyhow::Result<()> {
    let summaries = report::list(dir)?;
    if as_json {
        return Ok(output::print_json(&serde_json::to_value(&summaries)?)?);
    }
    if summaries.is_empty() {
        eprintln!("no runs in {}", dir.display());
    }
    let mut chain = None;
    for summary in &summaries {
        if summary.chain.is_some() && summary.chain != chain {
            let stages: Vec<&Summary> = summaries.iter().filter(|other| other.chain == summary.chain).collect();
            output::print_line(chain_line(&stages))?;
        }
        chain.clone_from(&summary.chain);
        output::print_line(line(summary))?;
    }
    Ok(())
}

/// All stages of a chain together.
fn chain_line(stages: &[&Summary]) -> String {
    let sum = |of: fn(&Summary) -> f64| stages.iter().map(|summary| of(summary)).sum::<f64>();
    let path = stages[0].chain.as_deref().unwrap_or(Path::new(""));
    format!(
        "{:<32} {} stages, {}, {}",
        path.display(),
        stages.len(),
        duration(sum(|s| s.seconds)),
        dollars(sum(|s| s.dollars))
    )
}

fn line(summary: &Summary) -> String {
    let place = match (&summary.chain, summary.path.file_name()) {
        (Some(_), Some(name)) => format!("  {}", name.to_string_lossy()),
        _ => summary.path.display().to_string(),
    };
    let lost = match summary.lost_dollars {
        0.0 => String::new(),
        lost => format!(" ({} lost)", dollars(lost)),
    };
    format!(
        "{place:<32} {:<8} {:<9} step {:>7} {:>9} tokens {:>13} {:>9}{lost} {}",
        summary.kind,
        summary.status.word(),
        summary.step,
        si(summary.tokens as f64),
        duration(summary.seconds),
        dollars(summary.dollars),
        scores(summary)
    )
    .trim_end()
    .to_owned()
}

fn scores(summary: &Summary) -> String {
    let named = [
        ("loss", summary.loss.filter(|_| summary.reward.is_none())),
        ("reward", summary.reward),
        ("bits/byte", summary.val_bpb),
        ("accuracy", summary.val_accuracy),
    ];
    let known: Vec<String> = named.into_iter().filter_map(|(name, v)| Some(format!("{name} {:.4}", v?))).collect();
    known.join(", ")
}

fn show(run: &Path, as_json: bool) -> anyhow::Result<()> {
    if run.is_file() {
        return show_ledger(run, as_json);
    }
    let chain = open(run)?;
    if as_json {
        let stages: Vec<Value> = chain.stages.iter().map(json_of).collect::<anyhow::Result<_>>()?;
        let value = if chain.is_chain() { json!({ "path": chain.path, "stages": stages }) } else { stages[0].clone() };
        return Ok(output::print_json(&value)?);
    }
    for stage in &chain.stages {
        output::print_line(text_of(stage))?;
    }
    Ok(output::print_line(chain.account()?)?)
}

/// The bill of evaluations and of serving, which are not runs.
fn show_ledger(path: &Path, as_json: bool) -> anyhow::Result<()> {
    let bill = cost::Bill::read(path)?;
    match as_json {
        true => output::print_json(&json!({ "bill": bill, "total": bill.total() }))?,
        false => output::print_line(bill.render())?,
    }
    Ok(())
}

fn json_of(run: &Run) -> anyhow::Result<Value> {
    Ok(json!({
        "summary": serde_json::to_value(Summary::of(run, None))?,
        "info": serde_json::to_value(&run.info)?,
        "last": run.at_last_step(),
        "latest": run.latest(),
        "bill": serde_json::to_value(run.bill())?,
        "plan": serde_json::to_value(run.against_plan()?)?,
        "checkpoints": run.checkpoints,
        "recipe": run.recipe_text,
    }))
}

fn text_of(run: &Run) -> String {
    let mut lines = vec![
        format!("{} ({}, {}): {}", run.path.display(), run.stage(), run.kind(), run.status.word()),
        format!("  step {}, {} tokens", thousands(run.step()), thousands(run.tokens())),
    ];
    for (name, value) in run.latest().iter().filter(|(name, _)| !["step", "tokens"].contains(&name.as_str())) {
        lines.push(format!("  {name:<36} {value}"));
    }
    lines.push(format!("  {:<36} {:?}\n", "checkpoints", run.checkpoints));
    lines.join("\n")
}

fn compare(runs: &[PathBuf], html: Option<&Path>, as_json: bool) -> anyhow::Result<()> {
    let paths: Vec<PathBuf> = runs.iter().map(|run| place(run)).collect();
    let comparison = Comparison::of(&paths)?;
    if let Some(path) = html {
        comparison.write_page(path)?;
    }
    match as_json {
        true => output::print_json(&serde_json::to_value(&comparison)?)?,
        false => output::print_line(comparison.render())?,
    }
    Ok(())
}

fn export(run: &Path, out: Option<&Path>, follow: bool) -> anyhow::Result<()> {
    let place = place(run);
    let mut exporter = Exporter::new(&place, out)?;
    for path in exporter.paths() {
        output::print_line(path.display())?;
    }
    // A run that ends between the two is read once more, so nothing of it is missed.
    loop {
        let is_running = Chain::open(&place)?.status() == Status::Running;
        exporter.update()?;
        if !(follow && is_running) {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_PAUSE);
    }
}

fn examine(run: &Path, as_json: bool) -> anyhow::Result<()> {
    let diagnosis = doctor::examine(&open(run)?)?;
    match as_json {
        true => output::print_json(&serde_json::to_value(&diagnosis)?)?,
        false => output::print_line(diagnosis.render())?,
    }
    Ok(())
}
