//! Checks of the arithmetic: loss and gradients, the learning rate, and how far an update leaves the policy that sampled.

use super::case::{Case, Movement};
use super::{Finding, Severity};
use crate::curves::Curve;
use crate::run::Gradients;
use crate::stats::{Trend, median};
use cost::text::{percent, value};
use std::collections::{BTreeMap, BTreeSet};

/// A loss or gradient that is not a number.
pub(super) fn not_finite(case: &Case) -> Vec<Finding> {
    let names = ["loss", "grad_norm", "reward", "val/loss", "kl"];
    let bad = |name: &&str| case.curve(name).points().find(|(_, v)| !v.is_finite());
    let Some((name, (step, x))) = names.iter().find_map(|name| Some((*name, bad(name)?))) else { return Vec::new() };
    let n = case.curve(name).values.iter().filter(|v| !v.is_finite()).count();
    let tensors: Vec<String> = case
        .gradients
        .iter()
        .find(|line| line.norms.values().any(|v| !Gradients::norm(v).is_finite()))
        .map(|line| {
            line.norms.iter().filter(|(_, v)| !Gradients::norm(v).is_finite()).map(|(k, _)| k.clone()).collect()
        })
        .unwrap_or_default();
    let place = if tensors.is_empty() { String::new() } else { format!(" Tensors: {}.", patterns(&tensors)) };
    let text = format!("`{name}` is {x} at step {step}, and not a number at {n} steps in all.{place}");
    vec![
        Finding::new("diverged", Severity::Problem, "The numbers broke down", text)
            .figure("n_steps", n as f64)
            .over((step, case.run.step()))
            .advise("train.lr", "lower it by a factor of 3, and go on from a checkpoint before this step")
            .advise("train.warmup_steps", "lengthen it if this happened early")
            .advise("train.clip", "1.0 or less"),
    ]
}

/// No step, no learning.
pub(super) fn learning_rate_is_zero(case: &Case) -> Vec<Finding> {
    let lr = case.curve("lr");
    let n_zero = lr.values.iter().filter(|v| **v == 0.0).count();
    if lr.len() < 3 || n_zero * 2 <= lr.len() {
        return Vec::new();
    }
    let zero: Vec<u64> = lr.points().filter(|(_, v)| *v == 0.0).map(|(step, _)| step).collect();
    let text = format!("The learning rate is 0 at {n_zero} of {} steps: the weights do not move there.", lr.len());
    vec![
        Finding::new("lr_zero", Severity::Problem, "The learning rate is 0", text)
            .figure("n_steps", n_zero as f64)
            .over((zero[0], zero[zero.len() - 1]))
            .advise("train.lr", "above 0")
            .advise(
                "train.schedule",
                "with `constant` the rate does not fall; check train.min_lr and train.warmup_steps",
            ),
    ]
}

/// Tensors that no gradient reaches.
pub(super) fn zero_gradient(case: &Case) -> Vec<Finding> {
    let norms = case.curve("grad_norm");
    let n_zero = norms.values.iter().filter(|v| **v == 0.0).count();
    if norms.len() >= 3 && n_zero * 2 > norms.len() {
        let text = format!(
            "The gradient of all weights together is 0 at {n_zero} of {} steps.{}",
            norms.len(),
            if case.is_reinforced() {
                " In reinforcement learning that is what groups with equal rewards give."
            } else {
                ""
            }
        );
        return vec![
            Finding::new("no_gradient", Severity::Problem, "There is no gradient", text)
                .figure("n_steps", n_zero as f64)
                .over(norms.span())
                .advise("grpo.reward", "must tell answers to one problem apart (frac_reward_zero_std)"),
        ];
    }
    let lines = &case.gradients;
    if lines.len() < 2 {
        return Vec::new();
    }
    let is_zero = |name: &String| {
        let seen: Vec<f64> = lines.iter().filter_map(|line| Some(Gradients::norm(line.norms.get(name)?))).collect();
        seen.len() >= 2 && seen.iter().all(|norm| *norm == 0.0)
    };
    let names: BTreeSet<&String> = lines.iter().flat_map(|line| line.norms.keys()).collect();
    let idle = unused_by_design(case, &names);
    let zero: Vec<String> =
        names.iter().filter(|name| is_zero(name) && !idle(name)).map(|name| (*name).clone()).collect();
    if zero.is_empty() || zero.len() == names.len() {
        return Vec::new();
    }
    let are_experts = zero.iter().all(|name| name.contains(".experts."));
    let severity = if are_experts { Severity::Warning } else { Severity::Problem };
    let why = if are_experts {
        "They belong to experts that no token was sent to."
    } else {
        "Nothing that they do reaches the loss: a part that is switched off, frozen, or cut from the rest."
    };
    let text = format!(
        "{} of {} tensors have a gradient of exactly 0 at all {} steps that were looked at: {}. {why}",
        zero.len(),
        names.len(),
        lines.len(),
        patterns(&zero)
    );
    let finding = Finding::new("zero_gradient", severity, "Some weights get no gradient", text)
        .figure("n_tensors", zero.len() as f64)
        .over((lines[0].step, lines[lines.len() - 1].step));
    vec![if are_experts {
        finding
            .advise("train.bias_gamma", "above 0 (1e-3), so that all experts get tokens")
            .advise("train.balance_alpha", "1e-4")
    } else {
        finding.advise("model", "check which weights are trained (frozen layers, an adapter's targets)")
    }]
}

/// The layers for multi-token prediction get no gradient where its loss has no weight, and correction biases never do.
fn unused_by_design<'a>(case: &Case, names: &BTreeSet<&'a String>) -> impl Fn(&&'a String) -> bool {
    let has_mtp_loss = !case.is_reinforced() && case.run.recipe_number("train.mtp_weight").is_none_or(|w| w > 0.0);
    let layers: Vec<String> = names
        .iter()
        .filter_map(|name| Some(format!("{}.", name.split_once(".eh_proj")?.0)))
        .filter(|_| !has_mtp_loss)
        .collect();
    move |name| name.ends_with("e_score_correction_bias") || layers.iter().any(|layer| name.starts_with(layer))
}

/// Names with their numbers replaced by `*`, each form once.
fn patterns(names: &[String]) -> String {
    const N_SHOWN: usize = 4;
    let mut forms = BTreeMap::<String, (usize, &str)>::new();
    for name in names {
        let form: Vec<&str> = name.split('.').map(|p| if p.parse::<u32>().is_ok() { "*" } else { p }).collect();
        forms.entry(form.join(".")).or_insert((0, name)).0 += 1;
    }
    let one = |(form, (n, name)): (&String, &(usize, &str))| {
        if *n == 1 { format!("`{name}`") } else { format!("`{form}` ({n} times)") }
    };
    let mut shown: Vec<String> = forms.iter().take(N_SHOWN).map(one).collect();
    if forms.len() > N_SHOWN {
        shown.push(format!("and {} more kinds", forms.len() - N_SHOWN));
    }
    shown.join(", ")
}

/// The probabilities of sampling must be those of the update, bit for bit.
pub(super) fn mismatch(case: &Case) -> Vec<Finding> {
    let curve = case.curve("mismatch_kl");
    let off: Vec<(u64, f64)> = curve.points().filter(|(_, v)| *v != 0.0).collect();
    let Some((first, _)) = off.first() else { return Vec::new() };
    let most = off.iter().map(|(_, v)| v.abs()).fold(0.0, f64::max);
    // What rounding leaves is no reason for worry, but exact it is not either.
    let severity = if most > 1e-9 { Severity::Problem } else { Severity::Warning };
    let text = format!(
        "`mismatch_kl` is not 0 at {} of {} steps (at most {}): the probabilities that answers were sampled with are not \
         those that the update computes, so ratios and advantages are of another policy. Sampling must run in the exact \
         mode, at the update's precision; if it does, this is a fault of the program.",
        off.len(),
        curve.len(),
        value(most)
    );
    vec![
        Finding::new("mismatch", severity, "Sampling and update disagree on probabilities", text)
            .figure("mismatch_kl_max", most)
            .figure("n_steps", off.len() as f64)
            .over((*first, off[off.len() - 1].0))
            .advise("model.precision", "the same for rollouts and update"),
    ]
}

/// Updates that leave the policy which sampled far behind.
pub(super) fn ratio_exploded(case: &Case) -> Vec<Finding> {
    const LARGE: f64 = 10.0;
    const MUCH_CLIPPED: f64 = 0.2;
    let ratio = case.curve("ratio/max");
    let large: Vec<(u64, f64)> = ratio.points().filter(|(_, v)| *v > LARGE || v.is_nan()).collect();
    let clipped = case.level("clip_ratio").unwrap_or(0.0);
    if large.len() * 20 <= ratio.len() && clipped < MUCH_CLIPPED {
        return Vec::new();
    }
    let most = large.iter().map(|(_, v)| *v).fold(0.0, f64::max);
    let severity = if large.len() * 4 > ratio.len() || clipped > 0.4 { Severity::Problem } else { Severity::Warning };
    let mut parts = Vec::new();
    if !large.is_empty() {
        parts.push(format!(
            "the ratio of new to old probability passed {LARGE} at {} of {} steps (at most {})",
            large.len(),
            ratio.len(),
            value(most)
        ));
    }
    if clipped >= MUCH_CLIPPED {
        parts.push(format!("{} of the tokens are clipped, which learn nothing", percent(clipped)));
    }
    let text = format!("Within one step the policy moves too far: {}.", parts.join("; "));
    let span =
        if large.is_empty() { case.present("clip_ratio").span() } else { (large[0].0, large[large.len() - 1].0) };
    vec![
        Finding::new("ratio_exploded", severity, "An update moves the policy too far", text)
            .figure("ratio_max", most)
            .figure("clip_ratio", clipped)
            .over(span)
            .advise("train.lr", "lower it by a factor of 2 to 3")
            .advise("grpo.minibatches", "fewer updates from the same rollouts, and grpo.epochs = 1")
            .advise("grpo.ratio", "`sequence` (GSPO) is calmer for long answers"),
    ]
}

/// Divergence from the reference without end.
pub(super) fn kl_runaway(case: &Case) -> Vec<Finding> {
    const FAR: f64 = 0.5;
    let curve = case.curve("kl");
    let Some(trend) = Trend::of(curve).filter(|t| t.end > FAR && t.end > 3.0 * t.begin.abs() && t.rises()) else {
        return Vec::new();
    };
    let severity = if case.is_learning() { Severity::Note } else { Severity::Problem };
    let beta = case.run.recipe_number("grpo.beta").map(|b| format!(" at beta {}", value(b))).unwrap_or_default();
    let text = format!(
        "Divergence from the reference rose from {} to {} nats a token{beta}{}",
        value(trend.begin),
        value(trend.end),
        if severity == Severity::Note {
            "; accuracy rises with it, so far."
        } else {
            ", and accuracy did not rise with it."
        }
    );
    vec![
        Finding::new("kl_runaway", severity, "The model runs away from its reference", text)
            .figure("kl_begin", trend.begin)
            .figure("kl_end", trend.end)
            .over(curve.span())
            .advise("grpo.beta", "raise it by a factor of 3 to 10")
            .advise("train.lr", "lower it by half")
            .advise("grpo.reference_every", "a fresh reference now and then, if the distance itself is wanted"),
    ]
}

/// Gradients far beyond what the run is used to.
pub(super) fn gradient_exploded(case: &Case) -> Vec<Finding> {
    const TIMES: f64 = 20.0;
    let curve = case.curve("grad_norm");
    let finite: Vec<f64> = curve.values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect();
    if finite.len() < 20 {
        return Vec::new();
    }
    let usual = median(&finite);
    // The first steps of a new model have large gradients; those that come later are the ones that tell.
    let later: Curve = curve.from_index(curve.len() / 5);
    let spikes: Vec<(u64, f64)> = later.points().filter(|(_, v)| *v > TIMES * usual).collect();
    if spikes.len() * 50 <= later.len() {
        return Vec::new();
    }
    let most = spikes.iter().map(|(_, v)| *v).fold(0.0, f64::max);
    let is_worse = case.accuracy.as_ref().is_some_and(|a| a.movement == Movement::Falls);
    let severity = if is_worse { Severity::Problem } else { Severity::Warning };
    let text = format!(
        "The gradient's norm passes {TIMES} times its median ({}) at {} of {} steps, at most {}.",
        value(usual),
        spikes.len(),
        later.len(),
        value(most)
    );
    vec![
        Finding::new("gradient_spikes", severity, "The gradient explodes now and then", text)
            .figure("grad_norm_median", usual)
            .figure("grad_norm_max", most)
            .over((spikes[0].0, spikes[spikes.len() - 1].0))
            .advise("train.lr", "lower it by half")
            .advise("train.clip", format!("near the median, {}", value(usual))),
    ]
}

/// Experts that get far more than their share.
pub(super) fn experts_unbalanced(case: &Case) -> Vec<Finding> {
    const MUCH: f64 = 4.0;
    let name = "balance/max_violation";
    let Some(level) = case.level(name).filter(|level| *level > MUCH) else { return Vec::new() };
    let text = format!(
        "The busiest expert gets {} times the mean load: few experts do the work of all, and are trained as few.",
        value(level + 1.0)
    );
    vec![
        Finding::new("experts_unbalanced", Severity::Warning, "Experts are not balanced", text)
            .figure(name, level)
            .over(case.present(name).span())
            .advise("train.bias_gamma", "1e-3, or more for a short run")
            .advise("train.balance_alpha", "1e-4 to 1e-3"),
    ]
}
