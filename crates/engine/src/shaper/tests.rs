use super::*;

fn shaper(sampling: SamplingParams) -> Option<Shaper> {
    Shaper::new(&Request { prompt: vec![0, 3], sampling, ..Request::default() })
}

#[test]
fn a_plain_request_needs_no_copy() {
    assert!(
        shaper(SamplingParams { temperature: 0.3, top_k: 5, typical_p: 0.5, ..SamplingParams::default() }).is_none()
    );
}

#[test]
fn repetition_counts_prompt_and_completion_and_shrinks_both_signs() {
    let mut shaper = shaper(SamplingParams { repetition_penalty: 2.0, ..SamplingParams::default() }).unwrap();
    shaper.observe(1, false).unwrap();
    assert_eq!(shaper.shape(&[1.0, -1.0, 1.0, 4.0], true, None).unwrap(), [0.5, -2.0, 1.0, 2.0]);
}

#[test]
fn presence_and_frequency_count_the_completion_alone() {
    let sampling = SamplingParams { presence_penalty: 0.5, frequency_penalty: 0.25, ..SamplingParams::default() };
    let mut shaper = shaper(sampling).unwrap();
    for token in [1, 1, 2] {
        shaper.observe(token, false).unwrap();
    }
    assert_eq!(shaper.shape(&[1.0; 4], true, None).unwrap(), [1.0, 0.0, 0.25, 1.0]);
}

#[test]
fn bias_adds_and_rules_out() {
    let logit_bias = vec![(0, 2.0), (2, f32::NEG_INFINITY)];
    let mut shaper = shaper(SamplingParams { logit_bias, ..SamplingParams::default() }).unwrap();
    assert_eq!(shaper.shape(&[1.0; 4], true, None).unwrap(), [3.0, 1.0, f32::NEG_INFINITY, 1.0]);
}
