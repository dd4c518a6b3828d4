//! Gold answers by another way than the family's own: by trying, by counting, by the standard library.

use super::sample;
use crate::task::Verdict;
use crate::{Example, Options, Split};
use serde_json::{Value, json};

/// Examples of all levels of a family.
fn examples(name: &str) -> Vec<Example> {
    let task = crate::find(name).unwrap();
    let level = |index: u64| 1 + (index % u64::from(task.levels())) as u8;
    (0..120).map(|index| sample(task.as_ref(), level(index), index, Split::Train, &Options::default())).collect()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} of {value}"))
}

fn whole(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("{name} of {value}"))
}

#[test]
fn divisors_and_multiples_by_trying() {
    for example in examples("gcd") {
        let (a, b) = (number(&example.problem, "a"), number(&example.problem, "b"));
        let found = (1..=a.min(b)).rev().find(|d| a.is_multiple_of(*d) && b.is_multiple_of(*d)).unwrap();
        assert_eq!(example.answer, found.to_string());
    }
    for example in examples("lcm") {
        let (a, b) = (number(&example.problem, "a"), number(&example.problem, "b"));
        let found = (1..).find(|m: &u64| m.is_multiple_of(a) && m.is_multiple_of(b)).unwrap();
        assert_eq!(example.answer, found.to_string());
    }
    for example in examples("prime_factorization") {
        let factors: Vec<u64> = example.answer.split(" × ").map(|factor| factor.parse().unwrap()).collect();
        assert_eq!(factors.iter().product::<u64>(), number(&example.problem, "n"));
        assert!(factors.iter().all(|p| (2..*p).all(|d| !p.is_multiple_of(d))), "{factors:?}");
    }
}

#[test]
fn numerals_by_the_standard_library() {
    for example in examples("count_bits") {
        let written = format!("{:b}", number(&example.problem, "n"));
        assert_eq!(example.answer, written.matches('1').count().to_string());
    }
    for example in examples("base_conversion") {
        let base = number(&example.problem, "to") as u32;
        assert_eq!(u64::from_str_radix(&example.answer, base).unwrap(), number(&example.problem, "n"));
    }
    for example in examples("modular_arithmetic") {
        let [a, b, m] = ["a", "b", "m"].map(|name| u128::from(number(&example.problem, name)));
        let value = match example.problem["kind"].as_str().unwrap() {
            "number" => a,
            "sum" => a + b,
            "product" => a * b,
            _ => a.pow(b as u32),
        };
        assert_eq!(example.answer, (value % m).to_string());
    }
    for example in examples("polynomial_evaluation") {
        let x = whole(&example.problem, "x");
        let coefficients = example.problem["coefficients"].as_array().unwrap();
        let powers = coefficients.iter().rev().zip(0..).map(|(c, power)| c.as_i64().unwrap() * x.pow(power));
        assert_eq!(example.answer, powers.sum::<i64>().to_string());
    }
}

/// The next day of the calendar, without the family's tables.
fn tomorrow([year, month, day]: [u64; 3]) -> [u64; 3] {
    let leap = year.is_multiple_of(400) || (year.is_multiple_of(4) && !year.is_multiple_of(100));
    let last = match month {
        2 => 28 + u64::from(leap),
        _ => 30 + (month + month / 8) % 2,
    };
    match (month, day == last) {
        (12, true) => [year + 1, 1, 1],
        (_, true) => [year, month + 1, 1],
        _ => [year, month, day + 1],
    }
}

#[test]
fn dates_by_going_from_day_to_day() {
    for example in examples("date_difference") {
        let date = |name: &str| ["year", "month", "day"].map(|part| number(&example.problem[name], part));
        let (mut now, to, mut n_days) = (date("from"), date("to"), 0);
        while now != to {
            now = tomorrow(now);
            n_days += 1;
        }
        assert_eq!(example.answer, n_days.to_string(), "{}", example.problem);
    }
    const WEEK: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    for example in examples("day_of_week") {
        let mut at = number(&example.problem, "day") as usize;
        match example.problem["dates"].as_array() {
            Some(dates) => {
                let date = |idx: usize| [2023, number(&dates[idx], "month"), number(&dates[idx], "day")];
                let mut now = date(0);
                while now != date(1) {
                    now = tomorrow(now);
                    at = (at + 1) % 7;
                }
            }
            None => {
                let shift = whole(&example.problem, "shift");
                for _ in 0..shift.unsigned_abs() {
                    at = (at + if shift < 0 { 6 } else { 1 }) % 7;
                }
            }
        }
        assert_eq!(example.answer, WEEK[at], "{}", example.problem);
    }
}

#[test]
fn any_way_through_a_maze_is_right_that_keeps_to_open_cells() {
    let task = crate::find("maze").unwrap();
    let problem = json!({ "rows": ["S.#", "..#", "#.E"] });
    for (answer, expected) in [
        ("right, down, down, right", Verdict::Right),
        ("down, right, down, right", Verdict::Right),
        ("R R L D D R", Verdict::Wrong),
        ("right, left, right, down, down, right", Verdict::Right),
        ("down, down, right, right", Verdict::Wrong),
        ("right, down", Verdict::Wrong),
        ("up", Verdict::Wrong),
        ("", Verdict::Wrong),
    ] {
        assert_eq!(task.score(&problem, answer).verdict, expected, "{answer}");
    }
    let walled = json!({ "rows": ["S#E"] });
    assert_eq!(task.score(&walled, "right, right").verdict, Verdict::CannotJudge);
}

#[test]
fn every_shortest_path_is_right_and_no_other() {
    let task = crate::find("shortest_path").unwrap();
    // A to D by B or by C, and a long way round by E.
    let edges = [[0, 1], [1, 3], [0, 2], [2, 3], [0, 4], [4, 1]];
    let problem = json!({ "graph": { "n": 5, "edges": edges }, "from": 0, "to": 3 });
    for (answer, expected) in [
        ("A-B-D", Verdict::Right),
        ("The path is A, C, D.", Verdict::Right),
        ("A-E-B-D", Verdict::Wrong),
        ("A-D", Verdict::Wrong),
        ("D-B-A", Verdict::Wrong),
        ("A-B", Verdict::Wrong),
        ("A-Z-D", Verdict::Wrong),
    ] {
        assert_eq!(task.score(&problem, answer).verdict, expected, "{answer}");
    }
}

#[test]
fn letters_by_the_standard_library() {
    for example in examples("spell_backward") {
        assert!(example.problem["word"].as_str().unwrap().chars().rev().eq(example.answer.chars()));
    }
    for example in examples("letter_counting") {
        let (word, letter) = (example.problem["word"].as_str().unwrap(), example.problem["letter"].as_str().unwrap());
        assert_eq!(example.answer, word.matches(letter).count().to_string());
    }
    for example in examples("caesar_cipher") {
        // Going the other way leads back.
        let task = crate::find("caesar_cipher").unwrap();
        let mut back = example.problem.clone();
        back["decode"] = json!(!example.problem["decode"].as_bool().unwrap());
        back["word"] = json!(example.answer);
        let word = example.problem["word"].as_str().unwrap();
        assert_eq!(task.score(&back, word).verdict, Verdict::Right, "{}", example.problem);
    }
}
