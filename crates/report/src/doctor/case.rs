//! What the checks share: a run's evidence, and how its accuracy moved.

use crate::curves::Curve;
use crate::error::Result;
use crate::run::{Gradients, Run, Sample};
use crate::stats::{Change, Trend, median, wilson};
use cost::text::{percent, value};

/// Steps from which on trends say something.
pub(super) const ENOUGH_STEPS: u64 = 20;

/// Accuracy from which on there is little left to learn.
pub(super) const SOLVED: f64 = 0.95;

/// A rise of accuracy that would be worth calling one.
const WORTHWHILE: f64 = 0.02;

/// Accuracy is called flat when its 95% interval excludes a rise of more than this.
const FLAT: f64 = 0.10;

/// The share at the end of a run that its present state is read from.
const PRESENT: f64 = 1.0 / 3.0;

/// Which way a measure went over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    Rises,
    Flat,
    Falls,
    /// The data allow a rise as well as none.
    Unclear,
}

/// Accuracy on validation problems, by the strict verifier.
#[derive(Clone, Debug)]
pub(super) struct Accuracy {
    pub(super) curve: Curve,
    pub(super) movement: Movement,
    /// Over the run, where there are enough evaluations.
    pub(super) change: Option<Change>,
}

impl Accuracy {
    pub(super) fn first(&self) -> f64 {
        self.curve.values[0]
    }

    pub(super) fn last(&self) -> f64 {
        self.curve.values[self.curve.len() - 1]
    }

    /// `went from 12.0% to 13.1% (change -2 to 4 points, 95%)`.
    pub(super) fn in_words(&self) -> String {
        // The interval of a handful of values is so wide that it says nothing.
        let change = self.change.filter(|_| self.curve.len() >= 5);
        let interval =
            change.map(|c| format!(", {:+.0} to {:+.0} points by its 95% interval", 100.0 * c.low, 100.0 * c.high));
        format!("went from {} to {}{}", percent(self.first()), percent(self.last()), interval.unwrap_or_default())
    }
}

/// A run and what was read from it.
pub(super) struct Case<'a> {
    pub(super) run: &'a Run,
    pub(super) samples: Vec<Sample>,
    pub(super) gradients: Vec<Gradients>,
    /// `None` before the first evaluation.
    pub(super) accuracy: Option<Accuracy>,
}

impl<'a> Case<'a> {
    pub(super) fn of(run: &'a Run) -> Result<Case<'a>> {
        Ok(Case { run, samples: run.samples()?, gradients: run.gradients()?, accuracy: accuracy(run) })
    }

    /// A metric.
    pub(super) fn curve(&self, name: &str) -> &Curve {
        self.run.metrics.get(name)
    }

    /// A metric over the last third of the run.
    pub(super) fn present(&self, name: &str) -> Curve {
        self.curve(name).tail(PRESENT)
    }

    /// Its mean there.
    pub(super) fn level(&self, name: &str) -> Option<f64> {
        self.present(name).mean()
    }

    pub(super) fn is_reinforced(&self) -> bool {
        !self.curve("reward").is_empty()
    }

    pub(super) fn is_too_early(&self) -> bool {
        self.run.step() < ENOUGH_STEPS
    }

    /// Whether accuracy surely rose, or is where it cannot rise much.
    pub(super) fn is_learning(&self) -> bool {
        self.accuracy.as_ref().is_some_and(|a| a.movement == Movement::Rises || a.last() >= SOLVED)
    }

    /// The metric over the steps between the first evaluation and the last: what accuracy can be compared with.
    pub(super) fn between_evaluations(&self, name: &str) -> Curve {
        let (begin, end) = self.accuracy.as_ref().map_or((0, u64::MAX), |a| a.curve.span());
        let (steps, values) = self.curve(name).points().filter(|(step, _)| (begin..=end).contains(step)).unzip();
        Curve { steps, values }
    }

    /// Weight of a reward in the recipe; `None` where the recipe does not say.
    pub(super) fn weight(&self, reward: &str) -> Option<f64> {
        self.run.recipe_number(&format!("grpo.reward.{reward}"))
    }

    /// Longest answer that the stage allows.
    pub(super) fn answer_key(&self) -> &'static str {
        if self.is_reinforced() { "grpo.max_new_tokens" } else { "eval.max_new_tokens" }
    }
}

fn accuracy(run: &Run) -> Option<Accuracy> {
    let curve = run.metrics.get("val/accuracy").clone();
    if curve.is_empty() {
        return None;
    }
    // The same problems are answered at every evaluation, so neighbours share much of the error: half of it remains.
    let noise = standard_error(run, &curve) / 2.0;
    let change = Change::of(&curve, noise);
    let trend = Trend::of(&curve);
    let movement = movement(&curve, change, trend, 2.0 * noise);
    Some(Accuracy { curve, movement, change })
}

fn movement(curve: &Curve, change: Option<Change>, trend: Option<Trend>, standard_error: f64) -> Movement {
    let first_to_last = curve.values[curve.len() - 1] - curve.values[0];
    let Some(change) = change else {
        // One or two evaluations: only what is beyond the error of both.
        let reach = 1.96 * standard_error * std::f64::consts::SQRT_2;
        return match first_to_last {
            d if curve.len() < 2 || d.abs() <= reach => Movement::Unclear,
            d if d > 0.0 => Movement::Rises,
            _ => Movement::Falls,
        };
    };
    let rises = change.low > 0.0 && change.estimate > WORTHWHILE || trend.is_some_and(|t| t.rises());
    let falls = change.high < 0.0 && change.estimate < -WORTHWHILE || trend.is_some_and(|t| t.falls());
    match (rises, falls) {
        (true, _) => Movement::Rises,
        (_, true) => Movement::Falls,
        _ if change.high < FLAT => Movement::Flat,
        _ => Movement::Unclear,
    }
}

/// Standard error of one evaluation: by the interval that the run wrote, else by the number of problems.
fn standard_error(run: &Run, curve: &Curve) -> f64 {
    let (low, high) = (run.metrics.get("val/accuracy_low"), run.metrics.get("val/accuracy_high"));
    let written: Vec<f64> =
        low.points().filter_map(|(step, l)| Some((high.at(step)? - l) / 3.92)).filter(|se| se.is_finite()).collect();
    if !written.is_empty() {
        return median(&written);
    }
    let n = run.recipe_number("eval.problems").unwrap_or(100.0).max(1.0);
    let middle = median(&curve.values);
    let (low, high) = wilson(middle * n, n);
    (high - low) / 3.92
}

/// What a run that works has reached, as a sentence that begins with a space; empty where nothing is measured.
pub(super) fn progress_in_words(run: &Run) -> String {
    if let Some(accuracy) = accuracy(run) {
        return format!(" Accuracy on validation problems {}.", accuracy.in_words());
    }
    let bpb = run.metrics.get("val/bpb");
    match (bpb.values.first(), bpb.last()) {
        (Some(first), Some(last)) => format!(" Held-out bits per byte went from {} to {}.", value(*first), value(last)),
        _ => String::new(),
    }
}
