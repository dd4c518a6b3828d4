//! The packed backward pass (FlashAttention 2): one task for each (document, key-value head), which goes through the
//! query heads and blocks of rows in ascending order, and recomputes the probabilities from the saved `lse`.
//!
//! With P = exp(S - lse), D = sum(dout * out) of a row and dS = P * (dout v^T - D):
//! dv += P^T dout, dk += dS^T (scale q), dq = scale * dS k.

use super::pack::Rows;
use super::product::{Product, Start};
use super::{Attention, AttentionGrads, AttentionSaved, KV_BLOCK, Span};
use crate::isa::Isa;
use crate::lanes::{dot, load_n, store_n};
use crate::parallel::{SharedMut, for_tasks};
use crate::scratch::{Scratch, with_scratch};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::ops::Range;

/// Query rows that meet a block of keys together.
const Q_BLOCK: usize = 64;
/// Rows (or keys) that share their limits at the diagonal.
const STEP: usize = 8;

pub(super) fn backward<T: Element>(
    isa: Isa,
    op: &Attention,
    spans: &[Span],
    fwd: AttentionSaved<'_, T>,
    dout: &[T],
    grads: AttentionGrads<T>,
) {
    let tasks: Vec<(Span, usize)> =
        spans.iter().filter(|span| span.len > 0).flat_map(|span| (0..op.n_kv_heads).map(move |g| (*span, g))).collect();
    let pairs: usize = spans.iter().map(|span| span.len * span.len / 2 + span.len).sum();
    let ops = 3 * pairs * op.n_heads * (op.qk_head_dim + op.v_head_dim);
    let (dq, dk) = (SharedMut::new(grads.dq), SharedMut::new(grads.dk));
    let dv = SharedMut::new(grads.dv);
    for_tasks(tasks.len(), ops, |i| {
        let (span, kv_head) = tasks[i];
        let (dq, dk, dv) = (&dq, &dk, &dv);
        let lens: Vec<usize> = key_lens(op, span).into_iter().chain(row_lens(op)).collect();
        with_scratch(&lens, |scratch| {
            dispatch(isa, Backward { op, span, kv_head, fwd, dout, dq, dk, dv, scratch });
        });
    });
}

struct Backward<'a, 'o, T> {
    op: &'a Attention,
    span: Span,
    kv_head: usize,
    fwd: AttentionSaved<'a, T>,
    dout: &'a [T],
    dq: &'a SharedMut<'o, T>,
    dk: &'a SharedMut<'o, T>,
    dv: &'a SharedMut<'o, T>,
    scratch: Scratch<'a>,
}

/// Scratch of [`Keys`], for any instruction set.
fn key_lens(op: &Attention, span: Span) -> [usize; 5] {
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let (d_pad, e_pad) = (d.next_multiple_of(16), e.next_multiple_of(16));
    [d, d_pad, e, d_pad, e_pad].map(|width| width * span.len.next_multiple_of(KV_BLOCK))
}

/// Scratch of [`Queries`], for any instruction set.
fn row_lens(op: &Attention) -> [usize; 7] {
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let (d_pad, e_pad) = (d.next_multiple_of(16), e.next_multiple_of(16));
    [d, d_pad, e, e_pad, d_pad, KV_BLOCK, KV_BLOCK].map(|width| width * Q_BLOCK)
}

/// The keys' side of a task: d and e are rounded up to whole vectors in rows.
struct Keys<'a> {
    /// `[b, d, KV_BLOCK]`
    k_t: &'a mut [f32],
    /// `[positions, d]`
    k: &'a mut [f32],
    /// `[b, e, KV_BLOCK]`
    v_t: &'a mut [f32],
    /// `[positions, d]`
    dk: &'a mut [f32],
    /// `[positions, e]`
    dv: &'a mut [f32],
}

/// The rows' side: one block of query rows.
struct Queries<'a> {
    /// Scaled, `[d, Q_BLOCK]`.
    q_t: &'a mut [f32],
    /// Scaled, `[Q_BLOCK, d]`.
    q: &'a mut [f32],
    /// `[e, Q_BLOCK]`
    dout_t: &'a mut [f32],
    /// `[Q_BLOCK, e]`
    dout: &'a mut [f32],
    /// `[Q_BLOCK, d]`
    dq: &'a mut [f32],
    /// Probabilities `[Q_BLOCK, KV_BLOCK]`.
    p: &'a mut [f32],
    /// Gradients of the scores `[Q_BLOCK, KV_BLOCK]`.
    ds: &'a mut [f32],
    /// Per row.
    lse: [f32; Q_BLOCK],
    /// `sum(dout * out)` per row.
    delta: [f32; Q_BLOCK],
}

/// Columns of queries and values, plain and rounded up to whole vectors.
#[derive(Clone, Copy)]
struct Dims {
    d: usize,
    e: usize,
    d_pad: usize,
    e_pad: usize,
}

impl<T: Element> Kernel for Backward<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Attention { qk_head_dim: d, v_head_dim: e, .. } = *self.op;
        let (d_pad, e_pad) = (d.next_multiple_of(S::LANES), e.next_multiple_of(S::LANES));
        let dims = Dims { d, e, d_pad, e_pad };
        let [k_t, k, v_t, dk, dv] = key_lens(self.op, self.span).map(|len| self.scratch.take(len));
        let [q_t, q, dout_t, dout, dq, p, ds] = row_lens(self.op).map(|len| self.scratch.take(len));
        let mut keys = Keys { k_t, k, v_t, dk, dv };
        let (lse, delta) = ([0.0; Q_BLOCK], [0.0; Q_BLOCK]);
        let mut queries = Queries { q_t, q, dout_t, dout, dq, p, ds, lse, delta };
        self.pack_keys(s, dims, &mut keys);
        let group = self.op.group();
        for head in self.kv_head * group..(self.kv_head + 1) * group {
            for first in (0..self.span.len).step_by(Q_BLOCK) {
                let rows = first..(first + Q_BLOCK).min(self.span.len);
                self.pack_rows(s, dims, head, rows.clone(), &mut queries);
                for b in 0..rows.end.div_ceil(KV_BLOCK) {
                    // SAFETY: rows and keys are packed, and zero beyond their ends.
                    unsafe { block(s, dims, &rows, b, &mut keys, &mut queries) };
                }
                let dq = self.rows_of(self.fwd.q, self.op.n_heads, head, d);
                write_rows(s, self.dq, &dq, rows, (queries.dq, d_pad), self.op.scale);
            }
        }
        let all = 0..self.span.len;
        let dk = self.rows_of(self.fwd.k, self.op.n_kv_heads, self.kv_head, d);
        write_rows(s, self.dk, &dk, all.clone(), (keys.dk, d_pad), 1.0);
        let dv = self.rows_of(self.fwd.v, self.op.n_kv_heads, self.kv_head, e);
        write_rows(s, self.dv, &dv, all, (keys.dv, e_pad), 1.0);
    }
}

impl<T: Element> Backward<'_, '_, T> {
    /// The span's rows of one head in `[t, n_heads, width]`.
    #[inline(always)]
    fn rows_of<'d>(&self, data: &'d [T], n_heads: usize, head: usize, width: usize) -> Rows<'d, T> {
        Rows { data, offset: (self.span.start * n_heads + head) * width, stride: n_heads * width, width }
    }

    #[inline(always)]
    fn pack_keys<S: Simd>(&self, s: S, dims: Dims, keys: &mut Keys<'_>) {
        let Dims { d, e, d_pad, e_pad } = dims;
        let len = self.span.len;
        let k = self.rows_of(self.fwd.k, self.op.n_kv_heads, self.kv_head, d);
        let v = self.rows_of(self.fwd.v, self.op.n_kv_heads, self.kv_head, e);
        for b in 0..len.div_ceil(KV_BLOCK) {
            let first = b * KV_BLOCK;
            let n = (len - first).min(KV_BLOCK);
            let k_t = &mut keys.k_t[first * d..][..KV_BLOCK * d];
            k.pack_transposed(s, first..first + n, 1.0, (k_t, KV_BLOCK));
            let v_t = &mut keys.v_t[first * e..][..KV_BLOCK * e];
            v.pack_transposed(s, first..first + n, 1.0, (v_t, KV_BLOCK));
        }
        k.pack(s, 0..len, 1.0, (keys.k, d_pad));
        keys.dk[..len * d_pad].fill(0.0);
        keys.dv[..len * e_pad].fill(0.0);
    }

    #[inline(always)]
    fn pack_rows<S: Simd>(&self, s: S, dims: Dims, head: usize, rows: Range<usize>, queries: &mut Queries<'_>) {
        let Dims { d, e, d_pad, e_pad } = dims;
        let (n_heads, scale, n) = (self.op.n_heads, self.op.scale, rows.len());
        let q = self.rows_of(self.fwd.q, n_heads, head, d);
        let dout = self.rows_of(self.dout, n_heads, head, e);
        let out = self.rows_of(self.fwd.out, n_heads, head, e);
        q.pack_transposed(s, rows.clone(), scale, (queries.q_t, Q_BLOCK));
        q.pack(s, rows.clone(), scale, (queries.q, d_pad));
        dout.pack_transposed(s, rows.clone(), 1.0, (queries.dout_t, Q_BLOCK));
        dout.pack(s, rows.clone(), 1.0, (queries.dout, e_pad));
        for (i, r) in rows.enumerate() {
            queries.lse[i] = self.fwd.lse[(self.span.start + r) * n_heads + head];
            queries.delta[i] = dot(s, dout.row(r), out.row(r));
        }
        queries.dq[..n * d_pad].fill(0.0);
    }
}

/// What one block of rows and one block of keys add to dq, dk and dv.
///
/// # Safety
/// `keys` holds the packed block b, `queries` the packed `rows`, some of which see the block.
#[inline(always)]
unsafe fn block<S: Simd>(
    s: S,
    dims: Dims,
    rows: &Range<usize>,
    b: usize,
    keys: &mut Keys<'_>,
    queries: &mut Queries<'_>,
) {
    let first = b * KV_BLOCK;
    // Away from the diagonal all rows see all keys and go through each product together.
    let step = if first + KV_BLOCK <= rows.start + 1 { Q_BLOCK } else { STEP };
    let n_rows = rows.len();
    for r in (0..n_rows).step_by(step) {
        let m = (n_rows - r).min(step);
        let last = rows.start + r + m - 1;
        let n_keys = (last + 1).saturating_sub(first).min(KV_BLOCK);
        unsafe {
            scores(s, dims, (r, m), (first, n_keys), keys, queries);
            for i in r..r + m {
                let seen = (rows.start + i + 1).saturating_sub(first).min(KV_BLOCK);
                probabilities(s, i, seen, n_keys, queries);
            }
            s.call(Product::<f32, true> {
                m,
                n: dims.d_pad / S::LANES,
                k: n_keys,
                a: queries.ds.as_ptr().add(r * KV_BLOCK),
                a_stride: 0,
                b: keys.k.as_ptr().add(first * dims.d_pad),
                b_stride: dims.d_pad,
                c: queries.dq.as_mut_ptr().add(r * dims.d_pad),
                c_stride: dims.d_pad,
                start: Start::Keep,
            });
        }
    }
    let n_keys = (rows.end - first).min(KV_BLOCK);
    for j in (0..n_keys).step_by(step) {
        let m = (n_keys - j).min(step);
        // The first row that sees key j.
        let r = (first + j).saturating_sub(rows.start);
        let product = |a: &[f32], b: &[f32], c: &mut [f32], width: usize| unsafe {
            s.call(Product::<f32, false> {
                m,
                n: width / S::LANES,
                k: n_rows - r,
                a: a.as_ptr().add(r * KV_BLOCK + j),
                a_stride: KV_BLOCK,
                b: b.as_ptr().add(r * width),
                b_stride: width,
                c: c.as_mut_ptr().add((first + j) * width),
                c_stride: width,
                start: Start::Keep,
            });
        };
        product(queries.p, queries.dout, keys.dv, dims.e_pad);
        product(queries.ds, queries.q, keys.dk, dims.d_pad);
    }
}

/// `p = q k^T` and `ds = dout v^T` for `m` rows from `r` and `n_keys` keys from `first`, a block's beginning.
#[inline(always)]
unsafe fn scores<S: Simd>(
    s: S,
    dims: Dims,
    (r, m): (usize, usize),
    (first, n_keys): (usize, usize),
    keys: &Keys<'_>,
    queries: &mut Queries<'_>,
) {
    let product = |k: usize, a: &[f32], b: &[f32], c: &mut [f32]| unsafe {
        s.call(Product::<f32, false> {
            m,
            n: n_keys.div_ceil(S::LANES),
            k,
            a: a.as_ptr().add(r),
            a_stride: Q_BLOCK,
            b: b.as_ptr().add(first * k),
            b_stride: KV_BLOCK,
            c: c.as_mut_ptr().add(r * KV_BLOCK),
            c_stride: KV_BLOCK,
            start: Start::Zero,
        });
    };
    product(dims.d, queries.q_t, keys.k_t, queries.p);
    product(dims.e, queries.dout_t, keys.v_t, queries.ds);
}

/// Row i's scores become probabilities and `dout v^T` becomes the scores' gradient; 0 from key `seen` to the end of
/// the block.
#[inline(always)]
unsafe fn probabilities<S: Simd>(s: S, i: usize, seen: usize, n_keys: usize, queries: &mut Queries<'_>) {
    let p = queries.p[i * KV_BLOCK..][..KV_BLOCK].as_mut_ptr();
    let ds = queries.ds[i * KV_BLOCK..][..KV_BLOCK].as_mut_ptr();
    for j in (0..KV_BLOCK).step_by(S::LANES) {
        unsafe {
            let (mut prob, mut grad) = (s.splat(0.0), s.splat(0.0));
            if j < n_keys.min(seen) {
                let left = seen - j;
                let score = if left >= S::LANES {
                    s.load_f32(p.add(j))
                } else {
                    s.load_partial(p.add(j), left, f32::NEG_INFINITY)
                };
                prob = s.exp(s.sub(score, s.splat(queries.lse[i])));
                let through = load_n(s, ds.add(j), left);
                grad = s.mul(prob, s.sub(through, s.splat(queries.delta[i])));
            }
            s.store_f32(p.add(j), prob);
            s.store_f32(ds.add(j), grad);
        }
    }
}

/// `dst`'s rows, laid out as `like`, = `by * src`.
#[inline(always)]
fn write_rows<S: Simd, T: Element>(
    s: S,
    dst: &SharedMut<'_, T>,
    like: &Rows<'_, T>,
    rows: Range<usize>,
    (src, src_stride): (&[f32], usize),
    by: f32,
) {
    for (r, src) in rows.zip(src.chunks_exact(src_stride)) {
        // SAFETY: each row of each head belongs to one task.
        let dst = unsafe { dst.part(like.offset + r * like.stride, like.width) };
        let mut c = 0;
        while c < like.width {
            let n = like.width - c;
            // SAFETY: both hold `width` elements and `c < width`.
            unsafe {
                let v = s.mul(load_n(s, src.as_ptr().add(c), n), s.splat(by));
                store_n(s, dst.as_mut_ptr().add(c), n, v);
            }
            c += S::LANES;
        }
    }
}
