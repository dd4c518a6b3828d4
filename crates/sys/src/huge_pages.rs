//! Large buffers in huge pages.
//!
//! A page of 4 KiB is a page fault when it is first touched and an entry in the TLB when it is read; weights and caches of
//! keys and values have hundreds of thousands of them. Linux gives pages of 2 MiB to memory that asks for them, where it is
//! set to `madvise` (`/sys/kernel/mm/transparent_hugepage/enabled`), as most distributions have it.

use std::alloc::{GlobalAlloc, Layout, System};

/// Allocations from here on ask for huge pages: smaller ones would waste what rounding costs.
const LARGE: usize = 4 << 20;

/// The system's allocator, whose large buffers ask for huge pages. Elsewhere than on Linux, the system's allocator.
///
/// A binary chooses it: `#[global_allocator] static ALLOCATOR: sys::huge_pages::Allocator = sys::huge_pages::Allocator;`
pub struct Allocator;

// SAFETY: memory comes from `System` and goes back to it, with the layouts that the caller gave.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        advised(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        advised(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        advised(unsafe { System.realloc(ptr, layout, new_size) }, new_size)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Asks for huge pages for the buffer, if it is large. What the system makes of it changes no result.
fn advised(ptr: *mut u8, size: usize) -> *mut u8 {
    #[cfg(target_os = "linux")]
    if size >= LARGE && !ptr.is_null() {
        const PAGE: usize = 4096;
        let skip = ptr.align_offset(PAGE);
        // SAFETY: whole pages inside the buffer; the advice leaves what they hold.
        unsafe { libc::madvise(ptr.add(skip).cast(), (size - skip) & !(PAGE - 1), libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (size, LARGE);
    ptr
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_all_sizes_hold_what_is_written() {
        for size in [1, 4095, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE + 17] {
            for align in [1, 64, 4096, 2 << 20] {
                let layout = Layout::from_size_align(size, align).expect("a sound layout");
                // SAFETY: the size is not 0, bytes inside are written and read, and the layout is given back.
                unsafe {
                    let zeroed = Allocator.alloc_zeroed(layout);
                    assert!(!zeroed.is_null() && (zeroed as usize).is_multiple_of(align));
                    assert_eq!((*zeroed, *zeroed.add(size - 1)), (0, 0));
                    zeroed.write(7);
                    zeroed.add(size - 1).write(7);
                    let grown = Allocator.realloc(zeroed, layout, 2 * size);
                    assert_eq!((*grown, *grown.add(size - 1)), (7, 7));
                    Allocator.dealloc(grown, Layout::from_size_align(2 * size, align).expect("a sound layout"));
                }
            }
        }
    }
}
