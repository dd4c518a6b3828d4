//! Countdown: combine all given numbers by + - × ÷ into a target.
//!
//! Problems are drawn as the literature draws them: numbers 1 to 99, target 10 to 100, a solution with whole
//! intermediate results exists (Gandhi et al. 2024, "Stream of Search").

use crate::phrase::{self, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::expression;
use serde::{Deserialize, Serialize};

pub(super) mod search;

/// Countdown with 3, 4 or 5 numbers.
pub struct Countdown;

/// Each of `numbers` exactly once must make `target`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    pub(super) numbers: Vec<u64>,
    pub(super) target: i64,
}

/// The most numbers for which a solution is searched.
const MAX_SEARCH: usize = 5;

const TELLINGS: &[&str] = &[
    "Use the numbers {n} and + - * / to make {t}. Use each number exactly once.",
    "Using the numbers {n}, make {t}. Each number must be used exactly once.",
    "Countdown: numbers {n}, target {t}.",
    "Make {t} from {n}. Use every number once, with + - * / and parentheses.",
    "Combine {n} with + - * / to get {t}, using each number once.",
    "How can you make {t} from the numbers {n}? Use each exactly once.",
    "Write an expression with {n} that equals {t}. Every number once, only + - * /.",
    "Find a way to reach {t} with the numbers {n}. Use all of them once.",
    "Numbers: {n}\nTarget: {t}",
    "用{n}各一次，通过加减乘除得到{t}。",
];

impl Family for Countdown {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "countdown"
    }

    fn about(&self) -> &'static str {
        "make a target from 3, 4 or 5 numbers, each used exactly once"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        loop {
            let numbers: Vec<u64> = (0..difficulty + 2).map(|_| rng.between(1, 99)).collect();
            if let Some(value) = random_value(&numbers, rng).filter(|value| (10..=100).contains(value)) {
                return Problem { numbers, target: value as i64 };
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        let mut numbers = p.numbers.clone();
        numbers.sort_unstable();
        format!("countdown {numbers:?} {}", p.target)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, _: &Options) -> Asked {
        let numbers: Vec<String> = p.numbers.iter().map(u64::to_string).collect();
        let separator = rng.pick(&[", ", ", ", ", ", " ", ","]);
        let values = [("n", numbers.join(separator)), ("t", p.target.to_string())];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        phrase::noise(Asked::plain(fill(rng.pick(TELLINGS), &values)), rng)
    }

    /// One solution of possibly many; empty when there is none or there are too many numbers to search.
    fn answer(&self, p: &Problem) -> String {
        if p.numbers.len() > MAX_SEARCH {
            return String::new();
        }
        let pool = p.numbers.iter().map(|&n| (n, n.to_string())).collect();
        let solution = u64::try_from(p.target).ok().and_then(|target| search(pool, target));
        solution.map(|text| strip_brackets(&text)).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let (reasoning, expression) =
            search::search(&p.numbers, u64::try_from(p.target).ok()?, search::Order::PairsFirst)?;
        Some(Demonstration { reasoning, answer_text: asked.reply(&expression, expression.clone()) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        expression::judge(&p.numbers, p.target, answer_text)
    }
}

/// The results of an operation that are whole and not negative; division and subtraction take the larger first.
fn results(a: u64, b: u64) -> [Option<(u64, char)>; 4] {
    let (large, small) = (a.max(b), a.min(b));
    let quotient = if small > 0 && large.is_multiple_of(small) { Some((large / small, '/')) } else { None };
    [a.checked_add(b).map(|n| (n, '+')), Some((large - small, '-')), a.checked_mul(b).map(|n| (n, '*')), quotient]
}

/// The value of a random expression over all numbers, when it is whole at every step.
fn random_value(numbers: &[u64], rng: &mut Rng) -> Option<u64> {
    let mut pool = numbers.to_vec();
    while pool.len() > 1 {
        let a = pool.swap_remove(rng.below(pool.len() as u64) as usize);
        let b = pool.swap_remove(rng.below(pool.len() as u64) as usize);
        pool.push(rng.pick(&results(a, b))?.0);
    }
    pool.pop()
}

/// Do `numbers` make `target` with whole intermediate results?
pub(super) fn is_solvable(numbers: &[u64], target: u64) -> bool {
    if let [value] = numbers {
        return *value == target;
    }
    let pairs = (0..numbers.len()).flat_map(|i| (i + 1..numbers.len()).map(move |j| (i, j)));
    pairs.into_iter().any(|(i, j)| {
        let mut rest: Vec<u64> = numbers.to_vec();
        rest.remove(j);
        results(numbers[i], numbers[j]).into_iter().flatten().any(|(value, _)| {
            rest[i] = value;
            is_solvable(&rest, target)
        })
    })
}

/// Tries all pairs and operations, depth first, in a fixed order.
fn search(pool: Vec<(u64, String)>, target: u64) -> Option<String> {
    if let [(value, text)] = pool.as_slice() {
        return (*value == target).then(|| text.clone());
    }
    for i in 0..pool.len() {
        for j in i + 1..pool.len() {
            let (first, second) = if pool[i].0 >= pool[j].0 { (&pool[i], &pool[j]) } else { (&pool[j], &pool[i]) };
            for (value, operator) in results(first.0, second.0).into_iter().flatten() {
                let mut rest: Vec<(u64, String)> =
                    pool.iter().enumerate().filter(|(k, _)| *k != i && *k != j).map(|(_, item)| item.clone()).collect();
                rest.push((value, format!("({}{operator}{})", first.1, second.1)));
                if let Some(found) = search(rest, target) {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// The outermost brackets say nothing.
fn strip_brackets(text: &str) -> String {
    text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text).to_string()
}
