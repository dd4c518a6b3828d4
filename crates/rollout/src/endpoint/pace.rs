//! When the next request may be sent: a rate limit of ours, and the waits that the server asks for, shared by all.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Longest wait that a server may ask for.
const MAX_HOLD: Duration = Duration::from_secs(600);

/// How long a sleep goes without asking whether all is over.
const SLICE: Duration = Duration::from_millis(50);

/// The moment of the next request.
pub(super) struct Pace {
    next: Mutex<Instant>,
    interval: Duration,
}

impl Pace {
    pub(super) fn new(requests_per_minute: Option<f64>) -> Pace {
        let interval = requests_per_minute.map_or(Duration::ZERO, |n| Duration::from_secs_f64(60.0 / n));
        Pace { next: Mutex::new(Instant::now()), interval }
    }

    /// Waits for a turn; false if all was over before.
    pub(super) fn wait(&self, is_over: &(dyn Fn() -> bool + Sync)) -> bool {
        loop {
            let now = Instant::now();
            let left = {
                let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if *next <= now {
                    *next = now + self.interval;
                    Duration::ZERO
                } else {
                    *next - now
                }
            };
            if left.is_zero() {
                return !is_over();
            }
            if !sleep_unless(left, is_over) {
                return false;
            }
        }
    }

    /// Nobody sends before this much time has passed.
    pub(super) fn hold(&self, wait: Duration) {
        let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *next = (*next).max(Instant::now() + wait.min(MAX_HOLD));
    }
}

/// Sleeps in slices; false if all was over before the end.
pub(super) fn sleep_unless(time: Duration, is_over: &(dyn Fn() -> bool + Sync)) -> bool {
    let end = Instant::now() + time;
    loop {
        if is_over() {
            return false;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(SLICE));
    }
}
