//! The distribution that a token is drawn from: logits, a temperature, and filters that leave out the unlikely.
//!
//! The sampler and the update of reinforcement learning both call this file, so the log-probability recorded while
//! sampling is the update's own to the last bit: one scaling, one maximum, one exponential, one order of summation
//! (blocks of `BLOCK` ids, added in f64 in ascending order).
//!
//! Every filter keeps a head of the ids sorted by falling logit (the lower id first among equals), so a support needs no
//! list: it is told by its last member, the `Cut`, which the update finds again from the same logits.

mod draw;
mod support;

pub use draw::{draw, draw_on};

use crate::isa::Isa;
use crate::lanes::store_n;
use crate::simd::{Element, Kernel, Simd, dispatch};

/// Ids in one partial sum of weights.
pub(crate) const BLOCK: usize = 1024;

/// How logits become a distribution; the filters apply in the order of `transformers`: temperature, top-k, top-p, min-p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// Divides the logits; above 0.
    pub temperature: f32,
    /// Keeps the k largest logits; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest most probable tokens whose mass reaches it; 1 keeps all.
    pub top_p: f32,
    /// Keeps tokens at least this fraction as probable as the most probable one; 0 keeps all.
    pub min_p: f32,
}

impl Filter {
    /// The softmax of the logits themselves.
    pub const NONE: Filter = Filter { temperature: 1.0, top_k: 0, top_p: 1.0, min_p: 0.0 };

    /// What logits are multiplied by.
    fn scale(&self) -> f32 {
        assert!(self.temperature > 0.0 && self.temperature.is_finite(), "temperature {}", self.temperature);
        1.0 / self.temperature
    }
}

/// The last member of a support, in the order of falling scaled logit and rising id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    z: f32,
    id: u32,
}

impl Cut {
    /// The cut that leaves nothing out.
    const ALL: Cut = Cut { z: f32::NEG_INFINITY, id: u32::MAX };

    fn keeps(&self, z: f32, id: u32) -> bool {
        z > self.z || (z == self.z && id <= self.id)
    }
}

/// One row's distribution over the vocabulary, without the row itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distribution {
    scale: f32,
    /// The largest scaled logit.
    max: f32,
    cut: Cut,
    /// Sum over the support of `exp(z - max)`; NaN where a logit is.
    total: f64,
    /// In nats; 0 where it was not asked for.
    entropy: f32,
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution { scale: 1.0, max: 0.0, cut: Cut::ALL, total: 1.0, entropy: 0.0 }
    }
}

impl Distribution {
    /// The distribution of a row of logits; its entropy is computed where asked for.
    pub fn new(row: &[f32], filter: &Filter, wants_entropy: bool) -> Distribution {
        Self::new_on(Isa::active(), row, filter, wants_entropy)
    }

    /// [`Distribution::new`] on a given instruction set.
    pub fn new_on(isa: Isa, row: &[f32], filter: &Filter, wants_entropy: bool) -> Distribution {
        Self::measure(isa, row, filter, wants_entropy, |_| {})
    }

    /// The same, telling each block's weight in order.
    fn measure(
        isa: Isa,
        row: &[f32],
        filter: &Filter,
        wants_entropy: bool,
        mut each_block: impl FnMut(f32),
    ) -> Distribution {
        let scale = filter.scale();
        let max = dispatch(isa, Largest(row)) * scale;
        let cut = support::cut(isa, row, filter, max);
        let mut this = Distribution { scale, max, cut, total: 0.0, entropy: 0.0 };
        let mut moment = 0.0;
        for first_id in (0..row.len()).step_by(BLOCK) {
            let (weight, m) = this.block_sums(isa, row, first_id, wants_entropy);
            each_block(weight);
            this.total += f64::from(weight);
            moment += f64::from(m);
        }
        if wants_entropy {
            this.entropy = (this.total.ln() - moment / this.total) as f32;
        }
        this
    }

    /// Natural logarithm of `id`'s probability; minus infinity outside the support. `row` is the one it was made from.
    pub fn log_prob(&self, row: &[f32], id: u32) -> f32 {
        let z = row[id as usize] * self.scale;
        if self.total.is_nan() {
            return f32::NAN;
        }
        if !self.cut.keeps(z, id) {
            return f32::NEG_INFINITY;
        }
        (f64::from(z - self.max) - self.total.ln()) as f32
    }

    /// The entropy in nats, of what is left after the filters.
    pub fn entropy(&self) -> f32 {
        self.entropy
    }

    /// Whether the logits were numbers and at least one token is possible.
    pub fn is_finite(&self) -> bool {
        self.max.is_finite() && self.total.is_finite()
    }

    /// Over the block from `first_id` on: the sum of `exp(z - max)`, and of the same times `z - max` where wanted.
    fn block_sums(&self, isa: Isa, row: &[f32], first_id: usize, wants_moment: bool) -> (f32, f32) {
        let block = &row[first_id..row.len().min(first_id + BLOCK)];
        let of = Weights { of: self, block, first_id };
        match wants_moment {
            false => dispatch(isa, Sums::<false>(of)),
            true => dispatch(isa, Sums::<true>(of)),
        }
    }

    /// Writes `exp(z - max)` of the block from `first_id` on, 0 outside the support.
    fn block_weights(&self, isa: Isa, row: &[f32], first_id: usize, weights: &mut [f32]) {
        let block = &row[first_id..first_id + weights.len()];
        dispatch(isa, StoreWeights(Weights { of: self, block, first_id }, weights));
    }

    /// `dlogits = gradient of dlogp · log_prob(target) + dentropy · entropy`, written. The entropy must have been
    /// computed where `dentropy` is not 0.
    pub(crate) fn backward<T: Element>(&self, isa: Isa, row: &[f32], grad: RowGrad, dlogits: &mut [T]) {
        assert_eq!(row.len(), dlogits.len(), "a gradient for each logit");
        let weights = Weights { of: self, block: row, first_id: 0 };
        dispatch(isa, Backward { weights, grad, dlogits });
        let logp = self.log_prob(row, grad.target);
        if logp > f32::NEG_INFINITY {
            // Not added to the rounded value: the target's gradient is near 0 once it is learned.
            let entropy = grad.dentropy * logp.exp() * (logp + self.entropy);
            let d = self.scale * (-grad.dlogp * logp.exp_m1() - entropy);
            dlogits[grad.target as usize] = T::from_f32(d);
        }
    }
}

/// What a row's loss depends on, and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowGrad {
    pub(crate) target: u32,
    /// The gradient of the loss with respect to the target's log-probability.
    pub(crate) dlogp: f32,
    /// The same with respect to the entropy.
    pub(crate) dentropy: f32,
}

/// The largest element; NaN is passed over (the weights show it).
struct Largest<'a>(&'a [f32]);

impl Kernel for Largest<'_> {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let (len, x) = (self.0.len(), self.0.as_ptr());
        let whole = len - len % (2 * S::LANES);
        // SAFETY: reads stay below `len`.
        unsafe {
            let mut high = [s.splat(f32::NEG_INFINITY); 2];
            for i in (0..whole).step_by(2 * S::LANES) {
                high[0] = s.max(s.load_f32(x.add(i)), high[0]);
                high[1] = s.max(s.load_f32(x.add(i + S::LANES)), high[1]);
            }
            for i in (whole..len).step_by(S::LANES) {
                let n = (len - i).min(S::LANES);
                high[0] = s.max(s.load_partial(x.add(i), n, f32::NEG_INFINITY), high[0]);
            }
            s.reduce_max(s.max(high[0], high[1]))
        }
    }
}

/// The weights `exp(z - max)` of some ids: what every kernel here is made of.
#[derive(Clone, Copy)]
struct Weights<'a> {
    of: &'a Distribution,
    block: &'a [f32],
    first_id: usize,
}

impl Weights<'_> {
    /// Vectors of `d = z - max` and `exp(d)` for the ids from `i` on; outside the support and beyond the end, minus
    /// infinity and 0.
    ///
    /// # Safety
    /// `i` is below the block's length, and the instruction set of `s` available.
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, s: S, i: usize) -> (S::V, S::V) {
        let (left, x) = (self.block.len() - i, self.block.as_ptr());
        // SAFETY: by contract.
        unsafe {
            let logits = match left {
                n if n >= S::LANES => s.load_f32(x.add(i)),
                n => s.load_partial(x.add(i), n, f32::NEG_INFINITY),
            };
            let mut z = s.mul(logits, s.splat(self.of.scale));
            if self.of.cut != Cut::ALL {
                z = self.masked(s, z, self.first_id + i);
            }
            let d = s.sub(z, s.splat(self.of.max));
            (d, s.exp(d))
        }
    }

    /// `z` of the ids from `first_id` on, minus infinity outside the support.
    #[inline(always)]
    unsafe fn masked<S: Simd>(&self, s: S, z: S::V, first_id: usize) -> S::V {
        let (cut, last_id) = (self.of.cut, self.of.cut.id as usize);
        // SAFETY: `equal` holds a vector.
        unsafe {
            let (none, z_cut) = (s.splat(f32::NEG_INFINITY), s.splat(cut.z));
            // What a logit equal to the cut's becomes: ids up to the cut's stay.
            let equal = if first_id + S::LANES <= last_id + 1 {
                z_cut
            } else if first_id > last_id {
                none
            } else {
                let mut equal = [f32::NEG_INFINITY; 16];
                equal[..=last_id - first_id].fill(cut.z);
                s.load_f32(equal.as_ptr())
            };
            // NaN is below nothing and stays what it is.
            let at_most = s.select_lt(z, s.splat(f32::INFINITY), s.select_lt(z, z_cut, none, equal), z);
            s.select_lt(z_cut, z, z, at_most)
        }
    }
}

/// The sums of the weights, and of weight times `d`.
struct Sums<'a, const MOMENT: bool>(Weights<'a>);

impl<const MOMENT: bool> Kernel for Sums<'_, MOMENT> {
    type Output = (f32, f32);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, f32) {
        // SAFETY: `i` is below the length.
        unsafe {
            let (mut sum, mut moment) = (s.splat(0.0), s.splat(0.0));
            let mut i = 0;
            while i < self.0.block.len() {
                let (d, w) = self.0.at(s, i);
                sum = s.add(sum, w);
                if MOMENT {
                    moment = s.fma(w, finite(s, d), moment);
                }
                i += S::LANES;
            }
            (s.reduce_sum(sum), s.reduce_sum(moment))
        }
    }
}

/// `d`, or -200 where it is less: a weight of 0 may go with minus infinity, and their product must not be NaN.
#[inline(always)]
unsafe fn finite<S: Simd>(s: S, d: S::V) -> S::V {
    // SAFETY: the instruction set is available by contract.
    unsafe { s.max(s.splat(-200.0), d) }
}

/// Writes the weights.
struct StoreWeights<'a>(Weights<'a>, &'a mut [f32]);

impl Kernel for StoreWeights<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (len, out) = (self.1.len(), self.1.as_mut_ptr());
        assert_eq!(len, self.0.block.len(), "a weight for each logit");
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`.
            unsafe { store_n(s, out.add(i), len - i, self.0.at(s, i).1) };
            i += S::LANES;
        }
    }
}

/// `dlogits = scale · p · (-dlogp - dentropy · (ln p + H))`.
struct Backward<'a, T> {
    weights: Weights<'a>,
    grad: RowGrad,
    dlogits: &'a mut [T],
}

impl<T: Element> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (of, RowGrad { dlogp, dentropy, .. }) = (self.weights.of, self.grad);
        let (len, out) = (self.dlogits.len(), self.dlogits.as_mut_ptr());
        // The bracket as slope · d + rest, where ln p = d - ln total.
        let slope = -dentropy;
        let rest = f64::from(dentropy) * (of.total.ln() - f64::from(of.entropy)) - f64::from(dlogp);
        let by = f64::from(of.scale) / of.total;
        let mut i = 0;
        // SAFETY: `i < len`.
        unsafe {
            let (slope, rest, by) = (s.splat(slope), s.splat(rest as f32), s.splat(by as f32));
            while i < len {
                let (d, w) = self.weights.at(s, i);
                let factor = s.fma(slope, finite(s, d), rest);
                store_n(s, out.add(i), len - i, s.mul(s.mul(w, by), factor));
                i += S::LANES;
            }
        }
    }
}

#[cfg(test)]
mod tests;
