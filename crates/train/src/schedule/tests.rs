use super::{Budget, Position, n_micro_batches, settings};
use crate::recipe::{BatchRamp, ScheduleKind, StageKind, StageRecipe, TrainSpec};

fn train() -> TrainSpec {
    let train = StageRecipe::defaults(StageKind::Pretrain).train;
    TrainSpec { lr: 1.0, min_lr: 0.1, warmup_steps: 10, decay: 0.2, ..train }
}

fn lr(train: &TrainSpec, step: u64) -> f64 {
    settings(train, Budget::Steps(100), Position { step, tokens: 0 }).lr
}

#[test]
fn wsd_warms_up_stays_and_decays() {
    let train = train();
    assert_eq!(lr(&train, 0), 0.1);
    assert_eq!(lr(&train, 9), 1.0);
    assert_eq!(lr(&train, 79), 1.0);
    assert!((lr(&train, 90) - 0.55).abs() < 1e-12);
    assert!((lr(&train, 100) - 0.1).abs() < 1e-12);
}

#[test]
fn cosine_and_constant() {
    let cosine = TrainSpec { schedule: ScheduleKind::Cosine, warmup_steps: 0, ..train() };
    assert!((lr(&cosine, 50) - 0.55).abs() < 1e-12);
    assert!(lr(&cosine, 49) > lr(&cosine, 51));
    let constant = TrainSpec { schedule: ScheduleKind::Constant, ..train() };
    assert_eq!(lr(&constant, 99), 1.0);
}

#[test]
fn side_losses_change_late() {
    let at = |step| settings(&train(), Budget::Steps(1480), Position { step, tokens: 0 });
    assert_eq!((at(999).mtp_weight, at(1000).mtp_weight), (0.3, 0.1));
    assert_eq!((at(1429).bias_gamma, at(1430).bias_gamma), (1e-3, 0.0));
}

#[test]
fn the_batch_grows_to_its_size() {
    let ramp = Some(BatchRamp { from: 1000, tokens: 10_000 });
    let train = TrainSpec { batch_tokens: 5000, micro_batch_tokens: 1000, batch_ramp: ramp, ..train() };
    let sizes: Vec<usize> = [0, 2500, 5000, 9999, 10_000, 1 << 40].map(|t| n_micro_batches(&train, t)).to_vec();
    assert_eq!(sizes, [1, 2, 3, 5, 5, 5]);
}

#[test]
fn budgets_end() {
    let at = Position { step: 7, tokens: 700 };
    assert!(Budget::Steps(7).is_spent(at) && !Budget::Steps(8).is_spent(at));
    assert!(Budget::Tokens(700).is_spent(at) && !Budget::Tokens(701).is_spent(at));
    assert_eq!(Budget::Tokens(1400).progress(at), 0.5);
}
