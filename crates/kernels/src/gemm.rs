//! Matrix products: f32 and bf16 (with f32 accumulation), in the three layouts of a linear layer's forward and backward.
//!
//! What makes sampling equal to training is the order of summation: one output element is **one chain over `k`,
//! ascending**, whatever the rows beside it, the tiles, the threads, packed ahead or not, grouped or not. A chain starts
//! from zero, or from `c` with `accumulate`, and lives in f32; a bf16 `c` is rounded once at the end. A step of it is
//! - f32: `fma(a, b, acc)`, or `acc + a * b` on [`Isa::Portable`];
//! - bf16 without the dot product: the same, on inputs rounded to bf16;
//! - bf16 on [`Isa::Avx512Bf16`]: `vdpbf16ps` on the pair `(k, k + 1)`, an odd `k` padded with zero. It computes
//!   `(acc + a1 * b1) + a0 * b0` and treats subnormal inputs and results as zero.
//!
//! The plan is Goto's: both operands are packed into panels (converting on the way), a register tile of up to 14 x 32
//! runs down `k`, blocks keep a slice of `b` in L1 and rows of `a` in L2. Because partial sums pass between blocks of
//! `k` as f32, the blocking never changes a bit.
//!
//! Letters: m rows and n columns of `c`, k summed over; G groups (experts).

mod block;
mod drive;
mod heads;
mod pack;
mod packed;
mod path;
mod scratch;
mod tile;

pub use heads::{HeadMatrix, gemm_heads};
pub use packed::{PackedWeight, gemm_packed, grouped_gemm_packed};

use crate::isa::Isa;
use crate::simd::Element;
use block::Output;
use drive::{Job, Right};
use pack::Operand;

/// How the operands lie; all are row-major and contiguous, `c` is [m, n].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `c = a . b^T` with `a` [m, k] and `b` [n, k]: a linear layer's forward.
    Nt,
    /// `c = a . b` with `a` [m, k] and `b` [k, n]: the gradient of its input.
    Nn,
    /// `c = a^T . b` with `a` [k, m] and `b` [k, n]: the gradient of its weight.
    Tn,
}

/// The type that products are computed in; storage types are independent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute {
    /// f32 throughout.
    F32,
    /// Both inputs rounded to bf16 (nearest even), products accumulated in f32.
    Bf16,
}

/// One product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gemm {
    /// How the operands lie.
    pub layout: Layout,
    /// The type of the products.
    pub compute: Compute,
    /// Rows of `c`.
    pub m: usize,
    /// Columns of `c`.
    pub n: usize,
    /// Summed over.
    pub k: usize,
    /// Add to `c` instead of overwriting it.
    pub accumulate: bool,
}

/// `c = a . b` as `op` says, on the active instruction set.
///
/// # Panics
/// When a slice's length does not fit the shape.
pub fn gemm<A: Element, B: Element, C: Element>(op: Gemm, a: &[A], b: &[B], c: &mut [C]) {
    gemm_on(Isa::active(), op, a, b, c);
}

/// [`gemm`] on the given instruction set.
///
/// # Panics
/// As [`gemm`], and when the machine does not have `isa`.
pub fn gemm_on<A: Element, B: Element, C: Element>(isa: Isa, op: Gemm, a: &[A], b: &[B], c: &mut [C]) {
    let Gemm { m, n, k, .. } = op;
    assert!(
        a.len() == m * k && b.len() == n * k && c.len() == m * n,
        "{op:?} with slices of {}, {} and {}",
        a.len(),
        b.len(),
        c.len()
    );
    let job =
        Job { a: left(op, a), b: Right::Raw(right(op, b)), c: Output::new(c, n), m, n, k, accumulate: op.accumulate };
    // SAFETY: the lengths were checked, and `c` is borrowed mutably.
    unsafe { drive::run(isa, op.compute, &[job]) }
}

/// Products of groups of rows, each with a matrix of its own (experts): group g owns the rows
/// `offsets[g]..offsets[g + 1]` of `a`.
///
/// - Nt: `c[rows_g, n] = a[rows_g, k] . b_g^T`, `b` [G, n, k]
/// - Nn: `c[rows_g, n] = a[rows_g, k] . b_g`, `b` [G, k, n]
/// - Tn: `c_g[m, n] = a[rows_g, m]^T . b[rows_g, n]`, `c` [G, m, n]; a group without rows gives zeros (or keeps `c_g`
///   with `accumulate`)
///
/// `op.m` is ignored for Nt and Nn, `op.k` for Tn. Rows outside every group are left alone. Same bits as [`gemm`] on
/// each group.
///
/// # Panics
/// When the offsets do not ascend or a slice is too short for them.
pub fn grouped_gemm<A: Element, B: Element, C: Element>(op: Gemm, offsets: &[usize], a: &[A], b: &[B], c: &mut [C]) {
    grouped_gemm_on(Isa::active(), op, offsets, a, b, c);
}

/// [`grouped_gemm`] on the given instruction set.
///
/// # Panics
/// As [`grouped_gemm`], and when the machine does not have `isa`.
pub fn grouped_gemm_on<A: Element, B: Element, C: Element>(
    isa: Isa,
    op: Gemm,
    offsets: &[usize],
    a: &[A],
    b: &[B],
    c: &mut [C],
) {
    check_groups(op, offsets, [a.len(), b.len(), c.len()]);
    let n_groups = offsets.len().saturating_sub(1);
    let jobs: Vec<Job> = (0..n_groups)
        .map(|g| {
            let (start, rows) = (offsets[g], offsets[g + 1] - offsets[g]);
            let (m, k) = if op.layout == Layout::Tn { (op.m, rows) } else { (rows, op.k) };
            let op = Gemm { m, k, ..op };
            let (a_start, b_start, c_start) = match op.layout {
                Layout::Nt | Layout::Nn => (start * k, g * op.n * k, start * op.n),
                Layout::Tn => (start * m, start * op.n, g * m * op.n),
            };
            Job {
                a: left(op, &a[a_start..a_start + m * k]),
                b: Right::Raw(right(op, &b[b_start..b_start + op.n * k])),
                c: Output::new(&mut c[c_start..c_start + m * op.n], op.n),
                m,
                n: op.n,
                k,
                accumulate: op.accumulate,
            }
        })
        .collect();
    // SAFETY: the slices above are in bounds, and the jobs' parts of `c` are disjoint because offsets ascend.
    unsafe { drive::run(isa, op.compute, &jobs) }
}

/// Panics unless the slices, `lens` long, hold every group's rows and matrices.
fn check_groups(op: Gemm, offsets: &[usize], lens: [usize; 3]) {
    let n_groups = offsets.len().saturating_sub(1);
    let n_rows = offsets.last().copied().unwrap_or(0);
    assert!(offsets.windows(2).all(|w| w[0] <= w[1]), "group offsets must ascend: {offsets:?}");
    let need = match op.layout {
        Layout::Nt | Layout::Nn => [n_rows * op.k, n_groups * op.n * op.k, n_rows * op.n],
        Layout::Tn => [n_rows * op.m, n_rows * op.n, n_groups * op.m * op.n],
    };
    assert!(
        lens.iter().zip(need).all(|(len, need)| *len >= need),
        "{op:?} over {n_rows} rows in {n_groups} groups needs {need:?} elements, has {lens:?}"
    );
}

fn left<A: Element>(op: Gemm, a: &[A]) -> Operand {
    match op.layout {
        Layout::Nt | Layout::Nn => Operand::along_k(a, op.m, op.k),
        Layout::Tn => Operand::across_k(a, op.m, op.m),
    }
}

fn right<B: Element>(op: Gemm, b: &[B]) -> Operand {
    match op.layout {
        Layout::Nt => Operand::along_k(b, op.n, op.k),
        Layout::Nn | Layout::Tn => Operand::across_k(b, op.n, op.n),
    }
}

#[cfg(test)]
mod tests;
