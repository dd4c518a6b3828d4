//! Answers that go on from others.

use engine::{Timings, Usage};

use super::*;
use crate::completion::End;

#[test]
fn what_goes_on_adds_its_figures_to_those_before() {
    let begun = Facts {
        completion_tokens: 40,
        reasoning_tokens: 30,
        thinking_ms: 300,
        decode_ms: 400,
        dollars: 1.0,
        ..Facts::default()
    };
    let mut live = LiveSample {
        sample: Sample { facts: begun.clone(), ..Sample::default() },
        begun,
        first_token: None,
        thinking: Section::default(),
        answer: Section::default(),
        version: 1,
        saved: true,
        rendered: false,
    };
    let end = End {
        finish_reason: Ok("stop"),
        stop: None,
        thinking_stop_reason: None,
        usage: Usage { n_prompt: 50, n_cached: 0, n_completion: 10, n_reasoning: 5 },
        timings: Timings { decode: Duration::from_millis(100), ..Timings::default() },
    };
    finish(&mut live, end, false, 2.0);
    let facts = &live.sample.facts;
    assert_eq!((facts.completion_tokens, facts.reasoning_tokens), (50, 35));
    assert_eq!((facts.decode_ms, facts.thinking_ms), (500, 350));
    assert!((facts.dollars - 1.2).abs() < 1e-9, "{}", facts.dollars);
}
