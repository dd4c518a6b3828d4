//! Rows sorted by expert and back: a stable counting sort, gathers and weighted sums.
//!
//! No expert has a capacity: no token is ever dropped.

use crate::isa::Isa;
use crate::lanes::{add_into, dot, load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::simd::{Element, Kernel, Simd, dispatch};

/// Which sorted row holds which (token, slot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchPlan {
    /// `[e + 1]`: expert i has the sorted rows `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<usize>,
    /// `[t * k]`: the source token of each sorted row, ascending within an expert.
    pub token: Vec<u32>,
    /// `[t * k]`: the sorted row of (token, slot).
    pub slot_row: Vec<u32>,
}

/// Sorts `expert_idx`, `[t, top_k]`, by expert; equal experts keep the order of tokens.
///
/// # Panics
/// When an expert does not exist.
pub fn dispatch_plan(n_experts: usize, top_k: usize, expert_idx: &[u32]) -> DispatchPlan {
    assert!(
        top_k > 0 && expert_idx.len().is_multiple_of(top_k),
        "dispatch_plan: {} choices are not rows of {top_k}",
        expert_idx.len()
    );
    let mut offsets = vec![0; n_experts + 1];
    for i in expert_idx {
        let i = *i as usize;
        assert!(i < n_experts, "dispatch_plan: expert {i} of {n_experts}");
        offsets[i + 1] += 1;
    }
    for i in 0..n_experts {
        offsets[i + 1] += offsets[i];
    }
    let mut next = offsets.clone();
    let mut token = vec![0; expert_idx.len()];
    let mut slot_row = vec![0; expert_idx.len()];
    for (choice, i) in expert_idx.iter().enumerate() {
        let row = &mut next[*i as usize];
        token[*row] = (choice / top_k) as u32;
        slot_row[choice] = *row as u32;
        *row += 1;
    }
    DispatchPlan { offsets, token, slot_row }
}

impl DispatchPlan {
    /// The tokens, after checking lengths of `sorted` and `tokens` elements in rows of `dim`.
    fn check(&self, name: &str, dim: usize, top_k: usize, sorted: usize, tokens: usize) -> usize {
        let rows = self.token.len();
        assert!(
            top_k > 0
                && rows.is_multiple_of(top_k)
                && self.slot_row.len() == rows
                && sorted == rows * dim
                && tokens == rows / top_k * dim,
            "{name}: {rows} sorted rows of {dim}, {top_k} a token: {sorted} sorted elements, {tokens} of tokens"
        );
        rows / top_k
    }

    /// No two (token, slot) share a sorted row: what lets threads write them at the same time.
    fn check_permutation(&self, name: &str) {
        let mut taken = vec![false; self.slot_row.len()];
        for row in &self.slot_row {
            let before = std::mem::replace(&mut taken[*row as usize], true);
            assert!(!before, "{name}: sorted row {row} belongs to two slots");
        }
    }
}

/// `y[row] = x[token[row]]` for rows of `dim`.
///
/// # Panics
/// When a length does not fit.
pub fn dispatch_forward<T: Element>(dim: usize, plan: &DispatchPlan, x: &[T], y: &mut [T]) {
    let rows = plan.token.len();
    assert!(
        y.len() == rows * dim && plan.token.iter().all(|t| (*t as usize + 1) * dim <= x.len()),
        "dispatch_forward: {rows} sorted rows of {dim}: x has {} elements, y {}",
        x.len(),
        y.len()
    );
    let y = SharedMut::new(y);
    for_rows(rows, dim, |rows| {
        for row in rows {
            let x = &x[plan.token[row] as usize * dim..][..dim];
            // SAFETY: rows are disjoint.
            unsafe { y.part(row * dim, dim) }.copy_from_slice(x);
        }
    });
}

/// `dx[t] (+)= sum over slots ascending of dy[row of (t, slot)]`, summed in f32.
///
/// # Panics
/// When a length does not fit.
pub fn dispatch_backward<T: Element>(
    dim: usize,
    top_k: usize,
    plan: &DispatchPlan,
    dy: &[T],
    dx: &mut [T],
    accumulate: bool,
) {
    let tokens = plan.check("dispatch_backward", dim, top_k, dy.len(), dx.len());
    let isa = Isa::active();
    let dx = SharedMut::new(dx);
    for_rows(tokens, dim * top_k, |tokens| {
        let mut sum = vec![0.0f32; dim];
        for t in tokens {
            // SAFETY: rows are disjoint.
            let dx = unsafe { dx.part(t * dim, dim) };
            let rows = &plan.slot_row[t * top_k..][..top_k];
            dispatch(isa, Gather { dim, rows, dy, dx, accumulate, sum: &mut sum });
        }
    });
}

/// One token of [`dispatch_backward`].
struct Gather<'a, T> {
    dim: usize,
    rows: &'a [u32],
    dy: &'a [T],
    dx: &'a mut [T],
    accumulate: bool,
    sum: &'a mut [f32],
}

impl<T: Element> Kernel for Gather<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.sum.fill(0.0);
        for row in self.rows {
            add_into(s, &self.dy[*row as usize * self.dim..][..self.dim], self.sum);
        }
        if self.accumulate {
            add_into(s, self.dx, self.sum);
        }
        let (sum, dx) = (self.sum.as_ptr(), self.dx.as_mut_ptr());
        for i in (0..self.dim).step_by(S::LANES) {
            let n = self.dim - i;
            // SAFETY: both hold `dim` elements.
            unsafe { store_n(s, dx.add(i), n, load_n(s, sum.add(i), n)) };
        }
    }
}

/// `out[t] += sum over slots ascending of weights[t, slot] * y[row of (t, slot)]`, into the f32 residual stream.
///
/// # Panics
/// When a length does not fit.
pub fn combine_forward<T: Element>(
    dim: usize,
    top_k: usize,
    plan: &DispatchPlan,
    y: &[T],
    weights: &[f32],
    out: &mut [f32],
) {
    const NAME: &str = "combine_forward";
    let tokens = plan.check(NAME, dim, top_k, y.len(), out.len());
    assert_eq!(weights.len(), tokens * top_k, "{NAME}: weights of {tokens} tokens");
    let isa = Isa::active();
    let out = SharedMut::new(out);
    for_rows(tokens, dim * top_k, |tokens| {
        for t in tokens {
            // SAFETY: rows are disjoint.
            let out = unsafe { out.part(t * dim, dim) };
            let rows = &plan.slot_row[t * top_k..][..top_k];
            let weights = &weights[t * top_k..][..top_k];
            dispatch(isa, Combine { dim, rows, weights, y, out });
        }
    });
}

/// One token of [`combine_forward`].
struct Combine<'a, T> {
    dim: usize,
    rows: &'a [u32],
    weights: &'a [f32],
    y: &'a [T],
    out: &'a mut [f32],
}

impl<T: Element> Kernel for Combine<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let dim = self.dim;
        let rows = self.rows.iter().map(|row| self.y[*row as usize * dim..][..dim].as_ptr());
        let out = self.out.as_mut_ptr();
        let mut i = 0;
        while i < dim {
            let n = dim - i;
            // SAFETY: every row holds `dim` elements and `i < dim`.
            unsafe {
                let mut sum = s.splat(0.0);
                for (y, w) in rows.clone().zip(self.weights) {
                    sum = s.fma(load_n(s, y.add(i), n), s.splat(*w), sum);
                }
                store_n(s, out.add(i), n, s.add(load_n(s, out.add(i), n), sum));
            }
            i += S::LANES;
        }
    }
}

/// What [`combine_forward`] read, for its backward.
pub struct CombineSaved<'a, T> {
    /// Which row went where.
    pub plan: &'a DispatchPlan,
    /// The experts' outputs, sorted rows of `dim`.
    pub y: &'a [T],
    /// Gate values [t, k].
    pub weights: &'a [f32],
}

/// Gradients of [`combine_forward`], written: `dy[row] = weights * dout[t]` and `dweights[t, slot] = y[row] . dout[t]`.
///
/// # Panics
/// When a length does not fit.
pub fn combine_backward<T: Element>(
    dim: usize,
    top_k: usize,
    saved: CombineSaved<T>,
    dout: &[f32],
    dy: &mut [T],
    dweights: &mut [f32],
) {
    let CombineSaved { plan, y, weights } = saved;
    const NAME: &str = "combine_backward";
    let tokens = plan.check(NAME, dim, top_k, y.len(), dout.len());
    assert!(
        dy.len() == y.len() && [weights.len(), dweights.len()] == [tokens * top_k; 2],
        "{NAME}: {tokens} tokens of {top_k} slots: dy has {} elements, weights {}, dweights {}",
        dy.len(),
        weights.len(),
        dweights.len()
    );
    plan.check_permutation(NAME);
    let isa = Isa::active();
    let (dy, dweights) = (SharedMut::new(dy), SharedMut::new(dweights));
    for_rows(tokens, 2 * dim * top_k, |tokens| {
        for t in tokens {
            let dout = &dout[t * dim..][..dim];
            // SAFETY: tokens are disjoint.
            let dweights = unsafe { dweights.part(t * top_k, top_k) };
            let slots = plan.slot_row[t * top_k..].iter().zip(&weights[t * top_k..]);
            for (dw, (row, weight)) in dweights.iter_mut().zip(slots) {
                let at = *row as usize * dim;
                // SAFETY: each (token, slot) has a sorted row of its own.
                let dy = unsafe { dy.part(at, dim) };
                *dw = dispatch(isa, Uncombine { dout, weight: *weight, y: &y[at..at + dim], dy });
            }
        }
    });
}

/// One (token, slot) of [`combine_backward`]; returns the weight's gradient.
struct Uncombine<'a, T> {
    dout: &'a [f32],
    weight: f32,
    y: &'a [T],
    dy: &'a mut [T],
}

impl<T: Element> Kernel for Uncombine<'_, T> {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let len = self.dout.len();
        let (dout, dy) = (self.dout.as_ptr(), self.dy.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: both hold `len` elements and `i < len`.
            unsafe {
                let v = s.mul(load_n(s, dout.add(i), len - i), s.splat(self.weight));
                store_n(s, dy.add(i), len - i, v);
            }
            i += S::LANES;
        }
        dot(s, self.y, self.dout)
    }
}
