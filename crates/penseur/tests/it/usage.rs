//! Bad usage: exit code 2, nothing on stdout, and the nearest known name.

use crate::{penseur, snapshot, stderr, stdout};

fn refused(name: &str, args: &[&str]) {
    let output = penseur(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
    assert_eq!(stdout(&output), "", "{args:?}");
    snapshot(&format!("error-{name}"), &stderr(&output));
}

#[test]
fn misspelt_names_get_the_nearest_one() {
    refused("command", &["genrate", "-p", "x"]);
    refused("flag", &["generate", "-p", "x", "--temprature", "0"]);
    refused("value", &["generate", "-p", "x", "--think", "of"]);
    refused("task", &["tasks", "sample", "adition"]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    refused("no-prompt", &["generate"]);
    refused("raw-with-think", &["generate", "-p", "x", "--raw", "--think", "on"]);
    refused("zero-answers", &["generate", "-p", "x", "-n", "0"]);
    refused("no-tokens", &["detokenize"]);
    refused("not-a-token", &["detokenize", "--tokens", "1,x"]);
    refused("difficulty", &["tasks", "sample", "addition", "--difficulty", "200"]);
    refused("threads", &["--threads", "0"]);
    refused("flag-before-command", &["--port", "9000", "chat"]);
}

#[test]
fn flags_for_everything_stand_anywhere() {
    for args in [["--threads", "1", "tasks", "list"], ["tasks", "list", "--threads", "1"]] {
        assert!(penseur(&args).status.success(), "{args:?}");
    }
}

#[test]
fn a_model_that_is_not_there_is_bad_usage() {
    let output = penseur(&["inspect", "./no-such-model"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("./no-such-model is neither a bundled model nor a directory"));
}

#[test]
fn a_misspelt_recipe_key_is_bad_usage() {
    let dir = crate::scratch("recipe");
    let recipe = dir.join("r.toml");
    std::fs::write(&recipe, "[train]\nlearnrate = 1\n").unwrap();
    let output = penseur(&["train", recipe.to_str().unwrap(), "--dry-run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("learnrate"), "{}", stderr(&output));
    let output = penseur(&["train", dir.join("missing.toml").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn an_unknown_instruction_set_is_refused_at_once() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_penseur"))
        .args(["tasks", "list"])
        .env("PENSEUR_ISA", "avx3")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("avx3"), "{}", stderr(&output));
}
