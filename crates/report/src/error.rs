//! What can go wrong while reading what a run left behind.

use std::path::{Path, PathBuf};

/// Shorthand for this crate's results.
pub type Result<T> = std::result::Result<T, Error>;

/// Files that are not as a run writes them.
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
    /// A directory without a run in it.
    #[error("{} is not a run directory: expected recipe.toml and run.json in it, or stages that have them", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// A file with another content than a run writes.
    #[error("{}: not what a run writes: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
        Error::Io { action, path: path.to_owned(), source }
    }
}
