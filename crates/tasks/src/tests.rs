//! What every family must keep: true steps, right answers, bounded lengths, disjoint splits, samples that never change.

use crate::split::stable_hash;
use crate::task::{Example, Options, Verdict};
use crate::{Form, Mixture, MixtureEntry, MixtureSpec, Rng, Split, Task, registry};
use golden::GOLDEN;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod answers;
mod families;
mod files;
mod golden;
mod statements;

/// Games whose thinking is a search: long now and then, and given up where it would be too long.
const SEARCHES: [&str; 5] = ["countdown", "game24", "mini_sudoku", "n_queens", "tower_of_hanoi"];

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

/// Tokens of a byte-level BPE that splits digits singly and has merged words with the space in front: an estimate.
fn n_tokens(text: &str) -> usize {
    let mut n_tokens = 0;
    let mut previous = '\n';
    for c in text.chars() {
        let continues_word = c.is_ascii_alphabetic() && (previous.is_ascii_alphabetic() || previous == ' ');
        n_tokens += usize::from(!continues_word);
        previous = c;
    }
    n_tokens
}

fn every_level() -> Vec<(Arc<dyn Task>, u8)> {
    let levels = |task: Arc<dyn Task>| (1..=task.levels()).map(move |level| (Arc::clone(&task), level));
    registry().into_iter().flat_map(levels).collect()
}

fn sample(task: &dyn Task, level: u8, index: u64, split: Split, options: &Options) -> Example {
    task.generate(&mut Rng::stream(&[stable_hash(task.name()), u64::from(level), index]), level, split, options)
}

#[test]
fn demonstrations_are_true_end_in_the_right_answer_and_fit() {
    let mut n_statements = 0;
    let mut too_long = Vec::new();
    for (task, level) in every_level() {
        let (mut longest, mut total) = (0, 0);
        for index in 0..400 {
            let checks = if index % 5 == 0 { 1.0 } else { 0.0 };
            let example = sample(task.as_ref(), level, index, Split::Train, &Options { checks, ..Options::default() });
            let Some(demonstration) = example.demonstration.as_ref() else {
                assert!(SEARCHES.contains(&task.name()), "{} demonstrates every problem", task.name());
                assert_eq!(task.score(&example.problem, &example.answer).verdict, Verdict::Right, "{example:#?}");
                continue;
            };
            n_statements += statements::assert_true(&demonstration.reasoning);
            statements::assert_true(&demonstration.answer_text);
            let judgement = task.score(&example.problem, &demonstration.answer_text);
            let judged = !example.answer.is_empty();
            let expected = if judged { Verdict::Right } else { Verdict::CannotJudge };
            assert_eq!(judgement.verdict, expected, "{example:#?}\n{}", judgement.reason);
            if judged {
                assert_eq!(task.score(&example.problem, &example.answer).verdict, Verdict::Right, "{example:#?}");
                for wrong in ["", "99999999", "maybe", "no, yes, even, odd 99999999", "-", "1/0"] {
                    let verdict = task.score(&example.problem, wrong).verdict;
                    let lucky = matches!(example.answer.as_str(), "yes" | "odd");
                    assert!(verdict == Verdict::Wrong || lucky, "{wrong:?} to {example:#?}");
                }
            }
            if checks == 0.0 {
                let n = n_tokens(&demonstration.reasoning)
                    + n_tokens(&demonstration.answer_text)
                    + n_tokens(&example.prompt);
                longest = longest.max(n);
                total += n;
            }
        }
        println!("{} {level}: {} tokens on average, at most {longest}", task.name(), total / 320);
        let most = if SEARCHES.contains(&task.name()) { 2_048 } else { 420 };
        if longest > most {
            too_long.push(format!("{} {level}: {longest} tokens", task.name()));
        }
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
    assert!(n_statements > 50_000, "{n_statements} statements");
}

#[test]
fn thinking_is_no_answer() {
    for (task, level) in every_level() {
        let example = sample(task.as_ref(), level, 3, Split::Train, &Options::default());
        if example.answer.is_empty() {
            continue;
        }
        let answer = &example.answer;
        let verdict = |text: String| task.score(&example.problem, &text).verdict;
        assert_eq!(verdict(format!("<think>\nhm, 1\n</think>\n\n{answer}")), Verdict::Right, "{example:#?}");
        assert_eq!(verdict(format!("hm, 1\n</think>\n\n{answer}")), Verdict::Right, "{example:#?}");
        assert_eq!(verdict(format!("<think>\n{answer}\n</think>")), Verdict::Wrong, "{example:#?}");
        assert_eq!(verdict(format!("<think>\n{answer}")), Verdict::Wrong, "{example:#?}");
    }
}

#[test]
fn every_level_reaches_every_split_and_is_reproducible() {
    for (task, level) in every_level() {
        for split in SPLITS {
            for index in 0..20 {
                let example = sample(task.as_ref(), level, index, split, &Options::default());
                assert_eq!(example, sample(task.as_ref(), level, index, split, &Options::default()));
                assert!(example.difficulty >= level);
                assert!(!example.prompt.trim().is_empty());
                assert!(example.prompt.len() < 400, "{}", example.prompt);
            }
        }
    }
}

/// What a problem is, read from its JSON without the family's help: its numbers in any order, and its kind.
fn identity(example: &Example) -> Option<String> {
    let problem = &example.problem;
    let number = |name: &str| problem[name].as_u64();
    match example.task.as_str() {
        "addition" | "subtraction" | "multiplication" => {
            let (a, b) = (number("a")?, number("b")?);
            Some(format!("{} {} {}", example.task, a.min(b), a.max(b)))
        }
        "word_problems" | "conversation" | "out_of_scope" => None,
        _ => Some(format!("{} {problem}", example.task)),
    }
}

#[test]
fn splits_share_no_problem() {
    let mixture = Mixture::new(&MixtureSpec::reasoning()).unwrap();
    let mut seen: BTreeMap<String, Split> = BTreeMap::new();
    let mut n_problems = [0; 3];
    for split in SPLITS {
        for index in 0..if split == Split::Train { 30_000 } else { 3_000 } {
            let example = mixture.sample(index % 3, index, split);
            let prompt = format!("{} asks {}", example.task, example.prompt.trim());
            for key in identity(&example).into_iter().chain([prompt]) {
                let before = seen.insert(key.clone(), split);
                assert!(before.is_none_or(|before| before == split), "{key} is in {before:?} and {split:?}");
                n_problems[split.tag() as usize] += 1;
            }
        }
    }
    assert!(n_problems.iter().all(|&n| n > 3_000), "{n_problems:?}");
}

#[test]
fn wording_and_order_do_not_move_a_problem() {
    let canonical = crate::families::canonical::sum;
    assert_eq!(canonical(347, 588), canonical(588, 347));
    let shares = SPLITS.map(|split| (0..20_000).filter(|n| Split::of(&canonical(*n, 7)) == split).count());
    assert!(shares[0] > 19_500 && shares[1] > 130 && shares[2] > 130, "{shares:?}");
}

#[test]
fn ways_of_asking_are_many() {
    let task = crate::find("addition").unwrap();
    let mut skeletons = BTreeSet::new();
    let mut forms = BTreeSet::new();
    for index in 0..20_000 {
        let example = sample(task.as_ref(), 3, index, Split::Train, &Options::default());
        skeletons.insert(example.prompt.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect::<String>());
        let reply = example.demonstration.unwrap().answer_text;
        forms.insert(if reply.contains("boxed") { 2 } else { i32::from(reply.contains('=')) });
    }
    assert!(skeletons.len() > 8_000, "{}", skeletons.len());
    assert_eq!(forms.len(), 3);
}

#[test]
fn usual_wordings_occur() {
    let prompts: BTreeSet<String> = ["addition", "subtraction", "multiplication"]
        .iter()
        .flat_map(|name| {
            let task = crate::find(name).unwrap();
            (0..30_000).map(move |index| sample(task.as_ref(), 1, index, Split::Train, &Options::default()).prompt)
        })
        .map(|prompt| prompt.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect())
        .collect();
    for usual in [
        "What is # + #?",
        "# * # =",
        "What's # times #?",
        "#*#",
        "#+#=?",
        "Calculate # - #.",
        "Subtract # from #",
        "How much is # plus #?",
        "# minus #",
        "Compute the sum of # and #.",
        "What is the difference between # and #?",
        "What is the product of # and #?",
        "#加#等于多少？",
        "# x #",
        "# × # = ?",
        "# − #",
        "what is # + #",
        "Can you tell me what # + # is?",
        "Please calculate # * #.",
        "What is # multiplied by #?",
        "Multiply # by #.",
        "Add # and #.",
        "Solve: # - #",
        "the product of # and #",
        "Find the sum of # and #.",
    ] {
        assert!(prompts.contains(usual), "nobody asks {usual:?}");
    }
}

#[test]
fn the_form_of_the_reply_follows_the_prompt() {
    let asked = |form| crate::Asked { prompt: String::new(), form };
    assert_eq!(asked(Form::Sentence).reply("5", "2 + 3 = 5".to_string()), "2 + 3 = 5");
    assert_eq!(asked(Form::Bare).reply("5", "2 + 3 = 5".to_string()), "5");
    assert_eq!(asked(Form::Boxed).reply("5", "2 + 3 = 5".to_string()), "\\boxed{5}");
}

#[test]
fn slips_are_noticed_and_put_right() {
    let task = crate::find("addition").unwrap();
    let options = Options { slips: 1.0, ..Options::default() };
    let mut n_slips = 0;
    for index in 0..50 {
        let example = sample(task.as_ref(), 3, index, Split::Train, &options);
        let demonstration = example.demonstration.unwrap();
        n_slips += demonstration.reasoning.matches("wait, no: ").count();
        assert_eq!(task.score(&example.problem, &demonstration.answer_text).verdict, Verdict::Right);
    }
    assert!((20..=50).contains(&n_slips), "{n_slips}");
}

#[test]
fn problems_can_be_those_that_need_long_thinking() {
    let task = crate::find("countdown").unwrap();
    let lengths = |min_thinking| {
        let options = Options { min_thinking, ..Options::default() };
        let examples = (0..30).map(|index| sample(task.as_ref(), 1, index, Split::Train, &options));
        examples.map(|example| example.demonstration.map_or(0, |shown| shown.reasoning.len())).collect::<Vec<_>>()
    };
    assert!(lengths(0).iter().any(|n| *n < 100));
    assert!(lengths(100).iter().all(|n| *n >= 100));
    assert!(lengths(1_000_000).iter().all(|n| *n > 150), "the longest of many");
}

#[test]
fn malformed_problems_cannot_be_judged() {
    let nonsense = ["null", "{}", "[]", "{\"a\": -1, \"b\": 2}", "{\"a\": 1e99}", "{\"a\": \"x\", \"b\": 1}"];
    for (task, text) in registry().iter().flat_map(|task| nonsense.map(|text| (task, text))) {
        let problem = serde_json::from_str(text).unwrap();
        assert_eq!(task.score(&problem, "12").verdict, Verdict::CannotJudge, "{} {text}", task.name());
    }
    let huge = serde_json::json!({"a": u64::MAX, "b": u64::MAX});
    for name in ["addition", "subtraction", "multiplication"] {
        crate::find(name).unwrap().score(&huge, "12");
    }
}

/// Samples are stored by seed, not by text: the same seed must give the same sample for ever. When a family is changed
/// on purpose, its number here changes with it, and held-out figures measured before are no longer comparable.
#[test]
fn samples_never_change() {
    let digest = |task: &Arc<dyn Task>| {
        let mut text = String::new();
        for split in SPLITS {
            for index in 0..100 {
                let level = 1 + (index % u64::from(task.levels())) as u8;
                let example = sample(task.as_ref(), level, index, split, &Options::default());
                text += &serde_json::to_string(&example).unwrap();
            }
        }
        stable_hash(&text)
    };
    let digests: BTreeMap<String, u64> =
        registry().iter().map(|task| (task.name().to_string(), digest(task))).collect();
    let expected: BTreeMap<String, u64> = GOLDEN.map(|(name, digest)| (name.to_string(), digest)).into();
    let now: String = digests.iter().map(|(name, digest)| format!("    (\"{name}\", {digest}),\n")).collect();
    assert!(digests == expected, "the samples of a family have changed; the numbers are now\n{now}");
}

#[test]
fn mixtures_are_random_access_and_keep_their_weights() {
    let entry = |task: &str, weight, difficulty| MixtureEntry { task: task.to_string(), weight, difficulty };
    let spec = MixtureSpec {
        entries: vec![entry("addition", 3.0, 3), entry("digits", 1.0, 1), entry("chain", 0.0, 1)],
        options: Options::default(),
    };
    let mixture = Mixture::new(&spec).unwrap();
    let backwards: Vec<Example> = (0..2000).rev().map(|index| mixture.sample(5, index, Split::Train)).collect();
    for (index, example) in backwards.iter().rev().enumerate().step_by(97) {
        assert_eq!(*example, mixture.sample(5, index as u64, Split::Train));
    }
    let n_sums = backwards.iter().filter(|example| example.task == "addition").count();
    assert!((1400..1600).contains(&n_sums), "{n_sums} of 2000");
    assert!(backwards.iter().all(|example| example.task != "chain"));
    let dialogue = (0..50).map(|index| mixture.sample_dialogue(5, index, Split::Train, 1.0)).collect::<Vec<_>>();
    assert!(dialogue.iter().all(|turns| matches!(turns.len(), 2 | 3)));
    assert_eq!(dialogue[7].last(), Some(&mixture.sample(5, 7, Split::Train)));
}

#[test]
fn mixtures_that_cannot_be_sampled_are_refused() {
    let of = |task: &str, weight, difficulty| {
        let entries = vec![MixtureEntry { task: task.to_string(), weight, difficulty }];
        Mixture::new(&MixtureSpec { entries, options: Options::default() }).err().expect("refused").to_string()
    };
    assert!(of("additon", 1.0, 1).contains("did you mean `addition`"));
    assert!(of("addition", 1.0, 9).contains("difficulties 1 to 4, not 9"));
    assert!(of("addition", -1.0, 1).contains("must be 0 or more"));
    assert!(of("addition", 0.0, 1).contains("no entry has a weight"));
}

#[test]
fn evaluation_sets_hold_different_problems() {
    let task = crate::find("addition").unwrap();
    let examples = crate::mixture::distinct(task.as_ref(), 3, 200, 3, Split::Test, &Options::default());
    let problems: BTreeSet<String> = examples.iter().map(|example| example.problem.to_string()).collect();
    assert_eq!(problems.len(), 200);
}

#[test]
fn a_users_own_problems_need_no_code() {
    let lines: String =
        (0..500).map(|n| format!("{{\"prompt\": \"Twice {n}?\", \"answer\": \"{}\"}}\n", 2 * n)).collect();
    let task = crate::jsonl::JsonlTask::parse("twice", &lines, "integer").unwrap();
    assert_eq!(SPLITS.map(|split| task.count(split).unwrap()).iter().sum::<usize>(), 500);
    let example = task.generate(&mut Rng::new(1), 1, Split::Train, &Options::default());
    assert_eq!(task.score(&example.problem, &format!("It is {}.", example.answer)).verdict, Verdict::Right);
    assert_eq!(task.score(&example.problem, "It is 1.").verdict, Verdict::Wrong);
    let error =
        |text: &str, verifier: &str| crate::jsonl::JsonlTask::parse("mine", text, verifier).unwrap_err().to_string();
    assert!(error("{\"prompt\": \"x\"}", "integer").contains("line 1"));
    assert!(error("", "integer").contains("no problem"));
    assert!(error(&lines, "intger").contains("did you mean `integer`"));
}
