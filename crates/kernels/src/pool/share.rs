//! The tasks that one thread begins with: it takes them from the front, others help from the back.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A range of tasks, on a cache line of its own. It orders nothing: a job's begin and end do.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Share(AtomicU64);

fn pack(range: &Range<u32>) -> u64 {
    u64::from(range.end) << 32 | u64::from(range.start)
}

fn unpack(packed: u64) -> Range<u32> {
    packed as u32..(packed >> 32) as u32
}

impl Share {
    pub(super) fn set(&self, range: Range<u32>) {
        self.0.store(pack(&range), Relaxed);
    }

    pub(super) fn take_first(&self) -> Option<u32> {
        self.take(|range| range.next())
    }

    pub(super) fn take_last(&self) -> Option<u32> {
        self.take(|range| range.next_back())
    }

    fn take(&self, one: impl Fn(&mut Range<u32>) -> Option<u32>) -> Option<u32> {
        let mut packed = self.0.load(Relaxed);
        loop {
            let mut left = unpack(packed);
            let task = one(&mut left)?;
            match self.0.compare_exchange_weak(packed, pack(&left), Relaxed, Relaxed) {
                Ok(_) => return Some(task),
                Err(now) => packed = now,
            }
        }
    }
}
