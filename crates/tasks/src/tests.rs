//! Tests of the whole crate: what every family must keep.

use crate::task::{Example, Options, Verdict};
use crate::{Mixture, MixtureSpec, Rng, Split, registry};

/// Tokens of a byte-level BPE that splits digits singly and merges common words: an upper estimate.
fn n_tokens(text: &str) -> usize {
    let mut n_tokens = 0;
    let mut previous = '\n';
    for c in text.chars() {
        let continues_word = c.is_ascii_alphabetic() && (previous.is_ascii_alphabetic() || previous == ' ');
        n_tokens += usize::from(!continues_word);
        // A space before a word belongs to the word's token.
        previous = c;
    }
    n_tokens
}

fn every_level() -> impl Iterator<Item = (std::sync::Arc<dyn crate::Task>, u8)> {
    registry().into_iter().flat_map(|task| {
        (1..=task.levels()).map(move |level| (std::sync::Arc::clone(&task), level)).collect::<Vec<_>>()
    })
}

fn sample(task: &dyn crate::Task, level: u8, index: u64, split: Split) -> Example {
    let seed = task.name().len() as u64;
    task.generate(&mut Rng::stream(&[seed, u64::from(level), index]), level, split, &Options::default())
}

#[test]
fn demonstrations_end_in_the_right_answer_and_fit() {
    for (task, level) in every_level() {
        let mut longest = 0;
        for index in 0..400 {
            let example = sample(task.as_ref(), level, index, Split::Train);
            let demonstration = example.demonstration.as_ref().expect("all native families demonstrate");
            let judgement = task.score(&example.problem, &demonstration.answer_text);
            let judged = !example.answer.is_empty();
            let expected = if judged { Verdict::Right } else { Verdict::CannotJudge };
            assert_eq!(judgement.verdict, expected, "{example:#?}\n{}", judgement.reason);
            if judged {
                assert_eq!(task.score(&example.problem, &example.answer).verdict, Verdict::Right, "{example:#?}");
                assert_ne!(task.score(&example.problem, "").verdict, Verdict::Right, "{example:#?}");
                assert_ne!(task.score(&example.problem, "99999999").verdict, Verdict::Right, "{example:#?}");
            }
            let n =
                n_tokens(&demonstration.reasoning) + n_tokens(&demonstration.answer_text) + n_tokens(&example.prompt);
            longest = longest.max(n);
        }
        println!("{} {level}: at most {longest} tokens", task.name());
        assert!(longest <= 400, "{} {level}: {longest} tokens", task.name());
    }
}

#[test]
fn mini_samples() {
    let mixture = Mixture::new(&MixtureSpec::mini()).unwrap();
    let started = std::time::Instant::now();
    let mut total = 0;
    for index in 0..5000 {
        let example = mixture.sample(1, index, Split::Train);
        total += n_tokens(&example.demonstration.unwrap().reasoning) + n_tokens(&example.prompt);
    }
    println!("{} tokens a sample, {:?}", total / 5000, started.elapsed());
    for split in [Split::Validation, Split::Test] {
        for index in 0..200 {
            mixture.sample(1, index, split);
        }
    }
    println!("{:?}", started.elapsed());
}
