//! The memory of a training step, known before the first one: the very step, run on the meta device.

use crate::adapter::AdapterConfig;
use crate::{Config, LossSpec, Model, ModelOptions, PackedBatch};
use tensor::{AdamW, AdamWConfig, Device, Gradients, Precision};

/// Bytes of each part of a training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Matrices as the forward reads them, and their f32 masters.
    pub parameters: usize,
    /// One f32 a parameter that is trained.
    pub gradients: usize,
    /// Two f32 moments a parameter that is trained.
    pub optimizer: usize,
    /// The most that values, saved tensors and their gradients take at once.
    pub activations: usize,
}

impl MemoryPlan {
    /// All of it. What the process takes beyond: code, packing buffers of the kernels (a few MB a core), data.
    pub fn total(&self) -> usize {
        self.parameters + self.gradients + self.optimizer + self.activations
    }
}

/// Plans a step of `config` over one micro-batch of `n_rows` rows in documents of `seq_len`; of the adapter alone, where
/// there is one.
pub fn plan_training(
    config: &Config,
    precision: Precision,
    n_rows: usize,
    seq_len: usize,
    adapter: Option<AdapterConfig>,
) -> MemoryPlan {
    let device = Device::meta();
    let options = ModelOptions { device: device.clone(), precision, trainable: true, n_positions: seq_len };
    let mut model = match adapter {
        None => Model::new(config.clone(), &options),
        Some(adapter) => Model::with_adapter(config.clone(), &options, adapter),
    };
    let parameters = device.live_bytes();
    let mut grads = Gradients::new(model.params());
    let gradients = device.live_bytes() - parameters;
    let adamw = AdamWConfig { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 };
    let mut optimizer = AdamW::new(adamw, model.params());
    let optimizer_bytes = device.live_bytes() - parameters - gradients;
    let before = device.live_bytes();
    device.reset_peak();
    let mut left = n_rows;
    let mut batch = PackedBatch::default();
    while left > 0 {
        let len = left.min(seq_len);
        batch.push(&vec![0; len + 1], &vec![1.0; len + 1]);
        left -= len;
    }
    let spec = LossSpec::over(std::slice::from_ref(&batch), 0.3, 1e-4);
    model.train_step(&batch, &spec, &mut grads);
    optimizer.step(model.params_mut(), &grads, 0.0);
    MemoryPlan { parameters, gradients, optimizer: optimizer_bytes, activations: device.peak_bytes() - before }
}
