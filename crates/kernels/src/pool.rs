//! The threads that compute: one job at a time, its tasks shared out among all.
//!
//! A kernel takes microseconds, and thousands of them follow each other. So a thread without work looks for some for a
//! while before it sleeps, the caller works too, and nobody waits for a thread that has not woken up yet: what it would
//! have done is done by the others. Each thread begins with its own stretch of the tasks, the same in kernel after kernel,
//! so that it finds its rows in its own cache; when that is done it helps the others, from the far end of theirs.
//!
//! Who runs a task must not matter to what the task computes; which tasks there are may depend on [`n_threads`] only where
//! that changes no bit.

mod share;
mod team;

use crate::parallel::SharedMut;
use std::cell::{Cell, RefCell};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::OnceLock;
use team::Team;

static N_THREADS: OnceLock<NonZero<usize>> = OnceLock::new();
static TEAM: OnceLock<Team> = OnceLock::new();

thread_local! {
    /// Whether this thread runs a task now: a job inside a task has no other threads.
    static IS_IN_TASK: Cell<bool> = const { Cell::new(false) };
    /// The team of [`with_threads`], where that is being called.
    static OWN_TEAM: RefCell<Option<Rc<Team>>> = const { RefCell::new(None) };
}

/// How many threads compute for this thread, itself included: the number chosen, or one for each core.
pub fn n_threads() -> usize {
    match own_team() {
        Some(team) => team.n_threads(),
        None => default_n_threads(),
    }
}

fn default_n_threads() -> usize {
    let one_a_core = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    N_THREADS.get_or_init(one_a_core).get()
}

/// Chooses how many threads compute, for the whole process.
///
/// # Panics
/// Where another number was chosen, or taken because something asked for it.
pub fn choose_n_threads(n: NonZero<usize>) {
    assert!(*N_THREADS.get_or_init(|| n) == n, "the number of threads is chosen before anything is computed");
}

/// Calls `f` with `n` threads of its own, for a test or a measurement.
pub fn with_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Rc<Team>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OWN_TEAM.set(self.0.take());
        }
    }
    let _restore = Restore(OWN_TEAM.replace(Some(Rc::new(Team::new(n)))));
    f()
}

fn own_team() -> Option<Rc<Team>> {
    OWN_TEAM.with_borrow(Clone::clone)
}

/// Calls `f(i)` for every `i` of `0..n`, each once, on all threads. Inside a task the calls follow one another.
///
/// # Panics
/// When a call does; the others may or may not have been made.
pub fn for_each(n: usize, f: impl Fn(usize) + Sync) {
    if n <= 1 || IS_IN_TASK.get() {
        (0..n).for_each(f);
    } else if let Some(team) = own_team() {
        team.run(n, &f);
    } else {
        TEAM.get_or_init(|| Team::new(default_n_threads())).run(n, &f);
    }
}

/// Calls `f(i, &mut items[i])` for every item, each once, on all threads, see [`for_each`].
///
/// # Panics
/// When a call does.
pub fn for_each_mut<T: Send>(items: &mut [T], f: impl Fn(usize, &mut T) + Sync) {
    let n = items.len();
    let items = SharedMut::new(items);
    // SAFETY: each index is called once.
    for_each(n, |i| f(i, unsafe { &mut items.part(i, 1)[0] }));
}

#[cfg(test)]
mod tests;
