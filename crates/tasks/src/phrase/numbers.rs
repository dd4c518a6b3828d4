//! Numbers as people write them.

use crate::rng::Rng;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// English words for a number below 1000.
///
/// # Panics
/// From 1000 on.
pub fn in_words(n: u64) -> String {
    match n {
        0..20 => SMALL[n as usize].to_string(),
        20..100 if n.is_multiple_of(10) => TENS[n as usize / 10].to_string(),
        20..100 => format!("{}-{}", TENS[n as usize / 10], SMALL[n as usize % 10]),
        100..1000 if n.is_multiple_of(100) => format!("{} hundred", SMALL[n as usize / 100]),
        100..1000 => format!("{} hundred {}", SMALL[n as usize / 100], in_words(n % 100)),
        _ => panic!("{n} in words: only numbers below 1000 are spelled out"),
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Digits; a thousands separator now and then.
pub fn in_digits(n: u64, rng: &mut Rng) -> String {
    if n >= 1000 && rng.chance(0.15) { grouped(n) } else { n.to_string() }
}
