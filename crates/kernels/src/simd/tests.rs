//! Each instruction set's vectors against plain Rust.

use super::*;

struct Exp<'a>(&'a [f32], &'a mut [f32]);

impl Kernel for Exp<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (x, y) in self.0.chunks_exact(S::LANES).zip(self.1.chunks_exact_mut(S::LANES)) {
            // SAFETY: both chunks hold `LANES` values.
            unsafe { s.store_f32(y.as_mut_ptr(), s.exp(s.load_f32(x.as_ptr()))) }
        }
    }
}

#[test]
fn exp_is_accurate_on_every_isa() {
    let x: Vec<f32> = (0..16_000).map(|i| i as f32 * 0.0108 - 86.0).collect();
    for isa in Isa::available() {
        let mut y = vec![0.0; x.len()];
        dispatch(isa, Exp(&x, &mut y));
        for (&x, &y) in x.iter().zip(&y) {
            let want = f64::from(x.min(88.0)).exp();
            assert!((f64::from(y) - want).abs() <= 3e-7 * want, "{isa:?}: exp({x}) = {y}, not {want}");
        }
    }
}

struct RoundTrip<'a>(&'a [f32], &'a mut [bf16], &'a mut f32);

impl Kernel for RoundTrip<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the slices hold sixteen values, at least `LANES`.
        unsafe {
            for i in (0..16).step_by(S::LANES) {
                s.store_bf16(self.1.as_mut_ptr().add(i), s.load_f32(self.0.as_ptr().add(i)));
            }
            *self.2 = s.reduce_sum(s.load_bf16(self.1.as_ptr()));
        }
    }
}

#[test]
fn bf16_rounds_to_nearest_even_on_every_isa() {
    let x: Vec<f32> = (0..16).map(|i| f32::from_bits(0x3f80_8000 + i * 0x8001)).collect();
    let want: Vec<bf16> = x.iter().map(|&x| bf16::from_f32(x)).collect();
    for isa in Isa::available() {
        let mut y = vec![bf16::default(); 16];
        let mut sum = 0.0;
        dispatch(isa, RoundTrip(&x, &mut y, &mut sum));
        assert_eq!(y, want, "{isa:?}");
        assert!(sum > 8.0, "{isa:?}");
    }
    assert!(<bf16 as Element>::from_f32(f32::NAN).is_nan());
}

struct Transpose<'a>(&'a mut [f32]);

impl Kernel for Transpose<'_> {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        // SAFETY: the slice holds sixteen rows of sixteen values.
        unsafe {
            let mut rows = [s.splat(0.0); 16];
            for (i, row) in rows.iter_mut().enumerate().take(S::LANES) {
                *row = s.load_f32(self.0.as_ptr().add(16 * i));
            }
            s.transpose(&mut rows);
            for (i, row) in rows.iter().enumerate().take(S::LANES) {
                s.store_f32(self.0.as_mut_ptr().add(16 * i), *row);
            }
        }
        S::LANES
    }
}

#[test]
fn transpose_exchanges_rows_and_lanes_on_every_isa() {
    for isa in Isa::available() {
        let mut x: Vec<f32> = (0..256).map(|i| i as f32).collect();
        let lanes = dispatch(isa, Transpose(&mut x));
        for i in 0..lanes {
            for j in 0..lanes {
                assert_eq!(x[16 * i + j], (16 * j + i) as f32, "{isa:?} [{i}, {j}]");
            }
        }
    }
}

struct LoadPartial<'a, T>(&'a [T], &'a mut [f32]);

impl<T: Element> Kernel for LoadPartial<'_, T> {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        // SAFETY: as many elements are read as there are; sixteen values can be written.
        unsafe {
            let v = s.load_partial(self.0.as_ptr(), self.0.len(), 7.0);
            s.store_f32(self.1.as_mut_ptr(), v);
        }
        S::LANES
    }
}

#[test]
fn partial_loads_fill_the_rest_on_every_isa() {
    let x: Vec<f32> = (0..16).map(|i| i as f32 - 3.0).collect();
    let x16: Vec<bf16> = x.iter().map(|x| bf16::from_f32(*x)).collect();
    for isa in Isa::available() {
        for n in 0..=8 {
            let (mut y, mut y16) = ([0.0; 16], [0.0; 16]);
            let lanes = dispatch(isa, LoadPartial(&x[..n], &mut y));
            dispatch(isa, LoadPartial(&x16[..n], &mut y16));
            for i in 0..lanes {
                let want = if i < n { x[i] } else { 7.0 };
                assert_eq!((y[i], y16[i]), (want, want), "{isa:?}: lane {i} of {n}");
            }
        }
    }
}
