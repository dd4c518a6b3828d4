//! How one step of the chain over `k` is computed: plain f32, bf16 widened to f32, or bf16 pairs in one instruction.
//!
//! A *unit* is what one lane takes in at one step: one value of `k`, or the pair `(k, k + 1)`.

use super::Compute;
use crate::isa::Isa;
use crate::simd::{Element, Kernel, Simd, dispatch, dispatch_dot2, dispatch_wide};
use half::bf16;
use std::marker::PhantomData;

/// Bytes of a unit of a packed left operand, on every path.
pub(super) const A_BYTES: usize = 4;

/// One way to multiply and add; see the module's first lines.
pub(super) trait Path: Copy + Send + Sync + 'static {
    /// Values of `k` in one unit.
    const K_STEP: usize;
    /// Bytes of a unit of a packed right operand.
    const B_BYTES: usize;
    /// Units of `k` in one slice of a panel. With 128 in place of 256, half of a 32 KB L1 is left to the rows.
    const SLICE: usize;

    /// `LANES` consecutive units along `k`, of which `n` values (not units) exist; the rest are zero.
    unsafe fn along_k<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V;
    /// One unit for each of `LANES` consecutive columns, of which `n` exist; `stride` leads to the next value of `k`,
    /// if it exists.
    unsafe fn across_k<S: Simd, T: Element>(s: S, ptr: *const T, stride: Option<usize>, n: usize) -> S::V;
    /// Stores `LANES` units of a right operand.
    unsafe fn store_b<S: Simd>(s: S, ptr: *mut u8, v: S::V);
    /// Loads `LANES` units of a right operand.
    unsafe fn load_b<S: Simd>(s: S, ptr: *const u8) -> S::V;
    /// One step of the chain.
    unsafe fn step<S: Simd>(s: S, a: S::V, b: S::V, acc: S::V) -> S::V;
}

/// Loads `min(n, LANES)` elements, zeros after them.
#[inline(always)]
unsafe fn load_some<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V {
    unsafe { if n >= S::LANES { T::load(s, ptr) } else { s.load_partial(ptr, n, 0.0) } }
}

/// f32 values, one `k` a step.
#[derive(Clone, Copy)]
pub(super) struct F32;

impl Path for F32 {
    const K_STEP: usize = 1;
    const B_BYTES: usize = 4;
    const SLICE: usize = 128;

    #[inline(always)]
    unsafe fn along_k<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V {
        unsafe { load_some(s, ptr, n) }
    }
    #[inline(always)]
    unsafe fn across_k<S: Simd, T: Element>(s: S, ptr: *const T, _stride: Option<usize>, n: usize) -> S::V {
        unsafe { load_some(s, ptr, n) }
    }
    #[inline(always)]
    unsafe fn store_b<S: Simd>(s: S, ptr: *mut u8, v: S::V) {
        unsafe { s.store_f32(ptr.cast(), v) }
    }
    #[inline(always)]
    unsafe fn load_b<S: Simd>(s: S, ptr: *const u8) -> S::V {
        unsafe { s.load_f32(ptr.cast()) }
    }
    #[inline(always)]
    unsafe fn step<S: Simd>(s: S, a: S::V, b: S::V, acc: S::V) -> S::V {
        unsafe { s.fma(a, b, acc) }
    }
}

/// bf16 values computed as f32, one `k` a step. The right operand is stored as bf16, which halves what decoding reads.
#[derive(Clone, Copy)]
pub(super) struct Widen;

impl Widen {
    #[inline(always)]
    unsafe fn round<S: Simd, T: Element>(s: S, v: S::V) -> S::V {
        if T::IS_BF16 {
            return v;
        }
        let mut rounded = [bf16::ZERO; 16];
        unsafe {
            s.store_bf16(rounded.as_mut_ptr(), v);
            s.load_bf16(rounded.as_ptr())
        }
    }
}

impl Path for Widen {
    const K_STEP: usize = 1;
    const B_BYTES: usize = 2;
    const SLICE: usize = 256;

    #[inline(always)]
    unsafe fn along_k<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V {
        unsafe { Self::round::<S, T>(s, load_some(s, ptr, n)) }
    }
    #[inline(always)]
    unsafe fn across_k<S: Simd, T: Element>(s: S, ptr: *const T, _stride: Option<usize>, n: usize) -> S::V {
        unsafe { Self::round::<S, T>(s, load_some(s, ptr, n)) }
    }
    #[inline(always)]
    unsafe fn store_b<S: Simd>(s: S, ptr: *mut u8, v: S::V) {
        unsafe { s.store_bf16(ptr.cast(), v) }
    }
    #[inline(always)]
    unsafe fn load_b<S: Simd>(s: S, ptr: *const u8) -> S::V {
        unsafe { s.load_bf16(ptr.cast()) }
    }
    #[inline(always)]
    unsafe fn step<S: Simd>(s: S, a: S::V, b: S::V, acc: S::V) -> S::V {
        unsafe { s.fma(a, b, acc) }
    }
}

/// [`Widen`] with the right operand stored as f32: for panels that many rows use, which would widen them each time.
#[derive(Clone, Copy)]
pub(super) struct Widened;

impl Path for Widened {
    const K_STEP: usize = 1;
    const B_BYTES: usize = 4;
    const SLICE: usize = 128;

    #[inline(always)]
    unsafe fn along_k<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V {
        unsafe { Widen::along_k(s, ptr, n) }
    }
    #[inline(always)]
    unsafe fn across_k<S: Simd, T: Element>(s: S, ptr: *const T, stride: Option<usize>, n: usize) -> S::V {
        unsafe { Widen::across_k(s, ptr, stride, n) }
    }
    #[inline(always)]
    unsafe fn store_b<S: Simd>(s: S, ptr: *mut u8, v: S::V) {
        unsafe { F32::store_b(s, ptr, v) }
    }
    #[inline(always)]
    unsafe fn load_b<S: Simd>(s: S, ptr: *const u8) -> S::V {
        unsafe { F32::load_b(s, ptr) }
    }
    #[inline(always)]
    unsafe fn step<S: Simd>(s: S, a: S::V, b: S::V, acc: S::V) -> S::V {
        unsafe { F32::step(s, a, b, acc) }
    }
}

/// Pairs of bf16 values and their dot product, two `k` a step. Only where [`Simd::HAS_BF16`].
#[derive(Clone, Copy)]
pub(super) struct Dot2;

impl Path for Dot2 {
    const K_STEP: usize = 2;
    const B_BYTES: usize = 4;
    const SLICE: usize = 256;

    #[inline(always)]
    unsafe fn along_k<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V {
        unsafe {
            if n >= 2 * S::LANES {
                return if T::IS_BF16 {
                    s.load_f32(ptr.cast()) // sixteen pairs as they lie
                } else {
                    s.load_pairs_f32(ptr.cast())
                };
            }
            let mut pairs = [bf16::ZERO; 32];
            for (i, x) in pairs.iter_mut().enumerate().take(n) {
                *x = <bf16 as Element>::from_f32((*ptr.add(i)).to_f32());
            }
            s.load_f32(pairs.as_ptr().cast())
        }
    }
    #[inline(always)]
    unsafe fn across_k<S: Simd, T: Element>(s: S, ptr: *const T, stride: Option<usize>, n: usize) -> S::V {
        unsafe {
            if let (true, true, Some(stride)) = (T::IS_BF16, n >= S::LANES, stride) {
                return s.load_pair_bf16(ptr.cast(), ptr.add(stride).cast());
            }
            let even = load_some(s, ptr, n);
            let odd = match stride {
                Some(stride) => load_some(s, ptr.add(stride), n),
                None => s.splat(0.0),
            };
            s.pair(even, odd)
        }
    }
    #[inline(always)]
    unsafe fn store_b<S: Simd>(s: S, ptr: *mut u8, v: S::V) {
        unsafe { s.store_f32(ptr.cast(), v) }
    }
    #[inline(always)]
    unsafe fn load_b<S: Simd>(s: S, ptr: *const u8) -> S::V {
        unsafe { s.load_f32(ptr.cast()) }
    }
    #[inline(always)]
    unsafe fn step<S: Simd>(s: S, a: S::V, b: S::V, acc: S::V) -> S::V {
        unsafe { s.dot2(a, b, acc) }
    }
}

/// Work that is generic over the path too.
pub(super) trait PathKernel {
    /// The work; must be `#[inline(always)]`.
    fn run<S: Simd, P: Path>(self, s: S);
}

/// A [`PathKernel`] on a path.
pub(super) struct On<P, K>(pub(super) K, PhantomData<P>);

impl<P: Path, K: PathKernel> On<P, K> {
    pub(super) fn new(kernel: K) -> Self {
        On(kernel, PhantomData)
    }
}

impl<P: Path, K: PathKernel> Kernel for On<P, K> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.0.run::<S, P>(s)
    }
}

/// A path by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    F32,
    Widen,
    Widened,
    Dot2,
}

impl Form {
    /// What products of this type take on this instruction set; `ahead` where their panels are packed for many rows.
    /// [`Form::Widen`] and [`Form::Widened`] give the same bits.
    pub(super) fn new(isa: Isa, compute: Compute, ahead: bool) -> Form {
        match (compute, isa) {
            (Compute::F32, _) => Form::F32,
            (Compute::Bf16, Isa::Avx512Bf16) => Form::Dot2,
            (Compute::Bf16, _) if ahead => Form::Widened,
            (Compute::Bf16, _) => Form::Widen,
        }
    }
}

/// Runs `kernel` compiled for the instruction set, on the path.
pub(super) fn dispatch_path<K: PathKernel>(isa: Isa, form: Form, kernel: K) {
    match form {
        Form::F32 => dispatch_wide(isa, On::<F32, K>::new(kernel)),
        Form::Widen => dispatch(isa, On::<Widen, K>::new(kernel)),
        Form::Widened => dispatch(isa, On::<Widened, K>::new(kernel)),
        Form::Dot2 => dispatch_dot2(On::<Dot2, K>::new(kernel)),
    }
}

/// The sizes that follow from the instruction set and the type of the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Rows of the largest register tile.
    pub max_rows: usize,
    /// Columns of a panel of the right operand.
    pub panel: usize,
    /// f32 values in a vector.
    pub lanes: usize,
    /// Values of `k` in a unit.
    pub k_step: usize,
    /// Bytes of a unit of the right operand.
    pub b_bytes: usize,
}

/// Rows of the largest register tile: accumulators, one row of `b` and one value of `a` fill the registers.
pub(super) const fn max_rows(isa: Isa) -> usize {
    match isa {
        Isa::Portable => 4,
        Isa::Avx2 => 6,
        Isa::Avx512 | Isa::Avx512Round | Isa::Avx512Bf16 => 14,
    }
}

/// Units between one step and the next of a packed tile of `rows` rows: a power of two keeps its vectors aligned.
pub(super) const fn padded_rows(rows: usize) -> usize {
    rows.next_power_of_two()
}

/// Vectors in one row of a panel.
pub(super) const fn panel_vectors(isa: Isa) -> usize {
    match isa {
        Isa::Portable => 1,
        _ => 2,
    }
}

impl Geometry {
    pub(super) fn new(isa: Isa, form: Form) -> Self {
        let lanes = match isa {
            Isa::Portable | Isa::Avx2 => 8,
            Isa::Avx512 | Isa::Avx512Round | Isa::Avx512Bf16 => 16,
        };
        let (k_step, b_bytes) = match form {
            Form::F32 => (F32::K_STEP, F32::B_BYTES),
            Form::Widen => (Widen::K_STEP, Widen::B_BYTES),
            Form::Widened => (Widened::K_STEP, Widened::B_BYTES),
            Form::Dot2 => (Dot2::K_STEP, Dot2::B_BYTES),
        };
        Geometry { max_rows: max_rows(isa), panel: lanes * panel_vectors(isa), lanes, k_step, b_bytes }
    }

    /// Units that cover `k` values.
    pub(super) fn units(self, k: usize) -> usize {
        k.div_ceil(self.k_step)
    }

    /// Bytes of one packed panel of the right operand.
    pub(super) fn panel_bytes(self, k: usize) -> usize {
        self.units(k) * self.panel * self.b_bytes
    }

    /// Bytes from one packed tile of the left operand to the next: the last store of a tile may run over its end.
    pub(super) fn tile_bytes(self, k: usize) -> usize {
        (self.units(k) * padded_rows(self.max_rows) + self.lanes) * A_BYTES
    }
}
