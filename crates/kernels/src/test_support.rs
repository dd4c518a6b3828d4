//! What the kernels' tests share: seeded numbers, comparison against the f64 twins, finite differences, thread pools.

use crate::Element;

/// Seeded numbers in -1..1 (SplitMix64), rounded to `T`.
pub(crate) fn random<T: Element>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    (0..n)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let unit = ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32;
            T::from_f32(2.0 * unit - 1.0)
        })
        .collect()
}

pub(crate) fn to_f64<T: Element>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| f64::from(x.to_f32())).collect()
}

/// The relative error allowed to a result stored as `T`.
pub(crate) fn tolerance<T: Element>() -> f64 {
    if T::IS_BF16 { 1.0 / 128.0 } else { 2e-5 }
}

/// Each element within `tolerance * max(1, |want|)`-like bounds, scaled by the largest wanted value.
pub(crate) fn assert_close<T: Element>(what: &str, got: &[T], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: lengths differ");
    let scale = want.iter().fold(1e-3_f64, |m, w| m.max(w.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let got = f64::from(got.to_f32());
        assert!(
            (got - want).abs() <= tolerance * scale.min(want.abs() + 0.1 * scale),
            "{what}[{i}]: {got}, not {want} (scale {scale})"
        );
    }
}

/// Checks `grad` against central differences of `loss` at up to 24 elements of `x`.
pub(crate) fn check_gradient(what: &str, x: &[f64], grad: &[f64], mut loss: impl FnMut(&[f64]) -> f64) {
    assert_eq!(x.len(), grad.len(), "{what}: lengths differ");
    let step = 1e-5;
    let mut moved = x.to_vec();
    for i in (0..x.len()).step_by((x.len() / 24).max(1)) {
        moved[i] = x[i] + step;
        let up = loss(&moved);
        moved[i] = x[i] - step;
        let down = loss(&moved);
        moved[i] = x[i];
        let slope = (up - down) / (2.0 * step);
        assert!(
            (slope - grad[i]).abs() <= 1e-7 * (1.0 + slope.abs()),
            "{what}[{i}]: gradient {}, slope {slope}",
            grad[i]
        );
    }
}

/// `sum(weights * y)`: a scalar loss whose gradient with respect to `y` is `weights`.
pub(crate) fn weighted(y: &[f64], weights: &[f64]) -> f64 {
    assert_eq!(y.len(), weights.len(), "lengths differ");
    y.iter().zip(weights).map(|(y, w)| y * w).sum()
}

/// What `f` returns on one thread and on three must be the same.
pub(crate) fn assert_same_on_any_threads<R: PartialEq>(what: &str, f: impl Fn() -> R) {
    let on = |n| crate::pool::with_threads(n, &f);
    assert!(on(1) == on(3), "{what}: the thread count changes the result");
}
