//! The register tile: MR rows by PN panels of NV vectors, down a block of `k`. Everything else only feeds it.

use super::path::{A_BYTES, Path, max_rows, padded_rows, panel_vectors};
use crate::prefetch::prefetch;
use crate::simd::{Element, Kernel, Simd};
use half::bf16;
use std::marker::PhantomData;

/// What a tile multiplies: packed operands in, f32 partial sums in and out.
#[derive(Clone, Copy)]
pub(super) struct TileArgs {
    /// Steps of the chain.
    pub units: usize,
    /// [units, `padded_rows(MR)`] units of the left operand.
    pub a: *const u8,
    /// [units, panel] units of the right operand, for each of PN panels.
    pub b: *const u8,
    /// Bytes from one panel to the next.
    pub b_panel: usize,
    /// What the tile after this one reads first: asked for meanwhile, `ahead_step` bytes for each unit.
    pub ahead: *const u8,
    /// 128, or 0 where there is nothing to ask for.
    pub ahead_step: usize,
    /// Where the chains start; null means zero.
    pub src: *const f32,
    /// Elements from one row of `src` to the next.
    pub src_stride: usize,
    /// Where the chains are left, as f32 or, with [`Simd::HAS_BF16`], rounded to bf16. (Elsewhere rounding is a long
    /// sequence, whose loop would keep the accumulators in memory.)
    pub dst: *mut u8,
    pub dst_is_bf16: bool,
    /// Elements from one row of `dst` to the next.
    pub dst_stride: usize,
}

struct Tile<P, const MR: usize, const PN: usize, const NV: usize>(TileArgs, PhantomData<P>);

impl<P: Path, const MR: usize, const PN: usize, const NV: usize> Kernel for Tile<P, MR, PN, NV> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if MR > max_rows(S::ISA) || NV > panel_vectors(S::ISA) {
            unreachable!("a tile larger than the registers");
        }
        let t = self.0;
        let row = panel_vectors(S::ISA) * S::LANES;
        // SAFETY: `multiply`'s caller vouches for the pointers.
        unsafe {
            let mut acc = [[[s.splat(0.0); NV]; PN]; MR];
            if !t.src.is_null() {
                for (r, acc) in acc.iter_mut().enumerate() {
                    for (p, acc) in acc.iter_mut().enumerate() {
                        for (v, acc) in acc.iter_mut().enumerate() {
                            *acc = s.load_f32(t.src.add(r * t.src_stride + p * row + v * S::LANES));
                        }
                    }
                }
            }
            let (mut a, mut b_ptr, mut ahead) = (t.a, t.b, t.ahead);
            for _ in 0..t.units {
                if MR > 4 {
                    prefetch(ahead);
                    prefetch(ahead.wrapping_add(64));
                    ahead = ahead.wrapping_add(t.ahead_step);
                }
                let mut b = [[s.splat(0.0); NV]; PN];
                for (p, b) in b.iter_mut().enumerate() {
                    for (v, b) in b.iter_mut().enumerate() {
                        *b = P::load_b(s, b_ptr.add(p * t.b_panel + v * S::LANES * P::B_BYTES));
                    }
                }
                for (r, acc) in acc.iter_mut().enumerate() {
                    let x = s.splat(a.add(r * A_BYTES).cast::<f32>().read_unaligned());
                    for (acc, b) in acc.iter_mut().zip(&b) {
                        for (acc, b) in acc.iter_mut().zip(b) {
                            *acc = P::step(s, x, *b, *acc);
                        }
                    }
                }
                a = a.add(padded_rows(MR) * A_BYTES);
                b_ptr = b_ptr.add(row * P::B_BYTES);
            }
            if S::HAS_BF16 && t.dst_is_bf16 {
                store::<S, bf16, MR, PN, NV>(s, &acc, t.dst.cast(), t.dst_stride);
            } else {
                store::<S, f32, MR, PN, NV>(s, &acc, t.dst.cast(), t.dst_stride);
            }
        }
    }
}

#[inline(always)]
unsafe fn store<S: Simd, T: Element, const MR: usize, const PN: usize, const NV: usize>(
    s: S,
    acc: &[[[S::V; NV]; PN]; MR],
    dst: *mut T,
    stride: usize,
) {
    let row = panel_vectors(S::ISA) * S::LANES;
    for (r, acc) in acc.iter().enumerate() {
        for (p, acc) in acc.iter().enumerate() {
            for (v, acc) in acc.iter().enumerate() {
                // SAFETY: the caller's.
                unsafe { T::store(s, dst.add(r * stride + p * row + v * S::LANES), *acc) };
            }
        }
    }
}

/// Panels that a lone tile of `rows` rows takes at once: few rows need more columns to keep enough chains in flight.
pub(super) const fn panels_at_once<S: Simd>(rows: usize) -> usize {
    match (S::LANES, rows) {
        (_, 1) => 4,
        (16, 2) => 3,
        (16, 3 | 4) | (_, 2) => 2,
        _ => 1,
    }
}

/// Runs the tile of `rows` rows, `panels` panels and `vectors` vectors in each panel (all of them if `panels > 1`).
///
/// # Safety
/// The pointers are valid for the tile's shape.
#[inline(always)]
pub(super) unsafe fn multiply<S: Simd, P: Path>(s: S, (rows, panels, vectors): (usize, usize, usize), args: TileArgs) {
    macro_rules! tile {
        ($rows:literal, $panels:literal, 2) => {
            if panel_vectors(S::ISA) == 2 {
                s.call(Tile::<P, $rows, $panels, 2>(args, PhantomData))
            } else {
                s.call(Tile::<P, $rows, $panels, 1>(args, PhantomData))
            }
        };
        ($rows:literal) => {
            if vectors == 2 {
                s.call(Tile::<P, $rows, 1, 2>(args, PhantomData))
            } else {
                s.call(Tile::<P, $rows, 1, 1>(args, PhantomData))
            }
        };
    }
    match (rows, panels) {
        (1, 4) => tile!(1, 4, 2),
        (2, 3) => tile!(2, 3, 2),
        (2, 2) => tile!(2, 2, 2),
        (3, 2) => tile!(3, 2, 2),
        (4, 2) => tile!(4, 2, 2),
        (1, 1) => tile!(1),
        (2, 1) => tile!(2),
        (3, 1) => tile!(3),
        (4, 1) => tile!(4),
        (5, 1) => tile!(5),
        (6, 1) => tile!(6),
        (7, 1) => tile!(7),
        (8, 1) => tile!(8),
        (9, 1) => tile!(9),
        (10, 1) => tile!(10),
        (11, 1) => tile!(11),
        (12, 1) => tile!(12),
        (13, 1) => tile!(13),
        (14, 1) => tile!(14),
        _ => unreachable!("no tile of {rows} rows by {panels} panels"),
    }
}
