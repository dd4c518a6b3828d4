//! Units and what only looks like one.

use super::*;

#[test]
fn lists_are_in_order() {
    for list in [SIGNS, PLURALS, TAILS, NUMBER_WORDS] {
        assert!(list.is_sorted(), "{list:?}");
    }
}

#[test]
fn units_are_read() {
    for text in [
        "",
        "cm",
        "km/h",
        "m^2",
        "apples",
        "red apples",
        "apples in total",
        "in all",
        "people",
        "hours per day",
        "个苹果",
        "元",
        "dollars.",
        "miles per hour",
        "of them",
        "kilometers",
    ] {
        assert!(read(text, false, false).is_some(), "{text}");
    }
    for text in ["cm", "km", "个", "千米"] {
        assert!(read(text, true, false).is_some(), "{text}");
    }
    assert!(read("apple", false, true).is_some());
}

#[test]
fn what_changes_the_number_is_no_unit() {
    for text in [
        "squared",
        "minus",
        "plus x",
        "x",
        "xy",
        "n",
        "pi",
        "i",
        "or seven",
        "tenths",
        "halves",
        "dozens",
        "times two",
        "lakh",
        "is",
        "is wrong",
        "hours 23 minutes",
        "choose",
        "short of ten",
        "less",
        "of ten",
        "π",
        "六",
    ] {
        assert!(read(text, false, false).is_none(), "{text}");
    }
    for text in ["x", "apples", "dd3", "M", "j", "n"] {
        assert!(read(text, true, false).is_none(), "{text}");
    }
}

#[test]
fn units_are_equal_in_several_spellings() {
    for (a, b) in [("apple", "apples"), ("km", "kilometers"), ("＄", "dollars"), ("box", "boxes"), ("cm", "cm")] {
        assert!(same(a, b) && same(b, a), "{a} {b}");
    }
    for (a, b) in [("m", "ms"), ("mW", "MW"), ("＄", "€"), ("m", "cm"), ("apples", "pears"), ("m", "M")] {
        assert!(!same(a, b) && !same(b, a), "{a} {b}");
    }
}
