use super::*;
use crate::completion::Parts;
use crate::problems::{Selection, find_tasks, select};

pub(crate) fn settings(samples: u64) -> Settings {
    Settings {
        model: "m".to_owned(),
        endpoint: None,
        tasks: vec!["addition".to_owned()],
        split: None,
        difficulties: Vec::new(),
        limit: None,
        seed: 0,
        samples,
        sampling: Sampling::default(),
        dollars_per_hour: 0.08,
        code: "0".to_owned(),
    }
}

pub(crate) fn problems(n: usize) -> Vec<Problem> {
    let tasks = vec!["addition".to_owned()];
    select(&Selection { tasks, limit: Some(n), seed: 0, difficulties: vec![2], split: None }).unwrap()
}

pub(crate) fn reply(content: &str) -> Reply {
    let parts = Parts::from_fields("hm", content);
    Reply { parts, n_tokens: 10, finish_reason: "stop".to_owned(), seconds: 0.5, dollars: 0.0 }
}

#[test]
fn a_killed_evaluation_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.jsonl");
    let problems = problems(3);
    let add = |collector: &mut Collector, idx: usize, sample| {
        let content = if sample == 0 { problems[idx].example.answer.clone() } else { "0".to_owned() };
        collector.add(Record::new(&problems[idx], sample, reply(&content))).unwrap();
    };
    let mut killed = Collector::open(settings(2), Some(&path)).unwrap();
    add(&mut killed, 2, 1);
    add(&mut killed, 0, 0);
    drop(killed);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(b"{\"id\": \"torn");
    std::fs::write(&path, bytes).unwrap();

    let mut resumed = Collector::open(settings(2), Some(&path)).unwrap();
    let missing: Vec<Vec<u64>> = problems.iter().map(|p| resumed.missing(&p.example.id)).collect();
    assert_eq!(missing, [vec![1], vec![0, 1], vec![0]]);
    for (idx, sample) in [(1, 1), (2, 0), (0, 1), (1, 0)] {
        add(&mut resumed, idx, sample);
    }
    let results = resumed.finish(&problems).unwrap();
    let mut whole = Collector::open(settings(2), None).unwrap();
    (0..3).for_each(|idx| (0..2).for_each(|sample| add(&mut whole, idx, sample)));
    assert_eq!(results, whole.finish(&problems).unwrap(), "as if it had never been killed");
    assert_eq!(Results::read(&path).unwrap(), results);
    let other = Collector::open(settings(3), Some(&path)).err().unwrap().to_string();
    assert!(other.contains("samples is 2 there, 3 here"), "{other}");
    std::fs::write(&path, "{\"what\": 1}\n").unwrap();
    assert!(Results::read(&path).unwrap_err().to_string().contains("line 1"));
}

#[test]
fn verdicts_can_be_made_again_without_sampling() {
    let problems = problems(2);
    let right = problems[0].example.answer.clone();
    let mut results = Results { settings: settings(1), records: Vec::new() };
    results.records.push(Record::new(&problems[0], 0, reply(&right)));
    let cut = Reply { finish_reason: "length".to_owned(), ..reply(&problems[1].example.answer) };
    results.records.push(Record::new(&problems[1], 0, cut));
    let refused = Reply { finish_reason: "refused".to_owned(), parts: Parts::default(), ..reply("") };
    results.records.push(Record::new(&problems[1], 1, refused));
    let verdicts: Vec<Verdict> = results.records.iter().map(|r| r.verdict).collect();
    assert_eq!(verdicts, [Verdict::Right, Verdict::Wrong, Verdict::CannotJudge]);
    let find = |name: &str| Ok(find_tasks(&[name.to_owned()])?.remove(0));
    assert_eq!(results.rescore(find).unwrap(), 0, "the same verifier, the same verdicts");
    results.records[0].verdict = Verdict::Wrong;
    assert_eq!(results.rescore(find).unwrap(), 1);
    assert_eq!(results.records[0].verdict, Verdict::Right);
}
