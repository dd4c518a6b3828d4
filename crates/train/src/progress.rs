//! What a person sees on stderr: a dashboard on a terminal, a line now and then in a file. What it says is
//! [`report::live`]'s; here it is timed and drawn.

use crate::metrics::Metrics;
use crate::schedule::Position;
use console::Term;
use cost::text::{duration, thousands, value};
use indicatif::{ProgressBar, ProgressStyle};
use report::live::{self, History, View};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Steps over which speed is averaged.
const WINDOW: usize = 50;

/// Seconds that are averaged over, where steps are long.
const WINDOW_SECONDS: f64 = 120.0;

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Display {
    /// A dashboard on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Lines, on a terminal too.
    Lines,
    /// Nothing.
    Quiet,
}

/// One step, as far as it is about progress; its metrics come with [`Progress::metrics`].
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// How far the run is.
    pub at: Position,
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
    stage: String,
    sink: Sink,
    peak_flops: Option<f64>,
    started: Instant,
    /// Share done and time at this process's first step; the rest is extrapolated from there.
    first: Option<(Instant, f64)>,
    /// End, tokens and operations of the last steps.
    recent: VecDeque<(Instant, u64, f64)>,
    latest: Option<Snapshot>,
    history: History,
    /// What the step is at.
    phase: RefCell<String>,
}

enum Sink {
    Dashboard(ProgressBar),
    Lines { last: Option<Instant>, n_lines: u32 },
    Quiet,
}

impl Progress {
    /// For a stage; `peak_flops` is what this machine was measured to do at best.
    pub fn new(stage: &str, peak_flops: Option<f64>, display: Display) -> Progress {
        let sink = match (display, std::io::stderr().is_terminal()) {
            (Display::Quiet, _) => Sink::Quiet,
            (Display::Auto, true) => {
                let bar = ProgressBar::new_spinner();
                bar.set_style(
                    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
                );
                Sink::Dashboard(bar)
            }
            _ => Sink::Lines { last: None, n_lines: 0 },
        };
        Progress {
            stage: stage.to_owned(),
            sink,
            peak_flops,
            started: Instant::now(),
            first: None,
            recent: VecDeque::with_capacity(WINDOW + 1),
            latest: None,
            history: History::default(),
            phase: RefCell::default(),
        }
    }

    /// Takes note of a step; its metrics follow.
    pub fn step(&mut self, step: &Snapshot) {
        let now = Instant::now();
        self.first.get_or_insert((now, step.share_done));
        self.recent.push_back((now, step.n_tokens, step.flops));
        let is_old = |(end, ..): &(Instant, u64, f64)| (now - *end).as_secs_f64() > WINDOW_SECONDS;
        while self.recent.len() > WINDOW + 1 || self.recent.len() > 4 && self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        self.latest = Some(*step);
        self.phase.borrow_mut().clear();
    }

    /// Takes in what was written down of a step, and shows it.
    pub fn metrics(&mut self, metrics: &Metrics) {
        for (name, value) in metrics.iter() {
            self.history.push(name, value);
        }
        self.draw();
    }

    /// Shows what a long step is at; on a terminal alone.
    pub fn phase(&self, text: &str) {
        if let Sink::Dashboard(bar) = &self.sink {
            text.clone_into(&mut self.phase.borrow_mut());
            // Before the first step there is nothing else to show.
            bar.set_message(self.latest.map_or_else(|| text.to_owned(), |step| self.dashboard(&step)));
        }
    }

    fn draw(&mut self) {
        let Some(step) = self.latest else { return };
        let text = match &self.sink {
            Sink::Quiet => return,
            Sink::Dashboard(_) => self.dashboard(&step),
            Sink::Lines { .. } => self.view(&step, "", live::line),
        };
        self.show(text, step.share_done);
    }

    fn show(&mut self, text: String, share_done: f64) {
        let now = Instant::now();
        match &mut self.sink {
            Sink::Quiet => {}
            Sink::Dashboard(bar) => bar.set_message(text),
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

    fn dashboard(&self, step: &Snapshot) -> String {
        // One column stays free: a full line would wrap on some terminals.
        let width = usize::from(Term::stderr().size().1).saturating_sub(1);
        self.view(step, &self.phase.borrow(), |view| live::dashboard(view, width).join("\n"))
    }

    /// The moment of `step`, as `render` shows it.
    fn view(&self, step: &Snapshot, phase: &str, render: impl FnOnce(&View) -> String) -> String {
        let now = Instant::now();
        let oldest = if self.recent.len() > 1 { self.recent[0].0 } else { self.started };
        let newest = self.recent.back().map_or(now, |(end, ..)| *end);
        let seconds = (newest - oldest).as_secs_f64().max(1e-6);
        let counted = || self.recent.iter().skip(usize::from(self.recent.len() > 1));
        let tokens: u64 = counted().map(|(_, n, _)| n).sum();
        let flops: f64 = counted().map(|(_, _, f)| f).sum();
        let left_s = self.first.filter(|(_, share)| step.share_done > *share).map(|(begun, share)| {
            let per_share = (newest - begun).as_secs_f64() / (step.share_done - share);
            per_share * (1.0 - step.share_done)
        });
        render(&View {
            stage: &self.stage,
            step: step.at.step,
            share_done: step.share_done,
            left_s,
            tokens_per_s: tokens as f64 / seconds,
            share_of_peak: self.peak_flops.map(|peak| flops / seconds / peak),
            dollars: step.dollars,
            phase,
            history: &self.history,
        })
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
        self.show(text, share);
    }

    /// Shows an evaluation.
    pub fn evaluated(&self, step: u64, metrics: &Metrics) {
        let shown = ["val/loss", "val/bpb", "val/accuracy"];
        let mut parts: Vec<String> =
            shown.iter().filter_map(|name| Some(format!("{name} {}", value(metrics.get(name)?)))).collect();
        let interval = metrics.get("val/accuracy_low").zip(metrics.get("val/accuracy_high"));
        if let (Some((low, high)), Some(last)) = (interval, parts.last_mut()) {
            *last += &format!(" ({} to {})", value(low), value(high));
        }
        if !parts.is_empty() {
            self.note(&format!("step {step} · {}", parts.join(" · ")));
        }
    }

    /// Shows a line that stays.
    pub fn note(&self, text: &str) {
        match &self.sink {
            Sink::Quiet => {}
            Sink::Dashboard(bar) => bar.println(text),
            Sink::Lines { .. } => eprintln!("{text}"),
        }
    }

    /// Ends the dashboard; its last state stays.
    pub fn clear(&self) {
        if let Sink::Dashboard(bar) = &self.sink {
            bar.abandon();
        }
    }
}
