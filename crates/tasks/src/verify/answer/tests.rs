//! What the general checker calls right, wrong, and out of its depth. The corpus of attacks is in `verify/corpus`.

use super::*;
use crate::task::Verdict::{self, CannotJudge, Right, Wrong};

fn assert_verdicts(expected: Verdict, cases: &[(&str, &str)]) {
    let failures: Vec<String> = cases
        .iter()
        .map(|(gold, answer)| (gold, answer, judge(gold, answer)))
        .filter(|(_, _, judgement)| judgement.verdict != expected)
        .map(|(gold, answer, judgement)| format!("{gold:?} {answer:?}: {:?}, {}", judgement.verdict, judgement.reason))
        .collect();
    assert!(failures.is_empty(), "expected {expected:?} of\n{}", failures.join("\n"));
}

#[test]
fn numbers_in_any_spelling_are_right() {
    assert_verdicts(
        Right,
        &[
            ("5", "5"),
            ("5", "5.0"),
            ("5", "+5"),
            ("-5", "−5"),
            ("-5", "$-5$"),
            ("1234", "1,234"),
            ("1,234,567", "1234567"),
            ("1234", "1\\,234"),
            ("0.5", ".5"),
            ("1/2", "0.5"),
            ("1/2", "2/4"),
            ("0.5", "\\frac{1}{2}"),
            ("\\frac{1}{2}", "\\dfrac12"),
            ("-1/2", "\\frac{-1}{2}"),
            ("-1/2", "-\\frac{1}{2}"),
            ("2.5", "2 1/2"),
            ("2.5", "2\\frac{1}{2}"),
            ("2.5", "2½"),
            ("50%", "0.5"),
            ("50%", "50\\%"),
            ("0.5", "50%"),
            ("50", "50%"),
            ("862", "'862'"),
            ("50%", "50"),
            ("50%", "50 percent"),
            ("1500", "1.5e3"),
            ("1500", "1.5 \\times 10^3"),
            ("0.0015", "1.5*10^{-3}"),
            ("5000000", "5 million"),
            ("50000", "5万"),
            ("12", "12 apples"),
            ("12 apples", "12"),
            ("12 apple", "12 apples"),
            ("10\\text{ cm}", "10 cm"),
            ("10", "\\$10"),
            ("10", "$10"),
            ("10.50", "$10.5"),
            ("90", "90^\\circ"),
            ("90°", "90 degrees"),
            ("5", "x = 5"),
            ("x = 5", "5"),
            ("x=5", "x = 5"),
            ("35", "12 + 23 = 35"),
            ("0.75", "3/4 = 0.75"),
            ("42", "４２"),
            ("42", "**42**"),
            ("42", "42."),
            ("42", "`42`"),
            ("42", "\\(42\\)"),
            ("123456789012345678901234567890", "123456789012345678901234567890.0"),
            ("2^{10}", "2^10"),
            ("1/3", "1/3"),
            ("3+4", "4 + 3"),
            ("3 × 5 × 31", "31 * 5 * 3"),
            ("2^3 × 3", "3 \\cdot 2^3"),
            ("6", "5 + 1 = 6"),
            ("0", "-0"),
        ],
    );
}

#[test]
fn the_answer_is_found_in_a_solution() {
    assert_verdicts(
        Right,
        &[
            ("42", "So 40+2 gives \\boxed{42}."),
            ("42", "\\boxed{7} was wrong. \\boxed{42}"),
            ("1/2", "Thus \\boxed{\\frac{1}{2}}"),
            ("42", "\\boxed{\\boxed{42}}"),
            ("42", "\\boxed {42}"),
            ("42", "The answer is 42."),
            ("42", "The final answer is $42$."),
            ("42", "Answer: 42"),
            ("42", "**Answer:** 42"),
            ("42", "**Final Answer**\n\nThe answer is:\n\n42"),
            ("42", "The answer is \\boxed{42}"),
            ("42", "<answer>42</answer>"),
            ("42", "<answer>\\boxed{42}</answer>"),
            ("42", "<answer>1</answer> no: <answer> 42 </answer>"),
            ("42", "<think>It is 41</think>\n42"),
            ("42", "<think>\\boxed{1}</think>\n\nThe answer is 42"),
            ("42", "It takes 40 days and 2 more.\n#### 42"),
            ("#### 42", "42"),
            ("She sold 40 and 2.\n#### 42", "#### 42"),
            ("42", "答案是42。"),
            ("42", "答案：42"),
            ("42", "first 40\nthen 42"),
            ("42", "She has 42 apples."),
            ("42", "So there are 42 in all.\n\nI hope this helps!"),
            ("42", "40 + 2 = 42"),
            ("1234", "They earn $1,234 in total."),
            ("42", "The answer is 42 because 40+2=42"),
            ("42", "\\boxed{x = 42}"),
            ("42", "\\boxed{42\\text{ apples}}"),
            ("42", "\\boxed{42} is what we were asked for, so the answer is clear."),
            ("42", "It could be 41 or 43, but it is 42"),
        ],
    );
}

#[test]
fn choices_lists_and_words_are_right() {
    assert_verdicts(
        Right,
        &[
            ("B", "B"),
            ("B", "(B)"),
            ("(B)", "B"),
            ("B", "B) Paris"),
            ("B", "B. Paris"),
            ("B", "The answer is B."),
            ("B", "The answer is (B) because it fits."),
            ("B", "\\boxed{\\text{B}}"),
            ("B", "\\textbf{B}"),
            ("B", "option B"),
            ("B", "选B"),
            ("1, 2", "1, 2"),
            ("1, 2", "1 and 2"),
            ("1 or 2", "1, 2"),
            ("(1, 2)", "(1,2)"),
            ("(1, 2)", "\\left(1, 2.0\\right)"),
            ("\\{1, 2\\}", "\\{2, 1\\}"),
            ("[0, 1/2)", "[0, 0.5)"),
            ("yes", "Yes."),
            ("yes", "Yes, it does"),
            ("Paris", "paris"),
            ("Paris", "The answer is Paris."),
            ("the cat", "Cat"),
            ("knave", "\\text{knave}"),
            ("x^2+2x+1", "x^2 + 2*x + 1"),
            ("\\sqrt{3}", "\\sqrt3"),
            ("6 - 5i", "6-5i"),
            ("p - q", "p-q"),
            ("2024-10-15", "2024-10-15"),
            ("5-10", "5 - 10"),
            ("红色", "红色"),
            ("\\{-2, 5\\}", "x=5 or x=-2"),
            ("\\{-2, 5\\}", "x=-2 \\text{ or } x=5"),
            ("\\{-2, 5\\}", "\\boxed{x=-2 \\text{ or } x=5}"),
            ("4, 9, 16", "4, 9, 16,"),
            ("1 0 1\n2 1 0", "1 0 1\n2 1 0\n"),
            ("1 0 1\n2 1 0", "The matrix is:\n1 0 1\n2 1 0"),
            ("1 0 1\n2 1 0", "```\n1 0 1\n2 1 0\n```"),
            ("1 0 1\n2 1 0", "Answer:\n1 0 1\n2 1 0"),
            ("1 0 1\n2 1 0", "<answer>1 0 1\n2 1 0</answer>"),
            ("Liam is a pioneer, and Ella is a laggard.", "liam is a pioneer, and Ella is a laggard."),
            ("Liam is a pioneer, and Ella is a laggard.", "Liam is a pioneer and Ella is a laggard."),
            ("If it breaks, it must be mended.", "If it breaks, it must be mended."),
            ("48", "<answer>The answer is 48</answer>"),
            ("C", "<answer>Answer: C</answer>"),
            ("3/4", "<answer>答案是3/4</answer>"),
            ("yes", "答案是yes。"),
        ],
    );
}

#[test]
fn other_values_are_wrong() {
    assert_verdicts(
        Wrong,
        &[
            ("5", "5.001"),
            ("5", "6"),
            ("5", "-5"),
            ("5", "50"),
            ("5", "1/5"),
            ("5", ""),
            ("5", "   "),
            ("5", "no idea"),
            ("1/3", "0.5"),
            ("50%", "5%"),
            ("50%", "5000%"),
            ("10%", "1000%"),
            ("1234", "12,34"),
            ("1234", "1,2,3,4"),
            ("5", "the answer is 6"),
            ("862", "862 negative"),
            ("862", "eight 862"),
            ("42", "约42个"),
            ("42", "42余个"),
            ("5", "\\boxed{6} although 5 is tempting, 5"),
            ("B", "C"),
            ("B", "(C)"),
            ("B", "The answer is C."),
            ("(1, 2)", "(2, 1)"),
            ("(1, 2)", "1"),
            ("(1, 2)", "(1, 2, 3)"),
            ("[0, 1)", "[0, 1]"),
            ("1, 2", "1, 3"),
            ("yes", "No."),
            ("odd", "\\text{oddd}"),
            ("Paris", "London"),
            ("even", "odd"),
            ("even", "非even"),
            ("4, 9, 16", "4, 9 or 16"),
            ("4, 9, 16", "4, 9, 16, ..."),
            ("4, 9, 16", "..., 4, 9, 16"),
            ("4, 9, 16", "4, , 9, 16"),
            ("C", "非C"),
            ("C", "C can be ruled out"),
            ("C", "C is out"),
            ("C", "I ruled out C"),
            ("C", "C can be eliminated"),
            ("1 0 1\n2 1 0", "<answer>1 0\n1 2\n1 0</answer>"),
            ("1 0 1\n2 1 0", "1 0 1 2 1 0"),
            ("48", "<answer>The answer is 47</answer> 48"),
        ],
    );
}

#[test]
fn what_it_does_not_know_it_says() {
    assert_verdicts(
        CannotJudge,
        &[
            ("1/3", "0.333"),
            ("862", "862%"),
            ("3.14", "3.14159"),
            ("12", "twelve"),
            ("12", "\\sqrt{144}"),
            ("1024", "2^{10}"),
            ("10 cm", "10 m"),
            ("x^2-1", "(x-1)(x+1)"),
            ("\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"),
            ("1, 2", "2, 1"),
            ("B", "Paris"),
            ("6 - 5i", "-5i + 6"),
            ("2024-10-15", "1999"),
            ("2024-10-15", "2025-11-15"),
            ("5-10", "-5"),
            ("1/5/2024", "2/10/2024"),
            ("Paris", "Paris, the capital of France"),
            ("", "5"),
            ("42", "84/2"),
            ("3+4", "7"),
            ("4, 9, 16", "4, 9, 16%"),
            ("C", "C#"),
            ("2^{10}", "1024"),
            ("3 × 5 × 31", "465"),
            ("3 × 5 × 31", "15 × 31"),
            ("3 × 5 × 31", "1 × 3 × 5 × 31"),
            ("10 + 3 + 4 + 7", "24"),
            ("10 + 3 + 4 + 7", "8*3"),
            ("10 + 3 + 4 + 7", "\\boxed{24}"),
            ("2^3 × 3", "8 × 3"),
            ("5", "The answer is 5 apples, 3 of them red"),
        ],
    );
}

#[test]
fn equal_is_symmetric_where_both_are_bare_numbers() {
    let numbers = ["1/2", "0.5", "50%", "2/4", "3", "3.0", "6/2", "-1.25", "1,000", "1e3", "0", "2 1/2", "5/2"];
    for a in numbers {
        assert_eq!(judge(a, a).verdict, Right, "{a}");
        for b in numbers {
            let verdicts = [judge(a, b).verdict, judge(b, a).verdict];
            assert!(!verdicts.contains(&Right) || !verdicts.contains(&Wrong), "{a} {b}: {verdicts:?}");
        }
    }
}

#[test]
fn hostile_sizes_are_quick() {
    let texts = [
        "(".repeat(10_000_000),
        "\\boxed{".repeat(1_500_000),
        "{".repeat(5_000_000) + &"}".repeat(5_000_000),
        "9".repeat(10_000_000),
        "1,".repeat(5_000_000),
        "1 ".repeat(5_000_000),
        "<answer>".repeat(1_000_000),
        "answer is ".repeat(1_000_000),
        "\\frac".repeat(2_000_000) + "1",
        "\\boxed{".to_string() + &"9^".repeat(1000) + "9}",
        "\\boxed{".to_string() + &"1/7+".repeat(900) + "1}",
        "\\boxed{9^{9^{9^{9}}}}".to_string(),
        "\\boxed{1e999999999}".to_string(),
        "\\boxed{10^{-99999999}}".to_string(),
        "\\boxed{".to_string() + &"(".repeat(1900) + "5" + &")".repeat(1900) + "}",
    ];
    for text in texts {
        let started = std::time::Instant::now();
        assert_ne!(judge("5", &text).verdict, Right, "{:.50}", text);
        judge(&text[text.len().saturating_sub(3000)..], "5");
        assert!(started.elapsed().as_secs_f64() < 0.5, "{:?} for {:.50}", started.elapsed(), text);
    }
}
