//! Grids and lists at the end of a text, and what only looks like one.

use super::*;

#[test]
fn grids_at_the_end_are_read() {
    let expected = vec![vec![1, 2], vec![3, 4]];
    for text in [
        "1 2\n3 4",
        "12\n34",
        "9 9\n9 9\nso:\n1 2\n3 4\n",
        "[1, 2]\n[3, 4]",
        "|1|2|\n---\n|3|4|",
        "<answer>1 2\n3 4</answer>",
    ] {
        assert_eq!(digits(text, 2, 2).as_ref(), Ok(&expected), "{text}");
    }
    for text in [
        "",
        "1 2",
        "1 2\n3",
        "1 2\nthen\n3 4",
        "1 2 3\n4",
        "1 2\n-3 4",
        "1 2\n3 x",
        "１ 2\n3 4",
        "1234",
        "<answer>1 2\n3 4",
        "9 9\n1 2\n3 4",
        "9\n1 2\n3 4",
    ] {
        assert!(digits(text, 2, 2).is_err(), "{text}");
    }
}

#[test]
fn the_last_list_counts() {
    for text in ["2 4 1", "2, 4, 1", "[2, 4, 1].", "columns: 2 4 1", "1 1 1\n2 4 1", "\\boxed{2, 4, 1}", "**2 4 1**"] {
        assert_eq!(numbers(text, 3), Ok(vec![2, 4, 1]), "{text}");
    }
    for text in ["", "2 4", "2 4 1 3", "2 4 1 or 1 4 2", "-2 4 1", "2.4.1.5", "241", "2 4 1\n5", "2 4 x1", "2 4 0001"] {
        assert!(numbers(text, 3).is_err(), "{text}");
    }
}
