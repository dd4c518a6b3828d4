//! How long a stage's documents and answers will be, before it runs: a sample of its problems, worked, in its own tokens.
//!
//! Nobody knows beforehand how long a policy will answer. Taken is the length of the worked answers to the same problems:
//! what a model that was taught by them writes, and what reinforcement grows to where the base has read some of them.

use crate::data::{self, Codec, Document};
use crate::error::{Result, TrainError};
use crate::recipe::{Learn, SourceKind, StageRecipe};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents that are looked at.
pub(crate) const N_DOCUMENTS: usize = 256;

/// What a stage will read and write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlook {
    /// Some of its documents, of the sources in turn; none where they are files, or the tokenizer is not known yet.
    pub(crate) documents: Vec<Document>,
    /// Tokens of the prompts of its problems.
    prompts: Vec<usize>,
    /// Tokens of the worked answers to them, the stop token included.
    answers: Vec<usize>,
}

impl Outlook {
    /// Looks at the stage's sources; `earlier` are the outlooks of the stages that sample its data.
    ///
    /// # Errors
    /// Unknown families.
    pub(crate) fn of(
        stage: &StageRecipe,
        codec: Option<&Arc<Codec>>,
        earlier: &BTreeMap<String, Outlook>,
    ) -> Result<Outlook> {
        let mut outlook = Outlook::default();
        let total: f64 = stage.data.source.iter().map(|source| source.weight).sum();
        for source in &stage.data.source {
            let n = (N_DOCUMENTS as f64 * source.weight / total).ceil() as usize;
            match (source.kind, codec, &source.stage) {
                (SourceKind::Task, Some(codec), _) => {
                    for mut document in data::worked_documents(source, stage.seed, stage.train.seq_len, codec, n)? {
                        let answer = document.learn.iter().filter(|learn| **learn).count();
                        outlook.prompts.push(document.tokens.len() - answer);
                        outlook.answers.push(answer);
                        if source.learn == Some(Learn::All) {
                            document.learn.fill(true);
                        }
                        outlook.documents.push(document);
                    }
                }
                (SourceKind::Stage, _, Some(name)) => {
                    let sampled = earlier.get(name).map(|outlook| outlook.documents.as_slice()).unwrap_or_default();
                    outlook.documents.extend(sampled.iter().take(n).cloned());
                }
                _ => {}
            }
        }
        Ok(outlook)
    }

    /// Refuses answers that leave no room for most prompts.
    ///
    /// # Errors
    /// With the prompts' usual length.
    pub(crate) fn check_room(&self, stage: &StageRecipe) -> Result<()> {
        let Some(grpo) = &stage.grpo else { return Ok(()) };
        let mut prompts = self.prompts.clone();
        prompts.sort_unstable();
        let room = stage.train.seq_len.saturating_sub(grpo.max_new_tokens);
        match prompts.get(prompts.len() / 2) {
            Some(&usual) if usual > room => Err(TrainError::Recipe(format!(
                "stage `{}`: train.seq_len ({}) less grpo.max_new_tokens ({}) leaves {room} tokens for a prompt, and half of them \
                 have {usual} or more",
                stage.name, stage.train.seq_len, grpo.max_new_tokens
            ))),
            _ => Ok(()),
        }
    }

    /// Adds documents of opened sources where the recipe alone gave none.
    pub(crate) fn see(&mut self, sources: &[Arc<dyn data::Source>]) {
        if self.documents.is_empty() {
            let n_each = N_DOCUMENTS.div_ceil(sources.len().max(1)) as u64;
            let drawn = sources.iter().flat_map(|source| (0..n_each).filter_map(|index| source.draw(index)));
            self.documents.extend(drawn);
        }
    }

    /// Lengths of `n` answers of at most `longest` tokens; half of that where no worked answer is known.
    pub(crate) fn answers(&self, n: usize, longest: usize) -> Vec<usize> {
        match self.answers.is_empty() {
            true => vec![longest.div_ceil(2); n],
            false => self.answers.iter().cycle().take(n).map(|len| (*len).min(longest)).collect(),
        }
    }

    /// Tokens of a prompt, on average.
    pub(crate) fn prompt(&self) -> f64 {
        mean(&self.prompts).unwrap_or(0.0)
    }

    /// Rows of a document, on average, as attention meets them; half of the longest where none is known.
    pub(crate) fn document(&self, seq_len: usize) -> f64 {
        let rows: Vec<usize> = self.documents.iter().map(Document::n_rows).collect();
        mean(&rows).unwrap_or(seq_len as f64 / 2.0)
    }

    /// Whether lengths are those of worked answers.
    pub(crate) fn knows_answers(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// `None` of nothing.
pub(crate) fn mean(values: &[usize]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<usize>() as f64 / values.len() as f64)
}
