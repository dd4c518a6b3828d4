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
