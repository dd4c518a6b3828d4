//! Text and JSONL files as a source: tokenised once, drawn in a new random order each epoch.

use super::permute::permute;
use super::records::{self, Record};
use super::token_file::{Entry, TokenFile};
use super::{Codec, Document, Source};
use crate::digest::Digest;
use crate::error::{Result, TrainError};
use crate::recipe::{SourceSpec, StageRecipe};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Long texts are tokenised, and held out, in pieces of about this size.
const PIECE_BYTES: usize = 16 << 10;

/// Changes when the same files would be tokenised into other documents.
const FORMAT: &str = "tokens-1";

/// A `text` or `jsonl` source.
pub(super) struct FileSource {
    label: String,
    file: TokenFile,
    seed: u64,
}

impl FileSource {
    /// Opens the tokenised form of the files, which is made where `cache_dir` lacks it.
    pub(super) fn open(
        spec: &SourceSpec,
        stage: &StageRecipe,
        (label, seed): (String, u64),
        codec: &Codec,
        cache_dir: &Path,
    ) -> Result<FileSource> {
        let paths = expand(&spec.files)?;
        let mut digest = Digest::new();
        digest.text(FORMAT).text(&digest_files(&paths)?.hex);
        digest.json(&(spec.kind, &spec.separator, spec.learn, stage.train.seq_len, stage.data.validation));
        digest.text(codec.tokenizer.json()).text(codec.template.source());
        let path = cache_dir.join(format!("{}.bin", digest.hex()));
        let file = match TokenFile::open(&path)? {
            Some(file) => file,
            None => {
                tokenize(&path, &paths, spec, stage, codec)?;
                TokenFile::open(&path)?.ok_or_else(|| TrainError::data(&path, "was written and is gone"))?
            }
        };
        if file.n_train() == 0 {
            return Err(TrainError::data(&paths[0], "holds nothing to learn from"));
        }
        Ok(FileSource { label, file, seed })
    }
}

impl Source for FileSource {
    fn label(&self) -> &str {
        &self.label
    }

    fn draw(&self, index: u64) -> Option<Document> {
        let n = self.file.n_train() as u64;
        let (epoch, index) = (index / n, index % n);
        let order = tasks::Rng::stream(&[self.seed, epoch]).next_u64();
        Some(self.file.train(permute(order, n, index) as usize))
    }

    fn held_out(&self, n_tokens: u64) -> Vec<Document> {
        let mut n_left = n_tokens as i64;
        let documents = self.file.held_out().filter(|document| document.n_rows() > 0);
        documents
            .take_while(|document| {
                let has_room = n_left > 0;
                n_left -= document.n_rows() as i64;
                has_room
            })
            .collect()
    }

    fn n_unusable(&self) -> u64 {
        self.file.n_unusable()
    }
}

fn tokenize(path: &Path, files: &[PathBuf], spec: &SourceSpec, stage: &StageRecipe, codec: &Codec) -> Result<()> {
    let seq_len = stage.train.seq_len;
    let piece_bytes = PIECE_BYTES.max(8 * seq_len);
    let mut hashes = Vec::new();
    let mut documents = Vec::new();
    let mut n_unusable = 0;
    for file in files {
        tracing::info!("tokenising {}", file.display());
        let records = records::read(file, spec, piece_bytes)?;
        let tokenised: Vec<Option<Vec<Document>>> =
            records.par_iter().map(|record| record.documents(codec, spec.learn, seq_len)).collect();
        for (record, tokenised) in records.iter().zip(tokenised) {
            match tokenised {
                Some(tokenised) => {
                    hashes.push(record.hash());
                    documents.push(tokenised);
                }
                None => n_unusable += 1,
            }
        }
    }
    if n_unusable > 0 {
        tracing::warn!("{n_unusable} records have no answer that the chat template can render; they are left out");
    }
    let is_held_out = choose_held_out(&hashes, stage.data.validation);
    let entries: Vec<Entry> = documents
        .into_iter()
        .zip(&hashes)
        .flat_map(|(documents, hash)| documents.into_iter().map(move |document| (document, hash)))
        .map(|(document, hash)| Entry { document, is_held_out: is_held_out(*hash) })
        .collect();
    TokenFile::write(path, &entries, n_unusable)
}

/// Which records are held out, by their content. At least one is, where there are two different ones.
fn choose_held_out(hashes: &[u64], share: f64) -> impl Fn(u64) -> bool + use<> {
    let threshold = (share * u64::MAX as f64) as u64;
    let (lowest, highest) = (hashes.iter().copied().min().unwrap_or(0), hashes.iter().copied().max().unwrap_or(0));
    move |hash| share > 0.0 && lowest < highest && hash < highest && (hash < threshold || hash == lowest)
}

/// What a list of files holds.
pub struct FilesDigest {
    /// Over names and contents.
    pub hex: String,
    /// Their size together.
    pub n_bytes: u64,
}

/// Digests files by content, in order.
///
/// # Errors
/// A file that cannot be read.
pub fn digest_files(paths: &[PathBuf]) -> Result<FilesDigest> {
    let mut digest = Digest::new();
    let mut n_bytes = 0;
    for path in paths {
        n_bytes += digest.file(path)?;
    }
    Ok(FilesDigest { hex: digest.hex(), n_bytes })
}

/// The files that the patterns of a source name, in order.
///
/// # Errors
/// A pattern that matches nothing.
pub(crate) fn expand(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for pattern in patterns {
        let found =
            glob::glob(pattern).map_err(|e| TrainError::Recipe(format!("data.source.files: `{pattern}`: {e}")))?;
        let before = paths.len();
        paths.extend(found.filter_map(std::result::Result::ok).filter(|path| path.is_file()));
        if paths.len() == before {
            return Err(TrainError::Recipe(format!("data.source.files: `{pattern}` matches no file here")));
        }
    }
    Ok(paths)
}

/// Texts of the files for training a tokenizer, spread evenly, about `n_bytes` of them; held-out ones are left out.
pub(super) fn sample_texts(spec: &SourceSpec, validation: f64, n_bytes: usize) -> Result<Vec<String>> {
    let paths = expand(&spec.files)?;
    let mut records: Vec<Record> = Vec::new();
    for path in &paths {
        records.extend(records::read(path, spec, PIECE_BYTES)?);
    }
    let hashes: Vec<u64> = records.iter().map(Record::hash).collect();
    let is_held_out = choose_held_out(&hashes, validation);
    let n = records.len().max(1) as u64;
    let mut by_order: Vec<(u64, Record)> =
        records.into_iter().enumerate().map(|(idx, record)| (permute(1, n, idx as u64), record)).collect();
    by_order.sort_by_key(|(at, _)| *at);
    let (mut texts, mut n_left) = (Vec::new(), n_bytes);
    for (_, record) in by_order.into_iter().filter(|(_, record)| !is_held_out(record.hash())) {
        for text in record.texts() {
            if n_left == 0 {
                return Ok(texts);
            }
            n_left = n_left.saturating_sub(text.len());
            texts.push(text);
        }
    }
    Ok(texts)
}

impl SourceSpec {
    /// Adds what this source's content depends on: its files, or for problems nothing but the recipe.
    pub(crate) fn digest_into(&self, digest: &mut Digest) -> Result<()> {
        if !self.files.is_empty() {
            digest.text(&digest_files(&expand(&self.files)?)?.hex);
        }
        Ok(())
    }
}
