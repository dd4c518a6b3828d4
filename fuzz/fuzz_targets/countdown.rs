//! Any text as a countdown answer: a right one has the given numbers as its only digits, and is right inside a box too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tasks::Verdict;
use tasks::verify::expression;

fuzz_target!(|input: ([u8; 4], i8, &str)| {
    let (numbers, target, text) = input;
    let numbers: Vec<u64> = numbers.into_iter().map(u64::from).collect();
    let judgement = expression::judge(&numbers, i64::from(target), text);
    if judgement.verdict == Verdict::Right {
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let given: usize = numbers.iter().map(|n| n.to_string().len()).sum();
        assert!(digits(text) >= given, "{text} for {numbers:?}");
    }
});
