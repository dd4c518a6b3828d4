//! The packed forward pass: one task for each (document, key-value head, chunk of query rows).

use super::pack::Rows;
use super::tile::{Attend, KvBlocks, TILE, TileScratch, write_row};
use super::{Attention, Inputs, KV_BLOCK, Span};
use crate::isa::Isa;
use crate::parallel::{SharedMut, for_tasks};
use crate::pool;
use crate::scratch::{Scratch, with_scratch};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::ops::Range;

/// Fewer query rows than this are not worth packing a document's keys again.
const MIN_CHUNK: usize = 128;

/// Query positions `rows` of one document, its own, all heads that share one key-value head.
struct Task {
    span: Span,
    kv_head: usize,
    rows: Range<usize>,
}

pub(super) fn forward<T: Element>(
    isa: Isa,
    op: &Attention,
    spans: &[Span],
    inputs: Inputs<'_, T>,
    out: &mut [T],
    lse: &mut [f32],
) {
    let tasks = tasks(op, spans);
    let pairs: usize = spans.iter().map(Span::n_pairs).sum();
    let ops = pairs * op.n_heads * (op.qk_head_dim + op.v_head_dim);
    let (out, lse) = (SharedMut::new(out), SharedMut::new(lse));
    for_tasks(tasks.len(), ops, |i| {
        let task = &tasks[i];
        with_scratch(&lens(op, task.rows.end), |scratch| {
            dispatch(isa, Forward { op, task, inputs, out: &out, lse: &lse, scratch });
        });
    });
}

/// Enough tasks for every thread: where documents and heads are few, their rows are split.
fn tasks(op: &Attention, spans: &[Span]) -> Vec<Task> {
    let wanted = 4 * pool::n_threads();
    let whole = (spans.len() * op.n_kv_heads).max(1);
    let mut tasks = Vec::new();
    for span in spans.iter().filter(|span| span.len > 0) {
        let chunk = span.len.div_ceil(wanted.div_ceil(whole)).max(MIN_CHUNK);
        let chunk = chunk.next_multiple_of(TILE);
        for kv_head in 0..op.n_kv_heads {
            for start in span.positions().step_by(chunk) {
                let rows = start..(start + chunk).min(span.positions().end);
                tasks.push(Task { span: *span, kv_head, rows });
            }
        }
    }
    tasks
}

/// Scratch for keys, values and the tile's own, for any instruction set.
fn lens(op: &Attention, n_keys: usize) -> [usize; 5] {
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let [q, p, o] = TileScratch::lens(d, e);
    let k = n_keys.next_multiple_of(KV_BLOCK) * d;
    [k, n_keys * e.next_multiple_of(16), q, p, o]
}

struct Forward<'a, 'o, T> {
    op: &'a Attention,
    task: &'a Task,
    inputs: Inputs<'a, T>,
    out: &'a SharedMut<'o, T>,
    lse: &'a SharedMut<'o, f32>,
    scratch: Scratch<'a>,
}

impl<T: Element> Kernel for Forward<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Attention { qk_head_dim: d, v_head_dim: e, .. } = *self.op;
        let v_stride = e.next_multiple_of(S::LANES);
        let [k, v, q, p, o] = lens(self.op, self.task.rows.end).map(|len| self.scratch.take(len));
        self.pack(s, k, (v, v_stride));
        let kv = KvBlocks { k: &*k, v: &*v, table: None, n_kv_heads: 1, kv_head: 0, next: None, d, v_stride };
        let mut scratch = TileScratch { q, p, o };
        let group = self.op.group();
        for head in self.task.kv_head * group..(self.task.kv_head + 1) * group {
            for first in self.task.rows.clone().step_by(TILE) {
                let last = (first + TILE).min(self.task.rows.end);
                self.tile(s, &kv, head, first..last, &mut scratch);
            }
        }
    }
}

impl<T: Element> Forward<'_, '_, T> {
    /// Packs the keys and values that the task's rows see.
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, k: &mut [f32], v: (&mut [f32], usize)) {
        let Attention { n_kv_heads, qk_head_dim: d, v_head_dim: e, .. } = *self.op;
        let Task { span, kv_head, rows } = self.task;
        let rows_of = |data, width| Rows { data, span: *span, n_heads: n_kv_heads, head: *kv_head, width };
        let keys = rows_of(self.inputs.k, d);
        for (b, k) in k.chunks_exact_mut(d * KV_BLOCK).enumerate() {
            let n = (rows.end - b * KV_BLOCK).min(KV_BLOCK);
            keys.pack_transposed(s, b * KV_BLOCK..b * KV_BLOCK + n, 1.0, (k, KV_BLOCK));
        }
        rows_of(self.inputs.v, e).pack(s, 0..rows.end, 1.0, v);
    }

    #[inline(always)]
    fn tile<S: Simd>(
        &self,
        s: S,
        kv: &KvBlocks<'_, f32>,
        head: usize,
        positions: Range<usize>,
        scratch: &mut TileScratch<'_>,
    ) {
        let Attention { n_heads, qk_head_dim: d, v_head_dim: e, scale, .. } = *self.op;
        let row_of = |p: usize| self.task.span.row(p) * n_heads + head;
        let mut limits = [0; TILE];
        for (r, p) in positions.clone().enumerate() {
            scratch.set_query(r, positions.len(), &self.inputs.q[row_of(p) * d..][..d], scale);
            limits[r] = p + 1;
        }
        let limits = &limits[..positions.len()];
        let result = s.call(Attend { kv, o_stride: kv.v_stride, limits, scratch });
        for (r, p) in positions.enumerate() {
            // SAFETY: each (row, head) belongs to one tile of one task.
            let out = unsafe { self.out.part(row_of(p) * e, e) };
            write_row(s, r, &scratch.o[r * kv.v_stride..], &result, out);
            if !self.lse.is_empty() {
                // SAFETY: as above.
                unsafe { self.lse.part(row_of(p), 1)[0] = result.lse(r) };
            }
        }
    }
}
