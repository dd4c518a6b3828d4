//! What can go wrong when models are asked: files, problems, networks.

use crate::endpoint::EndpointError;
use std::path::Path;

/// Shorthand for this crate's results.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a model could not be asked, or its answers not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Problems that cannot be had.
    #[error(transparent)]
    Task(#[from] tasks::TaskError),
    /// A model that cannot be loaded.
    #[error(transparent)]
    Model(#[from] model::error::Error),
    /// An endpoint that gives no answers.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A question that the engine refuses.
    #[error("problem {id}: {reason}")]
    Question {
        /// The problem.
        id: String,
        /// Why it cannot be asked.
        reason: String,
    },
    /// Settings that make no sense.
    #[error("{0}")]
    Settings(String),
    /// A file of results.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What was found and what was expected.
        reason: String,
    },
}

impl Error {
    pub(crate) fn file(path: &Path, reason: impl ToString) -> Error {
        Error::File { path: path.display().to_string(), reason: reason.to_string() }
    }
}
