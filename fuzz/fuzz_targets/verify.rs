//! Any two texts as gold answer and answer: judged, the same each time, and in bounded time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tasks::Verdict;
use tasks::verify::{answer, integer, text};

fuzz_target!(|texts: (&str, &str)| {
    let (gold, given) = texts;
    let judgement = answer::judge(gold, given);
    assert_eq!(judgement, answer::judge(gold, given));
    if judgement.verdict == Verdict::Right {
        assert!(!given.trim().is_empty() && !gold.trim().is_empty());
    }
    integer::judge(gold, given);
    text::judge(gold, given);
});
