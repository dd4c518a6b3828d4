//! The stream is SplitMix64's, and its derived draws stay where they are.

use super::*;

#[test]
fn numbers_are_those_of_the_published_generator() {
    // Values of the reference implementation for state 1234567.
    let mut rng = Rng { state: 1_234_567 };
    let expected = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    assert_eq!(expected.map(|_| rng.next_u64()), expected);
}

#[test]
fn streams_of_different_numbers_differ() {
    let first = |parts: &[u64]| Rng::stream(parts).next_u64();
    assert_ne!(first(&[1, 2]), first(&[2, 1]));
    assert_ne!(first(&[1]), first(&[1, 0]));
    assert_eq!(first(&[1, 2]), first(&[1, 2]));
}

#[test]
fn draws_stay_in_range_and_reach_the_ends() {
    let mut rng = Rng::new(3);
    let mut seen = [0; 6];
    for _ in 0..6000 {
        seen[rng.between(0, 5) as usize] += 1;
        assert!((0.0..1.0).contains(&rng.unit()));
        assert!((100..=999).contains(&rng.number(3)));
    }
    assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    let weighted = (0..4000).filter(|_| rng.weighted(&[1, 0, 3]) == 2).count();
    assert!((2850..3150).contains(&weighted), "{weighted}");
}
