//! What lets an answer stand, and what does not.

use super::*;

#[test]
fn plain_words_let_it_stand() {
    for front in [
        "",
        "The answer is ",
        "12 + 23 = ",
        "**Answer:** ",
        "So, in all, there are **",
        "It could be 41 or 43, but it is ",
        "Not A-B-C but ",
        "答案是",
        "The square root of 36 is $",
        "\\[ \\implies ",
        "so...",
        "the sum (in dollars) is ",
    ] {
        assert_eq!(before(front), Ok(()), "{front}");
    }
    for rest in [
        "",
        ".",
        " apples",
        "个苹果。",
        "** in all.",
        "\n\nI hope this helps!",
        "$.",
        " (in dollars)",
        ", because 40+2=42",
        " ✓",
    ] {
        assert_eq!(after(rest), Ok(()), "{rest}");
    }
}

#[test]
fn signs_words_and_other_numbers_do_not() {
    for front in [
        "-",
        "100-$",
        "-`",
        "7+\n",
        "not ",
        "The answer isn't ",
        "minus ",
        "half of ",
        "5 or ",
        "5 OR\n",
        "3 ",
        "2(",
        "f(",
        "\\sqrt",
        "\\frac{",
        "10^{",
        "x",
        "5 ≈ ",
        "x \\neq ",
        "> ",
        "± ",
        "a != ",
        "1, ",
        "负",
        "2**",
        "6 -> ",
    ] {
        assert!(before(front).is_err(), "{front}");
    }
    for rest in [
        "^2", "²", " squared", "%", " %", "\\%", " or 7", " (wrong)", ". No, 7", "x", "千", "!=", " + 1", ".5", ":30",
        "\n7", " 7", "?", "½", " to 7", "/2",
    ] {
        assert!(after(rest).is_err(), "{rest}");
    }
}

#[test]
fn two_numbers_side_by_side_are_two() {
    for front in ["5 to ", "5 oder ", "5~", "5 x ", "5 & ", "between 5 and "] {
        assert!(joined(front, true).is_err(), "{front}");
    }
    for front in ["", "5 and 2 make ", "5 + 2 = ", "I had 5, then ", "From 3 of the boxes she takes ", "5 and "] {
        assert_eq!(joined(front, true), Ok(()), "{front}");
    }
    assert!(joined("5 and ", false).is_err());
}
