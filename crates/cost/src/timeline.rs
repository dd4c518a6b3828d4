//! The event simulation of a pipeline: every rank does its work in order, each piece as soon as the rank is free and
//! what it needs has arrived. The result is a timeline, drawn as SVG or as Chrome's trace JSON (`chrome://tracing`,
//! ui.perfetto.dev).

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::page::{colour, legend};
use crate::schedule::{Chunk, Plan, Work};

/// How long work takes.
pub trait Durations {
    /// Seconds of a piece of work.
    fn seconds(&self, work: &Work) -> f64;
    /// Seconds between two ranks, after the work that sends.
    fn hop_s(&self) -> f64;
}

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Forward alone.
    Forward,
    /// Backward alone, with or without the weights.
    Backward,
    /// Weights alone.
    Weight,
    /// A forward and a backward overlapped.
    Both,
}

impl Kind {
    const ALL: [(Kind, &'static str); 4] =
        [(Kind::Forward, "1F"), (Kind::Backward, "1B"), (Kind::Weight, "1W"), (Kind::Both, "1F1B")];
}

/// One piece of work of one rank.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Event {
    /// Which rank.
    pub rank: usize,
    /// What.
    pub kind: Kind,
    /// From, in seconds after the step's beginning.
    pub start: f64,
    /// To.
    pub end: f64,
    /// The micro-batch (the forward's, where there are two).
    pub micro_batch: usize,
}

/// What all ranks did in a step.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Ranks.
    pub n_ranks: usize,
    /// Everything, rank by rank in order of time.
    pub events: Vec<Event>,
    /// When the last rank was done.
    pub end: f64,
}

/// Runs `plan`.
///
/// # Panics
/// A plan whose ranks wait for each other: our bug.
pub fn simulate(plan: &Plan, durations: &impl Durations) -> Timeline {
    let mut done = Done::new(plan, durations.hop_s());
    let mut next = vec![0; plan.n_ranks];
    let mut free = vec![0.0f64; plan.n_ranks];
    let mut by_rank: Vec<Vec<Event>> = vec![Vec::new(); plan.n_ranks];
    loop {
        let before: usize = next.iter().sum();
        for rank in 0..plan.n_ranks {
            while let Some(work) = plan.work[rank].get(next[rank]) {
                let Some(ready) = done.ready(work, rank) else { break };
                let start = free[rank].max(ready);
                let end = start + durations.seconds(work);
                done.set(work, end);
                let (kind, micro_batch) = named(work);
                by_rank[rank].push(Event { rank, kind, start, end, micro_batch });
                free[rank] = end;
                next[rank] += 1;
            }
        }
        if next.iter().sum::<usize>() == before {
            break;
        }
    }
    let is_complete = next.iter().zip(&plan.work).all(|(n, work)| *n == work.len());
    assert!(is_complete, "ranks wait for each other: {next:?}");
    Timeline { n_ranks: plan.n_ranks, events: by_rank.concat(), end: free.into_iter().fold(0.0, f64::max) }
}

fn named(work: &Work) -> (Kind, usize) {
    match work {
        Work::Forward(c) => (Kind::Forward, c.micro_batch),
        Work::Backward(c) | Work::BackwardInput(c) => (Kind::Backward, c.micro_batch),
        Work::Weight(c) => (Kind::Weight, c.micro_batch),
        Work::Both(c, _) => (Kind::Both, c.micro_batch),
    }
}

/// When each forward and each backward of inputs was done.
struct Done<'a> {
    plan: &'a Plan,
    hop_s: f64,
    forward: Vec<Option<f64>>,
    backward: Vec<Option<f64>>,
}

impl<'a> Done<'a> {
    fn new(plan: &'a Plan, hop_s: f64) -> Done<'a> {
        let n = plan.n_stages * plan.n_micro_batches;
        Done { plan, hop_s, forward: vec![None; n], backward: vec![None; n] }
    }

    fn at(&self, chunk: Chunk) -> usize {
        chunk.micro_batch * self.plan.n_stages + chunk.stage
    }

    /// When what `work` needs is there; `None`: not known yet.
    fn ready(&self, work: &Work, rank: usize) -> Option<f64> {
        match work {
            Work::Forward(chunk) => self.input(*chunk, rank),
            Work::Backward(chunk) | Work::BackwardInput(chunk) => self.gradient(*chunk, rank),
            Work::Weight(_) => Some(0.0),
            Work::Both(f, b) => Some(self.input(*f, rank)?.max(self.gradient(*b, rank)?)),
        }
    }

    fn input(&self, chunk: Chunk, rank: usize) -> Option<f64> {
        match chunk.stage.checked_sub(1) {
            None => Some(0.0),
            Some(stage) => self.sent(&self.forward, Chunk { stage, ..chunk }, rank),
        }
    }

    fn gradient(&self, chunk: Chunk, rank: usize) -> Option<f64> {
        match chunk.stage + 1 == self.plan.n_stages {
            true => self.forward[self.at(chunk)],
            false => self.sent(&self.backward, Chunk { stage: chunk.stage + 1, ..chunk }, rank),
        }
    }

    fn sent(&self, times: &[Option<f64>], from: Chunk, rank: usize) -> Option<f64> {
        let hop = if self.plan.rank_of(from) == rank { 0.0 } else { self.hop_s };
        times[self.at(from)].map(|end| end + hop)
    }

    fn set(&mut self, work: &Work, end: f64) {
        let (f, b) = match work {
            Work::Forward(chunk) => (Some(*chunk), None),
            Work::Backward(chunk) | Work::BackwardInput(chunk) => (None, Some(*chunk)),
            Work::Weight(_) => (None, None),
            Work::Both(f, b) => (Some(*f), Some(*b)),
        };
        if let Some(chunk) = f {
            let at = self.at(chunk);
            self.forward[at] = Some(end);
        }
        if let Some(chunk) = b {
            let at = self.at(chunk);
            self.backward[at] = Some(end);
        }
    }
}

impl Timeline {
    /// Seconds that a rank spends on `kind`, the mean over ranks.
    pub fn mean_s(&self, kind: Kind) -> f64 {
        // Nothing at all sums to -0.0 by `sum`.
        let of_kind = self.events.iter().filter(|e| e.kind == kind);
        of_kind.fold(0.0, |sum, e| sum + (e.end - e.start)) / self.n_ranks as f64
    }

    /// Seconds that a rank waits, the mean over ranks.
    pub fn bubble_s(&self) -> f64 {
        self.end - Kind::ALL.iter().map(|(kind, _)| self.mean_s(*kind)).sum::<f64>()
    }

    /// Chrome's trace JSON: a process, a thread a rank, microseconds.
    pub fn chrome_trace(&self) -> Value {
        let name = |kind| Kind::ALL.iter().find(|(k, _)| *k == kind).map_or("", |(_, name)| name);
        let events: Vec<Value> = self
            .events
            .iter()
            .map(|e| {
                json!({
                    "name": format!("{} {}", name(e.kind), e.micro_batch),
                    "cat": name(e.kind), "ph": "X", "pid": 0, "tid": e.rank,
                    "ts": e.start * 1e6, "dur": (e.end - e.start) * 1e6,
                })
            })
            .collect();
        json!({ "traceEvents": events, "displayTimeUnit": "ms" })
    }

    /// An SVG of `width` pixels, a row a rank, with its legend; it takes its text colour from the page.
    pub fn svg(&self, width: f64) -> String {
        let (left, row, top) = (64.0, (320.0 / self.n_ranks as f64).clamp(8.0, 22.0), 26.0);
        let scale = (width - left) / self.end.max(f64::MIN_POSITIVE);
        let height = top + row * self.n_ranks as f64 + 22.0;
        let mut svg = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"timeline of a step\" \
             font-family=\"inherit\" font-size=\"11\" fill=\"currentColor\">"
        );
        for (i, (_, name)) in Kind::ALL.iter().enumerate() {
            legend(&mut svg, left + 90.0 * i as f64, i, name);
        }
        for rank in 0..self.n_ranks {
            let y = top + row * rank as f64;
            if self.n_ranks <= 20 || rank % 4 == 0 {
                let _ = write!(svg, "<text x=\"0\" y=\"{:.1}\">rank {rank}</text>", y + 0.75 * row);
            }
            let _ = write!(
                svg,
                "<rect x=\"{left}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"currentColor\" opacity=\"0.07\"/>",
                width - left,
                row - 1.0
            );
        }
        for (i, (kind, _)) in Kind::ALL.into_iter().enumerate() {
            let mut path = String::new();
            for e in self.events.iter().filter(|e| e.kind == kind) {
                let (x, w) = (left + e.start * scale, ((e.end - e.start) * scale - 0.3).max(0.2));
                let y = top + row * e.rank as f64;
                let _ = write!(path, "M{x:.1} {y:.1}h{w:.1}v{:.1}h-{w:.1}z", row - 1.0);
            }
            let _ = write!(svg, "<path d=\"{path}\" fill=\"currentColor\" {}/>", colour(i));
        }
        let foot = height - 6.0;
        let _ = write!(
            svg,
            "<text x=\"{left}\" y=\"{foot:.1}\">0</text><text x=\"{width}\" y=\"{foot:.1}\" text-anchor=\"end\">{:.2} s</text></svg>",
            self.end
        );
        svg
    }
}
