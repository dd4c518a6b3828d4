//! The text side of a stage's model: tokenizer, chat template, and the files of both that go into its checkpoints.

use crate::data::{self, Codec};
use crate::error::{Result, TrainError};
use crate::recipe::{SourceKind, StageRecipe};
use model::bpe_train::BpeTrainer;
use model::chat_template::{ChatTemplate, PENSEUR_TEMPLATE, single_turn_template};
use model::source::Source;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of a tokenizer that a checkpoint passes on.
const FILES: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
];

/// Bytes of text that a tokenizer is trained on where it only counts.
const PLANNING_BYTES: u64 = 400_000;

/// Tokenizer, template and files.
pub struct TextSide {
    /// For encoding.
    pub codec: Arc<Codec>,
    /// For checkpoints: name and content.
    pub files: Vec<(String, Vec<u8>)>,
}

impl TextSide {
    /// From the recipe's path, from the parent checkpoint, or trained on the stage's data and kept in the run's directory.
    ///
    /// # Errors
    /// Files that are missing or unsound; data that cannot be read.
    pub fn open(stage: &StageRecipe, parent: Option<&Source>, run_dir: &Path) -> Result<TextSide> {
        let source = match (&stage.tokenizer.path, parent, stage.tokenizer.vocab_size) {
            (Some(path), _, _) => Source::Dir(directory(Path::new(path))),
            (None, Some(parent), _) => parent.clone(),
            (None, None, Some(vocab_size)) => Source::Dir(trained(stage, vocab_size, &run_dir.join("tokenizer"))?),
            (None, None, None) => {
                return Err(TrainError::Recipe("no tokenizer: set tokenizer.vocab_size or .path".to_owned()));
            }
        };
        let Some(tokenizer) = source.tokenizer()? else {
            return Err(TrainError::Run(format!(
                "{} has no tokenizer.json; set tokenizer.path to one that fits the model",
                source.name()
            )));
        };
        let mut files = Vec::new();
        for name in FILES {
            if let Some(bytes) = source.file(name)? {
                files.push((name.to_owned(), bytes));
            }
        }
        let mut template = source.chat_template()?;
        let is_ours = template.source() == PENSEUR_TEMPLATE;
        if is_ours {
            // Ours, but with the begin and end tokens of this tokenizer. A base model without a template learns it.
            template = ChatTemplate::new(PENSEUR_TEMPLATE, tokenizer.bos_token(), tokenizer.eos_token())
                .map_err(|e| TrainError::Run(format!("{}: {e}", source.name())))?;
            if !files.iter().any(|(name, _)| name == "chat_template.jinja") {
                files.push(("chat_template.jinja".to_owned(), PENSEUR_TEMPLATE.as_bytes().to_vec()));
            }
        }
        Ok(TextSide { codec: Arc::new(Codec { tokenizer, template }), files })
    }
}

/// Tokenizer and template before a run, for counting tokens: those of the recipe's path or of the parent, or trained on a
/// small sample of the stage's data. `None` where the data is not there yet. Nothing is written.
///
/// # Errors
/// As [`TextSide::open`].
pub(crate) fn planned(stage: &StageRecipe, parent: Option<&Source>) -> Result<Option<Arc<Codec>>> {
    let source = match (&stage.tokenizer.path, parent) {
        (Some(path), _) => Source::Dir(directory(Path::new(path))),
        (None, Some(parent)) => parent.clone(),
        (None, None) => return planned_own(stage).map(|codec| codec.map(Arc::new)),
    };
    let template = source.chat_template()?;
    Ok(source.tokenizer()?.map(|tokenizer| Arc::new(Codec { tokenizer, template })))
}

/// Of a tokenizer that the stage would train.
fn planned_own(stage: &StageRecipe) -> Result<Option<Codec>> {
    let Some(vocab_size) = stage.tokenizer.vocab_size else { return Ok(None) };
    if stage.data.source.iter().any(|source| source.kind != SourceKind::Task) {
        return Ok(None);
    }
    let mut stage = stage.clone();
    stage.tokenizer.sample_bytes = stage.tokenizer.sample_bytes.min(PLANNING_BYTES);
    let unfit = |e: &dyn std::fmt::Display| TrainError::Recipe(format!("tokenizer.vocab_size: {e}"));
    let bpe = BpeTrainer::penseur(vocab_size).train(data::sample_texts(&stage)?).map_err(|e| unfit(&e))?;
    let tokenizer = bpe.tokenizer().map_err(|e| unfit(&e))?;
    let source = if stage.tokenizer.single_turn { single_turn_template() } else { PENSEUR_TEMPLATE.to_owned() };
    let template = ChatTemplate::new(&source, tokenizer.bos_token(), tokenizer.eos_token()).map_err(|e| unfit(&e))?;
    Ok(Some(Codec { tokenizer, template }))
}

/// A tokenizer's directory, given it or its `tokenizer.json`.
pub(crate) fn directory(path: &Path) -> PathBuf {
    match path.extension() {
        Some(extension) if extension == "json" => path.parent().unwrap_or(Path::new(".")).to_owned(),
        _ => path.to_owned(),
    }
}

/// Trains a tokenizer on the stage's data, unless an earlier attempt did.
fn trained(stage: &StageRecipe, vocab_size: usize, dir: &Path) -> Result<PathBuf> {
    if dir.join("tokenizer.json").exists() {
        return Ok(dir.to_owned());
    }
    tracing::info!("training a tokenizer of {vocab_size} entries");
    let texts = data::sample_texts(stage)?;
    let trainer = BpeTrainer::penseur(vocab_size);
    let bpe = trainer.train(&texts).map_err(|e| TrainError::Recipe(format!("tokenizer.vocab_size: {e}")))?;
    if bpe.vocab_size() < vocab_size {
        tracing::warn!("the texts give only {} of the {vocab_size} entries asked for", bpe.vocab_size());
    }
    let max_positions = stage.model.max_positions.unwrap_or(stage.train.seq_len);
    let template = match stage.tokenizer.single_turn {
        true => single_turn_template(),
        false => PENSEUR_TEMPLATE.to_owned(),
    };
    let partial = dir.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&partial)?;
        bpe.write_dir(&partial, &template, max_positions)?;
        sys::disk::rename_synced(&partial, dir)
    };
    write().map_err(|e| TrainError::io("write", dir, e))?;
    Ok(dir.to_owned())
}
