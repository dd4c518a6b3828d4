//! One tile of query rows against the blocks of keys that it sees, and the packing that tiles need.

use crate::attention::KV_BLOCK;
use crate::attention::product::{Product, Start};
use crate::lanes::{load_n, store_n};
use crate::simd::{Element, Simd};

/// Query rows in a tile.
pub(super) const TILE: usize = 8;

/// Where a tile's keys and values are: block b's keys, transposed `[d, KV_BLOCK]`, and its values, rows of `v_stride`
/// columns whose columns beyond e, up to a whole vector, are readable and finite.
pub(super) trait KvBlocks {
    /// How they are stored.
    type T: Element;
    /// `(keys, values)` of block b.
    fn block(&self, b: usize) -> (*const Self::T, *const Self::T);
    /// Elements from one row of values to the next.
    fn v_stride(&self) -> usize;
}

/// Scratch of one tile.
pub(super) struct TileScratch<'a> {
    /// Queries times the scale, `[d, TILE]`.
    pub(super) q: &'a mut [f32],
    /// Scores, then probabilities, `[TILE, KV_BLOCK]`.
    pub(super) p: &'a mut [f32],
    /// Outputs, `[TILE, e rounded up to vectors]`.
    pub(super) o: &'a mut [f32],
}

impl TileScratch<'_> {
    /// Lengths of the three, for any instruction set.
    pub(super) fn lens(d: usize, e: usize) -> [usize; 3] {
        [d * TILE, TILE * KV_BLOCK, TILE * e.next_multiple_of(16)]
    }

    /// Row r's query, widened and scaled.
    #[inline(always)]
    pub(super) fn set_query<T: Element>(&mut self, r: usize, q: &[T], scale: f32) {
        for (q, slot) in q.iter().zip(self.q[r..].iter_mut().step_by(TILE)) {
            *slot = q.to_f32() * scale;
        }
    }
}

/// Each row's running statistics after the last block.
pub(super) struct TileResult {
    /// The largest score.
    max: [f32; 16],
    /// The sum of exponentials relative to it.
    sum: [f32; TILE],
}

impl TileResult {
    /// ln of the sum of exponentials of row r's scores.
    pub(super) fn lse(&self, r: usize) -> f32 {
        self.max[r] + f64::from(self.sum[r]).ln() as f32
    }
}

/// Attends `limits.len() <= TILE` rows, row r to positions `0..limits[r]`; the outputs, not yet divided by the sums, are
/// left in `scratch.o` with rows of `o_stride` columns.
///
/// # Safety
/// `kv` holds the blocks up to the largest limit, which is at least 1, as is every other.
#[inline(always)]
pub(super) unsafe fn attend<S: Simd, K: KvBlocks>(
    s: S,
    kv: &K,
    d: usize,
    o_stride: usize,
    limits: &[usize],
    scratch: &mut TileScratch<'_>,
) -> TileResult {
    let m = limits.len();
    let furthest = limits.iter().copied().max().unwrap_or(0);
    let mut max = [f32::NEG_INFINITY; 16];
    // SAFETY: an all-zero vector is a valid vector.
    let mut sums = unsafe { [s.splat(0.0); TILE] };
    scratch.o[..m * o_stride].fill(0.0);
    for b in 0..furthest.div_ceil(KV_BLOCK) {
        let (k, v) = kv.block(b);
        let first = b * KV_BLOCK;
        let n_keys = (furthest - first).min(KV_BLOCK);
        let n_vectors = n_keys.div_ceil(S::LANES);
        // SAFETY: the contract of `attend`; scratch has the lengths of `TileScratch::lens`.
        unsafe {
            s.call(Product::<K::T, false> {
                m,
                n: n_vectors,
                k: d,
                a: scratch.q.as_ptr(),
                a_stride: TILE,
                b: k,
                b_stride: KV_BLOCK,
                c: scratch.p.as_mut_ptr(),
                c_stride: KV_BLOCK,
                start: Start::Zero,
            });
            let visible = |r: usize| limits[r].saturating_sub(first).min(KV_BLOCK);
            let rescale = softmax(s, n_vectors, m, visible, scratch.p, &mut max, &mut sums);
            s.call(Product::<K::T, true> {
                m,
                n: o_stride / S::LANES,
                k: n_keys,
                a: scratch.p.as_ptr(),
                a_stride: 0,
                b: v,
                b_stride: kv.v_stride(),
                c: scratch.o.as_mut_ptr(),
                c_stride: o_stride,
                start: Start::Scaled(rescale.as_ptr()),
            });
        }
    }
    let mut sum = [0.0; TILE];
    for (sum, lanes) in sum.iter_mut().zip(sums) {
        // SAFETY: the instruction set of `s` is available.
        *sum = unsafe { s.reduce_sum(lanes) };
    }
    TileResult { max, sum }
}

/// Turns the scores of one block into exponentials relative to the new maximum, moves `max` and `sums` on, and returns
/// what each row's output is multiplied by. Row r sees `visible(r)` keys; the rest of its `n_vectors` become 0.
#[inline(always)]
unsafe fn softmax<S: Simd>(
    s: S,
    n_vectors: usize,
    m: usize,
    visible: impl Fn(usize) -> usize,
    p: &mut [f32],
    max: &mut [f32; 16],
    sums: &mut [S::V; TILE],
) -> [f32; 16] {
    let mut before = [0.0; 16];
    before[..m].copy_from_slice(&max[..m]);
    unsafe {
        for r in 0..m {
            let row = p[r * KV_BLOCK..][..KV_BLOCK].as_mut_ptr();
            let n = visible(r);
            let mut high = s.splat(max[r]);
            for i in 0..n_vectors {
                let at = row.add(i * S::LANES);
                let seen = n.saturating_sub(i * S::LANES);
                let v = if seen >= S::LANES {
                    s.load_f32(at)
                } else {
                    let v = s.load_partial(at, seen, f32::NEG_INFINITY);
                    s.store_f32(at, v);
                    v
                };
                high = s.max(high, v);
            }
            max[r] = s.reduce_max(high);
        }
        let mut rescale = [0.0; 16];
        for i in (0..TILE).step_by(S::LANES) {
            let change = s.sub(s.load_f32(before.as_ptr().add(i)), s.load_f32(max.as_ptr().add(i)));
            s.store_f32(rescale.as_mut_ptr().add(i), s.exp(change));
        }
        for r in 0..m {
            let row = p[r * KV_BLOCK..][..KV_BLOCK].as_mut_ptr();
            let shift = s.splat(max[r]);
            let mut sum = s.splat(0.0);
            for i in 0..n_vectors {
                let at = row.add(i * S::LANES);
                let e = s.exp(s.sub(s.load_f32(at), shift));
                s.store_f32(at, e);
                sum = s.add(sum, e);
            }
            sums[r] = s.fma(sums[r], s.splat(rescale[r]), sum);
        }
        rescale
    }
}

/// Writes row r of the tile's outputs, divided by its sum.
#[inline(always)]
pub(super) fn write_row<S: Simd, T: Element>(
    s: S,
    r: usize,
    o: &[f32],
    result: &TileResult,
    out: &mut [T],
) {
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

/// Rows of a strided matrix: row r is `data[offset + r * stride ..][..width]`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) data: &'a [T],
    pub(super) offset: usize,
    pub(super) stride: usize,
    pub(super) width: usize,
}

impl<'a, T: Element> Rows<'a, T> {
    pub(super) fn row(&self, r: usize) -> &'a [T] {
        &self.data[self.offset + r * self.stride..][..self.width]
    }

    /// `dst[r * dst_stride ..] = by * row(first + r)` for `n` rows, columns up to `dst_stride` filled with 0.
    #[inline(always)]
    pub(super) fn pack<S: Simd>(
        &self,
        s: S,
        first: usize,
        n: usize,
        by: f32,
        (dst, dst_stride): (&mut [f32], usize),
    ) {
        for (r, dst) in dst.chunks_exact_mut(dst_stride).take(n).enumerate() {
            let src = self.row(first + r);
            let (len, src) = (src.len(), src.as_ptr());
            let mut i = 0;
            while i < dst_stride {
                // SAFETY: at most `len` elements are read, and `dst_stride` is whole vectors.
                unsafe {
                    let v = if i < len { load_n(s, src.add(i), len - i) } else { s.splat(0.0) };
                    s.store_f32(dst.as_mut_ptr().add(i), s.mul(v, s.splat(by)));
                }
                i += S::LANES;
            }
        }
    }

    /// The transpose: `dst[c * dst_stride + r] = by * row(first + r)[c]` for `n` rows; rows from `n` up to a whole
    /// vector become 0.
    #[inline(always)]
    pub(super) fn pack_transposed<S: Simd>(
        &self,
        s: S,
        first: usize,
        n: usize,
        by: f32,
        (dst, dst_stride): (&mut [f32], usize),
    ) {
        assert!(
            n.next_multiple_of(S::LANES) <= dst_stride && dst.len() >= self.width * dst_stride,
            "{n} rows of {} do not fit {} elements in rows of {dst_stride}",
            self.width,
            dst.len()
        );
        for r in (0..n).step_by(S::LANES) {
            for c in (0..self.width).step_by(S::LANES) {
                // SAFETY: rows below `n` and columns below `width` are read; the assertion covers the writes.
                unsafe {
                    let mut square = [s.splat(0.0); 16];
                    for (i, v) in square.iter_mut().enumerate().take(S::LANES.min(n - r)) {
                        let row = self.row(first + r + i);
                        *v = s.mul(load_n(s, row.as_ptr().add(c), self.width - c), s.splat(by));
                    }
                    s.transpose(&mut square);
                    for (i, v) in square.iter().enumerate().take(S::LANES.min(self.width - c)) {
                        s.store_f32(dst.as_mut_ptr().add((c + i) * dst_stride + r), *v);
                    }
                }
            }
        }
    }
}

/// Keys and values packed as f32: blocks `[d, KV_BLOCK]` of transposed keys, rows of `v_stride` columns of values.
pub(super) struct Packed<'a> {
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) d: usize,
    pub(super) v_stride: usize,
}

impl KvBlocks for Packed<'_> {
    type T = f32;
    #[inline(always)]
    fn block(&self, b: usize) -> (*const f32, *const f32) {
        let first = b * KV_BLOCK;
        (self.k[first * self.d..].as_ptr(), self.v[first * self.v_stride..].as_ptr())
    }
    #[inline(always)]
    fn v_stride(&self) -> usize {
        self.v_stride
    }
}
