//! Checks of what the model says: is it cut off, is it always the same, does it still think?

use super::case::{Case, Movement};
use super::{Finding, Severity};
use crate::stats::Trend;
use cost::text::{percent, value};
use std::collections::BTreeMap;

/// Nats a token below which rollouts hardly differ.
const LOW_ENTROPY: f64 = 0.05;

/// Nats a token above which text is mostly chance.
const HIGH_ENTROPY: f64 = 2.0;

/// Answers that are cut have no end and mostly no answer.
pub(super) fn truncated(case: &Case) -> Vec<Finding> {
    let names = ["completions/clipped_ratio", "val/completions/clipped_ratio"];
    let levels = names.map(|name| (name, case.level(name).unwrap_or(0.0)));
    let (name, cut) = if levels[0].1 >= levels[1].1 { levels[0] } else { levels[1] };
    if cut < 0.2 {
        return Vec::new();
    }
    let rises = Trend::of(case.curve(name)).is_some_and(|trend| trend.rises());
    let severity = if cut > 0.5 { Severity::Problem } else { Severity::Warning };
    let lengths = case.level("completions/mean_length").or_else(|| case.level("val/completions/mean_length"));
    let limit = case.run.recipe_number(case.answer_key());
    let length = match (lengths, limit) {
        (Some(mean), Some(limit)) => format!(" (mean length {}, limit {limit})", value(mean)),
        _ => String::new(),
    };
    let how = if rises { ", and the share has been growing" } else { "" };
    let text = format!(
        "{} of the answers reach the limit of tokens before they end{length}{how}. A cut answer counts as wrong whatever it \
         would have said, so the model is taught that its thinking does not pay.",
        percent(cut)
    );
    let finding = Finding::new("truncated_answers", severity, "Many answers are cut off", text)
        .figure(name, cut)
        .over(case.present(name).span())
        .advise(case.answer_key(), "raise it; rollouts take longer in proportion");
    vec![if case.is_reinforced() {
        finding
            .advise(
                "grpo.overlong",
                "`mask` leaves cut answers out, `soft` makes length cost something before the limit",
            )
            .advise("grpo.reward.length", "a small weight, so that of two right answers the shorter earns more")
    } else {
        finding.advise("data.source", "demonstrations that end: check that they fit train.seq_len (data/truncated)")
    }]
}

/// Entropy that is gone leaves nothing to choose from; entropy that explodes is noise.
pub(super) fn entropy(case: &Case) -> Vec<Finding> {
    let curve = case.curve("entropy");
    let Some(trend) = Trend::of(curve) else { return Vec::new() };
    let figures = |finding: Finding| {
        finding.figure("entropy_begin", trend.begin).figure("entropy_end", trend.end).over(curve.span())
    };
    if trend.end < LOW_ENTROPY && trend.end < 0.25 * trend.begin && trend.falls() {
        // That entropy falls while answers get better is what learning looks like.
        let severity = if case.is_learning() { Severity::Note } else { Severity::Problem };
        let text = format!(
            "Entropy fell from {} to {} nats a token: answers to one problem are nearly always the same, so groups have no \
             difference to learn from, and nothing new is tried.{}",
            value(trend.begin),
            value(trend.end),
            if severity == Severity::Note { " Accuracy rose meanwhile; it matters if it stops." } else { "" }
        );
        return vec![figures(
            Finding::new("entropy_collapse", severity, "Entropy has collapsed", text)
                .advise("grpo.epsilon_high", "0.28 (clip-higher) lets rare tokens grow")
                .advise("grpo.kl", "k3 with beta holds the model nearer to its reference")
                .advise("train.lr", "lower it by half"),
        )];
    }
    if trend.end > HIGH_ENTROPY && trend.end > 2.0 * trend.begin && trend.rises() && !case.is_learning() {
        let text = format!(
            "Entropy rose from {} to {} nats a token: the model is on the way to random text.",
            value(trend.begin),
            value(trend.end)
        );
        return vec![figures(
            Finding::new("entropy_explosion", Severity::Problem, "Entropy explodes", text)
                .advise("train.lr", "lower it by half")
                .advise("grpo.temperature", "1.0 at most, or grpo.min_p = 0.02 against the long tail"),
        )];
    }
    Vec::new()
}

/// One answer to all problems.
pub(super) fn all_alike(case: &Case) -> Vec<Finding> {
    let Some(last) = case.samples.iter().filter(|s| !s.is_train()).map(|s| s.step).max() else { return Vec::new() };
    let samples: Vec<_> = case.samples.iter().filter(|s| s.step == last && !s.is_train()).collect();
    let mut contents = BTreeMap::<&str, usize>::new();
    for sample in &samples {
        *contents.entry(sample.content.trim()).or_default() += 1;
    }
    let mut wanted = BTreeMap::<String, usize>::new();
    for sample in &samples {
        *wanted.entry(sample.answer_text()).or_default() += 1;
    }
    let most = |counts: usize| counts as f64 / samples.len() as f64;
    let Some((content, n)) = contents.into_iter().max_by_key(|(_, n)| *n) else { return Vec::new() };
    let natural = most(wanted.values().copied().max().unwrap_or(0));
    if samples.len() < 8 || most(n) < 0.5 || natural > 0.3 {
        return Vec::new();
    }
    let quoted = if content.is_empty() {
        "nothing at all".to_owned()
    } else {
        format!("`{}`", content.chars().take(80).collect::<String>())
    };
    let text = format!(
        "At step {last}, {} of {} answers that were written down say the same, {quoted}, while the right answers differ.",
        n,
        samples.len()
    );
    let shown = samples.iter().filter(|s| s.content.trim() == content).take(2).map(|s| (*s).clone()).collect();
    vec![
        Finding::new("same_answer", Severity::Problem, "The model says the same to every problem", text)
            .figure("share_same", most(n))
            .over((last, last))
            .advise("train.lr", "lower it, and go on from a checkpoint before this began")
            .advise("grpo.reward", "find out which part of the reward this answer earns")
            .show(shown),
    ]
}

/// Thinking that shrinks to nothing without gain.
pub(super) fn thinking_vanished(case: &Case) -> Vec<Finding> {
    let curve = case.curve("completions/mean_thinking_length");
    let Some(trend) = Trend::of(curve).filter(|t| t.begin > 8.0 && t.end < 0.2 * t.begin && t.falls()) else {
        return Vec::new();
    };
    let moved = case.accuracy.as_ref().map(|a| a.movement);
    if moved == Some(Movement::Rises) {
        return Vec::new();
    }
    let text = format!(
        "Thinking shrank from {} to {} tokens on average, and accuracy did not rise meanwhile.",
        value(trend.begin),
        value(trend.end)
    );
    vec![
        Finding::new("thinking_vanished", Severity::Warning, "The model has stopped thinking", text)
            .figure("thinking_begin", trend.begin)
            .figure("thinking_end", trend.end)
            .over(curve.span())
            .advise("grpo.reward.length", "0: shortness is paid too much")
            .advise(
                "grpo.loss",
                "`dr_grpo` or `token`: the mean over each answer's own length favours short right answers",
            ),
    ]
}
