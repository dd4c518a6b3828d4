//! What it costs to reach an accuracy by more of the same reinforcement learning, extrapolated from a measured run.
//!
//! The log-odds of the accuracy are taken to grow linearly with the logarithm of the dollars spent; the interval is that
//! of resampled residuals. A run that does not improve is refused, and what lies far beyond it is said to.

use serde::Serialize;
use serde_json::{Value, json};

use super::Answer;
use crate::error::{Error, Result};
use crate::page::{Chart, Curve as PageCurve, Page, Table};
use crate::plan::Line;
use crate::text::{dollars, significant};

/// Metrics that are accuracies, the first that a run has is taken.
const METRICS: [&str; 3] = ["val/accuracy", "accuracy", "reward"];

/// Fewer points than this say nothing.
const FEWEST: usize = 6;

/// More than this many times what a run has spent, it says nothing of.
const MOST_TIMES: f64 = 1e6;

/// Resamples for the interval.
const RESAMPLES: usize = 400;

/// What a run measured: dollars spent and accuracy then.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The metric's name.
    pub metric: String,
    /// Dollars and accuracy, in order.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// From the lines of a `metrics.jsonl`.
    ///
    /// # Errors
    /// Too few points with dollars and an accuracy between 0 and 1.
    pub fn of_metrics(text: &str) -> Result<Curve> {
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of = |metric: &str| -> Vec<(f64, f64)> {
            let point = |line: &Value| Some((line.get("dollars")?.as_f64()?, line.get(metric)?.as_f64()?));
            let good = |(x, y): &(f64, f64)| *x > 0.0 && (0.0..=1.0).contains(y);
            lines.iter().filter_map(point).filter(good).collect()
        };
        let found = METRICS.iter().map(|metric| (metric, of(metric))).find(|(_, points)| points.len() >= FEWEST);
        match found {
            Some((metric, points)) => Ok(Curve { metric: (*metric).to_owned(), points }),
            None => Err(Error::Question(format!(
                "the run has fewer than {FEWEST} lines with dollars and one of {} between 0 and 1",
                METRICS.join(", ")
            ))),
        }
    }
}

/// Dollars at which an accuracy is reached, with a 90% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The middle.
    pub dollars: f64,
    /// 5% of resamples are below.
    pub low: f64,
    /// 5% are above; infinite where they never reach it.
    pub high: f64,
    /// Growth of the log-odds for each e-fold of dollars.
    pub slope: f64,
    /// Log-odds at one dollar.
    pub intercept: f64,
}

/// Extrapolates `curve` to `target`.
///
/// # Errors
/// A target outside (0, 1), or a run that does not improve.
pub fn forecast(curve: &Curve, target: f64) -> Result<Forecast> {
    if !(target > 0.0 && target < 1.0) {
        return Err(Error::Question(format!(
            "an accuracy of {target}: expected one between 0 and 1, as in --reach 0.8"
        )));
    }
    let smooth = smoothed(&curve.points);
    let points: Vec<(f64, f64)> = smooth.iter().map(|(x, y)| (x.ln(), measured_log_odds(*y))).collect();
    let (intercept, slope) = line(&points);
    if slope <= 1e-6 {
        return Err(Error::Question(format!(
            "{} does not rise over the run: nothing to extrapolate. `penseur runs doctor` says why nothing is learned",
            curve.metric
        )));
    }
    let at = |intercept: f64, slope: f64| match slope > 1e-6 {
        true => ((log_odds(target) - intercept) / slope).min(700.0).exp(),
        false => f64::INFINITY,
    };
    let residuals: Vec<f64> = points.iter().map(|(x, y)| y - intercept - slope * x).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // SplitMix64: the same interval every time.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        residuals[((z ^ (z >> 31)) % residuals.len() as u64) as usize]
    };
    let mut costs: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let again: Vec<(f64, f64)> = points.iter().map(|(x, _)| (*x, intercept + slope * x + draw())).collect();
            let (intercept, slope) = line(&again);
            at(intercept, slope)
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    Ok(Forecast {
        dollars: at(intercept, slope),
        low: costs[RESAMPLES / 20],
        high: costs[RESAMPLES - 1 - RESAMPLES / 20],
        slope,
        intercept,
    })
}

/// Means of at most 24 stretches: single steps are noisy and their noise is not independent.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(24);
    points
        .chunks(size)
        .map(|chunk| {
            let n = chunk.len() as f64;
            (chunk.iter().map(|p| p.0).sum::<f64>() / n, chunk.iter().map(|p| p.1).sum::<f64>() / n)
        })
        .collect()
}

/// Of what was measured: a step of few answers may have all or none right.
fn measured_log_odds(p: f64) -> f64 {
    log_odds(p.clamp(1e-3, 1.0 - 1e-3))
}

/// A share in percent, with the digits by which it differs from all.
fn share(p: f64) -> String {
    let digits = (1.0 - p).max(1e-9).log10().abs() as usize;
    format!("{:.*}%", digits.max(1), 100.0 * p)
}

/// Dollars, as far as the run tells of them.
fn money(value: f64, spent: f64) -> String {
    if value <= MOST_TIMES * spent { dollars(value) } else { "not by this run".to_owned() }
}

fn log_odds(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// Least squares: intercept and slope.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / n, sy / n);
    let (xy, xx) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + (x - mx) * (y - my), b + (x - mx) * (x - mx)));
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    (my - slope * mx, slope)
}

/// The answer for a run whose metrics are `metrics`.
///
/// # Errors
/// As [`Curve::of_metrics`] and [`forecast`].
pub fn cost_to_reach(run: &str, metrics: &str, target: f64) -> Result<Answer> {
    let curve = Curve::of_metrics(metrics)?;
    let found = forecast(&curve, target)?;
    let spent = curve.points.iter().map(|p| p.0).fold(0.0, f64::max);
    let last = curve.points.last().map_or(0.0, |p| p.1);
    let times = found.dollars / spent;
    let mut table = Table::new("Dollars to reach", &["accuracy", "dollars", "from", "to (90%)", "x what was spent"]);
    // On the way there, there, and half of the rest of the way to 1.
    let on_the_way = (target > last).then_some(0.5 * (last + target));
    for goal in on_the_way.into_iter().chain([target, 0.5 * (1.0 + target)]) {
        let f = forecast(&curve, goal)?;
        let row = [
            share(goal),
            money(f.dollars, spent),
            money(f.low, spent),
            money(f.high, spent),
            if f.dollars <= MOST_TIMES * spent { significant(f.dollars / spent) } else { "-".to_owned() },
        ];
        table.rows.push(row.into());
    }
    let model = |x: f64| 1.0 / (1.0 + (-(found.intercept + found.slope * x.ln())).exp());
    let first = curve.points.first().map_or(spent, |p| p.0);
    let end = found.dollars.clamp(spent, 100.0 * spent);
    let steps = (0..=30).map(|i| first * (end / first).powf(f64::from(i) / 30.0));
    let fitted = PageCurve { name: "fitted".to_owned(), points: steps.map(|x| (x, model(x))).collect() };
    let measured = PageCurve { name: format!("measured: {}", curve.metric), points: smoothed(&curve.points) };
    let mut notes = vec![
        "The log-odds of the accuracy are taken to grow with the logarithm of the dollars; learning may stop before."
            .to_owned(),
        "The interval is that of the run's own scatter (400 resamples of residuals), not of other seeds.".to_owned(),
    ];
    if times > 10.0 && times <= MOST_TIMES {
        notes.push(format!("{} times what the run has spent: far beyond what was measured.", significant(times)));
    }
    let page = Page {
        title: format!("What {run} would take to {}", share(target)),
        headline: match target > last {
            true if times > MOST_TIMES => format!("Not by this run: {} is spent, at {}.", dollars(spent), share(last)),
            true => format!(
                "{} in all (90%: {} to {}); {} is spent, at {}.",
                money(found.dollars, spent),
                money(found.low, spent),
                money(found.high, spent),
                dollars(spent),
                share(last)
            ),
            false => format!(
                "The run is there: {} for {}, of which the first {} (90%: {} to {}) would have done.",
                share(last),
                dollars(spent),
                money(found.dollars, spent),
                money(found.low, spent),
                money(found.high, spent)
            ),
        },
        tables: vec![table],
        charts: vec![Chart::Curves {
            title: "Accuracy against dollars".to_owned(),
            x: "dollars".to_owned(),
            y: "accuracy".to_owned(),
            log: false,
            curves: vec![measured, fitted],
        }],
        lines: vec![Line::new(
            "dollars",
            money(found.dollars, spent),
            format!("exp((log-odds of {target} - {:.3}) / {:.3})", found.intercept, found.slope),
            "least squares over the run's metrics.jsonl",
        )],
        notes,
        ..Page::default()
    };
    Ok(Answer { page, json: json!({ "target": target, "metric": curve.metric, "spent": spent, "forecast": found }) })
}
