//! Help is what users read first: every page as it is, and an example in each.

use crate::{snapshot, succeed};

const COMMANDS: [&str; 16] = [
    "serve",
    "chat",
    "generate",
    "logprobs",
    "tokenize",
    "detokenize",
    "train",
    "eval",
    "plan",
    "keys",
    "inspect",
    "convert",
    "tasks",
    "verify",
    "runs",
    "bench",
];

#[test]
fn every_page_is_as_reviewed() {
    snapshot("help", &succeed(&["--help"]));
    for command in COMMANDS {
        snapshot(&format!("help-{command}"), &succeed(&[command, "--help"]));
    }
    for page in [
        ["tasks", "sample"],
        ["tasks", "score"],
        ["runs", "list"],
        ["runs", "show"],
        ["runs", "report"],
        ["runs", "compare"],
        ["runs", "export-tensorboard"],
        ["runs", "doctor"],
    ] {
        snapshot(&format!("help-{}", page.join("-")), &succeed(&[page[0], page[1], "--help"]));
    }
}

#[test]
fn every_command_is_listed() {
    let help = succeed(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing from\n{help}");
    }
}
