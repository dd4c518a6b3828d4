//! Questions about the digits of one number: even or odd, the last digit, the sum of the digits.

use crate::phrase::{self, Core, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::{integer, text};
use crate::worked::{Trace, digit, n_digits};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Parity, last digit, digit sum, number of digits.
pub struct Digits;

/// What is asked about `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Want {
    /// Even or odd?
    Parity,
    /// The ones digit.
    Last,
    /// The sum of all digits.
    Sum,
    /// How many digits.
    Count,
}

/// A number and a question about its digits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    n: u64,
    want: Want,
}

const PARITY: &[&str] = &[
    "is {n} even or odd",
    "is {n} odd or even",
    "is {n} even or odd",
    "is the number {n} even or odd",
    "is {n} an even or an odd number",
    "{n}: even or odd",
    "even or odd: {n}",
    "what is {n}, even or odd",
    "tell me if {n} is even or odd",
    "what is the parity of {n}",
];
const LAST: &[&str] = &[
    "the last digit of {n}",
    "the last digit of {n}",
    "the ones digit of {n}",
    "the final digit of {n}",
    "the last digit of the number {n}",
    "the units digit of {n}",
];
const SUM: &[&str] = &[
    "the digit sum of {n}",
    "the digit sum of {n}",
    "the sum of the digits of {n}",
    "the sum of the digits of {n}",
    "the sum of all digits of {n}",
    "the sum of the digits in {n}",
    "the digits of {n} added together",
    "the sum of {n}'s digits",
    "the cross sum of {n}",
];
const COUNT: &[&str] = &[
    "how many digits does {n} have",
    "how many digits are in {n}",
    "how many digits has {n}",
    "how long is the number {n} in digits",
    "how many digits are there in {n}",
];

impl Problem {
    fn digits(&self) -> impl Iterator<Item = u64> + '_ {
        (0..n_digits(self.n)).rev().map(|place| digit(self.n, place))
    }
}

impl Family for Digits {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "digits"
    }

    fn about(&self) -> &'static str {
        "even or odd, last digit, digit sum, number of digits: up to 3, then 5 digits"
    }

    fn levels(&self) -> u8 {
        2
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let want = rng.pick(&[Want::Parity, Want::Parity, Want::Last, Want::Sum, Want::Sum, Want::Count]);
        let digits = rng.between(1, 1 + 2 * u64::from(difficulty)) as u32;
        Problem { n: rng.number(digits), want }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("digits {}", p.n)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let n = p.n.to_string();
        if rng.chance(options.chinese) {
            let text = match p.want {
                Want::Parity => format!("{n}是奇数还是偶数？"),
                Want::Last => format!("{n}的最后一位数字是多少？"),
                Want::Sum => format!("{n}的各位数字之和是多少？"),
                Want::Count => format!("{n}有几位数字？"),
            };
            return phrase::ask(&Core::Whole(text), rng);
        }
        let (templates, question) = match p.want {
            Want::Parity => (PARITY, true),
            Want::Last => (LAST, false),
            Want::Sum => (SUM, false),
            Want::Count => (COUNT, true),
        };
        let text = fill(rng.pick(templates), &[("n", &n)]);
        let core = if question { Core::Question(text) } else { Core::Noun(text) };
        if p.want == Want::Parity { phrase::ask_word(&core, rng) } else { phrase::ask(&core, rng) }
    }

    fn answer(&self, p: &Problem) -> String {
        match p.want {
            Want::Parity => if p.n.is_multiple_of(2) { "even" } else { "odd" }.to_string(),
            Want::Last => (p.n % 10).to_string(),
            Want::Sum => p.digits().sum::<u64>().to_string(),
            Want::Count => n_digits(p.n).to_string(),
        }
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let (n, answer) = (p.n, self.answer(p));
        let mut trace = Trace::new();
        let sentence = match p.want {
            Want::Parity => {
                trace.line(format!("{n} ends in {}, {} is {answer}", n % 10, n % 10));
                format!("{n} is {answer}.")
            }
            Want::Last => {
                trace.line(format!("{n} ends in {answer}"));
                format!("The last digit of {n} is {answer}.")
            }
            Want::Sum => {
                trace.line(sum_line(p));
                format!("The digit sum of {n} is {answer}.")
            }
            Want::Count => {
                let counted: Vec<String> =
                    p.digits().zip(1..).map(|(digit, count)| format!("{count}: {digit}")).collect();
                trace.line(format!("{n}\n{}", counted.join(", ")));
                format!("The number of digits in {n} is {answer}.")
            }
        };
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&answer, sentence) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.want {
            Want::Parity => text::judge_word(&["even", "odd"], &self.answer(p), answer_text),
            _ => integer::judge(&self.answer(p), answer_text),
        }
    }
}

/// `347: 3, 3+4=7, 7+7=14`
fn sum_line(p: &Problem) -> String {
    let mut digits = p.digits();
    let mut sum = digits.next().unwrap_or(0);
    let mut line = format!("{}: {sum}", p.n);
    for digit in digits {
        write!(line, ", {sum}+{digit}={}", sum + digit).expect("strings accept all");
        sum += digit;
    }
    line
}
