//! What counts as the product of the expected primes.

use super::*;
use crate::task::Verdict;

#[test]
fn the_last_product_decides() {
    for right in [
        "2 × 2 × 2 × 5",
        "40 = 2 × 2 × 2 × 5.",
        "5*2*2*2",
        "2^3 × 5",
        "2³ · 5",
        "$2^3 \\times 5$",
        "\\boxed{2^3 \\times 5}",
        "The prime factors are 2, 2, 2, 5",
        "40 = 4 × 10 = 2 x 2 x 2 x 5",
        "2**3 * 5",
        "2 × 2 × 2 × 5 = 40",
        "$2^3 \\times 5 = 40$",
        "`2 × 2 × 2 × 5`",
    ] {
        assert_eq!(judge(&[2, 2, 2, 5], right).verdict, Verdict::Right, "{right}");
    }
    for wrong in [
        "",
        "2 × 5",
        "4 × 10",
        "1 × 2 × 2 × 2 × 5",
        "2 × 2 × 2 × 5 = 41",
        "2 × 2 × 2 × 5 = 4",
        "2 × 2 × 10 = 40",
        "40 = 40",
        "2 × 2 × 10",
        "2^3.0 × 5",
        "2^3 + 5",
        "-2 × -2 × 2 × 5",
        "2 × 2 × 2 × 5 × 1",
        "2 and 5",
        "2^9999999999 × 5",
        "2 2 2 5",
    ] {
        assert_eq!(judge(&[2, 2, 2, 5], wrong).verdict, Verdict::Wrong, "{wrong}");
    }
    assert_eq!(judge(&[7], "7 is prime, so it is 7").verdict, Verdict::Right);
}
