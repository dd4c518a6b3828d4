//! SwiGLU: `out = silu(gate) * up`, `silu(g) = g * sigmoid(g)`, element by element.
//!
//! Departure from a separate activation and product: one pass each way, and the backward recomputes the sigmoid, so
//! nothing but `gate` and `up` is kept.

use crate::isa::Isa;
use crate::lanes::{load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::simd::{Element, Kernel, Simd, dispatch};

/// Element-operations that one element of SwiGLU stands for when work is shared out.
const OPS: usize = 8;

/// `out = silu(gate) * up`; all have one length.
///
/// # Panics
/// When the lengths differ.
pub fn swiglu_forward<T: Element>(gate: &[T], up: &[T], out: &mut [T]) {
    swiglu_forward_on(Isa::active(), gate, up, out);
}

/// [`swiglu_forward`] on a given instruction set.
pub fn swiglu_forward_on<T: Element>(isa: Isa, gate: &[T], up: &[T], out: &mut [T]) {
    assert!(
        gate.len() == up.len() && up.len() == out.len(),
        "swiglu: gate has {} elements, up {}, out {}",
        gate.len(),
        up.len(),
        out.len()
    );
    let shared = SharedMut::new(out);
    for_rows(gate.len(), OPS, |r| {
        // SAFETY: chunks are disjoint.
        let out = unsafe { shared.part(r.start, r.len()) };
        dispatch(isa, Forward { gate: &gate[r.clone()], up: &up[r], out });
    });
}

struct Forward<'a, T> {
    gate: &'a [T],
    up: &'a [T],
    out: &'a mut [T],
}

impl<T: Element> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.out.len();
        let (gate, up, out) = (self.gate.as_ptr(), self.up.as_ptr(), self.out.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`, the length of all three.
            unsafe {
                let n = len - i;
                let g = load_n(s, gate.add(i), n);
                let silu = s.mul(g, sigmoid(s, g));
                store_n(s, out.add(i), n, s.mul(silu, load_n(s, up.add(i), n)));
            }
            i += S::LANES;
        }
    }
}

/// `1 / (1 + e^-x)`.
///
/// # Safety
/// The instruction set of `s` is available.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    unsafe {
        let one = s.splat(1.0);
        s.div(one, s.add(one, s.exp(s.sub(s.splat(0.0), x))))
    }
}

/// Gradients of [`swiglu_forward`], written to `dgate` and `dup`.
///
/// # Panics
/// When the lengths differ.
pub fn swiglu_backward<T: Element>(gate: &[T], up: &[T], dout: &[T], dgate: &mut [T], dup: &mut [T]) {
    swiglu_backward_on(Isa::active(), gate, up, dout, dgate, dup);
}

/// [`swiglu_backward`] on a given instruction set.
pub fn swiglu_backward_on<T: Element>(isa: Isa, gate: &[T], up: &[T], dout: &[T], dgate: &mut [T], dup: &mut [T]) {
    let len = gate.len();
    assert!(
        [up.len(), dout.len(), dgate.len(), dup.len()] == [len; 4],
        "swiglu_backward: gate has {len} elements, up {}, dout {}, dgate {}, dup {}",
        up.len(),
        dout.len(),
        dgate.len(),
        dup.len()
    );
    let (dgate, dup) = (SharedMut::new(dgate), SharedMut::new(dup));
    for_rows(len, 2 * OPS, |r| {
        // SAFETY: chunks are disjoint.
        let (dgate, dup) = unsafe { (dgate.part(r.start, r.len()), dup.part(r.start, r.len())) };
        let (gate, up, dout) = (&gate[r.clone()], &up[r.clone()], &dout[r]);
        dispatch(isa, Backward { gate, up, dout, dgate, dup });
    });
}

struct Backward<'a, T> {
    gate: &'a [T],
    up: &'a [T],
    dout: &'a [T],
    dgate: &'a mut [T],
    dup: &'a mut [T],
}

impl<T: Element> Kernel for Backward<'_, T> {
    type Output = ();
    /// silu'(g) = sigmoid(g) * (1 + g * (1 - sigmoid(g))).
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.gate.len();
        let (gate, up, dout) = (self.gate.as_ptr(), self.up.as_ptr(), self.dout.as_ptr());
        let (dgate, dup) = (self.dgate.as_mut_ptr(), self.dup.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`, the length of all five.
            unsafe {
                let n = len - i;
                let g = load_n(s, gate.add(i), n);
                let d = load_n(s, dout.add(i), n);
                let one = s.splat(1.0);
                let sig = sigmoid(s, g);
                let slope = s.mul(sig, s.fma(g, s.sub(one, sig), one));
                let through_up = s.mul(d, load_n(s, up.add(i), n));
                store_n(s, dgate.add(i), n, s.mul(through_up, slope));
                store_n(s, dup.add(i), n, s.mul(d, s.mul(g, sig)));
            }
            i += S::LANES;
        }
    }
}

#[cfg(test)]
mod tests;
