//! Rules about crates, dependencies, files and documents.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::Repository;

use super::Finding;

/// The crates of ours that each crate may use (the picture in ARCHITECTURE.md).
const MAY_USE: &[(&str, &[&str])] = &[
    ("kernels", &[]),
    ("sys", &[]),
    ("tasks", &[]),
    ("tensor", &["kernels", "sys"]),
    ("model", &["kernels", "sys", "tensor"]),
    ("cost", &["kernels", "sys", "model"]),
    ("engine", &["kernels", "sys", "tensor", "model"]),
    ("rollout", &["kernels", "sys", "tensor", "model", "engine", "tasks"]),
    ("report", &["cost"]),
    ("train", &["kernels", "sys", "tensor", "model", "engine", "tasks", "rollout", "cost", "report"]),
    ("server", &["kernels", "sys", "tensor", "model", "engine", "report"]),
    (
        "penseur",
        &["kernels", "sys", "tensor", "model", "engine", "tasks", "rollout", "train", "cost", "report", "server"],
    ),
];

/// Libraries of others that belong to some crates alone.
const HOME_OF: &[(&[&str], &[&str])] = &[
    (&["axum", "hyper", "hyper-util", "tower", "tower-http", "rusqlite"], &["server"]),
    (&["tokio"], &["server", "penseur"]),
    (&["clap"], &["penseur"]),
    (&["anyhow"], &["penseur"]),
];

/// Channels may be used anywhere; the runtime is the server's and the binary's.
const TOKIO_WITHOUT_RUNTIME: &str = "sync";

const MAX_FILE_BYTES: u64 = 30_000_000;
const MAX_THIRD_PARTY_BYTES: u64 = 5_000_000;

/// One entry of a manifest's dependency tables.
struct Dependency<'a> {
    name: &'a str,
    value: &'a toml::Value,
    /// Seen by tests and benchmarks alone.
    dev: bool,
}

fn dependencies(manifest: &toml::Table) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = targets.into_iter().flatten().filter_map(|(_, target)| target.as_table());
    for table in std::iter::once(manifest).chain(tables) {
        for key in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let entries = table.get(key).and_then(toml::Value::as_table).into_iter().flatten();
            let dev = key == "dev-dependencies";
            found.extend(entries.map(|(name, value)| Dependency { name, value, dev }));
        }
    }
    found
}

fn manifest_path(name: &str) -> String {
    format!("crates/{name}/Cargo.toml")
}

/// Dependencies among our crates go down ARCHITECTURE.md's picture, in tests too.
pub(super) fn our_dependencies_point_down(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, manifest) in repository.crates() {
        let path = manifest_path(&name);
        let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            findings.push(Finding::new(&path, 0, "a crate that tidy does not know: add it to MAY_USE"));
            continue;
        };
        for dependency in dependencies(&manifest) {
            let ours = MAY_USE.iter().any(|(known, _)| *known == dependency.name);
            if ours && !may_use.contains(&dependency.name) {
                findings.push(Finding::new(&path, 0, format!("{name} may not use {}", dependency.name)));
            }
        }
    }
    findings
}

/// Web, command line and catch-all errors stay in the crates that exist for them.
pub(super) fn outside_dependencies_stay_home(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, manifest) in repository.crates() {
        for dependency in dependencies(&manifest).into_iter().filter(|dependency| !dependency.dev) {
            let home = HOME_OF.iter().find(|(libraries, _)| libraries.contains(&dependency.name));
            let Some((_, homes)) = home else { continue };
            let channels_alone = dependency.name == "tokio" && has_no_runtime(dependency.value);
            if !homes.contains(&name.as_str()) && !channels_alone {
                let message = format!("{} belongs to {} alone", dependency.name, homes.join(" and "));
                findings.push(Finding::new(&manifest_path(&name), 0, message));
            }
        }
    }
    findings
}

fn has_no_runtime(tokio: &toml::Value) -> bool {
    let features = tokio.get("features").and_then(toml::Value::as_array);
    let no_defaults = tokio.get("default-features").and_then(toml::Value::as_bool) == Some(false);
    no_defaults && features.is_none_or(|all| all.iter().all(|f| f.as_str() == Some(TOKIO_WITHOUT_RUNTIME)))
}

/// `cargo test` runs the workspace's default members, so every crate must be one.
pub(super) fn every_crate_is_tested(repository: &Repository) -> Vec<Finding> {
    let root = "Cargo.toml";
    let Some(manifest) = repository.text(root).and_then(|text| text.parse::<toml::Table>().ok()) else {
        return vec![Finding::new(root, 0, "missing or not TOML")];
    };
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("default-members"));
    let members = members.and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let is_member = |name: &str| members.iter().any(|m| m.as_str() == Some(&format!("crates/{name}")));
    let forgotten = repository.crates().into_iter().filter(|(name, _)| !is_member(name));
    forgotten.map(|(name, _)| Finding::new(root, 0, format!("crates/{name} is not in default-members"))).collect()
}

/// Git keeps every version of a file for ever.
pub(super) fn no_huge_files(repository: &Repository) -> Vec<Finding> {
    let huge = repository.files.iter().filter(|file| file.n_bytes > MAX_FILE_BYTES);
    huge.map(|file| Finding::new(&file.path, 0, format!("{} bytes; at most {MAX_FILE_BYTES}", file.n_bytes))).collect()
}

/// Test material by others: small together, and each folder says where it comes from.
pub(super) fn third_party_is_small_and_sourced(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut n_bytes = 0;
    let mut sourced = BTreeMap::<&str, bool>::new();
    for file in repository.files.iter().filter(|file| file.is_third_party()) {
        n_bytes += file.n_bytes;
        let Some((before, inside)) = file.path.split_once("third_party/") else { continue };
        let Some((name, rest)) = inside.split_once('/') else { continue };
        let folder = &file.path[..before.len() + "third_party/".len() + name.len()];
        let base = rest.rsplit('/').next().unwrap_or(rest).to_ascii_uppercase();
        let says = ["SOURCE", "LICENSE", "README"].iter().any(|word| base.starts_with(word));
        *sourced.entry(folder).or_default() |= says;
    }
    if n_bytes > MAX_THIRD_PARTY_BYTES {
        let message = format!("{n_bytes} bytes below third_party folders; at most {MAX_THIRD_PARTY_BYTES}");
        findings.push(Finding::new("third_party", 0, message));
    }
    let silent = sourced.into_iter().filter(|(_, says)| !says);
    findings.extend(silent.map(|(folder, _)| Finding::new(folder, 0, "no SOURCE.md, LICENSE or README here")));
    findings
}

/// The documents that everything else refers to, and what they must say.
const DOCUMENTS: &[(&str, &[&str])] = &[
    ("README.md", &["cargo run --release", "cargo test", "LICENSE-MIT", "LICENSE-APACHE"]),
    ("ARCHITECTURE.md", &["crates/"]),
    ("CHANGELOG.md", &["## [Unreleased]"]),
    ("LICENSE-MIT", &["Permission is hereby granted"]),
    ("LICENSE-APACHE", &["Apache License", "Version 2.0"]),
    ("docs/LOG.md", &[]),
    ("docs/golden.md", &["generate.py"]),
];

/// Required documents exist and say what outside readers rely on; every crate is on the map.
pub(super) fn documents_are_there(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, words) in DOCUMENTS {
        let Some(text) = repository.text(path) else {
            findings.push(Finding::new(path, 0, "missing"));
            continue;
        };
        let missing = words.iter().filter(|word| !text.contains(*word));
        findings.extend(missing.map(|word| Finding::new(path, 0, format!("does not mention `{word}`"))));
    }
    let map = repository.text("ARCHITECTURE.md").unwrap_or_default();
    for (name, _) in repository.crates() {
        if !map.contains(&format!("crates/{name}")) {
            findings.push(Finding::new("ARCHITECTURE.md", 0, format!("crates/{name} is not on the map")));
        }
    }
    findings
}

/// The map of ARCHITECTURE.md names the files there are: in the section of a crate (`### `crates/x``) every file in a
/// table's first column exists below its `src/`, and every module there is named.
pub(super) fn the_map_is_true(repository: &Repository) -> Vec<Finding> {
    let path = "ARCHITECTURE.md";
    let mut findings = Vec::new();
    let mut named = BTreeMap::<&str, Vec<&str>>::new();
    let mut section = None;
    for (idx, line) in repository.text(path).unwrap_or_default().lines().enumerate() {
        if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().trim_matches('`');
            section = title.strip_prefix("crates/");
        }
        let (Some(name), Some(row)) = (section, line.strip_prefix("| `")) else { continue };
        let first_column = row.split('|').next().unwrap_or_default();
        for file in first_column.split([',', '`']).map(str::trim).filter(|file| !file.is_empty()) {
            let full = format!("crates/{name}/src/{file}");
            let exists = |other: &str| other == full || full.ends_with('/') && other.starts_with(&full);
            if !repository.files.iter().any(|other| exists(&other.path)) {
                findings.push(Finding::new(path, idx + 1, format!("names {full}, which is not there")));
            }
            named.entry(name).or_default().push(file.trim_end_matches('/').trim_end_matches(".rs"));
        }
    }
    let mut missing = BTreeSet::new();
    for (file, _) in repository.rust() {
        let Some((name, inside)) = file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/")) else {
            continue;
        };
        let module = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        let has_table = named.get(name);
        let known = ["lib", "main", "tests"].contains(&module);
        if has_table.is_some_and(|modules| !modules.contains(&module)) && !known {
            missing.insert(format!("crates/{name}/src/{module} is not on the map"));
        }
    }
    findings.extend(missing.into_iter().map(|message| Finding::new(path, 0, message)));
    findings
}
