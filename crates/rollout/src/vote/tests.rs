use super::*;
use tasks::Verdict::{CannotJudge, Right, Wrong};

#[test]
fn ballots_name_the_answer_alone() {
    let cases = [
        ("The sum is 935.", true, "935"),
        ("347 + 588 = 935", true, "935"),
        ("It is 1,234.50 dollars", true, "1234.5"),
        ("x = -3", true, "-3"),
        ("7 - 3", true, "3"),
        ("so \\boxed{\\frac{1}{2}} and done", false, "\\frac{1}{2}"),
        ("so \\boxed{12} of 40", true, "12"),
        ("<answer>Even</answer>", false, "even"),
        ("Let me see.\nThe  answer is Even.\n", false, "the answer is even"),
        ("3/4", true, "3/4"),
        ("no number", true, "no number"),
    ];
    for (text, is_number, expected) in cases {
        assert_eq!(ballot(text, is_number).as_deref(), Some(expected), "{text}");
    }
    assert_eq!(ballot(" \n", false), None);
    assert!(is_number("935") && is_number("-3") && is_number("1,000") && is_number("2.50"));
    assert!(!is_number("even") && !is_number("(1 + 2) * 3") && !is_number(""));
}

#[test]
fn the_most_frequent_answer_counts() {
    let vote = |votes: &[(&str, Verdict)]| {
        let samples = votes.iter().map(|(a, v)| (Some((*a).to_owned()).filter(|a| !a.is_empty()), *v));
        majority(&samples.collect::<Vec<_>>())
    };
    assert_eq!(vote(&[("5", Right), ("5", Right), ("6", Wrong)]), Some(1.0));
    assert_eq!(vote(&[("5", Right), ("6", Wrong), ("6", Wrong)]), Some(0.0));
    assert_eq!(vote(&[("5", Right), ("6", Wrong)]), Some(0.5), "a fair draw");
    assert_eq!(vote(&[("5", Right), ("", Wrong), ("", Wrong)]), Some(1.0), "who says nothing does not vote");
    assert_eq!(vote(&[("", Wrong)]), Some(0.0));
    assert_eq!(vote(&[("5", CannotJudge)]), None);
    assert_eq!(vote(&[]), None);
}
