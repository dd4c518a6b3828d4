//! Where buffers live, and how much memory they take.
//!
//! Training repeats the same allocations at every step, so freed buffers wait in a pool by size class: the operating
//! system would otherwise hand out and clear the same pages again and again, which costs as much as the arithmetic of a
//! small model.

use crate::tensor::{DType, Data};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A place for buffers. Cloning gives another handle to the same device.
#[derive(Clone)]
pub struct Device(Arc<Inner>);

struct Inner {
    is_meta: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pool: HashMap<(DType, usize), Vec<Data>>,
    live_bytes: usize,
    peak_bytes: usize,
}

impl Device {
    /// The host's memory and kernels.
    pub fn cpu() -> Device {
        Device::new(false)
    }

    /// No memory and no kernels: operations only account for their buffers. See [`Device::peak_bytes`].
    pub fn meta() -> Device {
        Device::new(true)
    }

    fn new(is_meta: bool) -> Device {
        Device(Arc::new(Inner { is_meta, state: Mutex::default() }))
    }

    /// Whether this device only counts.
    pub fn is_meta(&self) -> bool {
        self.0.is_meta
    }

    /// Bytes in buffers that are in use now.
    pub fn live_bytes(&self) -> usize {
        self.lock().live_bytes
    }

    /// The most bytes that were ever in use at once, since the start or [`Device::reset_peak`].
    pub fn peak_bytes(&self) -> usize {
        self.lock().peak_bytes
    }

    /// Starts a new measurement of the peak.
    pub fn reset_peak(&self) {
        let mut state = self.lock();
        state.peak_bytes = state.live_bytes;
    }

    /// Gives the pooled memory back to the operating system.
    pub fn trim(&self) {
        let pool = std::mem::take(&mut self.lock().pool);
        drop(pool); // outside the lock
    }

    /// A buffer of at least `len` elements with arbitrary content (NaN in debug builds, to catch reads before writes).
    pub(crate) fn allocate(&self, dtype: DType, len: usize) -> Data {
        let class = size_class(len);
        let reused = {
            let mut state = self.lock();
            state.live_bytes += class * dtype.size();
            state.peak_bytes = state.peak_bytes.max(state.live_bytes);
            state.pool.get_mut(&(dtype, class)).and_then(Vec::pop)
        };
        let mut data = match reused {
            Some(data) => data,
            None if self.0.is_meta => Data::Meta(dtype, class),
            None => Data::zeroed(dtype, class),
        };
        if cfg!(debug_assertions) {
            data.poison(len);
        }
        data
    }

    /// Takes a buffer back into the pool.
    pub(crate) fn release(&self, data: Data) {
        let mut state = self.lock();
        let (dtype, class) = (data.dtype(), data.len());
        state.live_bytes -= class * dtype.size();
        if !self.0.is_meta {
            state.pool.entry((dtype, class)).or_default().push(data);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while holding the lock leaves counters and free lists valid.
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Rounds up to a multiple of an eighth of the largest power of two below: at most 12.5% waste, few classes.
fn size_class(len: usize) -> usize {
    let step = (len.max(64).next_power_of_two() / 16).max(8);
    len.max(1).div_ceil(step) * step
}
