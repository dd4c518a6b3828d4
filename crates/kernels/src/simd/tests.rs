//! Each instruction set's vectors against plain Rust.

use super::*;

struct Exp<'a>(&'a [f32], &'a mut [f32]);

impl Kernel for Exp<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (x, y) in self
            .0
            .chunks_exact(S::LANES)
            .zip(self.1.chunks_exact_mut(S::LANES))
        {
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
            assert!(
                (f64::from(y) - want).abs() <= 3e-7 * want,
                "{isa:?}: exp({x}) = {y}, not {want}"
            );
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
                s.store_bf16(
                    self.1.as_mut_ptr().add(i),
                    s.load_f32(self.0.as_ptr().add(i)),
                );
            }
            *self.2 = s.reduce_sum(s.load_bf16(self.1.as_ptr()));
        }
    }
}

#[test]
fn bf16_rounds_to_nearest_even_on_every_isa() {
    let x: Vec<f32> = (0..16)
        .map(|i| f32::from_bits(0x3f80_8000 + i * 0x8001))
        .collect();
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
