//! The value that is said must be the formula's.

use super::*;

#[test]
fn the_value_of_a_letter_is_not_the_formulas() {
    // (not p) implies r
    let formula = Formula::Implies(Box::new(Formula::Not(Box::new(Formula::Letter(0)))), Box::new(Formula::Letter(2)));
    let problem = Problem { formula, values: [false, true, false] };
    let right = |answer: &str| Propositional.judge(&problem, answer).verdict == Verdict::Right;
    for answer in [
        "false",
        "The formula is false.",
        "false, because not p is true and r is false",
        "It is false since not p is true and r is false.",
        "答案是false。",
    ] {
        assert!(right(answer), "{answer}");
    }
    for answer in [
        "p is false",
        "r is false",
        "r = false",
        "It is false that the formula is false",
        "true",
        "false, because p is true, so the formula is true",
    ] {
        assert!(!right(answer), "{answer}");
    }
}
