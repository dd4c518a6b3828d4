//! Which problems a model is asked in an evaluation.
//!
//! A task is named as on the command line: a family, `all` native families, or a file of problems (`FILE.jsonl`, or
//! `FILE.jsonl:VERIFIER`). Families give test problems that differ from each other, the same number at every difficulty;
//! a file gives all its problems in order, unless a split is asked for.

use crate::error::{Error, Result};
use std::sync::Arc;
use tasks::mixture::{check_difficulty, distinct};
use tasks::{Example, Options, Split, Task};

#[cfg(test)]
mod tests;

/// Problems of each family when nobody says how many.
pub const DEFAULT_LIMIT: usize = 100;

/// A problem and the task that judges it.
#[derive(Clone)]
pub struct Problem {
    /// The task.
    pub task: Arc<dyn Task>,
    /// The problem.
    pub example: Example,
}

/// What to choose.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Families, `all`, files.
    pub tasks: Vec<String>,
    /// Most problems of each task; by default [`DEFAULT_LIMIT`] of a family and all of a file.
    pub limit: Option<usize>,
    /// The same seed gives the same problems.
    pub seed: u64,
    /// Difficulties of families; all if there are none.
    pub difficulties: Vec<u8>,
    /// Share of the problems; by default test of a family and everything of a file.
    pub split: Option<Split>,
}

/// The tasks that some names mean, in order, each once.
///
/// # Errors
/// Unknown names, files that cannot be read.
pub fn find_tasks(names: &[String]) -> Result<Vec<Arc<dyn Task>>> {
    let mut found: Vec<Arc<dyn Task>> = Vec::new();
    let mut add = |task: Arc<dyn Task>| {
        if !found.iter().any(|other| other.name() == task.name()) {
            found.push(task);
        }
    };
    for name in names {
        match name.as_str() {
            "all" => tasks::registry().into_iter().for_each(&mut add),
            name => add(tasks::open(name)?),
        }
    }
    Ok(found)
}

/// The problems of a selection.
///
/// # Errors
/// As [`find_tasks`]; a difficulty that no task has; nothing left to ask.
pub fn select(selection: &Selection) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let found = find_tasks(&selection.tasks)?;
    if found.len() == 1
        && let Some(difficulty) = selection.difficulties.first()
    {
        check_difficulty(found[0].as_ref(), *difficulty)?;
    }
    for task in found {
        let examples = match task.all() {
            Some(all) => of_file(all, selection),
            None => of_family(task.as_ref(), selection),
        };
        problems.extend(examples.into_iter().map(|example| Problem { task: Arc::clone(&task), example }));
    }
    if problems.is_empty() {
        let wanted = selection.tasks.join(", ");
        return Err(Error::Settings(format!(
            "{wanted}: no problem is left; look at --difficulty, --split and --limit"
        )));
    }
    Ok(problems)
}

fn of_file(mut all: Vec<(Split, Example)>, selection: &Selection) -> Vec<Example> {
    all.retain(|(split, _)| selection.split.is_none_or(|wanted| wanted == *split));
    let n = selection.limit.unwrap_or(usize::MAX);
    all.into_iter().take(n).map(|(_, example)| example).collect()
}

/// Problems that differ from each other, as many of each difficulty as far as there are some.
fn of_family(task: &dyn Task, selection: &Selection) -> Vec<Example> {
    let levels: Vec<u8> = (1..=task.levels())
        .filter(|level| selection.difficulties.is_empty() || selection.difficulties.contains(level))
        .collect();
    let n = selection.limit.unwrap_or(DEFAULT_LIMIT);
    let split = selection.split.unwrap_or(Split::Test);
    let mut examples: Vec<Example> = Vec::new();
    for (idx, level) in levels.iter().enumerate() {
        // What a level has too few of, the harder ones make up for.
        let n_of_level = (n - examples.len()).div_ceil(levels.len() - idx);
        let of_level = distinct(task, selection.seed, n_of_level, *level, split, &Options::default());
        let new = of_level.into_iter().filter(|new| !examples.iter().any(|old| old.problem == new.problem));
        let new: Vec<Example> = new.collect();
        examples.extend(new);
    }
    examples
}
