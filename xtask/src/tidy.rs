//! `cargo xtask tidy`: ARCHITECTURE.md's invariants and the rules of style, as far as a machine can
//! see them without compiling. Each rule is a function from the repository to its findings.

mod layout;
mod source;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::repository::Repository;

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// Counted from 1; 0 when it is about the whole file.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

type Rule = fn(&Repository) -> Vec<Finding>;

/// Broken ones fail the check.
const RULES: &[Rule] = &[
    layout::our_dependencies_point_down,
    layout::outside_dependencies_stay_home,
    layout::every_crate_is_tested,
    layout::no_huge_files,
    layout::third_party_is_small_and_sourced,
    layout::documents_are_there,
    layout::the_map_is_true,
    source::unsafe_stays_home,
    source::unsafe_is_explained,
    source::engine_names_no_architecture,
    source::opens_with_a_purpose,
    source::not_too_long,
    source::nothing_left_to_do,
    source::no_machine_paths,
    source::no_trailing_whitespace,
];

/// Runs every rule over the working tree; prints findings, then fails when there are any.
pub(crate) fn run(root: &Path) -> Result<()> {
    let repository = Repository::read(root)?;
    for note in source::rather_long(&repository) {
        eprintln!("note: {note}");
    }
    let findings = check(&repository);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy: {} findings", findings.len());
    }
    eprintln!("tidy: {} files, {} rules, no findings", repository.files.len(), RULES.len());
    Ok(())
}

fn check(repository: &Repository) -> Vec<Finding> {
    RULES.iter().flat_map(|rule| rule(repository)).collect()
}

#[cfg(test)]
mod tests;
