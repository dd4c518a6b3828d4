//! How long problems are, by family and level, and how many of them one core draws, asks and works out in a second:
//! `cargo run --release -p tasks --example throughput [-- MIXTURE]`. A data loader needs 20,000 tokens a second.

use std::time::Instant;
use tasks::{Example, Mixture, MixtureSpec, Options, Rng, Split};

/// Samples of each family and level.
const N_SAMPLES: u64 = 500;
/// Samples of the mixture.
const N_MIXED: u64 = 20_000;

/// Tokens of a vocabulary that has single digits and signs, and words with the space in front: an estimate.
fn n_tokens(text: &str) -> usize {
    let mut n_tokens = 0;
    let mut previous = '\n';
    for c in text.chars() {
        let continues = c.is_ascii_alphabetic() && (previous.is_ascii_alphabetic() || previous == ' ');
        n_tokens += usize::from(!continues);
        previous = c;
    }
    n_tokens
}

fn reasoning(example: &Example) -> &str {
    example.demonstration.as_ref().map_or("", |shown| &shown.reasoning)
}

fn tokens_of(example: &Example) -> usize {
    let reply = example.demonstration.as_ref().map_or("", |shown| &shown.answer_text);
    n_tokens(&example.prompt) + n_tokens(reasoning(example)) + n_tokens(reply)
}

fn main() {
    println!(
        "{:22} {:>5} {:>11} {:>10} {:>12} {:>10}",
        "family", "level", "chars, mean", "chars, max", "tokens, mean", "per second"
    );
    for task in tasks::registry() {
        for level in 1..=task.levels() {
            let start = Instant::now();
            let draw = |index| task.generate(&mut Rng::stream(&[index]), level, Split::Train, &Options::default());
            let examples: Vec<Example> = (0..N_SAMPLES).map(draw).collect();
            let seconds = start.elapsed().as_secs_f64();
            let lengths: Vec<usize> = examples.iter().map(|example| reasoning(example).chars().count()).collect();
            let tokens: usize = examples.iter().map(tokens_of).sum();
            println!(
                "{:22} {level:>5} {:>11} {:>10} {:>12} {:>10.0}",
                task.name(),
                lengths.iter().sum::<usize>() / lengths.len(),
                lengths.iter().max().unwrap_or(&0),
                tokens / examples.len(),
                N_SAMPLES as f64 / seconds
            );
        }
    }
    let name = std::env::args().nth(1).unwrap_or_else(|| "reasoning".to_string());
    let spec = MixtureSpec::named(&name).unwrap_or_else(|error| panic!("{error}"));
    let mixture = Mixture::new(&spec).unwrap_or_else(|error| panic!("{error}"));
    let start = Instant::now();
    let tokens: usize = (0..N_MIXED).map(|index| tokens_of(&mixture.sample(1, index, Split::Train))).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "\n{name}: {:.0} problems and {:.0} tokens a second on one core, {:.0} tokens a problem",
        N_MIXED as f64 / seconds,
        tokens as f64 / seconds,
        tokens as f64 / N_MIXED as f64
    );
}
