//! A model with AdamW, as the training loop sees it.
//!
//! Gradients, master weights and moments are f32 whatever the model computes in; a checkpoint holds them exactly, so
//! that going on gives the same bits. Where a moving average is kept (V3 report, section 3.2.3), the checkpoint's
//! `model.safetensors` is the average, and the weights as trained are in the optimizer's state.

use crate::checkpoint::STATE_NAME;
use crate::error::{Result, TrainError};
use crate::grpo::policy::{Policy, SlopesOf};
use crate::learner::Learner;
use crate::recipe::{LoraSpec, PrecisionSpec, TrainSpec};
use crate::schedule::StepSettings;
use engine::exact::ExactModel;
use engine::{BLOCK_SIZE, Completion, Engine, EngineConfig, Request};
use kernels::distribution::Filter;
use model::checkpoint::{Contents, State, TrainingRecord};
use model::count::{FlopModel, MlaForm, causal_pairs};
use model::names::all_tensor_parts;
use model::source::load_weights;
use model::weights::{OutTensor, OutValues, StoredType, Weights};
use model::{Config, LossSpec, Model, ModelOptions, PackedBatch, PolicySpec, StepLoss};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tensor::ops::{TokenGrads, TokenLogProbs};
use tensor::{AdamW, AdamWConfig, DType, Device, Ema, Gradients, ParamId, Params, Precision, Role, Tensor};

/// Name of the optimizer's files under a checkpoint's `state/`.
const OPTIMIZER: &str = "optimizer";

/// Answers that are generated at once: enough rows for products near the machine's limit.
pub(crate) const MAX_RUNNING: usize = 256;

/// Most tokens of one forward pass while generating, prompts included.
const MAX_STEP_TOKENS: usize = 1024;

/// Most bytes that the KV cache takes meanwhile.
const MAX_CACHE_BYTES: usize = 1 << 30;

/// A model and its optimizer.
pub struct ModelLearner {
    /// Shared with the engine while it generates, and with nobody else.
    model: Arc<Model>,
    grads: Gradients,
    optimizer: AdamW,
    average: Option<Ema>,
    /// Master weights of the policy that a divergence is measured from.
    reference: Option<Vec<Tensor>>,
    /// Norms of the last update's gradients, where they are watched.
    watched: Option<Vec<(String, f64)>>,
    flops: FlopModel,
    /// What a checkpoint holds beside the weights: tokenizer and generation settings, by file name.
    files: Vec<(String, Vec<u8>)>,
}

/// What a learner is built from.
pub struct Parts<'a> {
    /// The model's configuration.
    pub config: Config,
    /// Type of activations and matrix products.
    pub precision: PrecisionSpec,
    /// The optimizer's settings, and the longest document.
    pub train: &'a TrainSpec,
    /// Seed of the weights that `parent` does not give.
    pub seed: u64,
    /// Where the weights come from, if not from the seed.
    pub parent: Option<Weights>,
    /// Files that go into each checkpoint.
    pub files: Vec<(String, Vec<u8>)>,
}

impl ModelLearner {
    /// Builds the model and fills it: from the parent, or from the seed.
    ///
    /// # Errors
    /// Weights of another shape, or that are not finite.
    pub fn new(parts: Parts) -> Result<ModelLearner> {
        let flops = FlopModel::new(&parts.config, MlaForm::Expanded);
        let options = ModelOptions {
            device: Device::cpu(),
            precision: parts.precision.into(),
            trainable: true,
            n_positions: parts.config.max_position_embeddings(),
        };
        let adapter = parts.train.lora.as_ref().map(LoraSpec::adapter);
        let mut model = match adapter {
            None => Model::new(parts.config, &options),
            Some(adapter) => Model::with_adapter(parts.config, &options, adapter),
        };
        model.initialize(parts.seed);
        if let Some(parent) = &parts.parent {
            load_weights(&mut model, parent)?;
        }
        let train = parts.train;
        let adamw = AdamWConfig {
            beta1: train.betas[0] as f32,
            beta2: train.betas[1] as f32,
            eps: train.eps as f32,
            weight_decay: train.weight_decay as f32,
            max_grad_norm: if train.clip > 0.0 { train.clip as f32 } else { f32::INFINITY },
        };
        let optimizer = AdamW::new(adamw, model.params());
        let average = train.ema.map(|decay| Ema::new(decay as f32, model.params()));
        let grads = Gradients::new(model.params());
        Ok(ModelLearner {
            model: Arc::new(model),
            grads,
            optimizer,
            average,
            reference: None,
            watched: None,
            flops,
            files: parts.files,
        })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    fn model_mut(&mut self) -> &mut Model {
        Arc::get_mut(&mut self.model).expect("the engine has given the model back")
    }
}

impl From<PrecisionSpec> for Precision {
    fn from(spec: PrecisionSpec) -> Precision {
        match spec {
            PrecisionSpec::F32 => Precision::F32,
            PrecisionSpec::Bf16 => Precision::Bf16,
        }
    }
}

impl Learner for ModelLearner {
    fn accumulate(&mut self, batch: &PackedBatch, spec: &LossSpec) -> StepLoss {
        self.model.train_step(batch, spec, &mut self.grads)
    }

    fn update(&mut self, settings: &StepSettings, loss: &StepLoss) -> f64 {
        if self.watched.is_some() {
            self.watched = Some(self.norms());
        }
        let model = Arc::get_mut(&mut self.model).expect("the engine has given the model back");
        let norm = self.optimizer.step(model.params_mut(), &self.grads, settings.lr as f32);
        self.grads.clear();
        if norm.is_finite() {
            if settings.bias_gamma > 0.0 {
                model.update_correction_bias(&loss.expert_load, settings.bias_gamma as f32);
            }
            if let Some(average) = &mut self.average {
                average.update(model.params());
            }
        }
        norm
    }

    fn swap_average(&mut self) {
        let Some(mut average) = self.average.take() else { return };
        let params = self.model_mut().params_mut();
        for id in params.ids() {
            params.write(id, |values| values.swap_with_slice(average.get_mut(id).slice_mut()));
        }
        self.average = Some(average);
    }

    fn evaluate(&mut self, batch: &PackedBatch) -> f64 {
        let spec = LossSpec { main_norm: 1.0, mtp_norm: 1.0, n_rows: batch.len(), mtp_weight: 0.0, balance_alpha: 0.0 };
        self.model.evaluate(batch, &spec).loss
    }

    fn context(&self) -> usize {
        self.model.n_positions()
    }

    fn generate(&mut self, requests: Vec<Request>, watch: &mut dyn FnMut(usize, u64)) -> Vec<Completion> {
        // As much as the longest may need, not as much as the model could hold.
        let longest = requests.iter().map(|r| r.prompt.len() + r.max_tokens).max().unwrap_or(1);
        let per_sequence = longest.min(self.model.n_positions()).div_ceil(BLOCK_SIZE);
        let most = MAX_CACHE_BYTES / self.model.block_bytes().max(1);
        let n_blocks = (MAX_RUNNING.min(requests.len()) * per_sequence).min(most).max(per_sequence);
        self.model_mut().pack_for_decoding();
        let exact = ExactModel::new(Arc::clone(&self.model), n_blocks);
        let config =
            EngineConfig { max_running: MAX_RUNNING, max_step_tokens: MAX_STEP_TOKENS, max_in_flight: usize::MAX };
        let mut engine = Engine::new(Box::new(exact), config);
        let completions = engine.generate_watched(requests, watch);
        drop(engine);
        self.model_mut().params_mut().unpack_trained();
        completions.unwrap_or_else(|e| panic!("a rollout's requests are valid: {e}"))
    }

    fn flops(&self, batch: &PackedBatch, mtp: bool) -> f64 {
        let tokens = batch.len() as f64;
        let head_rows = batch.loss_weights.iter().filter(|weight| **weight != 0.0).count() as f64;
        let pairs: f64 = batch.segments.iter().map(|s| causal_pairs(s.shared.len as u64, s.len as u64) as f64).sum();
        let f = &self.flops;
        let and_mtp = |main: u64, mtp_too: u64| (main + if mtp { mtp_too } else { 0 }) as f64;
        let per_token = and_mtp(f.per_token, f.mtp_per_token);
        let per_row = and_mtp(f.per_logit_row, f.per_logit_row * f.n_mtp_layers);
        let per_pair = and_mtp(f.per_pair, f.mtp_per_pair);
        3.0 * (per_token * tokens + per_row * head_rows + per_pair * pairs)
    }

    fn save(&mut self, dir: &Path, record: &TrainingRecord, counters: Value) -> Result<()> {
        self.swap_average();
        let result = self.write_checkpoint(dir, record, counters);
        self.swap_average();
        result
    }

    fn restore(&mut self, dir: &Path) -> Result<()> {
        let weights = Weights::open(&dir.join(format!("state/{OPTIMIZER}.safetensors")))?;
        let json: Value = crate::run_dir::read_json(&dir.join(format!("state/{OPTIMIZER}.json")))?.unwrap_or_default();
        let Some(n_steps) = json["steps"].as_u64() else {
            return Err(TrainError::data(dir, "state/optimizer.json does not tell the optimizer's steps"));
        };
        let mut average = self.average.take();
        let params = self.model_mut().params_mut();
        let mut failed = None;
        let mut read = |params: &Params, id: ParamId, what: &str, out: &mut [f32]| {
            let name = format!("{}.{what}", params.name(id));
            if let Err(error) = weights.read_f32(&name, params.value(id).shape(), out) {
                failed.get_or_insert(error);
            }
        };
        for id in moving(params) {
            let mut values = vec![0.0; params.value(id).len()];
            read(params, id, "master", &mut values);
            params.set(id, &values);
            if let Some(average) = &mut average {
                read(params, id, "average", average.get_mut(id).slice_mut());
            }
        }
        let params = self.model.params();
        self.optimizer.restore(n_steps, |id, m, v| {
            read(params, id, "m", m);
            read(params, id, "v", v);
        });
        let has_reference =
            moving(params).first().is_some_and(|id| weights.info(&format!("{}.reference", params.name(*id))).is_some());
        self.reference = has_reference.then(|| {
            let copy = |id| {
                let mut copy = Tensor::zeros(params.device(), DType::F32, params.value(id).shape());
                read(params, id, "reference", copy.slice_mut());
                copy
            };
            moving(params).into_iter().map(copy).collect()
        });
        self.average = average;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl ModelLearner {
    /// Writes the checkpoint while the average, if there is one, stands in the place of the weights.
    fn write_checkpoint(&self, dir: &Path, record: &TrainingRecord, counters: Value) -> Result<()> {
        let params = self.model.params();
        let stored =
            |id| if params.role(id) == Role::Matrix { stored_type(params.precision()) } else { StoredType::F32 };
        // With an adapter the checkpoint's weights are base and adapter together, so that any program can run them.
        let merged: BTreeMap<ParamId, Tensor> =
            params.ids().filter_map(|id| Some((id, self.model.merged(id)?))).collect();
        let tensors = all_tensor_parts(params).into_iter().map(|(id, part)| {
            let place = part.offset..part.offset + part.shape.iter().product::<usize>();
            let source = merged.get(&id).unwrap_or_else(|| params.master(id));
            let values = match source.dtype() {
                DType::F32 => OutValues::F32(&source.slice()[place]),
                DType::Bf16 => OutValues::Bf16(&source.slice()[place]),
            };
            OutTensor { name: part.name, shape: part.shape, values, stored: stored(id) }
        });
        let exact = |id: ParamId, what: &str, values| OutTensor {
            name: format!("{}.{what}", params.name(id)),
            shape: params.value(id).shape().to_vec(),
            values: OutValues::F32(values),
            stored: StoredType::F32,
        };
        let mut state = Vec::new();
        for id in moving(params) {
            match &self.average {
                None => state.push(exact(id, "master", params.master(id).slice())),
                Some(swapped) => {
                    state.push(exact(id, "master", swapped.get(id).slice()));
                    state.push(exact(id, "average", params.master(id).slice()));
                }
            }
            if params.is_trained(id) {
                let (m, v) = self.optimizer.moments(id);
                state.push(exact(id, "m", m.slice()));
                state.push(exact(id, "v", v.slice()));
            }
        }
        for (id, copy) in moving(params).into_iter().zip(self.reference.iter().flatten()) {
            state.push(exact(id, "reference", copy.slice()));
        }
        let optimizer = json!({ "steps": self.optimizer.n_steps() });
        let mut files = self.files.clone();
        if self.model.adapter_config().is_some() {
            let adapter = self.model.adapter_files(record.parent.as_deref())?;
            files.extend(adapter.map(|(name, bytes)| (format!("adapter/{name}"), bytes)));
        }
        let contents = Contents {
            config: self.model.config(),
            tensors: tensors.collect(),
            files,
            record: Some(record),
            states: vec![
                State { name: OPTIMIZER, tensors: state, json: optimizer },
                State { name: STATE_NAME, tensors: Vec::new(), json: counters },
            ],
        };
        model::checkpoint::write(dir, &contents)?;
        Ok(())
    }
}

impl Policy for ModelLearner {
    fn reinforce(&mut self, batch: &PackedBatch, filter: &Filter, slopes_of: &mut SlopesOf) {
        let mut of_document = |document: usize, tokens: &TokenLogProbs| TokenGrads {
            dlogp: slopes_of(document, &tokens.logp),
            dentropy: Vec::new(),
        };
        let spec = PolicySpec { filter: *filter, balance_alpha: 0.0 };
        self.model.policy_step(batch, &spec, &mut self.grads, &mut of_document);
    }

    fn score(&mut self, batch: &PackedBatch, filter: &Filter) -> Vec<f32> {
        self.model.token_logprobs(batch, filter).logp
    }

    fn score_reference(&mut self, batch: &PackedBatch, filter: &Filter) -> Vec<f32> {
        self.swap_reference();
        let logprobs = self.score(batch, filter);
        self.swap_reference();
        logprobs
    }

    fn set_reference(&mut self) {
        let params = self.model.params();
        let copy = |id| {
            let mut copy = Tensor::zeros(params.device(), DType::F32, params.value(id).shape());
            copy.slice_mut::<f32>().copy_from_slice(params.master(id).slice());
            copy
        };
        self.reference = Some(moving(params).into_iter().map(copy).collect());
    }

    fn watch_gradients(&mut self, on: bool) {
        self.watched = on.then(Vec::new);
    }

    fn gradient_norms(&mut self) -> Vec<(String, f64)> {
        self.watched.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl ModelLearner {
    /// L2 norm of each tensor's gradient. The MTP module is left out: reinforcement does not reach it.
    fn norms(&self) -> Vec<(String, f64)> {
        let params = self.model.params();
        let mtp = format!("model.layers.{}.", self.model.config().num_hidden_layers());
        let is_reached = |id: &ParamId| params.is_trained(*id) && !params.name(*id).starts_with(&mtp);
        let norm = |id: ParamId| kernels::optim::sum_squares(self.grads.get(id).slice()).sqrt();
        params.ids().filter(is_reached).map(|id| (params.name(id).to_owned(), norm(id))).collect()
    }

    /// Exchanges the weights with the reference's. Call twice.
    fn swap_reference(&mut self) {
        let mut reference = self.reference.take().expect("a reference was set");
        let params = self.model_mut().params_mut();
        for (id, copy) in moving(params).into_iter().zip(&mut reference) {
            params.write(id, |values| values.swap_with_slice(copy.slice_mut()));
        }
        self.reference = Some(reference);
    }
}

/// The parameters that training changes, by gradient or otherwise: what a checkpoint's state and a reference hold.
fn moving(params: &Params) -> Vec<ParamId> {
    let has_adapter = params.ids().any(|id| params.role(id) == Role::Adapter);
    params.ids().filter(|id| params.is_trained(*id) || (!has_adapter && params.role(*id) == Role::Buffer)).collect()
}

/// Matrices are stored in the type that the forward reads; everything else in f32, as it is used.
fn stored_type(precision: Precision) -> StoredType {
    match precision {
        Precision::F32 => StoredType::F32,
        Precision::Bf16 => StoredType::Bf16,
    }
}
