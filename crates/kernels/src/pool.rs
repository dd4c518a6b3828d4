//! A stretch of many short kernels, on the thread pool as a whole.
//!
//! A step of decoding is some thirty kernels that divide their work, with short serial parts between them. Begun from
//! outside the pool, each would put its caller to sleep and wake it up again; and a thread that falls asleep in a serial
//! part is woken by the next kernel, which takes as long as a good part of that kernel.

use rayon::Yield;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `f` on a thread of the pool, whose other threads look for work instead of sleeping until it returns.
pub fn in_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| {
        let _awake = Awake::new();
        f()
    })
}

thread_local! {
    /// Whether this thread is in a stretch of its own: it must not wait for another's end.
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, the pool's other threads stay awake.
struct Awake {
    is_over: Arc<AtomicBool>,
    was_busy: bool,
}

impl Awake {
    /// To be made on a thread of the pool.
    fn new() -> Awake {
        let is_over = Arc::new(AtomicBool::new(false));
        let was_busy = IS_BUSY.replace(true);
        if !was_busy {
            let is_over = Arc::clone(&is_over);
            rayon::spawn_broadcast(move |_| {
                while !IS_BUSY.get() && !is_over.load(Ordering::Acquire) {
                    if rayon::yield_now() != Some(Yield::Executed) {
                        std::thread::yield_now(); // others may need the core more
                    }
                }
            });
        }
        Awake { is_over, was_busy }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        IS_BUSY.set(self.was_busy);
        self.is_over.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
