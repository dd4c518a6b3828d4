//! Numbers as people write them, as exact fractions: `1,234`, `-2.50`, `1.5e3`, `3/4`, `\frac{3}{4}`, `2 1/2`, `10%`,
//! `5 million`, `12 apples` ([`units`]), and expressions of numbers with `+ - * / ^` and brackets.
//!
//! Reads what [`super::clean::clean`] gives. Bounded: brackets nest at most `MAX_DEPTH` deep, values stay below
//! `MAX_BITS` bits, operations are at most `MAX_OPERATIONS`; what is beyond is no number that is read here.

use super::clean::DOLLAR;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

pub mod units;

/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 50;
/// Largest numerator or denominator, in bits.
const MAX_BITS: u64 = 1024;
/// Most operations in one expression.
const MAX_OPERATIONS: usize = 64;

/// How a number was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// A sum, difference or product is left to compute.
    pub uncomputed: bool,
    /// A fraction.
    pub fraction: bool,
    /// A power other than of ten, or a root.
    pub power: bool,
    /// In percent; the value is then a hundredth of what is written.
    pub percent: bool,
    /// Digits after the decimal point, when there is one.
    pub decimals: Option<u32>,
}

/// A number, how it was written, and the words behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The exact value.
    pub value: BigRational,
    /// How it was written.
    pub form: Form,
    /// What it counts (`apples`, `km/h`); empty where nothing is said.
    pub unit: String,
    /// The numbers that it was written with, and its signs of multiplication, division and powers, in no order.
    pub parts: Vec<String>,
}

/// Signs of money in front of a number.
const MONEY: [char; 4] = [DOLLAR, '€', '£', '¥'];

/// The number that `text` is, with nothing but a unit behind it.
pub fn parse(text: &str) -> Option<Number> {
    parse_with(text, units::read)
}

/// The number that a gold answer is: what stands behind it in words is its unit, whatever it is.
pub fn parse_gold(text: &str) -> Option<Number> {
    parse(text).or_else(|| parse_with(text, |rest, tight, _| units::any(rest).filter(|_| !tight)))
}

fn parse_with(text: &str, read_unit: impl Fn(&str, bool, bool) -> Option<units::Unit>) -> Option<Number> {
    let money = text.chars().next().filter(|c| MONEY.contains(c));
    let text = &text[money.map_or(0, char::len_utf8)..];
    let mut reader =
        Reader { text: text.as_bytes(), at: 0, depth: 0, n_operations: 0, form: Form::default(), parts: Vec::new() };
    let mut value = reader.sum()?;
    reader.skip_spaces();
    let tight =
        reader.at > 0 && !text.as_bytes()[reader.at - 1].is_ascii_whitespace() && !text[reader.at..].starts_with('{');
    let mut form = reader.form;
    let rest = &text[reader.at..];
    let (percent, rest) = match rest.strip_prefix('%') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    form.percent = percent;
    let mut unit = read_unit(rest, tight && !percent, value.is_one())?;
    value *= BigInt::from(10u64).pow(unit.n_zeros);
    if matches!(unit.name.as_str(), "percent" | "per cent") {
        form.percent = true;
        unit.name.clear();
    }
    if form.percent {
        value /= BigInt::from(100);
    }
    if let Some(sign) = money {
        // `$5 m` may be millions.
        if !unit.name.is_empty() && !unit.name.starts_with("per ") {
            return None;
        }
        unit.name = format!("{sign}{}", unit.name);
    }
    reader.parts.sort_unstable();
    Some(Number { value, form, unit: unit.name, parts: reader.parts })
}

/// Digits in threes with one of the other separators between them (`1 234 567`, `1'234'567`), with commas; `None` where
/// there are none. Dots are decimal points.
pub(super) fn with_commas(text: &str) -> Option<String> {
    const SEPARATORS: [char; 8] = [' ', '\u{a0}', '\u{2009}', '\u{202f}', '\'', '’', '_', '~'];
    let is_part = |c: char| c.is_ascii_digit() || c == ',' || c == '.' || SEPARATORS.contains(&c);
    let (mut found, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let stretch = &rest[start..];
        let stretch = &stretch[..stretch.find(|c: char| !is_part(c)).unwrap_or(stretch.len())];
        let digits = stretch.trim_end_matches(|c: char| !c.is_ascii_digit());
        let separator = digits.chars().find(|c| !c.is_ascii_digit() && !matches!(c, ',' | '.'));
        let groups: Vec<&str> = separator.map(|sign| digits.split(sign).collect()).unwrap_or_default();
        let are_digits = |group: &&str| group.bytes().all(|b| b.is_ascii_digit());
        let is_grouped = groups.len() > 1
            && (1..=3).contains(&groups[0].len())
            && !groups[0].starts_with('0')
            && groups[1..].iter().all(|group| group.len() == 3)
            && groups.iter().all(are_digits)
            // `2 125/250` is two and a half.
            && !rest[start + digits.len()..].starts_with('/');
        found.push_str(&rest[..start]);
        found.push_str(&if is_grouped { groups.join(",") } else { digits.to_string() });
        rest = &rest[start + digits.len()..];
    }
    found.push_str(rest);
    (found != text).then_some(found)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    n_operations: usize,
    form: Form,
    parts: Vec<String>,
}

impl Reader<'_> {
    /// The result of an operation, while there are not too many and it is not too large.
    fn bounded(&mut self, value: BigRational) -> Option<BigRational> {
        self.n_operations += 1;
        let small = value.numer().bits().max(value.denom().bits()) <= MAX_BITS;
        (small && self.n_operations <= MAX_OPERATIONS).then_some(value)
    }

    fn skip_spaces(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_spaces();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let found = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn sum(&mut self) -> Option<BigRational> {
        let mut total = self.product()?;
        loop {
            // A minus or plus that no number follows belongs to the words behind.
            let start = self.at;
            let minus = match self.peek() {
                Some(b'+') => false,
                Some(b'-') => true,
                _ => return Some(total),
            };
            self.at += 1;
            let Some(term) = self.product() else {
                self.at = start;
                return Some(total);
            };
            self.form.uncomputed = true;
            total = self.bounded(if minus { total - term } else { total + term })?;
        }
    }

    fn product(&mut self) -> Option<BigRational> {
        let mut total = self.signed()?;
        loop {
            match self.peek() {
                // `2**3` and `7//2` are no products.
                Some(b'*') if self.text.get(self.at + 1) != Some(&b'*') => {
                    self.at += 1;
                    let plain = self.form;
                    let is_ten = self.text[self.at..].trim_ascii_start().starts_with(b"10^");
                    let factor = self.signed()?;
                    self.parts.push("*".to_string());
                    self.form = if is_ten { plain } else { Form { uncomputed: true, ..self.form } };
                    total = self.bounded(total * factor)?;
                }
                Some(b'/') if self.followed_by_number() => {
                    self.at += 1;
                    let divisor = self.signed()?;
                    if divisor.is_zero() {
                        return None;
                    }
                    self.form.uncomputed |= self.form.fraction;
                    self.form.fraction = true;
                    self.parts.push("/".to_string());
                    total = self.bounded(total / divisor)?;
                }
                _ => return Some(total),
            }
        }
    }

    /// Behind the `/` at hand comes a number, not the rest of a unit.
    fn followed_by_number(&self) -> bool {
        let after = self.text[self.at + 1..].trim_ascii_start();
        after.first().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'(' | b'{' | b'-' | b'\\'))
    }

    fn signed(&mut self) -> Option<BigRational> {
        let negative = match self.peek()? {
            b'-' => true,
            b'+' => false,
            _ => return self.power(),
        };
        self.at += 1;
        // One sign: `--5` is no number.
        if matches!(self.peek()?, b'-' | b'+') {
            return None;
        }
        let value = self.power()?;
        Some(if negative { -value } else { value })
    }

    fn power(&mut self) -> Option<BigRational> {
        let base = self.atom()?;
        if !self.take("^") {
            return Some(base);
        }
        let plain = self.form;
        let exponent = if self.take("{") {
            let exponent = self.sum()?;
            self.take("}").then_some(exponent)?
        } else {
            self.signed()?
        };
        self.form = Form { power: true, ..plain };
        self.parts.push("^".to_string());
        let exponent = exponent.is_integer().then(|| exponent.to_integer().to_i32()).flatten()?;
        let bits = base.numer().bits().max(base.denom().bits());
        if bits.saturating_mul(u64::from(exponent.unsigned_abs())) > MAX_BITS || (base.is_zero() && exponent <= 0) {
            return None;
        }
        Some(base.pow(exponent))
    }

    fn atom(&mut self) -> Option<BigRational> {
        match self.peek()? {
            b'(' => self.bracketed("(", ")"),
            b'{' => self.bracketed("{", "}"),
            b'\\' => self.fraction(),
            b'0'..=b'9' | b'.' => self.mixed(),
            _ => None,
        }
    }

    fn bracketed(&mut self, open: &str, close: &str) -> Option<BigRational> {
        if self.depth == MAX_DEPTH || !self.take(open) {
            return None;
        }
        self.depth += 1;
        let value = self.sum()?;
        self.depth -= 1;
        self.take(close).then_some(value)
    }

    /// `\frac{1}{2}` and `\frac12`
    fn fraction(&mut self) -> Option<BigRational> {
        if !self.take("\\frac") {
            return None;
        }
        let top = self.argument()?;
        let bottom = self.argument()?;
        self.form.fraction = true;
        if bottom.is_zero() { None } else { self.bounded(top / bottom) }
    }

    fn argument(&mut self) -> Option<BigRational> {
        match self.peek()? {
            b'{' => self.bracketed("{", "}"),
            digit @ b'0'..=b'9' => {
                self.at += 1;
                Some(BigRational::from_integer(BigInt::from(digit - b'0')))
            }
            _ => None,
        }
    }

    /// A decimal number, and the fraction that may follow it: `2 1/2`, `2\frac{1}{2}`.
    fn mixed(&mut self) -> Option<BigRational> {
        let start = self.at;
        let whole = self.decimal()?;
        self.parts.push(whole.to_string());
        let is_whole = self.text[start..self.at].iter().all(u8::is_ascii_digit);
        let spaced = self.text.get(self.at) == Some(&b' ');
        let after_whole = (self.at, self.form);
        match self.peek() {
            Some(b'\\') if is_whole => {
                if let Some(part) = self.fraction().filter(is_proper) {
                    return Some(whole + part);
                }
            }
            Some(b'0'..=b'9') if is_whole && spaced => {
                let (top, slash, bottom) = (self.digits(), self.take("/"), self.digits());
                let part = (slash && !bottom.is_empty()).then(|| integer(&top).zip(integer(&bottom))).flatten();
                if let Some((top, bottom)) = part.filter(|(top, bottom)| top < bottom) {
                    self.form.fraction = true;
                    return Some(whole + BigRational::new(top, bottom));
                }
            }
            _ => {}
        }
        (self.at, self.form) = after_whole;
        Some(whole)
    }

    fn digits(&mut self) -> Vec<u8> {
        let n = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += n;
        self.text[self.at - n..self.at].to_vec()
    }

    /// `1,234.50`, `.5`, `1.5e3`
    fn decimal(&mut self) -> Option<BigRational> {
        let mut digits = self.digits();
        if (1..=3).contains(&digits.len()) {
            while let Some(group) = self.group_of_three() {
                digits.extend_from_slice(&group);
            }
        }
        let mut n_decimals = 0;
        if self.text.get(self.at) == Some(&b'.') && self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            let decimals = self.digits();
            n_decimals = u32::try_from(decimals.len()).ok()?;
            digits.extend(decimals);
            self.form.decimals = Some(n_decimals);
        }
        let mut value = BigRational::from_integer(integer(&digits)?);
        let exponent = self.exponent()?;
        let shift = exponent.checked_sub(i32::try_from(n_decimals).ok()?)?;
        if u64::from(shift.unsigned_abs()) * 4 > MAX_BITS {
            return None;
        }
        value *= BigRational::from_integer(BigInt::from(10)).pow(shift);
        Some(value)
    }

    /// The digits of `,234`.
    fn group_of_three(&mut self) -> Option<[u8; 3]> {
        let &[comma, group @ ..] = self.text.get(self.at..self.at + 4)?.first_chunk::<4>()?;
        let more = self.text.get(self.at + 4).is_some_and(u8::is_ascii_digit);
        if comma != b',' || more || !group.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.at += 4;
        Some(group)
    }

    /// The `e3` of `1.5e3`; 0 when there is none.
    fn exponent(&mut self) -> Option<i32> {
        let rest = &self.text[self.at..];
        let sign = usize::from(matches!(rest.get(1), Some(b'-' | b'+')));
        if !matches!(rest.first(), Some(b'e' | b'E')) || !rest.get(1 + sign).is_some_and(u8::is_ascii_digit) {
            return Some(0);
        }
        let negative = rest[1] == b'-';
        self.at += 1 + sign;
        let exponent: i32 = std::str::from_utf8(&self.digits()).ok()?.parse().ok()?;
        Some(if negative { -exponent } else { exponent })
    }
}

fn is_proper(part: &BigRational) -> bool {
    part.is_positive() && *part < BigRational::one()
}

fn integer(digits: &[u8]) -> Option<BigInt> {
    if digits.is_empty() || digits.len() as u64 * 3 > MAX_BITS { None } else { BigInt::parse_bytes(digits, 10) }
}

#[cfg(test)]
mod tests;
