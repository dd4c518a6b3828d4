//! What counts as giving a name its value.

use super::*;
use crate::task::Verdict;

#[test]
fn each_name_needs_its_value() {
    let gold = [("x", 3), ("y", -2)];
    for right in [
        "x = 3, y = -2",
        "x=3 and y=−2.",
        "The solution is x = 3 and y = -2",
        "y is -2, x is 3",
        "x: 3\ny: -2",
        "(3, -2)",
        "\\boxed{x = 3, y = -2}",
        "First x = 4, but then x = 3 and y = -2.",
        "(x, y) = (3, -2)",
        "$x = 3$, $y = -2$",
        "x = 3.0, y = -2",
    ] {
        assert_eq!(judge(&gold, right).verdict, Verdict::Right, "{right}");
    }
    for wrong in [
        "",
        "x = 3",
        "x = -2, y = 3",
        "(-2, 3)",
        "x = 3, y = -2, x = 4",
        "x = 3, y = -2 + 0",
        "x = 3 or 4",
        "xy = 3, y = -2",
        "3 -2 1",
        "x = 3, y = -2, c = 5",
        "x = 3 and y = -2; z = 1",
    ] {
        assert_eq!(judge(&gold, wrong).verdict, Verdict::Wrong, "{wrong}");
    }
}
