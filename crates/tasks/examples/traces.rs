//! How long a family's demonstrations are and how often there is none: `cargo run --release -p tasks --example traces --
//! countdown [N]`.

use tasks::{Options, Rng, Split, Verdict};

/// Digits and signs are a token each, a word with the space in front of it is one.
fn n_tokens(text: &str) -> usize {
    let mut previous = '\n';
    let mut n_tokens = 0;
    for c in text.chars() {
        let continues_word = c.is_ascii_alphabetic() && (previous.is_ascii_alphabetic() || previous == ' ');
        n_tokens += usize::from(!continues_word);
        previous = c;
    }
    n_tokens
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("countdown", String::as_str);
    let n = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(2000);
    let task = tasks::find(name).unwrap_or_else(|error| panic!("{error}"));
    println!("level  found    right   mean  p50  p95  p99  max (tokens)  mean  max (characters)  a second");
    for level in 1..=task.levels() {
        let start = std::time::Instant::now();
        let examples: Vec<_> = (0..n)
            .map(|index| {
                let mut rng = Rng::stream(&[7, u64::from(level), index]);
                task.generate(&mut rng, level, Split::Train, &Options::default())
            })
            .collect();
        let seconds = start.elapsed().as_secs_f64();
        let found: Vec<_> = examples.iter().filter_map(|e| e.demonstration.as_ref().map(|d| (e, d))).collect();
        let n_right =
            found.iter().filter(|(e, d)| task.score(&e.problem, &d.answer_text).verdict == Verdict::Right).count();
        let mut lengths: Vec<usize> =
            found.iter().map(|(_, d)| n_tokens(&d.reasoning) + n_tokens(&d.answer_text)).collect();
        lengths.sort_unstable();
        let characters: Vec<usize> = found.iter().map(|(_, d)| d.reasoning.len() + d.answer_text.len()).collect();
        let at = |share: f64| lengths[((lengths.len() - 1) as f64 * share) as usize];
        println!(
            "{:5}  {:5}/{n}  {n_right:5}  {:5}  {:3}  {:3}  {:4} {:4}          {:4} {:5}               {:.0}",
            level,
            found.len(),
            lengths.iter().sum::<usize>() / lengths.len(),
            at(0.5),
            at(0.95),
            at(0.99),
            at(1.0),
            characters.iter().sum::<usize>() / characters.len(),
            characters.iter().max().unwrap_or(&0),
            n as f64 / seconds
        );
    }
}
