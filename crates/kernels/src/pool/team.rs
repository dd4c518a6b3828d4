//! Threads that run one job together.
//!
//! One word holds the job's number, whether it is open, and how many threads are at work on it. The caller opens a job;
//! threads that are awake join it; when the caller finds no task left it closes the job and waits for those that joined.
//! A thread that comes too late finds it closed, and has touched nothing of it.

use super::IS_IN_TASK;
use super::share::Share;
use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread looks for work before it sleeps, and a caller for the end of a job before it lets others run: more
/// than the serial parts between kernels, less than anyone would notice on an idle machine.
const LOOK: Duration = Duration::from_micros(200);
/// Looks between two looks at the clock.
const LOOKS: u32 = 64;

/// Parts of the word, from its lowest bit: is a job open, is the team dismissed, threads at work, the job's number.
const OPEN: u64 = 1;
const DISMISSED: u64 = 2;
const ONE_AT_WORK: u64 = 4;
const AT_WORK: u64 = (1 << 32) - ONE_AT_WORK;
const ONE_JOB: u64 = 1 << 32;

/// The calling thread, and others that wait for it.
pub(super) struct Team {
    common: Arc<Common>,
    others: Vec<JoinHandle<()>>,
    /// Held by the thread whose job is run.
    turn: Mutex<()>,
}

struct Common {
    word: AtomicU64,
    job: UnsafeCell<Job>,
    shares: Box<[Share]>,
    n_asleep: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// What to call with each task's number.
type Job = *const (dyn Fn(usize) + Sync);

// SAFETY: `job` is written by the caller alone, while no job is open and nobody is at work; it is read by threads at work.
unsafe impl Sync for Common {}
// SAFETY: as above; what the job points to is shared between threads (`Sync`).
unsafe impl Send for Common {}

impl Team {
    /// `n` threads, of which the caller of [`Team::run`] is one. Fewer, where the system gives no more.
    pub(super) fn new(n: usize) -> Team {
        let nothing: Job = &|_: usize| ();
        let common = Arc::new(Common {
            word: AtomicU64::new(0),
            job: UnsafeCell::new(nothing),
            shares: (0..n.max(1)).map(|_| Share::default()).collect(),
            n_asleep: AtomicUsize::new(0),
            panic: Mutex::new(None),
        });
        let start = |me| {
            let common = Arc::clone(&common);
            std::thread::Builder::new().name(format!("compute-{me}")).spawn(move || common.serve(me)).ok()
        };
        let others = (1..n).map_while(start).collect();
        Team { common, others, turn: Mutex::new(()) }
    }

    pub(super) fn n_threads(&self) -> usize {
        self.common.shares.len()
    }

    /// Calls `f` with each of `0..n`.
    pub(super) fn run(&self, n: usize, f: &(dyn Fn(usize) + Sync)) {
        let common = &*self.common;
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let n_tasks = u32::try_from(n).expect("tasks are counted in u32");
        // The other shares are empty, as every job leaves them.
        let n_shares = common.shares.len().min(n);
        let edge = |i: usize| (u64::from(n_tasks) * i as u64 / n_shares as u64) as u32;
        for (i, share) in common.shares[..n_shares].iter().enumerate() {
            share.set(edge(i)..edge(i + 1));
        }
        // SAFETY: no job is open and nobody is at work, so nobody reads. The lifetime is dropped: before this function
        // ends, the job is closed and all who read it have left.
        unsafe { *common.job.get() = std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Job>(f) };
        // The turn's holder alone writes to a word without an open job.
        let closed = common.word.load(Relaxed).wrapping_add(ONE_JOB);
        common.word.store(closed | OPEN, SeqCst);
        if common.n_asleep.load(SeqCst) > 0 {
            self.others.iter().take(n_shares - 1).for_each(|other| other.thread().unpark());
        }
        common.work(0);
        common.word.fetch_and(!OPEN, AcqRel);
        let mut patience = Patience::new();
        while common.word.load(Acquire) & AT_WORK != 0 {
            if !patience.looks_on() {
                std::thread::yield_now();
            }
        }
        let panic = common.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            common.shares.iter().for_each(|share| share.set(0..0));
            drop(turn);
            resume_unwind(panic);
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.common.word.fetch_or(DISMISSED, SeqCst);
        for other in self.others.drain(..) {
            other.thread().unpark();
            other.join().expect("a computing thread catches its tasks' panics");
        }
    }
}

impl Common {
    /// Joins job after job, until the team is dismissed.
    fn serve(&self, me: usize) {
        let mut last = 0;
        while let Some(word) = self.next_job(last) {
            // Fails where another thread joined or left at this moment: look again.
            if self.word.compare_exchange(word, word + ONE_AT_WORK, Acquire, Relaxed).is_ok() {
                last = word / ONE_JOB;
                self.work(me);
                self.word.fetch_sub(ONE_AT_WORK, Release);
            }
        }
    }

    /// Waits for an open job other than `last`; `None` once the team is dismissed.
    fn next_job(&self, last: u64) -> Option<u64> {
        let is_news = |word: u64| word & DISMISSED != 0 || word & OPEN != 0 && word / ONE_JOB != last;
        let mut patience = Patience::new();
        loop {
            let word = self.word.load(Relaxed);
            if is_news(word) {
                return (word & DISMISSED == 0).then_some(word);
            }
            if !patience.looks_on() {
                // Either this thread sees the caller's word now, or the caller sees that it sleeps.
                self.n_asleep.fetch_add(1, SeqCst);
                if !is_news(self.word.load(SeqCst)) {
                    std::thread::park();
                }
                self.n_asleep.fetch_sub(1, SeqCst);
                patience = Patience::new();
            }
        }
    }

    /// Runs tasks until none is left: one's own from the front, then those of others from the back.
    fn work(&self, me: usize) {
        // SAFETY: a job is open and this thread is at work on it, or is its caller.
        let job = unsafe { &**self.job.get() };
        IS_IN_TASK.set(true);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let (before, own_and_after) = self.shares.split_at(me);
            let (own, after) = own_and_after.split_first().expect("each thread has a share");
            while let Some(task) = own.take_first() {
                job(task as usize);
            }
            for other in after.iter().chain(before) {
                while let Some(task) = other.take_last() {
                    job(task as usize);
                }
            }
        }));
        IS_IN_TASK.set(false);
        if let Err(panic) = done {
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
    }
}

/// Counts looks, and asks the clock from time to time.
struct Patience {
    n_looks: u32,
    since: Option<Instant>,
}

impl Patience {
    fn new() -> Self {
        Patience { n_looks: 0, since: None }
    }

    /// Lets a moment pass; false once it has been too long.
    fn looks_on(&mut self) -> bool {
        std::hint::spin_loop();
        self.n_looks += 1;
        if !self.n_looks.is_multiple_of(LOOKS) {
            return true;
        }
        let now = Instant::now();
        now - *self.since.get_or_insert(now) < LOOK
    }
}
