//! What counts as the last numeral.

use super::*;
use crate::task::Verdict;

#[test]
fn the_last_numeral_decides() {
    for right in [
        "1101",
        "13 in base 2 is 1101.",
        "0b1101",
        "1101₂",
        "1101_2",
        "1101 (base 2)",
        "1101 in binary.",
        "001101",
        "\\boxed{1101}",
        "**1101**",
        "$1101_{2}$",
        "13 的二进制是1101。",
    ] {
        assert_eq!(judge(13, 2, right).verdict, Verdict::Right, "{right}");
    }
    for wrong in ["", "13", "1011", "1101 or 1011", "1101.1", "-1101", "1100+1", "11012", "1101 in base 3", "binary"] {
        assert_eq!(judge(13, 2, wrong).verdict, Verdict::Wrong, "{wrong}");
    }
    assert_eq!(judge(255, 16, "0xFF").verdict, Verdict::Right);
    assert_eq!(judge(255, 16, "ff").verdict, Verdict::Right);
    assert_eq!(judge(0, 2, "0").verdict, Verdict::Right);
    assert_eq!(judge(0, 2, "").verdict, Verdict::Wrong);
    assert_eq!(written(200, 16), "c8");
}
