//! What counts as the last number, and what does not.

use super::*;
use crate::task::Verdict;

fn verdict(gold: &str, answer: &str) -> Verdict {
    judge(gold, answer).verdict
}

#[test]
fn usual_answers_are_right() {
    for (gold, answer) in [
        ("935", "935"),
        ("935", "347 + 588 = 935"),
        ("935", "The answer is 935."),
        ("935", "**935**"),
        ("935", "\\boxed{935}"),
        ("-334", "900 - 1234 = -334"),
        ("-334", "900 - 1234 = −334"),
        ("-334", "It is -334."),
        ("-334", "= - 334"),
        ("-334", "(-334)"),
        ("1234567", "1,234,567"),
        ("1234567", "1,234,567 apples"),
        ("9", "x=27/3=9"),
        ("862", "'862'"),
        ("862", "It is the largest. 862"),
        ("862", "n = a + 2 = 862"),
        ("7", "最大公约数是7"),
        ("7", "8余7"),
        ("12", "She has 12 apples."),
        ("12", "12.0"),
        ("12", "12!"),
        ("12", "$12"),
        ("0", "-0"),
        ("0", "12 - 12 = 0"),
        ("42", "等于42。"),
        ("-42", "等于-42"),
        ("5", "I first had 7, then 5"),
        ("12", "007 and 012"),
        ("5", "12 − 7 = 5"),
        ("48", "6 x 8 = 48"),
        ("48", "3 apples * 16 = 48"),
        ("-4", "3x = -12, so x = -4"),
        ("-4", "3x = -12 so x = -4"),
        ("48", "f(3) = 48"),
        ("48", "**x** = 48"),
        ("1", "9 ÷ 4 = 2 remainder 1"),
        ("12", "so...12"),
        ("-12", "**-12**"),
        ("12", "**Answer:** 12"),
        ("12", "**2 + 10:** 12"),
        ("-12", "- 12"),
        ("12", "１２"),
    ] {
        assert_eq!(verdict(gold, answer), Verdict::Right, "{gold} in {answer:?}: {}", judge(gold, answer).reason);
    }
}

#[test]
fn everything_else_is_wrong() {
    for (gold, answer) in [
        ("935", ""),
        ("935", "no idea"),
        ("1234567", "about 1,234,567 apples"),
        ("862", "862 negative"),
        ("862", "eight 862"),
        ("862", "e.g. 862"),
        ("862", "null 862"),
        ("862", "I don't know; 862"),
        ("42", "约42个"),
        ("42", "将近42"),
        ("42", "接近42"),
        ("42", "几乎42"),
        ("42", "估计是42"),
        ("42", "42多"),
        ("42", "42余个"),
        ("42", "我猜是42"),
        ("42", "42才怪"),
        ("935", "936"),
        ("935", "-935"),
        ("935", "935 or 936"),
        ("935", "934 or 935"),
        ("935", "The answer is 934 or 935."),
        ("935", "**934** or **935**"),
        ("935", "934或935"),
        ("935", "9350"),
        ("935", "93 5"),
        ("23", "12+23"),
        ("23", "12 + 23"),
        ("23", "46/23"),
        ("23", "46 - 23"),
        ("2", "10^2"),
        ("2", "10^ 2"),
        ("5", "1e5"),
        ("5", "x5"),
        ("12", "12%"),
        ("12", "12 %"),
        ("10", "10^3"),
        ("456", "1,23,456"),
        ("23456", "1,23,456"),
        ("3", "1,2,3"),
        ("5", "0.5"),
        ("5", ".5"),
        ("12", "12.5"),
        ("12", "1_2"),
        ("334", "-334"),
        ("-334", "1234-334"),
        ("12", "12..5"),
        ("4", "√4"),
        ("-5", "3*-5"),
        ("12", "12_000"),
        ("3", "10**3"),
        ("3", "10 ** 3"),
        ("3", "2 ** -3"),
        ("-3", "2 ** -3"),
        ("3", "(1+2)*3"),
        ("3", "2^-3"),
        ("7", "5--7"),
        ("-4", "x + 1 = -4"),
        ("-4", "2 x = -4"),
        ("-4", "x / 2 = -4"),
        ("-4", "5 - x = -4"),
        ("-4", "sqrt(x) + 2 = -4"),
        ("-4", "x mod 5 = -4"),
        ("-4", "So 3 x + 7 = -4"),
        ("48", "x + y = 48"),
        ("48", "x + 1 = 40 + 8 = 48"),
        ("48", "\\frac{x}{2} = 48"),
        ("48", "3 · y = 48"),
    ] {
        assert_eq!(verdict(gold, answer), Verdict::Wrong, "{gold} in {answer:?}: {}", judge(gold, answer).reason);
    }
}

#[test]
fn a_gold_that_is_no_integer_cannot_be_judged() {
    assert_eq!(verdict("blue", "12"), Verdict::CannotJudge);
    assert_eq!(verdict("1/2", "2"), Verdict::CannotJudge);
}

#[test]
fn the_last_two_numbers_come_in_reading_order() {
    let numbers = lasts("937 ÷ 4 = 234 remainder 1", 2).unwrap();
    assert_eq!(numbers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["234", "1"]);
}

#[test]
fn hostile_sizes_are_quick() {
    let started = std::time::Instant::now();
    for text in ["(".repeat(10_000_000), "9".repeat(10_000_000), "1,".repeat(5_000_000), "- ".repeat(5_000_000) + "1"] {
        assert_ne!(verdict("12", &text), Verdict::Right);
    }
    assert!(started.elapsed().as_secs_f64() < 2.0, "{:?}", started.elapsed());
}

#[test]
fn numbers_of_many_digits_are_compared_exactly() {
    let long = "1".to_string() + &"0".repeat(60);
    assert_eq!(verdict(&long, &long), Verdict::Right);
    assert_eq!(verdict(&long, &(long.clone() + "0")), Verdict::Wrong);
}

/// Any integer, in any of the accepted clothes, is read back; its neighbour is refused.
#[test]
fn round_trip_over_many_numbers() {
    let mut rng = crate::rng::Rng::new(7);
    for _ in 0..5000 {
        let n_digits = rng.between(1, 9) as u32;
        let value = rng.number(n_digits) as i64 * if rng.chance(0.5) { 1 } else { -1 };
        let size = value.unsigned_abs();
        let sign = if value < 0 { rng.pick(&["-", "−"]) } else { "" };
        let digits = if rng.chance(0.3) { crate::phrase::numbers::grouped(size) } else { size.to_string() };
        let frame = rng.pick(&[
            "{n}",
            "It is {n}.",
            "7 + 8 = {n}",
            "x = {n}",
            "{n} apples",
            "答案是{n}。",
            "**{n}**",
            "so: {n}!",
        ]);
        let text = frame.replace("{n}", &format!("{sign}{digits}"));
        assert_eq!(verdict(&value.to_string(), &text), Verdict::Right, "{text}");
        assert_eq!(verdict(&(value + 1).to_string(), &text), Verdict::Wrong, "{text}");
    }
}
