//! Problems and verdicts, a JSON value a line.

use serde_json::Value;

use crate::{json, penseur_with_stdin, stderr, stdout, succeed};

#[test]
fn samples_are_lines_with_all_that_scoring_needs() {
    let args = ["tasks", "sample", "addition", "-n", "5", "--seed", "3", "--json"];
    let text = succeed(&args);
    assert_eq!(text, succeed(&args));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    let answers: String = lines
        .iter()
        .map(|line| {
            let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["id", "prompt", "problem", "answer"]);
            format!("{line}\n{}\n", serde_json::json!({"problem": line["problem"], "answer": "-77"}))
        })
        .collect();
    let output = penseur_with_stdin(&["tasks", "score", "addition", "--jsonl", "-"], &answers);
    assert!(output.status.success(), "{}", stderr(&output));
    let verdicts: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), 10);
    for pair in verdicts.chunks(2) {
        assert_eq!((&pair[0]["verdict"], &pair[1]["verdict"]), (&"right".into(), &"wrong".into()));
    }
}

#[test]
fn fewer_samples_are_the_first_of_more() {
    let sample = |n: &str| succeed(&["tasks", "sample", "word_problems", "-n", n, "--json"]);
    assert!(sample("6").starts_with(&sample("2")));
}

#[test]
fn the_list_is_a_table_or_a_json_value_a_line() {
    let lines: Vec<Value> =
        succeed(&["tasks", "list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 26, "{}", lines.len());
    let addition = lines.iter().find(|task| task["name"] == "addition").unwrap();
    assert_eq!((&addition["levels"], &addition["demonstrations"]), (&4.into(), &true.into()));
    let table = succeed(&["tasks", "list"]);
    assert_eq!(table.lines().count(), lines.len() + 1);
    assert!(table.starts_with("family"), "{table}");
}

#[test]
fn a_file_of_problems_needs_no_code() {
    let file = std::env::temp_dir().join(format!("penseur-problems-{}.jsonl", std::process::id()));
    let lines: String =
        (0..20).map(|n| format!("{{\"prompt\": \"Twice {n}?\", \"answer\": \"{}\"}}\n", 2 * n)).collect();
    std::fs::write(&file, lines).unwrap();
    let name = format!("file:{}", file.display());
    let sampled = json(&["tasks", "sample", &name, "--verifier", "integer", "--json"]);
    let right = sampled["answer"].as_str().unwrap();
    let answers: String = [format!("So it is {right}."), "It is -1.".to_string()]
        .map(|answer| format!("{}\n", serde_json::json!({"problem": sampled["problem"], "answer": answer})))
        .concat();
    let output = penseur_with_stdin(&["tasks", "score", &name, "--verifier", "integer", "--jsonl", "-"], &answers);
    assert!(output.status.success(), "{}", stderr(&output));
    let verdicts: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&verdicts[0]["verdict"], &verdicts[1]["verdict"]), (&"right".into(), &"wrong".into()));
    let refused = penseur_with_stdin(&["tasks", "sample", &name, "--verifier", "intger"], "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("did you mean `integer`"), "{}", stderr(&refused));
    std::fs::remove_file(&file).unwrap();
    let missing = penseur_with_stdin(&["tasks", "sample", &name], "");
    assert_eq!(missing.status.code(), Some(1), "{}", stderr(&missing));
}

#[test]
fn a_line_that_is_no_problem_is_named() {
    let output = penseur_with_stdin(&["tasks", "score", "addition", "--jsonl", "-"], "{\"answer\": \"1\"}\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("line 1"), "{}", stderr(&output));
}

#[test]
fn answers_are_verified_one_by_one_and_by_file() {
    let verdict = |gold: &str, answer: &str| json(&["verify", "--gold", gold, "--answer", answer])["verdict"].clone();
    assert_eq!(verdict("1/2", "So it is \\boxed{0.5}."), "right");
    assert_eq!(verdict("-5", "-6"), "wrong");
    assert_eq!(verdict("1/3", "0.333"), "cannot_judge");
    let lines = "{\"gold\": 12, \"answer\": \"12 apples\", \"id\": 7}\n\n{\"gold\": \"B\", \"answer\": null}\n";
    let output = penseur_with_stdin(&["verify", "--jsonl", "-"], lines);
    assert!(output.status.success(), "{}", stderr(&output));
    let verdicts: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.iter().map(|v| v["verdict"].as_str().unwrap()).collect::<Vec<_>>(), ["right", "wrong"]);
    let output = penseur_with_stdin(&["verify", "--jsonl", "-"], "{\"gold\": \"1\"}\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("line 1"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_penseur"))
        .args(["tasks", "sample", "addition", "-n", "20000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}
