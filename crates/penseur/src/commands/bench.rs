//! `penseur bench`: how fast a model runs and trains here, each beside what the machine could do at most.

use std::sync::Arc;
use std::time::Instant;

use cost::Machine;
use engine::exact::ExactModel;
use engine::{BLOCK_SIZE, LanguageModel, SeqStep};
use model::count::{FlopModel, MlaForm, causal_pairs, count_params};
use model::memory::plan_training;
use model::source::Source;
use model::{Config, LossSpec, ModelOptions, PackedBatch};
use serde::Serialize;
use tensor::{AdamW, AdamWConfig, Device, Gradients, Precision};

use crate::cli::{BenchArgs, PrecisionArg};
use crate::loaded;
use crate::output::{self, gb};
use crate::usage;

/// Tokens of the prompt, and of each document in training.
const PROMPT_LEN: usize = 256;
/// Tokens of a training step.
const TRAIN_ROWS: usize = 4096;
/// Tokens that each sequence decodes.
const N_DECODE: usize = 48;
/// Sequences decoded together.
const BATCHES: [usize; 2] = [1, 16];
/// The best of so many rounds counts: the others were disturbed.
const ROUNDS: usize = 3;

/// Everything measured.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    model: String,
    precision: &'static str,
    prefill: Compute,
    decode: Vec<Decode>,
    /// `None` where a training step does not fit into the free memory.
    train: Option<Compute>,
}

/// Work that arithmetic bounds.
#[derive(Serialize)]
struct Compute {
    tok_s: f64,
    gflops: f64,
    share_of_peak: f64,
}

/// Work that reading the weights bounds, until there are many sequences.
#[derive(Serialize)]
struct Decode {
    sequences: usize,
    tok_s: f64,
    /// Bytes of weights read, in 1e9 a second. Weights that stay in the caches may beat the memory.
    gb_s: f64,
    share_of_bandwidth: f64,
}

pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    if args.model.options.adapter.is_some() {
        return Err(usage::error("bench measures a model without an adapter: leave out --adapter"));
    }
    let source = loaded::find(&args.model.model)?;
    let config = source.config()?;
    let precision = match args.model.options.precision {
        Some(PrecisionArg::F32) => Precision::F32,
        Some(PrecisionArg::Bf16) => Precision::Bf16,
        None => loaded::stored_precision(&config),
    };
    let machine = Machine::measure();
    let bench = Bench { source: &source, config, precision, machine };
    let report = bench.measure()?;
    if args.save {
        save(&report.machine)?;
    }
    match args.json {
        true => output::print_json(&serde_json::to_value(&report)?)?,
        false => output::print_line(text(&report))?,
    }
    Ok(())
}

/// This machine joins the user's catalogue of chips, for `penseur plan --on this`.
fn save(machine: &Machine) -> anyhow::Result<()> {
    let path = cost::catalogue::own_path()
        .ok_or_else(|| anyhow::anyhow!("--save: neither XDG_CONFIG_HOME nor HOME is set"))?;
    cost::Chip::of_machine(machine, cost::Price::default().dollars_per_core_hour).save(&path)?;
    eprintln!("saved as this-machine in {}", path.display());
    Ok(())
}

struct Bench<'a> {
    source: &'a Source,
    config: Config,
    precision: Precision,
    machine: Machine,
}

impl Bench<'_> {
    fn measure(self) -> anyhow::Result<Report> {
        let prompt_len = PROMPT_LEN.min(self.config.max_position_embeddings() / 2);
        let n_positions = prompt_len + N_DECODE.min(prompt_len);
        let n_blocks = n_positions.div_ceil(BLOCK_SIZE);
        let n_most = BATCHES[BATCHES.len() - 1];
        let options = ModelOptions { device: Device::cpu(), precision: self.precision, trainable: false, n_positions };
        let mut model = self.source.load(&options)?;
        model.pack_for_decoding();
        let mut exact = ExactModel::new(Arc::new(model), n_blocks * n_most);
        let tables: Vec<Vec<u32>> =
            (0..n_most).map(|s| (0..n_blocks).map(|b| (s * n_blocks + b) as u32).collect()).collect();
        let prompts: Vec<Vec<u32>> = (0..n_most).map(|s| self.tokens(prompt_len, s)).collect();

        let prefill = self.prefill(&mut exact, &prompts, &tables);
        let n_decode = n_positions - prompt_len;
        let decode = BATCHES.iter().map(|&n| self.decode(&mut exact, &tables[..n], prompt_len, n_decode)).collect();
        drop(exact);
        let train = self.train(prompt_len)?;
        let precision = match self.precision {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        };
        Ok(Report { model: self.source.name(), machine: self.machine, precision, prefill, decode, train })
    }

    /// Tokens without meaning, the same in every run.
    fn tokens(&self, n: usize, stream: usize) -> Vec<u32> {
        let vocab_size = self.config.vocab_size() as u64;
        (0..n as u64).map(|i| ((i + 1) * (7919 + stream as u64) % vocab_size) as u32).collect()
    }

    fn prefill(&self, exact: &mut ExactModel, prompts: &[Vec<u32>], tables: &[Vec<u32>]) -> Compute {
        let flops = FlopModel::new(&self.config, MlaForm::Expanded);
        let n = prompts[0].len() as u64;
        let steps: Vec<SeqStep> =
            prompts.iter().zip(tables).map(|(tokens, blocks)| SeqStep { tokens, n_cached: 0, blocks }).collect();
        let best = (0..ROUNDS).map(|_| seconds(|| drop(exact.forward(&steps[..1])))).fold(f64::INFINITY, f64::min);
        // The other prompts too, so that decoding finds their keys and values.
        exact.forward(&steps);
        self.compute(n, flops.forward(n, 1, causal_pairs(0, n)), best)
    }

    fn decode(&self, exact: &mut ExactModel, tables: &[Vec<u32>], prompt_len: usize, n_decode: usize) -> Decode {
        let round = |exact: &mut ExactModel| {
            for i in 0..n_decode {
                let n_cached = prompt_len + i;
                let steps: Vec<SeqStep> =
                    tables.iter().map(|blocks| SeqStep { tokens: &[1], n_cached, blocks }).collect();
                exact.forward(&steps);
            }
        };
        let best = (0..ROUNDS).map(|_| seconds(|| round(exact))).fold(f64::INFINITY, f64::min);
        let active = count_params(&self.config).active_without_embedding() as f64;
        let gb_s = active * self.precision.dtype().size() as f64 * n_decode as f64 / best / 1e9;
        Decode {
            sequences: tables.len(),
            tok_s: (tables.len() * n_decode) as f64 / best,
            gb_s,
            share_of_bandwidth: gb_s / self.machine.memory_gb_s,
        }
    }

    fn train(&self, document_len: usize) -> anyhow::Result<Option<Compute>> {
        let needed = plan_training(&self.config, self.precision, TRAIN_ROWS, document_len, None).total() as u64;
        if sys::memory::available_bytes().is_some_and(|free| needed > free) {
            tracing::warn!("a training step needs {}, more than is free: not measured", gb(needed as f64));
            return Ok(None);
        }
        let options = ModelOptions {
            device: Device::cpu(),
            precision: self.precision,
            trainable: true,
            n_positions: document_len,
        };
        let mut model = self.source.load(&options)?;
        let documents: Vec<Vec<u32>> =
            (0..TRAIN_ROWS / document_len).map(|i| self.tokens(document_len + 1, i)).collect();
        let batch = PackedBatch::from_documents(&documents);
        let spec = LossSpec::over(std::slice::from_ref(&batch), 0.3, 1e-4);
        let adamw = AdamWConfig { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };
        let mut optimizer = AdamW::new(adamw, model.params());
        let mut grads = Gradients::new(model.params());
        let mut step = || {
            grads.clear();
            model.train_step(&batch, &spec, &mut grads);
            optimizer.step(model.params_mut(), &grads, 1e-6);
        };
        let best = (0..=ROUNDS).map(|_| seconds(&mut step)).skip(1).fold(f64::INFINITY, f64::min);
        let flops = FlopModel::new(&self.config, MlaForm::Expanded);
        let n = batch.len() as u64;
        let pairs = documents.len() as u64 * causal_pairs(0, document_len as u64);
        Ok(Some(self.compute(n, flops.train(n, pairs) + flops.train_mtp(n, pairs), best)))
    }

    fn compute(&self, n_tokens: u64, flops: f64, seconds: f64) -> Compute {
        let peak = match self.precision {
            Precision::F32 => self.machine.f32_gflops,
            Precision::Bf16 => self.machine.bf16_gflops,
        };
        let gflops = flops / seconds / 1e9;
        Compute { tok_s: n_tokens as f64 / seconds, gflops, share_of_peak: gflops / peak }
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn text(report: &Report) -> String {
    let compute = |name: &str, c: &Compute| {
        let percent = 100.0 * c.share_of_peak;
        format!("{name:<12} {:>9.0} tok/s  {:>7.1} GFLOP/s, {percent:.0}% of peak", c.tok_s, c.gflops)
    };
    let mut lines = vec![report.machine.describe(), format!("{} in {}", report.model, report.precision)];
    lines.push(compute("prefill", &report.prefill));
    for d in &report.decode {
        let (name, percent) = (format!("decode x{}", d.sequences), 100.0 * d.share_of_bandwidth);
        lines.push(format!("{name:<12} {:>9.0} tok/s  {:>7.1} GB/s, {percent:.0}% of memory's", d.tok_s, d.gb_s));
    }
    lines.push(match &report.train {
        Some(train) => compute("train", train),
        None => "train        does not fit into the free memory".to_owned(),
    });
    lines.join("\n")
}
