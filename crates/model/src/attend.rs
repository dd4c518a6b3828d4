//! How rows attend: to their packed document (training, teacher forcing) or to a cache (generation). Chosen by the
//! caller, so that a model file holds one forward for both, with the same bits.

use kernels::attention::{Attention, CachedSeq, Span};
use tensor::cache::LayerCache;
use tensor::{Tape, Var};

/// The tokens of a forward and their positions in their documents.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Token ids [t].
    pub tokens: &'a [u32],
    /// Positions [t].
    pub positions: &'a [u32],
}

/// What a row may look at.
pub enum Attend<'a, 'c> {
    /// Earlier rows of its own document.
    Packed(&'a [Span]),
    /// Its sequence's cache, to which the rows are appended; one cache a layer.
    Cached(&'c [CachedSeq<'c>], &'c mut [LayerCache]),
}

impl<'a> Attend<'a, '_> {
    /// The documents of the rows, for losses that are per document; none while generating.
    pub(crate) fn spans(&self) -> &'a [Span] {
        match self {
            Attend::Packed(spans) => spans,
            Attend::Cached(..) => &[],
        }
    }

    /// See [`Tape::attention`].
    pub(crate) fn attention(&mut self, tape: &mut Tape<'a>, layer_idx: usize, qkv: [&Var; 3], op: Attention) -> Var {
        let [q, k, v] = qkv;
        match self {
            Attend::Packed(spans) => tape.attention(q, k, v, op, spans),
            Attend::Cached(seqs, layers) => {
                layers[layer_idx].attend(tape, &op, seqs, [q.value(), k.value(), v.value()])
            }
        }
    }
}
