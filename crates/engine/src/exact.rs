//! The exact model behind the engine's [`LanguageModel`]: the trainer's own forward with a cache in the trainer's type,
//! so that the log-probabilities of sampling are, bit for bit, those that an update computes.

use crate::language_model::{LanguageModel, SeqStep};
use kernels::attention::CachedSeq;
use model::Model;
use std::sync::Arc;
use tensor::cache::LayerCache;

/// A model with its pool of KV blocks.
pub struct ExactModel {
    model: Arc<Model>,
    caches: Vec<LayerCache>,
    n_blocks: usize,
}

impl ExactModel {
    /// A pool of `n_blocks` blocks of 64 positions. Pack the model first ([`Model::pack_for_decoding`]).
    pub fn new(model: Arc<Model>, n_blocks: usize) -> ExactModel {
        let caches = model.new_caches(n_blocks);
        ExactModel { model, caches, n_blocks }
    }
}

impl LanguageModel for ExactModel {
    fn vocab_size(&self) -> usize {
        self.model.config().vocab_size()
    }

    fn max_positions(&self) -> usize {
        self.model.n_positions()
    }

    fn n_blocks(&self) -> usize {
        self.n_blocks
    }

    fn forward(&mut self, steps: &[SeqStep]) -> Vec<f32> {
        let tokens: Vec<u32> = steps.iter().flat_map(|s| s.tokens.iter().copied()).collect();
        let mut row = 0;
        let seqs: Vec<CachedSeq> = steps
            .iter()
            .map(|s| {
                let seq = CachedSeq { row, len: s.tokens.len(), n_cached: s.n_cached, blocks: s.blocks };
                row += s.tokens.len();
                seq
            })
            .collect();
        self.model.forward_cached(&tokens, &seqs, &mut self.caches).slice().to_vec()
    }
}
