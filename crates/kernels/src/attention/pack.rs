//! Rows of queries, keys and values widened to f32 and laid out for tiles, plain or transposed.

use super::Span;
use crate::lanes::load_n;
use crate::simd::{Element, Kernel, Simd};
use std::ops::Range;

/// One head's rows of a document in `data`, `[t, n_heads, width]`, by position.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) data: &'a [T],
    pub(super) span: Span,
    pub(super) n_heads: usize,
    pub(super) head: usize,
    pub(super) width: usize,
}

impl<'a, T: Element> Rows<'a, T> {
    /// Where the row of position `p` begins.
    pub(super) fn at(&self, p: usize) -> usize {
        (self.span.row(p) * self.n_heads + self.head) * self.width
    }

    pub(super) fn row(&self, p: usize) -> &'a [T] {
        &self.data[self.at(p)..][..self.width]
    }

    /// `dst[i * dst_stride ..] = by * row(rows.start + i)`, columns from `width` to `dst_stride` (whole vectors) 0.
    #[inline(always)]
    pub(super) fn pack<S: Simd>(self, s: S, rows: Range<usize>, by: f32, (dst, dst_stride): (&mut [f32], usize)) {
        s.call(Pack { src: self, rows, by, dst, dst_stride, transposed: false });
    }

    /// The transpose: `dst[c * dst_stride + i] = by * row(rows.start + i)[c]`; i from the last row to a whole vector 0.
    #[inline(always)]
    pub(super) fn pack_transposed<S: Simd>(
        self,
        s: S,
        rows: Range<usize>,
        by: f32,
        (dst, dst_stride): (&mut [f32], usize),
    ) {
        s.call(Pack { src: self, rows, by, dst, dst_stride, transposed: true });
    }
}

/// [`Rows::pack`] and [`Rows::pack_transposed`], compiled once.
struct Pack<'a, 'd, T> {
    src: Rows<'a, T>,
    rows: Range<usize>,
    by: f32,
    dst: &'d mut [f32],
    dst_stride: usize,
    transposed: bool,
}

impl<T: Element> Kernel for Pack<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.transposed {
            self.columns(s);
        } else {
            self.plain(s);
        }
    }
}

impl<T: Element> Pack<'_, '_, T> {
    #[inline(always)]
    fn plain<S: Simd>(self, s: S) {
        for (r, dst) in self.rows.zip(self.dst.chunks_exact_mut(self.dst_stride)) {
            let src = self.src.row(r);
            let mut i = 0;
            while i + S::LANES <= dst.len() {
                // SAFETY: at most the row's elements are read; a whole vector of `dst` is left.
                unsafe {
                    let left = src.len().saturating_sub(i);
                    let v = if left > 0 { load_n(s, src.as_ptr().add(i), left) } else { s.splat(0.0) };
                    s.store_f32(dst.as_mut_ptr().add(i), s.mul(v, s.splat(self.by)));
                }
                i += S::LANES;
            }
        }
    }

    #[inline(always)]
    fn columns<S: Simd>(self, s: S) {
        let (n, width, stride) = (self.rows.len(), self.src.width, self.dst_stride);
        assert!(
            n.next_multiple_of(S::LANES) <= stride && self.dst.len() >= width * stride,
            "{n} rows of {width} do not fit {} elements in rows of {stride}",
            self.dst.len()
        );
        for r in (0..n).step_by(S::LANES) {
            for c in (0..width).step_by(S::LANES) {
                // SAFETY: rows below `n` and columns below `width` are read; the assertion covers the writes.
                unsafe {
                    let mut square = [s.splat(0.0); 16];
                    for (i, v) in square.iter_mut().enumerate().take(S::LANES.min(n - r)) {
                        let row = self.src.row(self.rows.start + r + i);
                        *v = s.mul(load_n(s, row.as_ptr().add(c), width - c), s.splat(self.by));
                    }
                    s.transpose(&mut square);
                    for (i, v) in square.iter().enumerate().take(S::LANES.min(width - c)) {
                        s.store_f32(self.dst.as_mut_ptr().add((c + i) * stride + r), *v);
                    }
                }
            }
        }
    }
}
