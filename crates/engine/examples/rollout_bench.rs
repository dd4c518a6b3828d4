//! One step of reinforcement learning without its verification, phase by phase beside this machine's limits: rollouts
//! (groups of eight answers to a prompt of 96 tokens, at temperature 1) and the update's forward and backward over them.
//!
//! `cargo run --release -p engine --example rollout_bench -- CONFIG.json N LEN [lora|full|none]` with a configuration such
//! as those in `bench/shapes`, N answers of LEN tokens; bf16 and random weights. Run it on a quiet machine.

use engine::exact::ExactModel;
use engine::{BLOCK_SIZE, Completion, Engine, EngineConfig, LanguageModel, Request, SamplingParams, SeqStep};
use kernels::attention::Shared;
use kernels::distribution::Filter;
use kernels::gemm::Compute;
use kernels::isa::Isa;
use kernels::peak;
use model::adapter::{AdapterConfig, Targets};
use model::count::{FlopModel, MlaForm, causal_pairs};
use model::{Config, Model, ModelOptions, PackedBatch, PolicySpec};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tensor::ops::TokenGrads;
use tensor::{AdamW, AdamWConfig, Device, Gradients, Precision};

#[global_allocator]
static ALLOCATOR: sys::huge_pages::Allocator = sys::huge_pages::Allocator;

const PROMPT: usize = 96;
const GROUP: usize = 8;
/// Answers that go through the model at once in the update: those to one prompt, which share its rows.
const MICRO_BATCH: usize = GROUP;
/// Most new tokens in a step, prompts included.
const MAX_STEP_TOKENS: usize = 1024;

/// Notes the time spent inside the model.
struct Timed(ExactModel, Arc<Mutex<Duration>>);

impl LanguageModel for Timed {
    fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }
    fn max_positions(&self) -> usize {
        self.0.max_positions()
    }
    fn n_blocks(&self) -> usize {
        self.0.n_blocks()
    }
    fn forward(&mut self, steps: &[SeqStep]) -> Vec<f32> {
        let start = Instant::now();
        let logits = self.0.forward(steps);
        *self.1.lock().expect("one thread") += start.elapsed();
        logits
    }
}

struct Bench {
    model: Arc<Model>,
    flops: FlopModel,
    peak: f64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, n, len, rest @ ..] = args.as_slice() else {
        eprintln!("usage: rollout_bench CONFIG.json N LEN [lora|full|none]");
        std::process::exit(2);
    };
    let (n, len): (usize, usize) = (n.parse().expect("a number"), len.parse().expect("a number"));
    let update = rest.first().map_or("full", String::as_str);
    let config = Config::from_file(&PathBuf::from(path)).expect("a configuration");
    let n_positions = (PROMPT + len).next_multiple_of(BLOCK_SIZE);
    let options =
        ModelOptions { device: Device::cpu(), precision: Precision::Bf16, trainable: update != "none", n_positions };
    let adapter = AdapterConfig { rank: 16, alpha: 32.0, use_rslora: false, targets: Targets::AllLinear };
    let flops = FlopModel::new(&config, MlaForm::Expanded);
    let mut model = match update {
        "lora" => Model::with_adapter(config, &options, adapter),
        _ => Model::new(config, &options),
    };
    model.initialize(1);
    let start = Instant::now();
    model.pack_for_decoding();
    let packing = start.elapsed().as_secs_f64();
    let peak = peak::measure(Isa::active(), Compute::Bf16, kernels::pool::n_threads());
    println!("{:?}, {:.0} GFLOP/s at most in bf16; weights packed in {packing:.2} s", Isa::active(), peak / 1e9);
    let mut bench = Bench { model: Arc::new(model), flops, peak };
    let requests = requests(bench.model.config().vocab_size(), n, len);
    let completions = bench.rollouts(&requests, len);
    if update != "none" {
        Arc::get_mut(&mut bench.model).expect("the engine is gone").params_mut().unpack_trained();
        bench.update(&requests, &completions);
    }
    println!("{:.2} GB of memory at most", sys::memory::peak_rss_bytes().unwrap_or(0) as f64 / 1e9);
}

fn requests(vocab: usize, n: usize, len: usize) -> Vec<Request> {
    let prompt = |group: usize| (0..PROMPT).map(|i| ((i * 31 + group * 17) % vocab) as u32).collect();
    let sampling = |seed| SamplingParams { seed, ..SamplingParams::default() };
    let of = |i: usize| Request {
        prompt: prompt(i / GROUP),
        max_tokens: len,
        sampling: sampling(i as u64),
        ..Request::default()
    };
    (0..n).map(of).collect()
}

impl Bench {
    fn rollouts(&self, requests: &[Request], len: usize) -> Vec<Completion> {
        let n = requests.len();
        let n_blocks = n * (PROMPT + len).div_ceil(BLOCK_SIZE);
        let inside = Arc::new(Mutex::new(Duration::ZERO));
        let timed = Timed(ExactModel::new(Arc::clone(&self.model), n_blocks), Arc::clone(&inside));
        let config = EngineConfig { max_running: n, max_step_tokens: MAX_STEP_TOKENS.max(n), max_in_flight: n };
        let mut engine = Engine::new(Box::new(timed), config);
        let start = Instant::now();
        let completions = engine.generate(requests.to_vec()).expect("valid requests");
        let (all, inside) = (start.elapsed().as_secs_f64(), inside.lock().expect("one thread").as_secs_f64());
        let n_cached: usize = completions.iter().map(|c| c.finished.usage.n_cached).sum();
        let n_drawn: usize = completions.iter().map(|c| c.tokens.len()).sum();
        let rows = (n * PROMPT - n_cached + n_drawn) as u64;
        let pairs = n as u64 * causal_pairs(0, (PROMPT + len) as u64);
        self.report("rollouts", all, self.flops.forward(rows, n_drawn as u64, pairs));
        println!("  {:.0} tokens/s", n_drawn as f64 / all);
        println!("  {inside:.2} s in the model, {:.2} s in drawing and scheduling", all - inside);
        println!("  {n_cached} of {} prompt tokens were shared", n * PROMPT);
        completions
    }

    fn update(&mut self, requests: &[Request], completions: &[Completion]) {
        let adamw = AdamWConfig { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 };
        let mut optimizer = AdamW::new(adamw, self.model.params());
        let mut grads = Gradients::new(self.model.params());
        let spec = PolicySpec { filter: Filter::NONE, balance_alpha: 0.0 };
        let (mut flops, mut n_unlike) = (0.0, 0);
        let start = Instant::now();
        for (requests, completions) in requests.chunks(MICRO_BATCH).zip(completions.chunks(MICRO_BATCH)) {
            let batch = pack(requests, completions);
            let step = self.model.policy_step(&batch, &spec, &mut grads, &mut |_, tokens| TokenGrads {
                dlogp: vec![-1e-4; tokens.logp.len()],
                dentropy: Vec::new(),
            });
            let recorded = completions.iter().flat_map(|c| c.tokens.iter().map(|t| t.logprob));
            n_unlike += recorded.zip(&step.tokens.logp).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            let pairs = batch.segments.iter().map(|s| causal_pairs(s.shared.len as u64, s.len as u64)).sum();
            flops += 3.0 * self.flops.forward(batch.len() as u64, step.tokens.logp.len() as u64, pairs);
        }
        // An adapter's backward needs no gradient of the weights: a third of what is counted here.
        let is_adapter = self.model.adapter_config().is_some();
        let flops = if is_adapter { flops * 2.0 / 3.0 } else { flops };
        self.report("forward and backward", start.elapsed().as_secs_f64(), flops);
        println!("  {n_unlike} log-probabilities differ from those recorded while sampling");
        let start = Instant::now();
        let model = Arc::get_mut(&mut self.model).expect("the engine is gone");
        optimizer.step(model.params_mut(), &grads, 1e-6);
        println!("optimizer: {:.2} s", start.elapsed().as_secs_f64());
    }

    fn report(&self, what: &str, seconds: f64, flops: f64) {
        let share = 100.0 * flops / seconds / self.peak;
        println!("{what}: {seconds:.2} s, {:.2} TFLOP, {share:.0}% of the machine's limit", flops / 1e12);
    }
}

fn pack(requests: &[Request], completions: &[Completion]) -> PackedBatch {
    let (mut batch, mut shared) = (PackedBatch::default(), Shared::default());
    for (request, completion) in requests.iter().zip(completions) {
        let mut tokens = request.prompt.clone();
        tokens.extend(completion.tokens.iter().map(|t| t.id));
        let weights: Vec<f32> = (0..tokens.len()).map(|i| f32::from(u8::from(i >= request.prompt.len()))).collect();
        batch.push_after(shared, &tokens, &weights);
        shared = Shared { start: 0, len: request.prompt.len() - 1 };
    }
    batch
}
