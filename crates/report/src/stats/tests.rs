use super::{Change, Comparison, Trend, block_means, has_risen, median, two_sided, wilson};
use crate::curves::Curve;
use crate::test_support::{Noise, curve};
use proptest::prelude::*;

#[test]
fn a_trend_is_found_and_noise_is_none() {
    let mut noise = Noise::new(1);
    let rising = curve((0..200).map(|i| 0.2 + 0.002 * f64::from(i) + 0.1 * noise.normal()));
    let trend = Trend::of(&rising).unwrap();
    assert!(trend.rises() && !trend.falls(), "{trend:?}");
    assert!((trend.change - 0.4).abs() < 0.1, "{trend:?}");
    let falling = curve(rising.values.iter().map(|v| -v));
    assert!(Trend::of(&falling).unwrap().falls());
    assert!(Trend::of(&curve([1.0, 2.0, 3.0])).is_none(), "three values say nothing");
    assert_eq!(Trend::of(&curve([0.5; 50])).unwrap().p_value, 1.0, "a constant has no trend");
}

#[test]
fn a_curved_rise_is_a_rise() {
    let mut noise = Noise::new(2);
    let sigmoid = curve((0..300).map(|i| 1.0 / (1.0 + (-(f64::from(i) - 150.0) / 20.0).exp()) + 0.05 * noise.normal()));
    assert!(Trend::of(&sigmoid).unwrap().rises());
}

#[test]
fn an_early_rise_is_a_rise() {
    let mut noise = Noise::new(4);
    let early = curve((0..60).map(|i| (0.5 + 0.05 * f64::from(i)).min(1.0) + 0.01 * noise.normal()));
    assert!(has_risen(&early));
    assert!(!has_risen(&curve(early.values.iter().map(|v| -v))) && !has_risen(&curve([0.0; 60])));
    assert!(!has_risen(&curve([0.0, 0.0, 1.0, 1.0])), "four values say nothing");
}

/// The level is kept on noise whose neighbours resemble each other, as those of training do.
#[test]
fn false_alarms_are_rare() {
    for correlation in [0.0, 0.5, 0.8] {
        let alarms = (0..400).filter(|seed| {
            let mut noise = Noise::new(1000 + seed);
            let mut state = 0.0;
            let mut next = || {
                state = correlation * state + noise.normal();
                state
            };
            let noise = curve((0..300).map(|_| next()));
            let trend = Trend::of(&noise).unwrap();
            trend.rises() || trend.falls() || has_risen(&noise)
        });
        let n = alarms.count();
        assert!(n <= 12, "{n} of 400 at a level of 1% and a correlation of {correlation}");
    }
}

#[test]
fn a_change_has_an_honest_interval() {
    let mut noise = Noise::new(3);
    let covered = (0..300).filter(|_| {
        let points = curve((0..8).map(|i| 0.3 + 0.05 * f64::from(i) + 0.04 * noise.normal()));
        let change = Change::of(&points, 0.0).unwrap();
        change.low <= 0.35 && 0.35 <= change.high
    });
    let n = covered.count();
    assert!((270..=297).contains(&n), "a 95% interval held {n} of 300 times");
    let flat = Change::of(&curve([0.0; 5]), 0.02).unwrap();
    assert!(flat.low < 0.0 && flat.high > 0.0, "known noise is an interval even where nothing moves");
}

#[test]
fn groups_are_compared_by_order() {
    let more = Comparison::of(&[1.0; 20], &[0.0; 20]).unwrap();
    assert!(more.larger == 1.0 && more.p_value < 1e-6);
    let alike = Comparison::of(&[0.0, 1.0, 0.0, 1.0], &[1.0, 0.0, 1.0, 0.0]).unwrap();
    assert!(alike.larger == 0.5 && alike.p_value > 0.9);
    assert!(Comparison::of(&[], &[1.0]).is_none());
}

/// Figures from R: `pnorm` and `prop.test(correct = FALSE)`.
#[test]
fn known_values() {
    assert!((two_sided(1.959_964) - 0.05).abs() < 1e-6 && (two_sided(2.575_829) - 0.01).abs() < 1e-6);
    let (low, high) = wilson(8.0, 10.0);
    assert!((low - 0.490_162).abs() < 1e-4 && (high - 0.943_318).abs() < 1e-4, "{low} {high}");
    assert_eq!(median(&[3.0, 1.0, 2.0, 10.0]), 2.5);
    assert_eq!(block_means(&[1.0, 2.0, 3.0, 4.0], 2), [1.5, 3.5]);
}

proptest! {
    /// Turning a curve over turns its trend over; moving and stretching it changes no verdict.
    #[test]
    fn trends_do_not_depend_on_units(
        values in prop::collection::vec(-5.0..5.0_f64, 4..80),
        scale in 0.1..100.0_f64,
        offset in -100.0..100.0_f64,
    ) {
        let plain = Trend::of(&curve(values.iter().copied())).unwrap();
        let mirrored = Trend::of(&curve(values.iter().map(|v| -v))).unwrap();
        let stretched = Trend::of(&curve(values.iter().map(|v| v * scale + offset))).unwrap();
        prop_assert_eq!((plain.rises(), plain.falls()), (mirrored.falls(), mirrored.rises()));
        prop_assert!((plain.p_value - mirrored.p_value).abs() < 1e-9);
        prop_assert!((plain.p_value - stretched.p_value).abs() < 1e-3 || plain.p_value > 0.05);
        prop_assert!((stretched.change - scale * plain.change).abs() < 1e-6 * scale * 100.0);
    }

    /// A curve that only goes up never counts as falling, whatever its shape.
    #[test]
    fn a_rise_never_falls(steps in prop::collection::vec(0.0..3.0_f64, 4..200)) {
        let mut sum = 0.0;
        let rising: Curve = curve(steps.iter().map(|s| { sum += s; sum }));
        prop_assert!(!Trend::of(&rising).unwrap().falls());
    }
}
