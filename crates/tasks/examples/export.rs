//! Prints samples of the mixture `reasoning` as JSON lines: `cargo run -p tasks --example export -- N SPLIT [SEED]`.

use tasks::{Mixture, MixtureSpec, Split};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |idx: usize, default: u64| arguments.get(idx).and_then(|text| text.parse().ok()).unwrap_or(default);
    let split = match arguments.get(1).map(String::as_str) {
        None | Some("train") => Split::Train,
        Some("validation") => Split::Validation,
        Some("test") => Split::Test,
        Some(other) => panic!("split `{other}`: expected train, validation or test"),
    };
    let mixture = Mixture::new(&MixtureSpec::reasoning()).expect("the built-in mixture is valid");
    for index in 0..number(0, 10) {
        println!("{}", serde_json::to_string(&mixture.sample(number(2, 1), index, split)).expect("plain data"));
    }
}
