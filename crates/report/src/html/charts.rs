//! Which curves of a stage are drawn together, and in which order.

use crate::curves::{Curve, Curves};
use crate::plot::{Chart, Line, Unit};
use crate::run::Run;
use std::collections::BTreeSet;

/// A chart of metrics by name: title, unit, how to read it, and the names with their labels.
struct Plan {
    title: &'static str,
    unit: Unit,
    note: &'static str,
    lines: &'static [(&'static str, &'static str)],
}

const PLANS: &[Plan] = &[
    Plan {
        title: "Thinking and answer, tokens",
        unit: Unit::Plain,
        note: "",
        lines: &[
            ("completions/mean_thinking_length", "thinking"),
            ("completions/mean_length", "whole answer"),
            ("val/completions/mean_length", "at evaluations"),
        ],
    },
    Plan {
        title: "Answers cut off",
        unit: Unit::Share,
        note: "Share of answers that reach the limit of tokens before they end.",
        lines: &[("completions/clipped_ratio", "training"), ("val/completions/clipped_ratio", "at evaluations")],
    },
    Plan { title: "Entropy, nats a token", unit: Unit::Plain, note: "", lines: &[("entropy", "entropy")] },
    Plan {
        title: "Divergence from the reference (KL)",
        unit: Unit::Plain,
        note: "",
        lines: &[("kl", "kl"), ("mismatch_kl", "sampling against update: must be 0")],
    },
    Plan {
        title: "Clipped tokens",
        unit: Unit::Share,
        note: "Share of tokens whose ratio left the bounds: they learn nothing in that update.",
        lines: &[("clip_ratio", "clipped")],
    },
    Plan {
        title: "Largest and smallest ratio",
        unit: Unit::Plain,
        note: "",
        lines: &[("ratio/max", "largest"), ("ratio/min", "smallest")],
    },
    Plan {
        title: "Groups without a difference",
        unit: Unit::Share,
        note: "Share of groups whose answers all earn the same: nothing can be learnt from them.",
        lines: &[("frac_reward_zero_std", "all equal")],
    },
    Plan {
        title: "Loss",
        unit: Unit::Plain,
        note: "",
        lines: &[("loss", "training"), ("val/loss", "held out"), ("mtp_loss", "token after next")],
    },
    Plan { title: "Held-out bits per byte", unit: Unit::Plain, note: "", lines: &[("val/bpb", "bits per byte")] },
    Plan { title: "Norm of the gradient", unit: Unit::Plain, note: "", lines: &[("grad_norm", "norm")] },
    Plan { title: "Learning rate", unit: Unit::Plain, note: "", lines: &[("lr", "learning rate")] },
    Plan {
        title: "Experts: busiest above the mean",
        unit: Unit::Share,
        note: "",
        lines: &[("balance/max_violation", "violation")],
    },
    Plan { title: "Time", unit: Unit::Seconds, note: "", lines: &[("seconds", "seconds")] },
    Plan { title: "Dollars", unit: Unit::Dollars, note: "", lines: &[("dollars", "dollars")] },
];

/// The stage's charts that tell its story, and those of the metrics that are left.
pub(super) fn of(run: &Run) -> (Vec<Chart>, Vec<Chart>) {
    let metrics = &run.metrics;
    let mut charts = vec![accuracy(metrics), accuracy_by_task(metrics, "val/accuracy/", "Accuracy by task")];
    charts.push(rewards(metrics));
    charts.extend(PLANS.iter().map(|plan| by_plan(plan, metrics)));
    charts.push(accuracy_by_task(metrics, "accuracy/", "Right in training, by task"));
    charts.push(by_part(metrics, "curriculum/", "Mean difficulty drawn, by task", Unit::Plain));
    charts.push(throughput(run));
    charts.retain(|chart| !chart.is_empty());
    (charts, the_rest(metrics))
}

fn accuracy(metrics: &Curves) -> Chart {
    let (low, high) = (metrics.get("val/accuracy_low"), metrics.get("val/accuracy_high"));
    let line = Line::sparse("accuracy", metrics.get("val/accuracy")).with_band(low, high);
    let note = if low.is_empty() {
        "Validation problems, strict verifier."
    } else {
        "Validation problems, strict verifier; the band is the 95% interval."
    };
    Chart { title: "Accuracy".to_owned(), note: note.to_owned(), unit: Unit::Share, lines: vec![line] }
}

fn accuracy_by_task(metrics: &Curves, prefix: &str, title: &str) -> Chart {
    let mut chart = by_part(metrics, prefix, title, Unit::Share);
    let is_sparse = prefix.starts_with("val/");
    for line in &mut chart.lines {
        line.is_sparse = is_sparse;
    }
    chart
}

/// One line for each metric below a prefix.
fn by_part(metrics: &Curves, prefix: &str, title: &str, unit: Unit) -> Chart {
    let lines = metrics.below(prefix).map(|(part, curve)| Line::dense(part, curve)).collect();
    Chart { title: title.to_owned(), note: String::new(), unit, lines }
}

/// The reward and its parts before their weights.
fn rewards(metrics: &Curves) -> Chart {
    let mut lines = vec![Line::dense("reward", metrics.get("reward"))];
    for name in metrics.names().filter_map(|name| name.strip_prefix("rewards/")?.strip_suffix("/mean")) {
        lines.push(Line::dense(name, metrics.get(&format!("rewards/{name}/mean"))));
    }
    let note = if lines.len() > 1 { "The parts are shown before their weights." } else { "" };
    Chart { title: "Reward".to_owned(), note: note.to_owned(), unit: Unit::Plain, lines }
}

fn by_plan(plan: &Plan, metrics: &Curves) -> Chart {
    let line = |(name, label): &(&str, &str)| match name.starts_with("val/") {
        true => Line::sparse(label, metrics.get(name)),
        false => Line::dense(label, metrics.get(name)),
    };
    let lines = plan.lines.iter().map(line).collect();
    Chart { title: plan.title.to_owned(), note: plan.note.to_owned(), unit: plan.unit, lines }
}

/// Tokens a second: of sampling and updating where the stage tells them apart, else of the steps.
fn throughput(run: &Run) -> Chart {
    let timed = |tokens: &str, seconds: &str| {
        let (tokens, seconds) = (run.timings.get(tokens), run.timings.get(seconds));
        let rate = |(step, n): (u64, f64)| Some((step, n / seconds.at(step).filter(|s| *s > 0.0)?));
        let (steps, values) = tokens.points().filter_map(rate).unzip();
        Curve { steps, values }
    };
    let mut lines = vec![
        Line::dense("sampling", &timed("rollout_tokens", "rollout_s")),
        Line::dense("updating", &timed("update_tokens", "update_s")),
    ];
    if lines.iter().all(|line| line.curve.is_empty()) {
        lines = vec![Line::dense("steps", &overall_rate(&run.metrics))];
    }
    Chart { title: "Tokens a second".to_owned(), note: String::new(), unit: Unit::Plain, lines }
}

/// Tokens over seconds between the lines of the metrics, over stretches long enough for the clock.
fn overall_rate(metrics: &Curves) -> Curve {
    let (tokens, seconds) = (metrics.get("tokens"), metrics.get("seconds"));
    let stride = (tokens.len() / 100).max(1);
    let mut rate = Curve::default();
    for end in (stride..tokens.len().min(seconds.len())).step_by(stride) {
        let (n, s) =
            (tokens.values[end] - tokens.values[end - stride], seconds.values[end] - seconds.values[end - stride]);
        if s > 0.0 {
            rate.steps.push(tokens.steps[end]);
            rate.values.push(n / s);
        }
    }
    rate
}

/// Metrics that no chart above has.
fn the_rest(metrics: &Curves) -> Vec<Chart> {
    let planned: BTreeSet<&str> = PLANS.iter().flat_map(|plan| plan.lines.iter().map(|(name, _)| *name)).collect();
    let is_drawn = |name: &str| {
        let is_reward = name == "reward" || name.starts_with("rewards/") && name.ends_with("/mean");
        let is_accuracy = ["val/accuracy", "accuracy/", "curriculum/"].iter().any(|prefix| name.starts_with(prefix));
        planned.contains(name) || is_reward || is_accuracy || name == "step" || name == "tokens"
    };
    let chart = |name: &str| Chart {
        title: name.to_owned(),
        lines: vec![Line { is_sparse: name.starts_with("val/"), ..Line::dense(name, metrics.get(name)) }],
        ..Chart::default()
    };
    metrics.names().filter(|name| !is_drawn(name)).map(chart).filter(|chart| !chart.is_empty()).collect()
}
