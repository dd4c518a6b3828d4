//! The answers that were paid for, on disk before they are used.
//!
//! A JSON line for each request sent (`asked`, with the most it can cost) and for each answer. A line that a kill tore is
//! cut off when the file is opened. Later lines win over earlier ones of the same key.

use super::EndpointError;
use super::wire::Answer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Answers by question. Only one process writes a journal at a time.
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    answers: BTreeMap<String, Answer>,
    /// The most that requests without an answer may have cost.
    open: BTreeMap<String, f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Answered { key: String, answer: Answer },
    Asked { asked: String, dollars_at_most: f64 },
}

impl Journal {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// A file that cannot be read or written, is in use, or holds something else.
    pub fn open(path: &Path) -> Result<Journal, EndpointError> {
        let failed = |reason: String| EndpointError::Journal { path: path.display().to_string(), reason };
        let io = |e: std::io::Error| failed(e.to_string());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        let mut file = File::options().create(true).read(true).write(true).truncate(false).open(path).map_err(io)?;
        file.try_lock().map_err(|e| failed(format!("another process is using it ({e})")))?;
        let bytes = std::fs::read(path).map_err(io)?;
        let n_whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (mut answers, mut open) = (BTreeMap::new(), BTreeMap::<String, f64>::new());
        for (idx, line) in bytes[..n_whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
            match serde_json::from_slice(line).map_err(|e| failed(format!("line {}: {e}", idx + 1)))? {
                Line::Answered { key, answer } => {
                    open.remove(&key);
                    answers.insert(key, answer);
                }
                Line::Asked { asked, dollars_at_most } => drop(open.insert(asked, dollars_at_most)),
            }
        }
        file.set_len(n_whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(io)?;
        Ok(Journal { path: path.to_owned(), inner: Mutex::new(Inner { file, answers, open }) })
    }

    /// The answer to a question, if it was given.
    pub fn get(&self, key: &str) -> Option<Answer> {
        self.lock().answers.get(key).cloned()
    }

    /// Whether the endpoint never answered.
    pub fn is_empty(&self) -> bool {
        self.lock().answers.is_empty()
    }

    /// Dollars so far: the answers, and the most that what was not answered may have cost.
    pub fn spent(&self) -> f64 {
        let inner = self.lock();
        inner.answers.values().map(|answer| answer.dollars).sum::<f64>() + inner.open.values().sum::<f64>()
    }

    /// A request of this key is about to be sent and may cost so much more; or, below 0, is known to have cost nothing.
    pub(super) fn may_cost(&self, key: &str, dollars: f64) -> Result<(), EndpointError> {
        let mut inner = self.lock();
        let open = inner.open.entry(key.to_owned()).or_default();
        *open = (*open + dollars).max(0.0);
        let line = Line::Asked { asked: key.to_owned(), dollars_at_most: *open };
        self.append(&mut inner, &line)
    }

    /// An answer came, to a request that might have cost `at_most`. What earlier attempts may have cost stays in the sum.
    pub(super) fn answered(&self, key: &str, answer: &Answer, at_most: f64) -> Result<(), EndpointError> {
        let mut inner = self.lock();
        self.append(&mut inner, &Line::Answered { key: key.to_owned(), answer: answer.clone() })?;
        inner.answers.insert(key.to_owned(), answer.clone());
        let left = inner.open.remove(key).unwrap_or(0.0) - at_most;
        if left > at_most * 1e-9 {
            inner.open.insert(key.to_owned(), left);
            self.append(&mut inner, &Line::Asked { asked: key.to_owned(), dollars_at_most: left })?;
        }
        inner.file.sync_data().map_err(|e| self.failed(&e))
    }

    fn append(&self, inner: &mut Inner, line: &Line) -> Result<(), EndpointError> {
        let text = serde_json::to_string(line).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}")) + "\n";
        inner.file.write_all(text.as_bytes()).map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &std::io::Error) -> EndpointError {
        EndpointError::Journal { path: self.path.display().to_string(), reason: error.to_string() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
