//! Rows among threads: who computes a row never changes what it holds.
//!
//! A kernel over independent rows uses [`for_rows`], whose chunks may have any size. A kernel that sums over rows uses
//! [`for_row_blocks`]: blocks of [`ROW_BLOCK`] rows whatever the threads, whose partial sums are then added in order.

use crate::pool;
use std::marker::PhantomData;
use std::ops::Range;

/// Rows in one partial sum of a reduction over rows.
pub(crate) const ROW_BLOCK: usize = 64;
/// Below this many element-operations, waking other threads costs more than it saves.
const SERIAL_BELOW: usize = 50_000;
/// Element-operations in one chunk of rows: some tens of microseconds.
const CHUNK: usize = 32_768;

/// A mutable slice whose disjoint parts are written by several threads.
pub(crate) struct SharedMut<'a, T> {
    ptr: *mut T,
    len: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: the parts handed out are disjoint (the contract of `part`), as with `split_at_mut`.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        SharedMut { ptr: slice.as_mut_ptr(), len: slice.len(), lifetime: PhantomData }
    }

    /// `len` elements from `start`.
    ///
    /// # Safety
    /// No two parts that live at the same time overlap.
    #[allow(clippy::mut_from_ref)] // the point of the type
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start, "part {start}+{len} of a slice of {}", self.len);
        // SAFETY: in bounds, and disjoint by contract.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.add(start), len) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Calls `f` on chunks that cover `0..n_rows`, in parallel unless the whole is tiny.
pub(crate) fn for_rows(n_rows: usize, ops_per_row: usize, f: impl Fn(Range<usize>) + Sync + Send) {
    let chunk = (CHUNK / ops_per_row.max(1)).max(1);
    for_chunks(n_rows, ops_per_row, chunk, f);
}

/// Calls `f(block, rows)` on the blocks of [`ROW_BLOCK`] rows of `0..n_rows`.
pub(crate) fn for_row_blocks(n_rows: usize, ops_per_row: usize, f: impl Fn(usize, Range<usize>) + Sync + Send) {
    let block = |rows: Range<usize>| {
        for start in rows.clone().step_by(ROW_BLOCK) {
            f(start / ROW_BLOCK, start..(start + ROW_BLOCK).min(rows.end));
        }
    };
    for_chunks(n_rows, ops_per_row, ROW_BLOCK, block);
}

/// Calls `f(i)` for each of `n` tasks of unlike cost, in parallel unless `ops`, their total, is tiny.
pub(crate) fn for_tasks(n: usize, ops: usize, f: impl Fn(usize) + Sync + Send) {
    if n <= 1 || ops < SERIAL_BELOW {
        (0..n).for_each(f);
    } else {
        pool::for_each(n, f);
    }
}

fn for_chunks(n_rows: usize, ops_per_row: usize, chunk: usize, f: impl Fn(Range<usize>) + Sync + Send) {
    if n_rows.saturating_mul(ops_per_row) < SERIAL_BELOW || n_rows <= chunk {
        f(0..n_rows);
        return;
    }
    let n_chunks = n_rows.div_ceil(chunk);
    pool::for_each(n_chunks, |i| f(i * chunk..((i + 1) * chunk).min(n_rows)));
}
