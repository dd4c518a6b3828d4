//! The stage over the bundled model, which answers sums, and over a tiny server as teacher.

mod pipeline;

use super::*;
use crate::progress::Display;
use crate::recipe::Recipe;
use crate::run_dir::{read_ledger, read_lines};
use crate::stages::{RunOptions, run};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn recipe(text: &str) -> Recipe {
    let sampled = r#"
        [[stage]]
        name = "sampled"
        kind = "sample"
        seed = 3
        [[stage.data.source]]
        kind = "task"
        tasks = [{ task = "addition", weight = 1, difficulty = 2 }, { task = "multiplication", weight = 1, difficulty = 5 }]
        [stage.sample]
        problems = 12
        samples = 3
        temperature = 1.0
        max_new_tokens = 96
        max_per_problem = 2
    "#;
    Recipe::from_toml(&format!("{sampled}\n{text}"), "test", &[]).unwrap()
}

fn options(dir: &Path, resume: bool) -> RunOptions {
    RunOptions { run_dir: Some(dir.to_owned()), display: Display::Quiet, resume, ..RunOptions::default() }
}

const LOCAL: &str = "[stage.model]\nfrom = \"mini\"\n";

#[test]
fn right_answers_become_data_and_a_kill_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let results = run(&recipe(LOCAL), &options(&whole, false)).unwrap();
    let Outcome::Finished(path) = &results[0].outcome else { panic!("{results:?}") };
    let dataset = std::fs::read_to_string(path).unwrap();
    let lines = read_lines(path).unwrap();
    assert!((5..=24).contains(&lines.len()), "{} of at most 24 are kept", lines.len());
    for line in &lines {
        let (provenance, messages) = (&line["provenance"], &line["messages"]);
        assert_eq!((&provenance["verdict"], &provenance["stage"]), (&json!("right"), &json!("sampled")));
        assert!(provenance["pass_rate"].as_f64().unwrap() > 0.0 && provenance["seed"].is_u64());
        assert!(provenance["model"].as_str().unwrap().len() == 32, "a digest");
        assert!(messages[1]["reasoning_content"].is_string() && messages[1]["content"].is_string());
    }
    let run_dir = path.parent().unwrap();
    let metrics = &read_lines(&run_dir.join("metrics.jsonl")).unwrap()[0];
    assert_eq!((&metrics["step"], &metrics["sample/n"]), (&json!(36), &json!(36.0)));
    assert_eq!(metrics["sample/n_kept"], json!(lines.len() as f64));
    let shares: f64 = Fate::ALL.iter().map(|f| metrics[&format!("sample/{}", f.as_str())].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "every answer has one fate: {metrics}");
    assert!(run(&recipe(LOCAL), &options(&whole, false)).unwrap()[0].was_cached);

    // What a kill leaves: some answers, half a line, no result.
    run(&recipe(LOCAL), &options(&killed, false)).unwrap();
    let killed_dir =
        std::fs::read_dir(&killed).unwrap().flatten().find(|e| e.path().join(DATASET).exists()).unwrap().path();
    for name in ["done.json", DATASET, "metrics.jsonl", "ledger.jsonl"] {
        std::fs::remove_file(killed_dir.join(name)).unwrap();
    }
    let answers = std::fs::read_to_string(killed_dir.join("answers.jsonl")).unwrap();
    let cut = answers.match_indices('\n').nth(14).unwrap().0 + 30;
    std::fs::write(killed_dir.join("answers.jsonl"), &answers[..cut]).unwrap();
    run(&recipe(LOCAL), &options(&killed, true)).unwrap();
    assert_eq!(std::fs::read_to_string(killed_dir.join(DATASET)).unwrap(), dataset, "the same bytes");
    assert!(!read_ledger(&killed_dir).unwrap().is_empty());
}

#[test]
fn nothing_is_drawn_that_is_for_evaluation() {
    let stage = &recipe(LOCAL).stages[0];
    let drawn = draw_problems(stage, 200).unwrap();
    let again = draw_problems(stage, 200).unwrap();
    assert!(drawn.iter().zip(&again).all(|((a, _), (b, _))| a.example == b.example), "a function of the recipe");
    let ids: BTreeSet<&str> = drawn.iter().map(|(problem, _)| problem.example.id.as_str()).collect();
    assert_eq!(ids.len(), 200, "no problem twice");
    let mixture = problem_mixture(&stage.data.source[0]).unwrap();
    for split in [Split::Validation, Split::Test] {
        let held_out: BTreeSet<String> =
            (0..500).map(|index| mixture.sample(9, index, split).problem.to_string()).collect();
        assert!(drawn.iter().all(|(problem, _)| !held_out.contains(&problem.example.problem.to_string())));
    }
}

#[test]
fn a_stage_that_keeps_nothing_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let mut recipe = recipe(LOCAL);
    recipe.stages[0].sample.as_mut().unwrap().min_tokens = 96;
    let error = run(&recipe, &options(dir.path(), false)).unwrap_err().to_string();
    assert!(error.contains("none can be kept") && error.contains("short"), "{error}");
}

/// Answers every question with the number of the question.
fn teacher() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let n_asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&n_asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                loop {
                    let (mut length, mut line) = (0, String::new());
                    while line != "\r\n" {
                        line.clear();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        if let Some(n) = line.to_lowercase().strip_prefix("content-length: ") {
                            length = n.trim().parse().unwrap();
                        }
                    }
                    let mut body = vec![0; length];
                    reader.read_exact(&mut body).unwrap();
                    let n = counter.fetch_add(1, Ordering::SeqCst);
                    let message = json!({ "content": format!("{n}"), "reasoning_content": format!("thought {n}") });
                    let reply = json!({
                        "choices": [{ "message": message, "finish_reason": "stop" }],
                        "usage": { "prompt_tokens": 0, "completion_tokens": 50 },
                    })
                    .to_string();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", reply.len());
                    reader.get_mut().write_all((head + &reply).as_bytes()).unwrap();
                }
            });
        }
    });
    (url, n_asked)
}

/// The teacher's answers are nonsense, so nothing is kept; but each is asked and paid for once, and on the bill.
#[test]
fn a_teacher_is_paid_once() {
    let (url, n_asked) = teacher();
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "[stage.sample.teacher]\nendpoint = \"{url}\"\nmodel = \"t\"\nprices = {{ input = 0, output = 100 }}\nmax_dollars = 1\n"
    );
    for attempt in [false, true] {
        let error = run(&recipe(&text), &options(dir.path(), attempt)).unwrap_err().to_string();
        assert!(error.contains("none can be kept"), "{error}");
        assert_eq!(n_asked.load(Ordering::SeqCst), 36);
    }
    let run_dir =
        std::fs::read_dir(dir.path()).unwrap().flatten().find(|e| e.path().join("run.json").exists()).unwrap().path();
    let paid: f64 =
        read_ledger(&run_dir).unwrap().iter().filter(|line| line.attempt == 0).map(|line| line.dollars).sum();
    // 36 answers of 50 tokens at $100 a million.
    assert!((paid - 0.18).abs() < 1e-9, "{paid}");
}
