//! Softmax and cross-entropy on rows of logits, `[rows, vocab]` f32.
//!
//! The head computes logits in chunks of rows; these kernels turn one chunk into log-probabilities of the targets and
//! back into the gradient of the logits, so that the logits of a batch are never all in memory. Sampling uses
//! [`log_softmax_rows`], whose values are those of [`log_softmax_gather`] bit for bit.

use crate::isa::Isa;
use crate::lanes::{load_n, store_n};
use crate::parallel::{SharedMut, for_rows};
use crate::simd::{Element, Kernel, Simd, dispatch};

/// Element-operations that one logit stands for when work is shared out.
const OPS: usize = 8;

/// `lse[r] = ln(sum(exp(logits[r])))` and `logp[r] = logits[r, targets[r]] - lse[r]`.
///
/// # Panics
/// When a length does not fit or a target is outside the vocabulary.
pub fn log_softmax_gather(vocab: usize, logits: &[f32], targets: &[u32], logp: &mut [f32], lse: &mut [f32]) {
    log_softmax_gather_on(Isa::active(), vocab, logits, targets, logp, lse);
}

/// [`log_softmax_gather`] on a given instruction set.
pub fn log_softmax_gather_on(
    isa: Isa,
    vocab: usize,
    logits: &[f32],
    targets: &[u32],
    logp: &mut [f32],
    lse: &mut [f32],
) {
    check("log_softmax_gather", vocab, logits.len(), targets, [logp.len(), lse.len()]);
    let (logp, lse) = (SharedMut::new(logp), SharedMut::new(lse));
    for_rows(targets.len(), vocab * OPS, |rows| {
        // SAFETY: chunks of rows are disjoint.
        let (logp, lse) = unsafe { (logp.part(rows.start, rows.len()), lse.part(rows.start, rows.len())) };
        for (i, r) in rows.enumerate() {
            let row = &logits[r * vocab..][..vocab];
            lse[i] = dispatch(isa, LogSumExp(row));
            logp[i] = row[targets[r] as usize] - lse[i];
        }
    });
}

fn check(name: &str, vocab: usize, logits: usize, targets: &[u32], per_row: [usize; 2]) {
    let rows = targets.len();
    assert!(
        vocab > 0 && logits == rows * vocab && per_row == [rows; 2],
        "{name}: {logits} logits for {rows} targets in a vocabulary of {vocab}, with {per_row:?} results"
    );
    if let Some(target) = targets.iter().find(|t| **t as usize >= vocab) {
        panic!("{name}: target {target} is outside the vocabulary of {vocab}");
    }
}

/// `ln(sum(exp(row)))`, through the row's maximum.
struct LogSumExp<'a>(&'a [f32]);

impl Kernel for LogSumExp<'_> {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let (len, x) = (self.0.len(), self.0.as_ptr());
        let whole = len - len % (2 * S::LANES);
        // SAFETY: reads stay below `len`.
        unsafe {
            let mut high = [s.splat(f32::NEG_INFINITY); 2];
            for i in (0..whole).step_by(2 * S::LANES) {
                high[0] = s.max(high[0], s.load_f32(x.add(i)));
                high[1] = s.max(high[1], s.load_f32(x.add(i + S::LANES)));
            }
            for i in (whole..len).step_by(S::LANES) {
                let n = (len - i).min(S::LANES);
                high[0] = s.max(high[0], s.load_partial(x.add(i), n, f32::NEG_INFINITY));
            }
            let max = s.reduce_max(s.max(high[0], high[1]));
            let shift = s.splat(max);
            let mut sum = [s.splat(0.0); 2];
            for i in (0..whole).step_by(2 * S::LANES) {
                sum[0] = s.add(sum[0], s.exp(s.sub(s.load_f32(x.add(i)), shift)));
                let odd = s.load_f32(x.add(i + S::LANES));
                sum[1] = s.add(sum[1], s.exp(s.sub(odd, shift)));
            }
            for i in (whole..len).step_by(S::LANES) {
                let n = (len - i).min(S::LANES);
                let tail = s.load_partial(x.add(i), n, f32::NEG_INFINITY);
                sum[0] = s.add(sum[0], s.exp(s.sub(tail, shift)));
            }
            let sum = s.reduce_sum(s.add(sum[0], sum[1]));
            max + f64::from(sum).ln() as f32
        }
    }
}

/// `dlogits[r] = dlogp[r] * (onehot(targets[r]) - softmax(logits[r]))`, written; `lse` is that of the forward.
///
/// # Panics
/// When a length does not fit or a target is outside the vocabulary.
pub fn softmax_gather_backward<T: Element>(
    vocab: usize,
    logits: &[f32],
    lse: &[f32],
    targets: &[u32],
    dlogp: &[f32],
    dlogits: &mut [T],
) {
    softmax_gather_backward_on(Isa::active(), vocab, logits, lse, targets, dlogp, dlogits);
}

/// [`softmax_gather_backward`] on a given instruction set.
pub fn softmax_gather_backward_on<T: Element>(
    isa: Isa,
    vocab: usize,
    logits: &[f32],
    lse: &[f32],
    targets: &[u32],
    dlogp: &[f32],
    dlogits: &mut [T],
) {
    const NAME: &str = "softmax_gather_backward";
    check(NAME, vocab, logits.len(), targets, [lse.len(), dlogp.len()]);
    assert!(dlogits.len() == logits.len(), "{NAME}: {} gradients for {} logits", dlogits.len(), logits.len());
    let dlogits = SharedMut::new(dlogits);
    for_rows(targets.len(), vocab * OPS, |rows| {
        for r in rows {
            // SAFETY: rows are disjoint.
            let dlogits = unsafe { dlogits.part(r * vocab, vocab) };
            let logits = &logits[r * vocab..][..vocab];
            dispatch(isa, Backward { logits, lse: lse[r], by: -dlogp[r], dlogits });
            // Not added to the rounded value: the target's gradient is near 0 once it is learned.
            let target = targets[r] as usize;
            let miss = -(logits[target] - lse[r]).exp_m1();
            dlogits[target] = T::from_f32(dlogp[r] * miss);
        }
    });
}

/// `dlogits = by * softmax(logits)`.
struct Backward<'a, T> {
    logits: &'a [f32],
    lse: f32,
    by: f32,
    dlogits: &'a mut [T],
}

impl<T: Element> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (len, x, d) = (self.logits.len(), self.logits.as_ptr(), self.dlogits.as_mut_ptr());
        let mut i = 0;
        while i < len {
            // SAFETY: `i < len`, the length of both.
            unsafe {
                let v = s.sub(load_n(s, x.add(i), len - i), s.splat(self.lse));
                store_n(s, d.add(i), len - i, s.mul(s.exp(v), s.splat(self.by)));
            }
            i += S::LANES;
        }
    }
}

/// `logits[r] -= ln(sum(exp(logits[r])))` in place: log-probabilities for sampling and reports.
///
/// # Panics
/// When `logits` is not whole rows.
pub fn log_softmax_rows(vocab: usize, logits: &mut [f32]) {
    assert!(
        vocab > 0 && logits.len().is_multiple_of(vocab),
        "log_softmax_rows: {} logits are not rows of {vocab}",
        logits.len()
    );
    let isa = Isa::active();
    let n_rows = logits.len() / vocab;
    let logits = SharedMut::new(logits);
    for_rows(n_rows, vocab * OPS, |rows| {
        for r in rows {
            // SAFETY: rows are disjoint.
            let row = unsafe { logits.part(r * vocab, vocab) };
            let lse = dispatch(isa, LogSumExp(row));
            row.iter_mut().for_each(|x| *x -= lse);
        }
    });
}

#[cfg(test)]
mod tests;
