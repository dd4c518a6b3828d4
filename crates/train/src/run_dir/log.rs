//! An append-only file of JSON lines that carry their `step`.

use crate::error::{Result, TrainError};
use serde::Serialize;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// An append-only file of JSON lines.
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the file and cuts off what a kill may have left after the checkpoint of `step`: lines of later steps, and
    /// half a line. Going on writes them again.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn open(path: &Path, step: u64) -> Result<Log> {
        let failed = |e| TrainError::io("write", path, e);
        let mut file = File::options().create(true).read(true).append(true).open(path).map_err(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let keep = kept_bytes(&text, step);
        if keep < text.len() {
            file.set_len(keep as u64).map_err(failed)?;
        }
        Ok(Log { path: path.to_owned(), file })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// A full disk; the file then ends in half a line, which the next [`Log::open`] removes.
    pub fn append(&mut self, line: &impl Serialize) -> Result<()> {
        self.append_all(std::slice::from_ref(line))
    }

    /// Appends lines that belong together, in one write.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn append_all(&mut self, lines: &[impl Serialize]) -> Result<()> {
        let mut text = String::new();
        for line in lines {
            text += &serde_json::to_string(line).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
            text.push('\n');
        }
        self.file.write_all(text.as_bytes()).map_err(|e| TrainError::io("write", &self.path, e))
    }

    /// Removes all lines.
    ///
    /// # Errors
    /// The disk's.
    pub fn clear(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(|e| TrainError::io("write", &self.path, e))
    }

    /// Makes all lines last through a loss of power.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| TrainError::io("write", &self.path, e))
    }
}

/// Length of the leading lines that are whole and of `step` or before.
fn kept_bytes(text: &[u8], step: u64) -> usize {
    let mut keep = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let is_whole = line.ends_with(b"\n");
        let value: Option<Value> = serde_json::from_slice(line).ok();
        let line_step = value.as_ref().and_then(|v| v["step"].as_u64()).unwrap_or(0);
        if !is_whole || value.is_none() || line_step > step {
            break;
        }
        keep += line.len();
    }
    keep
}
