//! What counts as the last list.

use super::*;
use crate::task::Verdict;

#[test]
fn the_last_list_decides() {
    for right in [
        "3, 7, 9",
        "[3, 7, 9]",
        "Sorting 9, 7, 3 gives 3, 7, 9.",
        "The list is: 3 7 9",
        "3 < 7 < 9",
        "sorted = [3,7,9]",
        "\\boxed{3, 7, 9}",
        "3, 7 and 9",
        "**3, 7, 9**",
        "排序后：3，7，9。",
        "3\n7\n9",
    ] {
        assert_eq!(judge(&[3, 7, 9], right).verdict, Verdict::Right, "{right}");
    }
    for wrong in [
        "",
        "3, 7",
        "3, 9, 7",
        "3, 7, 9, 9",
        "3, 7.0, 9",
        "3, 7, 9 is not it, but 3, 9, 7",
        "379",
        "3, 7, 3+6",
        "3, 7, 9 or 9, 7, 3",
        "x3, 7, 9",
        "3, 7, 9e0",
        "none",
    ] {
        assert_eq!(judge(&[3, 7, 9], wrong).verdict, Verdict::Wrong, "{wrong}");
    }
    assert_eq!(last("-3, −4"), Ok(vec![-3, -4]));
}
