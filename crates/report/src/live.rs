//! A run while it goes on, in a few lines of a terminal or one line of a log. A pure function of a snapshot: who draws
//! it, and where, is not known here.

#[cfg(test)]
mod tests;

use cost::text::{dollars, duration, percent, thousands, value};
use std::collections::BTreeMap;

/// Values of one metric that are kept for its sparkline.
const KEPT: usize = 4096;

/// Cells of a sparkline.
const SPARK_CELLS: usize = 16;

/// The latest values of the metrics, by name.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<String, Vec<f64>>);

impl History {
    /// Adds a value.
    pub fn push(&mut self, name: &str, value: f64) {
        let values = self.0.entry(name.to_owned()).or_default();
        if values.len() == KEPT {
            // Half of the memory goes at once: the rest keeps its place in the sparkline for long.
            *values = values.chunks(2).map(|pair| pair.iter().sum::<f64>() / pair.len() as f64).collect();
        }
        values.push(value);
    }

    fn values(&self, name: &str) -> &[f64] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    fn last(&self, name: &str) -> Option<f64> {
        self.values(name).last().copied()
    }

    /// Mean of the last few values: what a noisy metric is now.
    fn now(&self, name: &str) -> Option<f64> {
        let values = self.values(name);
        let recent = &values[values.len().saturating_sub(8)..];
        (!recent.is_empty()).then(|| recent.iter().sum::<f64>() / recent.len() as f64)
    }
}

/// A moment of a run.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The stage's name.
    pub stage: &'a str,
    /// Its step.
    pub step: u64,
    /// Share of the run that is done.
    pub share_done: f64,
    /// Seconds that are left, where they can be told yet.
    pub left_s: Option<f64>,
    /// Tokens a second, over the last steps.
    pub tokens_per_s: f64,
    /// Operations a second as a share of the machine's measured peak.
    pub share_of_peak: Option<f64>,
    /// Dollars so far.
    pub dollars: f64,
    /// What the step is at, where it says so; may be empty.
    pub phase: &'a str,
    /// Metrics so far.
    pub history: &'a History,
}

/// What is shown of a metric.
enum Show {
    Value,
    Share,
}

/// Metrics with a sparkline, in pairs that stand side by side; the first known name of each is taken.
const SPARKS: &[(&str, &[&str], Show)] = &[
    ("reward", &["reward"], Show::Value),
    ("accuracy", &["val/accuracy", "rewards/accuracy/mean"], Show::Share),
    ("thinking", &["completions/mean_thinking_length"], Show::Value),
    ("entropy", &["entropy"], Show::Value),
    ("loss", &["loss"], Show::Value),
    ("bits/byte", &["val/bpb"], Show::Value),
];

/// Metrics that are shown as a number alone.
const NUMBERS: &[(&str, &str, Show)] = &[
    ("clipped", "clip_ratio", Show::Share),
    ("cut off", "completions/clipped_ratio", Show::Share),
    ("all equal", "frac_reward_zero_std", Show::Share),
    ("kl", "kl", Show::Value),
    ("grad", "grad_norm", Show::Value),
    ("lr", "lr", Show::Value),
];

/// The dashboard: lines of at most `width` characters.
pub fn dashboard(view: &View, width: usize) -> Vec<String> {
    let percent_done = format!("{:>3.0}%", 100.0 * view.share_done);
    let left = view.left_s.map(|s| format!("  {} left", duration(s))).unwrap_or_default();
    let head = format!("{}  step {}", view.stage, thousands(view.step));
    let bar_cells =
        width.saturating_sub(head.chars().count() + percent_done.len() + left.chars().count() + 6).clamp(0, 30);
    let mut lines = vec![format!("{head}  {} {percent_done}{left}", bar(view.share_done, bar_cells))];
    let mut cost = vec![format!("{} tokens/s", thousands(view.tokens_per_s as u64))];
    cost.extend(view.share_of_peak.map(|share| format!("{:.0}% of peak", 100.0 * share)));
    cost.push(dollars(view.dollars));
    if !view.phase.is_empty() {
        cost.push(view.phase.to_owned());
    }
    lines.push(cost.join(" · "));
    let is_reinforced = !view.history.values("reward").is_empty();
    // The loss of reinforcement learning goes up and down around 0 and says nothing.
    let shown = SPARKS.iter().filter(|(label, _, _)| !(is_reinforced && *label == "loss"));
    let cells: Vec<String> = shown.filter_map(|(label, names, show)| cell(view.history, label, names, show)).collect();
    for pair in cells.chunks(2) {
        lines.push(pair.join("   "));
    }
    let numbers: Vec<String> =
        NUMBERS.iter().filter_map(|(label, name, show)| number(view.history, label, name, show)).collect();
    if !numbers.is_empty() {
        lines.push(numbers.join(" · "));
    }
    lines.iter().map(|line| line.trim_end().chars().take(width).collect()).collect()
}

/// One line for a log.
pub fn line(view: &View) -> String {
    let mut parts = vec![format!("step {}", view.step)];
    let named: &[(&str, &str)] = match view.history.values("reward").is_empty() {
        true => &[("loss", "loss"), ("lr", "lr")],
        false => &[
            ("reward", "reward"),
            ("right", "rewards/accuracy/mean"),
            ("length", "completions/mean_length"),
            ("entropy", "entropy"),
            ("all equal", "frac_reward_zero_std"),
        ],
    };
    parts.extend(named.iter().filter_map(|(label, name)| Some(format!("{label} {}", value(view.history.now(name)?)))));
    parts.push(format!("{} tokens/s", thousands(view.tokens_per_s as u64)));
    parts.extend(view.share_of_peak.map(|share| format!("{:.0}% of peak", 100.0 * share)));
    parts.extend(view.left_s.map(|s| format!("{} left", duration(s))));
    parts.push(dollars(view.dollars));
    parts.join(" · ")
}

/// `reward     0.62 ▁▂▃▅▇`, of a fixed width.
fn cell(history: &History, label: &str, names: &[&str], show: &Show) -> Option<String> {
    let name = names.iter().find(|name| !history.values(name).is_empty())?;
    let values = history.values(name);
    let is_measured_now_and_then = name.starts_with("val/");
    let now = if is_measured_now_and_then { history.last(name)? } else { history.now(name)? };
    let mut text = shown(now, show);
    let interval = history.last("val/accuracy_low").zip(history.last("val/accuracy_high"));
    if let (true, Some((low, high))) = (*name == "val/accuracy", interval) {
        text += &format!(" ({:.0} to {:.0})", 100.0 * low, 100.0 * high);
    }
    Some(format!("{label:<9} {text:>6} {:<SPARK_CELLS$}", sparkline(values, SPARK_CELLS)))
}

fn number(history: &History, label: &str, name: &str, show: &Show) -> Option<String> {
    Some(format!("{label} {}", shown(history.now(name)?, show)))
}

fn shown(x: f64, show: &Show) -> String {
    match show {
        Show::Value => value(x),
        Show::Share => percent(x),
    }
}

/// `████▌·····`.
fn bar(share: f64, cells: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let filled = (share.clamp(0.0, 1.0) * cells as f64 * 8.0).round() as usize;
    let (whole, eighths) = (filled / 8, filled % 8);
    let mut text = "█".repeat(whole);
    if eighths > 0 {
        text.push(EIGHTHS[eighths]);
    }
    let rest = cells - text.chars().count();
    text + &"·".repeat(rest)
}

/// The values as a row of bars from the lowest to the highest, neighbours averaged where there are more than cells.
fn sparkline(values: &[f64], cells: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let means = crate::stats::block_means(&finite, cells);
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let level = |v: f64| if high > low { ((v - low) / (high - low) * 7.0).round() as usize } else { 3 };
    means.into_iter().map(|v| BARS[level(v).min(7)]).collect()
}
