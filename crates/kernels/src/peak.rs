//! What this machine can do at most: products from registers alone, the measure that GEMM is compared with.

use crate::gemm::Compute;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd, dispatch};
use std::time::{Duration, Instant};

/// How long one measurement takes.
const DURATION: Duration = Duration::from_millis(100);
/// The best of this many slices counts: short enough that some are not disturbed on a busy machine.
const SLICES: u32 = 200;
/// Most chains in flight: more than latency times throughput of any machine, and registers for all of them.
const CHAINS: usize = 12;
/// Chains of the portable vectors, which take two registers each.
const PORTABLE_CHAINS: usize = 6;
/// Steps of every chain between two looks at the clock.
const STEPS: usize = 1024;

/// The most floating-point operations a second (a multiplication and an addition are two) that `threads` threads reach
/// together with multiply-adds on registers, on `isa`, in the type of `compute`. Takes about 100 ms.
///
/// # Panics
/// When the machine does not have `isa`.
pub fn measure(isa: Isa, compute: Compute, threads: usize) -> f64 {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(move || measure_one(isa, compute))).collect();
        let rates = workers.into_iter().map(|w| w.join().expect("the measurement does not panic"));
        rates.sum()
    })
}

fn measure_one(isa: Isa, compute: Compute) -> f64 {
    let end = Instant::now() + DURATION;
    let mut best: f64 = 0.0;
    while Instant::now() < end {
        let (start, mut flops) = (Instant::now(), 0.0);
        while start.elapsed() < DURATION / SLICES {
            flops += dispatch(isa, Chains { dot2: compute == Compute::Bf16 && isa == Isa::Avx512Bf16 });
        }
        best = best.max(flops / start.elapsed().as_secs_f64());
    }
    best
}

/// Independent chains of multiply-adds; returns the floating-point operations done.
struct Chains {
    /// Use the bf16 dot product.
    dot2: bool,
}

impl Kernel for Chains {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let per_lane = if self.dot2 && S::HAS_BF16 { 4 } else { 2 };
        let n = if S::ISA == Isa::Portable { PORTABLE_CHAINS } else { CHAINS };
        // SAFETY: no pointer is involved but to the array of results, which holds a vector.
        unsafe {
            let (x, y) = (s.splat(std::hint::black_box(0.5)), s.splat(std::hint::black_box(1.0)));
            let mut acc = [s.splat(1.0); CHAINS];
            for _ in 0..STEPS {
                for acc in acc.iter_mut().take(n) {
                    *acc = if self.dot2 && S::HAS_BF16 { s.dot2(x, y, *acc) } else { s.fma(*acc, x, y) };
                }
            }
            let mut lanes = [0.0f32; 16];
            for acc in acc {
                s.store_f32(lanes.as_mut_ptr(), acc);
                std::hint::black_box(&lanes);
            }
        }
        (STEPS * n * S::LANES * per_lane) as f64
    }
}

#[cfg(test)]
mod tests;
