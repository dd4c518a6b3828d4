//! One forward: the log-probabilities that the engine records while sampling (continuous batching, prompts in pieces,
//! shared prefixes, preemption) are those of the update's packed forward, bit for bit.

use engine::exact::ExactModel;
use engine::{Completion, Engine, EngineConfig, Request, SamplingParams};
use kernels::attention::Shared;
use kernels::distribution::Filter;
use model::adapter::{AdapterConfig, Targets};
use model::{Config, Model, ModelOptions, PackedBatch, PolicySpec};
use std::path::PathBuf;
use std::sync::Arc;
use tensor::ops::TokenGrads;
use tensor::{Device, Gradients, Precision, Role};

/// A random model of a golden file's shape; weights are large enough for a distribution that is not flat (times a power of
/// two, with or without f32 masters the same).
fn build((name, with_adapter): (&str, bool), precision: Precision, trainable: bool) -> Model {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    let config = Config::from_file(&dir.join("config.json")).expect("a configuration");
    let options = ModelOptions { device: Device::cpu(), precision, trainable, n_positions: 256 };
    let mut model = match with_adapter {
        false => Model::new(config, &options),
        true => {
            let targets = Targets::AllLinear;
            Model::with_adapter(config, &options, AdapterConfig { rank: 4, alpha: 10.0, use_rslora: true, targets })
        }
    };
    model.initialize(3);
    for id in model.params().ids().collect::<Vec<_>>() {
        if model.params().name(id).ends_with("lora_B.weight") {
            // Values that bf16 holds, so that a model with masters and one without have the same.
            model
                .params_mut()
                .write(id, |w| w.iter_mut().enumerate().for_each(|(i, w)| *w = ((i % 13) as f32 - 6.0) / 64.0));
        }
        if matches!(model.params().role(id), Role::Matrix | Role::MatrixF32) {
            model.params_mut().write(id, |w| w.iter_mut().for_each(|w| *w *= 8.0));
        }
    }
    model
}

fn sampling(seed: u64) -> SamplingParams {
    SamplingParams { temperature: 0.7, top_p: 0.9, seed, ..SamplingParams::default() }
}

/// Two groups of four answers, each group to a prompt that fills a block and more.
fn requests(vocab: usize) -> Vec<Request> {
    let prompt = |group: usize| (0..70 + 9 * group).map(|i| ((i * 7 + group * 13 + 1) % vocab) as u32).collect();
    let request = |i: usize| Request {
        prompt: prompt(i / 4),
        max_tokens: 5 + 11 * (i % 4),
        stop_tokens: vec![0],
        sampling: sampling(i as u64),
        ..Request::default()
    };
    (0..8).map(request).collect()
}

fn sample(model: Model, n_blocks: usize) -> Vec<Completion> {
    let requests = requests(model.config().vocab_size());
    let config = EngineConfig { max_running: 5, max_step_tokens: 40, max_in_flight: 64 };
    let mut engine = Engine::new(Box::new(ExactModel::new(Arc::new(model), n_blocks)), config);
    engine.generate(requests).expect("valid requests")
}

/// Prompts and answers as documents, of which the answers count.
fn pack(requests: &[Request], completions: &[Completion]) -> PackedBatch {
    let mut batch = PackedBatch::default();
    for (request, completion) in requests.iter().zip(completions) {
        let mut tokens = request.prompt.clone();
        tokens.extend(completion.tokens.iter().map(|t| t.id));
        let weights: Vec<f32> = (0..tokens.len()).map(|i| f32::from(u8::from(i >= request.prompt.len()))).collect();
        batch.push(&tokens, &weights);
    }
    batch
}

/// An answer and its beginning, to one prompt whose rows they share or have each to themselves.
fn two_that_share(request: &Request, completion: &Completion, do_share: bool) -> PackedBatch {
    let prompt = &request.prompt;
    let answer: Vec<u32> = completion.tokens.iter().map(|t| t.id).collect();
    let mut batch = PackedBatch::default();
    for answer in [&answer[..], &answer[..answer.len().div_ceil(2)]] {
        let tokens = [prompt, answer].concat();
        let weights: Vec<f32> = (0..tokens.len()).map(|i| f32::from(u8::from(i >= prompt.len()))).collect();
        let is_first = batch.is_empty();
        let shared = Shared { start: 0, len: if do_share && !is_first { prompt.len() - 1 } else { 0 } };
        batch.push_after(shared, &tokens, &weights);
    }
    batch
}

#[test]
fn sampled_log_probabilities_are_the_updates_own_bits() {
    let plain = ["deepseek_v3_groups_yarn", "deepseek_v3_plain_tied", "qwen2", "qwen3", "llama"].map(|n| (n, false));
    for name in plain.into_iter().chain([("deepseek_v3_groups_yarn", true), ("qwen2", true)]) {
        for precision in [Precision::F32, Precision::Bf16] {
            let mut decoder = build(name, precision, false);
            decoder.pack_for_decoding();
            let requests = requests(decoder.config().vocab_size());
            // Room for three sequences and a bit: some are preempted and computed again.
            let completions = sample(decoder, 8);
            let learner = build(name, precision, true);
            let filter = sampling(0).filter().expect("a temperature");
            let recorded: Vec<f32> = completions.iter().flat_map(|c| c.tokens.iter().map(|t| t.logprob)).collect();
            assert!(recorded.iter().any(|lp| *lp < -0.5), "{name:?}: the distribution is not a point");
            let batch = pack(&requests, &completions);
            let mut grads = Gradients::new(learner.params());
            let spec = PolicySpec { filter, balance_alpha: 0.0 };
            let step = learner.policy_step(&batch, &spec, &mut grads, &mut |_, tokens| TokenGrads {
                dlogp: vec![-1.0; tokens.logp.len()],
                dentropy: Vec::new(),
            });
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&step.tokens.logp), bits(&recorded), "{name:?} {precision:?}");
            // Alone and without a backward, each document says the same.
            let alone: Vec<f32> = (0..requests.len())
                .flat_map(|i| learner.token_logprobs(&pack(&requests[i..=i], &completions[i..=i]), &filter).logp)
                .collect();
            assert_eq!(bits(&alone), bits(&recorded), "{name:?} {precision:?}, document by document");
            // So it does after a prompt whose rows it shares with others; the gradient is that of separate documents.
            let (batch, apart) = (
                two_that_share(&requests[0], &completions[0], true),
                two_that_share(&requests[0], &completions[0], false),
            );
            let gradient = |batch: &PackedBatch| {
                let mut grads = Gradients::new(learner.params());
                let step = learner.policy_step(batch, &spec, &mut grads, &mut |document, tokens| TokenGrads {
                    dlogp: vec![[-1.0, 0.5][document]; tokens.logp.len()],
                    dentropy: Vec::new(),
                });
                let all: Vec<f32> =
                    learner.params().ids().flat_map(|id| grads.get(id).slice::<f32>().to_vec()).collect();
                (bits(&step.tokens.logp), all)
            };
            let ((logp, shared), (logp_apart, apart)) = (gradient(&batch), gradient(&apart));
            assert_eq!(logp, logp_apart, "{name:?} {precision:?}, shared");
            let norm = |x: &mut dyn Iterator<Item = f32>| x.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let off = norm(&mut shared.iter().zip(&apart).map(|(a, b)| a - b)) / norm(&mut apart.iter().copied());
            let tolerance = if precision == Precision::Bf16 { 0.02 } else { 1e-5 };
            assert!(off < tolerance, "{name:?} {precision:?}: gradients of shared rows are {off} away");
            assert!(grads.norm() > 1e-3 && grads.norm().is_finite());
        }
    }
}

#[test]
fn another_temperature_is_noticed() {
    let requests = requests(build(("qwen2", false), Precision::F32, false).config().vocab_size());
    let completions = sample(build(("qwen2", false), Precision::F32, false), 64);
    let batch = pack(&requests, &completions);
    let learner = build(("qwen2", false), Precision::F32, true);
    let recorded: Vec<f32> = completions.iter().flat_map(|c| c.tokens.iter().map(|t| t.logprob)).collect();
    let filter = Filter { temperature: 0.71, top_p: 0.9, ..Filter::NONE };
    assert_ne!(learner.token_logprobs(&batch, &filter).logp, recorded);
}
