//! Rules about the text of source files.

use crate::lexer::{Keep, blank};
use crate::repository::{File, Repository};

use super::Finding;

/// The crates that may hold `unsafe`.
const UNSAFE_HOMES: &[&str] = &["kernels", "sys"];
/// How far above an `unsafe` block its `// SAFETY:` may begin.
const SAFETY_REACH: usize = 8;
const SOFT_LINES: usize = 600;
const HARD_LINES: usize = 900;
const ARCHITECTURES: &[&str] = &["deepseek", "qwen", "llama", "mistral", "gemma"];

/// Whether `word` stands by itself at byte `at` of `line`.
fn is_word_at(line: &str, at: usize, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let before = line[..at].chars().next_back();
    let after = line[at + word.len()..].chars().next();
    !before.is_some_and(is_part) && !after.is_some_and(is_part)
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| is_word_at(line, at, word))
}

/// Lines with their numbers.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(idx, line)| (idx + 1, line))
}

/// `unsafe` is written in `kernels` and `sys` alone, and every other crate forbids it.
pub(super) fn unsafe_stays_home(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in repository.rust() {
        if file.crate_name().is_some_and(|name| UNSAFE_HOMES.contains(&name)) {
            continue;
        }
        let code = blank(text, Keep::Code);
        let lines = numbered(&code).filter(|(_, line)| has_word(line, "unsafe"));
        findings
            .extend(lines.map(|(line, _)| Finding::new(&file.path, line, "`unsafe` belongs to kernels and sys alone")));
        if is_crate_root(file) && !code.replace(' ', "").contains("#![forbid(unsafe_code)]") {
            findings.push(Finding::new(&file.path, 0, "must begin with #![forbid(unsafe_code)]"));
        }
    }
    findings
}

fn is_crate_root(file: &File) -> bool {
    let inside = file.path.strip_prefix("crates/").and_then(|path| path.split_once('/'));
    let inside = inside.map_or(file.path.strip_prefix("xtask/"), |(_, inside)| Some(inside));
    matches!(inside, Some("src/lib.rs" | "src/main.rs"))
}

/// Every `unsafe` block and implementation says why it is sound, in a `// SAFETY:` comment shortly
/// above it, unless it stands in an `unsafe fn`, which passes its own contract on.
pub(super) fn unsafe_is_explained(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in repository.rust() {
        let code = blank(text, Keep::Code);
        let code: Vec<&str> = code.lines().collect();
        let source: Vec<&str> = text.lines().collect();
        for (idx, line) in code.iter().enumerate() {
            let asks = line.match_indices("unsafe").any(|(at, word)| {
                let after = line[at + word.len()..].trim_start();
                is_word_at(line, at, word) && !after.starts_with("fn") && !after.starts_with("extern")
            });
            let above = &source[idx.saturating_sub(SAFETY_REACH)..=idx];
            let explained = above.iter().any(|line| line.contains("SAFETY:"));
            if asks && !explained && !is_in_unsafe_fn(&code, idx) {
                findings.push(Finding::new(&file.path, idx + 1, "`unsafe` without a // SAFETY: comment above"));
            }
        }
    }
    findings
}

/// Whether the function around line `idx` is an `unsafe fn`. Sources are formatted, so the
/// function that encloses a line is the nearest one above that is indented less.
fn is_in_unsafe_fn(code: &[&str], idx: usize) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let here = indent(code[idx]);
    let outer = code[..idx].iter().rev().find(|line| indent(line) < here && has_word(line, "fn"));
    outer.is_some_and(|line| has_word(line, "unsafe"))
}

/// The engine serves any model: the names of architectures belong to `model`.
pub(super) fn engine_names_no_architecture(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Test vectors are named after where they come from.
    let sources = repository.rust().filter(|(file, _)| file.path.starts_with("crates/engine/src/"));
    for (file, text) in sources.filter(|(file, _)| !file.path.ends_with("tests.rs")) {
        for (line, code) in numbered(&blank(text, Keep::Literals).to_lowercase()) {
            let named = ARCHITECTURES.iter().filter(|name| code.contains(*name));
            findings.extend(named.map(|name| Finding::new(&file.path, line, format!("the engine names {name}"))));
        }
    }
    findings
}

/// Every file opens with `//!`: what it is and why it exists. A module's own tests may do without.
pub(super) fn opens_with_a_purpose(repository: &Repository) -> Vec<Finding> {
    let silent = repository.rust().filter(|(file, text)| {
        let is_tests = file.path.ends_with("/tests.rs") || file.path.contains("/tests/") && file.path.contains("/src/");
        !is_tests && !text.starts_with("//!")
    });
    silent.map(|(file, _)| Finding::new(&file.path, 1, "must open with `//!`, what it is and why it exists")).collect()
}

/// A file beyond the hard limit is two files.
pub(super) fn not_too_long(repository: &Repository) -> Vec<Finding> {
    longer_than(repository, HARD_LINES)
}

/// Files beyond the soft limit: worth another look, not wrong.
pub(super) fn rather_long(repository: &Repository) -> Vec<Finding> {
    longer_than(repository, SOFT_LINES)
}

fn longer_than(repository: &Repository, limit: usize) -> Vec<Finding> {
    let counted = repository.rust().map(|(file, text)| (file, text.lines().count()));
    let long = counted.filter(|(_, n_lines)| *n_lines > limit);
    long.map(|(file, n_lines)| Finding::new(&file.path, 0, format!("{n_lines} lines; at most {limit}"))).collect()
}

/// No unfinished code, and no way around the limit on parameters.
pub(super) fn nothing_left_to_do(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in repository.rust() {
        for (line, code) in numbered(&blank(text, Keep::Code)) {
            for name in ["todo", "unimplemented"] {
                let called = code.match_indices(name).any(|(at, _)| {
                    let after = code[at + name.len()..].trim_start();
                    is_word_at(code, at, name) && after.starts_with('!') && !after.starts_with("!=")
                });
                if called {
                    findings.push(Finding::new(&file.path, line, format!("`{name}!` is not finished work")));
                }
            }
            if code.contains("allow(") && code.contains("clippy::too_many_arguments") {
                findings.push(Finding::new(&file.path, line, "many parameters: a struct with named fields"));
            }
        }
    }
    findings
}

/// Folders of one machine. They are written in pieces here, so that this file passes its own rule.
const MACHINE_FOLDERS: &[(&str, &str)] = &[("/wo", "rk/"), ("/ho", "me/"), ("/ro", "ot/"), ("/Use", "rs/")];

/// Nothing names a folder of the machine it was written on.
pub(super) fn no_machine_paths(repository: &Repository) -> Vec<Finding> {
    let folders: Vec<String> = MACHINE_FOLDERS.iter().map(|(start, end)| format!("{start}{end}")).collect();
    let mut findings = Vec::new();
    for (file, text) in repository.ours() {
        for (line, content) in numbered(text) {
            for folder in &folders {
                // Part of a longer path or address is something else.
                let starts_here = |at: usize| {
                    let before = content[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || "._-~}*)".contains(c))
                };
                if content.match_indices(folder.as_str()).any(|(at, _)| starts_here(at)) {
                    findings.push(Finding::new(&file.path, line, format!("names a folder of one machine, {folder}")));
                }
            }
        }
    }
    findings
}

const TEXT_ENDINGS: &[&str] = &[".rs", ".toml", ".md", ".py", ".sh", ".txt", ".html", ".css", ".js", "/run"];

/// No spaces at the ends of lines, and one line end at the end of a file. Snapshots are output, kept byte for byte.
pub(super) fn no_trailing_whitespace(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_written = |path: &str| TEXT_ENDINGS.iter().any(|end| path.ends_with(end)) && !path.contains("/snapshots/");
    for (file, text) in repository.ours().filter(|(file, _)| is_written(&file.path)) {
        let trailing = numbered(text).filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        findings.extend(trailing.map(|(line, _)| Finding::new(&file.path, line, "space at the end of the line")));
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            findings.push(Finding::new(&file.path, 0, "must end with one line end"));
        }
    }
    findings
}
