//! No text of 64 KB takes a verifier long.

use super::super::{Verifier, answer};
use std::time::{Duration, Instant};

const N_BYTES: usize = 65_536;

/// In a release build each takes 10 ms at most; here the machine is busy with other tests, and the build is slower.
const MOST: Duration = Duration::from_millis(250);

/// What hostile texts are made of.
const PIECES: &[&str] = &[
    "(",
    "}",
    "\\boxed{",
    "\\boxed{1}",
    "<answer>1</answer>",
    "####",
    "#### check\n",
    "answer is ",
    "answer is clear ",
    "1 ",
    "1,",
    "9",
    "A ",
    "x=",
    "x = 1 ",
    "1+",
    "\\frac{",
    "= ",
    "not ",
    "5 or ",
    "\n",
    "²",
    "right ",
    "no x ",
    "yes ",
    "2x+",
    "</think>",
    "1e9 ",
    "1/7+",
    "'",
    "1 C to A\n",
    ", since x",
    ", since. ",
    "\nCheck: 1",
    "minus 4 ",
    "1 234 ",
    "| 1 |\n",
    "- x\n",
];

/// One family for each verifier.
const FAMILIES: [&str; 12] = [
    "countdown",
    "linear_system",
    "simplify",
    "prime_factorization",
    "base_conversion",
    "list_sort",
    "knights_knaves",
    "maze",
    "shortest_path",
    "day_of_week",
    "n_queens",
    "caesar_cipher",
];

/// How long `judge` takes: where that is too long, the least of three times, as another process may have had the
/// processor meanwhile.
fn duration(judge: impl Fn()) -> Duration {
    let elapsed = || {
        let started = Instant::now();
        judge();
        started.elapsed()
    };
    let first = elapsed();
    if first > MOST { first.min(elapsed()).min(elapsed()) } else { first }
}

fn slow(name: &str, piece: &str, judge: impl Fn(&str)) -> Option<String> {
    let text = piece.repeat(N_BYTES / piece.len());
    let least = duration(|| judge(&text));
    (least > MOST).then(|| format!("{name}: {least:?} for {piece:?}"))
}

#[test]
fn no_text_takes_long() {
    let golds = ["5", "Paris", "1, 2, 3", "yes"];
    let families = FAMILIES.map(|name| crate::find(name).expect("a family"));
    let problem = |task: &std::sync::Arc<dyn crate::Task>| {
        task.generate(&mut crate::Rng::new(1), 1, crate::Split::Train, &crate::Options::default()).problem
    };
    let problems: Vec<_> = families.iter().map(problem).collect();
    let mut found = Vec::new();
    for piece in PIECES {
        for gold in golds {
            found.extend(slow(gold, piece, |text| drop(Verifier::Answer.judge(gold, text))));
        }
        found.extend(slow("integer", piece, |text| drop(Verifier::Integer.judge("5", text))));
        found.extend(slow("text", piece, |text| drop(Verifier::Text.judge("5", text))));
        for (task, problem) in families.iter().zip(&problems) {
            found.extend(slow(task.name(), piece, |text| drop(task.score(problem, text))));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn sets_of_large_numbers_are_compared_quickly() {
    for item in ["1e%/3", "3^500+2^%", "1e%"] {
        let items: Vec<String> = (100..300).map(|n| item.replace('%', &n.to_string())).collect();
        let gold = format!("\\{{{}\\}}", items.join(", "));
        let reversed: Vec<&str> = items.iter().rev().map(String::as_str).collect();
        let said = format!("\\boxed{{\\{{{}\\}}}}", reversed.join(", "));
        let least = duration(|| drop(answer::judge(&gold, &said)));
        assert!(least < MOST, "{item}: {least:?}");
    }
}
