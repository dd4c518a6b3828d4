//! Buffers that outlive a product: a fresh allocation of megabytes would pay a page fault for every 4 KB it touches.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;

/// Alignment of every buffer: a cache line.
const ALIGN: usize = 64;

/// Uninitialised bytes, aligned to a cache line.
pub(super) struct Buffer {
    ptr: *mut u8,
    len: usize,
}

// SAFETY: the buffer owns its bytes.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    pub(super) fn new(len: usize) -> Self {
        let len = len.max(ALIGN);
        let layout = Self::layout(len);
        // SAFETY: the size is not zero.
        let ptr = unsafe { alloc(layout) };
        if ptr.is_null() {
            handle_alloc_error(layout);
        }
        Buffer { ptr, len }
    }

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len, ALIGN).expect("a buffer below isize::MAX bytes")
    }

    pub(super) fn ptr(&self) -> *mut u8 {
        self.ptr
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layout.
        unsafe { dealloc(self.ptr, Self::layout(self.len)) }
    }
}

thread_local! {
    static POOL: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// At least the asked number of uninitialised bytes of this thread's own, given back to its pool when dropped. May be
/// nested, also through work stealing: a buffer in use is not in the pool.
pub(super) struct Scratch(Option<Buffer>);

impl Scratch {
    pub(super) fn take(len: usize) -> Self {
        let fitting = POOL.with_borrow_mut(|pool| {
            // The smallest that fits, so that a large one stays for who needs it.
            let best = (0..pool.len()).filter(|i| pool[*i].len() >= len).min_by_key(|i| pool[*i].len());
            if best.is_none() && pool.len() >= 2 {
                // Grow: let the largest go instead of keeping it beside a larger one.
                let largest = (0..pool.len()).max_by_key(|i| pool[*i].len());
                pool.swap_remove(largest.expect("a pool of two"));
            }
            best.map(|i| pool.swap_remove(i))
        });
        Scratch(Some(fitting.unwrap_or_else(|| Buffer::new(len.next_power_of_two()))))
    }

    pub(super) fn ptr(&self) -> *mut u8 {
        self.0.as_ref().expect("held until dropped").ptr()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(buffer) = self.0.take() {
            // At the thread's end the pool may be gone: then the buffer is freed.
            let _ = POOL.try_with(|pool| pool.borrow_mut().push(buffer));
        }
    }
}
