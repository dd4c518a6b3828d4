//! Working memory of one thread, aligned to cache lines and kept from call to call: fresh pages cost more than the
//! arithmetic of a short sequence.

use std::cell::RefCell;

/// One cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([f32; 16]);

thread_local! {
    /// The buffers that nobody has, as many as were ever needed at once.
    static LINES: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Lends parts of a thread's scratch, each aligned to 64 bytes, in the order they are taken.
pub(crate) struct Scratch<'a> {
    rest: &'a mut [f32],
}

impl<'a> Scratch<'a> {
    /// `len` values, with whatever an earlier task left in them.
    pub(crate) fn take(&mut self, len: usize) -> &'a mut [f32] {
        let rest = std::mem::take(&mut self.rest);
        let (part, rest) = rest.split_at_mut(len.next_multiple_of(16));
        self.rest = rest;
        &mut part[..len]
    }
}

/// Runs `f` with scratch for parts of these lengths. Called outside of [`crate::simd::dispatch`]: a closure inside it would not be
/// compiled for the instruction set.
pub(crate) fn with_scratch<R>(lens: &[usize], f: impl FnOnce(Scratch<'_>) -> R) -> R {
    let n_lines = lens.iter().map(|len| len.div_ceil(16)).sum();
    // Taken, not borrowed: a task that runs inside another one gets scratch of its own.
    let mut lines = LINES.with_borrow_mut(Vec::pop).unwrap_or_default();
    if lines.len() < n_lines {
        lines.resize(n_lines, Line([0.0; 16]));
    }
    // SAFETY: `Line` is sixteen f32 values and nothing else.
    let rest = unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<f32>(), lines.len() * 16) };
    let result = f(Scratch { rest });
    LINES.with_borrow_mut(|kept| kept.push(lines));
    result
}
