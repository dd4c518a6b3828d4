//! Three numbers and two operators, with the usual precedence and with brackets.

use super::{canonical, equation};
use crate::phrase::{self, Core, binary, chinese, fill};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::integer;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Sums and differences of three numbers, then with one product.
pub struct Chain;

/// Which two of the three are bracketed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Brackets {
    None,
    Left,
    Right,
}

/// `a op b op c`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    numbers: [u64; 3],
    operators: [char; 2],
    brackets: Brackets,
}

impl Problem {
    /// The second operation comes before the first.
    fn right_first(&self) -> bool {
        match self.brackets {
            Brackets::Left => false,
            Brackets::Right => true,
            Brackets::None => self.operators[1] == '×' && self.operators[0] != '×',
        }
    }

    /// The value; `None` for an operator that is not known or numbers too large.
    fn value(&self) -> Option<i64> {
        let [a, b, c] = self.numbers.map(|n| i64::try_from(n).ok());
        let (a, b, c) = (a?, b?, c?);
        let [first, second] = self.operators;
        if self.right_first() { apply(a, first, apply(b, second, c)?) } else { apply(apply(a, first, b)?, second, c) }
    }

    /// The expression; `gap` stands between numbers and signs.
    fn text(&self, gap: &str, sign: impl Fn(char) -> String) -> String {
        let [a, b, c] = self.numbers;
        let [first, second] = self.operators.map(|op| format!("{gap}{}{gap}", sign(op)));
        match self.brackets {
            Brackets::None => format!("{a}{first}{b}{second}{c}"),
            Brackets::Left => format!("({a}{first}{b}){second}{c}"),
            Brackets::Right => format!("{a}{first}({b}{second}{c})"),
        }
    }
}

fn apply(a: i64, op: char, b: i64) -> Option<i64> {
    match op {
        '+' => a.checked_add(b),
        '-' => a.checked_sub(b),
        '×' => a.checked_mul(b),
        _ => None,
    }
}

/// Orders of drawing: operators and brackets of one bracketed or mixed expression.
const MIXED: [([char; 2], Brackets); 8] = [
    (['+', '×'], Brackets::None),
    (['×', '+'], Brackets::None),
    (['×', '-'], Brackets::None),
    (['-', '×'], Brackets::None),
    (['+', '×'], Brackets::Left),
    (['×', '+'], Brackets::Right),
    (['-', '+'], Brackets::Right),
    (['×', '×'], Brackets::None),
];

impl Family for Chain {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "chain"
    }

    fn about(&self) -> &'static str {
        "three numbers: sums and differences of up to 2, then 3 digits; then a product or brackets"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        if difficulty < 3 {
            let most = u64::from(difficulty) + 1;
            let numbers = [(); 3].map(|()| {
                let n_digits = rng.between(1, most) as u32;
                rng.number(n_digits)
            });
            let operators = [(); 2].map(|()| rng.pick(&['+', '-']));
            return Problem { numbers, operators, brackets: Brackets::None };
        }
        let (operators, brackets) = rng.pick(&MIXED);
        let mut numbers = [(); 3].map(|()| rng.between(1, 9));
        // One number may be larger: the one that is added or taken from, or a factor.
        let large = match operators {
            ['+' | '-', '×'] if brackets == Brackets::None => 0,
            ['×', '+' | '-'] if brackets == Brackets::None => 2,
            _ => rng.below(2) as usize,
        };
        numbers[large] = rng.between(1, 99);
        Problem { numbers, operators, brackets }
    }

    fn canonical(&self, p: &Problem) -> String {
        let sums_only = !p.operators.contains(&'×') && p.brackets == Brackets::None;
        if !sums_only {
            return p.text("", |op| op.to_string());
        }
        let [a, b, c] = p.numbers;
        canonical::total([('+', a), (p.operators[0], b), (p.operators[1], c)])
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let gap = if rng.chance(0.7) { " " } else { "" };
        let seed = rng.next_u64();
        let written = p.text(gap, |op| binary::sign(op, &mut Rng::new(seed)).to_string());
        if rng.chance(options.chinese) {
            let text = fill(rng.pick(chinese::EXPRESSION), &[("e", &written)]);
            return phrase::ask(&Core::Whole(text), rng);
        }
        let plain = p.brackets == Brackets::None;
        if plain && rng.chance(0.2) {
            let spoken = p.text(" ", |op| binary::spoken(op)[0].to_string());
            return phrase::ask(&Core::Noun(spoken), rng);
        }
        let [a, b, c] = p.numbers.map(|n| n.to_string());
        let values = [("a", a.as_str()), ("b", b.as_str()), ("c", c.as_str())];
        if plain && p.operators == ['+', '+'] && rng.chance(0.25) {
            return phrase::ask(&Core::Noun(fill(rng.pick(&SUMS), &values)), rng);
        }
        if plain && rng.chance(0.08) {
            let steps = match p.operators {
                ['+', '-'] => "start with {a}, add {b}, then subtract {c}",
                ['-', '+'] => "start with {a}, subtract {b}, then add {c}",
                ['-', '-'] => "start with {a}, subtract {b}, then subtract {c}",
                ['+', '+'] => "add {a}, {b} and {c}",
                _ => return phrase::ask(&Core::Expression(written), rng),
            };
            return phrase::ask(&Core::Imperative(fill(steps, &values)), rng);
        }
        phrase::ask(&Core::Expression(written), rng)
    }

    fn answer(&self, p: &Problem) -> String {
        p.value().map(|value| value.to_string()).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        trace.line(p.text("", |op| op.to_string()));
        let [a, b, c] = p.numbers;
        let [first, second] = p.operators;
        let value = if p.right_first() {
            let right = trace.step(b as i64, second, c as i64);
            trace.step(a as i64, first, right)
        } else {
            let left = trace.step(a as i64, first, b as i64);
            trace.step(left, second, c as i64)
        };
        Some(equation(asked, trace.finish(), &p.text(" ", |op| op.to_string()), value))
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        match p.value() {
            Some(value) => integer::judge(&value.to_string(), answer_text),
            None => Judgement::cannot_judge("an operator is not one of + - ×, or the numbers are too large"),
        }
    }
}

const SUMS: [&str; 5] = [
    "the sum of {a}, {b} and {c}",
    "the sum of {a}, {b}, and {c}",
    "the total of {a}, {b} and {c}",
    "{a} and {b} and {c} together",
    "{a}, {b} and {c} added together",
];
