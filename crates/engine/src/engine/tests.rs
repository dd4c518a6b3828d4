use super::*;
use crate::BLOCK_SIZE;
use crate::mock::{ByteTokenizer, MockModel};
use crate::request::{SamplingParams, ThinkingParams, ThinkingStopReason, TokenKind};
use crate::sampler::uniform;

fn config(max_running: usize, max_step_tokens: usize) -> EngineConfig {
    EngineConfig { max_running, max_step_tokens, max_in_flight: 100 }
}

fn hashing(n_blocks: usize, max_running: usize, max_step_tokens: usize) -> Engine {
    Engine::new(Box::new(MockModel::hashing(n_blocks)), config(max_running, max_step_tokens))
}

fn ids(completion: &Completion) -> Vec<u32> {
    completion.tokens.iter().map(|t| t.id).collect()
}

/// Requests of many lengths; some share a prefix of more than one block.
fn mixed_requests(n: usize) -> Vec<Request> {
    (0..n as u64)
        .map(|i| {
            let shared = (0..150u32).map(|t| t % 250);
            let own = (0..1 + (uniform(1, i) * 200.0) as u32).map(|t| (t * 7 + i as u32) % 250);
            let prompt = if i % 3 == 0 { shared.chain(own).collect() } else { own.collect() };
            Request {
                prompt,
                max_tokens: 1 + (uniform(2, i) * 120.0) as usize,
                stop_tokens: vec![ByteTokenizer::END],
                sampling: SamplingParams { seed: i, top_p: 0.95, ..SamplingParams::default() },
                thinking: None,
                ..Request::default()
            }
        })
        .collect()
}

/// Invariant: neither neighbours, nor pieces of prompts, nor preemption, nor the prefix cache change a token.
#[test]
fn batching_changes_no_token() {
    let requests = mixed_requests(24);
    let alone: Vec<_> = requests
        .iter()
        .map(|request| hashing(100, 1, 10_000).generate(vec![request.clone()]).unwrap().remove(0))
        .collect();
    // The last pool is so small that sequences are preempted again and again.
    for (n_blocks, max_running, max_step_tokens) in [(400, 64, 10_000), (400, 8, 37), (8, 24, 64)] {
        let mut engine = hashing(n_blocks, max_running, max_step_tokens);
        let together = engine.generate(requests.clone()).unwrap();
        for (one, other) in alone.iter().zip(&together) {
            assert_eq!(
                one.tokens, other.tokens,
                "{n_blocks} blocks, {max_running} sequences, {max_step_tokens} tokens"
            );
            assert_eq!(one.finished.reason, other.finished.reason);
        }
        assert_eq!(n_blocks == 8, engine.scheduler().n_preemptions() > 0);
        assert_eq!(engine.scheduler().n_free_blocks(), n_blocks, "blocks leaked");
        assert!(engine.is_idle());
        let again = engine.generate(requests.clone()).unwrap();
        for (one, other) in alone.iter().zip(&again) {
            assert_eq!(one.tokens, other.tokens, "a second run over a warm cache");
        }
        assert!(n_blocks == 8 || again[0].finished.usage.n_cached >= 128);
    }
}

#[test]
fn a_stop_token_ends_and_is_reported() {
    let model = MockModel::replying(10, |_| ByteTokenizer::encode("hi<end>"));
    let mut engine = Engine::new(Box::new(model), config(4, 100));
    let request = Request {
        prompt: vec![ByteTokenizer::USER, 1, ByteTokenizer::ASSISTANT],
        max_tokens: 10,
        stop_tokens: vec![ByteTokenizer::END],
        sampling: SamplingParams { temperature: 0.0, ..SamplingParams::default() },
        thinking: None,
        ..Request::default()
    };
    let completion = engine.generate(vec![request.clone()]).unwrap().remove(0);
    assert_eq!(ids(&completion), ByteTokenizer::encode("hi<end>"));
    assert_eq!(completion.tokens[2].kind, TokenKind::Stop);
    assert_eq!(completion.finished.reason, FinishReason::Stop);
    assert_eq!(completion.finished.usage.n_completion, 3);
    let cut = engine.generate(vec![Request { max_tokens: 1, ..request }]).unwrap().remove(0);
    assert_eq!((ids(&cut), cut.finished.reason), (vec![u32::from(b'h')], FinishReason::Length));
}

#[test]
fn the_context_bounds_a_completion() {
    let mut engine = hashing(2, 4, 100);
    assert_eq!(engine.context(), 2 * BLOCK_SIZE);
    let request = Request { prompt: vec![1; 100], max_tokens: 1000, ..Request::default() };
    let completion = engine.generate(vec![request.clone()]).unwrap().remove(0);
    assert_eq!(completion.tokens.len(), 28);
    assert_eq!(completion.finished.reason, FinishReason::Length);
    let too_long = Request { prompt: vec![1; 128], ..request };
    assert_eq!(engine.add(too_long), Err(RequestError::PromptTooLong { n_prompt: 128, context: 128 }));
}

#[test]
fn bad_requests_are_refused_in_words() {
    let mut engine = hashing(2, 4, 100);
    let good = Request { prompt: vec![1], max_tokens: 1, ..Request::default() };
    let message = |request: Request| hashing(2, 4, 100).add(request).unwrap_err().to_string();
    assert!(message(Request { prompt: vec![], ..good.clone() }).contains("empty"));
    assert!(message(Request { prompt: vec![261], ..good.clone() }).contains("vocabulary of 261"));
    assert!(message(Request { max_tokens: 0, ..good.clone() }).contains("at least 1"));
    for (temperature, top_p, min_p, word) in [
        (-1.0, 1.0, 0.0, "temperature"),
        (f32::NAN, 1.0, 0.0, "temperature"),
        (1.0, -0.1, 0.0, "top_p"),
        (1.0, 1.5, 0.0, "top_p"),
        (1.0, 1.0, 2.0, "min_p"),
    ] {
        let sampling = SamplingParams { temperature, top_p, min_p, ..SamplingParams::default() };
        assert!(message(Request { sampling, ..good.clone() }).contains(word));
    }
    let thinking = ThinkingParams { closing: vec![10], ..ByteTokenizer::thinking() };
    assert!(message(Request { thinking: Some(thinking), ..good.clone() }).contains("end token"));
    let likeliest = SamplingParams { top_p: 0.0, ..SamplingParams::default() };
    assert!(engine.add(Request { sampling: likeliest, ..good.clone() }).is_ok());
    assert!(engine.add(good).is_ok());
}

#[test]
fn one_poisoned_sequence_ends_alone() {
    let script = |context: &[u32], logits: &mut [f32]| {
        logits[5] = if context[0] == 13 { f32::NAN } else { 1.0 };
    };
    let mut engine = Engine::new(Box::new(MockModel::new(10, Box::new(script))), config(4, 100));
    let request = |first| Request { prompt: vec![first], max_tokens: 5, ..Request::default() };
    let completions = engine.generate(vec![request(1), request(13), request(2)]).unwrap();
    assert_eq!(completions[0].finished.reason, FinishReason::Length);
    assert!(matches!(completions[1].finished.reason, FinishReason::Error(_)));
    assert_eq!(completions[2].tokens.len(), 5);
    assert_eq!(engine.scheduler().n_free_blocks(), 10);
}

#[test]
fn a_budget_ends_the_thinking_and_the_answer_follows() {
    // Thinks for ever, and answers 42 once the block is closed.
    let script = |context: &[u32], logits: &mut [f32]| {
        let after = context.iter().rposition(|&t| t == ByteTokenizer::THINK_END).map(|at| context.len() - at);
        let next = match after {
            None => u32::from(b'a') + context.len() as u32 % 23,
            Some(n) => ByteTokenizer::encode("\n\n42<end>").get(n - 1).copied().unwrap_or(ByteTokenizer::END),
        };
        logits[next as usize] = 50.0;
    };
    let mut engine = Engine::new(Box::new(MockModel::new(10, Box::new(script))), config(4, 100));
    let request = |budget, max_tokens| Request {
        prompt: vec![ByteTokenizer::ASSISTANT, ByteTokenizer::THINK_START],
        max_tokens,
        stop_tokens: vec![ByteTokenizer::END],
        sampling: SamplingParams { temperature: 0.0, ..SamplingParams::default() },
        thinking: Some(ThinkingParams { budget, loop_guard: false, ..ByteTokenizer::thinking() }),
        ..Request::default()
    };
    let completions = engine.generate(vec![request(Some(20), 300), request(Some(500), 60), request(None, 60)]).unwrap();
    for (completion, n_thought) in completions.iter().zip([20 + 1, 60 - 16 - 4 + 1]) {
        let finished = &completion.finished;
        assert_eq!(finished.reason, FinishReason::Stop);
        assert_eq!(finished.thinking_stop_reason, Some(ThinkingStopReason::Budget));
        assert!(ids(completion).ends_with(&ByteTokenizer::encode("</think>\n\n42<end>")));
        assert_eq!(finished.usage.n_reasoning, n_thought + 1, "thinking and its tag");
        let forced: Vec<u32> = completion.tokens.iter().filter(|t| !t.chosen).map(|t| t.id).collect();
        assert_eq!(forced, ByteTokenizer::encode("\n</think>\n\n"), "and nothing else is marked as not chosen");
    }
    assert_eq!(completions[2].finished.reason, FinishReason::Length);
    assert_eq!(completions[2].finished.thinking_stop_reason, Some(ThinkingStopReason::Length));
}

#[test]
fn finishing_early_frees_the_blocks() {
    let mut engine = hashing(10, 4, 100);
    let id = engine.add(Request { prompt: vec![1; 200], max_tokens: 100, ..Request::default() }).unwrap();
    engine.step();
    assert!(engine.scheduler().n_free_blocks() < 10);
    assert!(matches!(engine.finish(id, FinishReason::Cancelled), Some(Event::Finished(_))));
    assert_eq!(engine.scheduler().n_free_blocks(), 10);
    assert!(engine.is_idle());
    assert!(engine.finish(id, FinishReason::Cancelled).is_none());
    assert!(engine.step().is_empty(), "a step without work does nothing");
}
