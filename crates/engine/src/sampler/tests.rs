use super::*;

fn params(temperature: f32) -> SamplingParams {
    SamplingParams { temperature, ..SamplingParams::default() }
}

/// Known answers of Random123's `kat_vectors` for philox4x32 with 10 rounds.
#[test]
fn philox_gives_the_published_answers() {
    assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(philox4x32([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    assert_eq!(
        philox4x32([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

#[test]
fn greedy_takes_the_lowest_of_equals() {
    let (id, logprob) = sample(&[0.0, 2.0, 2.0, f32::NEG_INFINITY], &params(0.0), 0).unwrap();
    assert_eq!(id, 1);
    let expected = 2f32 - (1.0 + 2.0 * 2f32.exp()).ln();
    assert!((logprob - expected).abs() < 1e-6, "{logprob} {expected}");
}

#[test]
fn broken_logits_are_reported() {
    for logits in [[0.0, f32::NAN], [f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2]] {
        assert_eq!(sample(&logits, &params(1.0), 0), Err(NotFinite));
        assert_eq!(sample(&logits, &params(0.0), 0), Err(NotFinite));
    }
}

/// Frequencies follow the softmax, and the reported log-probability is that of the distribution drawn from.
#[test]
fn draws_follow_the_distribution() {
    let logits = [1.0, 0.0, -1.0, 2.0, 0.5];
    let cases = [
        (params(0.7), vec![0, 1, 2, 3, 4]),
        (SamplingParams { top_k: 2, ..params(1.3) }, vec![0, 3]),
        (SamplingParams { top_p: 0.6, ..params(1.0) }, vec![0, 3]),
        (SamplingParams { top_p: 0.0, ..params(1.5) }, vec![3]),
        (SamplingParams { min_p: 0.2, ..params(1.0) }, vec![0, 3, 4]),
        (SamplingParams { typical_p: 0.2, ..params(1.0) }, vec![0]),
        (SamplingParams { typical_p: 0.8, ..params(1.0) }, vec![0, 3, 4]),
        (SamplingParams { top_k: 4, top_p: 0.85, min_p: 0.1, ..params(1.0) }, vec![0, 3, 4]),
    ];
    for (params, support) in cases {
        let weight = |id: usize| (f64::from(logits[id]) / f64::from(params.temperature)).exp();
        let total: f64 = support.iter().map(|&id| weight(id)).sum();
        let mut counts = [0u32; 5];
        let n = 20_000;
        for i in 0..n {
            let (id, logprob) = sample(&logits, &params, i).unwrap();
            counts[id as usize] += 1;
            let expected = (weight(id as usize) / total).ln();
            assert!((f64::from(logprob) - expected).abs() < 1e-5, "{params:?}: {logprob} {expected}");
        }
        for (id, count) in counts.into_iter().enumerate() {
            let expected = if support.contains(&id) { weight(id) / total } else { 0.0 };
            let seen = f64::from(count) / n as f64;
            let sigma = (expected * (1.0 - expected) / n as f64).sqrt();
            assert!((seen - expected).abs() <= 4.5 * sigma, "{params:?}, token {id}: {seen} for {expected}");
        }
    }
}

#[test]
fn streams_of_different_seeds_differ() {
    assert_ne!(uniform(1, 0), uniform(2, 0));
    assert_eq!(uniform(9, 5), uniform(9, 5));
    assert_eq!(derive_seed(5, 0), 5);
    assert_ne!(derive_seed(5, 1), derive_seed(5, 2));
    let mean: f64 = (0..10_000).map(|i| uniform(3, i)).sum::<f64>() / 1e4;
    assert!((mean - 0.5).abs() < 0.015, "{mean}");
}

#[test]
fn logprobs_are_the_models_own() {
    let logits = [1.0, 3.0, 2.0, 3.0];
    let found = logprobs(&logits, 0, 3);
    assert_eq!(found.logprob, log_prob(&logits, 0));
    assert_eq!(found.top, [1, 3, 2].map(|id| (id, log_prob(&logits, id))));
    assert_eq!(logprobs(&logits, 2, 0).top, []);
}
