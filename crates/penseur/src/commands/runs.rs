//! `penseur runs`: what there is, where it stands, what it cost.

use std::path::{Path, PathBuf};

use train::progress::{duration, thousands};
use train::runs::{self, Report, Status, Summary};

use crate::cli::{RunsArgs, RunsCommand};
use crate::output::{self, si};

/// Where runs are kept unless somebody says otherwise.
const ROOT: &str = "runs";

pub fn run(args: &RunsArgs) -> anyhow::Result<()> {
    match &args.command {
        RunsCommand::List { dir, json } => list(dir, *json),
        RunsCommand::Show { run, json } => show(run, *json),
    }
}

fn list(dir: &Path, as_json: bool) -> anyhow::Result<()> {
    let summaries = runs::list(dir)?;
    if as_json {
        return Ok(output::print_json(&serde_json::to_value(&summaries)?)?);
    }
    if summaries.is_empty() {
        eprintln!("no runs in {}", dir.display());
    }
    for summary in &summaries {
        output::print_line(line(summary))?;
    }
    Ok(())
}

fn line(summary: &Summary) -> String {
    format!(
        "{:<32} {:<8} {:<9} step {:>7} {:>9} tokens {:>9} ${:<8.4} {}",
        summary.path.display(),
        summary.kind,
        word(summary.status),
        summary.step,
        si(summary.tokens as f64),
        duration(summary.seconds),
        summary.dollars,
        scores(summary)
    )
    .trim_end()
    .to_owned()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Finished => "finished",
        Status::Stopped => "stopped",
    }
}

fn scores(summary: &Summary) -> String {
    let named = [("loss", summary.loss), ("bits/byte", summary.val_bpb), ("accuracy", summary.val_accuracy)];
    let known: Vec<String> = named.into_iter().filter_map(|(name, v)| Some(format!("{name} {:.4}", v?))).collect();
    known.join(", ")
}

fn show(run: &Path, as_json: bool) -> anyhow::Result<()> {
    let below = Path::new(ROOT).join(run);
    let dir: PathBuf = if !run.is_dir() && below.is_dir() { below } else { run.to_owned() };
    let report = runs::show(&dir)?;
    match as_json {
        true => output::print_json(&serde_json::to_value(&report)?)?,
        false => output::print_line(text(&report))?,
    }
    if let (false, Some((error, n))) = (as_json, runs::planner_error(dir.parent().unwrap_or(Path::new(ROOT)))?) {
        output::print_line(format!(
            "  the planner was off by {:.0}% a token on average over {n} finished runs here",
            100.0 * error
        ))?;
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let summary = &report.summary;
    let mut lines = vec![
        format!("{} ({}, {}): {}", summary.path.display(), summary.stage, summary.kind, word(summary.status)),
        format!("  step {}, {} tokens", thousands(summary.step), thousands(summary.tokens)),
    ];
    for (name, value) in report.latest.iter().filter(|(name, _)| !["step", "tokens"].contains(&name.as_str())) {
        lines.push(format!("  {name:<28} {value}"));
    }
    lines.push(format!("  checkpoints                  {:?}", report.checkpoints));
    lines.push(String::new());
    lines.extend(report.bill.render().trim_end().lines().map(|line| format!("  {line}")));
    if let Some(held) = &report.plan {
        lines.push(format!("  {}", held.describe()));
    }
    lines.join("\n")
}
