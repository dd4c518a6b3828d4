//! A block of `c`: some rows by some panels of columns, by the whole of `k`, on one thread.
//!
//! For each panel of `b`, slice after slice of `k` passes through L1 while the packed rows of `a` wait in L2. Between
//! slices the partial sums rest as f32 in a scratch panel, so `c` is read and written once whatever `k`.

use super::pack::{Ahead, Operand, PackLeft, PackRight, Tiles};
use super::path::{A_BYTES, On, Path, PathKernel, max_rows, padded_rows, panel_vectors};
use super::scratch::Scratch;
use super::tile::{TileArgs, multiply, panels_at_once};
use crate::lanes::{load_n, store_n};
use crate::prefetch::prefetch;
use crate::simd::{Element, Simd};
use half::bf16;
use std::ops::Range;

/// Where results go: f32 or bf16, row-major.
#[derive(Clone, Copy)]
pub(super) struct Output {
    ptr: *mut u8,
    is_bf16: bool,
    stride: usize,
}

// SAFETY: blocks write disjoint parts, while the slice is borrowed mutably.
unsafe impl Send for Output {}
// SAFETY: as above.
unsafe impl Sync for Output {}

impl Output {
    pub(super) fn new<T: Element>(c: &mut [T], stride: usize) -> Self {
        Output { ptr: c.as_mut_ptr().cast(), is_bf16: T::IS_BF16, stride }
    }

    /// The part from `row` and `column` on.
    pub(super) fn at(self, row: usize, column: usize) -> Self {
        let size = if self.is_bf16 { 2 } else { 4 };
        let ptr = self.ptr.wrapping_add((row * self.stride + column) * size);
        Output { ptr, ..self }
    }

    pub(super) fn is_bf16(self) -> bool {
        self.is_bf16
    }

    /// Asks for the cache lines of `n` elements in each of `rows`.
    #[inline(always)]
    fn prefetch(self, rows: Range<usize>, n: usize) {
        let bytes = n * if self.is_bf16 { 2 } else { 4 };
        for row in rows {
            let start = self.at(row, 0).ptr;
            for line in (0..bytes).step_by(64) {
                prefetch(start.wrapping_add(line));
            }
        }
    }

    /// Sets `rows` rows of `n` elements to zero.
    ///
    /// # Safety
    /// They are in bounds and nobody else's.
    pub(super) unsafe fn zero(self, rows: usize, n: usize) {
        let size = if self.is_bf16 { 2 } else { 4 };
        for row in 0..rows {
            unsafe { self.at(row, 0).ptr.write_bytes(0, n * size) };
        }
    }
}

/// Where a block finds its packed rows.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// Packs them itself.
    Raw(Operand),
    /// Packed already, tile 0 at this address.
    Packed(*const u8),
}

/// Where a block finds its panels.
#[derive(Clone, Copy)]
pub(super) enum Panels {
    /// Packs each slice when it gets there.
    Raw(Operand),
    /// Packed already: panel 0 at this address, this many bytes from one to the next.
    Packed(*const u8, usize),
}

/// One block.
pub(super) struct Block {
    pub a: Rows,
    pub b: Panels,
    /// Row 0 and column 0 of the block's rows and of all columns.
    pub c: Output,
    pub rows: usize,
    /// Columns of the whole product.
    pub n: usize,
    pub k: usize,
    /// Which panels of columns.
    pub panels: Range<usize>,
    /// Bytes from one packed tile of `a` to the next.
    pub tile_stride: usize,
    pub accumulate: bool,
    /// Rows that another block, probably this thread's next, will pack after these.
    pub next_rows: usize,
}

impl PathKernel for Block {
    #[inline(always)]
    fn run<S: Simd, P: Path>(self, s: S) {
        let width = panel_vectors(S::ISA) * S::LANES;
        let tiles = Tiles::new(self.rows, max_rows(S::ISA));
        let wide = if tiles.n == 1 { panels_at_once::<S>(self.rows) } else { 1 };
        let units = self.k.div_ceil(P::K_STEP);
        // A lone tile uses each panel once: slices would only interrupt it.
        let slice = match self.b {
            Panels::Packed(..) if tiles.n == 1 => units,
            _ => P::SLICE,
        };
        let a_bytes = match self.a {
            Rows::Raw(_) => tiles.n * self.tile_stride,
            Rows::Packed(_) => 0,
        };
        let b_bytes = match self.b {
            Panels::Raw(_) => wide * slice * width * P::B_BYTES,
            Panels::Packed(..) => 0,
        };
        let (a_bytes, b_bytes) = (a_bytes.next_multiple_of(64), b_bytes.next_multiple_of(64));
        let c_bytes = self.rows * wide * width * 4;
        let scratch = Scratch::take(a_bytes + b_bytes + c_bytes);
        let a = match self.a {
            Rows::Packed(a) => a,
            Rows::Raw(a) => {
                let left = PackLeft {
                    a,
                    tiles,
                    which: 0..tiles.n,
                    k: self.k,
                    dst: scratch.ptr(),
                    tile_stride: self.tile_stride,
                };
                s.call(On::<P, _>::new(left));
                scratch.ptr().cast_const()
            }
        };
        let mut ahead = match self.a {
            Rows::Raw(a) if self.next_rows > 0 => {
                let n_calls = self.panels.len() * units.div_ceil(slice) * tiles.n;
                Ahead::new(a.at(self.rows, 0), self.next_rows, self.k, n_calls)
            }
            _ => Ahead::none(),
        };
        let mut panel = self.panels.start;
        while panel < self.panels.end {
            let fits = panel + wide <= self.panels.end;
            let n_panels = if fits { wide } else { 1 };
            let columns = Columns {
                block: &self,
                tiles,
                a,
                panel,
                n_panels,
                width,
                units,
                slice,
                b_scratch: scratch.ptr().wrapping_add(a_bytes),
                c_scratch: scratch.ptr().wrapping_add(a_bytes + b_bytes).cast(),
            };
            // SAFETY: the block's pointers are valid for its shape, the scratch was just sized for it.
            unsafe { columns.run::<S, P>(s, &mut ahead) }
            panel += n_panels;
        }
    }
}

/// A block's rows by one or a few panels.
struct Columns<'a> {
    block: &'a Block,
    tiles: Tiles,
    a: *const u8,
    panel: usize,
    n_panels: usize,
    /// Columns of a panel.
    width: usize,
    units: usize,
    slice: usize,
    b_scratch: *mut u8,
    c_scratch: *mut f32,
}

impl Columns<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd, P: Path>(self, s: S, ahead: &mut Ahead) {
        let block = self.block;
        let first = self.panel * self.width;
        let exist = (self.n_panels * self.width).min(block.n - first);
        let vectors = if self.n_panels == 1 { exist.div_ceil(S::LANES) } else { panel_vectors(S::ISA) };
        let c = block.c.at(0, first);
        let c_stride = self.n_panels * self.width;
        // Whole vectors are left in `c` itself, and f32 ones read from there; all else passes through the scratch.
        let stores = !c.is_bf16 || S::HAS_BF16;
        let whole = stores && (exist == c_stride || exist == vectors * S::LANES);
        let in_scratch = (self.c_scratch, c_stride);
        let mut src = if block.accumulate && whole && !c.is_bf16 {
            (c.ptr.cast::<f32>(), c.stride)
        } else if block.accumulate {
            unsafe { copy_in(s, c, block.rows, exist, self.c_scratch, c_stride) };
            in_scratch
        } else {
            (std::ptr::null_mut(), 0)
        };
        let scratch = Output { ptr: self.c_scratch.cast(), is_bf16: false, stride: c_stride };
        for start in (0..self.units).step_by(self.slice) {
            let units = self.slice.min(self.units - start);
            let is_last = start + units == self.units;
            let dst = if is_last && whole { c } else { scratch };
            // The panels lie one after another, so what comes next is known.
            let slice_bytes = units * self.width * P::B_BYTES;
            unsafe {
                let (b, b_panel) = self.slice_of_b::<S, P>(s, start, units);
                for tile in 0..self.tiles.n {
                    let rows = self.tiles.get(tile);
                    ahead.go_on();
                    if is_last || (start == 0 && block.accumulate) {
                        c.prefetch(rows.clone(), exist);
                    }
                    let is_last_tile = tile + 1 == self.tiles.n;
                    let a = self.a.add(tile * block.tile_stride + start * padded_rows(rows.len()) * A_BYTES);
                    let args = TileArgs {
                        units,
                        a,
                        b,
                        b_panel,
                        ahead: b.wrapping_add(if is_last_tile { slice_bytes } else { 0 }),
                        ahead_step: if is_last_tile { self.width * P::B_BYTES } else { 0 },
                        src: src.0.cast_const().wrapping_add(rows.start * src.1),
                        src_stride: src.1,
                        dst: dst.at(rows.start, 0).ptr,
                        dst_is_bf16: dst.is_bf16,
                        dst_stride: dst.stride,
                    };
                    multiply::<S, P>(s, (rows.len(), self.n_panels, vectors), args);
                }
            }
            src = in_scratch;
        }
        if !whole {
            unsafe { copy_out(s, self.c_scratch, c_stride, c, block.rows, exist) }
        }
    }

    /// Units `start..start + units` of these panels, packed, and the bytes from one panel to the next.
    #[inline(always)]
    unsafe fn slice_of_b<S: Simd, P: Path>(&self, s: S, start: usize, units: usize) -> (*const u8, usize) {
        match self.block.b {
            Panels::Packed(b, stride) => {
                let skip = start * self.width * P::B_BYTES;
                (b.wrapping_add(self.panel * stride + skip), stride)
            }
            Panels::Raw(b) => {
                let stride = units * self.width * P::B_BYTES;
                let k = start * P::K_STEP;
                let right = PackRight {
                    b: b.at(0, k),
                    n: self.block.n,
                    k: (units * P::K_STEP).min(self.block.k - k),
                    width: self.width,
                    which: self.panel..self.panel + self.n_panels,
                    dst: self.b_scratch,
                    panel_stride: stride,
                };
                s.call(On::<P, _>::new(right));
                (self.b_scratch.cast_const(), stride)
            }
        }
    }
}

#[inline(always)]
unsafe fn copy_in<S: Simd>(s: S, c: Output, rows: usize, n: usize, to: *mut f32, stride: usize) {
    for row in 0..rows {
        let from = c.at(row, 0).ptr;
        for i in (0..n).step_by(S::LANES) {
            unsafe {
                let v = if c.is_bf16 {
                    load_n(s, from.cast::<bf16>().add(i), n - i)
                } else {
                    load_n(s, from.cast::<f32>().add(i), n - i)
                };
                s.store_f32(to.add(row * stride + i), v);
            }
        }
    }
}

#[inline(always)]
unsafe fn copy_out<S: Simd>(s: S, from: *const f32, stride: usize, c: Output, rows: usize, n: usize) {
    for row in 0..rows {
        let to = c.at(row, 0).ptr;
        for i in (0..n).step_by(S::LANES) {
            unsafe {
                let v = s.load_f32(from.add(row * stride + i));
                if c.is_bf16 {
                    store_n(s, to.cast::<bf16>().add(i), n - i, v);
                } else {
                    store_n(s, to.cast::<f32>().add(i), n - i, v);
                }
            }
        }
    }
}
