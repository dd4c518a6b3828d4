//! One file a command. Each reads its arguments, calls the crates, and prints.

pub mod bench;
pub mod chat;
pub mod convert;
pub mod detokenize;
pub mod eval;
pub mod generate;
pub mod inspect;
pub mod keys;
pub mod ledger;
pub mod logprobs;
pub mod plan;
pub mod read_pdf;
pub mod runs;
pub mod serve;
pub mod tasks;
pub mod tokenize;
pub mod train;
pub mod verify;

use std::path::Path;

use anyhow::Context;

use crate::cli::TokenInput;
use crate::usage;

/// Token ids from the command line or a file.
fn read_tokens(input: &TokenInput) -> anyhow::Result<Vec<u32>> {
    let Some(path) = &input.tokens_file else {
        return Ok(input.tokens.clone());
    };
    let text = read_file(path)?;
    text.split_whitespace()
        .enumerate()
        .map(|(i, word)| {
            let wrong = || format!("{}: item {} is `{word}`, expected a token id", path.display(), i + 1);
            word.parse().map_err(|_| usage::error(wrong()))
        })
        .collect()
}

/// A file's text; `-` is stdin.
fn read_file(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("cannot read stdin");
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
