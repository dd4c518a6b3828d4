use super::Curriculum;
use crate::recipe::GrpoSpec;

#[test]
fn what_is_too_easy_or_too_hard_is_drawn_less_but_never_not() {
    let spec = GrpoSpec::default().curriculum;
    let mut curriculum = Curriculum::new(4);
    for _ in 0..50 {
        curriculum.observe(0, 1.0);
        curriculum.observe(1, 0.5);
        curriculum.observe(2, 0.0);
    }
    let weights = curriculum.weights(&spec, &[2.0, 1.0, 1.0, 1.0]);
    assert_eq!(weights[1..2], [1.0]);
    assert_eq!(weights[3], 1.0, "nothing is known of the last");
    assert!((weights[0] - 2.0 * spec.floor).abs() < 1e-9 && (weights[2] - spec.floor).abs() < 1e-9, "{weights:?}");
    let off = crate::recipe::CurriculumSpec { enabled: false, ..spec };
    assert_eq!(curriculum.weights(&off, &[2.0, 1.0, 1.0, 1.0]), [2.0, 1.0, 1.0, 1.0]);
}

#[test]
fn a_rate_is_a_plain_mean_at_first_and_follows_later() {
    let mut curriculum = Curriculum::new(1);
    for share in [1.0, 0.0, 0.5] {
        curriculum.observe(0, share);
    }
    assert!((curriculum.rate(0).success - 0.5).abs() < 1e-12);
    for _ in 0..100 {
        curriculum.observe(0, 1.0);
    }
    assert!(curriculum.rate(0).success > 0.99);
}
