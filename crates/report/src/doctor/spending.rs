//! Checks of where time and money go.

use super::case::Case;
use super::{Finding, Severity};
use crate::stats::median;
use cost::text::{dollars, duration, percent};

/// Phases of a step: the file's key, its word, the share of time above which it is much, and what to change.
const PHASES: [(&str, &str, f64, &str, &str); 5] = [
    ("rollout_s", "sampling answers", 0.95, "grpo.max_new_tokens", "shorter answers, or fewer of them"),
    ("verify_s", "verifying", 0.3, "data.source", "a cheaper verifier or judge"),
    ("update_s", "updating", 0.9, "train.micro_batch_tokens", "larger micro-batches, fewer grpo.epochs"),
    ("eval_s", "evaluating", 0.4, "eval.every", "evaluate less often, or with fewer eval.problems"),
    ("checkpoint_s", "writing checkpoints", 0.2, "checkpoint.minutes", "write them less often"),
];

/// Steps below which a share of time says little.
const MIN_STEPS: usize = 10;

/// One phase takes what others should have, or single steps stall.
pub(super) fn slow_phase(case: &Case) -> Vec<Finding> {
    let timings = &case.run.timings;
    let sum = |name: &str| timings.get(name).values.iter().filter(|v| v.is_finite()).sum::<f64>();
    let total: f64 = PHASES.iter().map(|phase| sum(phase.0)).sum();
    let mut findings = Vec::new();
    if timings.get("rollout_s").len() >= MIN_STEPS && total > 0.0 {
        for (name, word, much, key, change) in PHASES {
            let share = sum(name) / total;
            if share <= much {
                continue;
            }
            let text = format!(
                "{} of the time ({} of {}) goes into {word}.",
                percent(share),
                duration(sum(name)),
                duration(total)
            );
            findings.push(
                Finding::new("slow_phase", Severity::Warning, format!("Most time goes into {word}"), text)
                    .figure(name, sum(name))
                    .figure("share", share)
                    .over(timings.get(name).span())
                    .advise(key, change),
            );
        }
    }
    findings.extend(stalls(case));
    findings
}

/// Steps that took far longer than the others, by what the timings say they did.
fn stalls(case: &Case) -> Option<Finding> {
    let timings = &case.run.timings;
    let work: Vec<(u64, f64)> = timings
        .get("rollout_s")
        .points()
        .map(|(step, rollout)| {
            let other = ["verify_s", "update_s"].map(|name| timings.get(name).at(step).unwrap_or(0.0));
            (step, rollout + other[0] + other[1])
        })
        .collect();
    if work.len() < 2 * MIN_STEPS {
        return None;
    }
    let usual = median(&work.iter().map(|(_, s)| *s).collect::<Vec<_>>());
    let slow: Vec<&(u64, f64)> = work.iter().filter(|(_, s)| *s > 10.0 * usual).collect();
    let lost: f64 = slow.iter().map(|(_, s)| s - usual).sum();
    let total: f64 = work.iter().map(|(_, s)| s).sum();
    let (first, last) = (slow.first()?, slow.last()?);
    if lost < 0.1 * total {
        return None;
    }
    let text = format!(
        "{} steps took more than 10 times the usual {}, and {} of the time together: the machine was busy with something \
         else or asleep, or a verifier or judge did not answer.",
        slow.len(),
        duration(usual),
        percent(lost / total)
    );
    Some(
        Finding::new("stalled", Severity::Warning, "Single steps stall", text)
            .figure("seconds_lost", lost)
            .over((first.0, last.0)),
    )
}

/// Work that crashes threw away.
pub(super) fn lost_work(case: &Case) -> Vec<Finding> {
    let total = case.run.bill().total();
    if total.dollars <= 0.0 || total.lost_dollars < 0.2 * total.dollars {
        return Vec::new();
    }
    let share = total.lost_dollars / total.dollars;
    let text = format!(
        "{} of {} ({}) paid for work after the last checkpoint of processes that were killed.",
        dollars(total.lost_dollars),
        dollars(total.dollars),
        percent(share)
    );
    vec![
        Finding::new("lost_work", Severity::Warning, "Much work was lost in crashes", text)
            .figure("lost_dollars", total.lost_dollars)
            .figure("share", share)
            .advise("checkpoint.minutes", "write checkpoints more often"),
    ]
}
