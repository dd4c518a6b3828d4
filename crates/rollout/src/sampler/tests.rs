use super::*;
use engine::EngineConfig;
use engine::mock::{ByteTokenizer, MockModel};

fn engine(max_running: usize) -> Engine {
    let config = EngineConfig { max_running, max_step_tokens: 64, max_in_flight: usize::MAX };
    Engine::new(Box::new(MockModel::hashing(64)), config)
}

fn questions(n: u64, samples: std::ops::Range<u64>) -> Vec<Question> {
    let prompt = |key: u64| ByteTokenizer::encode(&format!("problem {key}"));
    (0..n).map(|key| Question { key, prompt: prompt(key), samples: samples.clone(), in_thinking: false }).collect()
}

fn options() -> SamplerOptions {
    let stop_tokens = vec![ByteTokenizer::END];
    SamplerOptions { sampling: SamplingParams::default(), max_tokens: 12, stop_tokens, thinking: None }
}

/// Ids by (question's key, sample).
fn run(max_running: usize, questions: &[Question]) -> BTreeMap<(u64, u64), Vec<u32>> {
    let mut all = BTreeMap::new();
    let mut take = |sampled: Sampled| {
        let key = (questions[sampled.question_idx].key, sampled.sample_idx);
        assert!(all.insert(key, sampled.token_ids()).is_none(), "a sample came twice");
        ControlFlow::Continue(())
    };
    sample(&mut engine(max_running), questions, &options(), &mut take).unwrap();
    all
}

#[test]
fn a_sample_is_a_function_of_seed_problem_and_number() {
    let all = questions(5, 0..4);
    let together = run(16, &all);
    assert_eq!(together.len(), 20);
    assert_eq!(together, run(1, &all), "one after the other");
    let later: Vec<Question> = questions(5, 2..4).into_iter().rev().collect();
    for (key, ids) in run(3, &later) {
        assert_eq!(together[&key], ids, "what an interrupted run lacked");
    }
    let distinct: std::collections::BTreeSet<_> = together.values().collect();
    assert_eq!(distinct.len(), 20, "samples of one problem differ");
}

#[test]
fn sampling_stops_when_told_to() {
    let mut engine = engine(4);
    let mut n = 0;
    let stop = |_| {
        n += 1;
        if n == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    sample(&mut engine, &questions(4, 0..4), &options(), stop).unwrap();
    assert_eq!(n, 3);
    assert!(engine.is_idle(), "nothing is left behind");
}

#[test]
fn a_question_that_cannot_run_is_refused_before_the_first_sample() {
    let mut bad = questions(3, 0..1);
    bad[2].prompt.clear();
    let refused = sample(&mut engine(4), &bad, &options(), |_| panic!("nothing was to be sampled"));
    assert_eq!(refused, Err(RequestError::EmptyPrompt));
}
