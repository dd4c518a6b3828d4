//! A line in a ledger for work that is not a training stage: an evaluation, a day of serving.
//!
//! ```no_run
//! # fn main() -> cost::Result<()> {
//! let mut spending = cost::Spending::start("serve", cost::Price::default());
//! // .. answer requests ..
//! let (tokens, flops) = (12_000, 3.4e12);
//! spending.append(std::path::Path::new("ledger.jsonl"), tokens, flops)?;
//! # Ok(())
//! # }
//! ```
//!
//! Training keeps its own meter, which survives kills (`train::run_dir`); the lines are the same, and so is the bill.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use sys::EnergyMeter;

use crate::bill::{LedgerLine, Usage};
use crate::error::{Error, Result};
use crate::price::Price;

/// What is being spent since it was started. All of the machine's cores count: they are held.
pub struct Spending {
    stage: String,
    price: Price,
    n_cores: usize,
    started: Instant,
    energy: Option<EnergyMeter>,
    cpu_before: Option<f64>,
    last: Usage,
}

impl Spending {
    /// Starts the clock. `stage` names the work in the bill (`eval`, `serve`).
    pub fn start(stage: &str, price: Price) -> Spending {
        Spending {
            stage: stage.to_owned(),
            price,
            n_cores: sys::cpu::physical_cores(),
            started: Instant::now(),
            energy: EnergyMeter::start(),
            cpu_before: sys::cpu::process_cpu_seconds(),
            last: Usage::default(),
        }
    }

    /// The line of what was spent since the start, or since the last line. `tokens` and `flops` are those of the work
    /// in between, prompts included.
    pub fn line(&mut self, tokens: u64, flops: f64) -> LedgerLine {
        let wall_s = self.started.elapsed().as_secs_f64();
        let joules = self.energy.as_mut().map(EnergyMeter::joules);
        let cpu_s = sys::cpu::process_cpu_seconds().zip(self.cpu_before).map(|(now, before)| now - before);
        let usage = Usage {
            wall_s: wall_s - self.last.wall_s,
            core_s: (wall_s - self.last.wall_s) * self.n_cores as f64,
            cpu_s: cpu_s.map(|s| s - self.last.cpu_s.unwrap_or(0.0)),
            tokens,
            flops,
            joules: joules.map(|j| j - self.last.joules.unwrap_or(0.0)),
        };
        self.last = Usage { wall_s, cpu_s, joules, ..Usage::default() };
        LedgerLine {
            stage: self.stage.clone(),
            attempt: 1,
            usage,
            price: self.price.dollars_per_core_hour,
            price_source: self.price.source.clone(),
            dollars: self.price.dollars(usage.core_s),
            lost: false,
            to_step: 0,
        }
    }

    /// Appends the line to the ledger at `path`, which is created where it is missing, and returns it. A server calls it
    /// now and then (each minute, and at its end), so that a kill loses a minute of the bill at most.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn append(&mut self, path: &Path, tokens: u64, flops: f64) -> Result<LedgerLine> {
        let line = self.line(tokens, flops);
        write(path, &line)?;
        Ok(line)
    }

    /// Appends what an endpoint was paid besides: dollars that no hour of this machine has.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn paid(&self, path: &Path, dollars: f64) -> Result<()> {
        write(
            path,
            &LedgerLine {
                stage: self.stage.clone(),
                attempt: 0,
                usage: Usage::default(),
                price: 0.0,
                price_source: "the endpoint's price of tokens, as it was stated".to_owned(),
                dollars,
                lost: false,
                to_step: 0,
            },
        )
    }
}

/// One write for the whole line: lines of several processes do not mix.
fn write(path: &Path, line: &LedgerLine) -> Result<()> {
    let text = serde_json::to_string(line).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let mut file = std::fs::File::options().create(true).append(true).open(path).map_err(io)?;
    file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::Bill;

    #[test]
    fn lines_add_up_to_the_time_that_passed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        let mut spending = Spending::start("eval", Price::stated(36.0).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(5));
        let first = spending.append(&path, 10, 1e9).unwrap();
        let second = spending.append(&path, 20, 2e9).unwrap();
        spending.paid(&path, 2.0).unwrap();
        drop(spending);
        assert!(first.usage.wall_s >= 0.005 && second.usage.wall_s < first.usage.wall_s + 10.0);
        let bill = Bill::read(&path).unwrap();
        assert_eq!((bill.stages.len(), bill.total().usage.tokens), (1, 30));
        assert_eq!(bill.prices.len(), 2);
        assert!((bill.total().dollars - 2.0 - 0.01 * (first.usage.core_s + second.usage.core_s)).abs() < 1e-9);
        assert!(Spending::start("eval", Price::default()).append(dir.path(), 0, 0.0).is_err());
    }
}
