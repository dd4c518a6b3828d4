//! Random initial weights: each value is a function of (seed, parameter name, index), whatever the threads and order.

/// SplitMix64 (Steele, Lea, Flood 2014): a counter in, 64 well-mixed bits out.
pub(crate) fn split_mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a of the name, mixed with the seed.
fn stream(seed: u64, name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    split_mix(hash ^ split_mix(seed))
}

/// Fills `values` with normal deviates of standard deviation `std` (Box and Muller 1958).
pub(crate) fn normal(seed: u64, name: &str, std: f64, values: &mut [f32]) {
    let base = stream(seed, name);
    for (i, pair) in values.chunks_mut(2).enumerate() {
        let unit = |half: u64| (split_mix(base.wrapping_add(2 * i as u64 + half)) >> 11) as f64 / (1u64 << 53) as f64;
        let (radius, angle) = ((-2.0 * (1.0 - unit(0)).ln()).sqrt(), std::f64::consts::TAU * unit(1));
        pair[0] = (std * radius * angle.cos()) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second = (std * radius * angle.sin()) as f32;
        }
    }
}
