//! Stretches end, whoever runs beside or inside them.

use super::*;
use rayon::prelude::*;

/// Work that is divided, with serial parts between.
fn stretch() -> usize {
    (0..50).map(|i| (0..64usize).into_par_iter().with_max_len(1).map(|x| x % (i + 1)).sum::<usize>()).sum()
}

#[test]
fn what_is_done_inside_is_returned() {
    assert_eq!(in_pool(stretch), stretch());
    assert!(in_pool(|| rayon::current_thread_index().is_some()));
}

#[test]
fn one_inside_another_ends_with_it() {
    let inner = || in_pool(stretch);
    assert_eq!(in_pool(|| inner() + inner()), 2 * stretch());
}

#[test]
fn many_at_the_same_time_all_end() {
    let want = stretch();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(in_pool(stretch), want)));
        }
    });
}

#[test]
fn a_panic_ends_it() {
    let caught = std::panic::catch_unwind(|| in_pool(|| panic!("on purpose")));
    assert!(caught.is_err());
    assert_eq!(in_pool(stretch), stretch());
}
