//! The optimizer against its twin, bit for bit, and against figures from `torch.optim.AdamW`.

use super::*;
use crate::reference;
use crate::test_support::{assert_same_on_any_threads, random};

const OP: AdamW = AdamW { lr: 3e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, step: 1, grad_scale: 0.5 };

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn adamw_equals_the_twin_on_every_isa() {
    for isa in Isa::available() {
        for n in [0, 1, 15, 17, 40_000] {
            let [mut w, mut m] = [random::<f32>(n, 1), vec![0.0; n]];
            let mut v = m.clone();
            let (mut w2, mut m2, mut v2) = (w.clone(), m.clone(), v.clone());
            for step in 1..=3 {
                let op = AdamW { step, ..OP };
                let g = random::<f32>(n, 10 + step);
                adamw_step_on(isa, &op, &mut w, &g, &mut m, &mut v);
                reference::optim::adamw_step(&op, &mut w2, &g, &mut m2, &mut v2);
            }
            let got = [bits(&w), bits(&m), bits(&v)];
            assert_eq!(got, [bits(&w2), bits(&m2), bits(&v2)], "{isa:?}, {n} weights");
        }
    }
}

#[test]
fn adamw_equals_torch() {
    // torch 2.15: p = [1, -2, 0.5, 3]; AdamW(lr=3e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1); three steps with
    // the gradients below (already halved there; here `grad_scale` halves them).
    let gradients = [[0.2, -0.4, 6.0, 0.0], [1.0, 0.6, -2.0, 1e-4], [-0.8, 0.2, 0.02, -4.0]];
    let mut w = [1.0f32, -2.0, 0.5, 3.0];
    let (mut m, mut v) = ([0.0; 4], [0.0; 4]);
    for (i, g) in gradients.iter().enumerate() {
        let op = AdamW { step: i as u64 + 1, ..OP };
        adamw_step(&op, &mut w, g, &mut m, &mut v);
    }
    for (got, want) in w.iter().zip(TORCH) {
        assert!((got - want).abs() <= 1e-6, "{w:?}, not {TORCH:?}");
    }
}

const TORCH: [f32; 4] = [0.993_165, -1.997_013_8, 0.494_383_5, 2.996_966_8];

#[test]
fn sum_of_squares_equals_the_twin_on_every_isa() {
    for n in [0, 1, 4095, 4097, 100_003] {
        let x = random::<f32>(n, 3);
        let want = reference::optim::sum_squares(&x);
        for isa in Isa::available() {
            assert_eq!(sum_squares_on(isa, &x).to_bits(), want.to_bits(), "{isa:?}, {n} values");
        }
        let exact: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((want - exact).abs() <= 1e-12 * exact, "{want} and {exact}");
    }
}

#[test]
fn moving_average_equals_the_twin_on_every_isa() {
    let w = random::<f32>(30_001, 4);
    for isa in Isa::available() {
        let mut got = random::<f32>(w.len(), 5);
        let mut want = got.clone();
        ema_update_on(isa, 0.999, &w, &mut got);
        reference::optim::ema_update(0.999, &w, &mut want);
        assert_eq!(bits(&got), bits(&want), "{isa:?}");
    }
}

#[test]
fn the_thread_count_changes_nothing() {
    let x = random::<f32>(300_000, 6);
    assert_same_on_any_threads("sum_squares", || sum_squares(&x).to_bits());
    assert_same_on_any_threads("adamw_step", || {
        let (mut w, mut m, mut v) = (x.clone(), x.clone(), vec![0.5; x.len()]);
        adamw_step(&OP, &mut w, &x, &mut m, &mut v);
        [bits(&w), bits(&m), bits(&v)]
    });
}

#[test]
#[should_panic(expected = "AdamW on 2 weights, 1 gradients")]
fn unlike_lengths_are_refused() {
    adamw_step(&OP, &mut [0.0; 2], &[0.0], &mut [0.0; 2], &mut [0.0; 2]);
}
