//! Arithmetic on small numbers in one line, for families whose steps are many and whose numbers are short.
//!
//! A number and a digit, or a factor and a digit, are facts to know; two digits are taken apart:
//! `47+38: 47+30=77, 77+8=85`. Longer numbers go by columns.

use super::Trace;
use std::fmt::Write;

impl Trace {
    /// `x op y` for whole numbers; `op` is `+`, `-` or `×`. One line while both numbers have at most two digits or so,
    /// columns beyond.
    ///
    /// # Panics
    /// On another operator.
    pub fn brief(&mut self, x: i64, op: char, y: i64) -> i64 {
        let (a, b) = (x.unsigned_abs(), y.unsigned_abs());
        let value = match op {
            '+' => x + y,
            '-' => x - y,
            '×' => x * y,
            _ => panic!("{x} {op} {y}: no such operation"),
        };
        let second = if y < 0 { format!("({y})") } else { y.to_string() };
        let written = format!("{x}{op}{second}");
        let fact = match op {
            // 28000+337: the digits only stand side by side.
            '+' if x > 0 && y > 0 && [100, 1000].iter().any(|&z| a.is_multiple_of(z) && b < z) => true,
            '×' => a.min(b) <= 2 || (a <= 12 && b <= 12) || (a.is_multiple_of(10) && a < 100 && b < 10),
            _ => b < 10 && a < 1000 || a < 10 && b < 20 || (b.is_multiple_of(10) && b < 100 && a < 200),
        };
        if fact {
            let mut line = String::new();
            self.slip_fact(&mut line, &written, value);
            self.line(format!("{line}{written}={value}"));
        } else if op == '×' && a.min(b) < 10 && a.max(b) < 100 {
            let (d, n) = (a.min(b), a.max(b));
            let (tens, ones) = (n / 10 * 10, n % 10);
            let mut line = format!("{written}: {tens}×{d}={}", tens * d);
            if ones > 0 {
                write!(line, ", {ones}×{d}={}, {}+{}={}", ones * d, tens * d, ones * d, a * b).expect("infallible");
            }
            let sign = if value < 0 { format!(", {value}") } else { String::new() };
            self.line(line + &sign);
        } else if op == '×' && x > 0 && (11..20).contains(&y) && value < 400 {
            let ones = y - 10;
            let halves = format!("{x}×10={}, {x}×{ones}={}", x * 10, x * ones);
            self.line(format!("{written}: {halves}, {}+{}={value}", x * 10, x * ones));
        } else if op != '×' && x >= 0 && (10..100).contains(&y) && x < 200 {
            let tens = y / 10 * 10;
            let mut line = format!("{written}: ");
            let half = if op == '+' { x + tens } else { x - tens };
            self.slip_fact(&mut line, &format!("{x}{op}{tens}"), half);
            write!(line, "{x}{op}{tens}={half}, {half}{op}{}={value}", y % 10).expect("infallible");
            self.line(line);
        } else if x < 0 && y >= 0 && op == '+' && a < 200 && b < 100 {
            self.line(format!("{written}={y}-{a}"));
            return self.brief(y, '-', -x);
        } else if x < 0 && y >= 0 && op == '-' && a < 200 && b < 100 {
            self.line(format!("{written}=-({a}+{b})"));
            self.brief(-x, '+', y);
            self.line(format!("result: {value}"));
        } else {
            return self.step(x, op, y);
        }
        value
    }

    /// Now and then, a wrong result that is noticed at once.
    fn slip_fact(&mut self, line: &mut String, written: &str, value: i64) {
        if let Some(left) = self.slip_in {
            if left == 0 {
                write!(line, "{written}={}, wait, no: ", value + 1).expect("infallible");
            }
            self.slip_in = left.checked_sub(1);
        }
    }

    /// What `d` leaves of `n`, in one line: the largest multiple of `d` is taken away, tens of `d` before ones. The
    /// multiples of a `d` of two digits are tried one after the other.
    ///
    /// # Panics
    /// When `d` is 0.
    pub fn remainder(&mut self, n: u64, d: u64) -> u64 {
        assert!(d > 0, "what 0 leaves of {n}");
        if n < d {
            self.line(format!("{n}<{d}, left {n}"));
            return n;
        }
        let mut line = format!("{n}÷{d}: ");
        let mut rest = n;
        let mut power = 10u64.pow((n / d).ilog10());
        while power > 0 {
            let most = rest / (d * power);
            let counts = (10..100).contains(&d);
            for times in if counts { 1..=most } else { most.max(1)..=most } {
                write!(line, "{d}×{}={}, ", times * power, d * times * power).expect("infallible");
            }
            if counts && most < 9 && rest > d * most * power {
                let next = (most + 1) * power;
                write!(line, "{d}×{next}={}>{rest}, ", d * next).expect("infallible");
            }
            if most > 0 {
                write!(line, "{rest}-{}={}, ", d * most * power, rest - d * most * power).expect("infallible");
            }
            rest -= d * most * power;
            power /= 10;
        }
        self.line(format!("{line}left {rest}"));
        rest
    }
}
