//! Attention and the row kernels beside this machine's limits: multiply-adds on registers, and bytes copied.
//!
//! `cargo run --release -p kernels --example row_bench [f32|bf16] [attention|decode|rows]..`
//!
//! The best of many calls counts, for the kernel and for the limit alike: a shared machine's speed changes from second to
//! second. With THREADS=1 on Linux a call takes at most its mean time on the processor, so that calls longer
//! than a slice of the scheduler are measured well too.
//! FLOPs are those of the causal half; bytes are those that must move once.

use kernels::attention::*;
use kernels::bf16;
use kernels::distribution::Filter;
use kernels::gemm::Compute;
use kernels::isa::Isa;
use kernels::norm::{RmsNorm, rms_norm_backward, rms_norm_forward};
use kernels::pool;
use kernels::rope::{Rope, RopeScaling, RopeTable, rope_apply};
use kernels::simd::Element;
use kernels::{elementwise, loss, peak, swiglu};
use std::time::{Duration, Instant};

/// Time spent on one measurement.
const SLICE: Duration = Duration::from_millis(400);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wants =
        |name: &str, all: &[&str]| !words.iter().any(|w| all.contains(&w.as_str())) || words.iter().any(|w| w == name);
    if let Ok(n) = std::env::var("THREADS") {
        pool::choose_n_threads(n.parse().expect("THREADS is a number"));
    }
    let threads = pool::n_threads();
    let flops = (0..5).map(|_| peak::measure(Isa::active(), Compute::F32, threads)).fold(0.0, f64::max);
    let bytes = copy_rate();
    println!(
        "{:?}, {threads} threads, f32 peak {:.0} GFLOP/s, copy {:.1} GB/s (read and written)",
        Isa::active(),
        flops / 1e9,
        bytes / 1e9
    );
    for name in ["f32", "bf16"].into_iter().filter(|name| wants(name, &["f32", "bf16"])) {
        println!("\n{name}");
        for group in ["attention", "decode", "rows"] {
            if wants(group, &["attention", "decode", "rows"]) {
                match name {
                    "f32" => run::<f32>(group, flops, bytes),
                    _ => run::<bf16>(group, flops, bytes),
                }
            }
        }
    }
}

fn run<T: Element>(group: &str, flops: f64, bytes: f64) {
    match group {
        "attention" => {
            for (heads, kv_heads, d, e, len, docs) in [
                (8, 8, 32, 32, 256, 1),
                (8, 8, 32, 32, 256, 16),
                (4, 4, 32, 32, 512, 1),
                (4, 1, 64, 64, 512, 1),
                (4, 4, 48, 32, 256, 2),
                (1, 1, 192, 128, 256, 1),
                (1, 1, 192, 128, 1024, 1),
            ] {
                let op = Attention { n_heads: heads, n_kv_heads: kv_heads, qk_head_dim: d, v_head_dim: e, scale: 0.1 };
                attention::<T>(&op, len, docs, flops);
            }
        }
        "decode" => {
            for (n, len) in [(1, 1000), (8, 250), (64, 1000)] {
                for (d, e) in [(32, 32), (192, 128)] {
                    decode::<T>(n, len, d, e, bytes);
                }
            }
        }
        _ => rows::<T>(bytes),
    }
}

/// The shortest of many calls, in seconds.
fn best(mut f: impl FnMut()) -> f64 {
    let (begin, begin_cpu) = (Instant::now(), processor_seconds());
    let (mut best, mut calls) = (f64::INFINITY, 0.0);
    while begin.elapsed() < SLICE {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
        calls += 1.0;
    }
    match (begin_cpu, processor_seconds()) {
        (Some(begin), Some(end)) if pool::n_threads() == 1 => best.min((end - begin) / calls),
        _ => best,
    }
}

/// The time that this process was on a processor, where the system tells; exact to some milliseconds.
fn processor_seconds() -> Option<f64> {
    let nanoseconds = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    Some(tasks.filter_map(|task| nanoseconds(task.ok()?)).sum::<f64>() / 1e9)
}

fn copy_rate() -> f64 {
    let (a, mut b) = (vec![1.0f32; 1 << 24], vec![0.0f32; 1 << 24]);
    8.0 * a.len() as f64 / best(|| elementwise::cast(&a, &mut b))
}

fn values<T: Element>(n: usize) -> Vec<T> {
    let value = |i: usize| ((i * 7919 + i / 13) % 2003) as f32 / 1001.5 - 1.0;
    (0..n).map(|i| T::from_f32(value(i))).collect()
}

fn attention<T: Element>(op: &Attention, len: usize, docs: usize, peak: f64) {
    let t = len * docs;
    let spans: Vec<Span> = (0..docs).map(|i| Span::new(i * len, len)).collect();
    let (d, e) = (op.qk_head_dim, op.v_head_dim);
    let (q, k) = (values::<T>(t * op.n_heads * d), values::<T>(t * op.n_kv_heads * d));
    let v = values::<T>(t * op.n_kv_heads * e);
    let mut out = values::<T>(t * op.n_heads * e);
    let mut lse = vec![0.0; t * op.n_heads];
    let pairs = (docs * len * (len + 1) / 2 * op.n_heads) as f64;
    let forward = best(|| attention_forward(op, &spans, &q, &k, &v, &mut out, &mut lse));
    let (mut dq, mut dk, mut dv) = (q.clone(), k.clone(), v.clone());
    let dout = values::<T>(out.len());
    let backward = best(|| {
        let fwd = AttentionSaved { q: &q, k: &k, v: &v, out: &out, lse: &lse };
        let grads = AttentionGrads { dq: &mut dq, dk: &mut dk, dv: &mut dv };
        attention_backward(op, &spans, fwd, &dout, grads);
    });
    let share = |seconds: f64, per_pair: usize| {
        let rate = pairs * per_pair as f64 / seconds;
        format!("{:7.2} ms {:6.1} GFLOP/s {:5.1}%", seconds * 1e3, rate / 1e9, 100.0 * rate / peak)
    };
    println!(
        "attention h={} g={} d={d} e={e} T={len} x{docs}: forward {}, backward {}",
        op.n_heads,
        op.n_kv_heads,
        share(forward, 2 * (d + e)),
        share(backward, 6 * d + 4 * e)
    );
}

fn decode<T: Element>(n: usize, len: usize, d: usize, e: usize, peak: f64) {
    let op = Attention { n_heads: 8, n_kv_heads: 8, qk_head_dim: d, v_head_dim: e, scale: 0.1 };
    let per_seq = (len + 1).div_ceil(KV_BLOCK);
    let blocks: Vec<u32> = (0..(n * per_seq) as u32).collect();
    let seqs: Vec<CachedSeq> = blocks
        .chunks(per_seq)
        .enumerate()
        .map(|(row, blocks)| CachedSeq { row, len: 1, n_cached: len, blocks })
        .collect();
    let k_pool = values::<T>(blocks.len() * op.n_kv_heads * d * KV_BLOCK);
    let v_pool = values::<T>(blocks.len() * op.n_kv_heads * e * KV_BLOCK);
    let q = values::<T>(n * op.n_heads * d);
    let mut out = values::<T>(n * op.n_heads * e);
    let seconds = best(|| attention_cached(&op, &seqs, &q, &k_pool, &v_pool, &mut out));
    let moved = (n * (len + 1) * op.n_kv_heads * (d + e) * size_of::<T>()) as f64;
    report(&format!("decode {n} x {len} d={d} e={e}"), seconds, moved, peak);
}

fn report(what: &str, seconds: f64, bytes: f64, peak: f64) {
    println!(
        "{what:40} {:9.3} ms {:6.1} GB/s {:5.1}% of a copy",
        seconds * 1e3,
        bytes / seconds / 1e9,
        100.0 * bytes / seconds / peak
    );
}

fn rows<T: Element>(peak: f64) {
    let size = size_of::<T>();
    for (rows, dim) in [(4096, 256), (16_384, 1024)] {
        let n = rows * dim;
        let op = RmsNorm { rows, dim, x_stride: dim, eps: 1e-6 };
        let (x, gain, dy) = (values::<f32>(n), values::<f32>(dim), values::<T>(n));
        let mut y = dy.clone();
        let (mut dx, mut dgain) = (x.clone(), gain.clone());
        let shape = format!("[{rows}, {dim}]");
        let s = best(|| rms_norm_forward(&op, &x, &gain, &mut y));
        report(&format!("rms_norm {shape}"), s, (n * (4 + size)) as f64, peak);
        let s = best(|| rms_norm_backward(&op, &x, &gain, &dy, &mut dx, true, &mut dgain));
        report(&format!("rms_norm_backward {shape}"), s, (n * (12 + size)) as f64, peak);
        let (gate, up) = (values::<T>(n), values::<T>(n));
        let s = best(|| swiglu::swiglu_forward(&gate, &up, &mut y));
        report(&format!("swiglu {shape}"), s, (n * 3 * size) as f64, peak);
        let (mut dgate, mut dup) = (y.clone(), y.clone());
        let s = best(|| swiglu::swiglu_backward(&gate, &up, &dy, &mut dgate, &mut dup));
        report(&format!("swiglu_backward {shape}"), s, (n * 5 * size) as f64, peak);
        let s = best(|| elementwise::add_assign(&mut dx, &y));
        report(&format!("add_assign {shape}"), s, (n * (8 + size)) as f64, peak);
    }
    let (rows, vocab) = (1024, 4096);
    let logits = values::<f32>(rows * vocab);
    let targets: Vec<u32> = (0..rows as u32).collect();
    let scores = loss::Scores { vocab, logits: &logits, targets: &targets };
    for (name, filter) in [("", Filter::NONE), (" top-p 0.9", Filter { top_p: 0.9, ..Filter::NONE })] {
        let s = best(|| drop(loss::log_probs(scores, &filter, false)));
        report(&format!("log_probs{name} [1024, 4096]"), s, (rows * vocab * 4) as f64, peak);
    }
    let found = loss::log_probs(scores, &Filter::NONE, true);
    let mut d = values::<T>(logits.len());
    for (name, dentropy) in [("", &[][..]), (" entropy", &found.logp[..])] {
        let grads = loss::RowGrads { dlogp: &found.logp, dentropy };
        let s = best(|| loss::log_probs_backward(scores, &found.rows, grads, &mut d));
        report(&format!("log_probs_backward{name} [1024, 4096]"), s, (rows * vocab * (4 + size)) as f64, peak);
    }
    let table = RopeTable::new(32, 10_000.0, &RopeScaling::None, 4096);
    let positions: Vec<u32> = (0..4096).collect();
    for interleaved in [false, true] {
        let op = Rope {
            table: &table,
            positions: &positions,
            n_heads: 8,
            head_dim: 32,
            rot_offset: 0,
            rot_dim: 32,
            interleaved,
            inverse: false,
        };
        let mut x = values::<T>(4096 * 256);
        let s = best(|| rope_apply(&op, &mut x));
        let name = format!("rope [4096, 8, 32] interleaved={interleaved}");
        report(&name, s, (2 * x.len() * size) as f64, peak);
    }
}
