//! What this machine can do at most: products from registers alone, the measure that GEMM is compared with.

use crate::gemm::Compute;
use crate::isa::Isa;
use crate::simd::{Kernel, Simd, dispatch};
use std::time::{Duration, Instant};

/// How long one measurement takes.
const DURATION: Duration = Duration::from_millis(100);
/// The best of this many slices counts, so that a moment's disturbance does not.
const SLICES: u32 = 20;
/// Chains in flight: more than latency times throughput of any machine, and registers for all of them.
const CHAINS: usize = 12;
/// Steps of every chain between two looks at the clock.
const STEPS: usize = 4096;

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
            flops += dispatch(isa, Chains { dot2: compute == Compute::Bf16 });
        }
        best = best.max(flops / start.elapsed().as_secs_f64());
    }
    best
}

/// Independent chains of multiply-adds; returns the floating-point operations done.
struct Chains {
    /// Use the bf16 dot product where it exists.
    dot2: bool,
}

impl Kernel for Chains {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let per_lane = if self.dot2 && S::HAS_DOT2 { 4 } else { 2 };
        // SAFETY: no pointer is involved but to the array of results, which holds a vector.
        unsafe {
            let (x, y) = (s.splat(std::hint::black_box(0.0)), s.splat(std::hint::black_box(1.0)));
            let mut acc = [s.splat(1.0); CHAINS];
            if self.dot2 && S::HAS_DOT2 {
                for _ in 0..STEPS {
                    for acc in &mut acc {
                        *acc = s.dot2(x, y, *acc);
                    }
                }
            } else {
                for _ in 0..STEPS {
                    for acc in &mut acc {
                        *acc = s.fma(x, y, *acc);
                    }
                }
            }
            let mut lanes = [0.0f32; 16];
            for acc in acc {
                s.store_f32(lanes.as_mut_ptr(), acc);
                std::hint::black_box(&lanes);
            }
        }
        (STEPS * CHAINS * S::LANES * per_lane) as f64
    }
}

#[cfg(test)]
mod tests;
