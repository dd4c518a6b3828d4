//! Each finding has a run that earns it, and runs that work earn none.

use super::{Diagnosis, Severity, Verdict, examine};
use crate::test_support::{FakeRun, Noise};
use proptest::prelude::*;
use serde_json::json;

const PAYS_ACCURACY: &str =
    "[grpo]\ngroup_size = 16\nmax_new_tokens = 256\n[grpo.reward]\naccuracy = 1.0\nformat = 0.1\n";
const PAYS_FORMAT: &str = "[grpo]\ngroup_size = 16\n[grpo.reward]\naccuracy = 0.0\nformat = 1.0\n";

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A GRPO run that works: 150 steps, from 15% to 85%, with the noise of 32 groups of 16.
fn healthy() -> FakeRun {
    let rise = |t: f64| 0.15 + 0.7 * sigmoid((t - 0.4) * 10.0);
    grpo(150)
        .recipe(PAYS_ACCURACY)
        .metric("reward", move |t, noise| 1.1 * rise(t) + 0.05 * noise.normal())
        .metric("rewards/accuracy/mean", move |t, noise| rise(t) + 0.05 * noise.normal())
        .metric("rewards/format/mean", |t, noise| 0.6 + 0.35 * t + 0.02 * noise.normal())
        .metric("frac_reward_zero_std", |t, noise| 0.2 + 0.2 * t + 0.08 * noise.normal())
        .metric_every(10, "val/accuracy", move |t, noise| rise(t) + 0.03 * noise.normal())
        .metric_every(10, "val/accuracy_low", move |t, _| rise(t) - 0.08)
        .metric_every(10, "val/accuracy_high", move |t, _| rise(t) + 0.08)
}

/// What every GRPO run writes, all in order.
fn grpo(n_steps: u64) -> FakeRun {
    FakeRun::new("grpo", n_steps)
        .metric("loss", |_, noise| 0.01 * noise.normal())
        .metric("lr", |_, _| 1e-4)
        .metric("grad_norm", |_, noise| 0.5 * (0.3 * noise.normal()).exp())
        .metric("entropy", |t, noise| 0.5 - 0.2 * t + 0.02 * noise.normal())
        .metric("clip_ratio", |_, noise| 0.01 * noise.uniform())
        .metric("ratio/max", |_, noise| 1.0 + 0.5 * noise.uniform())
        .metric("mismatch_kl", |_, _| 0.0)
        .metric("n_groups", |_, _| 32.0)
        .metric("n_cannot_judge", |_, _| 0.0)
        .metric("completions/mean_length", |t, noise| 60.0 + 60.0 * t + 5.0 * noise.normal())
        .metric("completions/mean_thinking_length", |t, noise| 50.0 + 60.0 * t + 5.0 * noise.normal())
        .metric("completions/clipped_ratio", |_, noise| 0.03 * noise.uniform())
}

/// A GRPO run whose accuracy stays at 20% whatever the reward does.
fn stuck() -> FakeRun {
    grpo(150)
        .metric_every(10, "val/accuracy", |_, noise| 0.2 + 0.02 * noise.normal())
        .metric_every(10, "val/accuracy_low", |_, _| 0.13)
        .metric_every(10, "val/accuracy_high", |_, _| 0.27)
}

/// A pretraining run that works.
fn pretraining() -> FakeRun {
    FakeRun::new("pretrain", 400)
        .metric("loss", |t, noise| 1.0 + 4.0 * (-5.0 * t).exp() + 0.05 * noise.normal())
        .metric("lr", |t, _| 1e-3 * (1.0 - t))
        .metric("grad_norm", |t, noise| (0.5 + 3.0 * (-20.0 * t).exp()) * (0.3 * noise.normal()).exp())
        .metric("data/truncated", |_, _| 0.0)
        .metric("data/skipped", |_, _| 0.0)
        .metric_every(40, "val/loss", |t, noise| 1.1 + 4.0 * (-5.0 * t).exp() + 0.01 * noise.normal())
}

fn diagnose(run: &FakeRun) -> Diagnosis {
    examine(&run.open()).unwrap()
}

/// The run must be found to have this fault, as a problem or a warning.
#[track_caller]
fn expect(run: &FakeRun, code: &str, severity: Severity) -> Diagnosis {
    let diagnosis = diagnose(run);
    let found = diagnosis.findings.iter().find(|finding| finding.code == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in\n{}", diagnosis.render()));
    assert_eq!(found.severity, severity, "{}", diagnosis.render());
    assert!(found.text.chars().any(|c| c.is_ascii_digit()), "a finding has figures: {}", found.text);
    assert!(!found.figures.is_empty(), "{code}");
    diagnosis
}

#[track_caller]
fn expect_no_alarm(run: &FakeRun) {
    let diagnosis = diagnose(run);
    assert_eq!(diagnosis.verdict, Verdict::Healthy, "{}", diagnosis.render());
    assert!(diagnosis.summary.contains("no fault"), "{}", diagnosis.summary);
}

#[test]
fn healthy_runs_are_told_so() {
    expect_no_alarm(&healthy());
    expect_no_alarm(&pretraining());
    let text = diagnose(&healthy()).summary;
    assert!(text.contains("Accuracy on validation problems went from"), "{text}");
}

/// The same healthy run under other noise: at most a few false alarms in many.
#[test]
fn noise_raises_no_alarm() {
    let mut alarms = Vec::new();
    for seed in 0..40 {
        let mut own = Noise::new(seed);
        let run = healthy()
            .metric("reward", |t, _| 0.2 + 0.7 * sigmoid((t - 0.4) * 10.0) + 0.08 * own.normal())
            .metric_every(10, "val/accuracy", |t, _| {
                let mut at = Noise::new(seed * 1000 + (t * 150.0) as u64);
                0.15 + 0.7 * sigmoid((t - 0.4) * 10.0) + 0.04 * at.normal()
            });
        let diagnosis = diagnose(&run);
        if diagnosis.verdict != Verdict::Healthy {
            alarms.push(diagnosis.render());
        }
    }
    assert!(alarms.is_empty(), "{} of 40: {}", alarms.len(), alarms[0]);
}

#[test]
fn a_short_run_is_not_judged() {
    let run = grpo(8).recipe(PAYS_ACCURACY).metric("reward", |_, noise| 0.1 + 0.05 * noise.normal());
    assert_eq!(diagnose(&run).verdict, Verdict::TooEarly);
    assert_eq!(diagnose(&FakeRun::new("grpo", 0)).verdict, Verdict::TooEarly);
}

#[test]
fn a_reward_for_form_alone_is_a_hack_by_name() {
    let sample = |step: u64, reward: f64, verdict: &str| {
        json!({ "step": step, "split": "train", "task": "addition", "prompt": "What is 2 + 3?", "reasoning": "Well.",
                "content": "nothing", "answer": "5", "verdict": verdict, "tokens": 9, "reward": reward })
    };
    let run = stuck()
        .recipe(PAYS_FORMAT)
        .metric("reward", |t, noise| 0.3 + 0.65 * sigmoid((t - 0.3) * 12.0) + 0.03 * noise.normal())
        .metric("rewards/format/mean", |t, noise| 0.3 + 0.65 * sigmoid((t - 0.3) * 12.0) + 0.03 * noise.normal())
        .metric("rewards/accuracy/mean", |_, noise| 0.2 + 0.03 * noise.normal())
        .sample(sample(100, 0.0, "wrong"))
        .sample(sample(120, 1.0, "wrong"))
        .sample(sample(150, 1.0, "right"));
    let diagnosis = expect(&run, "reward_hack", Severity::Problem);
    let finding = &diagnosis.findings[0];
    assert!(finding.title.contains("`format`"), "{}", finding.title);
    assert_eq!((finding.samples[0].step, finding.samples[0].reward), (120, Some(1.0)), "the answer that earned it");
    assert!(diagnosis.render().contains("grpo.reward: weigh `format` less"), "{}", diagnosis.render());
}

#[test]
fn a_hack_in_a_short_run_is_suspected() {
    let run = grpo(40)
        .recipe(PAYS_FORMAT)
        .metric("reward", |t, noise| 0.3 + 0.6 * t + 0.03 * noise.normal())
        .metric("rewards/format/mean", |t, noise| 0.3 + 0.6 * t + 0.03 * noise.normal())
        .metric_every(10, "val/accuracy", |t, _| [0.2, 0.26, 0.17, 0.22][(t * 4.0) as usize - 1]);
    expect(&run, "reward_hack", Severity::Warning);
    expect(&run, "reward_ignores_verdict", Severity::Problem);
}

#[test]
fn a_hack_that_is_over_soon_is_found() {
    let early = |t: f64, noise: &mut Noise| (0.55 + 1.5 * t).min(0.99) + 0.01 * noise.normal();
    let run = stuck()
        .recipe(PAYS_FORMAT)
        .metric("reward", early)
        .metric("rewards/format/mean", early)
        .metric("frac_reward_zero_std", |t, _| if t < 0.2 { 0.5 } else { 0.99 })
        .metric("rewards/accuracy/mean", |_, noise| 0.06 + 0.01 * noise.normal());
    let diagnosis = expect(&run, "reward_hack", Severity::Problem);
    assert!(diagnosis.findings.iter().all(|f| f.code != "all_groups_wrong"), "{}", diagnosis.render());
    expect(&run, "equal_groups", Severity::Problem);
}

#[test]
fn form_beside_accuracy_is_told_apart_from_a_hack() {
    let run = stuck()
        .recipe(PAYS_ACCURACY)
        .metric("reward", |t, noise| 0.23 + 0.1 * t + 0.01 * noise.normal())
        .metric("rewards/format/mean", |t, noise| 0.3 + 0.65 * t + 0.03 * noise.normal())
        .metric("rewards/accuracy/mean", |_, noise| 0.2 + 0.03 * noise.normal());
    let diagnosis = expect(&run, "format_without_accuracy", Severity::Problem);
    assert!(diagnosis.findings.iter().all(|f| f.code != "reward_hack"));
}

#[test]
fn a_lax_verifier_in_training_is_a_hack_of_accuracy() {
    let run = stuck()
        .recipe(PAYS_ACCURACY)
        .metric("reward", |t, noise| 0.2 + 0.7 * t + 0.05 * noise.normal())
        .metric("rewards/accuracy/mean", |t, noise| 0.2 + 0.7 * t + 0.05 * noise.normal());
    let diagnosis = expect(&run, "reward_hack", Severity::Problem);
    assert!(diagnosis.findings[0].title.contains("`accuracy`"));
}

#[test]
fn a_reward_by_chance_is_told_from_one_by_verdict() {
    let mut coin = Noise::new(5);
    let mut random = stuck().recipe("[grpo.reward]\naccuracy = 0.0\nrandom = 1.0\n");
    let mut paid = healthy();
    for idx in 0..60 {
        let verdict = if idx % 4 == 0 { "right" } else { "wrong" };
        let sample = |reward: f64| json!({ "step": idx, "split": "train", "verdict": verdict, "reward": reward });
        random = random.sample(sample(if coin.uniform() < 0.5 { 0.0 } else { 1.0 }));
        paid = paid.sample(sample(if verdict == "right" { 1.1 } else { 0.1 }));
    }
    let random = random.metric("reward", |_, noise| 0.5 + 0.02 * noise.normal());
    let diagnosis = expect(&random, "reward_ignores_verdict", Severity::Problem);
    assert!(diagnosis.render().contains("random = 1.0"), "{}", diagnosis.render());
    expect(&random, "nothing_learned", Severity::Problem);
    expect_no_alarm(&paid);
}

#[test]
fn equal_groups_are_told_by_why() {
    let equal = |right: f64| {
        stuck()
            .recipe(PAYS_ACCURACY)
            .metric("frac_reward_zero_std", |_, noise| 0.93 + 0.02 * noise.normal())
            .metric("rewards/accuracy/mean", move |_, noise| right + 0.005 * noise.normal())
            .metric("accuracy/countdown", |_, _| 0.0)
            .metric("reward", move |_, noise| right + 0.005 * noise.normal())
    };
    let diagnosis = expect(&equal(0.02), "all_groups_wrong", Severity::Problem);
    assert!(diagnosis.render().contains("never solved: countdown"), "{}", diagnosis.render());
    expect(&equal(0.98), "all_groups_right", Severity::Problem);
    expect(&equal(0.5), "equal_groups", Severity::Problem);
    // A run that ends with everything solved has done its work.
    let solved = healthy()
        .metric("frac_reward_zero_std", |t, _| t * 0.95)
        .metric("rewards/accuracy/mean", |t, _| 0.2 + 0.79 * t.sqrt());
    let diagnosis = expect(&solved, "all_groups_right", Severity::Note);
    assert_eq!(diagnosis.verdict, Verdict::Healthy);
}

#[test]
fn weights_without_gradient_are_named() {
    let norms = |dead: f64| {
        json!({ "model.layers.0.mlp.up_proj.weight": 0.3, "model.layers.0.self_attn.o_proj.weight": dead,
                "model.layers.1.self_attn.o_proj.weight": dead, "model.layers.1.mlp.gate.e_score_correction_bias": 0.0,
                "model.layers.2.eh_proj.weight": 0.0, "model.layers.2.mlp.up_proj.weight": 0.0 })
    };
    let run = healthy().gradients(10, norms(0.0)).gradients(20, norms(0.0));
    let diagnosis = expect(&run, "zero_gradient", Severity::Problem);
    assert!(diagnosis.findings[0].text.contains("`model.layers.*.self_attn.o_proj.weight` (2 times)"));
    assert_eq!(diagnosis.findings[0].figures["n_tensors"], 2.0, "prediction of several tokens and biases are exempt");
    expect_no_alarm(&healthy().gradients(10, norms(0.0)).gradients(20, norms(0.1)));
    let idle = json!({ "model.layers.1.mlp.experts.7.up_proj.weight": 0.0, "model.norm.weight": 0.1 });
    expect(&healthy().gradients(10, idle.clone()).gradients(20, idle), "zero_gradient", Severity::Warning);
    expect(&stuck().metric("grad_norm", |_, _| 0.0), "no_gradient", Severity::Problem);
}

#[test]
fn cut_answers_are_found() {
    let run = healthy().metric("completions/clipped_ratio", |_, noise| 0.7 + 0.05 * noise.normal());
    let diagnosis = expect(&run, "truncated_answers", Severity::Problem);
    assert!(diagnosis.findings[0].advice[0].key == "grpo.max_new_tokens");
    let overcome = healthy().metric("completions/clipped_ratio", |t, _| if t < 0.3 { 0.8 } else { 0.02 });
    expect_no_alarm(&overcome);
}

#[test]
fn entropy_has_two_ways_to_go_wrong() {
    let collapse = |t: f64, noise: &mut Noise| 0.5 * (-6.0 * t).exp() + 0.001 * noise.uniform();
    expect(&stuck().metric("entropy", collapse), "entropy_collapse", Severity::Problem);
    let diagnosis = expect(&healthy().metric("entropy", collapse), "entropy_collapse", Severity::Note);
    assert_eq!(diagnosis.verdict, Verdict::Healthy, "a model that learns gets surer");
    let explosion = stuck().metric("entropy", |t, noise| 0.5 + 4.0 * t + 0.1 * noise.normal());
    expect(&explosion, "entropy_explosion", Severity::Problem);
}

#[test]
fn updates_that_go_too_far_are_found() {
    let ratios = healthy().metric("ratio/max", |_, noise| 1.0 + 40.0 * noise.uniform().powi(2));
    expect(&ratios, "ratio_exploded", Severity::Problem);
    expect(&healthy().metric("clip_ratio", |_, _| 0.3), "ratio_exploded", Severity::Warning);
    let mismatch = healthy().metric("mismatch_kl", |t, _| if t > 0.5 { 1e-6 } else { 0.0 });
    expect(&mismatch, "mismatch", Severity::Problem);
    let far = |t: f64, noise: &mut Noise| 3.0 * t * t + 0.02 * noise.uniform();
    expect(&stuck().metric("kl", far), "kl_runaway", Severity::Problem);
    expect(&healthy().metric("kl", far), "kl_runaway", Severity::Note);
    expect_no_alarm(&healthy().metric("kl", |t, noise| 0.1 * t + 0.01 * noise.uniform()));
    let mut n = 0;
    let spikes = healthy().metric("grad_norm", |_, noise| {
        n += 1;
        if n % 11 == 0 { 60.0 } else { 0.5 + 0.05 * noise.normal() }
    });
    expect(&spikes, "gradient_spikes", Severity::Warning);
}

#[test]
fn broken_arithmetic_is_found() {
    let nan = pretraining().metric("loss", |t, _| if t > 0.8 { f64::NAN } else { 2.0 - t });
    let diagnosis = expect(&nan, "diverged", Severity::Problem);
    assert_eq!(diagnosis.findings[0].steps, Some((321, 400)));
    expect(&pretraining().metric("lr", |_, _| 0.0), "lr_zero", Severity::Problem);
    let diverged =
        pretraining().metric("loss", |t, noise| if t < 0.5 { 3.0 - 2.0 * t } else { 6.0 } + 0.05 * noise.normal());
    expect(&diverged, "loss_diverged", Severity::Problem);
    expect(&pretraining().metric("loss", |_, noise| 6.2 + 0.05 * noise.normal()), "loss_flat", Severity::Problem);
    let settled = pretraining().metric("loss", |t, noise| 1.0 + 4.0 * (-40.0 * t).exp() + 0.02 * noise.normal());
    expect(&settled, "plateau", Severity::Note);
    expect(&pretraining().metric("balance/max_violation", |_, _| 7.0), "experts_unbalanced", Severity::Warning);
}

#[test]
fn remembered_data_are_found() {
    let loss = pretraining().metric_every(40, "val/loss", |t, _| if t < 0.4 { 2.0 - t } else { 1.2 + t });
    let diagnosis = expect(&loss, "overfit", Severity::Problem);
    assert!(diagnosis.findings[0].text.contains("lowest at step"), "{}", diagnosis.render());
    let accuracy = healthy().metric_every(10, "val/accuracy", |t, noise| 0.6 - 0.4 * t + 0.02 * noise.normal());
    expect(&accuracy, "accuracy_falls", Severity::Problem);
    expect(&accuracy, "overfit", Severity::Problem);
}

#[test]
fn answers_that_cannot_be_judged_are_counted() {
    let run = healthy().metric("n_cannot_judge", |_, noise| 150.0 + 5.0 * noise.normal());
    expect(&run, "cannot_judge", Severity::Warning);
    expect(&healthy().metric("n_cannot_judge", |_, _| 400.0), "cannot_judge", Severity::Problem);
}

#[test]
fn one_answer_to_everything_is_found() {
    let mut same = stuck();
    let mut varied = healthy();
    for idx in 0..16_u64 {
        let sample = |content: String| json!({ "step": 150, "task": "addition", "prompt": "?", "content": content, "answer": idx.to_string(), "verdict": "wrong" });
        same = same.sample(sample("7".to_owned()));
        varied = varied.sample(sample(idx.to_string()));
    }
    expect(&same, "same_answer", Severity::Problem);
    expect_no_alarm(&varied);
    let quiet =
        stuck().metric("completions/mean_thinking_length", |t, noise| 80.0 * (-5.0 * t).exp() + noise.uniform());
    expect(&quiet, "thinking_vanished", Severity::Warning);
}

#[test]
fn left_out_data_are_counted() {
    let cut = pretraining().metric("data/truncated", |t, _| (400.0 * t).round());
    expect(&cut, "data_truncated", Severity::Warning);
    let skipped = || pretraining().metric("data/skipped", |_, _| 3.0);
    expect(&skipped().recipe("[[data.source]]\nkind = \"jsonl\"\n"), "data_skipped", Severity::Warning);
    expect(&skipped().recipe("[[data.source]]\nkind = \"task\"\n"), "data_skipped", Severity::Note);
}

#[test]
fn time_and_money_are_watched() {
    let timed = |evaluation: f64, stall: f64| {
        (1..=40_u64).fold(healthy(), |run, step| {
            let rollout = if step == 20 { stall } else { 2.0 };
            run.timing(json!({ "step": step, "rollout_s": rollout, "verify_s": 0.1, "update_s": 1.0, "eval_s": evaluation, "checkpoint_s": 0.01 }))
        })
    };
    expect_no_alarm(&timed(0.5, 2.0));
    expect(&timed(9.0, 2.0), "slow_phase", Severity::Warning);
    expect(&timed(0.5, 300.0), "stalled", Severity::Warning);
    let lost = healthy().ledger(1, 3600.0, false).ledger(1, 3000.0, true).ledger(2, 3600.0, false);
    expect(&lost, "lost_work", Severity::Warning);
}

#[test]
fn stages_of_a_chain_are_judged_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    pretraining().write_to(&dir.path().join("base-1"));
    stuck().recipe(PAYS_ACCURACY).metric("entropy", |t, _| 0.5 * (-6.0 * t).exp()).write_to(&dir.path().join("zero-2"));
    let diagnosis = examine(&crate::Chain::open(dir.path()).unwrap()).unwrap();
    assert_eq!(diagnosis.verdict, Verdict::Problems);
    assert!(diagnosis.summary.starts_with("pretrain: 400 steps, and no fault found."), "{}", diagnosis.summary);
    assert!(diagnosis.findings.iter().all(|finding| finding.stage == "grpo"), "{}", diagnosis.render());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever a run's files hold, the doctor answers, and the worst finding is the verdict.
    #[test]
    fn any_run_is_answered(
        n_steps in 0..60_u64,
        values in prop::collection::vec(prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), -1e6..1e6_f64, 0.0..1.0_f64], 12),
        every in 1..9_usize,
    ) {
        let names = ["loss", "lr", "grad_norm", "reward", "frac_reward_zero_std", "rewards/format/mean", "entropy", "kl",
                     "ratio/max", "val/accuracy", "completions/clipped_ratio", "val/loss"];
        let run = names.iter().zip(values).fold(FakeRun::new("grpo", n_steps), |run, (name, x)| {
            run.metric_every(every, name, |t, noise| x * (1.0 + t) + noise.normal() * t)
        });
        let diagnosis = diagnose(&run);
        let worst = diagnosis.findings.iter().map(|finding| finding.severity).min();
        prop_assert_eq!(diagnosis.verdict == Verdict::Problems, worst == Some(Severity::Problem));
        prop_assert!(serde_json::to_string(&diagnosis).is_ok());
        prop_assert!(!diagnosis.render().is_empty());
    }
}
