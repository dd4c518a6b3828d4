//! Rotary position embedding: pairs of a head's columns turn by `position * inv_freq`, with linear, YaRN (V3 section
//! 4.3) and llama3 scaling of the frequencies, in both layouts found in the world.
//!
//! *Interleaved* (DeepSeek) pairs columns (2i, 2i+1); *half-split* (llama, qwen) pairs (i, i + rot_dim/2).
//! Departure from `transformers`: angles are computed in f64 and interleaved pairs stay where they are (there they are
//! moved apart first; the products of queries and keys are the same).
//!
//! Letters: t tokens, h heads, d head columns.

use crate::isa::Isa;
use crate::lanes::{load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::ops::Range;

/// How the frequencies are stretched for contexts longer than those of pretraining; the names are those of
/// Hugging Face's `rope_scaling`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // Hugging Face's keys
pub enum RopeScaling {
    /// Plain RoPE.
    None,
    /// Every frequency divided by `factor`.
    Linear { factor: f64 },
    /// YaRN; an absent `mscale` or `mscale_all_dim` is 0.
    Yarn {
        factor: f64,
        original_max_position_embeddings: usize,
        beta_fast: f64,
        beta_slow: f64,
        mscale: f64,
        mscale_all_dim: f64,
    },
    /// Llama 3.1's.
    Llama3 { factor: f64, low_freq_factor: f64, high_freq_factor: f64, original_max_position_embeddings: usize },
}

impl RopeScaling {
    /// `inv_freq[i]`, radians a position, for each of the `rot_dim / 2` pairs.
    pub fn inverse_frequencies(&self, rot_dim: usize, theta: f64) -> Vec<f64> {
        let plain = |i: usize| theta.powf(-2.0 * i as f64 / rot_dim as f64);
        let pairs = 0..rot_dim / 2;
        match *self {
            RopeScaling::None => pairs.map(plain).collect(),
            RopeScaling::Linear { factor } => pairs.map(|i| plain(i) / factor).collect(),
            RopeScaling::Yarn { factor, original_max_position_embeddings: original, beta_fast, beta_slow, .. } => {
                // The pair that turns `n` times within the original context.
                let pair = |n: f64| {
                    let period = original as f64 / (n * std::f64::consts::TAU);
                    rot_dim as f64 * period.ln() / (2.0 * theta.ln())
                };
                let low = pair(beta_fast).floor().max(0.0);
                let high = pair(beta_slow).ceil().min(rot_dim as f64 - 1.0);
                let width = if low == high { 0.001 } else { high - low };
                pairs
                    .map(|i| {
                        let stretched = ((i as f64 - low) / width).clamp(0.0, 1.0);
                        plain(i) * (stretched / factor + 1.0 - stretched)
                    })
                    .collect()
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original,
            } => pairs
                .map(|i| {
                    let turns = original as f64 * plain(i) / std::f64::consts::TAU;
                    let smooth = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor);
                    let kept = smooth.clamp(0.0, 1.0);
                    plain(i) * ((1.0 - kept) / factor + kept)
                })
                .collect(),
        }
    }

    /// What cosine and sine are multiplied by: 1 but for YaRN.
    pub fn attention_factor(&self) -> f64 {
        match *self {
            RopeScaling::Yarn { factor, mscale, mscale_all_dim, .. } => {
                if mscale != 0.0 && mscale_all_dim != 0.0 {
                    yarn_mscale(factor, mscale) / yarn_mscale(factor, mscale_all_dim)
                } else {
                    yarn_mscale(factor, 1.0)
                }
            }
            _ => 1.0,
        }
    }
}

fn yarn_mscale(factor: f64, mscale: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * mscale * factor.ln() + 1.0 }
}

/// What DeepSeek's softmax scale is multiplied by: `(0.1 * mscale_all_dim * ln(factor) + 1)^2` for YaRN with
/// `mscale_all_dim` other than 0, else 1.
pub fn yarn_softmax_scale_factor(scaling: &RopeScaling) -> f64 {
    match *scaling {
        RopeScaling::Yarn { factor, mscale_all_dim, .. } if mscale_all_dim != 0.0 => {
            yarn_mscale(factor, mscale_all_dim).powi(2)
        }
        _ => 1.0,
    }
}

/// Cosines and sines, `[n_positions, rot_dim / 2]` each, with the attention factor multiplied in.
#[derive(Clone, Debug)]
pub struct RopeTable {
    rot_dim: usize,
    n_positions: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl RopeTable {
    /// # Panics
    /// When `rot_dim` is odd.
    pub fn new(rot_dim: usize, theta: f64, scaling: &RopeScaling, n_positions: usize) -> Self {
        assert!(rot_dim.is_multiple_of(2), "RoPE needs pairs of columns, not {rot_dim} columns");
        let inv_freq = scaling.inverse_frequencies(rot_dim, theta);
        let by = scaling.attention_factor();
        let angles = || (0..n_positions).flat_map(|p| inv_freq.iter().map(move |f| p as f64 * f));
        RopeTable {
            rot_dim,
            n_positions,
            cos: angles().map(|a| (a.cos() * by) as f32).collect(),
            sin: angles().map(|a| (a.sin() * by) as f32).collect(),
        }
    }

    /// Positions in the table.
    pub fn n_positions(&self) -> usize {
        self.n_positions
    }

    /// Columns that turn.
    pub fn rot_dim(&self) -> usize {
        self.rot_dim
    }

    /// `(cos, sin)` of one position.
    pub fn at(&self, position: usize) -> (&[f32], &[f32]) {
        let n = self.rot_dim / 2;
        (&self.cos[position * n..][..n], &self.sin[position * n..][..n])
    }

    pub(crate) fn check(&self, name: &str, rot_dim: usize, positions: &[u32]) {
        assert!(rot_dim == self.rot_dim, "{name}: {rot_dim} columns to turn, the table has {}", self.rot_dim);
        if let Some(p) = positions.iter().find(|p| **p as usize >= self.n_positions) {
            panic!("{name}: position {p} is outside the table of {}", self.n_positions);
        }
    }
}

/// Which columns of `x`, `[positions.len(), n_heads, head_dim]`, turn.
#[derive(Clone, Copy, Debug)]
pub struct Rope<'a> {
    /// Angles.
    pub table: &'a RopeTable,
    /// Each token's position in its document.
    pub positions: &'a [u32],
    /// Heads.
    pub n_heads: usize,
    /// Columns of a head.
    pub head_dim: usize,
    /// First column that turns.
    pub rot_offset: usize,
    /// Columns that turn.
    pub rot_dim: usize,
    /// Pairs (2i, 2i+1) rather than (i, i + rot_dim/2).
    pub interleaved: bool,
    /// Turns back: the transpose, for gradients.
    pub inverse: bool,
}

/// Turns the columns in place.
///
/// # Panics
/// When a length does not fit or a position is outside the table.
pub fn rope_apply<T: Element>(op: &Rope, x: &mut [T]) {
    rope_apply_on(Isa::active(), op, x);
}

/// [`rope_apply`] on a given instruction set.
pub fn rope_apply_on<T: Element>(isa: Isa, op: &Rope, x: &mut [T]) {
    op.table.check("rope_apply", op.rot_dim, op.positions);
    let row = op.n_heads * op.head_dim;
    assert!(
        x.len() == op.positions.len() * row && op.rot_offset + op.rot_dim <= op.head_dim,
        "rope_apply: {} elements for {} tokens of {} heads of {}, columns {}+{}",
        x.len(),
        op.positions.len(),
        op.n_heads,
        op.head_dim,
        op.rot_offset,
        op.rot_dim
    );
    let x = SharedMut::new(x);
    for_rows(op.positions.len(), 4 * op.n_heads * op.rot_dim, |tokens| {
        // SAFETY: chunks of tokens are disjoint.
        let x = unsafe { x.part(tokens.start * row, tokens.len() * row) };
        dispatch(isa, Apply { op, x, tokens });
    });
}

struct Apply<'a, 'b, T> {
    op: &'a Rope<'b>,
    x: &'a mut [T],
    tokens: Range<usize>,
}

impl<T: Element> Kernel for Apply<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let op = self.op;
        let mut turn = Turn::new(op.rot_dim, op.interleaved, op.inverse);
        let row = op.n_heads * op.head_dim;
        for (x, t) in self.x.chunks_exact_mut(row.max(1)).zip(self.tokens) {
            turn.set(op.table.at(op.positions[t] as usize));
            for head in x.chunks_exact_mut(op.head_dim) {
                turn.apply(s, &mut head[op.rot_offset..][..op.rot_dim]);
            }
        }
    }
}

/// One position's angles, laid out for vectors: `y = x * cos + partner(x) * sin` with the sign in `sin`.
pub(crate) struct Turn {
    interleaved: bool,
    sign: f32,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Turn {
    pub(crate) fn new(rot_dim: usize, interleaved: bool, inverse: bool) -> Self {
        Turn { interleaved, sign: if inverse { -1.0 } else { 1.0 }, cos: vec![0.0; rot_dim], sin: vec![0.0; rot_dim] }
    }

    pub(crate) fn set(&mut self, (cos, sin): (&[f32], &[f32])) {
        let n = cos.len();
        for i in 0..n {
            let (a, b) = if self.interleaved { (2 * i, 2 * i + 1) } else { (i, i + n) };
            self.cos[a] = cos[i];
            self.cos[b] = cos[i];
            self.sin[a] = -self.sign * sin[i];
            self.sin[b] = self.sign * sin[i];
        }
    }

    #[inline(always)]
    pub(crate) fn apply<S: Simd, T: Element>(&self, s: S, x: &mut [T]) {
        let len = self.cos.len();
        assert_eq!(x.len(), len, "columns to turn");
        let (cos, sin, x) = (self.cos.as_ptr(), self.sin.as_ptr(), x.as_mut_ptr());
        // SAFETY: `i` (and `i + half`) stay below `len`, the length of all three.
        unsafe {
            if self.interleaved {
                let mut i = 0;
                while i < len {
                    let n = len - i;
                    let v = load_n(s, x.add(i), n);
                    let partner = s.mul(s.swap_pairs(v), load_n(s, sin.add(i), n));
                    store_n(s, x.add(i), n, s.fma(v, load_n(s, cos.add(i), n), partner));
                    i += S::LANES;
                }
            } else {
                let half = len / 2;
                let mut i = 0;
                while i < half {
                    let n = half - i;
                    let (a, b) = (load_n(s, x.add(i), n), load_n(s, x.add(half + i), n));
                    let cos = load_n(s, cos.add(i), n);
                    let sin = load_n(s, sin.add(half + i), n);
                    let minus_sin = s.sub(s.splat(0.0), sin);
                    store_n(s, x.add(i), n, s.fma(a, cos, s.mul(b, minus_sin)));
                    store_n(s, x.add(half + i), n, s.fma(b, cos, s.mul(a, sin)));
                    i += S::LANES;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
