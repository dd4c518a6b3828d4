//! What is heard in the words around an answer.

use super::*;

#[test]
fn lists_are_in_order() {
    for list in [DOUBTS, CHANGES_BEFORE, CHANGES_AFTER, LINKS] {
        assert!(list.is_sorted(), "{list:?}");
    }
}

#[test]
fn doubt_is_heard() {
    for text in
        ["not", "It isn't", "It isn’t", "5 OR", "5 或者", "at least", "one of", "5 о", "so\u{200b}", "It may be"]
    {
        assert!(doubt(text).is_some(), "{text}");
    }
    for text in ["", "So the answer is", "The largest number, in the list, is", "所以答案是", "Nothingham", "θ", "café"]
    {
        assert_eq!(doubt(text), None, "{text}");
    }
}

#[test]
fn changes_of_value_are_heard() {
    for text in ["minus", "It is negative", "the square root of", "half of the", "答案是负", "log"] {
        assert!(change_before(text).is_some(), "{text}");
    }
    for text in ["", "the square root of 36 is", "The double is", "a total of", "答案是"] {
        assert_eq!(change_before(text), None, "{text}");
    }
    for text in [" squared", "千", " million dollars", " minus 2"] {
        assert!(change_after(text).is_some(), "{text}");
    }
    for text in ["", " apples", "个苹果", " hours per day"] {
        assert_eq!(change_after(text), None, "{text}");
    }
}
