//! Users' own problems, from files and by the names of files.

use super::SPLITS;
use crate::jsonl::JsonlTask;
use crate::mixture::distinct;
use crate::task::Verdict;
use crate::{Mixture, MixtureSpec, Options, Rng, Split, Task};

fn twice(n: u64) -> String {
    (0..n).map(|n| format!("{{\"prompt\": \"Twice {n}?\", \"answer\": \"{}\"}}\n", 2 * n)).collect()
}

#[test]
fn small_files_have_every_split() {
    for n in 3..40 {
        let task = JsonlTask::parse("twice", &twice(n), "integer").unwrap();
        let counts = SPLITS.map(|split| task.count(split).unwrap());
        assert!(counts.iter().all(|count| *count > 0), "{n}: {counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), n as usize);
        for split in SPLITS {
            let all = distinct(&task, 1, 1000, 1, split, &Options::default());
            assert_eq!(all.len(), task.count(split).unwrap());
        }
    }
}

#[test]
fn a_line_may_name_its_split_and_its_verifier() {
    let text = "{\"prompt\": \"a?\", \"answer\": \"yes\", \"verifier\": \"text\", \"split\": \"test\"}\n\
        {\"prompt\": \"b?\", \"answer\": \"2\", \"split\": \"test\"}";
    let task = JsonlTask::parse("mine", text, "integer").unwrap();
    assert_eq!(SPLITS.map(|split| task.count(split)), [Some(0), Some(0), Some(2)]);
    for example in distinct(&task, 0, 9, 1, Split::Test, &Options::default()) {
        assert_eq!(task.score(&example.problem, &example.answer).verdict, Verdict::Right);
    }
    let twice = "{\"prompt\": \"a?\", \"answer\": \"1\", \"split\": \"test\"}\n\
        {\"prompt\": \"A? \", \"answer\": \"1\", \"split\": \"train\"}";
    assert!(JsonlTask::parse("mine", twice, "integer").unwrap_err().to_string().contains("another split"));
    let unknown = "{\"prompt\": \"a?\", \"answer\": \"1\", \"verifier\": \"intger\"}";
    assert!(JsonlTask::parse("mine", unknown, "integer").unwrap_err().to_string().contains("`integer`"));
}

#[test]
fn files_are_opened_by_name() {
    let path = std::env::temp_dir().join(format!("tasks-open-{}.jsonl", std::process::id()));
    std::fs::write(&path, twice(30)).unwrap();
    let name = format!("file:{}#integer", path.display());
    let task = crate::open(&name).unwrap();
    assert_eq!(task.name(), name);
    let mixture = Mixture::new(&MixtureSpec::named(&name).unwrap()).unwrap();
    let example = mixture.sample(1, 2, Split::Train);
    assert_eq!(crate::open(&example.task).unwrap().score(&example.problem, &example.answer).verdict, Verdict::Right);
    // Without a verifier, the general one.
    let general = crate::open(&format!("file:{}", path.display())).unwrap();
    let example = general.generate(&mut Rng::new(1), 1, Split::Test, &Options::default());
    assert_eq!(general.score(&example.problem, &example.answer).verdict, Verdict::Right);
    std::fs::remove_file(&path).unwrap();
    assert!(crate::open("file:/nowhere.jsonl").is_err());
    assert!(crate::open(&format!("file:{}#intger", path.display())).is_err());
    assert!(crate::open("additon").is_err());

    // Only test problems: nothing to train on.
    let path = std::env::temp_dir().join(format!("tasks-test-only-{}.jsonl", std::process::id()));
    std::fs::write(&path, "{\"prompt\": \"a?\", \"answer\": \"1\", \"split\": \"test\"}").unwrap();
    let spec = MixtureSpec::named(&format!("file:{}", path.display())).unwrap();
    assert!(Mixture::new(&spec).err().unwrap().to_string().contains("no problem of split `train`"));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn numbers_are_answers_too_and_a_byte_order_mark_is_none() {
    let text = "\u{feff}{\"prompt\": \"a?\", \"answer\": 24}\n{\"prompt\": \"b?\", \"answer\": -3}\n\
        {\"prompt\": \"c?\", \"answer\": 0.5}\n";
    let task = JsonlTask::parse("mine", text, "answer").unwrap();
    let answers: Vec<String> = task.all().unwrap().into_iter().map(|(_, example)| example.answer).collect();
    assert_eq!(answers, ["24", "-3", "0.5"]);
    for (_, example) in task.all().unwrap() {
        assert_eq!(task.score(&example.problem, &example.answer).verdict, Verdict::Right);
    }
    let refused = |text: &str| JsonlTask::parse("mine", text, "answer").unwrap_err().to_string();
    assert!(refused("{\"prompt\": \"a?\", \"answer\": [1]}").contains("expected a text or a number"));
    assert!(refused("{\"prompt\": \"a?\", \"answer\": 123456789012345678901234567890}").contains("quotes"));
    assert!(refused("{\"prompt\": \"a?\", \"answer\": \" \"}").contains("line 1: the answer is empty"));
}

#[test]
fn a_prompt_has_one_answer() {
    let twice = "{\"prompt\": \"a?\", \"answer\": \"1\"}\n\n{\"prompt\": \"A? \", \"answer\": \"2\"}";
    let error = JsonlTask::parse("mine", twice, "integer").unwrap_err().to_string();
    assert!(error.contains("lines 1 and 3") && error.contains("two answers"), "{error}");
    let same = "{\"prompt\": \"a?\", \"answer\": \"1\"}\n{\"prompt\": \"A? \", \"answer\": \"1\"}";
    assert!(JsonlTask::parse("mine", same, "integer").is_ok());
}

#[test]
fn an_answer_that_cannot_be_judged_by_is_refused() {
    let text = "{\"prompt\": \"a?\", \"answer\": \"1\"}\n{\"prompt\": \"b?\", \"answer\": \"x\"}";
    let error = JsonlTask::parse("mine", text, "integer").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("not a whole number"), "{error}");
    assert!(JsonlTask::parse("mine", text, "answer").is_ok());
    let own = "{\"prompt\": \"b?\", \"answer\": \"x\", \"verifier\": \"integer\"}";
    assert!(JsonlTask::parse("mine", own, "answer").is_err());
}
