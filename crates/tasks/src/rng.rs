//! A small random generator whose numbers never change: same seed, same problems, on every machine and for ever.
//!
//! SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"). Written here because the
//! crates of the field reserve the right to change their streams between versions, and a test set must not move.

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A deterministic stream of 64-bit numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

/// SplitMix64's finaliser: a bijection of 64-bit words in which every input bit moves every output bit.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream of one seed.
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed.wrapping_add(GOLDEN_GAMMA)) }
    }

    /// The stream that belongs to an ordered list of numbers, such as (seed, sample index): random access without
    /// drawing what comes before.
    pub fn stream(parts: &[u64]) -> Self {
        let mut state = GOLDEN_GAMMA;
        for &part in parts {
            state = mix(state ^ mix(part.wrapping_add(GOLDEN_GAMMA))).wrapping_add(GOLDEN_GAMMA);
        }
        Self { state }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }

    /// A number in `0..n`. The bias of at most n / 2^64 does not matter here.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "below(0): there is no number under 0");
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A number in `low..=high`.
    ///
    /// # Panics
    /// When `low > high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "between({low}, {high}): the range is empty");
        low + self.below(high - low + 1)
    }

    /// A number in `[0, 1)` with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One item, all equally likely.
    ///
    /// # Panics
    /// When `items` is empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// An index, likely in proportion to its weight.
    ///
    /// # Panics
    /// When the weights sum to 0.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut rest = self.below(weights.iter().map(|&w| u64::from(w)).sum());
        for (idx, &weight) in weights.iter().enumerate() {
            match rest.checked_sub(u64::from(weight)) {
                Some(left) => rest = left,
                None => return idx,
            }
        }
        unreachable!("the rest is below the sum of the weights")
    }

    /// A number of exactly `n_digits` decimal digits; 0 counts as a one-digit number.
    pub fn number(&mut self, n_digits: u32) -> u64 {
        let low = if n_digits <= 1 { 0 } else { 10u64.pow(n_digits - 1) };
        self.between(low, 10u64.pow(n_digits.max(1)) - 1)
    }
}

#[cfg(test)]
mod tests;
