//! AdamW over a model's parameters (V3 report, section 4.2: β = (0.9, 0.95), decay 0.1, clipping at 1).

use crate::Tensor;
use crate::params::{Gradients, ParamId, Params, Role};
use kernels::optim::{adamw_step, ema_update};

/// What stays the same over a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay, of matrices only.
    pub weight_decay: f32,
    /// Gradients are scaled down to this Euclidean norm; infinity leaves them alone.
    pub max_grad_norm: f32,
}

/// The optimizer's state: both moments of every trained parameter in f32, and the number of steps made.
pub struct AdamW {
    config: AdamWConfig,
    step: u64,
    m: Vec<Tensor>,
    v: Vec<Tensor>,
}

impl AdamW {
    /// Zero moments.
    pub fn new(config: AdamWConfig, params: &Params) -> AdamW {
        let zeros = || params.ids().map(|id| params.zeros_if_trained(id)).collect();
        AdamW { config, step: 0, m: zeros(), v: zeros() }
    }

    /// One update with learning rate `lr`. Returns the gradients' norm before clipping. A norm that is not finite leaves
    /// the parameters as they are; the caller decides what that means.
    pub fn step(&mut self, params: &mut Params, grads: &Gradients, lr: f32) -> f64 {
        let norm = grads.norm();
        if !norm.is_finite() {
            return norm;
        }
        self.step += 1;
        let grad_scale = (f64::from(self.config.max_grad_norm) / (norm + 1e-6)).min(1.0) as f32;
        for id in params.ids() {
            let role = params.role(id);
            if !params.is_trained(id) {
                continue;
            }
            let decays = matches!(role, Role::Matrix | Role::MatrixF32 | Role::Adapter);
            let op = kernels::optim::AdamW {
                lr,
                beta1: self.config.beta1,
                beta2: self.config.beta2,
                eps: self.config.eps,
                weight_decay: if decays { self.config.weight_decay } else { 0.0 },
                step: self.step,
                grad_scale,
            };
            let (m, v) = (&mut self.m[id.0], &mut self.v[id.0]);
            params.write(id, |w| adamw_step(&op, w, grads.get(id).slice(), m.slice_mut(), v.slice_mut()));
        }
        norm
    }

    /// Updates made so far.
    pub fn n_steps(&self) -> u64 {
        self.step
    }

    /// Both moments of a parameter, to be stored; empty where it is not trained.
    pub fn moments(&self, id: ParamId) -> (&Tensor, &Tensor) {
        (&self.m[id.0], &self.v[id.0])
    }

    /// Restores what [`AdamW::moments`] and [`AdamW::n_steps`] gave.
    pub fn restore(&mut self, step: u64, mut moments: impl FnMut(ParamId, &mut [f32], &mut [f32])) {
        self.step = step;
        for (i, (m, v)) in self.m.iter_mut().zip(&mut self.v).enumerate().filter(|(_, (m, _))| !m.is_empty()) {
            moments(ParamId(i), m.slice_mut(), v.slice_mut());
        }
    }
}

/// An exponential moving average of the parameters (V3 report, section 3.2.3).
pub struct Ema {
    decay: f32,
    values: Vec<Tensor>,
}

impl Ema {
    /// Starts at the parameters' values.
    pub fn new(decay: f32, params: &Params) -> Ema {
        Ema { decay, values: params.ids().map(|id| params.master(id).duplicate()).collect() }
    }

    /// `ema = decay · ema + (1 - decay) · value`.
    pub fn update(&mut self, params: &Params) {
        for (id, ema) in params.ids().zip(&mut self.values) {
            if !ema.is_meta() {
                ema_update(self.decay, params.master(id).slice(), ema.slice_mut());
            }
        }
    }

    /// The average of one parameter.
    pub fn get(&self, id: ParamId) -> &Tensor {
        &self.values[id.0]
    }

    /// Restores an average.
    pub fn get_mut(&mut self, id: ParamId) -> &mut Tensor {
        &mut self.values[id.0]
    }
}
