//! What a person sees on stderr: a bar on a terminal, a line now and then in a file.

use crate::metrics::Metrics;
use crate::schedule::Position;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Steps over which speed is averaged.
const WINDOW: usize = 50;

/// Resolution of the bar.
const TICKS: u64 = 1000;

/// One step, as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// How far the run is.
    pub at: Position,
    /// The step's loss.
    pub loss: f64,
    /// Its learning rate.
    pub lr: f64,
    /// Share of the run that is done.
    pub share_done: f64,
    /// The step's operations.
    pub flops: f64,
    /// The step's tokens.
    pub n_tokens: u64,
    /// Dollars so far.
    pub dollars: f64,
}

/// The progress of one stage.
pub struct Progress {
    sink: Sink,
    peak_flops: Option<f64>,
    started: Instant,
    /// Share done and time at this process's first step; the rest is extrapolated from there.
    first: Option<(Instant, f64)>,
    /// End, tokens and operations of the last steps.
    recent: VecDeque<(Instant, u64, f64)>,
    smooth_loss: Option<f64>,
}

enum Sink {
    Bar(ProgressBar),
    Lines { last: Option<Instant>, n_lines: u32 },
    Quiet,
}

impl Progress {
    /// For a stage; `peak_flops` is what this machine was measured to do at best.
    pub fn new(stage: &str, peak_flops: Option<f64>, is_quiet: bool) -> Progress {
        let sink = match (is_quiet, std::io::stderr().is_terminal()) {
            (true, _) => Sink::Quiet,
            (false, false) => Sink::Lines { last: None, n_lines: 0 },
            (false, true) => {
                let bar = ProgressBar::new(TICKS);
                let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.set_prefix(stage.to_owned());
                Sink::Bar(bar)
            }
        };
        let recent = VecDeque::with_capacity(WINDOW + 1);
        Progress { sink, peak_flops, started: Instant::now(), first: None, recent, smooth_loss: None }
    }

    /// Shows a step.
    pub fn step(&mut self, step: &Snapshot) {
        let now = Instant::now();
        self.recent.push_back((now, step.n_tokens, step.flops));
        if self.recent.len() > WINDOW + 1 {
            self.recent.pop_front();
        }
        self.smooth_loss = Some(self.smooth_loss.map_or(step.loss, |old| 0.9 * old + 0.1 * step.loss));
        let first = *self.first.get_or_insert((now, step.share_done));
        let text = self.text(step, now, first);
        self.show(text, step.share_done, now);
    }

    fn show(&mut self, text: String, share_done: f64, now: Instant) {
        match &mut self.sink {
            Sink::Quiet => {}
            Sink::Bar(bar) => {
                bar.set_position((TICKS as f64 * share_done) as u64);
                bar.set_message(text);
            }
            Sink::Lines { last, n_lines } => {
                // Soon at first, then less and less often, so that a log of hours stays short.
                let pause = Duration::from_secs(if *n_lines < 5 { 2 } else { 15 });
                if last.is_none_or(|last| now - last >= pause) || share_done >= 1.0 {
                    eprintln!("{text}");
                    (*last, *n_lines) = (Some(now), *n_lines + 1);
                }
            }
        }
    }

    fn text(&self, step: &Snapshot, now: Instant, first: (Instant, f64)) -> String {
        let mut text =
            format!("step {} loss {:.4} lr {:.2e}", step.at.step, self.smooth_loss.unwrap_or(step.loss), step.lr);
        let oldest = if self.recent.len() > 1 { self.recent[0].0 } else { self.started };
        let seconds = (now - oldest).as_secs_f64().max(1e-6);
        let n_skipped = usize::from(self.recent.len() > 1);
        let tokens: u64 = self.recent.iter().skip(n_skipped).map(|(_, n, _)| n).sum();
        let flops: f64 = self.recent.iter().skip(n_skipped).map(|(_, _, f)| f).sum();
        text += &format!(" · {} tokens/s", thousands((tokens as f64 / seconds) as u64));
        if let Some(peak) = self.peak_flops {
            text += &format!(" · {:.0}% of peak", 100.0 * flops / seconds / peak);
        }
        let (begun, share) = first;
        if step.share_done > share {
            let per_share = (now - begun).as_secs_f64() / (step.share_done - share);
            text += &format!(" · {} left", duration(per_share * (1.0 - step.share_done)));
        }
        text + &format!(" · ${:.4}", step.dollars)
    }

    /// Shows what a long step is at; on a terminal alone.
    pub fn phase(&self, text: &str) {
        if let Sink::Bar(bar) = &self.sink {
            bar.set_message(text.to_owned());
        }
    }

    /// Shows how many of a known number are done.
    pub fn count(&mut self, n_done: usize, n_all: usize) {
        let now = Instant::now();
        let share = n_done as f64 / n_all.max(1) as f64;
        let (begun, first) = *self.first.get_or_insert((now, share));
        let mut text = format!("{} of {}", thousands(n_done as u64), thousands(n_all as u64));
        if share > first {
            text += &format!(" · {} left", duration((now - begun).as_secs_f64() / (share - first) * (1.0 - share)));
        }
        self.show(text, share, now);
    }

    /// Shows an evaluation.
    pub fn evaluated(&self, step: u64, metrics: &Metrics) {
        let shown = ["val/loss", "val/bpb", "val/accuracy"];
        let parts: Vec<String> =
            shown.iter().filter_map(|name| Some(format!("{name} {:.4}", metrics.get(name)?))).collect();
        if !parts.is_empty() {
            self.note(&format!("step {step} {}", parts.join(" · ")));
        }
    }

    /// Shows a line that stays.
    pub fn note(&self, text: &str) {
        match &self.sink {
            Sink::Quiet => {}
            Sink::Bar(bar) => bar.println(text),
            Sink::Lines { .. } => eprintln!("{text}"),
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Sink::Bar(bar) = &self.sink {
            bar.finish_and_clear();
        }
    }
}

/// `12,345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or("")).collect();
    groups.join(",")
}

/// `3 h 05 min`, `12 min 40 s`, `8 s`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.round().max(0.0) as u64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}
