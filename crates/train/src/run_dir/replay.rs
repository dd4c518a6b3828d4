//! What comes from outside (the clock; later sandboxes, endpoints, environments) is written down before it is used,
//! and read back when steps are repeated after a kill: so a repeated step does the same as the first time.

use super::log::Log;
use super::read_lines;
use crate::error::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Answers of the outside world by what was asked and at which step.
pub struct Replay {
    known: BTreeMap<(String, u64), Value>,
    log: Log,
}

impl Replay {
    /// Opens the file. Lines are never cut off but for a torn last one: they are what makes repeating possible.
    pub(super) fn open(path: &Path) -> Result<Replay> {
        let log = Log::open(path, u64::MAX)?;
        let entry = |mut line: Value| {
            let kind = line["kind"].as_str().unwrap_or_default().to_owned();
            ((kind, line["step"].as_u64().unwrap_or(0)), line["value"].take())
        };
        let known = read_lines(path)?.into_iter().map(entry).collect();
        Ok(Replay { known, log })
    }

    /// What was said about `kind` at `step`: from the file, or by `ask`, and then written down before it is returned.
    ///
    /// # Errors
    /// A full disk.
    pub fn get(&mut self, kind: &str, step: u64, ask: impl FnOnce() -> Value) -> Result<Value> {
        let key = (kind.to_owned(), step);
        if let Some(value) = self.known.get(&key) {
            return Ok(value.clone());
        }
        let value = ask();
        self.log.append(&json!({ "kind": kind, "step": step, "value": value }))?;
        self.log.sync()?;
        self.known.insert(key, value.clone());
        Ok(value)
    }
}
