//! What happens to parameters at the end of a step: the gradient's norm, AdamW, the moving average of weights.
//!
//! Each element stands alone and only `+ - * /` and square roots are used, so every instruction set and every thread
//! count gives the same bits. The sum of squares goes through blocks of 4,096 values in a fixed order.

use crate::isa::Isa;
use crate::lanes::{load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::pool;
use crate::simd::{Kernel, Simd, dispatch};

/// Values in one partial sum of [`sum_squares`], and the least a thread takes of the other operations.
const BLOCK: usize = 4096;
/// Rough cost of one element, in the unit of [`for_rows`].
const OPS_PER_ELEMENT: usize = 4;

/// One step of AdamW (Loshchilov and Hutter 2019, as `torch.optim.AdamW` computes it: decay decoupled, multiplied by
/// the learning rate, before the update).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// The number of this step, from 1: corrects the moments' bias.
    pub step: u64,
    /// The gradient is multiplied by this first (clipping, averaging).
    pub grad_scale: f32,
}

/// The factors of one step, computed once in f64.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    pub keep_weight: f32,
    pub new_m: f32,
    pub keep_v: f32,
    pub new_v: f32,
    pub step_size: f32,
    pub root_correction: f32,
    pub eps: f32,
    pub grad_scale: f32,
}

impl AdamW {
    pub(crate) fn factors(&self) -> Factors {
        let [lr, beta1, beta2] = [self.lr, self.beta1, self.beta2].map(f64::from);
        let power = |beta: f64| beta.powf(self.step as f64);
        Factors {
            keep_weight: (1.0 - lr * f64::from(self.weight_decay)) as f32,
            new_m: (1.0 - beta1) as f32,
            keep_v: self.beta2,
            new_v: (1.0 - beta2) as f32,
            step_size: (lr / (1.0 - power(beta1))) as f32,
            root_correction: (1.0 - power(beta2)).sqrt() as f32,
            eps: self.eps,
            grad_scale: self.grad_scale,
        }
    }
}

/// Updates the weights `w` and both moments `m` and `v` by the gradient `g`.
///
/// # Panics
/// When the lengths differ, or the step is 0.
pub fn adamw_step(op: &AdamW, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    adamw_step_on(Isa::active(), op, w, g, m, v);
}

pub(crate) fn adamw_step_on(isa: Isa, op: &AdamW, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let n = w.len();
    assert!(
        g.len() == n && m.len() == n && v.len() == n,
        "AdamW on {n} weights, {} gradients, moments of {} and {}",
        g.len(),
        m.len(),
        v.len()
    );
    assert!(op.step > 0, "AdamW counts its steps from 1");
    let factors = op.factors();
    let (w, m, v) = (SharedMut::new(w), SharedMut::new(m), SharedMut::new(v));
    for_rows(n, OPS_PER_ELEMENT, |part| {
        let (start, len) = (part.start, part.len());
        // SAFETY: the parts of `for_rows` are disjoint.
        let (w, m, v) = unsafe { (w.part(start, len), m.part(start, len), v.part(start, len)) };
        let g = &g[part];
        dispatch(isa, Step { factors, w, g, m, v });
    });
}

struct Step<'a> {
    factors: Factors,
    w: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let f = self.factors;
        let n = self.w.len();
        let (w, m, v) = (self.w.as_mut_ptr(), self.m.as_mut_ptr(), self.v.as_mut_ptr());
        let g = self.g.as_ptr();
        for i in (0..n).step_by(S::LANES) {
            let left = n - i;
            // SAFETY: `left` elements remain in each slice.
            unsafe {
                let grad = s.mul(load_n(s, g.add(i), left), s.splat(f.grad_scale));
                let old_m = load_n(s, m.add(i), left);
                let new_m = s.add(old_m, s.mul(s.sub(grad, old_m), s.splat(f.new_m)));
                let kept_v = s.mul(load_n(s, v.add(i), left), s.splat(f.keep_v));
                let new_v = s.add(kept_v, s.mul(s.mul(grad, grad), s.splat(f.new_v)));
                let root = s.div(s.sqrt(new_v), s.splat(f.root_correction));
                let change = s.div(new_m, s.add(root, s.splat(f.eps)));
                let kept = s.mul(load_n(s, w.add(i), left), s.splat(f.keep_weight));
                let new_w = s.sub(kept, s.mul(change, s.splat(f.step_size)));
                store_n(s, m.add(i), left, new_m);
                store_n(s, v.add(i), left, new_v);
                store_n(s, w.add(i), left, new_w);
            }
        }
    }
}

/// The sum of squares in f64: sixteen interleaved sums in each block of 4,096 values, then the blocks in order.
pub fn sum_squares(x: &[f32]) -> f64 {
    sum_squares_on(Isa::active(), x)
}

pub(crate) fn sum_squares_on(isa: Isa, x: &[f32]) -> f64 {
    let of_block = |block: &[f32]| dispatch(isa, SumSquares(block));
    if x.len() <= 8 * BLOCK {
        return x.chunks(BLOCK).map(of_block).fold(0.0, |total, sum| total + sum);
    }
    let mut blocks: Vec<(&[f32], f64)> = x.chunks(BLOCK).map(|block| (block, 0.0)).collect();
    pool::for_each_mut(&mut blocks, |_, (block, sum)| *sum = of_block(block));
    blocks.iter().map(|(_, sum)| sum).fold(0.0, |total, sum| total + sum)
}

struct SumSquares<'a>(&'a [f32]);

impl Kernel for SumSquares<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        // Plain loops that the compiler turns into vectors; a square of an f32 is exact in f64.
        let mut sums = [0.0f64; 16];
        let rows = self.0.chunks_exact(16);
        let rest = rows.remainder();
        for row in rows {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += f64::from(*x) * f64::from(*x);
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += f64::from(*x) * f64::from(*x);
        }
        let mut total = 0.0;
        for sum in sums {
            total += sum;
        }
        total
    }
}

/// `ema = decay * ema + (1 - decay) * w`.
///
/// # Panics
/// When the lengths differ.
pub fn ema_update(decay: f32, w: &[f32], ema: &mut [f32]) {
    ema_update_on(Isa::active(), decay, w, ema);
}

pub(crate) fn ema_update_on(isa: Isa, decay: f32, w: &[f32], ema: &mut [f32]) {
    assert_eq!(w.len(), ema.len(), "the average and the weights differ in length");
    let n = w.len();
    let ema = SharedMut::new(ema);
    for_rows(n, OPS_PER_ELEMENT, |part| {
        // SAFETY: the parts of `for_rows` are disjoint.
        let ema = unsafe { ema.part(part.start, part.len()) };
        let w = &w[part];
        dispatch(isa, Average { decay, w, ema });
    });
}

struct Average<'a> {
    decay: f32,
    w: &'a [f32],
    ema: &'a mut [f32],
}

impl Kernel for Average<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let n = self.w.len();
        let (w, ema) = (self.w.as_ptr(), self.ema.as_mut_ptr());
        for i in (0..n).step_by(S::LANES) {
            // SAFETY: `n - i` elements remain in both slices.
            unsafe {
                let kept = s.mul(load_n(s, ema.add(i), n - i), s.splat(self.decay));
                let new = s.mul(load_n(s, w.add(i), n - i), s.splat(1.0 - self.decay));
                store_n(s, ema.add(i), n - i, s.add(kept, new));
            }
        }
    }
}

#[cfg(test)]
mod tests;
