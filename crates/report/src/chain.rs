//! Runs together: the stages of a chain in their order, and all runs below a directory.

use crate::error::{Error, Result};
use crate::files::{ChainFile, PlanFile, read_json, read_ledger};
use crate::run::{Run, Status, is_run};
use cost::Bill;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A run of one stage, or of several: what `RUN` on the command line names.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The directory.
    pub path: PathBuf,
    /// Its stages in the order in which they run, at least one.
    pub stages: Vec<Run>,
    /// Directories of stages that the recipe no longer has in this form.
    pub superseded: Vec<PathBuf>,
}

impl Chain {
    /// Reads a run's directory, of one stage or of a chain.
    ///
    /// # Errors
    /// A directory without a run in it, or one that cannot be read.
    pub fn open(path: &Path) -> Result<Chain> {
        if is_run(path) {
            return Ok(Chain { path: path.to_owned(), stages: vec![Run::open(path)?], superseded: Vec::new() });
        }
        let dirs: Vec<PathBuf> = children(path)?.into_iter().filter(|dir| is_run(dir)).collect();
        let mut stages: Vec<Run> = dirs.iter().map(|dir| Run::open(dir)).collect::<Result<_>>()?;
        if stages.is_empty() {
            return Err(Error::NotARun { path: path.to_owned() });
        }
        let order = read_json::<ChainFile>(&path.join("chain.json"))?.unwrap_or_default().stages;
        let place = |run: &Run| order.iter().position(|name| path.join(name) == run.path);
        let mut superseded = Vec::new();
        if stages.iter().any(|run| place(run).is_some()) {
            superseded = stages.iter().filter(|run| place(run).is_none()).map(|run| run.path.clone()).collect();
            stages.retain(|run| place(run).is_some());
        }
        stages.sort_by_key(|run| (place(run), begun(&run.path), run.path.clone()));
        Ok(Chain { path: path.to_owned(), stages, superseded })
    }

    /// The last stage that has begun.
    pub fn last(&self) -> &Run {
        self.stages.last().expect("a chain has at least one stage")
    }

    /// Whether there is more than a single stage's directory.
    pub fn is_chain(&self) -> bool {
        self.stages[0].path != self.path
    }

    /// Name of the directory.
    pub fn label(&self) -> String {
        let resolved = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let name = resolved.file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| resolved.display().to_string())
    }

    /// The bill of all stages, those of earlier versions of a stage not among them.
    pub fn bill(&self) -> Bill {
        Bill::of(&self.stages.iter().flat_map(|run| run.ledger.clone()).collect::<Vec<_>>())
    }

    /// The bill of all stages, and what was promised beside it where that is known.
    ///
    /// # Errors
    /// A promise that cannot be read.
    pub fn account(&self) -> Result<String> {
        let mut held = Vec::new();
        for run in &self.stages {
            held.extend(run.against_plan()?.map(|held| (run.stage().to_owned(), held)));
        }
        let bill = self.bill().render();
        if held.is_empty() {
            return Ok(bill);
        }
        let planner = self.planner()?.map_or(String::new(), |line| format!("\n  {line}"));
        Ok(format!("{bill}\n\n{}{planner}", cost::bill::render_against(&held)))
    }

    /// The planner's error over all finished stages that ran on this run's machine and are kept beside it.
    fn planner(&self) -> Result<Option<String>> {
        let plan_of = |dir: &Path| read_json::<PlanFile>(&dir.join("plan.json"));
        let Some(machine) = plan_of(&self.last().path)?.map(|plan| plan.machine).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let resolved = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let beside = children(resolved.parent().unwrap_or(&resolved))?;
        let below = beside.iter().filter(|dir| !is_run(dir)).flat_map(|dir| children(dir).unwrap_or_default());
        let mut held = Vec::new();
        for dir in beside.iter().cloned().chain(below.collect::<Vec<_>>()).filter(|dir| is_finished(dir)) {
            // What a killed run left half written is no reason to tell nothing.
            let Some(plan) = plan_of(&dir).ok().flatten().filter(|plan| plan.machine == machine) else { continue };
            held.extend(read_ledger(&dir).ok().and_then(|lines| cost::against(&plan.promise, &lines)));
        }
        Ok(cost::bill::render_error(&machine, &held))
    }

    /// Running if a stage is, finished if all that have begun are.
    pub fn status(&self) -> Status {
        let has = |status| self.stages.iter().any(|run| run.status == status);
        match (has(Status::Running), has(Status::Stopped)) {
            (true, _) => Status::Running,
            (_, true) => Status::Stopped,
            _ => Status::Finished,
        }
    }
}

/// When a stage began: its recipe is written first, and once. `None` sorts first.
fn begun(run_dir: &Path) -> Option<SystemTime> {
    std::fs::metadata(run_dir.join("recipe.toml")).and_then(|meta| meta.modified()).ok()
}

/// A stage at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The directory.
    pub path: PathBuf,
    /// The chain's directory, where the stage is part of one.
    pub chain: Option<PathBuf>,
    /// The stage's name.
    pub stage: String,
    /// `pretrain`, `sft`, `grpo`, ..
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
    /// The part of `dollars` that paid for work that a crash threw away.
    pub lost_dollars: f64,
    /// Last training loss.
    pub loss: Option<f64>,
    /// Last mean reward.
    pub reward: Option<f64>,
    /// Last held-out bits per byte.
    pub val_bpb: Option<f64>,
    /// Last accuracy on validation problems.
    pub val_accuracy: Option<f64>,
}

impl Summary {
    /// Of a run, which may be part of a chain.
    pub fn of(run: &Run, chain: Option<&Path>) -> Summary {
        let total = run.bill().total();
        Summary {
            path: run.path.clone(),
            chain: chain.map(Path::to_owned),
            stage: run.stage().to_owned(),
            kind: run.kind().to_owned(),
            status: run.status,
            step: run.step(),
            tokens: run.tokens(),
            seconds: total.usage.wall_s,
            dollars: total.dollars,
            lost_dollars: total.lost_dollars,
            loss: run.metrics.last("loss"),
            reward: run.metrics.last("reward"),
            val_bpb: run.metrics.last("val/bpb"),
            val_accuracy: run.metrics.last("val/accuracy"),
        }
    }
}

/// All stages of all runs under `root`: by path, those of a chain in their order.
///
/// # Errors
/// A directory that cannot be read. One that is not there holds no runs.
pub fn list(root: &Path) -> Result<Vec<Summary>> {
    let mut found = Vec::new();
    for dir in children(root)? {
        match Chain::open(&dir) {
            Ok(chain) => {
                let place = chain.is_chain().then_some(chain.path.as_path());
                found.extend(chain.stages.iter().map(|run| Summary::of(run, place)));
            }
            Err(Error::NotARun { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether a directory is that of a stage with its result.
fn is_finished(dir: &Path) -> bool {
    is_run(dir) && dir.join("done.json").is_file()
}

/// Directories below a directory, sorted.
fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", dir, e)),
    };
    let mut dirs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    dirs.sort();
    Ok(dirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::FakeRun;
    use serde_json::json;

    /// Two finished stages of this machine count, beside each other and in a chain; another machine's and a stopped one do not.
    #[test]
    fn the_planners_error_is_that_of_this_machine() {
        let root = tempfile::tempdir().unwrap();
        let run = |name: &str, core_s: f64, machine: &str, is_done: bool| {
            let dir = root.path().join(name);
            FakeRun::new("pretrain", 2).ledger(1, core_s, false).write_to(&dir);
            let plan = json!({ "tokens": 100, "wall_s": 50.0, "dollars": 0.001, "machine": machine });
            std::fs::write(dir.join("plan.json"), plan.to_string()).unwrap();
            if is_done {
                std::fs::write(
                    dir.join("done.json"),
                    "{\"digest\": \"d\", \"checkpoint\": \"c\", \"steps\": 2, \"tokens\": 100}",
                )
                .unwrap();
            }
            dir
        };
        let this = run("a", 110.0, "here", true);
        run("chain/b", 130.0, "here", true);
        run("c", 900.0, "elsewhere", true);
        run("d", 900.0, "here", false);
        let account = Chain::open(&this).unwrap().account().unwrap();
        assert!(account.contains("(here): off by 10.0% at the median of 2 stages, by 30.0% at most"), "{account}");
    }
}
