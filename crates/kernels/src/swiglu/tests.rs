//! SwiGLU against its twin, on every instruction set, at lengths with tails and with large gates.

use super::*;
use crate::bf16;
use crate::reference::swiglu as twin;
use crate::test_support::*;

fn inputs<T: Element>(n: usize) -> [Vec<T>; 3] {
    let mut gate: Vec<T> = random::<f32>(n, 1).iter().map(|x| T::from_f32(8.0 * x)).collect();
    if n > 2 {
        gate[0] = T::from_f32(-200.0);
        gate[1] = T::from_f32(200.0);
    }
    [gate, random(n, 2), random(n, 3)]
}

fn matches_the_twin<T: Element>() {
    for n in [1, 15, 16, 33, 70_001] {
        let [gate, up, dout] = inputs::<T>(n);
        let (gate64, up64) = (to_f64(&gate), to_f64(&up));
        let want = twin::swiglu(&gate64, &up64);
        let (want_dgate, want_dup) = twin::swiglu_backward(&gate64, &up64, &to_f64(&dout));
        for isa in Isa::available() {
            let what = format!("{isa:?} n={n}");
            let mut out = vec![T::default(); n];
            swiglu_forward_on(isa, &gate, &up, &mut out);
            assert_close(&what, &out, &want, tolerance::<T>());
            let (mut dgate, mut dup) = (out.clone(), out.clone());
            swiglu_backward_on(isa, &gate, &up, &dout, &mut dgate, &mut dup);
            assert_close(&format!("{what} dgate"), &dgate, &want_dgate, tolerance::<T>());
            assert_close(&format!("{what} dup"), &dup, &want_dup, tolerance::<T>());
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
    let [gate, up, dout] = inputs::<f32>(20).map(|x| to_f64(&x[2..]));
    let (dgate, dup) = twin::swiglu_backward(&gate, &up, &dout);
    check_gradient("dgate", &gate, &dgate, |g| weighted(&twin::swiglu(g, &up), &dout));
    check_gradient("dup", &up, &dup, |u| weighted(&twin::swiglu(&gate, u), &dout));
}

#[test]
fn nan_is_not_swallowed() {
    let mut out = [0.0f32; 3];
    swiglu_forward(&[1.0, f32::NAN, 2.0], &[1.0; 3], &mut out);
    assert!(out[1].is_nan() && out[0].is_finite() && out[2].is_finite());
}
