//! The game of 24: four cards, all of them used once, must make 24.
//!
//! Hands are drawn that have a solution with whole intermediate results; any exact solution is right, with fractions on
//! the way or not. The worked thinking is [`super::countdown`]'s search.

use super::countdown::search::{Order, search};
use super::countdown::{Countdown, Problem as Numbers, is_solvable};
use crate::phrase::{self, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::expression;
use serde::{Deserialize, Serialize};

/// Four numbers up to 9, then up to 13.
pub struct Game24;

const TARGET: i64 = 24;

/// The four cards.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    numbers: [u64; 4],
}

impl Problem {
    fn countdown(&self) -> Numbers {
        Numbers { numbers: self.numbers.to_vec(), target: TARGET }
    }
}

const TELLINGS: &[&str] = &[
    "Make 24 from {n}. Use each number exactly once, with + - * / and parentheses.",
    "Play the 24 game with {n}.",
    "Use {n} and + - * / to make 24. Every number once.",
    "24 game: {n}",
    "The four cards are {n}. Combine them with + - * / to get 24, each card once.",
    "How can {n} make 24? Each number must be used exactly once.",
    "Write an expression that equals 24 and uses each of {n} once, with only + - * / and parentheses.",
    "I drew {n}. Can you get to 24 with them?",
];

const CHINESE: &[&str] = &[
    "用{n}算24点，每个数用一次。",
    "24点游戏：{n}",
    "用加减乘除把{n}凑成24，每个数只能用一次。",
    "四张牌是{n}，请算出24。",
];

impl Family for Game24 {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "game24"
    }

    fn about(&self) -> &'static str {
        "make 24 from four cards up to 9, then up to 13"
    }

    fn levels(&self) -> u8 {
        2
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let highest = if difficulty == 1 { 9 } else { 13 };
        loop {
            let problem = Problem { numbers: [(); 4].map(|()| rng.between(1, highest)) };
            let large = difficulty == 1 || problem.numbers.iter().any(|&n| n > 9);
            if large && is_solvable(&problem.numbers, TARGET as u64) {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        Countdown.canonical(&p.countdown())
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let tellings = if rng.chance(options.chinese) { CHINESE } else { TELLINGS };
        let separator = rng.pick(&[", ", ", ", " ", ","]);
        let numbers = p.numbers.map(|n| n.to_string()).join(separator);
        phrase::noise(Asked::plain(fill(rng.pick(tellings), &[("n", &numbers)])), rng)
    }

    fn answer(&self, p: &Problem) -> String {
        Countdown.answer(&p.countdown())
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let (reasoning, expression) = search(&p.numbers, TARGET as u64, Order::DivisorsFirst)?;
        Some(Demonstration { reasoning, answer_text: asked.reply(&expression, expression.clone()) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        expression::judge(&p.numbers, TARGET, answer_text)
    }
}
