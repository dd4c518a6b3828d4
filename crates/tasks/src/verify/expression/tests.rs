//! The corpus of attacks on countdown answers, and honest answers in many forms.

use super::*;
use crate::rng::Rng;
use crate::task::Verdict;

fn verdict(numbers: &[u64], target: i64, answer: &str) -> Verdict {
    judge(numbers, target, answer).verdict
}

#[test]
fn honest_answers_are_right() {
    for (numbers, target, answer) in [
        (&[4, 5, 2][..], 18, "(4+5)*2"),
        (&[4, 5, 2], 18, "(4 + 5) * 2 = 18"),
        (&[4, 5, 2], 18, "(4 + 5) × 2"),
        (&[4, 5, 2], 18, "2*(5+4)"),
        (&[4, 5, 2], 18, "$(4+5)\\times 2$"),
        (&[4, 5, 2], 18, "\\boxed{\\left(4+5\\right)\\times 2}"),
        (&[8, 2], 4, "So \\(8 \\div 2 = 4\\)."),
        (&[4, 5, 2], 18, "(4+5)*2 = 18 ✓"),
        (&[4, 5, 2], 18, "(4+5)*2 = 18, every number once."),
        (&[4, 5, 2], 18, "<think>\\boxed{4*5}</think>2*(5+4)"),
        (&[4, 5, 2], 18, "The answer is (4+5)*2 = 18."),
        (&[4, 5, 2], 18, "<answer>(4+5)*2</answer>"),
        (&[4, 5, 2], 18, "\\boxed{(4+5)*2}"),
        (&[4, 5, 2], 18, "Answer: **(4+5)*2**"),
        (&[4, 5, 2], 18, "Answer: **(4+5)*2**."),
        (&[4, 5, 2], 18, "$(4+5)*2 = 18$"),
        (&[4, 5, 2], 18, "`(4+5)*2`"),
        (&[4, 5, 2], 18, "first 4*5-2 = 18, no wait\n(4+5)*2"),
        (&[1, 3, 3], 1, "1/3*3"),
        (&[8, 3, 8, 3], 24, "8/(3-8/3)"),
        (&[8, 2], 4, "8÷2"),
        (&[8, 3], 5, "8 − 3"),
        (&[7], 7, "7"),
        (&[7, 7], 1, "7/7"),
        (&[3, 8], -5, "3-8"),
        (&[3, 8], -5, "3-8 = -5"),
        (&[4, 5, 2], 18, "((((4+5))))*(2)"),
        (&[4, 5, 2], 18, "答案是(4+5)*2。"),
        (&[4, 5, 2], 18, "<answer>4*5</answer> or rather <answer> (4+5)*2 = 18 </answer>"),
        (&[0, 5], 5, "0+5"),
        (&[4, 5, 2], 18, "(4+5)\t*2"),
        (&[4, 5, 2], 18, "18 = (4+5)*2"),
        (&[2, 3, 5], 25, "x = (2+3)*5"),
        (&[2, 3, 5], 25, "(2+3)*5 = 5*5 = 25"),
        (&[2, 3, 5], 25, "(2+3)*5 equals 25"),
    ] {
        assert_eq!(
            verdict(numbers, target, answer),
            Verdict::Right,
            "{answer:?}: {}",
            judge(numbers, target, answer).reason
        );
    }
}

#[test]
fn attacks_are_wrong() {
    for (numbers, target, answer) in [
        (&[2, 3][..], 8, "2**3"),
        (&[2, 3], 8, "2^3"),
        (&[7, 2], 3, "7//2"),
        (&[4, 5, 2], 9, "4.5*2"),
        (&[4, 5, 2], 90, "45*2"),
        (&[4, 5, 2], 90, "4 5*2"),
        (&[4, 5], 20, "4(5)"),
        (&[4, 5], 20, "(4)(5)"),
        (&[4, 5], 1, "-4+5"),
        (&[4, 5], 9, "+4+5"),
        (&[1, 3], 4, "1 - - 3"),
        (&[1, 3], 4, "1--3"),
        (&[4, 5], 9, "4+(+5)"),
        (&[4, 5, 2], 9, "4+5"),
        (&[4, 5, 2], 18, "18"),
        (&[4, 5, 2], 18, "<think>(4+5)*2"),
        (&[4, 5, 2], 18, "<think>(4+5)*2</think>"),
        (&[4, 5, 2], 18, "(4+5)*2+0"),
        (&[4, 5, 2], 18, "(4+5)*2*1"),
        (&[4, 4, 2], 16, "4*4"),
        (&[4, 5, 2], 18, "4*5-2 = 17"),
        (&[4, 5, 2], 18, "(4+5)*2 = 19"),
        (&[4, 5, 2], 19, "(4+5)*2 = 19"),
        (&[4, 5, 2], 18, "(4+5)*2 = 18 = 18"),
        (&[4, 5, 2], 18, "(4+5)*2 == 18"),
        (&[2, 3, 5], 25, "24 = (2+3)*5"),
        (&[2, 3, 5], 25, "25 = 25 = (2+3)*5"),
        (&[2, 3, 5], 25, "25 = (2+3)*5 = 25"),
        (&[2, 3, 5], 25, "5*5 = (2+3)*5 = 25"),
        (&[2, 3, 5], 25, "(2+3)*5 = 5*4 = 25"),
        (&[2, 3, 5], 25, "(2+3)*5 equals 24"),
        (&[2, 3, 5], 25, "2x = (2+3)*5"),
        (&[2, 3, 5], 25, "(2+3)*5; import os"),
        (&[2, 3, 5], 25, "(2+3)*5 = 25; import os"),
        (&[4, 5, 2], 18, "4+5=9*2=18"),
        (&[4, 5, 2], 18, "4+5=9, 9*2=18"),
        (&[4, 5, 2], 18, "(4+5)*2 or 4*5"),
        (&[4, 5, 2], 18, ""),
        (&[4, 5, 2], 18, "I cannot"),
        (&[4, 5, 2], 18, "<answer>(4+5)*2"),
        (&[4, 5, 2], 18, "<answer></answer>"),
        (&[4, 5, 2], 18, "(4+5)*2 <answer>4</answer>"),
        (&[4, 5, 2], 18, "\\boxed{(4+5)*2"),
        (&[4, 5], 0, "4/(5-5)"),
        (&[4, 5, 5], 0, "4/(5-5)"),
        (&[4, 5, 2], 18, "(4+5*2"),
        (&[4, 5, 2], 18, "4+5)*2"),
        (&[4, 5, 2], 18, "(4+5)*2)"),
        (&[4, 5, 2], 18, "()4+5*2"),
        (&[4, 5, 2], 18, "(4+5)*02"),
        (&[4, 5, 2], 18, "(4+5)*2.0"),
        (&[4, 5, 2], 18, "(4+5)*2e0"),
        (&[4, 5, 2], 18, "(4+5)*2!"),
        (&[3], 6, "3!"),
        (&[4, 5, 2], 18, "(4+5)*2%"),
        (&[4, 5, 2], 18, "（4+5）*2"),
        (&[4, 5, 2], 18, "(４+５)*２"),
        (&[4, 5, 2], 18, "(4+5)x2"),
        (&[4, 5, 2], 18, "(4+5)·2"),
        (&[4, 5, 2], 18, "[4+5]*2"),
        (&[4, 5, 2], 18, "{4+5}*2"),
        (&[9, 2], 1, "9%2*1"),
        (&[9, 2], 1, "9%2"),
        (&[9, 2], 11, "9|2"),
        (&[9, 2], 11, "9^2"),
        (&[9, 2], 36, "9<<2"),
        (&[9], 3, "√9"),
        (&[9], 3, "sqrt(9)"),
        (&[4, 5], 5, "max(4,5)"),
        (&[4, 5, 2], 18, "int((4+5)*2)"),
        (&[4, 5, 2], 18, "4+5*2 # (4+5)*2"),
        (&[4, 5], 9, "4+5 if True else 0"),
        (&[4, 5, 2], 18, "(4+5)*2_"),
        (&[4, 50], 54, "4+5_0"),
        (&[1, 3], 0, "1/3"),
        (&[7, 2], 4, "7/2"),
        (&[7, 2], 3, "7/2"),
        (&[5], 5, "x5"),
        (&[5], 5, "5x"),
        (&[5], 5, ".5"),
        (&[4, 5], 9, "4 + 5 + "),
        (&[4, 5], 9, "* 4 + 5"),
        (&[4, 5], 9, "4\u{200b}+5"),
        (&[4, 5], 9, "4+\u{2064}5"),
        (&[5, 5], 5, "5"),
        (&[4, 5], 9, "0x4+5"),
        (&[4, 5], 9, "4+5j"),
    ] {
        assert_eq!(
            verdict(numbers, target, answer),
            Verdict::Wrong,
            "{answer:?}: {}",
            judge(numbers, target, answer).reason
        );
    }
}

#[test]
fn hostile_sizes_are_quick_and_safe() {
    let started = std::time::Instant::now();
    let deep = "(".repeat(900) + "4+5" + &")".repeat(900);
    let texts = [
        "(".repeat(10_000_000),
        "1+".repeat(5_000_000),
        "<answer>".repeat(1_000_000),
        "9".repeat(10_000_000),
        deep,
        "-".repeat(1000) + "4",
    ];
    for text in texts {
        assert_eq!(verdict(&[4, 5], 9, &text), Verdict::Wrong);
    }
    let large = [u64::MAX, u64::MAX, u64::MAX];
    let tower = format!("{}*{}*{}", large[0], large[1], large[2]);
    assert_eq!(verdict(&large, 1, &tower), Verdict::CannotJudge);
    assert!(started.elapsed().as_secs_f64() < 2.0, "{:?}", started.elapsed());
}

/// A random expression over its own numbers is right at its own value and wrong at the next.
#[test]
fn random_expressions_are_judged_by_their_value() {
    let mut rng = Rng::new(11);
    for _ in 0..3000 {
        let numbers: Vec<u64> = (0..rng.between(1, 6)).map(|_| rng.between(1, 20)).collect();
        let mut pool: Vec<(String, i64)> = numbers.iter().map(|n| (n.to_string(), *n as i64)).collect();
        while pool.len() > 1 {
            let (a, x) = pool.swap_remove(rng.below(pool.len() as u64) as usize);
            let (b, y) = pool.swap_remove(rng.below(pool.len() as u64) as usize);
            pool.push(match rng.below(4) {
                0 => (format!("({a} + {b})"), x + y),
                1 => (format!("({a}-{b})"), x - y),
                2 if y != 0 && x % y == 0 => (format!("({a}/{b})"), x / y),
                _ => (format!("({a}*{b})"), x * y),
            });
        }
        let (expression, value) = pool.remove(0);
        assert_eq!(verdict(&numbers, value, &expression), Verdict::Right, "{expression} = {value}");
        assert_eq!(verdict(&numbers, value + 1, &expression), Verdict::Wrong, "{expression} = {value}");
        let mut more = numbers.clone();
        more.push(1);
        assert_eq!(verdict(&more, value, &expression), Verdict::Wrong);
    }
}
