//! How fast this machine trains a recipe's own model, measured: a micro-batch of random tokens, forward, backward and
//! update, before any data is read.

use crate::recipe::{PrecisionSpec, StageRecipe};
use cost::{Machine, Run};
use model::{Config, LossSpec, Model, ModelOptions, PackedBatch};
use std::time::Instant;
use tensor::{AdamW, AdamWConfig, Device, Gradients};

/// Share of the peak that is assumed where measuring would take too long: what models of 1M to 10M parameters reach.
pub(crate) const USUAL: f64 = 0.4;

/// A step that should take longer is not measured.
const MOST_S: f64 = 6.0;

/// Rounds, of which the best counts: the others were disturbed.
const ROUNDS: usize = 2;

/// A training pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Share of the machine's peak in the stage's precision.
    pub(crate) efficiency: f64,
    /// Whether it was measured here and now.
    pub(crate) is_measured: bool,
}

/// Measures the pace of `stage`, whose model is `config`; the machine's limits are known.
pub(crate) fn measure(stage: &StageRecipe, config: &Config, machine: &Machine) -> Pace {
    let train = &stage.train;
    let run = expected(stage, config, train.micro_batch_tokens as u64, USUAL);
    let free = cost::Price { dollars_per_core_hour: 0.0, source: String::new() };
    if run.on(machine, &free).wall_s > MOST_S {
        return Pace { efficiency: USUAL, is_measured: false };
    }
    let seconds = seconds_of_a_step(stage, config);
    let peak = 1e9 * if run.bf16 { machine.bf16_gflops } else { machine.f32_gflops };
    let rows = train.micro_batch_tokens as f64;
    Pace { efficiency: run.flops_per_token() * rows / seconds / peak, is_measured: true }
}

/// What is estimated: documents are on average half as long as the longest.
pub(crate) fn expected<'a>(stage: &StageRecipe, config: &'a Config, tokens: u64, efficiency: f64) -> Run<'a> {
    Run {
        config,
        tokens,
        context: (stage.train.seq_len as u64).div_ceil(2),
        mtp: stage.train.mtp_weight > 0.0,
        bf16: stage.model.precision == PrecisionSpec::Bf16,
        efficiency,
    }
}

/// A micro-batch and its share of an update: there is one for each batch.
fn seconds_of_a_step(stage: &StageRecipe, config: &Config) -> f64 {
    let train = &stage.train;
    let options = ModelOptions {
        device: Device::cpu(),
        precision: stage.model.precision.into(),
        trainable: true,
        n_positions: train.seq_len,
    };
    let mut model = Model::new(config.clone(), &options);
    model.initialize(stage.seed);
    let batch = random_batch(train.micro_batch_tokens, train.seq_len.div_ceil(2), config.vocab_size() as u64);
    let spec = LossSpec::over(std::slice::from_ref(&batch), train.mtp_weight as f32, train.balance_alpha as f32);
    let [beta1, beta2] = train.betas.map(|b| b as f32);
    let adamw = AdamWConfig { beta1, beta2, eps: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 };
    let mut optimizer = AdamW::new(adamw, model.params());
    let mut grads = Gradients::new(model.params());
    let share = train.micro_batch_tokens as f64 / (train.batch_tokens as f64).max(train.micro_batch_tokens as f64);
    let (mut best_pass, mut best_update) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..=ROUNDS {
        grads.clear();
        let start = Instant::now();
        model.train_step(&batch, &spec, &mut grads);
        best_pass = start.elapsed().as_secs_f64().min(best_pass);
        let start = Instant::now();
        optimizer.step(model.params_mut(), &grads, 1e-9);
        best_update = start.elapsed().as_secs_f64().min(best_update);
    }
    best_pass + share * best_update
}

fn random_batch(n_rows: usize, document_len: usize, vocab: u64) -> PackedBatch {
    let mut batch = PackedBatch::default();
    let (mut left, mut state) = (n_rows, 1u64);
    while left > 0 {
        let len = left.min(document_len.max(1));
        let tokens: Vec<u32> = (0..=len)
            .map(|_| {
                // Knuth's MMIX generator: any tokens do.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % vocab) as u32
            })
            .collect();
        batch.push(&tokens, &vec![1.0; len + 1]);
        left -= len;
    }
    batch
}
