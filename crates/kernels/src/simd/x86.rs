//! The x86-64 vectors: AVX2 with FMA (8 lanes), AVX-512 (16 lanes), AVX-512 with bf16 conversions.

use super::{Element, Kernel, Simd};
use crate::isa::Isa;
use half::bf16;
use std::arch::x86_64::*;

/// # Safety
/// The machine must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// # Safety
/// The machine must have AVX-512 F, BW, DQ and VL.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// # Safety
/// The machine must have AVX-512 F, BW, DQ, VL and BF16.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
pub(super) unsafe fn run_avx512bf16<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512Bf16(()))
}

/// Witness of AVX2 and FMA: only [`super::dispatch`] makes one.
#[derive(Clone, Copy)]
pub struct Avx2(());
/// Witness of AVX-512.
#[derive(Clone, Copy)]
pub struct Avx512(());
/// Witness of AVX-512 with bf16.
#[derive(Clone, Copy)]
pub struct Avx512Bf16(());

#[allow(clippy::missing_safety_doc)]
impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const ISA: Isa = Isa::Avx2;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` witnesses the instruction set.
        unsafe { run_avx2(kernel) }
    }
    #[inline(always)]
    unsafe fn transpose(self, rows: &mut [Self::V; 16]) {
        unsafe {
            let mut t = *rows;
            for i in 0..4 {
                t[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                t[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            let mut u = t;
            for i in [0, 4] {
                u[i] = _mm256_shuffle_ps::<0b01_00_01_00>(t[i], t[i + 2]);
                u[i + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(t[i], t[i + 2]);
                u[i + 2] = _mm256_shuffle_ps::<0b01_00_01_00>(t[i + 1], t[i + 3]);
                u[i + 3] = _mm256_shuffle_ps::<0b11_10_11_10>(t[i + 1], t[i + 3]);
            }
            for i in 0..4 {
                rows[i] = _mm256_permute2f128_ps::<0x20>(u[i], u[i + 4]);
                rows[i + 4] = _mm256_permute2f128_ps::<0x31>(u[i], u[i + 4]);
            }
        }
    }
    #[inline(always)]
    unsafe fn splat(self, x: f32) -> Self::V {
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load_f32(self, ptr: *const f32) -> Self::V {
        unsafe { _mm256_loadu_ps(ptr) }
    }
    #[inline(always)]
    unsafe fn store_f32(self, ptr: *mut f32, v: Self::V) {
        unsafe { _mm256_storeu_ps(ptr, v) }
    }
    #[inline(always)]
    unsafe fn load_bf16(self, ptr: *const bf16) -> Self::V {
        unsafe {
            let raw = _mm_loadu_si128(ptr.cast());
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(raw)))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, ptr: *mut bf16, v: Self::V) {
        unsafe {
            let bits = _mm256_castps_si256(v);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
            let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(v, v));
            let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x40_0000));
            let high = _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, is_nan));
            let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(high, high));
            _mm_storeu_si128(ptr.cast(), _mm256_castsi256_si128(packed));
        }
    }
    #[inline(always)]
    unsafe fn add(self, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(self, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(self, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(self, a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(self, a: Self::V) -> Self::V {
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    unsafe fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn round(self, a: Self::V) -> Self::V {
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }
    #[inline(always)]
    unsafe fn pow2(self, n: Self::V) -> Self::V {
        unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        }
    }
    #[inline(always)]
    unsafe fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        unsafe { _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
    }
    #[inline(always)]
    unsafe fn swap_pairs(self, a: Self::V) -> Self::V {
        unsafe { _mm256_permute_ps::<0b10_11_00_01>(a) }
    }
    #[inline(always)]
    unsafe fn reduce_sum(self, a: Self::V) -> f32 {
        unsafe { sum_128(_mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a))) }
    }
    #[inline(always)]
    unsafe fn reduce_max(self, a: Self::V) -> f32 {
        unsafe {
            let b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let c = _mm_max_ps(b, _mm_movehl_ps(b, b));
            _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps::<1>(c, c)))
        }
    }
}

/// The sum of four lanes by halving.
#[inline(always)]
unsafe fn sum_128(a: __m128) -> f32 {
    unsafe {
        let b = _mm_add_ps(a, _mm_movehl_ps(a, a));
        _mm_cvtss_f32(_mm_add_ss(b, _mm_shuffle_ps::<1>(b, b)))
    }
}

/// The mask of the first `n` of sixteen lanes.
#[inline(always)]
fn first_lanes(n: usize) -> __mmask16 {
    if n >= 16 { !0 } else { (1 << n) - 1 }
}

/// Transposes 16 x 16 lanes: within blocks of 4 x 4 by unpacking, then the blocks themselves.
#[inline(always)]
unsafe fn transpose_16(rows: &mut [__m512; 16]) {
    unsafe {
        let mut t = *rows;
        for i in 0..8 {
            t[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            t[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        // u[4 g + c]: 128-bit lane l holds column 4 l + c of the rows 4 g .. 4 g + 4.
        let mut u = t;
        for i in [0, 4, 8, 12] {
            u[i] = _mm512_shuffle_ps::<0b01_00_01_00>(t[i], t[i + 2]);
            u[i + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(t[i], t[i + 2]);
            u[i + 2] = _mm512_shuffle_ps::<0b01_00_01_00>(t[i + 1], t[i + 3]);
            u[i + 3] = _mm512_shuffle_ps::<0b11_10_11_10>(t[i + 1], t[i + 3]);
        }
        for c in 0..4 {
            let low = _mm512_shuffle_f32x4::<0b01_00_01_00>(u[c], u[4 + c]);
            let high = _mm512_shuffle_f32x4::<0b11_10_11_10>(u[c], u[4 + c]);
            let low2 = _mm512_shuffle_f32x4::<0b01_00_01_00>(u[8 + c], u[12 + c]);
            let high2 = _mm512_shuffle_f32x4::<0b11_10_11_10>(u[8 + c], u[12 + c]);
            rows[c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(low, low2);
            rows[4 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(low, low2);
            rows[8 + c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(high, high2);
            rows[12 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(high, high2);
        }
    }
}

/// Sixteen 16-bit values and sixteen others become sixteen lanes: the first in the low halves, the others in the high.
#[inline(always)]
unsafe fn interleave_halves(x: __m512i) -> __m512 {
    const ORDER: [u16; 32] = {
        let mut order = [0; 32];
        let mut i = 0;
        while i < 16 {
            (order[2 * i], order[2 * i + 1]) = (i as u16, 16 + i as u16);
            i += 1;
        }
        order
    };
    unsafe {
        let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
        _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, x))
    }
}

/// The methods that AVX-512 with and without bf16 share.
macro_rules! avx512_methods {
    () => {
        type V = __m512;
        const LANES: usize = 16;

        #[inline(always)]
        unsafe fn transpose(self, rows: &mut [Self::V; 16]) {
            unsafe { transpose_16(rows) }
        }
        #[inline(always)]
        unsafe fn load_partial<T: Element>(self, ptr: *const T, n: usize, fill: f32) -> Self::V {
            unsafe {
                let mask = first_lanes(n);
                let fill = _mm512_set1_ps(fill);
                if T::IS_BF16 {
                    let raw = _mm256_maskz_loadu_epi16(mask, ptr.cast());
                    let wide = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(raw));
                    _mm512_mask_mov_ps(fill, mask, _mm512_castsi512_ps(wide))
                } else {
                    _mm512_mask_loadu_ps(fill, mask, ptr.cast())
                }
            }
        }
        #[inline(always)]
        unsafe fn splat(self, x: f32) -> Self::V {
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load_f32(self, ptr: *const f32) -> Self::V {
            unsafe { _mm512_loadu_ps(ptr) }
        }
        #[inline(always)]
        unsafe fn store_f32(self, ptr: *mut f32, v: Self::V) {
            unsafe { _mm512_storeu_ps(ptr, v) }
        }
        #[inline(always)]
        unsafe fn load_bf16(self, ptr: *const bf16) -> Self::V {
            unsafe {
                let raw = _mm256_loadu_si256(ptr.cast());
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(raw)))
            }
        }
        #[inline(always)]
        unsafe fn add(self, a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(self, a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_sub_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(self, a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn div(self, a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_div_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn max(self, a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_max_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn min(self, a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_min_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn sqrt(self, a: Self::V) -> Self::V {
            unsafe { _mm512_sqrt_ps(a) }
        }
        #[inline(always)]
        unsafe fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn round(self, a: Self::V) -> Self::V {
            unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn pow2(self, n: Self::V) -> Self::V {
            unsafe {
                let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
            }
        }
        #[inline(always)]
        unsafe fn select_lt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), y, x) }
        }
        #[inline(always)]
        unsafe fn swap_pairs(self, a: Self::V) -> Self::V {
            unsafe { _mm512_permute_ps::<0b10_11_00_01>(a) }
        }
        #[inline(always)]
        unsafe fn reduce_sum(self, a: Self::V) -> f32 {
            unsafe {
                let b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
                sum_128(_mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps::<1>(b)))
            }
        }
        #[inline(always)]
        unsafe fn reduce_max(self, a: Self::V) -> f32 {
            unsafe { _mm512_reduce_max_ps(a) }
        }
    };
}

#[allow(clippy::missing_safety_doc)]
impl Simd for Avx512 {
    const ISA: Isa = Isa::Avx512;
    avx512_methods!();
    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` witnesses the instruction set.
        unsafe { run_avx512(kernel) }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, ptr: *mut bf16, v: Self::V) {
        unsafe {
            let bits = _mm512_castps_si512(v);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
            let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x40_0000));
            let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v);
            let high = _mm512_srli_epi32::<16>(_mm512_mask_blend_epi32(is_nan, rounded, quiet));
            _mm256_storeu_si256(ptr.cast(), _mm512_cvtepi32_epi16(high));
        }
    }
}

#[allow(clippy::missing_safety_doc)]
impl Simd for Avx512Bf16 {
    const ISA: Isa = Isa::Avx512Bf16;
    const HAS_BF16: bool = true;
    avx512_methods!();
    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` witnesses the instruction set.
        unsafe { run_avx512bf16(kernel) }
    }
    #[inline(always)]
    unsafe fn dot2(self, a: Self::V, b: Self::V, acc: Self::V) -> Self::V {
        unsafe {
            let a = std::mem::transmute::<__m512, __m512bh>(a);
            let b = std::mem::transmute::<__m512, __m512bh>(b);
            _mm512_dpbf16_ps(acc, a, b)
        }
    }
    #[inline(always)]
    unsafe fn pair(self, even: Self::V, odd: Self::V) -> Self::V {
        unsafe {
            let both = _mm512_cvtne2ps_pbh(odd, even);
            interleave_halves(std::mem::transmute::<__m512bh, __m512i>(both))
        }
    }
    #[inline(always)]
    unsafe fn load_pair_bf16(self, even: *const bf16, odd: *const bf16) -> Self::V {
        unsafe {
            let even = _mm512_castsi256_si512(_mm256_loadu_si256(even.cast()));
            interleave_halves(_mm512_inserti64x4::<1>(even, _mm256_loadu_si256(odd.cast())))
        }
    }
    #[inline(always)]
    unsafe fn load_pairs_f32(self, ptr: *const f32) -> Self::V {
        unsafe {
            let (low, high) = (_mm512_loadu_ps(ptr), _mm512_loadu_ps(ptr.add(16)));
            std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(high, low))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, ptr: *mut bf16, v: Self::V) {
        unsafe {
            let packed: __m256bh = _mm512_cvtneps_pbh(v);
            _mm256_storeu_si256(ptr.cast(), std::mem::transmute::<__m256bh, __m256i>(packed));
        }
    }
}
