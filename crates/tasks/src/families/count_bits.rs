//! How many ones a number has in binary, by halving it.

use super::reply_number;
use crate::phrase::Wordings;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Ones of a binary number.
pub struct CountBits;

/// A number given in decimal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    n: u64,
}

const WORDINGS: Wordings = Wordings {
    nouns: &[
        "the number of ones in the binary form of {n}",
        "the number of 1 bits in {n}",
        "the number of set bits in {n}",
        "the popcount of {n}",
        "the count of 1s in the binary representation of {n}",
    ],
    questions: &[
        "how many 1 bits does {n} have",
        "how many ones are in the binary representation of the number {n}",
        "how many bits are set in {n}",
        "how many 1s does {n} have in binary",
        "how many ones are there when {n} is written in base 2",
    ],
    orders: &["count the 1 bits of {n}", "count the ones in the binary form of {n}", "count the set bits of {n}"],
    chinese: &["{n}的二进制中有几个1？", "{n}用二进制表示时有多少个1？", "求{n}的二进制表示里1的个数。"],
    ..Wordings::NONE
};

impl Family for CountBits {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "count_bits"
    }

    fn about(&self) -> &'static str {
        "ones in the binary form of a number below 16, 128, 1024, 8192"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let bits = rng.between(2, [4, 7, 10, 13][usize::from(difficulty) - 1]);
        Problem { n: rng.between(1 << (bits - 1), (1 << bits) - 1) }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("bits {}", p.n)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        WORDINGS.ask(&[("n", &p.n.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.n.count_ones().to_string()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let (mut n, mut ones) = (p.n, 0);
        while n > 0 {
            ones += n % 2;
            trace.line(format!("{n}=2×{}+{}, ones {ones}", n / 2, n % 2));
            n /= 2;
        }
        Some(reply_number(asked, trace, &format!("The number of ones in {} in binary is", p.n), ones))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        integer::judge(&self.answer(p), answer_text)
    }
}
