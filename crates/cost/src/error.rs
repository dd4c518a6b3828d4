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
    /// A catalogue file that is not one.
    #[error("{}: not a hardware catalogue: {message}", path.display())]
    Catalogue {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A chip that the catalogue does not have.
    #[error("no chip \"{found}\"{}; known: {}; others from their data sheets by --catalog FILE (docs/plan.md)", match near { Some(near) => format!(", did you mean \"{near}\"?"), None => String::new() }, known.join(", "))]
    Chip {
        /// What was asked for.
        found: String,
        /// The nearest known name.
        near: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A chip whose price nobody says.
    #[error("the catalogue has no price for {chip}: give --price, dollars for a chip-hour")]
    NoPrice {
        /// The chip.
        chip: String,
    },
    /// A layout that cannot be.
    #[error("{found}: expected {expected}; nearest: {nearest}")]
    Layout {
        /// What was given.
        found: String,
        /// What is possible.
        expected: String,
        /// The nearest thing that works.
        nearest: String,
    },
    /// A model that does not fit.
    #[error("needs {needed_gb:.1} GB a chip and {chip} has {available_gb:.1}; {nearest}")]
    DoesNotFit {
        /// 1e9 bytes that the fullest chip holds.
        needed_gb: f64,
        /// 1e9 bytes that it has for it.
        available_gb: f64,
        /// The chip.
        chip: String,
        /// The nearest thing that works.
        nearest: String,
    },
    /// A question that cannot be meant.
    #[error("{0}")]
    Question(String),
}
