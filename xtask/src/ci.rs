//! `cargo xtask ci`: every check there is. The list is `.ci/run`'s, so that what runs here and what runs elsewhere cannot
//! drift apart.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs all checks, stopping at the first that fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    let status =
        Command::new("bash").arg(".ci/run").current_dir(root).status().context("bash is needed for .ci/run")?;
    if !status.success() {
        bail!(".ci/run: {status}");
    }
    Ok(())
}
