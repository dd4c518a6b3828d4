//! Where the last answer of a text is.

use super::*;

fn found(text: &str) -> String {
    extract(text).map_or_else(|reason| format!("none: {reason}"), |found| found.text.trim().to_string())
}

#[test]
fn the_last_mark_counts() {
    for (text, expected) in [
        ("\\boxed{1} and \\boxed{2}", "2"),
        ("<answer>1</answer> \\boxed{2}", "2"),
        ("\\boxed{1} <answer>2</answer>", "2"),
        ("\\boxed{1}. The answer is 2.", "2."),
        ("The answer is 1, in a box: \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("<think>\\boxed{1}</think>\n2", "2"),
        ("#### 5\nmore", "5"),
        ("one\ntwo\n\n", "two"),
        ("The answer is:\n\n7", "7"),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn what_has_no_answer() {
    for text in [
        "",
        " \n",
        "<think>5",
        "5</think><think>6",
        "\\boxed{5",
        "\\boxed5",
        "<answer>5",
        "\\boxed{}",
        "<answer> </answer>",
    ] {
        assert!(extract(text).is_err(), "{text}");
    }
}
