//! Text to ids and back through the command line.

use model::bpe_train::BpeTrainer;
use model::chat_template::PENSEUR_TEMPLATE;

use crate::{json, penseur, penseur_with_stdin, scratch, stderr, stdout, succeed};

/// A directory with a byte tokenizer: 16 special tokens, then the bytes.
fn tokenizer_dir(name: &str) -> String {
    let dir = scratch(name);
    BpeTrainer::penseur(272).train(["x"]).unwrap().write_dir(&dir, PENSEUR_TEMPLATE, 512).unwrap();
    dir.to_str().unwrap().to_owned()
}

#[test]
fn ids_and_back() {
    let dir = tokenizer_dir("text");
    let text = "Größe 🦙 <think>";
    let ids = json(&["tokenize", "-m", &dir, "--text", text, "--json"]);
    let list: Vec<String> = ids["tokens"].as_array().unwrap().iter().map(|id| id.to_string()).collect();
    assert_eq!(list.len(), text.len());
    let back = json(&["detokenize", "-m", &dir, "--tokens", &list.join(","), "--json"]);
    assert_eq!(back, serde_json::json!({"text": text}));
    assert_eq!(json(&["tokenize", "-m", &dir, "--text", "", "--json"]), serde_json::json!({"tokens": []}));
}

#[test]
fn control_tokens_need_a_flag() {
    let dir = tokenizer_dir("special");
    let special = json(&["tokenize", "-m", &dir, "--special", "--text", "<think>", "--json"]);
    assert_eq!(special, serde_json::json!({"tokens": [4]}));
}

#[test]
fn ids_come_from_files_and_text_from_stdin() {
    let dir = tokenizer_dir("files");
    let file = format!("{dir}/ids.txt");
    std::fs::write(&file, "4 5\n\t4").unwrap();
    assert_eq!(succeed(&["detokenize", "-m", &dir, "--tokens-file", &file]), "<think></think><think>\n");
    let output = penseur_with_stdin(&["tokenize", "-m", &dir, "--text", "-", "--json"], "a");
    assert_eq!(stdout(&output), stdout(&penseur(&["tokenize", "-m", &dir, "--text", "a", "--json"])));
}

#[test]
fn ids_outside_the_vocabulary_are_refused() {
    let dir = tokenizer_dir("outside");
    let output = penseur(&["detokenize", "-m", &dir, "--tokens", "272"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("token id 272 is not in the vocabulary of 272"));
}

#[test]
fn a_directory_without_a_tokenizer_is_named() {
    let dir = scratch("empty");
    let output = penseur(&["tokenize", "-m", dir.to_str().unwrap(), "--text", "a"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("has no tokenizer.json"), "{}", stderr(&output));
}
