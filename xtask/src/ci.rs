//! `cargo xtask ci`: every check there is, in the order in which they are cheap, each shown with
//! its time. Stops at the first that fails.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::tidy;

struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// `test` is the README's own command, to the letter; what it leaves out (this crate) comes after.
const STEPS: &[Step] = &[
    Step { name: "format", arguments: &["fmt", "--all", "--check"], environment: &[] },
    Step {
        name: "clippy",
        arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        environment: &[],
    },
    Step {
        name: "documentation",
        arguments: &["doc", "--workspace", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step { name: "test", arguments: &["test"], environment: &[] },
    Step { name: "test of xtask", arguments: &["test", "--package", "xtask"], environment: &[] },
];

/// Runs tidy, then all steps.
pub(crate) fn run(root: &Path) -> Result<()> {
    tidy::run(root)?;
    for step in STEPS {
        step.run(root)?;
    }
    Ok(())
}

impl Step {
    fn run(&self, root: &Path) -> Result<()> {
        eprintln!("== {}: cargo {}", self.name, self.arguments.join(" "));
        let start = Instant::now();
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .current_dir(root)
            .status()
            .with_context(|| format!("cargo did not start for {}", self.name))?;
        if !status.success() {
            bail!("{} failed: cargo {}", self.name, self.arguments.join(" "));
        }
        eprintln!("== {}: {:.0} s", self.name, start.elapsed().as_secs_f64());
        Ok(())
    }
}
