//! Checks of what is rewarded: does the reward tell answers apart, and does it tell right ones from wrong ones?

use super::case::{Case, Movement, SOLVED};
use super::{Finding, Severity};
use crate::curves::Curve;
use crate::run::Sample;
use crate::stats::{Comparison, Trend, has_risen, wilson};
use cost::text::{percent, value};

/// Share of groups without a difference above which most work is for nothing, and above which nearly all is.
const MANY_EQUAL: f64 = 0.5;
const NEARLY_ALL_EQUAL: f64 = 0.8;

/// Below: as good as never right; above the complement: as good as always.
const HARDLY: f64 = 0.1;

/// Fewest answers of either kind that rewards are compared over.
const MIN_JUDGED: usize = 5;

/// Samples shown with a finding.
const N_SHOWN: usize = 3;

/// Groups whose answers all earn the same teach nothing.
pub(super) fn equal_groups(case: &Case) -> Vec<Finding> {
    let curve = case.present("frac_reward_zero_std");
    let Some(equal) = curve.mean().filter(|share| *share > MANY_EQUAL) else { return Vec::new() };
    let right = case.level("rewards/accuracy/mean").or_else(|| case.level("reward")).unwrap_or(f64::NAN);
    let severity = if equal > NEARLY_ALL_EQUAL { Severity::Problem } else { Severity::Warning };
    let share = percent(equal);
    // What is not paid does not make groups equal.
    let pays_accuracy = case.weight("accuracy") != Some(0.0);
    let finding = if !pays_accuracy {
        let text = format!(
            "In {share} of the groups all answers earn the same, {} on average: what the recipe pays ({}) no longer tells \
             answers apart.",
            value(case.level("reward").unwrap_or(f64::NAN)),
            paid_instead(case)
        );
        Finding::new("equal_groups", severity, "The reward is the same for nearly all answers", text)
            .advise("grpo.reward.accuracy", "1.0: pay for right answers")
    } else if right < HARDLY {
        let text = format!(
            "In {share} of the groups all answers earn the same, and only {} of the answers are right: the problems are \
             too hard for this model, so no answer of a group is better than the others.{}",
            percent(right),
            tasks_at(case, "never solved", |accuracy| accuracy < 0.01)
        );
        Finding::new("all_groups_wrong", severity, "Nearly all groups are all wrong: the problems are too hard", text)
            .advise(
                "data.source",
                "lower the difficulties, or mix in easier families; start from a base that solves some",
            )
            .advise("grpo.curriculum.enabled", "true: draw the difficulties that are sometimes solved")
            .advise("grpo.group_size", "larger groups catch a rare success")
            .advise("grpo.dynamic_sampling", "2 or more: replace such groups by fresh ones")
    } else if right > 1.0 - HARDLY {
        let severity = if case.is_learning() { Severity::Note } else { severity };
        let text = format!(
            "In {share} of the groups all answers earn the same, and {} of the answers are right: there is hardly anything \
             left to learn from these problems.{}",
            percent(right),
            tasks_at(case, "always solved", |accuracy| accuracy > 0.99)
        );
        Finding::new("all_groups_right", severity, "Nearly all groups are all right: the problems are too easy", text)
            .advise("data.source", "raise the difficulties, or add harder families")
            .advise("grpo.curriculum.enabled", "true: draw the difficulties that are not always solved")
    } else {
        let text = format!(
            "In {share} of the groups all answers earn the same, though {} of the answers are right: the answers to one \
             problem hardly differ, or problems are either solved always or never.{}",
            percent(right),
            tasks_at(case, "never solved", |accuracy| accuracy < 0.01)
        );
        Finding::new("equal_groups", severity, "Most groups have no difference to learn from", text)
            .advise("grpo.temperature", "1.0 or a little more, so that answers to one problem differ")
            .advise("grpo.curriculum.enabled", "true: draw difficulties that are solved between 20% and 80%")
            .advise("grpo.dynamic_sampling", "2 or more: replace such groups by fresh ones")
    };
    vec![finding.figure("frac_reward_zero_std", equal).figure("rewards/accuracy/mean", right).over(curve.span())]
}

/// Names the families whose training accuracy is at one end.
fn tasks_at(case: &Case, what: &str, is_there: fn(f64) -> bool) -> String {
    let mean = |name: &str| case.level(&format!("accuracy/{name}"));
    let names: Vec<&str> = case
        .run
        .metrics
        .below("accuracy/")
        .map(|(task, _)| task)
        .filter(|task| mean(task).is_some_and(is_there))
        .collect();
    if names.is_empty() { String::new() } else { format!(" Families {what}: {}.", names.join(", ")) }
}

/// The reward rises while the strict verifier sees nothing: something else than right answers is paid.
pub(super) fn hack(case: &Case) -> Vec<Finding> {
    let Some(accuracy) = &case.accuracy else { return Vec::new() };
    let reward = case.between_evaluations("reward");
    let Some(trend) = Trend::of(&reward).filter(|t| is_up(&reward, t) && t.end - t.begin > 0.02 + 0.05 * t.begin.abs())
    else {
        return Vec::new();
    };
    // With few evaluations nobody can say that accuracy is flat; that it follows the reward can be doubted all the same.
    let is_left_behind = accuracy.change.is_some_and(|change| change.estimate < 0.25 * (trend.end - trend.begin));
    let severity = match accuracy.movement {
        Movement::Flat | Movement::Falls => Severity::Problem,
        Movement::Unclear if is_left_behind => Severity::Warning,
        _ => return Vec::new(),
    };
    if accuracy.last() >= SOLVED {
        return Vec::new();
    }
    let risen = risen_rewards(case);
    let names: Vec<&str> = risen.iter().map(|(name, _)| name.as_str()).collect();
    let parts = match risen.as_slice() {
        [] => "No part of it is known to have risen (no rewards/NAME/mean).".to_owned(),
        risen => {
            let each = risen
                .iter()
                .map(|(name, t)| format!("rewards/{name}/mean from {} to {}", value(t.begin), value(t.end)));
            format!("What rose: {}.", each.collect::<Vec<_>>().join(", "))
        }
    };
    let figures = format!(
        "The reward rose from {} to {}, but accuracy on validation problems {}. {parts}",
        value(trend.begin),
        value(trend.end),
        accuracy.in_words()
    );
    let pays_accuracy = case.weight("accuracy").map_or(names.contains(&"accuracy"), |w| w > 0.0);
    let finding = match names.first() {
        Some(&"format") if pays_accuracy && names.len() == 1 => Finding::new(
            "format_without_accuracy",
            severity,
            "The format is learned, the answers are not",
            format!(
                "{figures} The form of an answer is the easier part of the reward, and the only one that was found."
            ),
        )
        .advise("grpo.reward.format", "lower it (0.1), so that form alone pays little")
        .advise("data.source", "easier problems, so that right answers happen and can be reinforced")
        .advise("grpo.group_size", "larger groups catch a rare right answer"),
        Some(&"accuracy") => Finding::new(
            "reward_hack",
            severity,
            "The reward rises while held-out accuracy does not: `accuracy` pays for something else",
            format!(
                "{figures} Answers in training are called right more and more often, held-out ones are not: either the \
                 problems of training are remembered, or their verifier accepts what the strict one does not."
            ),
        )
        .advise("data.source", "more and more varied problems, and a verifier that reads the last answer only")
        .advise("grpo.kl", "k3 or unbiased, with beta, keeps the model nearer to where it began"),
        component => {
            let name = component.copied().unwrap_or("?");
            Finding::new(
                "reward_hack",
                severity,
                format!("The reward rises while accuracy does not: `{name}` is being exploited"),
                format!("{figures} The model learns to earn `{name}`, not to answer right."),
            )
            .advise("grpo.reward", format!("weigh `{name}` less, or drop it; `accuracy` must be what pays most"))
        }
    };
    let shown = unearned(case, reward.span().1);
    vec![
        finding
            .figure("reward_begin", trend.begin)
            .figure("reward_end", trend.end)
            .figure("reward_p_value", trend.p_value)
            .figure("val/accuracy_begin", accuracy.first())
            .figure("val/accuracy_end", accuracy.last())
            .over(reward.span())
            .show(shown),
    ]
}

/// Whether the curve rose over the run, or early and for good.
fn is_up(curve: &Curve, trend: &Trend) -> bool {
    trend.rises() || has_risen(curve)
}

/// The rewards that surely rose, the largest contribution first.
fn risen_rewards(case: &Case) -> Vec<(String, Trend)> {
    let names = case.run.metrics.names().filter_map(|name| name.strip_prefix("rewards/")?.strip_suffix("/mean"));
    let mut risen: Vec<(String, Trend)> = names
        .filter(|name| case.weight(name) != Some(0.0))
        .filter_map(|name| {
            let curve = case.between_evaluations(&format!("rewards/{name}/mean"));
            let trend = Trend::of(&curve).filter(|t| is_up(&curve, t) && t.end - t.begin > 0.02)?;
            Some((name.to_owned(), trend))
        })
        .collect();
    let contribution = |(name, trend): &(String, Trend)| case.weight(name).unwrap_or(1.0) * (trend.end - trend.begin);
    risen.sort_by(|a, b| contribution(b).total_cmp(&contribution(a)));
    risen
}

/// Late answers that are not right and earned the most; validation answers where training kept none.
fn unearned(case: &Case, end: u64) -> Vec<Sample> {
    let mut candidates: Vec<&Sample> =
        case.samples.iter().filter(|s| s.verdict != "right" && s.step <= end && s.reward.is_some()).collect();
    if candidates.is_empty() {
        candidates = case.samples.iter().filter(|s| s.verdict != "right").collect();
    }
    candidates.sort_by(|a, b| {
        let reward = |s: &Sample| s.reward.unwrap_or(0.0);
        reward(b).total_cmp(&reward(a)).then(b.step.cmp(&a.step))
    });
    candidates.into_iter().take(N_SHOWN).cloned().collect()
}

/// Right answers must earn more than wrong ones.
pub(super) fn ignores_verdict(case: &Case) -> Vec<Finding> {
    let earned = |verdict: &str| -> Vec<f64> {
        case.samples.iter().filter(|s| s.is_train() && s.verdict == verdict).filter_map(|s| s.reward).collect()
    };
    let (right, wrong) = (earned("right"), earned("wrong"));
    let has_enough = right.len().min(wrong.len()) >= MIN_JUDGED;
    let comparison = Comparison::of(&right, &wrong).filter(|_| has_enough);
    // Where accuracy is paid, a right answer earns more nearly every time. Half is what a coin gives.
    let is_blind = comparison.is_some_and(|c| c.larger < 0.75);
    let pays_nothing = case.weight("accuracy") == Some(0.0) && case.weight("judge").unwrap_or(0.0) == 0.0;
    if !(is_blind || pays_nothing) {
        return Vec::new();
    }
    let mut text = String::new();
    if let Some(comparison) = comparison {
        text = format!(
            "Over {} right and {} wrong answers from training, a right one earns more than a wrong one {} of the time (a \
             coin: 50%; a reward for accuracy: nearly 100%): {} and {} on average.",
            right.len(),
            wrong.len(),
            percent(comparison.larger),
            value(crate::stats::mean(&right)),
            value(crate::stats::mean(&wrong))
        );
    }
    let paid = paid_instead(case);
    if pays_nothing {
        text += &format!(" The recipe pays 0 for a right answer; what it pays: {paid}.");
    }
    let mut finding = Finding::new(
        "reward_ignores_verdict",
        Severity::Problem,
        "Right answers earn no more than wrong ones",
        text.trim(),
    )
    .figure("n_right", right.len() as f64)
    .figure("n_wrong", wrong.len() as f64)
    .over(case.curve("reward").span())
    .advise("grpo.reward.accuracy", format!("1.0, and little for everything else (now {paid})"));
    if let Some(comparison) = comparison {
        finding = finding.figure("right_earns_more", comparison.larger);
    }
    vec![finding.show(unearned(case, u64::MAX))]
}

/// Weights of the rewards besides accuracy.
fn paid_instead(case: &Case) -> String {
    let weights = case.run.recipe_value("grpo.reward").and_then(toml::Value::as_table);
    let paid: Vec<String> = weights
        .into_iter()
        .flatten()
        .filter(|(name, weight)| *name != "accuracy" && weight.as_float().is_some_and(|w| w != 0.0))
        .map(|(name, weight)| format!("{name} = {weight}"))
        .collect();
    if paid.is_empty() { "nothing else".to_owned() } else { paid.join(", ") }
}

/// Answers that no verifier could judge are left out; too many are a fault of the problems or of the form.
pub(super) fn cannot_judge(case: &Case) -> Vec<Finding> {
    let curve = case.present("n_cannot_judge");
    let n_groups = case.level("n_groups");
    let group_size = case.run.recipe_number("grpo.group_size");
    let by_metrics = curve.mean().zip(n_groups.zip(group_size)).map(|(n, (groups, size))| n / (groups * size).max(1.0));
    let judged = || case.samples.iter().filter(|s| s.step >= curve.span().0);
    let (n, n_samples) = (judged().filter(|s| s.verdict == "cannot_judge").count() as f64, judged().count() as f64);
    let share = by_metrics.unwrap_or_else(|| wilson(n, n_samples).0);
    if n_samples + curve.len() as f64 == 0.0 || share < 0.1 {
        return Vec::new();
    }
    let severity = if share > 0.5 { Severity::Problem } else { Severity::Warning };
    let text = format!(
        "For {} of the answers the verifier could not say whether they are right. They are left out of groups and rewards, \
         and what is left may not be typical.",
        percent(share)
    );
    let shown = case.samples.iter().rev().filter(|s| s.verdict == "cannot_judge").take(N_SHOWN).cloned().collect();
    vec![
        Finding::new("cannot_judge", severity, "Many answers cannot be judged", text)
            .figure("share_cannot_judge", share)
            .over(case.curve("reward").tail(1.0 / 3.0).span())
            .advise(
                "data.source",
                "a verifier that fits the answers (penseur verify shows its reason for one), or shorter answers",
            )
            .show(shown),
    ]
}
