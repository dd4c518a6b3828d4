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
    /// Some of its documents, in the order of reading; none where they are files, or the tokenizer is not known yet.
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
        let mut of_sources = Vec::new();
        let total: f64 = stage.data.source.iter().map(|source| source.weight).sum();
        for source in &stage.data.source {
            let n = (N_DOCUMENTS as f64 * source.weight / total).ceil() as usize;
            let mut documents = Vec::new();
            match (source.kind, codec, &source.stage) {
                (SourceKind::Task, Some(codec), _) => {
                    for mut document in data::worked_documents(source, stage.seed, stage.train.seq_len, codec, n)? {
                        let answer = document.learn.iter().filter(|learn| **learn).count();
                        outlook.prompts.push(document.tokens.len() - answer);
                        outlook.answers.push(answer);
                        if source.learn == Some(Learn::All) {
                            document.learn.fill(true);
                        }
                        documents.push(document);
                    }
                }
                (SourceKind::Stage, _, Some(name)) => {
                    let sampled = earlier.get(name).map(|outlook| outlook.documents.as_slice()).unwrap_or_default();
                    documents.extend(sampled.iter().take(n).cloned());
                }
                _ => {}
            }
            of_sources.push((source.weight, documents));
        }
        outlook.documents = in_turn(of_sources);
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

/// Documents of sources with their weights, as the loader takes them: the next is of the source that is furthest behind its
/// share of the tokens. Ends where that has no more; sources that have none from the beginning are left out.
fn in_turn(of_sources: Vec<(f64, Vec<Document>)>) -> Vec<Document> {
    let given = of_sources.into_iter().filter(|(_, documents)| !documents.is_empty());
    let mut sources: Vec<_> = given.map(|(weight, documents)| (weight, 0.0, documents.into_iter())).collect();
    let furthest_behind = || {
        let (_, n_rows, left) = sources.iter_mut().min_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)))?;
        let document = left.next()?;
        *n_rows += document.n_rows() as f64;
        Some(document)
    };
    std::iter::from_fn(furthest_behind).collect()
}

/// `None` of nothing.
pub(crate) fn mean(values: &[usize]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<usize>() as f64 / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_their_shares_of_the_tokens() {
        let of = |n_rows: usize, n: usize| vec![Document { tokens: vec![0; n_rows + 1], ..Document::default() }; n];
        let documents = in_turn(vec![(2.0, of(10, 40)), (0.5, Vec::new()), (1.0, of(50, 40))]);
        let n_of = |n_rows: usize| documents.iter().filter(|document| document.n_rows() == n_rows).count();
        assert_eq!((n_of(10), n_of(50)), (40, 4));
        assert!(documents[..8].iter().any(|document| document.n_rows() == 50), "both from the beginning");
    }
}
