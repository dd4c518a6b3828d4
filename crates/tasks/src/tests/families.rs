//! What holds for all families at once: splits, hostile problems, equations, mixtures.

use super::{SPLITS, every_level, sample, statements};
use crate::task::Verdict;
use crate::{Mixture, MixtureSpec, Options, Rng, Split, registry};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn no_problem_and_no_prompt_is_in_two_splits() {
    // Chat answers the same remark in many ways; its prompts are no problems.
    let of_problems = |name: &str| !matches!(name, "conversation" | "out_of_scope");
    let mut seen: BTreeMap<String, Split> = BTreeMap::new();
    for (task, level) in every_level().into_iter().filter(|(task, _)| of_problems(task.name())) {
        for split in SPLITS {
            for index in 0..if split == Split::Train { 150 } else { 40 } {
                let example = sample(task.as_ref(), level, index, split, &Options::default());
                let prompt = example.prompt.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
                for key in [format!("{} {}", task.name(), example.problem), format!("{} {prompt}", task.name())] {
                    let before = seen.insert(key.clone(), split);
                    assert!(before.is_none_or(|before| before == split), "{key} is in {before:?} and {split:?}");
                }
            }
        }
    }
    assert!(seen.len() > 15_000, "{}", seen.len());
}

/// A prompt without the marks in which wordings of the same question differ.
fn bare(prompt: &str) -> String {
    let plain = prompt.to_lowercase().replace(" and ", " ");
    let words = plain.split(|c: char| c.is_whitespace() || ",;?:\"'`[]".contains(c)).filter(|word| !word.is_empty());
    // A dot may be the cell of a maze, and `!` a negation.
    let words = words.map(|word| if word == "." { word } else { word.trim_end_matches('!') });
    let is_sentence_end = |word: &str| word.contains(char::is_alphanumeric);
    let words = words.map(|word| if is_sentence_end(word) { word.trim_end_matches('.') } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// What an example asks, read from its JSON without the help of its family, where another family may ask the same.
fn question(example: &crate::Example) -> Option<String> {
    let problem = &example.problem;
    let number = |name: &str| problem[name].as_u64().unwrap_or_else(|| panic!("{name} of {problem}"));
    let numbers = |name: &str| -> Vec<i64> { serde_json::from_value(problem[name].clone()).unwrap() };
    let sum = |mut items: Vec<i64>| {
        items.sort_unstable();
        Some(format!("sum of {items:?}"))
    };
    let is = |name: &str, value: &str| problem[name] == *value;
    match example.task.as_str() {
        "addition" => sum(vec![number("a") as i64, number("b") as i64]),
        "chain" if problem["operators"] == json!(["+", "+"]) && is("brackets", "none") => sum(numbers("numbers")),
        "running_sums" if problem["last"] == true => sum(numbers("items")),
        "division" if is("want", "remainder") => Some(format!("{} mod {}", number("a"), number("b"))),
        "modular_arithmetic" if is("kind", "number") => Some(format!("{} mod {}", number("a"), number("m"))),
        "countdown" | "game24" => {
            let mut numbers = numbers("numbers");
            numbers.sort_unstable();
            Some(format!("{} from {numbers:?}", problem["target"].as_i64().unwrap_or(24)))
        }
        "propositional" => {
            let formula = problem["formula"].to_string();
            let mentioned = |idx: usize| formula.contains(&format!("\"letter\":{idx}"));
            let values: Vec<String> =
                (0..3).filter(|&idx| mentioned(idx)).map(|idx| problem["values"][idx].to_string()).collect();
            Some(format!("{formula} {values:?}"))
        }
        _ => None,
    }
}

/// The splits are of questions, whichever family asks them: what is trained on in one is not tested in another. Families
/// of few problems are drawn often enough that their questions and prompts meet.
#[test]
fn no_question_is_in_two_splits_in_whatever_family() {
    let often = [
        "addition",
        "chain",
        "comparison",
        "count_bits",
        "digits",
        "division",
        "gcd",
        "lcm",
        "modular_arithmetic",
        "multiplication",
        "propositional",
        "running_sums",
        "signed",
        "subtraction",
        "unit_conversion",
    ];
    let mut seen: BTreeMap<String, (Split, String)> = BTreeMap::new();
    let (mut n_questions, mut shared) = (0, Vec::new());
    let of_problems = |name: &str| !matches!(name, "conversation" | "out_of_scope");
    for (task, level) in every_level().into_iter().filter(|(task, _)| of_problems(task.name())) {
        for split in SPLITS {
            let n = if often.contains(&task.name()) { 3_000 } else { 100 };
            for index in 0..if split == Split::Train { n } else { n / 3 } {
                let example = sample(task.as_ref(), level, index, split, &Options::default());
                let question = question(&example);
                n_questions += usize::from(question.is_some());
                for key in question.into_iter().chain([bare(&example.prompt)]) {
                    let (before, by) = seen.entry(key.clone()).or_insert_with(|| (split, example.task.clone()));
                    if *before != split {
                        shared.push(format!("{key}: {before:?} of {by}, {split:?} of {}", example.task));
                    }
                }
            }
        }
    }
    assert!(shared.is_empty(), "{}:\n{}", shared.len(), shared.join("\n"));
    assert!(n_questions > 50_000, "{n_questions}");
}

#[test]
fn slips_never_spoil_the_answer() {
    let options = Options { slips: 0.5, checks: 0.5, chinese: 0.3, ..Options::default() };
    for (task, level) in every_level() {
        for index in 0..25 {
            let example = sample(task.as_ref(), level, index, Split::Train, &options);
            let Some(shown) = example.demonstration.as_ref().filter(|_| !example.answer.is_empty()) else { continue };
            assert_eq!(task.score(&example.problem, &shown.answer_text).verdict, Verdict::Right, "{example:#?}");
        }
    }
}

/// Replaces one value somewhere in a problem by something nobody would draw.
fn spoil(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Array(items) if !items.is_empty() && rng.chance(0.8) => {
            let at = rng.below(items.len() as u64) as usize;
            if rng.chance(0.2) {
                items.remove(at);
            } else {
                spoil(&mut items[at], rng);
            }
        }
        Value::Object(entries) if !entries.is_empty() => {
            let at = rng.below(entries.len() as u64) as usize;
            spoil(entries.values_mut().nth(at).expect("below the length"), rng);
        }
        Value::Number(_) => {
            let extremes =
                [json!(0), json!(1), json!(-1), json!(u64::MAX), json!(i64::MIN), json!(i64::MAX), json!(999)];
            *value = extremes[rng.below(extremes.len() as u64) as usize].clone();
        }
        Value::String(text) => *value = json!(rng.pick(&["", "x", "é", "#", "\u{1F600}{", "12"]).to_string() + text),
        Value::Bool(flag) => *flag = !*flag,
        _ => *value = json!([]),
    }
}

/// A problem file may hold anything: a verdict, never a panic, and quickly.
#[test]
fn hostile_problems_are_judged_without_panic() {
    let mut rng = Rng::new(9);
    for (task, level) in every_level() {
        for index in 0..60 {
            let example = sample(task.as_ref(), level, index % 10, Split::Train, &Options::default());
            let mut problem = example.problem.clone();
            for _ in 0..1 + index % 3 {
                spoil(&mut problem, &mut rng);
            }
            for answer in [example.answer.as_str(), "12", "A-B", "right, down", "yes", "x = 1, y = 2"] {
                task.score(&problem, answer);
            }
        }
    }
}

/// In every line of the thinking, both sides of an equation are equal at the solution.
#[test]
fn equations_hold_at_the_solution() {
    let mut n_equations = 0;
    for name in ["linear_equation", "linear_system"] {
        let task = crate::find(name).unwrap();
        for index in 0..300 {
            let level = 1 + (index % u64::from(task.levels())) as u8;
            let example = sample(task.as_ref(), level, index, Split::Train, &Options::default());
            let letters = match example.problem["letters"].as_array() {
                Some(letters) => letters.clone(),
                None => vec![example.problem["letter"].clone()],
            };
            let numbers: Vec<i64> = example.answer.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
            let letters = letters.iter().map(|letter| letter.as_str().unwrap().chars().next().unwrap());
            let values: BTreeMap<char, i64> = letters.zip(numbers).collect();
            n_equations += statements::assert_true_at(&example.demonstration.unwrap().reasoning, &values);
        }
    }
    assert!(n_equations > 2_000, "{n_equations}");
}

#[test]
fn the_mixture_has_every_family_that_is_judged() {
    let spec = MixtureSpec::named("reasoning").unwrap();
    assert_eq!(spec, MixtureSpec::reasoning());
    let mixture = Mixture::new(&spec).unwrap();
    let mut n_samples: BTreeMap<String, u64> = BTreeMap::new();
    for index in 0..8_000 {
        *n_samples.entry(mixture.sample(1, index, Split::Train).task).or_default() += 1;
    }
    for task in registry() {
        let n = n_samples.get(task.name()).copied().unwrap_or(0);
        let is_judged = !matches!(task.name(), "conversation" | "out_of_scope");
        assert_eq!(n >= 8, is_judged, "{n} of 8,000 are of {}", task.name());
    }
    assert_eq!(MixtureSpec::named("digits").unwrap().entries.len(), 2);
    assert!(MixtureSpec::named("reasonin").is_err());
}
