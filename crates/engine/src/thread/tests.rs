use std::time::Duration;

use super::*;
use crate::mock::{ByteTokenizer, MockModel};
use crate::request::{Finished, SamplingParams, ThinkingStopReason, Token};

fn spawn(model: MockModel, max_in_flight: usize) -> EngineHandle {
    let config = EngineConfig { max_in_flight, ..EngineConfig::default() };
    EngineHandle::spawn(Box::new(model), config).expect("a thread")
}

fn request(first: u32, max_tokens: usize) -> Request {
    let sampling = SamplingParams { seed: u64::from(first), ..SamplingParams::default() };
    Request { prompt: vec![first; 100], max_tokens, sampling, ..Request::default() }
}

fn collect(mut generation: Generation) -> (Vec<Token>, Option<Finished>) {
    let mut tokens = Vec::new();
    while let Some(event) = generation.blocking_next() {
        match event {
            Event::Logprobs(_) => {}
            Event::Token(token) => tokens.push(token),
            Event::Finished(finished) => return (tokens, Some(finished)),
        }
    }
    (tokens, None)
}

/// Waits, for at most five seconds, until the engine is idle with all of its blocks.
fn wait_until_idle(handle: &EngineHandle) {
    for _ in 0..5000 {
        let stats = handle.stats();
        if stats.in_flight.load(Relaxed) == 0 && stats.free_blocks.load(Relaxed) == handle.n_blocks() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("blocks or requests are still held: {:?}", handle.stats());
}

#[test]
fn requests_from_many_threads_get_their_own_tokens() {
    let handle = spawn(MockModel::hashing(200), 100);
    let mut alone = Engine::new(Box::new(MockModel::hashing(200)), EngineConfig::default());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|i| {
                (
                    i,
                    scope.spawn({
                        let h = &handle;
                        move || collect(h.submit(request(i, 50)).unwrap())
                    }),
                )
            })
            .collect();
        for (i, thread) in threads {
            let (tokens, finished) = thread.join().expect("no panic");
            assert_eq!(tokens, alone.generate(vec![request(i, 50)]).unwrap()[0].tokens);
            assert_eq!(finished.expect("an end").reason, FinishReason::Length);
        }
    });
    wait_until_idle(&handle);
    assert_eq!(handle.stats().generated_tokens.load(Relaxed), 16 * 50);
}

#[test]
fn a_dropped_receiver_cancels_and_frees_the_blocks() {
    let mut model = MockModel::hashing(100);
    model.step_time = Duration::from_millis(1);
    let handle = spawn(model, 10);
    let mut kept = handle.submit(request(1, 30)).unwrap();
    let mut dropped = handle.submit(request(2, 6000)).unwrap();
    assert!(dropped.blocking_next().is_some());
    drop(dropped);
    assert!(kept.blocking_next().is_some());
    assert_eq!(collect(kept).0.len(), 29);
    wait_until_idle(&handle);
    assert_eq!(handle.stats().n_cancelled.load(Relaxed), 1);
}

#[test]
fn cancelling_still_delivers_the_end() {
    let mut model = MockModel::hashing(100);
    model.step_time = Duration::from_millis(1);
    let handle = spawn(model, 10);
    let mut generation = handle.submit(request(2, 6000)).unwrap();
    generation.blocking_next();
    generation.control().cancel();
    let (_, finished) = collect(generation);
    assert_eq!(finished.expect("an end").reason, FinishReason::Cancelled);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let mut model = MockModel::hashing(100);
    model.step_time = Duration::from_millis(2);
    let handle = spawn(model, 2);
    let first = handle.submit(request(1, 1000)).unwrap();
    let _second = handle.submit(request(2, 1000)).unwrap();
    let refusal = handle.submit(request(3, 1000)).unwrap_err();
    assert_eq!(refusal, SubmitError::Busy { in_flight: 2, limit: 2 });
    drop(first);
    let accepted = (0..2000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        handle.submit(request(3, 1)).ok()
    });
    assert_eq!(collect(accepted.expect("room after a cancellation")).0.len(), 1);
}

#[test]
fn a_panic_in_the_model_ends_its_batch_alone() {
    let script = |context: &[u32], logits: &mut [f32]| {
        assert_ne!(context[0], 13, "a poisoned prompt");
        logits[1] = 1.0;
    };
    let handle = spawn(MockModel::new(50, Box::new(script)), 10);
    let (_, finished) = collect(handle.submit(request(13, 5)).unwrap());
    assert!(matches!(finished.expect("an end").reason, FinishReason::Error(_)));
    assert_eq!(collect(handle.submit(request(1, 5)).unwrap()).0.len(), 5);
    wait_until_idle(&handle);
}

#[test]
fn the_user_can_ask_for_the_answer() {
    let model = {
        let script = |context: &[u32], logits: &mut [f32]| {
            let closed = context.contains(&ByteTokenizer::THINK_END);
            logits[if closed { ByteTokenizer::END } else { context.len() as u32 % 200 } as usize] = 50.0;
        };
        let mut model = MockModel::new(100, Box::new(script));
        model.step_time = Duration::from_millis(1);
        model
    };
    let handle = spawn(model, 10);
    let thinking = Some(ByteTokenizer::thinking());
    let stop_tokens = vec![ByteTokenizer::END];
    let mut generation = handle.submit(Request { thinking, stop_tokens, ..request(1, 5000) }).unwrap();
    generation.blocking_next();
    generation.control().end_thinking();
    let (_, finished) = collect(generation);
    let finished = finished.expect("an end");
    assert_eq!(finished.reason, FinishReason::Stop);
    assert_eq!(finished.thinking_stop_reason, Some(ThinkingStopReason::User));
}

#[test]
fn events_can_be_awaited() {
    let handle = spawn(MockModel::hashing(10), 10);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let n = runtime.block_on(async {
        let mut generation = handle.submit(request(1, 5)).unwrap();
        let mut n = 0;
        while generation.next().await.is_some() {
            n += 1;
        }
        n
    });
    assert_eq!(n, 6, "five tokens and the end");
}

#[test]
fn a_reader_is_not_woken_for_every_token() {
    let mut model = MockModel::hashing(100);
    model.step_time = Duration::from_millis(1);
    let handle = spawn(model, 10);
    let mut generation = handle.submit(request(1, 200)).unwrap();
    let mut deliveries = Vec::new();
    while let Some(events) = generation.events.blocking_recv() {
        deliveries.push(events.len());
    }
    assert_eq!(deliveries[..N_AT_ONCE], [1; N_AT_ONCE], "the first come at once");
    assert_eq!(deliveries.iter().sum::<usize>(), 201, "all tokens and the end");
    assert!(deliveries.len() < 120, "a delivery for nearly every token");
}
