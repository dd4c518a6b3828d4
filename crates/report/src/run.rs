//! A run directory, read: one stage's recipe, curves, samples and bill. Reading never writes, and works while the run goes on.

use crate::curves::Curves;
use crate::error::{Error, Result};
use crate::files::{Attempt, Done, PlanFile, RunInfo, read_json, read_ledger, read_lines};
use cost::bill::Against;
use cost::{Bill, LedgerLine};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Finished => "finished",
            Status::Stopped => "stopped",
        }
    }
}

/// An answer that was written down: a line of `samples.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Step after which the model answered.
    pub step: u64,
    /// `validation` or `train`; absent in stages that only have validation problems.
    pub split: Option<String>,
    /// The family of problems.
    pub task: String,
    /// Its dial.
    pub difficulty: Option<f64>,
    /// What was asked.
    pub prompt: String,
    /// What the model thought.
    pub reasoning: String,
    /// What it answered.
    pub content: String,
    /// A right answer, as the problem has it.
    pub answer: Value,
    /// `right`, `wrong` or `cannot_judge`.
    pub verdict: String,
    /// Tokens of the completion.
    pub tokens: u64,
    /// What the answer earned, in training.
    pub reward: Option<f64>,
    /// Why it ended.
    pub finish_reason: Option<String>,
}

impl Sample {
    /// Whether the answer is to a problem of the training split.
    pub fn is_train(&self) -> bool {
        self.split.as_deref() == Some("train")
    }

    /// The right answer as text.
    pub fn answer_text(&self) -> String {
        match &self.answer {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// A line of `gradients.jsonl`: norms of the gradients before clipping, by tensor.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Gradients {
    /// The step.
    pub step: u64,
    /// L2 norms. One that was not finite is written as text.
    pub norms: BTreeMap<String, Value>,
}

impl Gradients {
    /// A tensor's norm; NaN where the run could not say.
    pub fn norm(value: &Value) -> f64 {
        value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
    }
}

/// One stage's run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its directory.
    pub path: PathBuf,
    /// The resolved recipe.
    pub recipe: toml::Table,
    /// The same as it is written.
    pub recipe_text: String,
    /// Digest, code version and instruction set.
    pub info: Option<RunInfo>,
    /// Where it stands.
    pub status: Status,
    /// `metrics.jsonl`.
    pub metrics: Curves,
    /// `timings.jsonl`: seconds of each phase.
    pub timings: Curves,
    /// `ledger.jsonl`, and a line for an attempt that has not written its own yet.
    pub ledger: Vec<LedgerLine>,
    /// Steps of the checkpoints that are kept.
    pub checkpoints: Vec<u64>,
}

impl Run {
    /// Reads a run's directory.
    ///
    /// # Errors
    /// A directory that is not a run's, or cannot be read.
    pub fn open(path: &Path) -> Result<Run> {
        if !is_run(path) {
            return Err(Error::NotARun { path: path.to_owned() });
        }
        let recipe_path = path.join("recipe.toml");
        let recipe_text = std::fs::read_to_string(&recipe_path).map_err(|e| Error::io("read", &recipe_path, e))?;
        let recipe = recipe_text.parse().unwrap_or_default();
        Ok(Run {
            info: read_json(&path.join("run.json"))?,
            status: status(path)?,
            metrics: Curves::of(&read_lines(&path.join("metrics.jsonl"))?),
            timings: Curves::of(&read_lines(&path.join("timings.jsonl"))?),
            ledger: ledger(path, &recipe)?,
            checkpoints: checkpoints(&path.join("checkpoints")),
            path: path.to_owned(),
            recipe,
            recipe_text,
        })
    }

    /// The stage's name.
    pub fn stage(&self) -> &str {
        self.recipe_text_at("name")
    }

    /// `pretrain`, `sft`, `grpo`, ..
    pub fn kind(&self) -> &str {
        self.recipe_text_at("kind")
    }

    /// Name of the directory, which a person knows the run by.
    pub fn label(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let resolved = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        name(&resolved).unwrap_or_else(|| resolved.display().to_string())
    }

    /// A number of the recipe by its dotted key.
    pub fn recipe_number(&self, key: &str) -> Option<f64> {
        let value = self.recipe_value(key)?;
        value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
    }

    /// A value of the recipe by its dotted key.
    pub fn recipe_value(&self, key: &str) -> Option<&toml::Value> {
        let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
        let mut value = self.recipe.get(first)?;
        for part in rest.into_iter().flat_map(|rest| rest.split('.')) {
            value = value.get(part)?;
        }
        Some(value)
    }

    fn recipe_text_at(&self, key: &str) -> &str {
        self.recipe.get(key).and_then(toml::Value::as_str).unwrap_or_default()
    }

    /// Steps so far.
    pub fn step(&self) -> u64 {
        self.metrics.last("step").unwrap_or(0.0) as u64
    }

    /// Tokens so far.
    pub fn tokens(&self) -> u64 {
        self.metrics.last("tokens").unwrap_or(0.0) as u64
    }

    /// The ledger, added up.
    pub fn bill(&self) -> Bill {
        Bill::of(&self.ledger)
    }

    /// The bill beside what was promised when the run began; `None` without a promise, or before the first token.
    ///
    /// # Errors
    /// A promise that cannot be read.
    pub fn against_plan(&self) -> Result<Option<Against>> {
        let plan: Option<PlanFile> = read_json(&self.path.join("plan.json"))?;
        Ok(plan.and_then(|plan| cost::against(&plan.promise, &self.ledger)))
    }

    /// The latest value of every metric, also of those that are measured now and then.
    pub fn latest(&self) -> Map<String, Value> {
        let json = |x: f64| if x.is_finite() { Value::from(x) } else { Value::from(x.to_string()) };
        self.metrics.names().filter_map(|name| Some((name.to_owned(), json(self.metrics.last(name)?)))).collect()
    }

    /// The values of the last step alone.
    pub fn at_last_step(&self) -> Map<String, Value> {
        let step = self.step();
        self.latest().into_iter().filter(|(name, _)| self.metrics.get(name).span().1 == step).collect()
    }

    /// The answers that were written down.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn samples(&self) -> Result<Vec<Sample>> {
        let lines = read_lines(&self.path.join("samples.jsonl"))?;
        Ok(lines.into_iter().filter_map(|line| serde_json::from_value(line).ok()).collect())
    }

    /// Norms of gradients by tensor, where the stage writes them.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn gradients(&self) -> Result<Vec<Gradients>> {
        let lines = read_lines(&self.path.join("gradients.jsonl"))?;
        Ok(lines.into_iter().filter_map(|line| serde_json::from_value(line).ok()).collect())
    }
}

/// Whether the directory is one stage's.
pub fn is_run(dir: &Path) -> bool {
    dir.join("recipe.toml").is_file() && dir.join("run.json").is_file()
}

fn status(path: &Path) -> Result<Status> {
    let lock = std::fs::File::open(path.join("lock"));
    if lock.is_ok_and(|lock| lock.try_lock_shared().is_err()) {
        return Ok(Status::Running);
    }
    let info: Option<RunInfo> = read_json(&path.join("run.json"))?;
    let done: Option<Done> = read_json(&path.join("done.json"))?;
    let is_done = done.zip(info).is_some_and(|(done, info)| done.digest == info.digest);
    Ok(if is_done { Status::Finished } else { Status::Stopped })
}

/// The ledger, and a line for the attempt that has not written its own yet.
fn ledger(path: &Path, recipe: &toml::Table) -> Result<Vec<LedgerLine>> {
    let mut lines = read_ledger(path)?;
    let attempt: Option<Attempt> = read_json(&path.join("attempt.json"))?;
    if let Some(open) = attempt.filter(|a| !lines.iter().any(|line| line.attempt == a.attempt)) {
        let price = recipe.get("cost").and_then(|c| c.get("dollars_per_core_hour")).and_then(toml::Value::as_float);
        let price = price.unwrap_or_else(|| cost::Price::default().dollars_per_core_hour);
        lines.push(LedgerLine {
            stage: recipe.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned(),
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

/// Steps of the complete checkpoints, in order.
fn checkpoints(dir: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut steps: Vec<u64> =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("step_")?.parse().ok()).collect();
    steps.sort_unstable();
    steps
}
