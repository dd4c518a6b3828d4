//! Every task is run once, whoever calls, beside or inside others.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A job whose tasks each count themselves: how often each was run.
fn counts(n: usize) -> Vec<usize> {
    let counts: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
    for_each(n, |i| {
        counts[i].fetch_add(1, Relaxed);
    });
    counts.into_iter().map(AtomicUsize::into_inner).collect()
}

#[test]
fn each_task_is_run_once() {
    for n_threads in [1, 2, 3, 8] {
        with_threads(n_threads, || {
            assert_eq!(super::n_threads(), n_threads);
            for n in [0, 1, 2, 3, 7, 64, 1000] {
                assert_eq!(counts(n), vec![1; n], "{n} tasks on {n_threads} threads");
            }
        });
    }
}

#[test]
fn many_jobs_follow_each_other() {
    with_threads(3, || {
        for round in 0..20_000 {
            let n = round % 13;
            assert_eq!(counts(n), vec![1; n]);
        }
    });
}

#[test]
fn threads_that_fell_asleep_come_back() {
    with_threads(2, || {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(2));
            // Two tasks that wait for each other end only on two threads.
            let n_here = AtomicUsize::new(0);
            for_each(2, |_| {
                n_here.fetch_add(1, Relaxed);
                while n_here.load(Relaxed) < 2 {
                    std::thread::yield_now();
                }
            });
        }
    });
}

#[test]
fn a_slow_task_does_not_keep_the_others_waiting() {
    with_threads(2, || {
        let n_done = AtomicUsize::new(0);
        // The first task ends only when all others are done, of which half are of its own thread's share.
        for_each(100, |i| {
            while i == 0 && n_done.load(Relaxed) < 99 {
                std::thread::yield_now();
            }
            n_done.fetch_add(1, Relaxed);
        });
    });
}

#[test]
fn a_job_inside_a_task_ends_with_it() {
    with_threads(2, || {
        let total = AtomicUsize::new(0);
        for_each(8, |_| {
            total.fetch_add(counts(10).iter().sum(), Relaxed);
        });
        assert_eq!(total.into_inner(), 80);
    });
}

#[test]
fn callers_take_turns() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| assert_eq!(counts(20), [1; 20])));
        }
    });
}

#[test]
fn items_are_changed_each_by_its_call() {
    let mut items: Vec<usize> = (0..1000).collect();
    with_threads(2, || for_each_mut(&mut items, |i, item| *item += i));
    assert!(items.iter().enumerate().all(|(i, item)| *item == 2 * i));
}

#[test]
fn a_panic_reaches_the_caller_and_the_next_job_runs() {
    with_threads(2, || {
        for bad in [0, 50, 99] {
            let job = || for_each(100, |i| assert!(i != bad, "task {i}, on purpose"));
            let panic = std::panic::catch_unwind(job).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().unwrap(), &format!("task {bad}, on purpose"));
            assert_eq!(counts(100), [1; 100]);
        }
    });
    with_threads(3, || {
        // Whoever joins panics at once: most tasks are left, and must not be run by the next job.
        assert!(std::panic::catch_unwind(|| for_each(100, |_| panic!("on purpose"))).is_err());
        assert_eq!(counts(2), [1; 2]);
    });
}
