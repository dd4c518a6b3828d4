//! What is a number, and what only looks like one.

use super::*;

fn value(text: &str) -> Option<String> {
    parse(text).map(|number| number.value.to_string())
}

#[test]
fn spellings_of_numbers() {
    for (text, expected) in [
        ("1,234,567.50", "2469135/2"),
        ("-3/4", "-3/4"),
        ("\\frac34", "3/4"),
        ("2\\frac{1}{2}", "5/2"),
        ("2 1/2", "5/2"),
        ("12 %", "3/25"),
        ("1.5e-2", "3/200"),
        ("2*10^3", "2000"),
        ("2^{-2}", "1/4"),
        ("(1+2)*3", "9"),
        ("5 million dollars", "5000000"),
        ("0.10", "1/10"),
    ] {
        assert_eq!(value(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_is_no_number() {
    let deep = "(".repeat(60) + "1" + &")".repeat(60);
    let long = vec!["1/7"; 80].join("+");
    for text in [
        "",
        "-",
        "--5",
        "1,23",
        "1,2345",
        "12,34,567",
        "2**3",
        "7//2",
        "1/0",
        "0^-1",
        "5x",
        "6i",
        "6e",
        "x",
        "1 2",
        "\\frac{1}",
        "(1",
        "1)",
        "9^9^9^9",
        "9^99999999",
        "1e999999999",
        "5 or 6",
        &deep,
        &long,
    ] {
        assert_eq!(value(text), None, "{text}");
    }
}
