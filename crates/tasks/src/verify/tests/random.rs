//! Random texts and numbers: no panic, no doubt about what is known.

use super::super::{answer, expression, extract, number};
use crate::task::Verdict;
use proptest::prelude::*;

/// What answers are made of.
const PIECES: &[&str] = &[
    "1",
    "2",
    "12",
    "0",
    ".",
    ",",
    "-",
    "+",
    "*",
    "/",
    "^",
    "=",
    "(",
    ")",
    "{",
    "}",
    "\\frac",
    "\\boxed{",
    "<answer>",
    "</answer>",
    "<think>",
    "</think>",
    "%",
    " ",
    "\n",
    "x",
    "or",
    "answer is ",
    "e",
    "\\",
    "≈",
    "！",
    "½",
    "B",
    "\u{200b}",
    "####",
    "million",
    "$",
];

fn answer_like() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_judged(gold in answer_like(), answer in answer_like(), noise in ".{0,80}") {
        answer::judge(&gold, &answer);
        answer::judge(&noise, &answer);
        answer::judge(&gold, &noise);
        expression::judge(&[1, 2, 12], 24, &answer);
        let _ = extract::extract(&answer);
        let _ = number::parse(&answer);
    }

    #[test]
    fn a_fraction_is_itself_in_every_spelling(top in -9999i64..9999, bottom in 1i64..999, other in 1i64..99) {
        let gold = format!("{top}/{bottom}");
        for spelling in [
            format!("\\frac{{{top}}}{{{bottom}}}"),
            format!("{}/{}", top * other, bottom * other),
            format!("so it is \\boxed{{{top} / {bottom}}}"),
            format!("The answer is ${gold}$."),
        ] {
            prop_assert_eq!(answer::judge(&gold, &spelling).verdict, Verdict::Right, "{} {}", gold, spelling);
        }
        let wrong = format!("{}/{bottom}", top + other);
        prop_assert_eq!(answer::judge(&gold, &wrong).verdict, Verdict::Wrong, "{} {}", gold, wrong);
    }

    #[test]
    fn a_decimal_is_its_fraction(units in -99_999i64..99_999, places in 0u32..5) {
        let scale = 10i64.pow(places);
        let sign = if units < 0 { "-" } else { "" };
        let (whole, part) = (units.abs() / scale, units.abs() % scale);
        let decimal = if places == 0 { format!("{sign}{whole}") } else {
            format!("{sign}{whole}.{part:0width$}", width = places as usize)
        };
        let fraction = format!("{units}/{scale}");
        prop_assert_eq!(answer::judge(&fraction, &decimal).verdict, Verdict::Right, "{} {}", fraction, decimal);
        let next = format!("{}/{scale}", units + 1);
        prop_assert_eq!(answer::judge(&decimal, &next).verdict == Verdict::Right, false, "{} {}", decimal, next);
    }
}
