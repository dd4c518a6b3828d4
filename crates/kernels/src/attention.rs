//! Causal attention over packed documents, forward and backward, without ever holding the score matrix; and the cached
//! form that decoding uses, with the same bits.
//!
//! The scheme is FlashAttention's: a row meets its document's keys in blocks of [`KV_BLOCK`] positions counted from the
//! document's start, keeps a running maximum, sum and output, and rescales them when the maximum grows. Everything is
//! in f32 (bf16 inputs are widened when they are packed). Order, for one row, whatever lies beside or beyond it: a score
//! is one chain over d ascending; a block's exponentials are summed lane by lane; the output is one chain over positions
//! ascending. A masked position contributes exactly 0.
//!
//! Letters: t packed rows, h query heads, g key-value heads (`n_kv_heads`; head h reads g = h / (n_heads / n_kv_heads)),
//! d columns of queries and keys (`qk_head_dim`), e columns of values (`v_head_dim`), b KV blocks.

mod backward;
mod cached;
mod forward;
mod pack;
mod product;
mod tile;

use crate::isa::Isa;
use crate::simd::Element;

pub use cached::{Cache, CachedSeq, attention_cached, attention_cached_on, kv_cache_write};

/// Positions in one block of keys and values.
pub const KV_BLOCK: usize = 64;

/// The shape of one attention.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Query heads, a multiple of `n_kv_heads`.
    pub n_heads: usize,
    /// Key-value heads.
    pub n_kv_heads: usize,
    /// Columns of a query or key.
    pub qk_head_dim: usize,
    /// Columns of a value.
    pub v_head_dim: usize,
    /// What scores are multiplied by.
    pub scale: f32,
}

/// One document in the packed rows; spans do not overlap. Rows outside every span are neither read nor written.
///
/// A document may begin as another one does, with `shared` rows that are computed once for all: the answers to one prompt
/// are such documents. Its positions are those rows', then its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First of its own rows.
    pub start: usize,
    /// Its own rows.
    pub len: usize,
    /// Rows of another span that come before them.
    pub shared: Shared,
}

/// The first rows of a span that shares nothing itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// First row, which is its span's first.
    pub start: usize,
    /// Rows; 0 for a document that has all its rows to itself.
    pub len: usize,
}

impl Span {
    /// A document that has all its rows to itself.
    pub fn new(start: usize, len: usize) -> Span {
        Span { start, len, shared: Shared::default() }
    }

    /// The positions of the span's own rows in its document.
    pub fn positions(&self) -> std::ops::Range<usize> {
        self.shared.len..self.shared.len + self.len
    }

    /// The row of a position.
    fn row(&self, position: usize) -> usize {
        match position.checked_sub(self.shared.len) {
            None => self.shared.start + position,
            Some(own) => self.start + own,
        }
    }

    /// Pairs of a row and a position that it sees, about.
    fn n_pairs(&self) -> usize {
        self.len * (self.shared.len + self.len / 2 + 1)
    }
}

impl Attention {
    /// Query heads that share one key-value head.
    fn group(&self) -> usize {
        self.n_heads / self.n_kv_heads
    }

    /// Elements of one row of q, k, v and out.
    fn rows(&self) -> [usize; 4] {
        [
            self.n_heads * self.qk_head_dim,
            self.n_kv_heads * self.qk_head_dim,
            self.n_kv_heads * self.v_head_dim,
            self.n_heads * self.v_head_dim,
        ]
    }

    /// The number of packed rows, after checking that everything fits them.
    fn check(&self, name: &str, spans: &[Span], lens: [usize; 4]) -> usize {
        let rows = self.rows();
        assert!(
            rows.iter().all(|row| *row > 0) && self.n_heads.is_multiple_of(self.n_kv_heads),
            "{name}: {self:?} is no attention"
        );
        let t = lens[0] / rows[0];
        let want = rows.map(|row| t * row);
        assert!(lens == want, "{name}: {self:?} of {t} rows: q, k, v and out have {lens:?} elements, not {want:?}");
        check_spans(name, spans.to_vec(), t);
        t
    }
}

/// Spans stay inside `t` rows and apart, which lets threads write them at the same time, and share what is there.
pub(crate) fn check_spans(name: &str, mut spans: Vec<Span>, t: usize) {
    for span in spans.iter().filter(|span| span.shared.len > 0) {
        let has = |of: &Span| of.shared.len == 0 && of.start == span.shared.start && of.len >= span.shared.len;
        assert!(spans.iter().any(has), "{name}: {span:?} shares rows that begin no span");
    }
    spans.sort_by_key(|span| span.start);
    let mut end = 0;
    for span in spans.into_iter().filter(|span| span.len > 0) {
        assert!(
            span.start >= end && span.start + span.len <= t,
            "{name}: {span:?} overlaps another or ends after {t} rows"
        );
        end = span.start + span.len;
    }
}

/// `out = softmax(scale * q k^T, causal within each span) v` for q `[t, h, d]`, k `[t, g, d]`, v `[t, g, e]`, out
/// `[t, h, e]`. `lse`, `[t, h]` or empty when not wanted, receives each row's logarithm of its sum of exponentials,
/// which the backward pass needs.
///
/// # Panics
/// When a length does not fit or spans overlap.
pub fn attention_forward<T: Element>(
    op: &Attention,
    spans: &[Span],
    q: &[T],
    k: &[T],
    v: &[T],
    out: &mut [T],
    lse: &mut [f32],
) {
    attention_forward_on(Isa::active(), op, spans, Inputs { q, k, v }, out, lse);
}

/// What attention reads.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, T> {
    /// `[t, h, d]`
    pub q: &'a [T],
    /// `[t, g, d]`
    pub k: &'a [T],
    /// `[t, g, e]`
    pub v: &'a [T],
}

/// [`attention_forward`] on a given instruction set.
pub fn attention_forward_on<T: Element>(
    isa: Isa,
    op: &Attention,
    spans: &[Span],
    inputs: Inputs<'_, T>,
    out: &mut [T],
    lse: &mut [f32],
) {
    let Inputs { q, k, v } = inputs;
    let t = op.check("attention_forward", spans, [q.len(), k.len(), v.len(), out.len()]);
    assert!(
        lse.is_empty() || lse.len() == t * op.n_heads,
        "attention_forward: lse has {} elements for {t} rows of {} heads",
        lse.len(),
        op.n_heads
    );
    forward::forward(isa, op, spans, inputs, out, lse);
}

/// What the backward pass needs of the forward's inputs and results.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSaved<'a, T> {
    /// `[t, h, d]`
    pub q: &'a [T],
    /// `[t, g, d]`
    pub k: &'a [T],
    /// `[t, g, e]`
    pub v: &'a [T],
    /// `[t, h, e]`
    pub out: &'a [T],
    /// `[t, h]`
    pub lse: &'a [f32],
}

/// Where the backward pass writes, with the shapes of q, k and v.
#[derive(Debug)]
pub struct AttentionGrads<'a, T> {
    /// `[t, h, d]`
    pub dq: &'a mut [T],
    /// `[t, g, d]`
    pub dk: &'a mut [T],
    /// `[t, g, e]`
    pub dv: &'a mut [T],
}

/// Gradients of [`attention_forward`], written for the rows of the spans. For one key, rows are summed in ascending
/// order of (query head, position), first over each document that shares it, then over its own; of a group of query heads
/// in up to four parts, which are then added up.
///
/// # Panics
/// When a length does not fit or spans overlap.
pub fn attention_backward<T: Element>(
    op: &Attention,
    spans: &[Span],
    fwd: AttentionSaved<'_, T>,
    dout: &[T],
    grads: AttentionGrads<T>,
) {
    attention_backward_on(Isa::active(), op, spans, fwd, dout, grads);
}

/// [`attention_backward`] on a given instruction set.
pub fn attention_backward_on<T: Element>(
    isa: Isa,
    op: &Attention,
    spans: &[Span],
    fwd: AttentionSaved<'_, T>,
    dout: &[T],
    grads: AttentionGrads<T>,
) {
    const NAME: &str = "attention_backward";
    let lens = [fwd.q.len(), fwd.k.len(), fwd.v.len(), fwd.out.len()];
    let t = op.check(NAME, spans, lens);
    let got = [grads.dq.len(), grads.dk.len(), grads.dv.len(), dout.len()];
    assert!(
        got == lens && fwd.lse.len() == t * op.n_heads,
        "{NAME}: {op:?} of {t} rows: dq, dk, dv and dout have {got:?} elements, not {lens:?}; lse has {}",
        fwd.lse.len()
    );
    backward::backward(isa, op, spans, fwd, dout, grads);
}

#[cfg(test)]
mod tests;
