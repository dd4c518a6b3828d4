//! What can go wrong with files, one enum for the crate: each message says what was found, what was expected and, where
//! there is something to do, what to do.

use std::path::{Path, PathBuf};

/// Shorthand for this crate's results.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that a file, a directory or a user's text can do to this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The verb, as in "cannot read".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The disk is full, or will not hold what is to be written.
    #[error(
        "no space left to write {}{}; free some space or choose another directory, then resume: earlier checkpoints are intact",
        path.display(),
        needed.map(|n| format!(" ({n} bytes needed)")).unwrap_or_default()
    )]
    DiskFull {
        /// What was being written.
        path: PathBuf,
        /// Bytes that were to be written, where known.
        needed: Option<u64>,
    },
    /// An error with the file that it is about.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// `config.json` as a whole.
    #[error("configuration: {message}")]
    Config {
        /// What is wrong.
        message: String,
    },
    /// One key of `config.json`.
    #[error("configuration key `{key}`: {message}")]
    Key {
        /// The key.
        key: String,
        /// What was found and what is expected.
        message: String,
    },
    /// A key that changes the computation in a way that is not implemented.
    #[error("configuration key `{key}`: {found} is not supported, expected {supported}")]
    Unsupported {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// A model family that is not supported.
    #[error("architecture \"{found}\" is not supported: {hint}")]
    Architecture {
        /// `model_type` or the class name.
        found: String,
        /// What is supported.
        hint: String,
    },
    /// The container of a safetensors file.
    #[error("not a sound safetensors file: {message}")]
    Safetensors {
        /// What is wrong.
        message: String,
    },
    /// One tensor.
    #[error("tensor `{name}`: {message}")]
    Tensor {
        /// Its name.
        name: String,
        /// What was found and what is expected.
        message: String,
    },
    /// Tensors that a model needs and the file lacks, or the other way round.
    #[error("{message}")]
    TensorNames {
        /// The names, with the nearest one that is there.
        message: String,
    },
    /// A checkpoint directory.
    #[error("checkpoint {}: {message}", path.display())]
    Checkpoint {
        /// The directory.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// `tokenizer.json`, `tokenizer_config.json` or a text that cannot be encoded.
    #[error("tokenizer: {message}")]
    Tokenizer {
        /// What is wrong and what to do.
        message: String,
    },
    /// A chat template that does not compile or render.
    #[error("chat template: {message}")]
    ChatTemplate {
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// The system refused to `action` (a verb) `path`. A full disk gets its own kind.
    pub fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let path = path.to_path_buf();
        match source.kind() {
            StorageFull | QuotaExceeded => Error::DiskFull { path, needed: None },
            _ => Error::Io { action, path, source },
        }
    }

    /// Something wrong with a configuration as a whole.
    pub fn config(message: impl Into<String>) -> Error {
        Error::Config { message: message.into() }
    }

    /// Something wrong with one key of a configuration.
    pub fn invalid(key: &str, message: impl Into<String>) -> Error {
        Error::Key { key: key.to_owned(), message: message.into() }
    }

    /// A key whose value is legal and not implemented here.
    pub fn unsupported(key: &str, found: String, supported: &str) -> Error {
        Error::Unsupported { key: key.to_owned(), found, supported: supported.to_owned() }
    }

    /// Something wrong with a safetensors container.
    pub fn safetensors(message: impl Into<String>) -> Error {
        Error::Safetensors { message: message.into() }
    }

    /// Something wrong with one tensor.
    pub fn tensor(name: &str, message: impl Into<String>) -> Error {
        Error::Tensor { name: name.to_owned(), message: message.into() }
    }

    /// The same error with the file that it is about.
    pub fn in_file(self, path: &Path) -> Error {
        match self {
            Error::Io { .. } | Error::DiskFull { .. } | Error::InFile { .. } => self,
            other => Error::InFile { path: path.to_path_buf(), source: Box::new(other) },
        }
    }
}

/// The candidate nearest to `name` by edit distance, if one is near enough to be a likely slip.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; a hostile one of megabytes must not cost quadratic time.
    if name.len() > 512 {
        return None;
    }
    let limit = (name.len() / 3).max(2);
    candidates
        .into_iter()
        .filter(|c| c.len().abs_diff(name.len()) <= limit)
        .map(|c| (edit_distance(name.as_bytes(), c.as_bytes()), c))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, c)| c)
}

fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
