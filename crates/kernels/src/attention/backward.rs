//! The packed backward pass (FlashAttention 2): one task for each (document, key-value head), which goes through the
//! query heads and blocks of rows in ascending order, and recomputes the probabilities from the saved `lse`. Documents
//! that share rows belong to one task, which adds up what they say of the shared keys.
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
use std::collections::HashMap;
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
    let families = families(spans);
    let tasks: Vec<(&Family, usize)> =
        families.iter().flat_map(|family| (0..op.n_kv_heads).map(move |g| (family, g))).collect();
    let pairs: usize = spans.iter().map(Span::n_pairs).sum();
    let ops = 3 * pairs * op.n_heads * (op.qk_head_dim + op.v_head_dim);
    let (dq, dk) = (SharedMut::new(grads.dq), SharedMut::new(grads.dk));
    let dv = SharedMut::new(grads.dv);
    for_tasks(tasks.len(), ops, |i| {
        let (family, kv_head) = tasks[i];
        let (dq, dk, dv) = (&dq, &dk, &dv);
        let lens: Vec<usize> = family.key_lens(op).into_iter().chain(row_lens(op)).collect();
        with_scratch(&lens, |scratch| {
            dispatch(isa, Backward { op, family, kv_head, fwd, dout, dq, dk, dv, scratch });
        });
    });
}

/// A document whose rows others share, after those others.
struct Family(Vec<Span>);

fn families(spans: &[Span]) -> Vec<Family> {
    let wanted = || spans.iter().filter(|span| span.len > 0);
    let mut shared: HashMap<usize, Vec<Span>> = HashMap::new();
    for span in wanted().filter(|span| span.shared.len > 0) {
        shared.entry(span.shared.start).or_default().push(*span);
    }
    let of = |span: &Span| {
        let mut family = shared.remove(&span.start).unwrap_or_default();
        family.push(*span);
        Family(family)
    };
    wanted().filter(|span| span.shared.len == 0).map(of).collect()
}

impl Family {
    /// The most positions of a document, and the most that are shared.
    fn n_positions(&self) -> [usize; 2] {
        let most = |of: fn(&Span) -> usize| self.0.iter().map(of).max().unwrap_or(0);
        [most(|span| span.positions().end), most(|span| span.shared.len)]
    }

    /// Scratch of [`Keys`], for any instruction set.
    fn key_lens(&self, op: &Attention) -> [usize; 7] {
        let (d, e) = (op.qk_head_dim, op.v_head_dim);
        let (d_pad, e_pad) = (d.next_multiple_of(16), e.next_multiple_of(16));
        let [all, shared] = self.n_positions();
        let all = all.next_multiple_of(KV_BLOCK);
        [d * all, d_pad * all, e * all, d_pad * all, e_pad * all, d_pad * shared, e_pad * shared]
    }
}

struct Backward<'a, 'o, T> {
    op: &'a Attention,
    family: &'a Family,
    kv_head: usize,
    fwd: AttentionSaved<'a, T>,
    dout: &'a [T],
    dq: &'a SharedMut<'o, T>,
    dk: &'a SharedMut<'o, T>,
    dv: &'a SharedMut<'o, T>,
    scratch: Scratch<'a>,
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
    /// What the documents so far add to dk of the rows that they share, `[positions, d]`.
    shared_dk: &'a mut [f32],
    /// The same of dv, `[positions, e]`.
    shared_dv: &'a mut [f32],
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
        let [k_t, k, v_t, dk, dv, shared_dk, shared_dv] =
            self.family.key_lens(self.op).map(|len| self.scratch.take(len));
        let [q_t, q, dout_t, dout, dq, p, ds] = row_lens(self.op).map(|len| self.scratch.take(len));
        shared_dk.fill(0.0);
        shared_dv.fill(0.0);
        let mut keys = Keys { k_t, k, v_t, dk, dv, shared_dk, shared_dv };
        let (lse, delta) = ([0.0; Q_BLOCK], [0.0; Q_BLOCK]);
        let mut queries = Queries { q_t, q, dout_t, dout, dq, p, ds, lse, delta };
        for span in &self.family.0 {
            self.document(s, dims, *span, &mut keys, &mut queries);
        }
    }
}

impl<T: Element> Backward<'_, '_, T> {
    /// Gradients of the span's own rows; what it adds to the rows that it shares is kept, and ends in their own span.
    #[inline(always)]
    fn document<S: Simd>(&self, s: S, dims: Dims, span: Span, keys: &mut Keys<'_>, queries: &mut Queries<'_>) {
        let Attention { n_heads, scale, .. } = *self.op;
        let Dims { d, d_pad, e_pad, .. } = dims;
        let own = span.positions();
        self.pack_keys(s, dims, span, keys);
        let (dk, dv) = (&mut keys.dk[..own.end * d_pad], &mut keys.dv[..own.end * e_pad]);
        dk.fill(0.0);
        dv.fill(0.0);
        if own.start == 0 {
            let n = keys.shared_dk.len().min(dk.len());
            dk[..n].copy_from_slice(&keys.shared_dk[..n]);
            let n = keys.shared_dv.len().min(dv.len());
            dv[..n].copy_from_slice(&keys.shared_dv[..n]);
        }
        let group = self.op.group();
        for head in self.kv_head * group..(self.kv_head + 1) * group {
            for first in own.clone().step_by(Q_BLOCK) {
                let rows = first..(first + Q_BLOCK).min(own.end);
                self.pack_rows(s, dims, span, head, rows.clone(), queries);
                for b in 0..rows.end.div_ceil(KV_BLOCK) {
                    // SAFETY: rows and keys are packed, and zero beyond their ends.
                    unsafe { block(s, dims, &rows, b, keys, queries) };
                }
                let dq = Rows { data: self.fwd.q, span, n_heads, head, width: d };
                write_rows(s, self.dq, &dq, rows, (queries.dq, d_pad), scale);
            }
        }
        let (k, v) = self.keys_of(span, dims);
        write_rows(s, self.dk, &k, own.clone(), (&keys.dk[own.start * d_pad..], d_pad), 1.0);
        write_rows(s, self.dv, &v, own.clone(), (&keys.dv[own.start * e_pad..], e_pad), 1.0);
        add(&mut keys.shared_dk[..own.start * d_pad], keys.dk);
        add(&mut keys.shared_dv[..own.start * e_pad], keys.dv);
    }

    /// The document's keys and values.
    #[inline(always)]
    fn keys_of(&self, span: Span, dims: Dims) -> (Rows<'_, T>, Rows<'_, T>) {
        let of = |data, width| Rows { data, span, n_heads: self.op.n_kv_heads, head: self.kv_head, width };
        (of(self.fwd.k, dims.d), of(self.fwd.v, dims.e))
    }

    #[inline(always)]
    fn pack_keys<S: Simd>(&self, s: S, dims: Dims, span: Span, keys: &mut Keys<'_>) {
        let Dims { d, e, d_pad, .. } = dims;
        let len = span.positions().end;
        let (k, v) = self.keys_of(span, dims);
        for b in 0..len.div_ceil(KV_BLOCK) {
            let first = b * KV_BLOCK;
            let n = (len - first).min(KV_BLOCK);
            let k_t = &mut keys.k_t[first * d..][..KV_BLOCK * d];
            k.pack_transposed(s, first..first + n, 1.0, (k_t, KV_BLOCK));
            let v_t = &mut keys.v_t[first * e..][..KV_BLOCK * e];
            v.pack_transposed(s, first..first + n, 1.0, (v_t, KV_BLOCK));
        }
        k.pack(s, 0..len, 1.0, (keys.k, d_pad));
    }

    #[inline(always)]
    fn pack_rows<S: Simd>(
        &self,
        s: S,
        dims: Dims,
        span: Span,
        head: usize,
        rows: Range<usize>,
        queries: &mut Queries<'_>,
    ) {
        let Dims { d, e, d_pad, e_pad } = dims;
        let (n_heads, scale, n) = (self.op.n_heads, self.op.scale, rows.len());
        let rows_of = |data, width| Rows { data, span, n_heads, head, width };
        let (q, dout, out) = (rows_of(self.fwd.q, d), rows_of(self.dout, e), rows_of(self.fwd.out, e));
        q.pack_transposed(s, rows.clone(), scale, (queries.q_t, Q_BLOCK));
        q.pack(s, rows.clone(), scale, (queries.q, d_pad));
        dout.pack_transposed(s, rows.clone(), 1.0, (queries.dout_t, Q_BLOCK));
        dout.pack(s, rows.clone(), 1.0, (queries.dout, e_pad));
        for (i, r) in rows.enumerate() {
            queries.lse[i] = self.fwd.lse[span.row(r) * n_heads + head];
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
        if n_keys == 0 {
            continue; // rows of a document that shares others need not begin with a block
        }
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

fn add(sums: &mut [f32], to_add: &[f32]) {
    for (sum, x) in sums.iter_mut().zip(to_add) {
        *sum += x;
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
        let dst = unsafe { dst.part(like.at(r), like.width) };
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
