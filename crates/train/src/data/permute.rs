//! A random order with random access: a bijection of `0..n` from a seed, in constant memory.
//!
//! A Feistel network of four rounds on the smallest even number of bits that holds `n`; results outside `0..n` are put
//! through again (cycle walking, Black and Rogaway 2002), at most four times on average.

/// Where `index` stands in the order of `seed`.
///
/// # Panics
/// When `index` is not in `0..n`.
pub(super) fn permute(seed: u64, n: u64, index: u64) -> u64 {
    assert!(index < n, "{index} of {n}");
    let half_bits = (u64::BITS - (n - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u64 << half_bits) - 1;
    let mut at = index;
    loop {
        let (mut left, mut right) = (at >> half_bits, at & mask);
        for round in 0..4 {
            let mixed = tasks::Rng::stream(&[seed, round, right]).next_u64() & mask;
            (left, right) = (right, left ^ mixed);
        }
        at = (left << half_bits) | right;
        if at < n {
            return at;
        }
    }
}
