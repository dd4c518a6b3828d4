//! The stream of steps: mixes sources, packs documents, and keeps all its state in a few counters.

use super::pack::Bins;
use super::{Document, Source};
use crate::error::{Result, TrainError};
use crate::recipe::TrainSpec;
use crate::schedule::n_micro_batches;
use model::PackedBatch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Documents that may wait for the next step because no micro-batch has room for them.
const MAX_WAITING: usize = 24;

/// Records without content that may follow each other before the source is called empty.
const MAX_EMPTY: usize = 10_000;

/// Which document: source and number in its stream.
type DocumentKey = (usize, u64);

/// All that a loader must remember; stored in checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoaderState {
    /// For each source, documents drawn.
    pub drawn: Vec<u64>,
    /// For each source, tokens drawn; what weights are kept by.
    pub tokens_drawn: Vec<u64>,
    /// Documents that were drawn and wait for room.
    pub waiting: Vec<DocumentKey>,
    /// Tokens that were handed out in batches.
    pub tokens: u64,
    /// Documents that were cut to `seq_len`.
    pub n_truncated: u64,
    /// Records in which there was nothing to learn.
    pub n_skipped: u64,
}

/// The micro-batches of one optimizer step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepBatch {
    /// In order.
    pub micro: Vec<PackedBatch>,
    /// The loader's state after this step.
    pub after: LoaderState,
}

/// Makes the steps of a stage, one after another.
pub struct Loader {
    sources: Vec<Arc<dyn Source>>,
    weights: Vec<f64>,
    train: TrainSpec,
    state: LoaderState,
    /// The documents of `state.waiting`.
    waiting: Vec<Document>,
}

impl Loader {
    /// A loader at the start, or where `state` was taken.
    pub fn new(
        sources: Vec<Arc<dyn Source>>,
        weights: Vec<f64>,
        train: &TrainSpec,
        state: Option<LoaderState>,
    ) -> Loader {
        assert_eq!(sources.len(), weights.len(), "a weight for each source");
        let state = state.unwrap_or_else(|| LoaderState {
            drawn: vec![0; sources.len()],
            tokens_drawn: vec![0; sources.len()],
            n_skipped: sources.iter().map(|s| s.n_unusable()).sum(),
            ..LoaderState::default()
        });
        assert_eq!(state.drawn.len(), sources.len(), "a state of other sources");
        let draw = |&(source, index): &DocumentKey| sources[source].draw(index).expect("it was drawn before");
        let waiting = state.waiting.iter().map(draw).collect();
        Loader { sources, weights, train: train.clone(), state, waiting }
    }

    /// The next step's micro-batches.
    ///
    /// # Errors
    /// A source that holds nothing to learn from.
    pub fn next_step(&mut self) -> Result<StepBatch> {
        let n_micro = n_micro_batches(&self.train, self.state.tokens);
        let mut bins = Bins::new(n_micro, self.train.micro_batch_tokens);
        let mut left = Vec::new();
        let keys = std::mem::take(&mut self.state.waiting);
        for (key, document) in keys.into_iter().zip(std::mem::take(&mut self.waiting)) {
            if !bins.place(&document) {
                left.push((key, document));
            }
        }
        while left.len() < MAX_WAITING && !bins.is_full() {
            let (key, document) = self.draw()?;
            if !bins.place(&document) {
                left.push((key, document));
            }
        }
        (self.state.waiting, self.waiting) = left.into_iter().unzip();
        let micro = bins.finish();
        self.state.tokens += micro.iter().map(|batch| batch.len() as u64).sum::<u64>();
        Ok(StepBatch { micro, after: self.state.clone() })
    }

    /// The next document of the source that is furthest behind its share.
    fn draw(&mut self) -> Result<(DocumentKey, Document)> {
        for _ in 0..MAX_EMPTY {
            let source = self.furthest_behind();
            let index = self.state.drawn[source];
            self.state.drawn[source] += 1;
            match self.sources[source].draw(index).filter(|document| document.n_rows() > 0) {
                Some(document) => {
                    self.state.tokens_drawn[source] += document.n_rows() as u64;
                    self.state.n_truncated += u64::from(document.is_truncated);
                    return Ok(((source, index), document));
                }
                None => self.state.n_skipped += 1,
            }
        }
        Err(TrainError::Run(format!(
            "{MAX_EMPTY} records in a row hold nothing to learn from; look at the data's sources"
        )))
    }

    fn furthest_behind(&self) -> usize {
        let share = |i: &usize| self.state.tokens_drawn[*i] as f64 / self.weights[*i];
        let behind = (0..self.sources.len()).min_by(|a, b| share(a).total_cmp(&share(b)));
        behind.expect("a stage has a source")
    }
}
