//! A stretch of many short kernels, on a thread of the pool.

/// Runs `f` on a thread of the pool: begun from outside, each of the many kernels that divide their work would put its
/// caller to sleep and wake it up again.
///
/// The pool's other threads may fall asleep in serial parts between kernels. Keeping them awake with a job that looks for
/// work made decoding a fifth faster and then hung: a thread that waits inside a kernel's task may pick that job up there,
/// and does not come back to the task that the stretch waits for.
pub fn in_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| f())
}

#[cfg(test)]
mod tests;
