//! Presets and plans from outside.

use super::presets::Changes;
use super::*;
use crate::catalogue::Catalogue;

fn near(what: &str, found: f64, published: f64, share: f64) {
    eprintln!("{what}: {found:.4} ({:+.1}% of {published})", 100.0 * (found / published - 1.0));
    assert!((found / published - 1.0).abs() <= share, "{what}: {found}, published {published}");
}

#[test]
fn v3_costs_what_was_published() {
    let catalogue = Catalogue::shipped();
    let plan = preset("v3-pretrain", &Changes::default(), &catalogue).unwrap();
    assert_eq!(plan.params_total, 671_026_419_200);
    assert_eq!((plan.params_active as f64 / 1e7).round(), 3755.0);
    near("dollars", plan.dollars, 5.328e6, 0.05);
    near("MFU", plan.mfu_causal, 0.3894, 0.05);
    near("step", plan.step_seconds, 19.926, 0.05);
    near("tokens a day", plan.tokens_per_day, 272.8e9, 0.05);
    near("hours", plan.gpu_hours, 2664e3, 0.05);
    let whole = preset("v3", &Changes::default(), &catalogue).unwrap();
    near("contexts", whole.phases[1].gpu_hours, 119e3, 0.5);
    near("all of V3", whole.dollars, 5.576e6, 0.05);
    let r1 = preset("r1", &Changes::default(), &catalogue).unwrap();
    near("R1", r1.dollars, 294e3, 0.15);
}

#[test]
fn names_and_numbers_that_cannot_be_are_refused() {
    let catalogue = Catalogue::shipped();
    let message = |name: &str, changes: &Changes| preset(name, changes, &catalogue).unwrap_err().to_string();
    assert!(message("v3-pretain", &Changes::default()).contains("\"v3-pretrain\""));
    let changes = |on: &str, count| Changes { on: Some(on.to_owned()), count: Some(count), ..Changes::default() };
    assert!(message("v3", &changes("h8000", 2048)).contains("h800"));
    assert!(message("v3", &changes("h800", 0)).contains("--count"));
    assert!(message("v3-pretrain", &changes("h800", 8)).contains("--count"));
    assert!(message("v3-pretrain", &changes("h20", 2048)).contains("--price"));
}

/// A plan is a function of its inputs: other chips, other counts, other models.
#[test]
fn plans_follow_their_inputs() {
    let catalogue = Catalogue::shipped();
    let plan = |on: &str, count| {
        let changes = Changes { on: Some(on.to_owned()), count: Some(count), price: Some(2.0), ..Changes::default() };
        preset("v3-pretrain", &changes, &catalogue).unwrap()
    };
    let (h800, h100, h20) = (plan("h800", 2048), plan("h100", 2048), plan("h20", 2048));
    assert!(h100.gpu_hours <= h800.gpu_hours && h20.gpu_hours > 3.0 * h800.gpu_hours);
    assert!(plan("h800", 4096).days < h800.days);
    let a100 = plan("a100", 4096);
    assert_eq!(a100.step.unwrap().layout.precision, crate::layout::Precision::Bf16);
}
