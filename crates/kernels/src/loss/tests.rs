//! Cross-entropy against its twin, on every instruction set, with tails, large logits and learned targets.

use super::*;
use crate::bf16;
use crate::reference::loss as twin;
use crate::test_support::*;

fn inputs(rows: usize, vocab: usize) -> (Vec<f32>, Vec<u32>) {
    let logits = random::<f32>(rows * vocab, 1).iter().map(|x| 30.0 * x + 50.0).collect();
    let targets = (0..rows).map(|r| (r * 7 % vocab) as u32).collect();
    (logits, targets)
}

fn matches_the_twin<T: Element>() {
    for (rows, vocab) in [(1, 1), (3, 17), (5, 32), (4, 1003), (40, 4099)] {
        let (logits, targets) = inputs(rows, vocab);
        let dlogp: Vec<f32> = random(rows, 2);
        let wide = to_f64(&logits);
        let (want_logp, want_lse) = twin::log_softmax_gather(vocab, &wide, &targets);
        let want = twin::softmax_gather_backward(vocab, &wide, &targets, &to_f64(&dlogp));
        for isa in Isa::available() {
            let what = format!("{isa:?} [{rows}, {vocab}]");
            let (mut logp, mut lse) = (vec![0.0; rows], vec![0.0; rows]);
            log_softmax_gather_on(isa, vocab, &logits, &targets, &mut logp, &mut lse);
            assert_close(&format!("{what} lse"), &lse, &want_lse, 1e-6);
            assert_close(&format!("{what} logp"), &logp, &want_logp, 2e-5);
            let mut dlogits = vec![T::default(); logits.len()];
            softmax_gather_backward_on(isa, vocab, &logits, &lse, &targets, &dlogp, &mut dlogits);
            assert_close(&format!("{what} dlogits"), &dlogits, &want, tolerance::<T>());
        }
    }
}

#[test]
fn both_types_match_the_twin() {
    matches_the_twin::<f32>();
    matches_the_twin::<bf16>();
}

#[test]
fn the_twin_is_the_gradient() {
    let (logits, targets) = inputs(3, 7);
    let (logits, dlogp) = (to_f64(&logits), to_f64::<f32>(&random(3, 2)));
    let grad = twin::softmax_gather_backward(7, &logits, &targets, &dlogp);
    check_gradient("dlogits", &logits, &grad, |x| weighted(&twin::log_softmax_gather(7, x, &targets).0, &dlogp));
}

#[test]
fn sampling_sees_the_bits_of_training() {
    let (logits, targets) = inputs(33, 4099);
    let (mut logp, mut lse) = (vec![0.0; 33], vec![0.0; 33]);
    log_softmax_gather(4099, &logits, &targets, &mut logp, &mut lse);
    for r in 0..33 {
        let mut row = logits[r * 4099..][..4099].to_vec();
        log_softmax_rows(4099, &mut row);
        assert_eq!(row[targets[r] as usize], logp[r], "row {r}");
    }
}

#[test]
fn a_nan_logit_makes_the_row_nan() {
    let (mut logits, targets) = inputs(2, 100);
    logits[150] = f32::NAN;
    let (mut logp, mut lse) = (vec![0.0; 2], vec![0.0; 2]);
    log_softmax_gather(100, &logits, &targets, &mut logp, &mut lse);
    assert!(logp[0].is_finite() && logp[1].is_nan());
}
