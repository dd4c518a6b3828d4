//! What can go wrong with prices and ledgers.

use std::path::PathBuf;

/// Shorthand for this crate's results.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that a user's number or a file can do to this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A price that is not a price.
    #[error("price of a core-hour: found {found}, expected dollars from 0 to {max}")]
    Price {
        /// What was given.
        found: f64,
        /// The dearest core that is believed.
        max: f64,
    },
    /// The operating system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// A line of a ledger that is not one.
    #[error("{}, line {line}: not a line of a ledger: {message}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}
