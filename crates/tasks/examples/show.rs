//! Prints samples of each family: `cargo run -p tasks --example show -- [TASK [DIFFICULTY [N]]]`.

use tasks::{Options, Rng, Split};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |idx: usize, default: usize| arguments.get(idx).and_then(|text| text.parse().ok()).unwrap_or(default);
    for task in tasks::registry() {
        if arguments.first().is_some_and(|name| name != task.name()) {
            continue;
        }
        for index in 0..number(2, 3) {
            let mut rng = Rng::stream(&[number(3, 1) as u64, index as u64]);
            let difficulty = number(1, usize::from(task.levels())) as u8;
            let example = task.generate(&mut rng, difficulty, Split::Train, &Options::default());
            println!("--- {} {}  {}  gold {:?}", example.task, example.difficulty, example.problem, example.answer);
            println!("[{}]", example.prompt);
            if let Some(demonstration) = example.demonstration {
                println!("<think>\n{}\n</think>\n\n{}", demonstration.reasoning, demonstration.answer_text);
            }
        }
    }
}
