//! A run's directory: what a run leaves behind, and what it needs to go on after a kill.
//!
//! ```text
//! recipe.toml        the stage, every default filled in; itself a recipe
//! run.json           digest of the inputs, code version, instruction set
//! metrics.jsonl      a line a step
//! samples.jsonl      answers at evaluations
//! ledger.jsonl       what was spent: a line for each attempt, and one for what a crash threw away
//! replay.jsonl       what the outside world said (the clock, later verdicts), written down before use
//! attempt.json       what the running attempt has spent so far, for the ledger of its successor
//! checkpoints/step_N complete or absent
//! plan.json          what the stage should take, from when it began
//! done.json          the stage's result
//! ```
//!
//! Reinforcement learning and distillation use the same directory; nothing here knows what a step does.

mod ledger;
mod log;
mod replay;
#[cfg(test)]
mod tests;

pub use ledger::Meter;
pub use log::Log;
pub use replay::Replay;
pub use report::files::{Attempt, Done, Mark, RunInfo};
pub(crate) use report::files::{read_json, read_ledger, read_lines};

use crate::error::{Result, TrainError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::{Path, PathBuf};

/// An opened run directory; no other process can open it meanwhile.
pub struct RunDir {
    path: PathBuf,
    /// Held, not read: the system frees the lock when the process ends, however it ends.
    _lock: File,
}

impl RunDir {
    /// Creates the directory where needed and locks it.
    ///
    /// # Errors
    /// A directory that cannot be created or written, or that another process trains in.
    pub fn open(path: &Path) -> Result<RunDir> {
        std::fs::create_dir_all(path.join("checkpoints")).map_err(|e| TrainError::io("create", path, e))?;
        let lock_path = path.join("lock");
        let lock = File::options().create(true).append(true).open(&lock_path);
        let lock = lock.map_err(|e| TrainError::io("write", &lock_path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(RunDir { path: path.to_owned(), _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(TrainError::Locked { path: path.to_owned() }),
            Err(std::fs::TryLockError::Error(e)) => Err(TrainError::io("lock", &lock_path, e)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens one of the run's logs for appending, without the lines after `step`; see [`Log::open`].
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn log(&self, name: &str, step: u64) -> Result<Log> {
        Log::open(&self.path.join(name), step)
    }

    /// What the outside world said in earlier attempts.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn replay(&self) -> Result<Replay> {
        Replay::open(&self.path.join("replay.jsonl"))
    }

    /// Reads a JSON file of the directory; `None` where it is not there.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        Ok(read_json(&self.path.join(name))?)
    }

    /// Replaces a JSON file of the directory, whole or not at all.
    ///
    /// # Errors
    /// A full disk or a directory that cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
        self.write_text(name, &(text + "\n"))
    }

    /// Replaces a text file of the directory, whole or not at all.
    ///
    /// # Errors
    /// A full disk or a directory that cannot be written.
    pub fn write_text(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        sys::disk::replace_file(&path, text.as_bytes()).map_err(|e| TrainError::io("write", &path, e))
    }
}
