//! The bill. Every second that a run computes is in `ledger.jsonl` once: a line for each attempt, and one for the work
//! that a crash threw away.
//!
//! A process that is killed cannot write its line. So it keeps `attempt.json` up to date, and whoever resumes the run
//! turns that into two lines: what the last checkpoint kept, and what was lost since.

use super::log::Log;
use super::{Attempt, Mark, RunDir, read_ledger};
use crate::error::Result;
use cost::{Bill, LedgerLine, Price, Usage};
use model::checkpoint::CostSoFar;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};
use sys::EnergyMeter;

/// The running attempt writes down what it spent at most this often.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// Counts what this attempt spends, on top of what earlier ones did.
pub struct Meter {
    stage: String,
    price: Price,
    n_cores: usize,
    started: Instant,
    energy: Option<EnergyMeter>,
    /// Processor time of this process when the attempt began.
    cpu_before: Option<f64>,
    /// What earlier attempts took, lost work included, and cost.
    before: (Usage, f64),
    now: Attempt,
    last_heartbeat: Option<Instant>,
}

impl Meter {
    /// Settles the bill of an attempt that was killed, and starts a new one at `step`.
    ///
    /// # Errors
    /// A full disk, or a ledger that cannot be read.
    pub fn start(dir: &RunDir, stage: &str, price: Price, step: u64) -> Result<Meter> {
        let begin = Mark { step, usage: Usage::default() };
        let mut meter = Meter {
            stage: stage.to_owned(),
            price,
            n_cores: sys::cpu::physical_cores(),
            started: Instant::now(),
            energy: EnergyMeter::start(),
            cpu_before: sys::cpu::process_cpu_seconds(),
            before: (Usage::default(), 0.0),
            now: Attempt { attempt: 1, kept: begin, pending: None, spent: begin },
            last_heartbeat: None,
        };
        let mut lines = read_ledger(dir.path())?;
        if let Some(mut dead) = dir.read_json::<Attempt>("attempt.json")? {
            dead.kept = dead.pending.filter(|pending| pending.step == step).unwrap_or(dead.kept);
            meter.now.attempt = dead.attempt + 1;
            if !lines.iter().any(|line| line.attempt == dead.attempt) {
                let settled = meter.settle(&dead);
                append(dir, &settled)?;
                lines.extend(settled);
            }
        }
        let total = Bill::of(&lines).total();
        meter.before = (total.usage, total.dollars);
        dir.write_json("attempt.json", &meter.now)?;
        Ok(meter)
    }

    /// Adds a step's work, and now and then writes down what was spent.
    ///
    /// # Errors
    /// A full disk.
    pub fn add(&mut self, dir: &RunDir, step: u64, tokens: u64, flops: f64) -> Result<()> {
        self.now.spent.usage.tokens += tokens;
        self.now.spent.usage.flops += flops;
        self.read_clocks(step);
        if self.last_heartbeat.is_none_or(|last| last.elapsed() >= HEARTBEAT) {
            self.last_heartbeat = Some(Instant::now());
            write_unsynced(&dir.path().join("attempt.json"), &self.now)?;
        }
        Ok(())
    }

    /// Between steps' ends, in long stretches of work: writes down the time so far, now and then. A disk that is full then
    /// is told of when something must be written.
    pub fn beat(&mut self, dir: &RunDir) {
        let step = self.now.spent.step;
        if let Err(error) = self.add(dir, step, 0, 0.0) {
            tracing::debug!("the running attempt's bill: {error}");
        }
    }

    /// A checkpoint of `step` is about to be written.
    ///
    /// # Errors
    /// A full disk.
    pub fn prepare(&mut self, dir: &RunDir, step: u64) -> Result<()> {
        self.read_clocks(step);
        self.now.pending = Some(self.now.spent);
        write_unsynced(&dir.path().join("attempt.json"), &self.now)
    }

    /// The checkpoint is complete: the work that went into it is kept.
    ///
    /// # Errors
    /// A full disk.
    pub fn keep(&mut self, dir: &RunDir) -> Result<()> {
        self.now.kept = self.now.pending.take().unwrap_or(self.now.spent);
        dir.write_json("attempt.json", &self.now)
    }

    /// An endpoint was paid so many dollars in all attempts together: whatever no line tells yet becomes a line of its own,
    /// of attempt 0.
    ///
    /// # Errors
    /// A full disk, or a ledger that cannot be read.
    pub fn paid(&mut self, dir: &RunDir, dollars: f64) -> Result<()> {
        let told: f64 = read_ledger(dir.path())?.iter().filter(|line| line.attempt == 0).map(|line| line.dollars).sum();
        if dollars <= told {
            return Ok(());
        }
        self.before.1 += dollars - told;
        let line = LedgerLine {
            stage: self.stage.clone(),
            attempt: 0,
            usage: Usage::default(),
            price: 0.0,
            price_source: "tokens, as the endpoint charges for them".to_owned(),
            dollars: dollars - told,
            lost: false,
            to_step: self.now.spent.step,
        };
        append(dir, &[line])
    }

    /// Writes this attempt's line: the process ends in order.
    ///
    /// # Errors
    /// A full disk.
    pub fn finish(mut self, dir: &RunDir) -> Result<()> {
        self.read_clocks(self.now.spent.step);
        self.now.kept = self.now.spent;
        let settled = self.settle(&self.now);
        append(dir, &settled)
    }

    /// Seconds of the run so far, over all attempts.
    pub fn seconds(&self) -> f64 {
        self.before.0.wall_s + self.started.elapsed().as_secs_f64()
    }

    /// Dollars of the run so far, over all attempts.
    pub fn dollars(&self) -> f64 {
        self.before.1 + self.price.dollars(self.started.elapsed().as_secs_f64() * self.n_cores as f64)
    }

    /// All that a model has cost: `earlier` stages, and this one with what its crashes threw away.
    pub fn cost_on_top_of(&self, earlier: &CostSoFar) -> CostSoFar {
        let usage = self.before.0.plus(&self.now.spent.usage);
        CostSoFar {
            wall_s: earlier.wall_s + usage.wall_s,
            core_s: earlier.core_s + usage.core_s,
            flops: earlier.flops + usage.flops,
            joules: match (earlier.joules, usage.joules) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
            },
            dollars: earlier.dollars + self.before.1 + self.price.dollars(self.now.spent.usage.core_s),
        }
    }

    fn read_clocks(&mut self, step: u64) {
        let spent = &mut self.now.spent;
        spent.step = step;
        spent.usage.wall_s = self.started.elapsed().as_secs_f64();
        spent.usage.core_s = spent.usage.wall_s * self.n_cores as f64;
        spent.usage.cpu_s = sys::cpu::process_cpu_seconds().zip(self.cpu_before).map(|(now, before)| now - before);
        spent.usage.joules = self.energy.as_mut().map(EnergyMeter::joules);
    }

    fn settle(&self, attempt: &Attempt) -> Vec<LedgerLine> {
        let line = |usage: Usage, lost, to_step| LedgerLine {
            stage: self.stage.clone(),
            attempt: attempt.attempt,
            usage,
            price: self.price.dollars_per_core_hour,
            price_source: self.price.source.clone(),
            dollars: self.price.dollars(usage.core_s),
            lost,
            to_step,
        };
        let lost = between(&attempt.kept.usage, &attempt.spent.usage);
        let mut lines = Vec::new();
        if attempt.kept.usage.wall_s > 0.0 || lost.wall_s == 0.0 {
            lines.push(line(attempt.kept.usage, false, attempt.kept.step));
        }
        if lost.wall_s > 0.0 {
            lines.push(line(lost, true, attempt.spent.step));
        }
        lines
    }
}

/// What was spent between two moments.
fn between(before: &Usage, after: &Usage) -> Usage {
    Usage {
        wall_s: (after.wall_s - before.wall_s).max(0.0),
        core_s: (after.core_s - before.core_s).max(0.0),
        cpu_s: after.cpu_s.map(|s| (s - before.cpu_s.unwrap_or(0.0)).max(0.0)),
        tokens: after.tokens.saturating_sub(before.tokens),
        flops: (after.flops - before.flops).max(0.0),
        joules: after.joules.zip(before.joules).map(|(a, b)| (a - b).max(0.0)),
    }
}

/// Appends lines that belong together.
fn append(dir: &RunDir, lines: &[LedgerLine]) -> Result<()> {
    let mut log: Log = dir.log("ledger.jsonl", u64::MAX)?;
    log.append_all(lines)?;
    log.sync()
}

/// Replaces a file whole, but lets the system choose when it reaches the disk: a kill loses nothing, and a loss of power
/// at most the last seconds of a bill.
fn write_unsynced(path: &Path, value: &impl Serialize) -> Result<()> {
    let partial = path.with_extension("json.tmp");
    let text = serde_json::to_string(value).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
    std::fs::write(&partial, text)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|e| crate::TrainError::io("write", path, e))
}
