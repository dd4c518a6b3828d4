//! Matrix products, one chain at a time: the same steps as the fast ones, so the results are equal bit for bit.

use crate::gemm::{Compute, Gemm, Layout};
use crate::isa::Isa;
use crate::simd::Element;
use half::bf16;

/// What [`crate::gemm::gemm_on`] computes.
pub fn gemm<A: Element, B: Element, C: Element>(isa: Isa, op: Gemm, a: &[A], b: &[B], c: &mut [C]) {
    let Gemm { m, n, k, .. } = op;
    let round = |x: f32| match op.compute {
        Compute::F32 => x,
        Compute::Bf16 => <bf16 as Element>::from_f32(x).to_f32(),
    };
    for i in 0..m {
        for j in 0..n {
            let a_at = |p: usize| match op.layout {
                Layout::Nt | Layout::Nn => round(a[i * k + p].to_f32()),
                Layout::Tn => round(a[p * m + i].to_f32()),
            };
            let b_at = |p: usize| match op.layout {
                Layout::Nt => round(b[j * k + p].to_f32()),
                Layout::Nn | Layout::Tn => round(b[p * n + j].to_f32()),
            };
            let start = if op.accumulate { c[i * n + j].to_f32() } else { 0.0 };
            let sum = match (op.compute, isa) {
                (Compute::Bf16, Isa::Avx512Bf16) => pairs(start, k, a_at, b_at),
                (_, Isa::Portable) => (0..k).fold(start, |acc, p| acc + a_at(p) * b_at(p)),
                _ => (0..k).fold(start, |acc, p| a_at(p).mul_add(b_at(p), acc)),
            };
            c[i * n + j] = C::from_f32(sum);
        }
    }
}

/// The chain of `vdpbf16ps`: the odd product of each pair first, each sum rounded, subnormals flushed to zero.
fn pairs(start: f32, k: usize, a: impl Fn(usize) -> f32, b: impl Fn(usize) -> f32) -> f32 {
    let flush = |x: f32| if x.is_subnormal() { 0.0f32.copysign(x) } else { x };
    let product = |p: usize| if p < k { flush(a(p)) * flush(b(p)) } else { 0.0 };
    (0..k).step_by(2).fold(start, |acc, p| {
        let odd = flush(flush(acc) + product(p + 1));
        flush(odd + product(p))
    })
}
