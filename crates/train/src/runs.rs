//! Runs after the fact: what there is, where it stands, and what it cost.

use crate::error::{Result, TrainError};
use crate::run_dir::{Attempt, Done, RunInfo, read_json, read_ledger, read_lines};
use cost::{Bill, LedgerLine};
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A process trains in the directory.
    Running,
    /// It reached its budget.
    Finished,
    /// It was stopped or killed; `--resume` goes on.
    Stopped,
}

/// A run at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The directory.
    pub path: PathBuf,
    /// The stage's name and kind.
    pub stage: String,
    /// `pretrain`, `sft`, ..
    pub kind: String,
    /// Where it stands.
    pub status: Status,
    /// Steps in its metrics.
    pub step: u64,
    /// Tokens.
    pub tokens: u64,
    /// Seconds, lost work included.
    pub seconds: f64,
    /// Dollars, lost work included.
    pub dollars: f64,
    /// Last training loss.
    pub loss: Option<f64>,
    /// Last held-out bits per byte.
    pub val_bpb: Option<f64>,
    /// Last accuracy on validation problems.
    pub val_accuracy: Option<f64>,
}

/// A run in full.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// At a glance.
    pub summary: Summary,
    /// Digest, code version and instruction set.
    pub info: Option<RunInfo>,
    /// The last line of `metrics.jsonl`.
    pub last: Value,
    /// The latest value of every metric, also of those that are measured now and then.
    pub latest: Map<String, Value>,
    /// What was spent.
    pub bill: Bill,
    /// The same beside what was promised when the run began.
    pub plan: Option<cost::bill::Against>,
    /// Steps of the checkpoints that are kept.
    pub checkpoints: Vec<u64>,
    /// The resolved recipe.
    pub recipe: String,
}

/// All runs under `root`, also those of chains, by path.
///
/// # Errors
/// A directory that cannot be read. One that is not there holds no runs.
pub fn list(root: &Path) -> Result<Vec<Summary>> {
    let mut found = Vec::new();
    for dir in children(root)? {
        match is_run(&dir) {
            true => found.push(summary(&dir)?),
            false => {
                for stage in children(&dir)?.iter().filter(|dir| is_run(dir)) {
                    found.push(summary(stage)?);
                }
            }
        }
    }
    Ok(found)
}

/// One run.
///
/// # Errors
/// A directory that is not a run's, or cannot be read.
pub fn show(run_dir: &Path) -> Result<Report> {
    if !is_run(run_dir) {
        return Err(TrainError::Run(format!(
            "{} is not a run directory: expected recipe.toml and metrics.jsonl in it",
            run_dir.display()
        )));
    }
    let lines = read_lines(&run_dir.join("metrics.jsonl"))?;
    let mut latest = Map::new();
    for line in &lines {
        latest.extend(line.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    }
    let checkpoints = model::checkpoint::list(&crate::checkpoint::directory(run_dir))?;
    Ok(Report {
        summary: summary(run_dir)?,
        info: read_json(&run_dir.join("run.json"))?,
        last: lines.last().cloned().unwrap_or_default(),
        latest,
        bill: Bill::of(&ledger(run_dir)?),
        plan: against_plan(run_dir)?,
        checkpoints: checkpoints.into_iter().map(|entry| entry.step).collect(),
        recipe: read_recipe(run_dir)?,
    })
}

/// Promise and bill of a run; `None` where there is no promise, or no token yet.
fn against_plan(run_dir: &Path) -> Result<Option<cost::bill::Against>> {
    let promise: Option<cost::Promise> = read_json(&run_dir.join("plan.json"))?;
    let lines = ledger(run_dir)?;
    Ok(promise.and_then(|promise| cost::against(&promise, &lines)))
}

/// The planner's error on this machine: the mean, over finished runs under `root`, of how far a token's time was from
/// the promised one, and how many runs there are.
///
/// # Errors
/// A directory that cannot be read.
pub fn planner_error(root: &Path) -> Result<Option<(f64, usize)>> {
    let mut errors = Vec::new();
    for summary in list(root)?.iter().filter(|summary| summary.status == Status::Finished) {
        errors.extend(against_plan(&summary.path)?.map(|held| held.error.abs()));
    }
    let n = errors.len();
    Ok((n > 0).then(|| (errors.iter().sum::<f64>() / n as f64, n)))
}

/// The ledger, and a line for the attempt that has not written its own yet.
fn ledger(run_dir: &Path) -> Result<Vec<LedgerLine>> {
    let mut lines = read_ledger(run_dir)?;
    let attempt: Option<Attempt> = read_json(&run_dir.join("attempt.json"))?;
    if let Some(open) = attempt.filter(|a| !lines.iter().any(|line| line.attempt == a.attempt)) {
        let recipe: toml::Table = read_recipe(run_dir)?.parse().unwrap_or_default();
        let price = recipe.get("cost").and_then(|c| c.get("dollars_per_core_hour")).and_then(toml::Value::as_float);
        let price = price.unwrap_or_else(|| cost::Price::default().dollars_per_core_hour);
        lines.push(LedgerLine {
            stage: text(&recipe, "name"),
            attempt: open.attempt,
            usage: open.spent.usage,
            price,
            price_source: String::new(),
            dollars: open.spent.usage.core_s / 3600.0 * price,
            lost: false,
            to_step: open.spent.step,
        });
    }
    Ok(lines)
}

fn summary(run_dir: &Path) -> Result<Summary> {
    let recipe: toml::Table = read_recipe(run_dir)?.parse().unwrap_or_default();
    let lines = read_lines(&run_dir.join("metrics.jsonl"))?;
    let last = |key: &str| lines.iter().rev().find_map(|line| line.get(key)?.as_f64());
    let total = Bill::of(&ledger(run_dir)?).total();
    Ok(Summary {
        path: run_dir.to_owned(),
        stage: text(&recipe, "name"),
        kind: text(&recipe, "kind"),
        status: status(run_dir)?,
        step: last("step").unwrap_or(0.0) as u64,
        tokens: last("tokens").unwrap_or(0.0) as u64,
        seconds: total.usage.wall_s,
        dollars: total.dollars,
        loss: last("loss"),
        val_bpb: last("val/bpb"),
        val_accuracy: last("val/accuracy"),
    })
}

fn status(run_dir: &Path) -> Result<Status> {
    let lock = std::fs::File::open(run_dir.join("lock"));
    if lock.is_ok_and(|lock| lock.try_lock_shared().is_err()) {
        return Ok(Status::Running);
    }
    let info: Option<RunInfo> = read_json(&run_dir.join("run.json"))?;
    let done: Option<Done> = read_json(&run_dir.join("done.json"))?;
    let is_done = done.zip(info).is_some_and(|(done, info)| done.digest == info.digest);
    Ok(if is_done { Status::Finished } else { Status::Stopped })
}

fn is_run(dir: &Path) -> bool {
    dir.join("recipe.toml").is_file() && dir.join("run.json").is_file()
}

fn read_recipe(run_dir: &Path) -> Result<String> {
    let path = run_dir.join("recipe.toml");
    std::fs::read_to_string(&path).map_err(|e| TrainError::io("read", &path, e))
}

fn text(table: &toml::Table, key: &str) -> String {
    table.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
}

fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(TrainError::io("read", dir, e)),
    };
    let mut dirs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    dirs.sort();
    Ok(dirs)
}
