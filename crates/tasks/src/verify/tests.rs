//! Verifiers against the corpora of attacks, cases that others published, random texts, and texts that take long to read.

use super::*;
use crate::task::Verdict;
use serde::Deserialize;

mod random;
mod speed;

#[derive(Deserialize)]
struct CountdownAttack {
    numbers: Vec<u64>,
    target: i64,
    answer: String,
}

#[derive(Deserialize)]
struct Attack {
    gold: String,
    answer: String,
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// Wrapped as a model would, an attack stays an attack.
const WRAPPINGS: [(&str, &str); 6] = [
    ("", ""),
    ("The answer is ", "."),
    ("<answer>", "</answer>"),
    ("I tried many things.\n\n", ""),
    ("**", "**"),
    ("<think>hm</think>\n", ""),
];

/// An attack on the tags themselves is not wrapped: that could mend it.
fn wrappings(attack: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let n = if attack.contains(['<', '\n']) { 1 } else { WRAPPINGS.len() };
    WRAPPINGS.into_iter().take(n)
}

#[test]
fn countdown_cannot_be_fooled() {
    let attacks: Vec<CountdownAttack> = lines(include_str!("corpus/countdown_attacks.jsonl"));
    assert!(attacks.len() >= 200, "{}", attacks.len());
    let mut fooled = Vec::new();
    for attack in &attacks {
        for (before, after) in wrappings(&attack.answer) {
            let answer = format!("{before}{}{after}", attack.answer);
            let judgement = expression::judge(&attack.numbers, attack.target, &answer);
            if judgement.verdict != Verdict::Wrong {
                fooled.push(format!("{:?} {} {answer:?}: {}", attack.numbers, attack.target, judgement.reason));
            }
        }
    }
    assert!(fooled.is_empty(), "{} of {} attacks:\n{}", fooled.len(), attacks.len(), fooled.join("\n"));
}

#[test]
fn the_general_checker_cannot_be_fooled() {
    let attacks: Vec<Attack> = lines(include_str!("corpus/answer_attacks.jsonl"));
    assert!(attacks.len() >= 200, "{}", attacks.len());
    let mut fooled = Vec::new();
    let (mut n_wrong, mut n_judged) = (0, 0);
    for attack in &attacks {
        for (before, after) in wrappings(&attack.answer) {
            let answer = format!("{before}{}{after}", attack.answer);
            let judgement = answer::judge(&attack.gold, &answer);
            n_judged += 1;
            n_wrong += usize::from(judgement.verdict == Verdict::Wrong);
            if judgement.verdict == Verdict::Right {
                fooled.push(format!("{:?} {answer:?}: {}", attack.gold, judgement.reason));
            }
        }
    }
    assert!(fooled.is_empty(), "{} of {} attacks:\n{}", fooled.len(), attacks.len(), fooled.join("\n"));
    // Most are seen to be wrong; the rest cannot be judged, which pays nothing either.
    assert!(n_wrong * 10 >= n_judged * 8, "{n_wrong} of {n_judged}");
}

#[derive(Deserialize)]
struct Published {
    gold: Option<String>,
    pred: Option<String>,
    equal: bool,
}

/// Cases of two other projects: no verdict against theirs, and half of them judged. The rest is algebra, surds and
/// matrices, of which this checker knows nothing and says so.
#[test]
fn published_cases_are_not_contradicted() {
    let cases = [
        include_str!("../../../../tests/third_party/verify/hendrycks_math_equivalence.jsonl"),
        include_str!("../../../../tests/third_party/verify/nemo_skills_math_equal.jsonl"),
    ];
    let cases: Vec<Published> = cases.into_iter().flat_map(lines).collect();
    let mut n_agree = 0;
    for case in &cases {
        let (gold, pred) = (case.gold.as_deref().unwrap_or(""), case.pred.as_deref().unwrap_or(""));
        let judgement = answer::judge(gold, pred);
        match judgement.verdict {
            Verdict::CannotJudge => continue,
            verdict => assert_eq!(verdict == Verdict::Right, case.equal, "{gold:?} {pred:?}: {}", judgement.reason),
        }
        n_agree += 1;
    }
    assert!(n_agree * 3 >= cases.len() * 2, "{n_agree} of {}", cases.len());
}

/// Answers to one problem: `by` is a verifier of [`NAMES`], whose problem is the gold answer, or a family.
#[derive(Deserialize)]
struct Forms {
    by: String,
    problem: serde_json::Value,
    right: Vec<String>,
    wrong: Vec<String>,
}

impl Forms {
    fn judge(&self, answer: &str) -> crate::Judgement {
        match Verifier::named(&self.by) {
            Ok(verifier) => verifier.judge(self.problem.as_str().expect("a gold answer"), answer),
            Err(_) => crate::find(&self.by).expect("a family").score(&self.problem, answer),
        }
    }
}

/// Errors of the verifiers on a corpus: what is accepted wrongly, and how many of how many right answers are refused.
fn errors(corpus: &str) -> (Vec<String>, usize, usize, usize) {
    let (mut accepted, mut n_wrong, mut n_refused, mut n_right) = (Vec::new(), 0, 0, 0);
    for forms in lines::<Forms>(corpus) {
        for answer in &forms.wrong {
            let judgement = forms.judge(answer);
            n_wrong += 1;
            if judgement.verdict == Verdict::Right {
                accepted.push(format!("{} {} {answer:?}: {}", forms.by, forms.problem, judgement.reason));
            }
        }
        n_refused += forms.right.iter().filter(|answer| forms.judge(answer).verdict != Verdict::Right).count();
        n_right += forms.right.len();
    }
    println!("{} of {n_wrong} wrong answers accepted, {n_refused} of {n_right} right ones refused", accepted.len());
    (accepted, n_wrong, n_refused, n_right)
}

/// Answers in every form that was thought of for 31 kinds of problems: signs, units, brackets, sentences, marks.
#[test]
fn no_form_of_a_wrong_answer_is_accepted() {
    let (accepted, n_wrong, n_refused, n_right) = errors(include_str!("corpus/forms.jsonl"));
    // A quote that is not closed, a semicolon, two full stops and a backslash beside a right number.
    assert!(accepted.len() <= 5 && n_wrong > 1_700, "{} of {n_wrong}:\n{}", accepted.len(), accepted.join("\n"));
    assert!(n_refused * 100 <= n_right * 11, "{n_refused} of {n_right} right answers are refused");
}

/// An attack by others on all families, who had not read the verifiers: what still deceives them is debatable or rare.
#[test]
fn an_attack_from_outside_gains_little() {
    let (accepted, n_wrong, n_refused, n_right) = errors(include_str!("corpus/outside.jsonl"));
    assert!(accepted.len() <= 30 && n_wrong > 2_100, "{} of {n_wrong}:\n{}", accepted.len(), accepted.join("\n"));
    assert!(n_refused <= 203 && n_right > 2_000, "{n_refused} of {n_right} right answers are refused");
}

/// Answers in other forms than the asked one, and hedges in those forms, which were written before it was seen how they
/// are judged.
#[test]
fn other_forms_are_taken_and_hedges_in_them_are_not() {
    let (accepted, n_wrong, n_refused, n_right) = errors(include_str!("corpus/held_out.jsonl"));
    // The last of several values in an object, another letter's value in one, the last of two bullets, units without sense.
    assert!(accepted.len() <= 7 && n_wrong > 440, "{} of {n_wrong}:\n{}", accepted.len(), accepted.join("\n"));
    assert!(n_refused <= 13 && n_right > 380, "{n_refused} of {n_right} right answers are refused");
}

/// What a policy might write that wants the reward: the right answer is said, but not as the one answer.
#[test]
fn an_answer_that_is_not_given_is_not_rewarded() {
    let (accepted, n_wrong, n_refused, n_right) = errors(include_str!("corpus/rewarded.jsonl"));
    assert!(accepted.is_empty() && n_wrong > 1_400, "{} of {n_wrong}:\n{}", accepted.len(), accepted.join("\n"));
    assert!(n_refused * 100 <= n_right * 2, "{n_refused} of {n_right} right answers are refused");
}

/// Whole solutions as models lay them out: steps of arithmetic, and below them the answer.
#[test]
fn the_lines_above_an_answer_let_it_stand() {
    all_are_judged(include_str!("corpus/layouts.jsonl"));
}

/// Short replies to problems of many families, in Chinese and English: synonyms, units, hedges, what is said besides.
#[test]
fn short_replies_are_judged_by_what_they_say() {
    all_are_judged(include_str!("corpus/replies.jsonl"));
}

/// No wrong answer of a corpus is accepted, no right one is not.
fn all_are_judged(corpus: &str) {
    let (mut failures, mut n) = (Vec::new(), 0);
    for forms in lines::<Forms>(corpus) {
        for (answers, is_right) in [(&forms.right, true), (&forms.wrong, false)] {
            for answer in answers {
                let judgement = forms.judge(answer);
                n += 1;
                if (judgement.verdict == Verdict::Right) != is_right {
                    failures.push(format!("{} {} {answer:?}: {}", forms.by, forms.problem, judgement.reason));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {n}:\n{}", failures.len(), failures.join("\n"));
}
