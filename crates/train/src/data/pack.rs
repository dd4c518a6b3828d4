//! Packs documents into the micro-batches of one step: each goes where it leaves the least room.

use super::Document;
use model::PackedBatch;

/// The micro-batches of one step while they are filled.
pub(super) struct Bins {
    batches: Vec<PackedBatch>,
    capacity: usize,
}

impl Bins {
    /// `n` empty micro-batches of at most `capacity` rows.
    pub(super) fn new(n: usize, capacity: usize) -> Bins {
        Bins { batches: vec![PackedBatch::default(); n], capacity }
    }

    /// Puts the document into the fullest micro-batch that has room; false where none has.
    pub(super) fn place(&mut self, document: &Document) -> bool {
        let n_rows = document.n_rows();
        let fits = |batch: &&mut PackedBatch| batch.len() + n_rows <= self.capacity;
        // `max_by_key` returns the last of equals: of empty batches the first shall be used, hence the reversal.
        let Some(batch) = self.batches.iter_mut().rev().filter(fits).max_by_key(|batch| batch.len()) else {
            return false;
        };
        let weights: Vec<f32> = document.learn.iter().map(|&learn| f32::from(u8::from(learn))).collect();
        batch.push(&document.tokens, &weights);
        true
    }

    /// Whether nothing of use fits any more.
    pub(super) fn is_full(&self) -> bool {
        self.batches.iter().all(|batch| self.capacity - batch.len() < self.capacity / 128 + 1)
    }

    /// The micro-batches that hold something.
    pub(super) fn finish(self) -> Vec<PackedBatch> {
        self.batches.into_iter().filter(|batch| !batch.is_empty()).collect()
    }
}
