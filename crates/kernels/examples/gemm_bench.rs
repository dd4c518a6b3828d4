//! GEMM beside this machine's peak, at the shapes of training and decoding.
//!
//! `cargo run --release -p kernels --example gemm_bench [f32|bf16] [large|train|small|decode|grouped]..`
//!
//! The peak (multiply-adds on registers alone) is measured again beside every shape, because a shared machine's speed
//! changes from second to second. With `THREADS=1` the thread's CPU time is measured instead of the clock's,
//! which a busy machine disturbs less.

use kernels::bf16;
use kernels::gemm::{Compute, Gemm, Layout, PackedWeight, gemm, gemm_packed, grouped_gemm};
use kernels::isa::Isa;
use kernels::pool;
use kernels::simd::Element;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Time spent on one measurement of one shape.
const SLICE: Duration = Duration::from_millis(60);
const REPEATS: usize = 4;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wants =
        |name: &str, all: &[&str]| !words.iter().any(|w| all.contains(&w.as_str())) || words.iter().any(|w| w == name);
    if let Ok(n) = std::env::var("THREADS") {
        pool::choose_n_threads(n.parse().expect("THREADS is a number"));
    }
    let threads = pool::n_threads();
    println!("{:?}, {threads} threads", Isa::active());
    for (name, compute) in [("f32", Compute::F32), ("bf16", Compute::Bf16)] {
        if !wants(name, &["f32", "bf16"]) {
            continue;
        }
        let groups = ["large", "train", "small", "decode", "grouped"];
        let wants = |group: &str| wants(group, &groups);
        match compute {
            Compute::F32 => Bench::<f32> { compute, threads, element: 0.0 }.run(wants),
            Compute::Bf16 => Bench::<bf16> { compute, threads, element: bf16::ZERO }.run(wants),
        }
    }
}

struct Bench<T> {
    compute: Compute,
    threads: usize,
    element: T,
}

impl<T: Element> Bench<T> {
    fn run(&self, wants: impl Fn(&str) -> bool) {
        println!("\n{:?}", self.compute);
        if wants("large") {
            for [m, n, k] in [[4096, 1024, 1024], [2048, 4096, 1024], [4096, 4096, 4096]] {
                self.layouts(m, n, k);
            }
        }
        if wants("train") {
            for [m, n, k] in [[4096, 256, 256], [4096, 683, 256], [4096, 256, 683], [4096, 512, 512], [4096, 1366, 512]]
            {
                self.layouts(m, n, k);
            }
        }
        if wants("small") {
            for [m, n, k] in [[4096, 64, 256], [4096, 192, 256], [4096, 128, 64], [4096, 256, 64]] {
                self.layouts(m, n, k);
            }
        }
        if wants("decode") {
            for (n, k) in [(256, 256), (1024, 1024), (4096, 1024), (4096, 4096)] {
                for m in [1, 2, 4, 8, 16, 32, 64] {
                    self.decode(m, n, k);
                }
            }
        }
        if wants("grouped") {
            for [n, k] in [[192, 256], [512, 512]] {
                self.grouped(n, k);
            }
        }
    }

    /// Forward of a linear layer of `m` tokens, `k` inputs and `n` outputs, and both of its gradients.
    fn layouts(&self, m: usize, n: usize, k: usize) {
        let (x, w, y) = (self.values(m * k), self.values(n * k), self.values(m * n));
        let (mut out, mut dx, mut dw) = (y.clone(), x.clone(), vec![0.0f32; n * k]);
        let compute = self.compute;
        let forward = Gemm { layout: Layout::Nt, compute, m, n, k, accumulate: false };
        let to_input = Gemm { layout: Layout::Nn, compute, m, n: k, k: n, accumulate: false };
        let to_weight = Gemm { layout: Layout::Tn, compute, m: n, n: k, k: m, accumulate: true };
        let flops = 2.0 * (m * n * k) as f64;
        self.line(&format!("{m} x {n} x {k} Nt"), flops, 0.0, || gemm(forward, &x, &w, &mut out));
        self.line(&format!("{m} x {k} x {n} Nn"), flops, 0.0, || gemm(to_input, &y, &w, &mut dx));
        self.line(&format!("{n} x {k} x {m} Tn"), flops, 0.0, || gemm(to_weight, &y, &x, &mut dw));
    }

    fn decode(&self, m: usize, n: usize, k: usize) {
        let (x, w) = (self.values(m * k), self.values(n * k));
        let w = PackedWeight::new(self.compute, n, k, &w);
        let mut out = vec![self.element; m * n];
        let flops = 2.0 * (m * n * k) as f64;
        self.line(&format!("{m} x {n} x {k} packed"), flops, w.bytes() as f64, || {
            gemm_packed(m, &x, &w, &mut out, false)
        });
    }

    /// 16 experts, two for each of 4,096 tokens, of ragged sizes.
    fn grouped(&self, n: usize, k: usize) {
        let sizes = [900, 100, 512, 37, 800, 512, 600, 400, 1, 1023, 512, 512, 700, 324, 0, 1259];
        let mut offsets = vec![0];
        for size in sizes {
            offsets.push(offsets[offsets.len() - 1] + size);
        }
        let rows = offsets[16];
        let (x, w, y) = (self.values(rows * k), self.values(16 * n * k), self.values(rows * n));
        let (mut out, mut dx, mut dw) = (y.clone(), x.clone(), vec![0.0f32; 16 * n * k]);
        let op = |layout, m, n, k| Gemm { layout, compute: self.compute, m, n, k, accumulate: false };
        let flops = 2.0 * (rows * n * k) as f64;
        self.line(&format!("16 experts {rows} x {n} x {k} Nt"), flops, 0.0, || {
            grouped_gemm(op(Layout::Nt, 0, n, k), &offsets, &x, &w, &mut out)
        });
        self.line(&format!("16 experts {rows} x {k} x {n} Nn"), flops, 0.0, || {
            grouped_gemm(op(Layout::Nn, 0, k, n), &offsets, &y, &w, &mut dx)
        });
        self.line(&format!("16 experts {n} x {k} x {rows} Tn"), flops, 0.0, || {
            grouped_gemm(op(Layout::Tn, n, k, 0), &offsets, &y, &x, &mut dw)
        });
    }

    fn values(&self, n: usize) -> Vec<T> {
        (0..n).map(|i| T::from_f32((i * 7 % 31) as f32 / 31.0 - 0.5)).collect()
    }

    fn line(&self, what: &str, flops: f64, bytes: f64, mut f: impl FnMut()) {
        f();
        let (mut seconds, mut peak) = (f64::INFINITY, 0.0f64);
        for _ in 0..REPEATS {
            seconds = seconds.min(best(self.threads, &mut f));
            peak = peak.max(kernels::peak::measure(Isa::active(), self.compute, self.threads));
        }
        let rate = flops / seconds;
        print!("{what:<34} {:>10.1} us {:>8.1} GFLOP/s", seconds * 1e6, rate / 1e9);
        print!(" of {:>6.1}: {:>5.1}%", peak / 1e9, rate / peak * 100.0);
        if bytes > 0.0 {
            print!(" {:>6.1} GB/s", bytes / seconds / 1e9);
        }
        println!();
    }
}

/// The shortest of the runs that fit a slice of time, in seconds.
fn best(threads: usize, f: &mut impl FnMut()) -> f64 {
    let now = if threads == 1 { cpu_seconds } else { clock_seconds };
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < SLICE {
        let one = now();
        f();
        best = best.min(now() - one);
    }
    best
}

fn clock_seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn cpu_seconds() -> f64 {
    clock_seconds()
}

/// The CPU time of this thread.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn cpu_seconds() -> f64 {
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    let mut time = [0; 2];
    // SAFETY: `struct timespec` is two 64-bit integers here.
    let failed = unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0, "clock_gettime");
    time[0] as f64 + time[1] as f64 * 1e-9
}
