//! One tile of query rows against the blocks of keys that it sees.

use crate::attention::KV_BLOCK;
use crate::attention::product::{Product, Start};
use crate::lanes::{load_n, store_n};
use crate::simd::{Element, Kernel, Simd};
use std::ops::Range;

/// The most query rows in a tile: enough to reuse a block of keys from the first-level cache.
pub(super) const TILE: usize = 32;
/// Rows that share their limit at the diagonal.
const STEP: usize = 8;

/// Where a tile's keys and values are. A block has its keys transposed, `[d, KV_BLOCK]`, and its values in rows of
/// `v_stride` columns, whose columns beyond e, up to a whole vector, are finite.
pub(super) struct KvBlocks<'a, T> {
    /// Blocks of keys.
    pub(super) k: &'a [T],
    /// Blocks of values.
    pub(super) v: &'a [T],
    /// The indices of blocks 0, 1, .. in `k` and `v`, each then times `n_kv_heads` plus `kv_head`; none: they follow
    /// each other.
    pub(super) table: Option<&'a [u32]>,
    pub(super) n_kv_heads: usize,
    pub(super) kv_head: usize,
    /// What is read after the last block, as an index in `k` and `v`, where that is known.
    pub(super) next: Option<usize>,
    /// Columns of a key.
    pub(super) d: usize,
    /// Elements from one row of values to the next.
    pub(super) v_stride: usize,
}

impl<T> KvBlocks<'_, T> {
    /// The keys and values that are read after those of block b of `n_blocks`, to be asked for meanwhile: a decoded row
    /// spends less time on a block in the cache than the block takes to come from memory.
    #[inline(always)]
    fn after(&self, b: usize, n_blocks: usize) -> [*const T; 2] {
        let at = match self.table {
            None => None,
            Some(table) if b + 1 < n_blocks => Some(table[b + 1] as usize * self.n_kv_heads + self.kv_head),
            Some(_) => self.next,
        };
        // What is there already costs nothing to ask for.
        let at = at.unwrap_or_else(|| self.index(b));
        let part = |x: &[T], len: usize| x.as_ptr().wrapping_add(at * len);
        [part(self.k, KV_BLOCK * self.d), part(self.v, KV_BLOCK * self.v_stride)]
    }

    /// Where block b is in `k` and `v`.
    #[inline(always)]
    fn index(&self, b: usize) -> usize {
        self.table.map_or(b, |table| table[b] as usize * self.n_kv_heads + self.kv_head)
    }

    /// `(keys, values)` of block b; the last block of values may be cut short.
    #[inline(always)]
    pub(super) fn block(&self, b: usize) -> (&[T], &[T]) {
        let at = self.index(b);
        let v = &self.v[at * KV_BLOCK * self.v_stride..];
        (&self.k[at * KV_BLOCK * self.d..][..KV_BLOCK * self.d], &v[..v.len().min(KV_BLOCK * self.v_stride)])
    }
}

/// Scratch of one tile.
pub(super) struct TileScratch<'a> {
    /// Queries times the scale, `[d, q_stride]`.
    pub(super) q: &'a mut [f32],
    /// Scores, then probabilities, `[TILE, KV_BLOCK]`.
    pub(super) p: &'a mut [f32],
    /// Outputs, `[TILE, o_stride]`: e rounded up to vectors.
    pub(super) o: &'a mut [f32],
}

impl TileScratch<'_> {
    /// Lengths of the three, for any instruction set.
    pub(super) fn lens(d: usize, e: usize) -> [usize; 3] {
        [d * TILE, TILE * KV_BLOCK, TILE * e.next_multiple_of(16)]
    }

    /// Row r's query, widened and scaled; `q_stride` is the tile's rows.
    #[inline(always)]
    pub(super) fn set_query<T: Element>(&mut self, r: usize, q_stride: usize, q: &[T], scale: f32) {
        for (q, slot) in q.iter().zip(self.q[r..].iter_mut().step_by(q_stride)) {
            *slot = q.to_f32() * scale;
        }
    }
}

/// Each row's running statistics.
pub(super) struct TileResult {
    /// The largest score.
    max: [f32; TILE],
    /// The sum of exponentials relative to it.
    sum: [f32; TILE],
}

impl TileResult {
    /// ln of the sum of exponentials of row r's scores.
    pub(super) fn lse(&self, r: usize) -> f32 {
        self.max[r] + f64::from(self.sum[r]).ln() as f32
    }
}

/// Attends the rows whose queries are in `scratch.q`; the outputs, not yet divided by the sums, are left in
/// `scratch.o`, in rows of `o_stride` columns. `kv` holds the blocks up to the largest limit.
pub(super) struct Attend<'a, 's, T> {
    pub(super) kv: &'a KvBlocks<'a, T>,
    /// Columns of an output row: e rounded up to vectors.
    pub(super) o_stride: usize,
    /// Row r, of at most [`TILE`], sees positions `0..limits[r]`: at least one.
    pub(super) limits: &'a [usize],
    pub(super) scratch: &'a mut TileScratch<'s>,
}

impl<T: Element> Kernel for Attend<'_, '_, T> {
    type Output = TileResult;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> TileResult {
        let Attend { kv, o_stride, limits, scratch } = self;
        let m = limits.len();
        let furthest = limits.iter().copied().max().unwrap_or(0);
        let nearest = limits.iter().copied().min().unwrap_or(0);
        let mut max = [f32::NEG_INFINITY; TILE];
        // SAFETY: the instruction set of `s` is available.
        let mut sums = unsafe { [s.splat(0.0); TILE] };
        scratch.o[..m * o_stride].fill(0.0);
        let n_blocks = furthest.div_ceil(KV_BLOCK);
        for b in 0..n_blocks {
            let ahead = kv.after(b, n_blocks);
            let step = if nearest >= (b + 1) * KV_BLOCK { TILE } else { STEP };
            for r in (0..m).step_by(step) {
                let part = r..(r + step).min(m);
                let statistics = (&mut max, &mut sums);
                // SAFETY: the instruction set of `s` is available; `block` checks lengths.
                unsafe { block(s, kv, (b, ahead), part, (limits, o_stride), scratch, statistics) };
            }
        }
        let mut sum = [0.0; TILE];
        for (sum, lanes) in sum.iter_mut().zip(sums) {
            // SAFETY: as above.
            *sum = unsafe { s.reduce_sum(lanes) };
        }
        TileResult { max, sum }
    }
}

/// Rows `part` of the tile meet block b.
#[inline(always)]
unsafe fn block<S: Simd, T: Element>(
    s: S,
    kv: &KvBlocks<'_, T>,
    (b, ahead): (usize, [*const T; 2]),
    part: Range<usize>,
    (limits, o_stride): (&[usize], usize),
    scratch: &mut TileScratch<'_>,
    (max, sums): (&mut [f32; TILE], &mut [S::V; TILE]),
) {
    let (k, v) = kv.block(b);
    let first = b * KV_BLOCK;
    let visible = |r: usize| limits[r].saturating_sub(first).min(KV_BLOCK);
    let n_keys = part.clone().map(visible).max().unwrap_or(0);
    if n_keys == 0 {
        return;
    }
    assert!(v.len() >= n_keys * kv.v_stride && kv.v_stride >= o_stride, "{n_keys} values in {}", v.len());
    let n_vectors = n_keys.div_ceil(S::LANES);
    let p = &mut scratch.p[part.start * KV_BLOCK..];
    // SAFETY: scratch has the lengths of `TileScratch::lens`, the block its keys and values.
    unsafe {
        s.call(Product::<T, false> {
            m: part.len(),
            n: n_vectors,
            k: kv.d,
            a: scratch.q.as_ptr().add(part.start),
            a_stride: limits.len(),
            b: k.as_ptr(),
            b_stride: KV_BLOCK,
            c: p.as_mut_ptr(),
            c_stride: KV_BLOCK,
            start: Start::Zero,
            ahead: ahead[0],
        });
        let mut rescale = [0.0; TILE];
        for r in (0..part.len()).step_by(STEP) {
            let m = (part.len() - r).min(STEP);
            let at = part.start + r;
            let seen: [usize; STEP] = std::array::from_fn(|i| if i < m { visible(at + i) } else { 0 });
            let p = p.as_mut_ptr().add(r * KV_BLOCK);
            let statistics = (&mut max[at..at + m], &mut sums[at..at + m]);
            softmax(s, n_vectors, &seen, p, statistics, &mut rescale[r..r + STEP]);
        }
        s.call(Product::<T, true> {
            m: part.len(),
            n: o_stride / S::LANES,
            k: n_keys,
            a: p.as_ptr(),
            a_stride: 0,
            b: v.as_ptr(),
            b_stride: kv.v_stride,
            c: scratch.o.as_mut_ptr().add(part.start * o_stride),
            c_stride: o_stride,
            start: Start::Scaled(rescale.as_ptr()),
            ahead: ahead[1],
        });
    }
}

/// Turns the scores of up to [`STEP`] rows in one block into exponentials relative to the new maximum, moves `max` and
/// `sums` on, and writes to `rescale` what each row's output is multiplied by. Row r sees `seen[r]` keys; the rest of its
/// `n_vectors` become 0.
///
/// # Safety
/// `p` holds as many rows of KV_BLOCK scores as `max` has elements.
#[inline(always)]
unsafe fn softmax<S: Simd>(
    s: S,
    n_vectors: usize,
    seen: &[usize; STEP],
    p: *mut f32,
    (max, sums): (&mut [f32], &mut [S::V]),
    rescale: &mut [f32],
) {
    let mut change = [0.0; 16];
    unsafe {
        for (r, max) in max.iter_mut().enumerate() {
            let row = p.add(r * KV_BLOCK);
            let mut high = s.splat(*max);
            for i in 0..n_vectors {
                let at = row.add(i * S::LANES);
                let left = seen[r].saturating_sub(i * S::LANES);
                let v = if left >= S::LANES {
                    s.load_f32(at)
                } else {
                    let v = s.load_partial(at, left, f32::NEG_INFINITY);
                    s.store_f32(at, v);
                    v
                };
                high = s.max(high, v);
            }
            let high = s.reduce_max(high);
            change[r] = *max - high;
            *max = high;
        }
        // STEP lanes are one vector of every instruction set, or half of one.
        s.store_f32(change.as_mut_ptr(), s.exp(s.load_f32(change.as_ptr())));
        rescale.copy_from_slice(&change[..STEP]);
        for (r, (max, total)) in max.iter().zip(sums).enumerate() {
            let row = p.add(r * KV_BLOCK);
            let shift = s.splat(*max);
            let mut sum = s.splat(0.0);
            for i in 0..n_vectors {
                let at = row.add(i * S::LANES);
                let e = s.exp(s.sub(s.load_f32(at), shift));
                s.store_f32(at, e);
                sum = s.add(sum, e);
            }
            *total = s.fma(*total, s.splat(rescale[r]), sum);
        }
    }
}

/// Writes row r of the tile's outputs, divided by its sum.
#[inline(always)]
pub(super) fn write_row<S: Simd, T: Element>(s: S, r: usize, o: &[f32], result: &TileResult, out: &mut [T]) {
    let e = out.len();
    let (o, out) = (o[..e].as_ptr(), out.as_mut_ptr());
    let mut i = 0;
    while i < e {
        // SAFETY: both hold `e` elements and `i < e`.
        unsafe {
            let by = s.splat(1.0 / result.sum[r]);
            // Adding 0 turns -0, which depends on masked positions, into +0.
            let v = s.add(s.mul(load_n(s, o.add(i), e - i), by), s.splat(0.0));
            store_n(s, out.add(i), e - i, v);
        }
        i += S::LANES;
    }
}
