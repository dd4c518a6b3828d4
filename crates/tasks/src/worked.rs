//! Arithmetic written out so that a small model can learn it and a person can follow it.
//!
//! What makes a trace learnable (measured on a model of 3.5M parameters): every step restates all of its inputs and is
//! a local fact; every digit is named by its place, so that nothing is found by counting; the result grows by one digit
//! in front at each step, so that nothing is reversed at the end; one spelling for each thing. A missing digit is 0.
//!
//! ```text
//! 347+588
//! ones: 7+8=15, carry 1, so far 5
//! tens: 4+8+1=13, carry 1, so far 35
//! hundreds: 3+5+1=9, so far 935
//! ```

mod brief;

use crate::rng::Rng;
use std::fmt::Write;

/// Names of the decimal places, least significant first.
pub const PLACES: [&str; 9] = [
    "ones",
    "tens",
    "hundreds",
    "thousands",
    "ten thousands",
    "hundred thousands",
    "millions",
    "ten millions",
    "hundred millions",
];

/// Worked thinking under construction, one step a line.
#[derive(Debug, Default)]
pub struct Trace {
    text: String,
    /// Sums left until one goes wrong and is put right; `None`: never.
    slip_in: Option<u64>,
}

/// Decimal digits of `n`; 0 has one.
pub fn n_digits(n: u64) -> usize {
    n.checked_ilog10().unwrap_or(0) as usize + 1
}

/// The digit of `n` at `place`, 0 beyond its first.
pub fn digit(n: u64, place: usize) -> u64 {
    n / 10u64.pow(place as u32) % 10
}

impl Trace {
    /// An empty trace without slips.
    pub fn new() -> Self {
        Self::default()
    }

    /// A trace in which one of the first column additions goes wrong and is put right with probability `slips`.
    pub fn with_slips(rng: &mut Rng, slips: f64) -> Self {
        let slip_in = (slips > 0.0 && rng.chance(slips)).then(|| rng.below(3));
        Self { text: String::new(), slip_in }
    }

    /// Adds a line.
    pub fn line(&mut self, line: impl AsRef<str>) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line.as_ref());
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    /// `a + b` by columns.
    pub fn add(&mut self, a: u64, b: u64) -> u64 {
        if a < 10 && b < 10 {
            self.line(format!("{a}+{b}={}", a + b));
            return a + b;
        }
        self.line(format!("{a}+{b}"));
        let n_columns = n_digits(a).max(n_digits(b));
        let mut carry = 0;
        for (place, name) in PLACES.iter().enumerate().take(n_columns) {
            let (x, y) = (digit(a, place), digit(b, place));
            let sum = x + y + carry;
            let mut line = format!("{name}: ");
            let terms = if place == 0 { format!("{x}+{y}") } else { format!("{x}+{y}+{carry}") };
            self.slip(&mut line, &terms, sum);
            write!(line, "{terms}={sum}").expect("strings accept all");
            carry = sum / 10;
            self.so_far(line, "carry", carry, a + b, (place, n_columns));
        }
        a + b
    }

    /// Now and then, a wrong sum that is noticed at once.
    fn slip(&mut self, line: &mut String, terms: &str, sum: u64) {
        if let Some(left) = self.slip_in {
            if left == 0 {
                let wrong = if sum > 0 { sum - 1 } else { sum + 1 };
                write!(line, "{terms}={wrong}, wait, no: ").expect("strings accept all");
            }
            self.slip_in = left.checked_sub(1);
        }
    }

    /// Ends a column: what goes to the next one, and the digits of `total` known so far.
    fn so_far(&mut self, line: String, word: &str, moved: u64, total: u64, (place, n_columns): (usize, usize)) {
        if place + 1 == n_columns {
            self.line(format!("{line}, so far {total:0n_columns$}"));
        } else {
            let known = total % 10u64.pow(place as u32 + 1);
            self.line(format!("{line}, {word} {moved}, so far {known:0width$}", width = place + 1));
        }
    }

    /// Compares place by place from the left, in one line: `hundreds: 3=3, tens: 4<8, {then}`.
    pub fn compare(&mut self, a: u64, b: u64, then: impl AsRef<str>) {
        let mut line = String::new();
        for place in (0..n_digits(a).max(n_digits(b))).rev() {
            let (x, y) = (digit(a, place), digit(b, place));
            let sign = match x.cmp(&y) {
                std::cmp::Ordering::Less => '<',
                std::cmp::Ordering::Equal => '=',
                std::cmp::Ordering::Greater => '>',
            };
            write!(line, "{}: {x}{sign}{y}, ", PLACES[place]).expect("strings accept all");
            if x != y {
                break;
            }
        }
        self.line(line + then.as_ref());
    }

    /// `a - b`: which is larger, their difference by columns, then the sign.
    pub fn sub(&mut self, a: u64, b: u64) -> i64 {
        let result = a as i64 - b as i64;
        if a < 10 && b < 10 {
            self.line(format!("{a}-{b}={result}"));
            return result;
        }
        self.line(format!("{a}-{b}"));
        if a == b {
            self.compare(a, b, "equal");
            self.line("result: 0");
            return 0;
        }
        let (sign, large, small) = if a > b { ("positive", a, b) } else { ("negative", b, a) };
        self.compare(a, b, format!("{sign}: {large}-{small}"));
        let n_columns = n_digits(large);
        let mut borrow = 0;
        for (place, name) in PLACES.iter().enumerate().take(n_columns) {
            let (x, y) = (digit(large, place), digit(small, place));
            let column = x as i64 - y as i64 - borrow as i64;
            let mut line = format!("{name}: {x}-{y}");
            if place > 0 {
                write!(line, "-{borrow}").expect("strings accept all");
            }
            write!(line, "={column}").expect("strings accept all");
            borrow = u64::from(column < 0);
            if column < 0 {
                write!(line, ", {column}+10={}", column + 10).expect("strings accept all");
            }
            self.so_far(line, "borrow", borrow, large - small, (place, n_columns));
        }
        self.line(format!("result: {result}"));
        result
    }

    /// `a × b` by the digits of the factor with fewer digits.
    pub fn mul(&mut self, a: u64, b: u64) -> u64 {
        if a < 10 && b < 10 {
            self.line(format!("{a}×{b}={}", a * b));
            return a * b;
        }
        let (long, short) = if n_digits(a) >= n_digits(b) { (a, b) } else { (b, a) };
        if long != a {
            self.line(format!("{a}×{b}={long}×{short}"));
        }
        if short < 10 {
            return self.mul_digit(long, short);
        }
        let rows: Vec<(u64, u64)> =
            (0..n_digits(short)).map(|place| (digit(short, place), 10u64.pow(place as u32))).collect();
        let parts: Vec<String> = rows.iter().map(|(d, power)| format!("{long}×{}", d * power)).collect();
        self.line(format!("{long}×{short}={}", parts.join("+")));
        let mut total = None;
        for (d, power) in rows {
            let mut row = self.mul_digit(long, d);
            if power > 1 {
                self.line(format!("{long}×{}={}", d * power, row * power));
                row *= power;
            }
            total = Some(total.map_or(row, |sum| self.add(sum, row)));
        }
        total.expect("a number has digits")
    }

    /// A number times one digit, by columns.
    fn mul_digit(&mut self, a: u64, d: u64) -> u64 {
        if d == 0 || a < 10 {
            self.line(format!("{a}×{d}={}", a * d));
            return a * d;
        }
        self.line(format!("{a}×{d}"));
        let n_columns = n_digits(a);
        let mut carry = 0;
        for (place, name) in PLACES.iter().enumerate().take(n_columns) {
            let x = digit(a, place);
            let product = x * d;
            let mut line = format!("{name}: {x}×{d}={product}");
            if place > 0 {
                write!(line, ", {product}+{carry}={}", product + carry).expect("strings accept all");
            }
            carry = (product + carry) / 10;
            self.so_far(line, "carry", carry, a * d, (place, n_columns));
        }
        a * d
    }

    /// `n ÷ d` from the left, a quotient digit a line; gives quotient and remainder. Meant for small `d`: the quotient
    /// digit is found in one step.
    ///
    /// # Panics
    /// When `d` is 0.
    pub fn div(&mut self, n: u64, d: u64) -> (u64, u64) {
        assert!(d > 0, "division of {n} by 0");
        self.line(format!("{n}÷{d}"));
        let n_columns = n_digits(n);
        let mut rest = 0;
        for (done, place) in (0..n_columns).rev().enumerate() {
            let here = rest * 10 + digit(n, place);
            let q = here / d;
            rest = here - q * d;
            let known = n / 10u64.pow(place as u32) / d;
            self.line(format!(
                "{}: {here}÷{d}, {q}×{d}={}, {here}-{}={rest}, so far {known:0width$}",
                PLACES[place],
                q * d,
                q * d,
                width = done + 1
            ));
        }
        self.line(format!("result: {} remainder {rest}", n / d));
        (n / d, rest)
    }

    /// `x op y` for whole numbers of either sign; `op` is `+`, `-` or `×`. Signs are settled first, in one line.
    ///
    /// # Panics
    /// On another operator.
    pub fn step(&mut self, x: i64, op: char, y: i64) -> i64 {
        let (a, b) = (x.unsigned_abs(), y.unsigned_abs());
        let written = format!("{x}{op}{}", if y < 0 { format!("({y})") } else { y.to_string() });
        // Adding a negative number is subtracting, and the other way round.
        let adds = (op == '+') == (y >= 0);
        match op {
            '×' if x < 0 && y < 0 => {
                self.rewritten(&written, &format!("{a}×{b}"), false, |trace| trace.mul(a, b) as i64)
            }
            '×' if x < 0 || y < 0 => {
                self.rewritten(&written, &format!("-({a}×{b})"), true, |trace| trace.mul(a, b) as i64)
            }
            '×' => self.mul(a, b) as i64,
            '+' | '-' if x >= 0 && y >= 0 => {
                if adds {
                    self.add(a, b) as i64
                } else {
                    self.sub(a, b)
                }
            }
            '+' | '-' => match (x < 0, adds) {
                (true, true) => self.rewritten(&written, &format!("{b}-{a}"), false, |trace| trace.sub(b, a)),
                (true, false) => self.rewritten(&written, &format!("-({a}+{b})"), true, |trace| trace.add(a, b) as i64),
                (false, true) => self.rewritten(&written, &format!("{a}+{b}"), false, |trace| trace.add(a, b) as i64),
                (false, false) => self.rewritten(&written, &format!("{a}-{b}"), false, |trace| trace.sub(a, b)),
            },
            _ => panic!("step {x} {op} {y}: no such operation"),
        }
    }

    /// `{written}={simpler}`, the work on it, and the sign where the simpler form has one in front.
    fn rewritten(&mut self, written: &str, simpler: &str, negative: bool, work: impl FnOnce(&mut Self) -> i64) -> i64 {
        self.line(format!("{written}={simpler}"));
        let value = work(self);
        if !negative {
            return value;
        }
        self.line(format!("result: {}", -value));
        -value
    }

    /// Casting out nines: `a op b` and `result` must leave the same digit.
    pub fn check_nines(&mut self, a: u64, op: char, b: u64, result: u64) {
        self.line("check by nines");
        let (x, y) = (self.nines(a), self.nines(b));
        let both = if op == '×' { x * y } else { x + y };
        self.line(format!("{x}{op}{y}={both}"));
        let (left, right) = (self.nines(both), self.nines(result));
        let sign = if left % 9 == right % 9 { "=" } else { "≠" };
        self.line(format!("{left}{sign}{right}, right"));
    }

    /// The digit that repeated digit sums leave, with 9 counted as 0; one line.
    fn nines(&mut self, n: u64) -> u64 {
        let mut line = format!("{n}: ");
        let mut now = n;
        while now > 9 {
            let mut sum = digit(now, n_digits(now) - 1);
            for place in (0..n_digits(now) - 1).rev() {
                let next = sum + digit(now, place);
                write!(line, "{sum}+{}={next}, ", digit(now, place)).expect("strings accept all");
                sum = next;
            }
            now = sum;
        }
        let left = now % 9;
        self.line(line + &format!("leaves {left}"));
        left
    }
}

#[cfg(test)]
mod tests;
