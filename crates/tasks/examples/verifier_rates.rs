//! How often each verifier errs: answers that are right or wrong by construction, in many styles of writing, as a Markdown
//! table: `cargo run --release -p tasks --example verifier_rates -- [PROBLEMS]`. `docs/verifiers.md` holds its output.

use std::collections::BTreeMap;
use std::path::Path;
use tasks::verify::{Verifier, answer, expression, integer, text};
use tasks::{Judgement, Options, Rng, Split, Verdict};

/// Verdicts on answers of which the truth is known.
#[derive(Default)]
struct Tally {
    /// Right answers judged right, wrong, cannot-judge.
    of_right: [usize; 3],
    /// Wrong answers, likewise.
    of_wrong: [usize; 3],
    /// One error of each sort, to look at.
    false_accept: Option<String>,
    false_reject: Option<String>,
}

impl Tally {
    fn add(&mut self, is_right: bool, answer: &str, judgement: &Judgement) {
        let idx = match judgement.verdict {
            Verdict::Right => 0,
            Verdict::Wrong => 1,
            Verdict::CannotJudge => 2,
        };
        let shown = || Some(format!("{}: {}", answer.escape_debug().take(90).collect::<String>(), judgement.reason));
        if is_right {
            self.of_right[idx] += 1;
            if idx == 1 && self.false_reject.is_none() {
                self.false_reject = shown();
            }
        } else {
            self.of_wrong[idx] += 1;
            if idx == 0 && self.false_accept.is_none() {
                self.false_accept = shown();
            }
        }
    }

    fn print(&self, name: &str) {
        let share = |part: usize, of: &[usize; 3]| {
            let n: usize = of.iter().sum();
            if n == 0 { "-".to_string() } else { format!("{part} of {n} ({:.2}%)", 100.0 * part as f64 / n as f64) }
        };
        println!(
            "| {name} | {} | {} | {} | {} |",
            share(self.of_wrong[0], &self.of_wrong),
            share(self.of_right[1], &self.of_right),
            share(self.of_right[2], &self.of_right),
            share(self.of_wrong[2], &self.of_wrong)
        );
    }
}

/// Ways in which models end an answer; `{}` is the answer.
const STYLES: &[&str] = &[
    "{}",
    "{}.",
    " {}\n",
    "The answer is {}.",
    "The final answer is: {}",
    "So the answer is **{}**.",
    "**Answer:** {}",
    "Answer: {}",
    "<answer>{}</answer>",
    "<answer> {} </answer>",
    "\\boxed{{}}",
    "$\\boxed{{}}$",
    "Therefore, the result is $\\boxed{{}}$.",
    "Let me see.\n\nFirst 3, then 4.\n\nThe answer is {}",
    "I first thought of 17, but that is not it.\n\n{}",
    "<think>\nmaybe 12? no, 13\n</think>\n\n{}",
    "<think>\n\\boxed{99}\n</think>\n\nThe answer is {}.",
    "答案是{}。",
    "答案：{}",
    "`{}`",
    "Final answer:\n{}",
    "#### {}",
];

fn styled(style: &str, answer: &str) -> String {
    style.replace("{}", answer)
}

fn main() {
    let n = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(300);
    let start = std::time::Instant::now();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    integers(n, &mut tallies);
    fractions(n, &mut tallies);
    choices_and_words(&mut tallies);
    countdown(n, &mut tallies);
    games(n, &mut tallies);
    corpora(&mut tallies);
    println!("| verifier, on what | wrong judged right | right judged wrong | right not judged | wrong not judged |");
    println!("|---|---|---|---|---|");
    for (name, tally) in &tallies {
        tally.print(name);
    }
    let n_verdicts: usize = tallies.values().flat_map(|tally| tally.of_right.iter().chain(&tally.of_wrong)).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("\n{n_verdicts} verdicts, {:.0} a second on one thread, drawing included\n", n_verdicts as f64 / seconds);
    for (name, tally) in &tallies {
        for (sort, example) in [("accepts", &tally.false_accept), ("rejects", &tally.false_reject)] {
            if let Some(example) = example {
                println!("- {name} {sort} {example}");
            }
        }
    }
}

fn tally<'a>(tallies: &'a mut BTreeMap<String, Tally>, name: &str) -> &'a mut Tally {
    tallies.entry(name.to_string()).or_default()
}

/// Whole numbers, for the strict and the general checker.
fn integers(n: usize, tallies: &mut BTreeMap<String, Tally>) {
    let mut rng = Rng::new(1);
    for _ in 0..n {
        let digits = rng.between(1, 6) as u32;
        let size = rng.number(digits) as i64;
        let gold = if rng.chance(0.2) { -size } else { size };
        let with_commas = gold.abs() >= 1000 && rng.chance(0.5);
        let written = |value: i64| if with_commas { grouped(value) } else { value.to_string() };
        let wrong = [gold + 1, gold - 1, gold + 10, gold * 10 + 1, -gold - 1, gold + 100];
        for style in STYLES {
            for (value, is_right) in [(gold, true), (rng.pick(&wrong), false)] {
                let text = styled(style, &written(value));
                let golden = gold.to_string();
                tally(tallies, "`answer`, whole numbers").add(is_right, &text, &answer::judge(&golden, &text));
                if !style.contains("####") {
                    tally(tallies, "`integer`").add(is_right, &text, &integer::judge(&golden, &text));
                }
            }
        }
    }
}

fn grouped(value: i64) -> String {
    let digits = value.abs().to_string();
    let mut text = String::new();
    for (idx, c) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    if value < 0 { format!("-{text}") } else { text }
}

/// Fractions, decimals and percentages, for the general checker.
fn fractions(n: usize, tallies: &mut BTreeMap<String, Tally>) {
    let mut rng = Rng::new(2);
    for _ in 0..n {
        // Denominators with exact decimals.
        let (top, bottom) = (rng.between(1, 199) as i64, rng.pick(&[2i64, 4, 5, 8, 10, 20, 25, 40]));
        let golds = [format!("{top}/{bottom}"), format!("\\frac{{{top}}}{{{bottom}}}"), decimal(top, bottom)];
        let gold = &golds[rng.below(3) as usize];
        for style in STYLES {
            for (top, is_right) in [(top, true), (top + 1, false)] {
                let spellings = [
                    format!("{top}/{bottom}"),
                    format!("\\frac{{{top}}}{{{bottom}}}"),
                    format!("\\dfrac{{{}}}{{{}}}", 3 * top, 3 * bottom),
                    decimal(top, bottom),
                    format!("{}%", decimal(100 * top, bottom)),
                ];
                let [a, b, c, d, e] = &spellings;
                let text = styled(style, rng.pick(&[a, b, c, d, e]));
                tally(tallies, "`answer`, fractions").add(is_right, &text, &answer::judge(gold, &text));
            }
        }
    }
}

/// `top / bottom`, which ends within three places.
fn decimal(top: i64, bottom: i64) -> String {
    let thousandths = top * 1000 / bottom;
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn choices_and_words(tallies: &mut BTreeMap<String, Tally>) {
    let letters = ["A", "B", "C", "D", "E"];
    let words = ["yes", "no", "Paris", "blue", "knave", "monday"];
    for style in STYLES {
        for gold in letters {
            for given in letters {
                for form in ["{}", "({})", "{}) blue", "\\text{{}}"] {
                    let text = styled(style, &styled(form, given));
                    let judgement = answer::judge(gold, &text);
                    tally(tallies, "`answer`, letters of choices").add(gold == given, &text, &judgement);
                }
            }
        }
        for gold in words {
            for given in words {
                let text = styled(style, given);
                tally(tallies, "`answer`, words").add(gold == given, &text, &answer::judge(gold, &text));
            }
        }
    }
    for gold in words {
        for given in words {
            for style in ["{}", "{}.", " {}\n", "**{}**", "\"{}\""] {
                let answer = styled(style, given);
                tally(tallies, "`text`").add(gold == given, &answer, &text::judge(gold, &answer));
            }
        }
    }
}

/// Solutions of drawn problems, and the same spoilt in ways that cannot be right.
fn countdown(n: usize, tallies: &mut BTreeMap<String, Tally>) {
    let task = tasks::find("countdown").expect("a native family");
    for index in 0..n as u64 {
        let level = 1 + (index % 3) as u8;
        let example = task.generate(&mut Rng::stream(&[3, index]), level, Split::Validation, &Options::default());
        let numbers: Vec<u64> = serde_json::from_value(example.problem["numbers"].clone()).expect("numbers");
        let target = example.problem["target"].as_i64().expect("a target");
        let solution = &example.answer;
        let first = numbers[0].to_string();
        let spaced: String =
            solution.chars().flat_map(|c| if c.is_ascii_digit() { vec![c] } else { vec![' ', c, ' '] }).collect();
        let right = [
            solution.clone(),
            spaced,
            solution.replace('*', "×").replace('/', "÷"),
            format!("{solution} = {target}"),
            format!("({solution})"),
        ];
        let wrong = [
            solution.replacen(&first, &(numbers[0] + 100).to_string(), 1),
            format!("{solution}+0"),
            format!("{solution}**1"),
            format!("-(-({solution}))"),
            format!("({solution})/1 = {target}"),
            target.to_string(),
            format!("{}={target}", first),
            format!("{solution} = {}", target + 1),
            format!("({solution})+{first}-{first}"),
        ];
        for style in STYLES.iter().filter(|style| !style.contains("####")) {
            for (answers, is_right) in [(&right[..], true), (&wrong[..], false)] {
                for given in answers {
                    let text = styled(style, given);
                    let judgement = expression::judge(&numbers, target, &text);
                    tally(tallies, "countdown, game24").add(is_right, &text, &judgement);
                }
            }
            let judgement = expression::judge(&numbers, target + 1, &styled(style, solution));
            tally(tallies, "countdown, game24").add(false, solution, &judgement);
        }
    }
}

/// A family, and how a right answer of it is spoilt for certain.
type Spoil = (&'static str, fn(&str) -> String);

fn games(n: usize, tallies: &mut BTreeMap<String, Tally>) {
    let next_digit = |text: &str| {
        let at = text.rfind(|c: char| c.is_ascii_digit()).unwrap_or(0);
        let digit = text[at..].chars().next().and_then(|c| c.to_digit(10)).unwrap_or(0);
        format!("{}{}{}", &text[..at], digit % 4 + 1, &text[at + 1..])
    };
    let spoils: [Spoil; 4] = [
        ("mini_sudoku", next_digit),
        ("n_queens", |text| {
            let columns: Vec<&str> = text.split(' ').collect();
            columns[..columns.len() - 1].iter().chain(&columns[..1]).copied().collect::<Vec<_>>().join(" ")
        }),
        ("tower_of_hanoi", |text| text.rsplit_once('\n').map_or(String::new(), |(moves, _)| moves.to_string())),
        ("instructions", |text| format!("{text}\n{text}\nand 1 more")),
    ];
    for (name, spoil) in spoils {
        let task = tasks::find(name).expect("a native family");
        for index in 0..n as u64 {
            let level = 1 + (index % u64::from(task.levels())) as u8;
            let example = task.generate(&mut Rng::stream(&[4, index]), level, Split::Train, &Options::default());
            let Some(shown) = example.demonstration else { continue };
            let styles: &[&str] = if name == "instructions" {
                &["{}", "{}\n", " {}"]
            } else {
                &["{}", "{}\n", "Here it is:\n\n{}", "<answer>\n{}\n</answer>", "<think>\n1 2 3 4\n</think>\n{}"]
            };
            for style in styles {
                for (text, is_right) in [(shown.answer_text.clone(), true), (spoil(&shown.answer_text), false)] {
                    let text = styled(style, &text);
                    tally(tallies, name).add(is_right, &text, &task.score(&example.problem, &text));
                }
            }
        }
    }
}

/// The corpora of attacks, all of them wrong, and the cases that others published.
fn corpora(tallies: &mut BTreeMap<String, Tally>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = |path: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    for line in lines("src/verify/corpus/countdown_attacks.jsonl") {
        let numbers: Vec<u64> = serde_json::from_value(line["numbers"].clone()).expect("numbers");
        let text = line["answer"].as_str().expect("text");
        let judgement = expression::judge(&numbers, line["target"].as_i64().expect("a target"), text);
        tally(tallies, "corpus of attacks on countdown").add(false, text, &judgement);
    }
    for line in lines("src/verify/corpus/answer_attacks.jsonl") {
        let text = line["answer"].as_str().expect("text");
        let judgement = answer::judge(line["gold"].as_str().expect("text"), text);
        tally(tallies, "corpus of attacks on `answer`").add(false, text, &judgement);
    }
    for (name, path) in [
        ("corpus of forms", "src/verify/corpus/forms.jsonl"),
        ("corpus of layouts", "src/verify/corpus/layouts.jsonl"),
        ("corpus of replies", "src/verify/corpus/replies.jsonl"),
        ("corpus of answers that are not given", "src/verify/corpus/rewarded.jsonl"),
        ("corpus of an attack from outside", "src/verify/corpus/outside.jsonl"),
    ] {
        for line in lines(path) {
            let by = line["by"].as_str().expect("a verifier or family");
            for (key, is_right) in [("right", true), ("wrong", false)] {
                for text in line[key].as_array().expect("answers").iter().filter_map(|text| text.as_str()) {
                    let judgement = match Verifier::named(by) {
                        Ok(verifier) => verifier.judge(line["problem"].as_str().expect("a gold answer"), text),
                        Err(_) => tasks::find(by).expect("a family").score(&line["problem"], text),
                    };
                    tally(tallies, name).add(is_right, text, &judgement);
                }
            }
        }
    }
    for (name, path) in [
        ("published: Hendrycks' MATH", "../../tests/third_party/verify/hendrycks_math_equivalence.jsonl"),
        ("published: NeMo-Skills", "../../tests/third_party/verify/nemo_skills_math_equal.jsonl"),
    ] {
        for line in lines(path) {
            let text = line["pred"].as_str().unwrap_or_default();
            let judgement = answer::judge(line["gold"].as_str().unwrap_or_default(), text);
            tally(tallies, name).add(line["equal"] == true, text, &judgement);
        }
    }
}
