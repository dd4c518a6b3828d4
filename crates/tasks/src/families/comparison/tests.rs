//! A comparison is heard whatever else the answer says.

use super::*;

#[test]
fn what_is_said_of_the_numbers_is_heard() {
    let right = |a, b, want, answer: &str| Comparison.judge(&Problem { a, b, want }, answer).verdict == Verdict::Right;
    for answer in [
        "127",
        "127 is larger than 65.",
        "127 > 65",
        "65 < 127",
        "The larger number is 127.",
        "65 is smaller than 127, so the answer is 127",
        "127大",
        "127比65大。",
        "max(65, 127) = 127",
        "the maximum of 65 and 127 is 127",
    ] {
        assert!(right(65, 127, Want::Larger, answer), "{answer}");
    }
    for answer in [
        "127 is smaller",
        "127 is the smaller one",
        "The smaller number is 127",
        "min = 127",
        "127小",
        "127比65小",
        "127 < 65",
        "65 > 127",
        "127 is not larger than 65",
        "65 is larger than 127",
        "127 is larger than 65. So the answer is 65",
        "Is 127 larger than 65?",
        "127 > 65 or 65 > 127",
        "127 is smaller than 65, so 127",
    ] {
        assert!(!right(65, 127, Want::Larger, answer), "{answer}");
    }
    for answer in [
        "no",
        "No, 117 is not larger than 480.",
        "117 is less than 480",
        "No, 480 is larger.",
        "No, it is smaller",
        "117 < 480",
    ] {
        assert!(right(117, 480, Want::IsLarger, answer), "{answer}");
    }
    for answer in [
        "yes",
        "No, 117 is larger than 480.",
        "no, it is larger",
        "Yes, 117 is less than 480",
        "117 is larger than 480",
        "480 is less than 117",
    ] {
        assert!(!right(117, 480, Want::IsLarger, answer), "{answer}");
    }
}
