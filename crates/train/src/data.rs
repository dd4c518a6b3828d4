//! Training data as a deterministic stream of packed batches.
//!
//! A [`Source`] gives document number `n` of an endless stream, whatever was drawn before. [`loader::Loader`] mixes
//! sources by weight and packs documents into micro-batches; its whole state is a few counters, so that a run which was
//! killed goes on with the very batches it would have seen. Files are tokenised once (`token_file`); batches are made
//! ahead in a thread of their own ([`prefetch`]).
//!
//! Nothing is dropped in silence: a document cut to `seq_len` and a record that cannot be used are counted in the
//! metrics (`data/truncated`, `data/skipped`).

mod codec;
mod files;
pub mod loader;
mod pack;
mod permute;
pub mod prefetch;
mod problems;
mod records;
#[cfg(test)]
pub(crate) mod tests;
mod token_file;
mod validation;

pub use codec::Codec;
pub(crate) use files::expand as expand_files;
pub use files::{FilesDigest, digest_files};
pub use loader::{Loader, LoaderState, StepBatch};
pub(crate) use problems::{mixture as problem_mixture, worked_documents};
pub use validation::{ValidationGroup, ValidationSet};

use crate::error::Result;
use crate::recipe::{SourceKind, SourceSpec, StageRecipe};
use std::path::Path;
use std::sync::Arc;

/// One text to learn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Token ids; each but the last is an input, each but the first a target. At most `seq_len + 1`.
    pub tokens: Vec<u32>,
    /// For each token, whether its prediction is learnt.
    pub learn: Vec<bool>,
    /// Whether it was cut to fit.
    pub is_truncated: bool,
}

impl Document {
    /// Rows in a batch: predictions.
    pub fn n_rows(&self) -> usize {
        self.tokens.len().saturating_sub(1)
    }

    /// Cuts to at most `seq_len` rows.
    fn truncate(mut self, seq_len: usize) -> Document {
        if self.n_rows() > seq_len {
            self.tokens.truncate(seq_len + 1);
            self.learn.truncate(seq_len + 1);
            self.is_truncated = true;
        }
        self
    }
}

/// An endless stream of documents with random access.
pub trait Source: Send + Sync {
    /// Names the source in metrics.
    fn label(&self) -> &str;

    /// Training document number `index`; a pure function. `None` where the record has nothing to learn from.
    fn draw(&self, index: u64) -> Option<Document>;

    /// Held-out documents in a fixed order, at most `n_tokens` tokens of them. Never among those that `draw` gives.
    fn held_out(&self, n_tokens: u64) -> Vec<Document>;

    /// Records of the files that could not be used, counted once.
    fn n_unusable(&self) -> u64 {
        0
    }
}

/// Opens the sources of a stage. Files are tokenised now, unless `cache_dir` has the result from before.
///
/// # Errors
/// Files that cannot be read or hold something else, unknown families, a full disk.
pub fn open_sources(stage: &StageRecipe, codec: &Arc<Codec>, cache_dir: &Path) -> Result<Vec<Arc<dyn Source>>> {
    let open = |(idx, spec): (usize, &SourceSpec)| -> Result<Arc<dyn Source>> {
        let seed = stage.seed ^ (idx as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let label = label(spec, idx);
        Ok(match spec.kind {
            SourceKind::Task => Arc::new(problems::Problems::new(spec, label, seed, stage.train.seq_len, codec)?),
            SourceKind::Stage => unreachable!("a stage's data is a file by now"),
            SourceKind::Text | SourceKind::Jsonl => {
                Arc::new(files::FileSource::open(spec, stage, (label, seed), codec, cache_dir)?)
            }
        })
    };
    stage.data.source.iter().enumerate().map(open).collect()
}

/// What metrics call a source.
fn label(spec: &SourceSpec, idx: usize) -> String {
    match (&spec.mixture, spec.files.first()) {
        (Some(mixture), _) => mixture.clone(),
        (None, Some(file)) => {
            let path = Path::new(file);
            // Every stage's data has the same name, in a directory that has the stage's.
            let is_stage = path.file_name().is_some_and(|name| name == crate::sample::DATASET);
            let named = if is_stage { path.parent().and_then(Path::file_name) } else { path.file_stem() };
            named.map_or_else(|| idx.to_string(), |name| name.to_string_lossy().into())
        }
        (None, None) => format!("tasks{idx}"),
    }
}

/// Texts of the stage for training a tokenizer: all sources in the shares of their weights, at most
/// `tokenizer.sample_bytes` of them.
///
/// # Errors
/// As [`open_sources`].
pub fn sample_texts(stage: &StageRecipe) -> Result<Vec<String>> {
    let total: f64 = stage.data.source.iter().map(|s| s.weight).sum();
    let mut texts = Vec::new();
    for (idx, spec) in stage.data.source.iter().enumerate() {
        let n_bytes = (stage.tokenizer.sample_bytes as f64 * spec.weight / total) as usize;
        match spec.kind {
            SourceKind::Task => texts.extend(problems::sample_texts(spec, stage.seed ^ idx as u64, n_bytes)?),
            SourceKind::Stage => unreachable!("a stage's data is a file by now"),
            SourceKind::Text | SourceKind::Jsonl => {
                texts.extend(files::sample_texts(spec, stage.data.validation, n_bytes)?)
            }
        }
    }
    Ok(texts)
}
