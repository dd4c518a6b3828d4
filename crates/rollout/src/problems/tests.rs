use super::*;
use std::collections::BTreeSet;

fn selection(tasks: &[&str]) -> Selection {
    let tasks = tasks.iter().map(|name| (*name).to_owned()).collect();
    Selection { tasks, limit: Some(20), seed: 0, difficulties: Vec::new(), split: None }
}

#[test]
fn families_give_different_test_problems_of_every_difficulty() {
    let problems = select(&selection(&["addition", "multiplication", "addition"])).unwrap();
    assert_eq!(problems.len(), 40, "each task once, and what easy levels lack the harder make up for");
    let distinct: BTreeSet<String> =
        problems.iter().map(|p| format!("{}{}", p.example.task, p.example.problem)).collect();
    assert_eq!(distinct.len(), 40);
    let levels: BTreeSet<u8> = problems[..20].iter().map(|p| p.example.difficulty).collect();
    assert_eq!(levels, (1..=problems[0].task.levels()).collect());
    let again = select(&selection(&["addition"])).unwrap();
    assert!(again.iter().zip(&problems).all(|(a, b)| a.example == b.example), "a function of the selection");
    let other = select(&Selection { seed: 1, ..selection(&["addition"]) }).unwrap();
    assert!(other.iter().zip(&again).any(|(a, b)| a.example.id != b.example.id));
    let hard = select(&Selection { difficulties: vec![3], ..selection(&["addition"]) }).unwrap();
    assert!(hard.iter().all(|p| p.example.difficulty == 3) && hard.len() == 20);
    assert!(select(&Selection { difficulties: vec![77], ..selection(&["addition"]) }).is_err());
    assert!(select(&selection(&["adition"])).err().unwrap().to_string().contains("addition"));
}

#[test]
fn a_file_gives_all_it_has_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.jsonl");
    let mut lines: Vec<String> =
        (0..30).map(|i| format!(r#"{{"prompt": "What is {i} + 1?", "answer": "{}"}}"#, i + 1)).collect();
    lines.push(r#"{"question": "6 * 7?", "answer": "It is <<6*7=42>>42.\n#### 42"}"#.to_owned());
    std::fs::write(&path, lines.join("\n")).unwrap();
    let name = format!("{}:integer", path.display());
    let all = select(&Selection { limit: None, ..selection(&[&name]) }).unwrap();
    let prompts: Vec<&str> = all.iter().map(|p| p.example.prompt.as_str()).collect();
    assert_eq!((prompts.len(), prompts[0], prompts[30]), (31, "What is 0 + 1?", "6 * 7?"));
    let last = &all[30].example;
    assert_eq!(last.answer, "42", "GSM8K's answer is taken apart");
    assert_eq!(last.demonstration.as_ref().unwrap().reasoning, "It is 42.");
    assert_eq!(all[30].task.score(&last.problem, "so it is 42").verdict, tasks::Verdict::Right);
    let some = select(&Selection { limit: Some(5), ..selection(&[&name]) }).unwrap();
    assert_eq!(some.len(), 5);
    let train = select(&Selection { limit: None, split: Some(Split::Train), ..selection(&[&name]) }).unwrap();
    assert!(train.len() <= 31 && !train.is_empty());
    let bad = format!("{}:integre", path.display());
    assert!(select(&selection(&[&bad])).err().unwrap().to_string().contains("integer"));
}
