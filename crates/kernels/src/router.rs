//! The mixture of experts' gate and its traffic (V3 section 2.1.2): affinities, group-limited top-k with the
//! auxiliary-loss-free bias, the sequence-wise balance loss, and dispatch of rows to experts and back.
//!
//! Semantics are those of `transformers`' DeepseekV3: experts are *selected* by score plus bias, groups by the sum of
//! their two best, and *weighted* by the score alone. Ties go to the lower index.
//!
//! Letters: t tokens, e experts, k chosen experts (slots), c columns.

mod balance;
mod dispatch;

use crate::isa::Isa;
use crate::lanes::{load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::simd::{Kernel, Simd, dispatch};
use crate::swiglu::sigmoid;

pub use balance::balance_loss;
pub use dispatch::{
    CombineSaved, DispatchPlan, combine_backward, combine_forward, dispatch_backward, dispatch_forward, dispatch_plan,
};

/// How logits become affinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// Each expert for itself: V3.
    Sigmoid,
    /// Over all experts: V2, Qwen.
    Softmax,
}

/// A gate.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    /// Routed experts.
    pub n_experts: usize,
    /// Groups of equally many neighbouring experts; 1 when there are none.
    pub n_group: usize,
    /// Groups that a token may choose from.
    pub topk_group: usize,
    /// Experts a token goes to.
    pub top_k: usize,
    /// Whether the chosen scores are divided by their sum (plus 1e-20).
    pub norm_topk_prob: bool,
    /// What weights are multiplied by.
    pub routed_scaling_factor: f32,
    /// How logits become affinities.
    pub scoring: Scoring,
}

impl Router {
    fn check(&self, name: &str) {
        let Router { n_experts, n_group, topk_group, top_k, .. } = *self;
        assert!(
            n_group > 0
                && n_experts.is_multiple_of(n_group)
                && (1..=n_group).contains(&topk_group)
                && (1..=topk_group * (n_experts / n_group)).contains(&top_k),
            "{name}: {self:?} cannot choose {top_k} experts"
        );
    }

    /// The rows of `[t, e]` elements.
    fn tokens(&self, name: &str, len: usize) -> usize {
        self.check(name);
        assert!(
            len.is_multiple_of(self.n_experts),
            "{name}: {len} elements are not rows of {} experts",
            self.n_experts
        );
        len / self.n_experts
    }
}

/// Scores `[t, e]`, chosen experts `[t, k]` in descending order of biased score, and their weights `[t, k]`, from
/// logits `[t, e]` and the selection bias `[e]` (or empty: none).
///
/// # Panics
/// When a length does not fit.
pub fn router_forward(
    op: &Router,
    logits: &[f32],
    bias: &[f32],
    scores: &mut [f32],
    expert_idx: &mut [u32],
    weights: &mut [f32],
) {
    let chosen = Chosen { scores, expert_idx, weights };
    router_forward_on(Isa::active(), op, logits, bias, chosen);
}

/// Where [`router_forward_on`] writes.
pub struct Chosen<'a> {
    /// `[t, e]`
    pub scores: &'a mut [f32],
    /// `[t, k]`
    pub expert_idx: &'a mut [u32],
    /// `[t, k]`
    pub weights: &'a mut [f32],
}

/// [`router_forward`] on a given instruction set.
pub fn router_forward_on(isa: Isa, op: &Router, logits: &[f32], bias: &[f32], into: Chosen<'_>) {
    const NAME: &str = "router_forward";
    let t = op.tokens(NAME, logits.len());
    let Chosen { scores, expert_idx, weights } = into;
    let got = [scores.len(), expert_idx.len(), weights.len()];
    assert!(
        got == [t * op.n_experts, t * op.top_k, t * op.top_k] && (bias.is_empty() || bias.len() == op.n_experts),
        "{NAME}: {op:?} of {t} tokens: scores, expert_idx and weights have {got:?} elements, bias {}",
        bias.len()
    );
    let (e, k) = (op.n_experts, op.top_k);
    let (scores, idx) = (SharedMut::new(scores), SharedMut::new(expert_idx));
    let weights = SharedMut::new(weights);
    for_rows(t, e * (k + 8), |tokens| {
        let mut biased = vec![0.0; e];
        let mut selection = Selection::new(op);
        for t in tokens {
            // SAFETY: rows are disjoint.
            let (scores, idx, weights) = unsafe { (scores.part(t * e, e), idx.part(t * k, k), weights.part(t * k, k)) };
            dispatch(isa, Affinity { op, logits: &logits[t * e..][..e], scores });
            biased.copy_from_slice(scores);
            biased.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
            selection.choose(op, &biased, idx);
            weigh(op, scores, idx, weights);
        }
    });
}

fn weigh(op: &Router, scores: &[f32], idx: &[u32], weights: &mut [f32]) {
    for (w, i) in weights.iter_mut().zip(idx) {
        *w = scores[*i as usize];
    }
    let by = op.routed_scaling_factor / normaliser(op, weights);
    weights.iter_mut().for_each(|w| *w *= by);
}

/// What the chosen scores are divided by.
fn normaliser(op: &Router, chosen: &[f32]) -> f32 {
    if op.norm_topk_prob { chosen.iter().sum::<f32>() + 1e-20 } else { 1.0 }
}

/// One token's affinities.
struct Affinity<'a> {
    op: &'a Router,
    logits: &'a [f32],
    scores: &'a mut [f32],
}

impl Kernel for Affinity<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.logits.len();
        let softmax = self.op.scoring == Scoring::Softmax;
        let max = self.logits.iter().fold(f32::NEG_INFINITY, |m, x| m.max(*x));
        let (x, y) = (self.logits.as_ptr(), self.scores.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`, the length of both.
            unsafe {
                let v = load_n(s, x.add(i), len - i);
                let v = if softmax { s.exp(s.sub(v, s.splat(max))) } else { sigmoid(s, v) };
                store_n(s, y.add(i), len - i, v);
            }
            i += S::LANES;
        }
        if softmax {
            let by = 1.0 / self.scores.iter().sum::<f32>();
            self.scores.iter_mut().for_each(|y| *y *= by);
        }
    }
}

/// Working memory of the selection.
struct Selection {
    allowed: Vec<bool>,
    groups: Vec<f32>,
    chosen_groups: Vec<u32>,
}

impl Selection {
    fn new(op: &Router) -> Self {
        Selection {
            allowed: vec![true; op.n_experts],
            groups: vec![0.0; op.n_group],
            chosen_groups: vec![0; op.topk_group],
        }
    }

    fn choose(&mut self, op: &Router, biased: &[f32], idx: &mut [u32]) {
        if op.topk_group < op.n_group {
            let size = op.n_experts / op.n_group;
            for (score, group) in self.groups.iter_mut().zip(biased.chunks_exact(size)) {
                *score = best_two(group);
            }
            let mut open = vec![true; op.n_group];
            top_k(&self.groups, &mut open, &mut self.chosen_groups);
            self.allowed.fill(false);
            for g in &self.chosen_groups {
                self.allowed[*g as usize * size..][..size].fill(true);
            }
        } else {
            self.allowed.fill(true);
        }
        top_k(biased, &mut self.allowed, idx);
    }
}

/// The sum of the two largest (of one, that one).
fn best_two(group: &[f32]) -> f32 {
    let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for x in group.iter().copied() {
        if x > first {
            (first, second) = (x, first);
        } else if x > second {
            second = x;
        }
    }
    if group.len() == 1 { first } else { first + second }
}

/// The indices of the `idx.len()` largest allowed values, descending, ties by lower index; `allowed` loses them.
fn top_k(values: &[f32], allowed: &mut [bool], idx: &mut [u32]) {
    for slot in idx {
        let mut best: Option<usize> = None;
        for (i, x) in values.iter().enumerate() {
            if allowed[i] && best.is_none_or(|best| *x > values[best]) {
                best = Some(i);
            }
        }
        let best = best.expect("`check` saw enough experts");
        allowed[best] = false;
        *slot = best as u32;
    }
}

/// The gradient of the logits, `[t, e]`, written, from that of the weights, `[t, k]`, and of the scores themselves
/// (`dscores_extra`, `[t, e]`: the balance loss). The selection is constant.
///
/// # Panics
/// When a length does not fit.
pub fn router_backward(
    op: &Router,
    scores: &[f32],
    expert_idx: &[u32],
    dweights: &[f32],
    dscores_extra: Option<&[f32]>,
    dlogits: &mut [f32],
) {
    const NAME: &str = "router_backward";
    let t = op.tokens(NAME, scores.len());
    let (e, k) = (op.n_experts, op.top_k);
    let extra = dscores_extra.map_or(t * e, <[f32]>::len);
    let got = [expert_idx.len(), dweights.len(), extra, dlogits.len()];
    assert!(
        got == [t * k, t * k, t * e, t * e],
        "{NAME}: {op:?} of {t} tokens: expert_idx, dweights, dscores and dlogits have {got:?} elements"
    );
    let dlogits = SharedMut::new(dlogits);
    for_rows(t, 8 * e, |tokens| {
        for t in tokens {
            // SAFETY: rows are disjoint.
            let d = unsafe { dlogits.part(t * e, e) };
            match dscores_extra {
                Some(extra) => d.copy_from_slice(&extra[t * e..][..e]),
                None => d.fill(0.0),
            }
            let scores = &scores[t * e..][..e];
            let (idx, dw) = (&expert_idx[t * k..][..k], &dweights[t * k..][..k]);
            weights_backward(op, scores, idx, dw, d);
            affinity_backward(op.scoring, scores, d);
        }
    });
}

/// Adds to `d` the gradient of one token's scores through the weights w_j = f s_j / n, n = sum(s) or 1.
fn weights_backward(op: &Router, scores: &[f32], idx: &[u32], dw: &[f32], d: &mut [f32]) {
    let f = op.routed_scaling_factor;
    let chosen = || idx.iter().map(|i| scores[*i as usize]);
    let (mut n, mut mean) = (1.0, 0.0);
    if op.norm_topk_prob {
        n = chosen().sum::<f32>() + 1e-20;
        mean = chosen().zip(dw).map(|(s, dw)| s * dw).sum::<f32>() / n;
    }
    for (i, dw) in idx.iter().zip(dw) {
        d[*i as usize] += f / n * (dw - mean);
    }
}

/// Turns the gradient of one token's scores into that of its logits.
fn affinity_backward(scoring: Scoring, scores: &[f32], d: &mut [f32]) {
    match scoring {
        Scoring::Sigmoid => {
            for (d, s) in d.iter_mut().zip(scores) {
                *d *= s * (1.0 - s);
            }
        }
        Scoring::Softmax => {
            let mean: f32 = d.iter().zip(scores).map(|(d, s)| d * s).sum();
            for (d, s) in d.iter_mut().zip(scores) {
                *d = s * (*d - mean);
            }
        }
    }
}

#[cfg(test)]
mod tests;
