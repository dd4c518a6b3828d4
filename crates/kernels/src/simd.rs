//! One vector type for each instruction set, behind one trait, so that a kernel is written once.
//!
//! A kernel is a struct of its arguments with a [`Kernel::run`] that is generic over [`Simd`]; [`dispatch`] calls it
//! compiled for the wanted instruction set. Two rules keep it fast and correct:
//! - `run`, and every generic function that it calls, is `#[inline(always)]`: only code inlined into the
//!   `#[target_feature]` wrapper is compiled for the instruction set.
//! - threads are started outside: a task's closure is not inlined, so each chunk of work calls [`dispatch`] itself.

use crate::isa::Isa;
use half::bf16;

/// A storage type of activations and weights: `f32` or `bf16`. Arithmetic is always in f32 lanes.
pub trait Element: Copy + Send + Sync + Default + PartialEq + std::fmt::Debug + 'static {
    /// Whether this is bf16.
    const IS_BF16: bool;
    /// Rounds to nearest, ties to even.
    fn from_f32(x: f32) -> Self;
    /// Exact.
    fn to_f32(self) -> f32;
    /// Loads `S::LANES` consecutive elements.
    ///
    /// # Safety
    /// `ptr` must be valid for `S::LANES` reads and the instruction set of `s` available.
    unsafe fn load<S: Simd>(s: S, ptr: *const Self) -> S::V;
    /// Stores `S::LANES` consecutive elements, rounding to nearest even.
    ///
    /// # Safety
    /// `ptr` must be valid for `S::LANES` writes and the instruction set of `s` available.
    unsafe fn store<S: Simd>(s: S, ptr: *mut Self, v: S::V);
}

impl Element for f32 {
    const IS_BF16: bool = false;
    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    unsafe fn load<S: Simd>(s: S, ptr: *const Self) -> S::V {
        unsafe { s.load_f32(ptr) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(s: S, ptr: *mut Self, v: S::V) {
        unsafe { s.store_f32(ptr, v) }
    }
}

impl Element for bf16 {
    const IS_BF16: bool = true;
    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        bf16::from_bits(round_to_bf16(x))
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits((self.to_bits() as u32) << 16)
    }
    #[inline(always)]
    unsafe fn load<S: Simd>(s: S, ptr: *const Self) -> S::V {
        unsafe { s.load_bf16(ptr) }
    }
    #[inline(always)]
    unsafe fn store<S: Simd>(s: S, ptr: *mut Self, v: S::V) {
        unsafe { s.store_bf16(ptr, v) }
    }
}

/// The upper half of `x` rounded to nearest, ties to even; NaN stays NaN.
#[inline(always)]
fn round_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return ((bits >> 16) | 0x40) as u16;
    }
    (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// Vectors of `LANES` f32 values in one instruction set.
///
/// # Safety of the methods
/// All are safe to call where the instruction set is available, which holds inside [`Kernel::run`]; those that take a
/// pointer need it valid for `LANES` elements (or `n` for the partial ones).
#[allow(clippy::missing_safety_doc, missing_docs)] // stated once, above; the rest are named after what they do
pub trait Simd: Copy + Send + Sync + 'static {
    /// A vector register.
    type V: Copy;
    /// f32 values in a vector.
    const LANES: usize;
    /// The instruction set.
    const ISA: Isa;
    /// Whether there are bf16 instructions: [`Simd::dot2`], the operations on pairs, and rounding by one of them.
    const HAS_BF16: bool = false;

    /// Runs `kernel` as a function of its own, compiled for this instruction set: for a large body that would bloat
    /// the `run` it is called from.
    fn call<K: Kernel>(self, kernel: K) -> K::Output;
    /// Transposes the square of lanes held by the first `LANES` entries; the rest is left as it is.
    unsafe fn transpose(self, rows: &mut [Self::V; 16]);
    /// Lane by lane `(acc + a1 * b1) + a0 * b0`, where a lane of `a` and `b` holds two bf16 values, 0 in its low half.
    /// Subnormal inputs and results are zero. Only where `HAS_BF16`.
    #[inline(always)]
    unsafe fn dot2(self, _a: Self::V, _b: Self::V, _acc: Self::V) -> Self::V {
        unreachable!("{:?} has no bf16 dot product", Self::ISA)
    }
    /// Lanes of pairs: `even` rounded to bf16 in the low halves, `odd` in the high ones. Only where `HAS_BF16`.
    #[inline(always)]
    unsafe fn pair(self, _even: Self::V, _odd: Self::V) -> Self::V {
        unreachable!("{:?} has no bf16 dot product", Self::ISA)
    }
    /// The same from `LANES` bf16 values at `even` and at `odd`. Only where `HAS_BF16`.
    #[inline(always)]
    unsafe fn load_pair_bf16(self, _even: *const bf16, _odd: *const bf16) -> Self::V {
        unreachable!("{:?} has no bf16 dot product", Self::ISA)
    }
    /// `2 * LANES` consecutive values as lanes of pairs, rounded to bf16. Only where `HAS_BF16`.
    #[inline(always)]
    unsafe fn load_pairs_f32(self, _ptr: *const f32) -> Self::V {
        unreachable!("{:?} has no bf16 dot product", Self::ISA)
    }

    unsafe fn splat(self, x: f32) -> Self::V;
    unsafe fn load_f32(self, ptr: *const f32) -> Self::V;
    unsafe fn store_f32(self, ptr: *mut f32, v: Self::V);
    unsafe fn load_bf16(self, ptr: *const bf16) -> Self::V;
    unsafe fn store_bf16(self, ptr: *mut bf16, v: Self::V);
    unsafe fn add(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(self, a: Self::V) -> Self::V;
    /// `a * b + c`, fused where the instruction set has it.
    unsafe fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Nearest integer, ties to even.
    unsafe fn round(self, a: Self::V) -> Self::V;
    /// `2^n` for integral `n` in -126..=127.
    unsafe fn pow2(self, n: Self::V) -> Self::V;
    /// Lane by lane: `if a < b { x } else { y }`.
    unsafe fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// Lanes 2i and 2i + 1 exchanged.
    unsafe fn swap_pairs(self, a: Self::V) -> Self::V;
    /// The sum of the lanes by halving: lane `i` is added to lane `i + n/2`, and so on. A fixed order.
    unsafe fn reduce_sum(self, a: Self::V) -> f32;
    /// The largest lane.
    unsafe fn reduce_max(self, a: Self::V) -> f32;

    /// The first `n` elements, the rest of the lanes `fill`.
    #[inline(always)]
    unsafe fn load_partial<T: Element>(self, ptr: *const T, n: usize, fill: f32) -> Self::V {
        let mut lanes = [fill; 16];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            *lane = unsafe { (*ptr.add(i)).to_f32() };
        }
        unsafe { self.load_f32(lanes.as_ptr()) }
    }

    /// Stores the first `n` lanes.
    #[inline(always)]
    unsafe fn store_partial<T: Element>(self, ptr: *mut T, n: usize, v: Self::V) {
        let mut lanes = [T::default(); 16];
        unsafe { T::store(self, lanes.as_mut_ptr(), v) };
        for (i, lane) in lanes.iter().enumerate().take(n) {
            unsafe { *ptr.add(i) = *lane };
        }
    }

    /// e^x with a relative error below 3e-7; 0 below -87.3, and inputs above 88 are clamped to 88.
    ///
    /// x = n ln 2 + r with |r| <= ln 2 / 2, then a polynomial of degree 6 in r (Cephes' `expf` coefficients).
    #[inline(always)]
    unsafe fn exp(self, x: Self::V) -> Self::V {
        unsafe {
            let low = self.splat(-87.3);
            // With x as the second operand, NaN passes through `max` and `min`: it must not turn into a number.
            let clamped = self.min(self.splat(88.0), self.max(low, x));
            let n = self.round(self.mul(clamped, self.splat(std::f32::consts::LOG2_E)));
            let r = self.fma(n, self.splat(-0.693_359_4), clamped);
            let r = self.fma(n, self.splat(2.121_944_4e-4), r);
            let mut p = self.splat(1.987_569_1e-4);
            for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
                p = self.fma(p, r, self.splat(c));
            }
            let e = self.add(self.fma(self.mul(p, r), r, r), self.splat(1.0));
            let y = self.mul(e, self.pow2(n));
            self.select_lt(x, low, self.splat(0.0), y)
        }
    }
}

/// Work that is compiled once for each instruction set; see the module's two rules.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The work itself; must be `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// Runs `kernel` compiled for `isa`.
///
/// # Panics
/// When the machine does not have `isa`: the one check that makes the unsafe code below it sound.
pub fn dispatch<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        assert!(isa.is_available(), "{isa:?} is not available here");
        match isa {
            Isa::Portable => kernel.run(Portable),
            // SAFETY: asserted above.
            Isa::Avx2 => unsafe { x86::run_avx2(kernel) },
            // SAFETY: as above.
            Isa::Avx512 => unsafe { x86::run_avx512(kernel) },
            // SAFETY: as above.
            Isa::Avx512Round | Isa::Avx512Bf16 => unsafe { x86::run_avx512bf16(kernel) },
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        assert!(isa == Isa::Portable, "{isa:?} is not available here");
        kernel.run(Portable)
    }
}

/// [`dispatch`] for a kernel without use for bf16 instructions: where there are some it runs as on [`Isa::Avx512`], which
/// spares compiling a large kernel once more.
///
/// # Panics
/// As [`dispatch`].
pub(crate) fn dispatch_wide<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    assert!(isa.is_available(), "{isa:?} is not available here");
    match isa {
        Isa::Portable => kernel.run(Portable),
        // SAFETY: asserted above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::run_avx2(kernel) },
        // SAFETY: as above; AVX-512 with bf16 includes AVX-512.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Round | Isa::Avx512Bf16 => unsafe { x86::run_avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("not available here"),
    }
}

/// [`dispatch`] for a kernel that is made of [`Simd::dot2`]: compiled for the one instruction set that has it.
///
/// # Panics
/// When the machine does not have it.
pub(crate) fn dispatch_dot2<K: Kernel>(kernel: K) -> K::Output {
    assert!(Isa::Avx512Bf16.is_available(), "no bf16 dot product here");
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: asserted above.
        unsafe { x86::run_avx512bf16(kernel) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        kernel.run(Portable)
    }
}

/// Plain Rust: arrays of eight lanes that the compiler vectorises for the baseline of the target.
#[derive(Clone, Copy)]
pub struct Portable;

#[inline(always)]
fn map2(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    let mut out = [0.0; 8];
    for i in 0..8 {
        out[i] = f(a[i], b[i]);
    }
    out
}

#[allow(clippy::missing_safety_doc)]
impl Simd for Portable {
    type V = [f32; 8];
    const LANES: usize = 8;
    const ISA: Isa = Isa::Portable;

    #[inline(never)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    unsafe fn transpose(self, rows: &mut [Self::V; 16]) {
        let before = *rows;
        for (i, row) in rows.iter_mut().enumerate().take(8) {
            for (j, x) in row.iter_mut().enumerate() {
                *x = before[j][i];
            }
        }
    }
    #[inline(always)]
    unsafe fn splat(self, x: f32) -> Self::V {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load_f32(self, ptr: *const f32) -> Self::V {
        unsafe { ptr.cast::<[f32; 8]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store_f32(self, ptr: *mut f32, v: Self::V) {
        unsafe { ptr.cast::<[f32; 8]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, ptr: *const bf16) -> Self::V {
        let raw = unsafe { ptr.cast::<[bf16; 8]>().read_unaligned() };
        raw.map(Element::to_f32)
    }
    #[inline(always)]
    unsafe fn store_bf16(self, ptr: *mut bf16, v: Self::V) {
        unsafe { ptr.cast::<[bf16; 8]>().write_unaligned(v.map(<bf16 as Element>::from_f32)) }
    }
    #[inline(always)]
    unsafe fn add(self, a: Self::V, b: Self::V) -> Self::V {
        map2(a, b, |x, y| x + y)
    }
    #[inline(always)]
    unsafe fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        map2(a, b, |x, y| x - y)
    }
    #[inline(always)]
    unsafe fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        map2(a, b, |x, y| x * y)
    }
    #[inline(always)]
    unsafe fn div(self, a: Self::V, b: Self::V) -> Self::V {
        map2(a, b, |x, y| x / y)
    }
    #[inline(always)]
    unsafe fn max(self, a: Self::V, b: Self::V) -> Self::V {
        map2(a, b, |x, y| if x > y { x } else { y })
    }
    #[inline(always)]
    unsafe fn min(self, a: Self::V, b: Self::V) -> Self::V {
        map2(a, b, |x, y| if x < y { x } else { y })
    }
    #[inline(always)]
    unsafe fn sqrt(self, a: Self::V) -> Self::V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    unsafe fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let mut out = [0.0; 8];
        for i in 0..8 {
            out[i] = a[i] * b[i] + c[i];
        }
        out
    }
    #[inline(always)]
    unsafe fn round(self, a: Self::V) -> Self::V {
        // Adding and removing 1.5 * 2^23 rounds to the nearest even integer for |x| < 2^22, which covers `exp`.
        const MAGIC: f32 = 12_582_912.0;
        a.map(|x| (x + MAGIC) - MAGIC)
    }
    #[inline(always)]
    unsafe fn pow2(self, n: Self::V) -> Self::V {
        n.map(|x| f32::from_bits((((x as i32) + 127) << 23) as u32))
    }
    #[inline(always)]
    unsafe fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        let mut out = [0.0; 8];
        for i in 0..8 {
            out[i] = if a[i] < b[i] { x[i] } else { y[i] };
        }
        out
    }
    #[inline(always)]
    unsafe fn swap_pairs(self, a: Self::V) -> Self::V {
        [a[1], a[0], a[3], a[2], a[5], a[4], a[7], a[6]]
    }
    #[inline(always)]
    unsafe fn reduce_sum(self, a: Self::V) -> f32 {
        let b = [a[0] + a[4], a[1] + a[5], a[2] + a[6], a[3] + a[7]];
        let c = [b[0] + b[2], b[1] + b[3]];
        c[0] + c[1]
    }
    #[inline(always)]
    unsafe fn reduce_max(self, a: Self::V) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512, Avx512Bf16};

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;
