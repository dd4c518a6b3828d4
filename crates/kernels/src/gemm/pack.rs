//! Packing: an operand of any layout and storage type becomes panels that the register tile reads in a straight line.
//!
//! A packed panel is [units, width]: for each unit of `k` the `width` rows (of `a`) or columns (of `b`) side by side.
//! Converting to the path's type happens here, once for each value.

use super::path::{A_BYTES, Path, PathKernel, padded_rows};
use crate::prefetch::prefetch;
use crate::simd::{Element, Simd};
use half::bf16;
use std::ops::Range;

/// Units of `k` that are packed for all panels before going on, where `k` is strided: keeps rows of the source in cache.
const STRIDED_UNITS: usize = 32;

/// A matrix to pack: `width` rows of `a` or columns of `b`, by `k`.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    ptr: *const u8,
    is_bf16: bool,
    /// Elements between neighbours along the other direction than the contiguous one.
    stride: usize,
    /// Whether neighbours along `k` are contiguous, else those along the width.
    k_contiguous: bool,
    /// Rows of `a` or columns of `b` from `ptr` on.
    width: usize,
}

// SAFETY: it is read only, while the slice it came from is borrowed.
unsafe impl Send for Operand {}
// SAFETY: as above.
unsafe impl Sync for Operand {}

impl Operand {
    /// [width, k] with `k` contiguous, rows `stride` apart.
    pub(super) fn along_k<T: Element>(x: &[T], width: usize, stride: usize) -> Self {
        Operand { ptr: x.as_ptr().cast(), is_bf16: T::IS_BF16, stride, k_contiguous: true, width }
    }

    /// [k, width] with the width contiguous, rows `stride` apart.
    pub(super) fn across_k<T: Element>(x: &[T], width: usize, stride: usize) -> Self {
        Operand { ptr: x.as_ptr().cast(), is_bf16: T::IS_BF16, stride, k_contiguous: false, width }
    }

    /// The part from position `w` of the width and `k` on.
    pub(super) fn at(self, w: usize, k: usize) -> Self {
        let elements = if self.k_contiguous { w * self.stride + k } else { k * self.stride + w };
        let size = if self.is_bf16 { 2 } else { 4 };
        Operand {
            // Wrapping: an empty operand has no bytes to point into.
            ptr: self.ptr.wrapping_add(elements * size),
            width: self.width - w,
            ..self
        }
    }

    /// Units to pack for one panel before going on to the next.
    fn chunk(self, units: usize) -> usize {
        if self.k_contiguous { units.max(1) } else { STRIDED_UNITS }
    }
}

/// The cache lines of a part of an operand, to be asked for little by little while other work goes on.
pub(super) struct Ahead {
    row: *const u8,
    /// Bytes from one contiguous run to the next.
    stride: usize,
    /// Bytes of a run, and those of it that were asked for.
    run: usize,
    done: usize,
    /// Runs that are left.
    runs: usize,
    /// Lines to ask for at a time.
    quota: usize,
}

impl Ahead {
    /// The first `width` rows or columns of `operand` by `k`, to be spread over `n_calls` calls of [`Ahead::go_on`].
    #[inline(always)]
    pub(super) fn new(operand: Operand, width: usize, k: usize, n_calls: usize) -> Self {
        let size = if operand.is_bf16 { 2 } else { 4 };
        let (runs, run) = if operand.k_contiguous { (width, k * size) } else { (k, width * size) };
        Ahead {
            row: operand.ptr,
            stride: operand.stride * size,
            run,
            done: 0,
            runs: if run == 0 { 0 } else { runs },
            quota: (runs * (run / 64 + 1)).div_ceil(n_calls.max(1)),
        }
    }

    /// Nothing at all.
    #[inline(always)]
    pub(super) fn none() -> Self {
        Ahead { row: std::ptr::null(), stride: 0, run: 0, done: 0, runs: 0, quota: 0 }
    }

    /// Asks for the next few lines.
    #[inline(always)]
    pub(super) fn go_on(&mut self) {
        for _ in 0..self.quota {
            if self.runs == 0 {
                return;
            }
            prefetch(self.row.wrapping_add(self.done));
            self.done += 64;
            if self.done >= self.run {
                self.done = 0;
                self.runs -= 1;
                self.row = self.row.wrapping_add(self.stride);
            }
        }
    }
}

/// Rows among register tiles, as evenly as can be: `n` tiles of at most `max` rows.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    rows: usize,
    pub(super) n: usize,
}

impl Tiles {
    pub(super) fn new(rows: usize, max: usize) -> Self {
        Tiles { rows, n: rows.div_ceil(max) }
    }

    pub(super) fn get(self, tile: usize) -> Range<usize> {
        tile * self.rows / self.n..(tile + 1) * self.rows / self.n
    }
}

/// Packs the `tiles` of a left operand, `tile_stride` bytes apart.
pub(super) struct PackLeft {
    pub a: Operand,
    pub tiles: Tiles,
    pub which: Range<usize>,
    pub k: usize,
    /// Where tile 0 goes.
    pub dst: *mut u8,
    pub tile_stride: usize,
}

impl PathKernel for PackLeft {
    #[inline(always)]
    fn run<S: Simd, P: Path>(self, s: S) {
        let units = self.k.div_ceil(P::K_STEP);
        let chunk = self.a.chunk(units);
        for u in (0..units).step_by(chunk) {
            for tile in self.which.clone() {
                let rows = self.tiles.get(tile);
                let width = padded_rows(rows.len());
                let dst = self.dst.wrapping_add(tile * self.tile_stride);
                let panel = Panel {
                    src: self.a.at(rows.start, 0),
                    valid: rows.len(),
                    width,
                    k: self.k,
                    units: u..(u + chunk).min(units),
                    dst: dst.wrapping_add(u * width * A_BYTES),
                };
                // SAFETY: the tile's bytes were reserved with room for one vector more.
                unsafe { panel.pack::<S, P, false>(s) }
            }
        }
    }
}

/// Packs panels of a right operand, one after another, `panel_stride` bytes apart.
pub(super) struct PackRight {
    pub b: Operand,
    pub n: usize,
    pub k: usize,
    /// Columns of a panel.
    pub width: usize,
    pub which: Range<usize>,
    /// Where the first of them goes.
    pub dst: *mut u8,
    pub panel_stride: usize,
}

impl PathKernel for PackRight {
    #[inline(always)]
    fn run<S: Simd, P: Path>(self, s: S) {
        let units = self.k.div_ceil(P::K_STEP);
        let chunk = self.b.chunk(units);
        for u in (0..units).step_by(chunk) {
            for (i, panel) in self.which.clone().enumerate() {
                let start = panel * self.width;
                let dst = self.dst.wrapping_add(i * self.panel_stride);
                let panel = Panel {
                    src: self.b.at(start, 0),
                    valid: self.width.min(self.n - start),
                    width: self.width,
                    k: self.k,
                    units: u..(u + chunk).min(units),
                    dst: dst.wrapping_add(u * self.width * P::B_BYTES),
                };
                // SAFETY: the panel's bytes were reserved.
                unsafe { panel.pack::<S, P, true>(s) }
            }
        }
    }
}

/// Some units of one panel.
struct Panel {
    src: Operand,
    /// Columns that exist; the others are zero (or anything, in the room after a tile of `a`).
    valid: usize,
    /// Columns side by side in the packed panel.
    width: usize,
    k: usize,
    units: Range<usize>,
    dst: *mut u8,
}

impl Panel {
    #[inline(always)]
    unsafe fn pack<S: Simd, P: Path, const RIGHT: bool>(self, s: S) {
        unsafe {
            match (self.src.is_bf16, self.src.k_contiguous) {
                (false, true) => self.transpose::<S, P, f32, RIGHT>(s),
                (true, true) => self.transpose::<S, P, bf16, RIGHT>(s),
                (false, false) => self.interleave::<S, P, f32, RIGHT>(s),
                (true, false) => self.interleave::<S, P, bf16, RIGHT>(s),
            }
        }
    }

    /// The address of unit `u` at column `w`.
    #[inline(always)]
    fn at<P: Path, const RIGHT: bool>(&self, u: usize, w: usize) -> *mut u8 {
        let bytes = if RIGHT { P::B_BYTES } else { A_BYTES };
        self.dst.wrapping_add(((u - self.units.start) * self.width + w) * bytes)
    }

    #[inline(always)]
    unsafe fn store<S: Simd, P: Path, const RIGHT: bool>(&self, s: S, u: usize, w: usize, v: S::V) {
        let dst = self.at::<P, RIGHT>(u, w);
        unsafe { if RIGHT { P::store_b(s, dst, v) } else { s.store_f32(dst.cast(), v) } }
    }

    /// From rows contiguous along `k`: squares of lanes are transposed in registers.
    #[inline(always)]
    unsafe fn transpose<S: Simd, P: Path, T: Element, const RIGHT: bool>(&self, s: S) {
        let src = self.src.ptr.cast::<T>();
        unsafe {
            if !RIGHT && self.width == 1 {
                // One row: it only needs converting.
                for u in self.units.clone().step_by(S::LANES) {
                    let at = u * P::K_STEP;
                    let v = P::along_k(s, src.add(at), self.k - at);
                    self.store::<S, P, RIGHT>(s, u, 0, v);
                }
                return;
            }
            for w in (0..self.width).step_by(S::LANES) {
                let rows = self.valid.saturating_sub(w).min(S::LANES);
                let src = src.wrapping_add(w * self.src.stride);
                for u in self.units.clone().step_by(S::LANES) {
                    let at = u * P::K_STEP;
                    let mut square = [s.splat(0.0); 16];
                    for (i, v) in square.iter_mut().enumerate().take(S::LANES) {
                        if i < rows {
                            *v = P::along_k(s, src.add(i * self.src.stride + at), self.k - at);
                        }
                    }
                    s.transpose(&mut square);
                    for (i, v) in square.iter().enumerate().take(S::LANES) {
                        if u + i < self.units.end {
                            self.store::<S, P, RIGHT>(s, u + i, w, *v);
                        }
                    }
                }
            }
        }
    }

    /// From rows contiguous along the width: copied, or interleaved in pairs.
    #[inline(always)]
    unsafe fn interleave<S: Simd, P: Path, T: Element, const RIGHT: bool>(&self, s: S) {
        let src = self.src.ptr.cast::<T>();
        let stride = self.src.stride;
        unsafe {
            for u in self.units.clone() {
                let at = u * P::K_STEP;
                let next = (P::K_STEP == 2 && at + 1 < self.k).then_some(stride);
                for w in (0..self.width).step_by(S::LANES) {
                    let exist = self.src.width.saturating_sub(w);
                    if RIGHT {
                        let later = at + STRIDED_UNITS * P::K_STEP;
                        prefetch(src.wrapping_add(later * stride + w).cast());
                        if P::K_STEP == 2 {
                            prefetch(src.wrapping_add((later + 1) * stride + w).cast());
                        }
                    }
                    let v =
                        if exist > 0 { P::across_k(s, src.add(at * stride + w), next, exist) } else { s.splat(0.0) };
                    self.store::<S, P, RIGHT>(s, u, w, v);
                }
            }
        }
    }
}
