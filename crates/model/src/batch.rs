//! A batch: documents packed one after another, so that no position is padding and no document sees another.

use kernels::attention::{Shared, Span};

/// Packed documents with what is to be learned from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedBatch {
    /// The input token of each row.
    pub tokens: Vec<u32>,
    /// The token that follows it in the same document.
    pub targets: Vec<u32>,
    /// How much the prediction of the target counts; 0 where nothing is to be learned (prompts).
    pub loss_weights: Vec<f32>,
    /// The documents, in order and without gaps.
    pub segments: Vec<Span>,
}

impl PackedBatch {
    /// Appends a document of `tokens.len() - 1` rows: each token but the last predicts the next one. `weights[i]` is
    /// the weight of predicting `tokens[i]`; `weights[0]` is not used.
    pub fn push(&mut self, tokens: &[u32], weights: &[f32]) {
        self.push_after(Shared::default(), tokens, weights);
    }

    /// [`PackedBatch::push`] of a document whose first tokens are those of an earlier one: their rows are shared, and
    /// appended are those that follow. Nothing is learnt from a shared row on this document's account: `weights` of
    /// what they predict are not used.
    ///
    /// # Panics
    /// When the shared rows hold other tokens, or leave no token to predict.
    pub fn push_after(&mut self, shared: Shared, tokens: &[u32], weights: &[f32]) {
        assert_eq!(tokens.len(), weights.len(), "a weight for each token");
        let Some(end) = tokens.len().checked_sub(1).filter(|&end| end > 0) else { return };
        let n = shared.len;
        assert!(n < end && self.tokens[shared.start..][..n] == tokens[..n], "shared rows hold the same tokens");
        self.segments.push(Span { start: self.tokens.len(), len: end - n, shared });
        self.tokens.extend_from_slice(&tokens[n..end]);
        self.targets.extend_from_slice(&tokens[n + 1..]);
        self.loss_weights.extend_from_slice(&weights[n + 1..]);
    }

    /// A batch of whole documents where every next token counts one.
    pub fn from_documents(documents: &[Vec<u32>]) -> PackedBatch {
        let mut batch = PackedBatch::default();
        for tokens in documents {
            batch.push(tokens, &vec![1.0; tokens.len()]);
        }
        batch
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The position of each row in its document.
    pub fn positions(&self) -> Vec<u32> {
        self.segments.iter().flat_map(|s| s.positions().map(|p| p as u32)).collect()
    }

    /// Sums of the weights: of the next token, and of the token after it (what the MTP layer predicts).
    pub fn weight_sums(&self) -> (f64, f64) {
        let sum = |weights: &[f32]| weights.iter().map(|&w| f64::from(w)).sum();
        (sum(&self.loss_weights), sum(&self.mtp_targets().1))
    }

    /// What the MTP layer predicts at each row, the token two ahead, and its weight (0 at a document's last row).
    pub fn mtp_targets(&self) -> (Vec<u32>, Vec<f32>) {
        let (mut targets, mut weights) = (vec![0; self.len()], vec![0.0; self.len()]);
        for s in &self.segments {
            let (from, to) = (s.start + 1..s.start + s.len, s.start..s.start + s.len - 1);
            targets[to.clone()].copy_from_slice(&self.targets[from.clone()]);
            weights[to].copy_from_slice(&self.loss_weights[from]);
        }
        (targets, weights)
    }
}
