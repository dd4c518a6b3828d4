//! Vectors at the end of a row: loads and stores that know how many elements are left, and the dot product.

use crate::simd::{Element, Simd};

/// Up to `LANES` elements from `ptr`; lanes from `n` on are 0.
///
/// # Safety
/// `ptr` is valid for `min(n, LANES)` reads.
#[inline(always)]
pub(crate) unsafe fn load_n<S: Simd, T: Element>(s: S, ptr: *const T, n: usize) -> S::V {
    unsafe { if n >= S::LANES { T::load(s, ptr) } else { s.load_partial(ptr, n, 0.0) } }
}

/// Stores the first `min(n, LANES)` lanes.
///
/// # Safety
/// `ptr` is valid for `min(n, LANES)` writes.
#[inline(always)]
pub(crate) unsafe fn store_n<S: Simd, T: Element>(s: S, ptr: *mut T, n: usize, v: S::V) {
    unsafe { if n >= S::LANES { T::store(s, ptr, v) } else { s.store_partial(ptr, n, v) } }
}

/// `x . y` in f32: four vectors of partial sums, then their lanes by halving; the order depends on the length alone.
///
/// # Panics
/// When the lengths differ.
#[inline(always)]
pub(crate) fn dot<S: Simd, A: Element, B: Element>(s: S, x: &[A], y: &[B]) -> f32 {
    assert_eq!(x.len(), y.len(), "dot of unlike lengths");
    let n = x.len();
    let (x, y) = (x.as_ptr(), y.as_ptr());
    // SAFETY: `i` stays below `n`, and the instruction set of `s` is available.
    unsafe {
        let mut acc = [s.splat(0.0); 4];
        let mut i = 0;
        while i + 4 * S::LANES <= n {
            for (u, acc) in acc.iter_mut().enumerate() {
                let at = i + u * S::LANES;
                *acc = s.fma(A::load(s, x.add(at)), B::load(s, y.add(at)), *acc);
            }
            i += 4 * S::LANES;
        }
        while i < n {
            let a = load_n(s, x.add(i), n - i);
            acc[0] = s.fma(a, load_n(s, y.add(i), n - i), acc[0]);
            i += S::LANES;
        }
        s.reduce_sum(s.add(s.add(acc[0], acc[1]), s.add(acc[2], acc[3])))
    }
}

/// `y += x`, element by element, in f32.
///
/// # Panics
/// When the lengths differ.
#[inline(always)]
pub(crate) fn add_into<S: Simd, T: Element>(s: S, x: &[T], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "sum of unlike lengths");
    let n = x.len();
    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
    let mut i = 0;
    while i < n {
        // SAFETY: `i` stays below `n`, and the instruction set of `s` is available.
        unsafe {
            let sum = s.add(load_n(s, y.add(i), n - i), load_n(s, x.add(i), n - i));
            store_n(s, y.add(i), n - i, sum);
        }
        i += S::LANES;
    }
}
