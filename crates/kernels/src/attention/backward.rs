//! The packed backward pass (FlashAttention 2): one task for each (document, key-value head, part of its query heads),
//! which goes through its query heads and blocks of rows in ascending order, and recomputes the probabilities from the
//! saved `lse`. Documents that share rows belong to one task, which adds up what they say of the shared keys. What the
//! parts of a group of heads say of their keys is added up in ascending order; how many there are follows from the shape.
//!
//! With P = exp(S - lse), D = sum(dout * out) of a row and dS = P * (dout v^T - D):
//! dv += P^T dout, dk += dS^T (scale q), dq = scale * dS k.

use super::pack::Rows;
use super::product::{Product, Start};
use super::{Attention, AttentionGrads, AttentionSaved, KV_BLOCK, Span};
use crate::isa::Isa;
use crate::lanes::{dot, load_n, store_n};
use crate::parallel::{SharedMut, for_rows, for_tasks};
use crate::scratch::{Scratch, with_scratch};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::collections::HashMap;
use std::ops::Range;

/// Query rows that meet a block of keys together.
const Q_BLOCK: usize = 64;
/// Rows (or keys) that share their limits at the diagonal.
const STEP: usize = 8;
/// The most parts of a group of query heads.
const MAX_PARTS: usize = 4;

pub(super) fn backward<T: Element>(
    isa: Isa,
    op: &Attention,
    spans: &[Span],
    fwd: AttentionSaved<'_, T>,
    dout: &[T],
    grads: AttentionGrads<T>,
) {
    let families = families(spans);
    let n_parts = op.group().min(MAX_PARTS);
    let part = |part: usize| part * op.group() / n_parts..(part + 1) * op.group() / n_parts;
    let work = Work { isa, op, families: &families, fwd, dout, dq: SharedMut::new(grads.dq) };
    let AttentionGrads { dk, dv, .. } = grads;
    if n_parts == 1 {
        return work.run(&[Part { heads: part(0), dk: SharedMut::new(dk), dv: SharedMut::new(dv) }]);
    }
    let (k_len, v_len) = (dk.len(), dv.len());
    if k_len == 0 {
        return; // no rows
    }
    with_scratch(&[n_parts * k_len, n_parts * v_len], |mut scratch| {
        let (all_dk, all_dv) = (scratch.take(n_parts * k_len), scratch.take(n_parts * v_len));
        let parts: Vec<Part<f32>> = all_dk
            .chunks_exact_mut(k_len)
            .zip(all_dv.chunks_exact_mut(v_len))
            .enumerate()
            .map(|(i, (dk, dv))| Part { heads: part(i), dk: SharedMut::new(dk), dv: SharedMut::new(dv) })
            .collect();
        work.run(&parts);
        drop(parts);
        let [_, k_row, v_row, _] = op.rows();
        for span in spans {
            add_parts(isa, (all_dk, dk), span.start * k_row..(span.start + span.len) * k_row);
            add_parts(isa, (all_dv, dv), span.start * v_row..(span.start + span.len) * v_row);
        }
    });
}

/// Some query heads of each group, and where the gradients of the keys and values go that they see.
struct Part<'o, D> {
    heads: Range<usize>,
    dk: SharedMut<'o, D>,
    dv: SharedMut<'o, D>,
}

/// What all tasks have in common.
struct Work<'a, 'o, T> {
    isa: Isa,
    op: &'a Attention,
    families: &'a [Family],
    fwd: AttentionSaved<'a, T>,
    dout: &'a [T],
    dq: SharedMut<'o, T>,
}

impl<T: Element> Work<'_, '_, T> {
    fn run<D: Element>(&self, parts: &[Part<'_, D>]) {
        let op = self.op;
        let heads = || (0..op.n_kv_heads).flat_map(|g| parts.iter().map(move |part| (g, part)));
        let tasks: Vec<_> =
            self.families.iter().flat_map(|family| heads().map(move |(g, part)| (family, g, part))).collect();
        let pairs: usize = self.families.iter().flat_map(|family| &family.0).map(Span::n_pairs).sum();
        let ops = 3 * pairs * op.n_heads * (op.qk_head_dim + op.v_head_dim);
        for_tasks(tasks.len(), ops, |i| {
            let (family, kv_head, part) = tasks[i];
            let lens: Vec<usize> = family.key_lens(op).into_iter().chain(row_lens(op)).collect();
            with_scratch(&lens, |scratch| {
                let (fwd, dout, dq) = (self.fwd, self.dout, &self.dq);
                dispatch(self.isa, Backward { op, family, kv_head, part, fwd, dout, dq, scratch });
            });
        });
    }
}

/// `sum[range]` = the parts' sum, in ascending order.
fn add_parts<T: Element>(isa: Isa, (parts, sum): (&[f32], &mut [T]), range: Range<usize>) {
    let len = sum.len();
    let sum = SharedMut::new(&mut sum[range.clone()]);
    for_rows(range.len(), parts.len() / len, |chunk| {
        // SAFETY: chunks are disjoint.
        let sum = unsafe { sum.part(chunk.start, chunk.len()) };
        dispatch(isa, AddParts { parts, len, start: range.start + chunk.start, sum });
    });
}

struct AddParts<'a, T> {
    /// One after another, each of `len` values.
    parts: &'a [f32],
    len: usize,
    /// The first value that is added up.
    start: usize,
    sum: &'a mut [T],
}

impl<T: Element> Kernel for AddParts<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let n = self.sum.len();
        for i in (0..n).step_by(S::LANES) {
            // SAFETY: the instruction set of `s` is available.
            let mut sum = unsafe { s.splat(0.0) };
            for part in self.parts.chunks_exact(self.len) {
                let part = &part[self.start..self.start + n];
                // SAFETY: both slices hold `n` elements and `i < n`.
                sum = unsafe { s.add(sum, load_n(s, part.as_ptr().add(i), n - i)) };
            }
            // SAFETY: as above.
            unsafe { store_n(s, self.sum.as_mut_ptr().add(i), n - i, sum) };
        }
    }
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

struct Backward<'a, 'o, T, D> {
    op: &'a Attention,
    family: &'a Family,
    kv_head: usize,
    part: &'a Part<'o, D>,
    fwd: AttentionSaved<'a, T>,
    dout: &'a [T],
    dq: &'a SharedMut<'o, T>,
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

impl<T: Element, D: Element> Kernel for Backward<'_, '_, T, D> {
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

impl<T: Element, D: Element> Backward<'_, '_, T, D> {
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
        for head in self.part.heads.clone().map(|head| self.kv_head * group + head) {
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
        write_rows(s, &self.part.dk, &k, own.clone(), (&keys.dk[own.start * d_pad..], d_pad), 1.0);
        write_rows(s, &self.part.dv, &v, own.clone(), (&keys.dv[own.start * e_pad..], e_pad), 1.0);
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
                ahead: std::ptr::null(),
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
                ahead: std::ptr::null(),
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
            ahead: std::ptr::null(),
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
fn write_rows<S: Simd, T: Element, D: Element>(
    s: S,
    dst: &SharedMut<'_, D>,
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
