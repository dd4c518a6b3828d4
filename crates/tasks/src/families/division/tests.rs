//! Quotient and remainder are told apart by their names.

use super::*;
use crate::task::Verdict;

#[test]
fn quotient_and_remainder_are_not_exchanged() {
    let right =
        |a, b, answer: &str| Division.judge(&Problem { a, b, want: Want::Quotient }, answer).verdict == Verdict::Right;
    for answer in [
        "4 remainder 2",
        "30 ÷ 7 = 4 remainder 2",
        "30 ÷ 7 = 4 R2",
        "30 ÷ 7 = 4 R 2",
        "30÷7=4……2",
        "30÷7=4...2",
        "4R2",
        "4 rem 2",
        "remainder 2, quotient 4",
        "The quotient is 4 and the remainder is 2.",
        "商4余2",
        "商是4，余数是2。",
        "\\boxed{4 \\text{ remainder } 2}",
        "<answer>4 R 2</answer>",
    ] {
        assert!(right(30, 7, answer), "{answer}: {:?}", said(answer));
    }
    for answer in
        ["remainder 4, quotient 2", "2 remainder 4", "4", "4 2", "4 remainder 3", "30/7", "余4商2", "4 or 5 R2"]
    {
        assert!(!right(30, 7, answer), "{answer}");
    }
    for answer in ["3", "15 ÷ 5 = 3", "3 remainder 0", "3 R0", "3 with no remainder"] {
        assert!(right(15, 5, answer), "{answer}");
    }
    for answer in ["remainder 3", "0 remainder 3", "The remainder is 3.", "3 remainder 1"] {
        assert!(!right(15, 5, answer), "{answer}");
    }
}
