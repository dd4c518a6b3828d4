//! What can go wrong around training: the user's recipe, files, disks, and the machine. Each message says what was
//! found, what was expected and what to do.

use std::path::{Path, PathBuf};

/// Shorthand for this crate's results.
pub type Result<T> = std::result::Result<T, TrainError>;

/// Everything that the world can do to a training run.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A recipe that cannot be understood or carried out.
    #[error("{0}")]
    Recipe(String),
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
    /// No space for a checkpoint or a log line.
    #[error(
        "the disk is full: cannot write {}. Nothing is lost: earlier checkpoints are complete. \
         Free some space, then go on with --resume",
        path.display()
    )]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// Another process trains in this directory.
    #[error("{} is in use by another `penseur train`; wait for it, or choose another directory with --run-dir", path.display())]
    Locked {
        /// The run directory.
        path: PathBuf,
    },
    /// The run directory's state does not allow what was asked.
    #[error("{0}")]
    Run(String),
    /// Training data that cannot be read or used.
    #[error("{path}: {reason}", path = path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What was found, what was expected.
        reason: String,
    },
    /// The mathematics broke down.
    #[error("{0}")]
    Diverged(String),
    /// A problem family or mixture.
    #[error(transparent)]
    Task(#[from] tasks::TaskError),
    /// Weights, configuration or tokenizer.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// Files of a run directory.
    #[error(transparent)]
    Files(#[from] report::Error),
}

impl TrainError {
    /// An error of the operating system; a full disk becomes [`TrainError::DiskFull`].
    pub fn io(action: &'static str, path: &Path, source: std::io::Error) -> TrainError {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                TrainError::DiskFull { path: path.to_owned() }
            }
            _ => TrainError::Io { action, path: path.to_owned(), source },
        }
    }

    /// A complaint about a data file.
    pub fn data(path: &Path, reason: impl Into<String>) -> TrainError {
        TrainError::Data { path: path.to_owned(), reason: reason.into() }
    }
}
