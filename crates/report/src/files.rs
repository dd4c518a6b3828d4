//! The small files of a run directory as types (whoever trains writes them, this crate reads them), and how JSON files
//! are read.

use crate::error::{Error, Result};
use cost::{LedgerLine, Promise, Usage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// `run.json`: what the run is a pure function of, besides its recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Digest of recipe, data and parent checkpoint.
    pub digest: String,
    /// Version of the code that computes.
    pub code_version: String,
    /// Instruction set of the kernels.
    pub isa: String,
}

/// `done.json`: the stage's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Digest of the inputs that gave it.
    pub digest: String,
    /// The result, relative to the run directory.
    pub checkpoint: PathBuf,
    /// Optimizer steps.
    pub steps: u64,
    /// Tokens.
    pub tokens: u64,
}

/// `plan.json`: what the stage should take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// What was promised.
    #[serde(flatten)]
    pub promise: Promise,
    /// The machine that it was promised on.
    #[serde(default)]
    pub machine: String,
}

/// What an attempt had spent when a checkpoint was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The checkpoint's step.
    pub step: u64,
    /// Spent since the attempt began.
    pub usage: Usage,
}

/// `attempt.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which start of the process, from 1.
    pub attempt: u64,
    /// The last checkpoint that is complete.
    pub kept: Mark,
    /// The one that is being written: a kill may fall just before or just after it is complete.
    pub pending: Option<Mark>,
    /// Spent in all, and the step now.
    pub spent: Mark,
}

/// `chain.json` in the directory of a chain: its stages' directories, in the recipe's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFile {
    /// The recipe's name.
    pub name: String,
    /// Directories, relative to the chain's. Those of earlier versions of a stage are not among them.
    pub stages: Vec<String>,
}

/// Reads a JSON file; `None` where it is not there.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let content = |e: serde_json::Error| Error::Content { path: path.to_owned(), reason: e.to_string() };
    serde_json::from_str(&text).map(Some).map_err(content)
}

/// All whole lines of a file of JSON lines; none where it is not there. A torn last line, as a kill or a process that is
/// writing leaves it, is passed over.
///
/// # Errors
/// A file that cannot be read.
pub fn read_lines(path: &Path) -> Result<Vec<Value>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    Ok(text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The lines of a run's ledger.
///
/// # Errors
/// A file that cannot be read.
pub fn read_ledger(run_dir: &Path) -> Result<Vec<LedgerLine>> {
    let lines = read_lines(&run_dir.join("ledger.jsonl"))?;
    Ok(lines.into_iter().filter_map(|line| serde_json::from_value(line).ok()).collect())
}
