//! The checkpoints of a run, `step_N` side by side: which there are, which to keep, and what a crash left behind.

use std::path::{Path, PathBuf};

use super::{read_record, remove_if_there, with_suffix};
use crate::error::{Error, Result};

/// Which checkpoints stay when a new one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepRule {
    /// The newest so many (at least one always stays).
    pub last: usize,
    /// Also the one with the lowest held-out loss.
    pub best: bool,
}

/// One complete checkpoint of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its step.
    pub step: u64,
    /// Its directory.
    pub dir: PathBuf,
    /// Held-out loss from its `penseur.json`.
    pub held_out_loss: Option<f64>,
}

/// Where the checkpoint of `step` stands under a run's `checkpoints` directory.
pub fn checkpoint_dir(checkpoints: &Path, step: u64) -> PathBuf {
    checkpoints.join(format!("step_{step}"))
}

/// The complete checkpoints under `checkpoints`, by ascending step. A directory that does not exist holds none.
///
/// # Errors
/// The directory, or a `penseur.json` in it, cannot be read.
pub fn list(checkpoints: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for dir in children(checkpoints)? {
        let Some(step) = step_of(&dir, "") else {
            continue;
        };
        let record = read_record(&dir)?;
        entries.push(Entry { step, dir, held_out_loss: record.and_then(|r| r.held_out_loss) });
    }
    entries.sort_by_key(|entry| entry.step);
    Ok(entries)
}

/// The checkpoint with the highest step.
///
/// # Errors
/// As [`list`].
pub fn latest(checkpoints: &Path) -> Result<Option<Entry>> {
    Ok(list(checkpoints)?.pop())
}

/// Removes the checkpoints that `rule` does not keep; returns what it removed. A checkpoint is renamed before its files
/// go, so that a crash in between leaves a leftover and not a damaged checkpoint.
///
/// # Errors
/// The system's own.
pub fn keep(checkpoints: &Path, rule: KeepRule) -> Result<Vec<PathBuf>> {
    let entries = list(checkpoints)?;
    let best = entries
        .iter()
        .filter_map(|e| Some((e.held_out_loss.filter(|loss| loss.is_finite())?, e.step)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, step)| step);
    let n_old = entries.len().saturating_sub(rule.last.max(1));
    let mut removed = Vec::new();
    for entry in entries.into_iter().take(n_old) {
        if rule.best && best == Some(entry.step) {
            continue;
        }
        let leftover = with_suffix(&entry.dir, ".tmp");
        remove_if_there(&leftover)?;
        std::fs::rename(&entry.dir, &leftover).map_err(|e| Error::io("remove", &entry.dir, e))?;
        remove_if_there(&leftover)?;
        removed.push(entry.dir);
    }
    Ok(removed)
}

/// Puts right what a crash left under `checkpoints`: half-written checkpoints go, one that was being replaced comes
/// back if its successor did not arrive. Returns what it removed. Only `step_N` directories are touched.
///
/// # Errors
/// The system's own.
pub fn clean_up(checkpoints: &Path) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for dir in children(checkpoints)? {
        if let Some(step) = step_of(&dir, ".replaced") {
            let original = checkpoint_dir(checkpoints, step);
            if !original.exists() {
                sys::disk::rename_synced(&dir, &original).map_err(|e| Error::io("restore", &original, e))?;
                continue;
            }
        } else if step_of(&dir, ".tmp").is_none() {
            continue;
        }
        remove_if_there(&dir)?;
        removed.push(dir);
    }
    removed.sort();
    Ok(removed)
}

fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let io = |e| Error::io("read", dir, e);
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut children = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() {
            children.push(path);
        }
    }
    Ok(children)
}

/// The step of a directory named `step_N` followed by `suffix`.
fn step_of(dir: &Path, suffix: &str) -> Option<u64> {
    let name = dir.file_name()?.to_str()?;
    name.strip_prefix("step_")?.strip_suffix(suffix)?.parse().ok()
}
