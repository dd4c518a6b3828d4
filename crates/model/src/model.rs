//! A model: configuration, parameters and architecture, and the few things that are done with it: a training step, an
//! evaluation, teacher forcing, and a cached forward for generation. All go through the same definition.

use crate::adapter::{AdapterConfig, Builder, Lora, initial_std};
use crate::attend::{Attend, Rows};
use crate::batch::PackedBatch;
use crate::config::Config;
use crate::deepseek_v3::{self, DeepseekV3, MoeStats};
use crate::dense::{self, Dense};
use crate::init;
use kernels::attention::{Attention, CachedSeq, Span};
use tensor::cache::LayerCache;
use tensor::ops::LossSum;
use tensor::{Device, Gradients, ParamId, Params, Precision, Role, Tape, Tensor, Training, Var};

/// How a model is built.
#[derive(Clone)]
pub struct ModelOptions {
    /// Where the parameters live; [`Device::meta`] to plan memory.
    pub device: Device,
    /// The type of matrices and activations.
    pub precision: Precision,
    /// Keeps f32 masters of bf16 matrices and builds the MTP module; with an adapter, only its matrices are trained.
    pub trainable: bool,
    /// Positions that the rotary tables hold; the configuration's `max_position_embeddings` where that is less.
    pub n_positions: usize,
}

#[expect(clippy::large_enum_variant, reason = "a model has one")]
enum Architecture {
    DeepseekV3(DeepseekV3),
    Dense(Dense),
}

/// A model ready to run.
pub struct Model {
    config: Config,
    params: Params,
    architecture: Architecture,
    adapter: Option<AdapterConfig>,
    loras: Vec<Lora>,
    n_positions: usize,
}

/// The factors of a training step's loss.
#[derive(Clone, Copy, Debug)]
pub struct LossSpec {
    /// Sum of the next-token weights over the whole step: the main loss is divided by it.
    pub main_norm: f64,
    /// The same for the token after the next.
    pub mtp_norm: f64,
    /// Rows of the whole step, over which the balance loss is averaged.
    pub n_rows: usize,
    /// λ of the MTP loss (V3 report, equation 25); 0 leaves the module out.
    pub mtp_weight: f32,
    /// α of the sequence-wise balance loss (equation 17); 0 turns it off.
    pub balance_alpha: f32,
}

impl LossSpec {
    /// Mean losses over the micro-batches of one step.
    pub fn over(batches: &[PackedBatch], mtp_weight: f32, balance_alpha: f32) -> LossSpec {
        let sums = batches.iter().map(PackedBatch::weight_sums);
        let (main_norm, mtp_norm) = sums.fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
        let n_rows = batches.iter().map(PackedBatch::len).sum();
        LossSpec { main_norm, mtp_norm, n_rows, mtp_weight, balance_alpha }
    }
}

/// What one micro-batch contributed to a step. Losses are already divided by the step's norms, so they add up.
#[derive(Clone, Debug, Default)]
pub struct StepLoss {
    /// Mean next-token loss, in nats.
    pub loss: f64,
    /// Mean loss of the MTP module, without λ.
    pub mtp_loss: f64,
    /// The balance loss, α included.
    pub balance_loss: f64,
    /// For each MoE layer, tokens sent to each expert.
    pub expert_load: Vec<Vec<u64>>,
}

impl StepLoss {
    /// Adds another micro-batch of the same step.
    pub fn add(&mut self, other: &StepLoss) {
        self.loss += other.loss;
        self.mtp_loss += other.mtp_loss;
        self.balance_loss += other.balance_loss;
        if self.expert_load.is_empty() {
            self.expert_load.clone_from(&other.expert_load);
            return;
        }
        for (sum, load) in self.expert_load.iter_mut().zip(&other.expert_load) {
            sum.iter_mut().zip(load).for_each(|(a, b)| *a += b);
        }
    }
}

impl Model {
    /// A model of zeros, to be initialised or loaded.
    pub fn new(config: Config, options: &ModelOptions) -> Model {
        Model::build(config, options, None)
    }

    /// The same with an adapter (LoRA) beside its matrices. Where it is trained, all else is frozen, and there is no MTP
    /// module.
    pub fn with_adapter(config: Config, options: &ModelOptions, adapter: AdapterConfig) -> Model {
        Model::build(config, options, Some(adapter))
    }

    fn build(config: Config, options: &ModelOptions, adapter: Option<AdapterConfig>) -> Model {
        let training = match (options.trainable, &adapter) {
            (false, _) => Training::Off,
            (true, None) => Training::Full,
            (true, Some(_)) => Training::Adapter,
        };
        let mut params = Params::new(&options.device, options.precision, training);
        let mut builder = Builder::new(&mut params, adapter.as_ref());
        let n_positions = options.n_positions.min(config.max_position_embeddings());
        let architecture = match &config {
            Config::DeepseekV3(c) => {
                let with_mtp = training == Training::Full;
                Architecture::DeepseekV3(DeepseekV3::new(c, &mut builder, with_mtp, n_positions))
            }
            Config::Dense(c) => Architecture::Dense(Dense::new(c, &mut builder, n_positions)),
        };
        let loras = builder.loras;
        Model { config, params, architecture, adapter, loras, n_positions }
    }

    /// The adapter's shape, where there is one.
    pub fn adapter_config(&self) -> Option<&AdapterConfig> {
        self.adapter.as_ref()
    }

    pub(crate) fn loras(&self) -> &[Lora] {
        &self.loras
    }

    /// Fills the parameters from a seed: matrices normal with `initializer_range`, gains one, biases zero;
    /// an adapter changes nothing yet.
    pub fn initialize(&mut self, seed: u64) {
        let std = match &self.config {
            Config::DeepseekV3(c) => c.initializer_range,
            Config::Dense(c) => c.initializer_range,
        };
        for id in self.params.ids() {
            let name = self.params.name(id).to_owned();
            match self.params.role(id) {
                Role::Matrix | Role::MatrixF32 => self.params.write(id, |w| init::normal(seed, &name, std, w)),
                Role::Vector if name.ends_with(".bias") => {}
                Role::Vector => self.params.write(id, |gain| gain.fill(1.0)),
                Role::Buffer => {}
                Role::Adapter => {
                    let std = initial_std(&name, self.params.value(id).shape());
                    self.params.write(id, |w| init::normal(seed, &name, std, w));
                }
            }
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The parameters, for the optimizer and for loading.
    pub fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    /// The longest document that the rotary tables allow.
    pub fn n_positions(&self) -> usize {
        self.n_positions
    }

    /// Forward and backward of one micro-batch; gradients are added to `grads`.
    pub fn train_step(&self, batch: &PackedBatch, spec: &LossSpec, grads: &mut Gradients) -> StepLoss {
        let inputs = Inputs::new(batch, spec);
        let mut tape = Tape::training(&self.params, grads);
        let loss = self.losses(&mut tape, batch, &inputs, spec);
        tape.backward();
        loss
    }

    /// The same losses without gradients.
    pub fn evaluate(&self, batch: &PackedBatch, spec: &LossSpec) -> StepLoss {
        let inputs = Inputs::new(batch, spec);
        self.losses(&mut Tape::inference(&self.params), batch, &inputs, spec)
    }

    fn losses<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        batch: &'a PackedBatch,
        inputs: &'a Inputs,
        spec: &LossSpec,
    ) -> StepLoss {
        let share = batch.len() as f32 / spec.n_rows.max(1) as f32;
        let mut stats = MoeStats { balance_alpha: spec.balance_alpha * share, ..MoeStats::default() };
        let mut attend = Attend::Packed(&inputs.spans);
        let rows = Rows { tokens: &batch.tokens, positions: &inputs.positions };
        let hidden = self.hidden(tape, rows, &mut attend, &mut stats);
        let main = tape.head_loss(&hidden, self.head(), &batch.targets, &inputs.weights);
        let mut loss = StepLoss { loss: main.loss, ..StepLoss::default() };
        if let (Architecture::DeepseekV3(v3), true) = (&self.architecture, spec.mtp_weight > 0.0) {
            let next = Rows { tokens: &batch.targets, positions: &inputs.positions };
            if let Some(hidden) = v3.mtp_hidden(tape, &hidden, next, &mut attend, &mut stats) {
                let LossSum { loss: sum, .. } =
                    tape.head_loss(&hidden, self.head(), &inputs.mtp_targets, &inputs.mtp_weights);
                loss.mtp_loss = sum / f64::from(spec.mtp_weight);
            }
        }
        StepLoss { balance_loss: stats.balance_loss, expert_load: stats.expert_load, ..loss }
    }

    /// Aux-loss-free balancing after a step: correction biases move by `gamma` against the load.
    pub fn update_correction_bias(&mut self, expert_load: &[Vec<u64>], gamma: f32) {
        if let Architecture::DeepseekV3(v3) = &self.architecture {
            v3.update_correction_bias(&mut self.params, expert_load, gamma);
        }
    }

    /// Teacher forcing over one document: calls `each(first_row, logits [rows, vocab])` for chunks of rows in order.
    /// Row i scores the token after `tokens[i]`.
    pub fn for_each_logits(&self, tokens: &[u32], mut each: impl FnMut(usize, &[f32])) {
        let spans = [Span::new(0, tokens.len())];
        let positions: Vec<u32> = (0..tokens.len() as u32).collect();
        let mut tape = Tape::inference(&self.params);
        let mut attend = Attend::Packed(&spans);
        let rows = Rows { tokens, positions: &positions };
        let hidden = self.hidden(&mut tape, rows, &mut attend, &mut MoeStats::default());
        let chunk_len = ((1 << 22) / self.config.vocab_size()).max(1);
        for start in (0..tokens.len()).step_by(chunk_len) {
            let rows: Vec<usize> = (start..tokens.len().min(start + chunk_len)).collect();
            let logits = tape.logits(&hidden.value().select_rows(&rows), self.head());
            each(start, logits.slice());
        }
    }

    /// Caches for generation: one a layer, each of `n_blocks` blocks of 64 positions.
    pub fn new_caches(&self, n_blocks: usize) -> Vec<LayerCache> {
        let (device, dtype, op) = (self.params.device(), self.params.precision().dtype(), self.attention());
        (0..self.config.num_hidden_layers()).map(|_| LayerCache::new(device, dtype, n_blocks, &op)).collect()
    }

    /// Bytes of one block of 64 positions over all layers.
    pub fn block_bytes(&self) -> usize {
        self.config.num_hidden_layers() * LayerCache::block_bytes(self.params.precision().dtype(), &self.attention())
    }

    /// Appends `tokens` (the sequences' new tokens one after another, as `seqs` says) to the caches, and returns the
    /// f32 logits [seqs, vocab] of each sequence's last new token. The same bits as teacher forcing.
    pub fn forward_cached(&self, tokens: &[u32], seqs: &[CachedSeq], caches: &mut [LayerCache]) -> Tensor {
        let positions: Vec<u32> =
            seqs.iter().flat_map(|s| (s.n_cached..s.n_cached + s.len).map(|p| p as u32)).collect();
        let mut tape = Tape::inference(&self.params);
        let mut attend = Attend::Cached(seqs, caches);
        let rows = Rows { tokens, positions: &positions };
        let hidden = self.hidden(&mut tape, rows, &mut attend, &mut MoeStats::default());
        let last: Vec<usize> = seqs.iter().map(|s| s.row + s.len - 1).collect();
        tape.logits(&hidden.value().select_rows(&last), self.head())
    }

    /// Packs the matrices for products with few rows. Call once before generation; the bits stay the same.
    pub fn pack_for_decoding(&mut self) {
        // MLA's up-projection is multiplied head by head, as it lies.
        let is_plain = |id: &ParamId| {
            let name = self.params.name(*id);
            matches!(self.params.role(*id), Role::Matrix | Role::Adapter)
                && self.params.value(*id).shape().len() == 2
                && name != "model.embed_tokens.weight"
                && !name.contains(".kv_b_proj.")
        };
        let mut ids: Vec<ParamId> = self.params.ids().filter(is_plain).collect();
        ids.push(self.head());
        self.params.pack(&ids);
    }

    pub(crate) fn hidden<'a>(
        &'a self,
        tape: &mut Tape<'a>,
        rows: Rows<'a>,
        attend: &mut Attend<'a, '_>,
        stats: &mut MoeStats,
    ) -> Var {
        if let Some(&position) = rows.positions.iter().max() {
            assert!((position as usize) < self.n_positions, "position {position} of {}", self.n_positions);
        }
        match &self.architecture {
            Architecture::DeepseekV3(v3) => v3.hidden(tape, rows, attend, stats),
            Architecture::Dense(dense) => dense.hidden(tape, rows, attend),
        }
    }

    pub(crate) fn head(&self) -> ParamId {
        match &self.architecture {
            Architecture::DeepseekV3(v3) => v3.head(),
            Architecture::Dense(dense) => dense.head(),
        }
    }

    /// The shape of attention, and with it of the cache.
    fn attention(&self) -> Attention {
        match &self.config {
            Config::DeepseekV3(c) => deepseek_v3::attention(c),
            Config::Dense(c) => dense::attention(c),
        }
    }
}

/// What a batch lends to the tape.
struct Inputs {
    positions: Vec<u32>,
    spans: Vec<Span>,
    weights: Vec<f32>,
    mtp_targets: Vec<u32>,
    mtp_weights: Vec<f32>,
}

impl Inputs {
    fn new(batch: &PackedBatch, spec: &LossSpec) -> Inputs {
        let scaled = |weights: &[f32], factor: f64| weights.iter().map(|&w| (f64::from(w) * factor) as f32).collect();
        let (mtp_targets, mtp_weights) = batch.mtp_targets();
        Inputs {
            positions: batch.positions(),
            spans: batch.segments.clone(),
            weights: scaled(&batch.loss_weights, 1.0 / spec.main_norm.max(f64::MIN_POSITIVE)),
            mtp_targets,
            mtp_weights: scaled(&mtp_weights, f64::from(spec.mtp_weight) / spec.mtp_norm.max(f64::MIN_POSITIVE)),
        }
    }
}
