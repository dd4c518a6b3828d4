//! Random texts and numbers: no panic, no doubt about what is known.

use super::super::{answer, expression, extract, integer, number, text};
use crate::task::{Options, Verdict};
use crate::{Rng, Split};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

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
    "答",
    "é",
    "：",
    "---",
    "yes",
    "A",
];

fn answer_like() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

/// Texts with a closed tag or box, of which a verifier reads what stands in front and behind.
fn marked() -> impl Strategy<Value = String> {
    let part = || proptest::collection::vec(proptest::sample::select(PIECES), 0..4).prop_map(|pieces| pieces.concat());
    let between = || proptest::sample::select(&["", " ", "\n"]);
    let marks = proptest::sample::select(&[("<answer>", "</answer>"), ("\\boxed{", "}"), ("#### ", "\n")]);
    (part(), between(), marks, part(), between(), part())
        .prop_map(|(front, a, (open, close), inside, b, rest)| [&front, a, open, &inside, close, b, &rest].concat())
}

/// A problem of every family.
static PROBLEMS: LazyLock<Vec<(Arc<dyn crate::Task>, serde_json::Value)>> = LazyLock::new(|| {
    let problem =
        |task: &Arc<dyn crate::Task>| task.generate(&mut Rng::new(3), 1, Split::Train, &Options::default()).problem;
    crate::registry().into_iter().map(|task| (Arc::clone(&task), problem(&task))).collect()
});

proptest! {
    #[test]
    fn every_verifier_reads_any_text(answer in prop_oneof![answer_like(), marked(), marked(), ".{0,80}"]) {
        for (task, problem) in PROBLEMS.iter() {
            task.score(problem, &answer);
        }
        for gold in ["12", "1/2", "A", "yes", "1, 2", "x + 1"] {
            answer::judge(gold, &answer);
        }
        integer::judge("12", &answer);
        text::judge("yes", &answer);
    }

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
