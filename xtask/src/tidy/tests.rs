//! Every rule is shown something it must find and something it must let pass.

use super::{Finding, Rule, layout, source};
use crate::repository::{File, Repository};

fn repository(files: &[(&str, &str)]) -> Repository {
    let file = |(path, text): &(&str, &str)| File {
        path: (*path).to_owned(),
        n_bytes: text.len() as u64,
        text: Some((*text).to_owned()),
    };
    Repository { files: files.iter().map(file).collect() }
}

#[track_caller]
fn finds(rule: Rule, files: &[(&str, &str)], n: usize) -> Vec<Finding> {
    let found = rule(&repository(files));
    assert_eq!(found.len(), n, "{found:#?}");
    found
}

#[test]
fn dependencies_that_point_up_are_found() {
    let up = [("crates/tensor/Cargo.toml", "[dependencies]\nmodel.workspace = true\nkernels.workspace = true\n")];
    let found = finds(layout::our_dependencies_point_down, &up, 1);
    assert_eq!(found[0].to_string(), "crates/tensor/Cargo.toml: tensor may not use model");
    let in_tests = [("crates/tasks/Cargo.toml", "[dev-dependencies]\nengine.workspace = true\n")];
    finds(layout::our_dependencies_point_down, &in_tests, 1);
    let on_linux = [("crates/sys/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nkernels.workspace = true\n")];
    finds(layout::our_dependencies_point_down, &on_linux, 1);
    let down = [("crates/train/Cargo.toml", "[dependencies]\nengine.workspace = true\nserde = \"1\"\n")];
    finds(layout::our_dependencies_point_down, &down, 0);
}

#[test]
fn a_crate_without_a_place_in_the_picture_is_found() {
    finds(layout::our_dependencies_point_down, &[("crates/utils/Cargo.toml", "")], 1);
}

#[test]
fn web_and_command_line_libraries_away_from_home_are_found() {
    let rule = layout::outside_dependencies_stay_home;
    finds(rule, &[("crates/model/Cargo.toml", "[dependencies]\nclap = \"4\"\nanyhow = \"1\"\n")], 2);
    finds(rule, &[("crates/engine/Cargo.toml", "[dependencies]\naxum = \"0.8\"\n")], 1);
    finds(rule, &[("crates/server/Cargo.toml", "[dependencies]\naxum = \"0.8\"\ntokio = \"1\"\n")], 0);
    finds(rule, &[("crates/engine/Cargo.toml", "[dev-dependencies]\ntokio = \"1\"\n")], 0);
}

#[test]
fn channels_are_no_runtime() {
    let rule = layout::outside_dependencies_stay_home;
    let with = |entry: &str| format!("[dependencies]\ntokio = {entry}\n");
    let sync = with("{ version = \"1\", default-features = false, features = [\"sync\"] }");
    finds(rule, &[("crates/engine/Cargo.toml", &sync)], 0);
    let runtime = with("{ version = \"1\", default-features = false, features = [\"sync\", \"rt\"] }");
    finds(rule, &[("crates/engine/Cargo.toml", &runtime)], 1);
    finds(rule, &[("crates/engine/Cargo.toml", &with("\"1\""))], 1);
}

#[test]
fn a_crate_that_cargo_test_would_skip_is_found() {
    let root = ("Cargo.toml", "[workspace]\ndefault-members = [\"crates/sys\"]\n");
    let found =
        finds(layout::every_crate_is_tested, &[root, ("crates/cost/Cargo.toml", ""), ("crates/sys/Cargo.toml", "")], 1);
    assert!(found[0].message.contains("crates/cost"));
    finds(layout::every_crate_is_tested, &[], 1);
}

#[test]
fn huge_files_are_found() {
    let mut repository = repository(&[("a.bin", "x"), ("b.bin", "x")]);
    repository.files[0].n_bytes = 30_000_001;
    assert_eq!(layout::no_huge_files(&repository).len(), 1);
}

#[test]
fn third_party_files_without_a_source_or_too_large_are_found() {
    let rule = layout::third_party_is_small_and_sourced;
    finds(rule, &[("tests/third_party/a/data.json", "x")], 1);
    finds(rule, &[("tests/third_party/a/data.json", "x"), ("tests/third_party/a/SOURCE.md", "x")], 0);
    let one_of_two = [("t/third_party/a/x", "x"), ("t/third_party/a/LICENSE", "x"), ("t/third_party/b/x", "x")];
    assert_eq!(finds(rule, &one_of_two, 1)[0].path, "t/third_party/b");
    let mut repository = repository(&[("t/third_party/a/LICENSE", "x")]);
    repository.files[0].n_bytes = 5_000_001;
    assert_eq!(rule(&repository).len(), 1);
}

#[test]
fn missing_documents_and_missing_words_are_found() {
    let readme = "cargo run --release, cargo test, LICENSE-MIT, LICENSE-APACHE\n";
    let complete = [
        ("README.md", readme),
        ("ARCHITECTURE.md", "crates/sys\n"),
        ("CHANGELOG.md", "## [Unreleased]\n"),
        ("LICENSE-MIT", "Permission is hereby granted\n"),
        ("LICENSE-APACHE", "Apache License Version 2.0\n"),
        ("docs/LOG.md", "log\n"),
        ("docs/golden.md", "generate.py\n"),
        ("crates/sys/Cargo.toml", ""),
    ];
    finds(layout::documents_are_there, &complete, 0);
    finds(layout::documents_are_there, &complete[1..], 1);
    let mut without_test = complete;
    without_test[0].1 = "cargo run --release LICENSE-MIT LICENSE-APACHE";
    finds(layout::documents_are_there, &without_test, 1);
    let mut off_the_map = complete;
    off_the_map[7].0 = "crates/cost/Cargo.toml";
    finds(layout::documents_are_there, &off_the_map, 1);
}

#[test]
fn a_map_that_is_not_true_is_found() {
    let map = ("ARCHITECTURE.md", "### `crates/sys`\n\n| file | what |\n| `cpu.rs`, `disk/` | `gone.rs` is prose |\n");
    let (cpu, disk) = (("crates/sys/src/cpu.rs", "//! C.\n"), ("crates/sys/src/disk/a.rs", "//! D.\n"));
    finds(layout::the_map_is_true, &[map, cpu, disk, ("crates/sys/src/lib.rs", "//! L.\n")], 0);
    let found = finds(layout::the_map_is_true, &[map, cpu], 1);
    assert!(found[0].message.contains("crates/sys/src/disk/"));
    let found = finds(layout::the_map_is_true, &[map, cpu, disk, ("crates/sys/src/new.rs", "//! N.\n")], 1);
    assert!(found[0].message.contains("crates/sys/src/new "));
    // A crate without a table is described in words alone.
    finds(
        layout::the_map_is_true,
        &[("ARCHITECTURE.md", "### `crates/cost`\n\nWords.\n"), ("crates/cost/src/a.rs", "")],
        0,
    );
}

#[test]
fn unsafe_away_from_home_is_found() {
    let rule = source::unsafe_stays_home;
    let found = finds(rule, &[("crates/model/src/a.rs", "//! A.\nfn f() {\n    unsafe { g() }\n}\n")], 1);
    assert_eq!(found[0].line, 3);
    finds(rule, &[("crates/model/src/a.rs", "// unsafe\nlet s = \"unsafe\"; let not_unsafe = 1;\n")], 0);
    finds(rule, &[("crates/kernels/src/a.rs", "unsafe { g() }\n")], 0);
}

#[test]
fn a_crate_that_does_not_forbid_unsafe_is_found() {
    let rule = source::unsafe_stays_home;
    finds(rule, &[("crates/model/src/lib.rs", "//! M.\n")], 1);
    finds(rule, &[("crates/model/src/lib.rs", "//! M.\n// #![forbid(unsafe_code)]\n")], 1);
    finds(rule, &[("crates/model/src/lib.rs", "//! M.\n#![forbid(unsafe_code)]\n")], 0);
    finds(rule, &[("crates/penseur/src/main.rs", "//! M.\n")], 1);
    finds(rule, &[("crates/sys/src/lib.rs", "//! M.\n")], 0);
}

#[test]
fn unexplained_unsafe_is_found() {
    let rule = source::unsafe_is_explained;
    let path = "crates/kernels/src/a.rs";
    finds(rule, &[(path, "fn f() {\n    unsafe { g() }\n}\n")], 1);
    finds(rule, &[(path, "fn f() {\n    // SAFETY: g asks nothing.\n    unsafe { g() }\n}\n")], 0);
    finds(rule, &[(path, "// SAFETY: no state.\nunsafe impl Send for A {}\n")], 0);
    finds(rule, &[(path, "unsafe impl Send for A {}\n")], 1);
    finds(rule, &[(path, "unsafe fn f() {\n    unsafe { g() }\n}\n")], 0);
    // A safe function after an unsafe one does not inherit.
    finds(rule, &[(path, "unsafe fn f() {\n}\nfn h() {\n    unsafe { g() }\n}\n")], 1);
    let far = format!("fn f() {{\n    // SAFETY: far.\n{}    unsafe {{ g() }}\n}}\n", "    a();\n".repeat(9));
    finds(rule, &[(path, &far)], 1);
}

#[test]
fn an_engine_that_names_an_architecture_is_found() {
    let rule = source::engine_names_no_architecture;
    finds(rule, &[("crates/engine/src/a.rs", "use model::DeepseekV3;\nlet n = \"Qwen\";\n")], 2);
    finds(rule, &[("crates/engine/src/a.rs", "// as llama.cpp does\n")], 0);
    finds(rule, &[("crates/model/src/a.rs", "struct Llama;\n")], 0);
}

#[test]
fn a_file_without_a_purpose_is_found() {
    let rule = source::opens_with_a_purpose;
    finds(rule, &[("crates/cost/src/a.rs", "use std::fmt;\n")], 1);
    finds(rule, &[("crates/cost/tests/a.rs", "use std::fmt;\n")], 1);
    finds(rule, &[("crates/cost/src/a.rs", "//! Why.\n"), ("crates/cost/src/a/tests.rs", "use super::*;\n")], 0);
}

#[test]
fn long_files_are_found() {
    let long = "//! A.\n".repeat(901);
    let rather_long = "//! A.\n".repeat(601);
    let files = [("crates/cost/src/a.rs", &long[..]), ("crates/cost/src/b.rs", &rather_long[..])];
    assert_eq!(finds(source::not_too_long, &files, 1)[0].path, "crates/cost/src/a.rs");
    finds(source::rather_long, &files, 2);
}

#[test]
fn unfinished_code_is_found() {
    let rule = source::nothing_left_to_do;
    let path = "crates/cost/src/a.rs";
    finds(rule, &[(path, "fn f() {\n    todo!()\n}\nfn g() {\n    unimplemented!(\"x\")\n}\n")], 2);
    finds(rule, &[(path, "#[allow(clippy::too_many_arguments)]\n")], 1);
    finds(rule, &[(path, "// todo!()\nlet todo = \"unimplemented!\";\nlet done = todo != 1;\n")], 0);
}

#[test]
fn paths_of_one_machine_are_found() {
    let rule = source::no_machine_paths;
    let path = |start: &str, end: &str| format!("read(\"{start}{end}x\")\n");
    finds(rule, &[("a.py", &path("/wo", "rk/"))], 1);
    finds(rule, &[("docs/a.md", &format!("cd {}me/x\n", "/ho"))], 1);
    finds(rule, &[("a.md", &format!("https://example.org{}rk/\n", "/wo"))], 0);
    finds(rule, &[("a/third_party/b/a.md", &path("/wo", "rk/"))], 0);
}

#[test]
fn space_at_the_end_is_found() {
    let rule = source::no_trailing_whitespace;
    finds(rule, &[("a.md", "a \nb\t\n")], 2);
    finds(rule, &[("a.rs", "a")], 1);
    finds(rule, &[("a.rs", "a\n\n")], 1);
    finds(rule, &[("a.rs", "a\n"), ("data.jsonl", "a \n")], 0);
}
