//! The one small matrix product of attention: tiles in registers, one chain over k for each element.

use crate::attention::KV_BLOCK;
use crate::isa::Isa;
use crate::prefetch::prefetch;
use crate::simd::{Element, Kernel, Simd};

/// `c = start + a b` with `m` rows, `n` vectors of columns and chains over `k` ascending.
///
/// `a` is k-major, element (r, k) at `a[k * a_stride + r]`; or, when `ROW_MAJOR`, at `a[r * KV_BLOCK + k]`. Row k of `b`
/// starts at `b[k * b_stride]`, row r of `c` at `c[r * c_stride]`.
///
/// # Safety
/// Whoever runs it vouches that all elements named above exist, and that nobody else touches `c`.
pub(super) struct Product<B, const ROW_MAJOR: bool> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: *const f32,
    pub(super) a_stride: usize,
    pub(super) b: *const B,
    pub(super) b_stride: usize,
    pub(super) c: *mut f32,
    pub(super) c_stride: usize,
    pub(super) start: Start,
    /// The `b` that is multiplied next. A bf16 one comes from a cache in memory: it is asked for while this one is read.
    pub(super) ahead: *const B,
}

/// What a chain starts from.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// 0.
    Zero,
    /// What `c` holds.
    Keep,
    /// What `c` holds, row r multiplied by the r-th value.
    Scaled(*const f32),
}

impl<B: Element, const ROW_MAJOR: bool> Kernel for Product<B, ROW_MAJOR> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut r = 0;
        // Sizes of tiles are constants, so that only those that fit the registers are compiled.
        // SAFETY: the contract of the struct; tiles stay inside m x n.
        unsafe {
            if const { S::LANES == 16 } {
                while self.m - r >= 8 {
                    self.rows::<S, 8>(s, r);
                    r += 8;
                }
            }
            while self.m - r >= 4 {
                self.rows::<S, 4>(s, r);
                r += 4;
            }
            while self.m > r {
                self.rows::<S, 1>(s, r);
                r += 1;
            }
        }
    }
}

impl<B: Element, const ROW_MAJOR: bool> Product<B, ROW_MAJOR> {
    #[inline(always)]
    unsafe fn rows<S: Simd, const M: usize>(&self, s: S, r: usize) {
        let mut j = 0;
        unsafe {
            if const { S::LANES == 16 && M <= 4 || M == 1 } {
                while self.n - j >= 4 {
                    self.tile::<S, M, 4>(s, r, j);
                    j += 4;
                }
            }
            if const { !matches!(S::ISA, Isa::Portable) } {
                while self.n - j >= 2 {
                    self.tile::<S, M, 2>(s, r, j);
                    j += 2;
                }
            }
            while self.n > j {
                self.tile::<S, M, 1>(s, r, j);
                j += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const M: usize, const N: usize>(&self, s: S, r: usize, j: usize) {
        unsafe {
            let c = self.c.add(r * self.c_stride + j * S::LANES);
            let mut acc = [[s.splat(0.0); N]; M];
            if !matches!(self.start, Start::Zero) {
                for (i, acc) in acc.iter_mut().enumerate() {
                    for (u, acc) in acc.iter_mut().enumerate() {
                        *acc = s.load_f32(c.add(i * self.c_stride + u * S::LANES));
                        if let Start::Scaled(by) = self.start {
                            *acc = s.mul(*acc, s.splat(*by.add(r + i)));
                        }
                    }
                }
            }
            let mut a = if ROW_MAJOR { self.a.add(r * KV_BLOCK) } else { self.a.add(r) };
            let mut b = self.b.add(j * S::LANES);
            let mut ahead = self.ahead.wrapping_add(j * S::LANES);
            for _ in 0..self.k {
                if B::IS_BF16 && r == 0 {
                    // Two vectors of bf16 are a line at most.
                    for u in (0..N).step_by(2) {
                        prefetch(ahead.wrapping_add(u * S::LANES).cast());
                    }
                    ahead = ahead.wrapping_add(self.b_stride);
                }
                let mut row = [s.splat(0.0); N];
                for (u, row) in row.iter_mut().enumerate() {
                    *row = B::load(s, b.add(u * S::LANES));
                }
                for (i, acc) in acc.iter_mut().enumerate() {
                    let at = if ROW_MAJOR { i * KV_BLOCK } else { i };
                    let left = s.splat(*a.add(at));
                    for (acc, row) in acc.iter_mut().zip(row) {
                        *acc = s.fma(left, row, *acc);
                    }
                }
                a = a.wrapping_add(if ROW_MAJOR { 1 } else { self.a_stride });
                b = b.wrapping_add(self.b_stride);
            }
            for (i, acc) in acc.iter().enumerate() {
                for (u, acc) in acc.iter().enumerate() {
                    s.store_f32(c.add(i * self.c_stride + u * S::LANES), *acc);
                }
            }
        }
    }
}
