//! The fixed held-out set: the same documents in the same batches at every evaluation of a run, and across runs.

use super::pack::Bins;
use super::{Codec, Source};
use crate::recipe::StageRecipe;
use model::PackedBatch;
use std::sync::Arc;

/// Held-out documents of one source.
pub struct ValidationGroup {
    /// The source's label.
    pub label: String,
    /// Packed documents.
    pub batches: Vec<PackedBatch>,
    /// Tokens whose prediction counts.
    pub n_tokens: f64,
    /// Bytes of text that those tokens stand for.
    pub n_bytes: u64,
}

/// Held-out documents of all sources.
pub struct ValidationSet {
    /// One for each source that has some.
    pub groups: Vec<ValidationGroup>,
}

impl ValidationSet {
    /// Takes `eval.tokens` tokens, in the shares of the sources' weights.
    pub fn new(stage: &StageRecipe, sources: &[Arc<dyn Source>], codec: &Codec) -> ValidationSet {
        let total: f64 = stage.data.source.iter().map(|spec| spec.weight).sum();
        let group = |(source, weight): (&Arc<dyn Source>, f64)| {
            let documents = source.held_out((stage.eval.tokens as f64 * weight / total) as u64);
            let n_bytes = documents.iter().map(|document| codec.learnt_bytes(document)).sum();
            let mut batches: Vec<PackedBatch> = Vec::new();
            let mut bins = Bins::new(1, stage.train.micro_batch_tokens);
            for document in &documents {
                if !bins.place(document) {
                    batches.extend(std::mem::replace(&mut bins, Bins::new(1, stage.train.micro_batch_tokens)).finish());
                    bins.place(document);
                }
            }
            batches.extend(bins.finish());
            let n_tokens = batches.iter().map(|batch| batch.weight_sums().0).sum();
            ValidationGroup { label: source.label().to_owned(), batches, n_tokens, n_bytes }
        };
        let weights = stage.data.source.iter().map(|spec| spec.weight);
        let groups = sources.iter().zip(weights).map(group).filter(|group| group.n_tokens > 0.0).collect();
        ValidationSet { groups }
    }

    /// Whether there is nothing to measure on.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
