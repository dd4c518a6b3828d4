//! Tokenizers and chat templates against what other people's programs give for the same input.
//!
//! `third_party/` holds the material whose licence lets it travel. With `PENSEUR_TEST_DATA` naming a folder
//! of more (`chat/`, `tokenizers/`, in the same form), everything in it is checked too:
//! `PENSEUR_TEST_DATA=/path cargo test -p model --test text`.

mod bpe;
mod chat;
mod tokenizers;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn third_party(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third_party").join(name)
}

/// A folder of the extra material, if it was given and has it.
fn extra(name: &str) -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("PENSEUR_TEST_DATA")?).join(name);
    assert!(dir.is_dir(), "PENSEUR_TEST_DATA has no {name}");
    Some(dir)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn read_gz(path: &Path) -> Vec<u8> {
    let file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("a whole gzip file");
    bytes
}

fn read_jsonl(path: &Path) -> Vec<Value> {
    read(path).lines().map(|line| serde_json::from_str(line).expect("a JSON value a line")).collect()
}
