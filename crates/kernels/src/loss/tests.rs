//! Log-probabilities against their twin, on every instruction set, with tails, large logits, learned targets, filters.

use super::*;
use crate::bf16;
use crate::reference::loss as twin;
use crate::test_support::*;

const FILTERS: [Filter; 5] = [
    Filter::NONE,
    Filter { temperature: 0.7, ..Filter::NONE },
    Filter { temperature: 1.5, top_p: 0.9, ..Filter::NONE },
    Filter { temperature: 6.0, top_k: 20, top_p: 0.95, ..Filter::NONE },
    Filter { temperature: 20.0, min_p: 0.3, ..Filter::NONE },
];

fn inputs(rows: usize, vocab: usize) -> (Vec<f32>, Vec<u32>) {
    let logits = random::<f32>(rows * vocab, 1).iter().map(|x| 30.0 * x + 50.0).collect();
    let targets = (0..rows).map(|r| (r * 7 % vocab) as u32).collect();
    (logits, targets)
}

/// Targets that every filter keeps.
fn likely_targets(vocab: usize, logits: &[f32]) -> Vec<u32> {
    let best = |row: &[f32]| (0..vocab).max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("a token") as u32;
    logits.chunks(vocab).map(best).collect()
}

fn matches_the_twin<T: Element>(filter: &Filter) {
    for (rows, vocab) in [(1, 1), (3, 17), (5, 32), (4, 1003), (40, 4099)] {
        let (logits, mut targets) = inputs(rows, vocab);
        if *filter != Filter::NONE {
            targets = likely_targets(vocab, &logits);
        }
        let scores = Scores { vocab, logits: &logits, targets: &targets };
        let (dlogp, dentropy) = (random::<f32>(rows, 2), random::<f32>(rows, 3));
        let wide = to_f64(&logits);
        let (want_logp, want_entropy): (Vec<f64>, Vec<f64>) =
            twin::log_probs(vocab, &wide, &targets, filter).into_iter().unzip();
        let gradient = |by_entropy: f64| -> Vec<f64> {
            let row = |r: usize| {
                let (a, b) = (f64::from(dlogp[r]), by_entropy * f64::from(dentropy[r]));
                twin::log_probs_backward(&wide[r * vocab..][..vocab], targets[r], filter, a, b)
            };
            (0..rows).flat_map(row).collect()
        };
        for isa in Isa::available() {
            let what = format!("{isa:?} [{rows}, {vocab}] {filter:?}");
            let found = log_probs_on(isa, scores, filter, true);
            assert_close(&format!("{what} logp"), &found.logp, &want_logp, 2e-5);
            let entropy: Vec<f32> = found.rows.iter().map(Distribution::entropy).collect();
            assert_close(&format!("{what} entropy"), &entropy, &want_entropy, 2e-5);
            assert_eq!(log_probs_on(isa, scores, filter, false).logp, found.logp, "{what}: entropy changes nothing");
            for (by_entropy, dentropy) in [(0.0, &[][..]), (1.0, &dentropy[..])] {
                let mut dlogits = vec![T::default(); logits.len()];
                let grads = RowGrads { dlogp: &dlogp, dentropy };
                log_probs_backward_on(isa, scores, &found.rows, grads, &mut dlogits);
                assert_close(&format!("{what} dlogits"), &dlogits, &gradient(by_entropy), 2.0 * tolerance::<T>());
            }
        }
    }
}

#[test]
fn both_types_match_the_twin() {
    for filter in &FILTERS {
        matches_the_twin::<f32>(filter);
        matches_the_twin::<bf16>(filter);
    }
}

#[test]
fn the_twin_is_the_gradient() {
    let (logits, _) = inputs(1, 7);
    // Near each other, so that each filter keeps some and none is at the edge.
    let row: Vec<f64> = to_f64(&logits).iter().map(|x| x / 20.0).collect();
    let target = (0..7).max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("a token") as u32;
    for filter in FILTERS {
        let grad = twin::log_probs_backward(&row, target, &filter, 0.6, -0.4);
        check_gradient(&format!("dlogits {filter:?}"), &row, &grad, |x| {
            let (logp, entropy) = twin::log_probs(7, x, &[target], &filter)[0];
            0.6 * logp - 0.4 * entropy
        });
    }
}

#[test]
fn a_target_outside_its_support_is_impossible_and_has_no_gradient() {
    let (logits, targets) = ([1.0, 0.0, -1.0, 2.0], [2]);
    let scores = Scores { vocab: 4, logits: &logits, targets: &targets };
    let found = log_probs(scores, &Filter { top_k: 2, ..Filter::NONE }, true);
    assert_eq!(found.logp, [f32::NEG_INFINITY]);
    let mut dlogits = [9.0f32; 4];
    log_probs_backward(scores, &found.rows, RowGrads { dlogp: &[1.0], dentropy: &[0.0] }, &mut dlogits);
    assert_eq!((dlogits[1], dlogits[2]), (0.0, 0.0));
}

#[test]
fn a_nan_logit_makes_the_row_nan() {
    let (mut logits, targets) = inputs(2, 100);
    logits[150] = f32::NAN;
    for filter in FILTERS {
        let found = log_probs(Scores { vocab: 100, logits: &logits, targets: &targets }, &filter, true);
        assert!(!found.logp[0].is_nan() && found.logp[1].is_nan(), "{filter:?}");
    }
}
