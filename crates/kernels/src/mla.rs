//! The keys and values of multi-head latent attention (V3 section 2.1.1), put together from the up-projected latent and
//! the decoupled rotary key that all heads share.
//!
//! Letters: t tokens, h heads. `kv` is `[t, h, nope + v]`, `kv_a` `[t, kv_lora_rank + rope]` (its last columns are the
//! rotary key before rotation), `k` `[t, h, nope + rope]`, `v` `[t, h, v]`.

use crate::isa::Isa;
use crate::lanes::{add_into, load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::rope::{RopeTable, Turn};
use crate::simd::{Element, Kernel, Simd, dispatch};
use std::ops::Range;

/// The shape of MLA's keys and values.
#[derive(Clone, Copy, Debug)]
pub struct MlaKv<'a> {
    /// Rows.
    pub tokens: usize,
    /// Heads.
    pub n_heads: usize,
    /// Columns of a key without position.
    pub qk_nope_head_dim: usize,
    /// Columns of a key with position.
    pub qk_rope_head_dim: usize,
    /// Columns of a value.
    pub v_head_dim: usize,
    /// Columns of `kv_a` before the rotary key.
    pub kv_lora_rank: usize,
    /// Angles.
    pub table: &'a RopeTable,
    /// Each token's position in its document.
    pub positions: &'a [u32],
    /// Pairs (2i, 2i+1) rather than halves.
    pub interleaved: bool,
}

impl MlaKv<'_> {
    fn key(&self) -> usize {
        self.qk_nope_head_dim + self.qk_rope_head_dim
    }

    fn kv(&self) -> usize {
        self.qk_nope_head_dim + self.v_head_dim
    }

    fn kv_a(&self) -> usize {
        self.kv_lora_rank + self.qk_rope_head_dim
    }

    fn check(&self, name: &str, kv: usize, kv_a: usize, k: usize, v: usize) {
        self.table.check(name, self.qk_rope_head_dim, self.positions);
        let (t, h) = (self.tokens, self.n_heads);
        let want = [t, t * h * self.kv(), t * self.kv_a(), t * h * self.key(), t * h * self.v_head_dim];
        let got = [self.positions.len(), kv, kv_a, k, v];
        assert!(
            got == want,
            "{name} of {t} tokens and {h} heads: positions, kv, kv_a, k and v have {got:?} elements, not {want:?}"
        );
    }
}

/// `k = [k_nope | rope(k_pe)]` for each head, `v` split off.
///
/// # Panics
/// When a length does not fit or a position is outside the table.
pub fn mla_kv_forward<T: Element>(op: &MlaKv, kv: &[T], kv_a: &[T], k: &mut [T], v: &mut [T]) {
    mla_kv_forward_on(Isa::active(), op, kv, kv_a, k, v);
}

/// [`mla_kv_forward`] on a given instruction set.
pub fn mla_kv_forward_on<T: Element>(isa: Isa, op: &MlaKv, kv: &[T], kv_a: &[T], k: &mut [T], v: &mut [T]) {
    op.check("mla_kv_forward", kv.len(), kv_a.len(), k.len(), v.len());
    let (k_row, v_row) = (op.n_heads * op.key(), op.n_heads * op.v_head_dim);
    let (k, v) = (SharedMut::new(k), SharedMut::new(v));
    for_rows(op.tokens, 2 * k_row, |tokens| {
        // SAFETY: chunks of tokens are disjoint.
        let (k, v) = unsafe {
            let (start, len) = (tokens.start, tokens.len());
            (k.part(start * k_row, len * k_row), v.part(start * v_row, len * v_row))
        };
        dispatch(isa, Forward { op, kv, kv_a, k, v, tokens });
    });
}

struct Forward<'a, 'b, T> {
    op: &'a MlaKv<'b>,
    kv: &'a [T],
    kv_a: &'a [T],
    k: &'a mut [T],
    v: &'a mut [T],
    tokens: Range<usize>,
}

impl<T: Element> Kernel for Forward<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let op = self.op;
        let (nope, rope) = (op.qk_nope_head_dim, op.qk_rope_head_dim);
        let mut turn = Turn::new(rope, op.interleaved, false);
        let mut shared_key = vec![T::default(); rope];
        for (i, t) in self.tokens.enumerate() {
            turn.set(op.table.at(op.positions[t] as usize));
            shared_key.copy_from_slice(&self.kv_a[t * op.kv_a() + op.kv_lora_rank..][..rope]);
            turn.apply(s, &mut shared_key);
            for h in 0..op.n_heads {
                let kv = &self.kv[(t * op.n_heads + h) * op.kv()..][..op.kv()];
                let k = &mut self.k[(i * op.n_heads + h) * op.key()..][..op.key()];
                k[..nope].copy_from_slice(&kv[..nope]);
                k[nope..].copy_from_slice(&shared_key);
                let v = &mut self.v[(i * op.n_heads + h) * op.v_head_dim..][..op.v_head_dim];
                v.copy_from_slice(&kv[nope..]);
            }
        }
    }
}

/// Gradients of [`mla_kv_forward`]: `dkv` is written whole; of `dkv_a` only the rotary columns, the sum over heads in f32
/// in ascending order, turned back.
///
/// # Panics
/// When a length does not fit or a position is outside the table.
pub fn mla_kv_backward<T: Element>(op: &MlaKv, dk: &[T], dv: &[T], dkv: &mut [T], dkv_a: &mut [T]) {
    mla_kv_backward_on(Isa::active(), op, dk, dv, dkv, dkv_a);
}

/// [`mla_kv_backward`] on a given instruction set.
pub fn mla_kv_backward_on<T: Element>(isa: Isa, op: &MlaKv, dk: &[T], dv: &[T], dkv: &mut [T], dkv_a: &mut [T]) {
    op.check("mla_kv_backward", dkv.len(), dkv_a.len(), dk.len(), dv.len());
    let (kv_row, kv_a_row) = (op.n_heads * op.kv(), op.kv_a());
    let (dkv, dkv_a) = (SharedMut::new(dkv), SharedMut::new(dkv_a));
    for_rows(op.tokens, 2 * kv_row, |tokens| {
        // SAFETY: chunks of tokens are disjoint.
        let (dkv, dkv_a) = unsafe {
            let (start, len) = (tokens.start, tokens.len());
            (dkv.part(start * kv_row, len * kv_row), dkv_a.part(start * kv_a_row, len * kv_a_row))
        };
        dispatch(isa, Backward { op, dk, dv, dkv, dkv_a, tokens });
    });
}

struct Backward<'a, 'b, T> {
    op: &'a MlaKv<'b>,
    dk: &'a [T],
    dv: &'a [T],
    dkv: &'a mut [T],
    dkv_a: &'a mut [T],
    tokens: Range<usize>,
}

impl<T: Element> Kernel for Backward<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let op = self.op;
        let (nope, rope) = (op.qk_nope_head_dim, op.qk_rope_head_dim);
        let mut turn = Turn::new(rope, op.interleaved, true);
        let mut sum = vec![0.0f32; rope];
        for (i, t) in self.tokens.enumerate() {
            sum.fill(0.0);
            for h in 0..op.n_heads {
                let dk = &self.dk[(t * op.n_heads + h) * op.key()..][..op.key()];
                let dv = &self.dv[(t * op.n_heads + h) * op.v_head_dim..][..op.v_head_dim];
                let dkv = &mut self.dkv[(i * op.n_heads + h) * op.kv()..][..op.kv()];
                dkv[..nope].copy_from_slice(&dk[..nope]);
                dkv[nope..].copy_from_slice(dv);
                add_into(s, &dk[nope..], &mut sum);
            }
            turn.set(op.table.at(op.positions[t] as usize));
            turn.apply(s, &mut sum);
            let shared_key = &mut self.dkv_a[i * op.kv_a() + op.kv_lora_rank..][..rope];
            let (src, dst) = (sum.as_ptr(), shared_key.as_mut_ptr());
            for c in (0..rope).step_by(S::LANES) {
                // SAFETY: both hold `rope` elements and `c < rope`.
                unsafe { store_n(s, dst.add(c), rope - c, load_n(s, src.add(c), rope - c)) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
