//! RMSNorm: `y = x * rstd * gain`, `rstd = 1 / sqrt(mean(x^2) + eps)`, statistics in f32.
//!
//! The backward pass recomputes `rstd` from `x`: reading a row twice from the first-level cache costs less than
//! keeping statistics. Input rows may be strided, so that MLA normalises the latent columns of a wider matrix.
//!
//! Letters: r rows, c columns (`dim`).

use crate::isa::Isa;
use crate::lanes::{add_into, dot, load_n, store_n};
use crate::parallel::{ROW_BLOCK, SharedMut, for_row_blocks, for_rows};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::ops::Range;

/// The shape of one normalisation: row r of `x` starts at `r * x_stride`; `y` is dense `[rows, dim]`.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm {
    /// Rows.
    pub rows: usize,
    /// Columns that are normalised together.
    pub dim: usize,
    /// Elements from one row of `x` to the next, at least `dim`.
    pub x_stride: usize,
    /// Added to the mean square.
    pub eps: f32,
}

impl RmsNorm {
    fn check(&self, x: usize, gain: usize, y: usize) {
        let RmsNorm { rows, dim, x_stride, .. } = *self;
        assert!(dim > 0 && x_stride >= dim, "rms_norm of dim {dim} with stride {x_stride}");
        let least = if rows == 0 { 0 } else { (rows - 1) * x_stride + dim };
        assert!(
            x >= least && gain == dim && y == rows * dim,
            "rms_norm [{rows}, {dim}] (stride {x_stride}): x has {x} elements, gain {gain}, y {y}"
        );
    }
}

/// `y = x * rstd * gain`, row by row.
///
/// # Panics
/// When a length does not fit `op`.
pub fn rms_norm_forward<X: Element, Y: Element>(op: &RmsNorm, x: &[X], gain: &[f32], y: &mut [Y]) {
    rms_norm_forward_on(Isa::active(), op, x, gain, y);
}

/// [`rms_norm_forward`] on a given instruction set.
pub fn rms_norm_forward_on<X: Element, Y: Element>(isa: Isa, op: &RmsNorm, x: &[X], gain: &[f32], y: &mut [Y]) {
    op.check(x.len(), gain.len(), y.len());
    let y = SharedMut::new(y);
    for_rows(op.rows, 2 * op.dim, |rows| {
        // SAFETY: chunks of rows are disjoint.
        let y = unsafe { y.part(rows.start * op.dim, rows.len() * op.dim) };
        dispatch(isa, Forward { op, x, gain, y, rows });
    });
}

struct Forward<'a, X, Y> {
    op: &'a RmsNorm,
    x: &'a [X],
    gain: &'a [f32],
    y: &'a mut [Y],
    rows: Range<usize>,
}

impl<X: Element, Y: Element> Kernel for Forward<'_, X, Y> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let RmsNorm { dim, x_stride, eps, .. } = *self.op;
        for (r, y) in self.rows.zip(self.y.chunks_exact_mut(dim)) {
            let x = &self.x[r * x_stride..][..dim];
            let rstd = 1.0 / (dot(s, x, x) / dim as f32 + eps).sqrt();
            let (x, gain, y) = (x.as_ptr(), self.gain.as_ptr(), y.as_mut_ptr());
            let mut i = 0;
            while i < dim {
                // SAFETY: all three rows hold `dim` elements and `i < dim`.
                unsafe {
                    let n = dim - i;
                    let scaled = s.mul(load_n(s, x.add(i), n), s.splat(rstd));
                    store_n(s, y.add(i), n, s.mul(scaled, load_n(s, gain.add(i), n)));
                }
                i += S::LANES;
            }
        }
    }
}

/// Gradients of [`rms_norm_forward`]: `dx` (strided like `x`, added to it when `accumulate`; columns beyond `dim` stay
/// untouched) and `dgain`, which is added to.
///
/// # Panics
/// When a length does not fit `op`.
pub fn rms_norm_backward<X: Element, Y: Element>(
    op: &RmsNorm,
    x: &[X],
    gain: &[f32],
    dy: &[Y],
    dx: &mut [X],
    accumulate: bool,
    dgain: &mut [f32],
) {
    let grads = Grads { dx, accumulate, dgain };
    rms_norm_backward_on(Isa::active(), op, x, gain, dy, grads);
}

/// Where [`rms_norm_backward_on`] writes.
pub struct Grads<'a, X> {
    /// Strided like `x`.
    pub dx: &'a mut [X],
    /// Whether `dx` is added to.
    pub accumulate: bool,
    /// `[dim]`, added to.
    pub dgain: &'a mut [f32],
}

/// [`rms_norm_backward`] on a given instruction set.
pub fn rms_norm_backward_on<X: Element, Y: Element>(
    isa: Isa,
    op: &RmsNorm,
    x: &[X],
    gain: &[f32],
    dy: &[Y],
    grads: Grads<'_, X>,
) {
    let Grads { dx, accumulate, dgain } = grads;
    op.check(x.len(), gain.len(), dy.len());
    op.check(dx.len(), dgain.len(), dy.len());
    let dim = op.dim;
    let mut partial = vec![0.0f32; op.rows.div_ceil(ROW_BLOCK) * dim];
    let shared_partial = SharedMut::new(&mut partial);
    let dx = SharedMut::new(dx);
    for_row_blocks(op.rows, 4 * dim, |block, rows| {
        let first = rows.start * op.x_stride;
        let len = (rows.len() - 1) * op.x_stride + dim;
        // SAFETY: blocks of rows are disjoint, and so are their partial sums.
        let (dx, dgain) = unsafe { (dx.part(first, len), shared_partial.part(block * dim, dim)) };
        let x = &x[first..][..len];
        let dy = &dy[rows.start * dim..rows.end * dim];
        dispatch(isa, Backward { op, x, gain, dy, dx, accumulate, dgain });
    });
    dispatch(isa, AddRows { partial: &partial, sum: dgain });
}

struct Backward<'a, X, Y> {
    op: &'a RmsNorm,
    x: &'a [X],
    gain: &'a [f32],
    dy: &'a [Y],
    dx: &'a mut [X],
    accumulate: bool,
    dgain: &'a mut [f32],
}

impl<X: Element, Y: Element> Kernel for Backward<'_, X, Y> {
    type Output = ();
    /// With g = gain * dy: dx = rstd * g - x * rstd^3 / dim * (g . x), and dgain += dy * x * rstd.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let RmsNorm { dim, x_stride, eps, .. } = *self.op;
        let (gain, dgain) = (self.gain.as_ptr(), self.dgain.as_mut_ptr());
        for (r, dy) in self.dy.chunks_exact(dim).enumerate() {
            let x = &self.x[r * x_stride..][..dim];
            let dx = self.dx[r * x_stride..][..dim].as_mut_ptr();
            let rstd = 1.0 / (dot(s, x, x) / dim as f32 + eps).sqrt();
            // SAFETY: every row holds `dim` elements.
            unsafe {
                let (x, dy) = (x.as_ptr(), dy.as_ptr());
                let along = dot3(s, gain, dy, x, dim) * rstd * rstd / dim as f32;
                let (rstd, along) = (s.splat(rstd), s.splat(-along));
                let mut i = 0;
                while i < dim {
                    let n = dim - i;
                    let dy = load_n(s, dy.add(i), n);
                    let x_hat = s.mul(load_n(s, x.add(i), n), rstd);
                    let sum = s.fma(dy, x_hat, load_n(s, dgain.add(i), n));
                    store_n(s, dgain.add(i), n, sum);
                    let g = s.mul(dy, load_n(s, gain.add(i), n));
                    let mut grad = s.fma(x_hat, along, s.mul(g, rstd));
                    if self.accumulate {
                        grad = s.add(load_n(s, dx.add(i), n), grad);
                    }
                    store_n(s, dx.add(i), n, grad);
                    i += S::LANES;
                }
            }
        }
    }
}

/// `sum(a * b * c)` in two vectors of partial sums.
///
/// # Safety
/// All three are valid for `n` reads.
#[inline(always)]
unsafe fn dot3<S: Simd, B: Element, C: Element>(s: S, a: *const f32, b: *const B, c: *const C, n: usize) -> f32 {
    unsafe {
        let mut acc = [s.splat(0.0); 2];
        let mut i = 0;
        while i < n {
            let ab = s.mul(load_n(s, a.add(i), n - i), load_n(s, b.add(i), n - i));
            let odd = (i / S::LANES) % 2;
            acc[odd] = s.fma(ab, load_n(s, c.add(i), n - i), acc[odd]);
            i += S::LANES;
        }
        s.reduce_sum(s.add(acc[0], acc[1]))
    }
}

/// `sum += row` for each row of `partial`, in order.
pub(crate) struct AddRows<'a> {
    pub(crate) partial: &'a [f32],
    pub(crate) sum: &'a mut [f32],
}

impl Kernel for AddRows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in self.partial.chunks_exact(self.sum.len()) {
            add_into(s, row, self.sum);
        }
    }
}

#[cfg(test)]
mod tests;
