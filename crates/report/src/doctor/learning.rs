//! Checks of the outcome: does the measure that counts move, and does what is trained on tell the same story as what is
//! held out?

use super::case::{Case, Movement, SOLVED};
use super::{Finding, Severity};
use crate::curves::Curve;
use crate::run::Run;
use crate::stats::{Change, Trend, block_means, median};
use cost::text::{percent, thousands, value};

/// Accuracy that goes down.
pub(super) fn accuracy_falls(case: &Case) -> Vec<Finding> {
    let Some(accuracy) = case.accuracy.as_ref().filter(|a| a.movement == Movement::Falls) else { return Vec::new() };
    let (best_step, best) = best(&accuracy.curve);
    let text = format!(
        "Accuracy on validation problems {}. The best was {} at step {best_step}; that checkpoint is kept if \
         checkpoint.keep_best is on.",
        accuracy.in_words(),
        percent(best)
    );
    vec![
        Finding::new("accuracy_falls", Severity::Problem, "Accuracy falls", text)
            .figure("val/accuracy_begin", accuracy.first())
            .figure("val/accuracy_end", accuracy.last())
            .figure("val/accuracy_best", best)
            .over((best_step, accuracy.curve.span().1))
            .advise("train.lr", "lower it by a factor of 2 to 3, and go on from the best checkpoint"),
    ]
}

/// Reinforcement that reinforces nothing: neither reward nor accuracy moves.
pub(super) fn nothing_learned(case: &Case) -> Vec<Finding> {
    let reward = case.curve("reward");
    if case.is_too_early() || reward.is_empty() || case.is_learning() {
        return Vec::new();
    }
    let (Some(trend), Some(change)) = (Trend::of(reward), Change::of(&blocks(reward, 12), 0.0)) else {
        return Vec::new();
    };
    // What accuracy says decides; without it the reward must be flat beyond doubt.
    let accuracy = case.accuracy.as_ref();
    let is_flat = |movement| movement == Movement::Flat || movement == Movement::Unclear;
    let room = 0.05 + 0.1 * trend.begin.abs();
    if trend.rises() || trend.falls() || change.high > room || !accuracy.is_none_or(|a| is_flat(a.movement)) {
        return Vec::new();
    }
    let measured =
        accuracy.map(|a| format!(", and accuracy on validation problems {}", a.in_words())).unwrap_or_default();
    let text = format!(
        "Over {} steps the reward went from {} to {} (no trend: p = {:.2}){measured}. If another finding stands above, it is \
         the likelier cause; otherwise the steps are too small or too few.",
        reward.len(),
        value(trend.begin),
        value(trend.end),
        trend.p_value
    );
    vec![
        Finding::new("nothing_learned", Severity::Problem, "Nothing is learned: the reward is flat", text)
            .figure("reward_begin", trend.begin)
            .figure("reward_end", trend.end)
            .figure("reward_p_value", trend.p_value)
            .over(reward.span())
            .advise("train.lr", "raise it by a factor of 3, if clip_ratio and ratio/max are small")
            .advise("grpo.prompts", "more problems a step: less noise in each update")
            .advise("data.source", "problems that the base solves between 20% and 80% of the time"),
    ]
}

/// Better on what is trained on, worse on what is held out.
pub(super) fn overfit(case: &Case) -> Vec<Finding> {
    let held_out = case.curve("val/loss");
    if let Some(finding) = loss_overfit(case, held_out) {
        return vec![finding];
    }
    let Some(accuracy) = case.accuracy.as_ref().filter(|a| a.movement == Movement::Falls) else { return Vec::new() };
    let train = case.between_evaluations("rewards/accuracy/mean");
    let Some(trend) = Trend::of(&train).filter(|t| t.rises()) else { return Vec::new() };
    let text = format!(
        "On training problems {} of the answers were right at first and {} are now, while accuracy on validation problems {}.",
        percent(trend.begin),
        percent(trend.end),
        accuracy.in_words()
    );
    vec![
        Finding::new("overfit", Severity::Problem, "Training problems are remembered", text)
            .figure("train_begin", trend.begin)
            .figure("train_end", trend.end)
            .over(train.span())
            .advise("data.source", "more problems, drawn fresh, rather than a list read again and again")
            .advise("train.steps", "fewer"),
    ]
}

/// Held-out loss that rises again from its lowest point while training loss falls on.
fn loss_overfit(case: &Case, held_out: &Curve) -> Option<Finding> {
    let lowest = (0..held_out.len()).min_by(|a, b| held_out.values[*a].total_cmp(&held_out.values[*b]))?;
    let since = held_out.from_index(lowest);
    let rise = since.last()? / held_out.values[lowest] - 1.0;
    let step = held_out.steps[lowest];
    let trained = case.curve("loss");
    let from = trained.steps.partition_point(|s| *s < step);
    let train_trend = Trend::of(&trained.from_index(from));
    let surely = Change::of(&since, 0.0).is_some_and(|c| c.low > 0.0) || Trend::of(&since).is_some_and(|t| t.rises());
    if since.len() < 3 || rise < 0.01 || !surely || train_trend.is_none_or(|t| t.change >= 0.0) {
        return None;
    }
    let text = format!(
        "Held-out loss was lowest at step {step} ({}) and is {} now, {} above it, while the training loss went on falling.",
        value(held_out.values[lowest]),
        value(since.last()?),
        percent(rise)
    );
    Some(
        Finding::new("overfit", Severity::Problem, "The training data are remembered", text)
            .figure("val/loss_best", held_out.values[lowest])
            .figure("val/loss_end", since.last()?)
            .over(since.span())
            .advise("train.tokens", format!("end near step {step}, or take that checkpoint (checkpoint.keep_best)"))
            .advise("data.source", "more data: each document is seen too often")
            .advise("train.weight_decay", "0.1"),
    )
}

/// The loss of pretraining and fine-tuning: it must fall, and must not rise again.
pub(super) fn loss(case: &Case) -> Vec<Finding> {
    let curve = case.curve("loss");
    if case.is_reinforced() || case.is_too_early() {
        return Vec::new();
    }
    let finite: Vec<f64> = curve.values.iter().copied().filter(|v| v.is_finite()).collect();
    let blocks = block_means(&finite, 24);
    if blocks.len() < 6 {
        return Vec::new();
    }
    let lowest = (0..blocks.len()).min_by(|a, b| blocks[*a].total_cmp(&blocks[*b])).unwrap_or(0);
    let (begin, end) = (blocks[0], blocks[blocks.len() - 1]);
    let step_of = |block: usize| curve.steps[(block * curve.len() / blocks.len()).min(curve.len() - 1)];
    if end > 1.2 * blocks[lowest] && end - blocks[lowest] > 4.0 * scatter(&finite) && lowest + 1 < blocks.len() {
        let text = format!(
            "The loss was {} around step {}, and is {} now.",
            value(blocks[lowest]),
            step_of(lowest),
            value(end)
        );
        let spike = Finding::new("loss_diverged", Severity::Problem, "The loss rises again", text)
            .figure("loss_lowest", blocks[lowest])
            .figure("loss_end", end)
            .over((step_of(lowest), curve.span().1))
            .advise("train.lr", "lower it by a factor of 2 to 3, and go on from a checkpoint before the rise")
            .advise("train.warmup_steps", "lengthen it")
            .advise("train.clip", "1.0 or less");
        return vec![spike];
    }
    if end > 0.95 * begin && begin > 0.1 {
        let solved = case.accuracy.as_ref().is_some_and(|a| a.last() >= SOLVED);
        let severity = if solved || case.is_learning() { Severity::Note } else { Severity::Problem };
        let text = format!(
            "The loss was {} at the beginning and is {} after {} steps.",
            value(begin),
            value(end),
            curve.len()
        );
        let flat = Finding::new("loss_flat", severity, "The loss hardly falls", text)
            .figure("loss_begin", begin)
            .figure("loss_end", end)
            .over(curve.span())
            .advise("train.lr", "raise it by a factor of 3; if the loss is as noisy as it is flat, lower it")
            .advise(
                "data.source",
                "check that what is learnt is in the documents (learn = \"completion\" learns answers alone)",
            );
        return vec![flat];
    }
    plateau(case, curve).into_iter().collect()
}

/// Nothing gained in the second half of the run.
fn plateau(case: &Case, curve: &Curve) -> Option<Finding> {
    let half = curve.tail(0.5);
    let change = Change::of(&blocks(&half, 12), 0.0)?;
    let level = half.mean()?;
    if half.len() < 100 || change.low < -0.01 * level || change.high > 0.1 * level {
        return None;
    }
    let text = format!(
        "Since step {} the loss is at {}: its change over the second half is {} to {} by its 95% interval. More of the same \
         will bring little.",
        half.span().0,
        value(level),
        value(change.low),
        value(change.high)
    );
    Some(
        Finding::new("plateau", Severity::Note, "The loss has settled", text)
            .figure("loss", level)
            .over(half.span())
            .advise("train.schedule", "`wsd` or `cosine`: the loss falls once more when the rate does")
            .advise("model.depth", "a larger model, if the budget allows")
            .advise(
                "data.source",
                if case.accuracy.is_some() { "harder or more varied problems" } else { "more varied data" },
            ),
    )
}

/// What was left out of the data or cut.
pub(super) fn data(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (tokens, seq_len) = (case.run.tokens() as f64, case.run.recipe_number("train.seq_len").unwrap_or(512.0));
    let cut = case.run.metrics.last("data/truncated").unwrap_or(0.0);
    // A document that was cut fills seq_len positions.
    let share = (cut * seq_len / tokens.max(1.0)).min(1.0);
    if share > 0.1 {
        let severity = if share > 0.5 { Severity::Problem } else { Severity::Warning };
        let text = format!(
            "{} documents were longer than train.seq_len ({seq_len}) and lost their end, with it often the answer and the stop \
             token; they are about {} of all tokens.",
            thousands(cut as u64),
            percent(share)
        );
        findings.push(
            Finding::new("data_truncated", severity, "Documents are cut", text)
                .figure("data/truncated", cut)
                .figure("share_of_tokens", share)
                .over(case.curve("data/truncated").span())
                .advise("train.seq_len", "at least the length of most documents")
                .advise("data.source", "leave out the longest documents"),
        );
    }
    let skipped = case.run.metrics.last("data/skipped").unwrap_or(0.0);
    if skipped > 0.0 {
        findings.push(
            data_skipped(case.run, skipped).figure("data/skipped", skipped).over(case.curve("data/skipped").span()),
        );
    }
    findings
}

/// Of a file a record is left out that the template refuses; of a family, a problem whose search found no solution to show,
/// which is nothing to mend.
fn data_skipped(run: &Run, skipped: f64) -> Finding {
    let sources = run.recipe_value("data.source").and_then(toml::Value::as_array);
    let is_task = |source: &toml::Value| source.get("kind").and_then(toml::Value::as_str) == Some("task");
    let n = thousands(skipped as u64);
    match sources.is_some_and(|sources| sources.iter().all(is_task)) {
        true => {
            let text = format!(
                "{n} problems have no worked thinking (their search found none in its bounds) and were left out."
            );
            Finding::new("data_skipped", Severity::Note, "Problems are left out", text)
        }
        false => {
            let text = format!("{n} records could not be rendered by the chat template and were left out.");
            Finding::new("data_skipped", Severity::Warning, "Records are left out", text)
                .advise("data.source", "check roles and their order in the messages of the JSONL files")
        }
    }
}

fn best(curve: &Curve) -> (u64, f64) {
    curve.points().fold((0, f64::NEG_INFINITY), |best, point| if point.1 > best.1 { point } else { best })
}

/// Means of neighbours as a curve of its own: values that are nearly independent.
fn blocks(curve: &Curve, n: usize) -> Curve {
    let values = block_means(&curve.values, n);
    let steps = (0..values.len()).map(|b| curve.steps[b * curve.len() / values.len()]).collect();
    Curve { steps, values }
}

/// Typical distance of neighbours, without the trend.
fn scatter(values: &[f64]) -> f64 {
    let steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    if steps.is_empty() { 0.0 } else { median(&steps) }
}
