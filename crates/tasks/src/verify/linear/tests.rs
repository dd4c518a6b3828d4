//! What counts as the simplest form.

use super::*;
use crate::task::Verdict;

#[test]
fn terms_in_any_order_but_each_once() {
    let gold = BTreeMap::from([('x', 2), ('y', -1)]);
    for right in [
        "2x - y + 7",
        "2x-y+7",
        "7 + 2x - y",
        "3x + 5 - x - y + 2 = 2x − y + 7.",
        "It is 2x - y + 7",
        "\\boxed{2x - y + 7}",
        "$2x - y + 7$",
        "**2x - y + 7**",
        "2*x - y + 7",
        "2X - Y + 7",
        "so the answer is: 2x - y + 7",
    ] {
        assert_eq!(judge(&gold, 7, right).verdict, Verdict::Right, "{right}");
    }
    for wrong in [
        "",
        "2x - y",
        "2x + y + 7",
        "3x - x - y + 7",
        "2x - y + 5 + 2",
        "2x - y + 7 + 0",
        "2x - 1y + 7z",
        "2x^2 - y + 7",
        "2(x) - y + 7",
        "2xy + 7",
        "2x - y + 7 = 0",
        "2x - y + 7.5",
        "2x - y + 7 or 3x",
    ] {
        assert_eq!(judge(&gold, 7, wrong).verdict, Verdict::Wrong, "{wrong}");
    }
    assert_eq!(judge(&BTreeMap::from([('x', 0)]), 4, "4").verdict, Verdict::Right);
    assert_eq!(judge(&BTreeMap::from([('x', 0)]), 4, "0x + 4").verdict, Verdict::Wrong);
    assert_eq!(judge(&BTreeMap::from([('x', 0)]), 0, "0").verdict, Verdict::Right);
}
