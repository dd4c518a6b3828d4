//! The parts that every architecture here shares.

use crate::adapter::{Builder, Lora};
use tensor::ops::HeadLinear;
use tensor::{ParamId, Role, Tape, Var};

/// RMSNorm with a gain.
pub(crate) struct Norm {
    pub(crate) gain: ParamId,
    pub(crate) eps: f32,
}

impl Norm {
    pub(crate) fn new(params: &mut Builder, name: String, dim: usize, eps: f64) -> Norm {
        Norm { gain: params.add(name, Role::Vector, &[dim]), eps: eps as f32 }
    }

    pub(crate) fn forward(&self, tape: &mut Tape, x: &Var) -> Var {
        tape.rms_norm(x, self.gain, self.eps)
    }
}

/// A product with a matrix [out, in], alone or with an adapter beside it, and a bias where there is one.
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<ParamId>,
}

#[derive(Clone, Copy)]
enum Weight {
    Plain(ParamId),
    /// A matrix that stands still and an adapter that moves.
    Lora(Lora),
}

impl Linear {
    /// `name` without its `.weight`.
    pub(crate) fn new(params: &mut Builder, name: String, shape: [usize; 2], has_bias: bool) -> Linear {
        let id = params.add(format!("{name}.weight"), Role::Matrix, &shape);
        let weight = params.add_lora(&name, id, shape).map_or(Weight::Plain(id), Weight::Lora);
        let bias = has_bias.then(|| params.add(format!("{name}.bias"), Role::Vector, &[shape[0]]));
        Linear { weight, bias }
    }

    /// `x·wᵀ + bias`
    pub(crate) fn forward(&self, tape: &mut Tape, x: &Var) -> Var {
        let (id, lora) = self.weight.parts();
        let y = match self.bias {
            None => tape.linear(x, id),
            Some(bias) => tape.linear_bias(x, id, bias),
        };
        add_lora(tape, y, x, lora)
    }

    /// `residual + x·wᵀ + bias`
    pub(crate) fn forward_residual(&self, tape: &mut Tape, residual: Var, x: &Var) -> Var {
        let (id, lora) = self.weight.parts();
        let y = tape.linear_residual(residual, x, id);
        let y = add_lora(tape, y, x, lora);
        match self.bias {
            None => y,
            Some(bias) => tape.bias_residual(y, bias),
        }
    }

    /// [`Tape::mla_query`], each head with its rows of the matrix; there is no bias.
    pub(crate) fn absorb(&self, tape: &mut Tape, q: &Var, op: HeadLinear) -> Var {
        let (id, lora) = self.weight.parts();
        let y = tape.mla_query(q, id, op.clone());
        let Some(Lora { a, b, scale, .. }) = lora else { return y };
        let rank = tape.params().value(a).n_rows();
        // q·(w + s·B·A) = q·w + s·(q·B)·A, B head by head, A for all.
        let all = HeadLinear { n_heads: 1, x_dim: rank, y_dim: op.y_dim, w_rows: rank, used: 0..rank, sums_rows: true };
        let h = tape.head_linear(None, q, b, HeadLinear { y_dim: rank, ..op });
        let h = tape.scale(h, scale);
        tape.head_linear(Some(y), &h, a, all)
    }

    /// `x·wᵀ`, each head with its rows of the matrix; there is no bias.
    pub(crate) fn forward_heads(&self, tape: &mut Tape, x: &Var, op: HeadLinear) -> Var {
        let (id, lora) = self.weight.parts();
        let y = tape.head_linear(None, x, id, op.clone());
        let Some(Lora { a, b, scale, .. }) = lora else { return y };
        let rank = tape.params().value(a).n_rows();
        let all =
            HeadLinear { n_heads: 1, x_dim: op.x_dim, y_dim: rank, w_rows: rank, used: 0..rank, sums_rows: false };
        let h = tape.head_linear(None, x, a, all);
        let h = tape.scale(h, scale);
        tape.head_linear(Some(y), &h, b, HeadLinear { x_dim: rank, ..op })
    }
}

impl Weight {
    fn parts(self) -> (ParamId, Option<Lora>) {
        match self {
            Weight::Plain(id) => (id, None),
            Weight::Lora(lora) => (lora.weight, Some(lora)),
        }
    }
}

/// `y + s·(x·Aᵀ)·Bᵀ`
fn add_lora(tape: &mut Tape, y: Var, x: &Var, lora: Option<Lora>) -> Var {
    let Some(Lora { a, b, scale, .. }) = lora else { return y };
    let h = tape.linear(x, a);
    let h = tape.scale(h, scale);
    tape.linear_residual(y, &h, b)
}

/// The SwiGLU feed-forward: `down(silu(gate(x)) · up(x))`.
pub(crate) struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    pub(crate) fn new(params: &mut Builder, name: &str, dim: usize, inter_dim: usize) -> Mlp {
        let mut linear = |part: &str, shape| Linear::new(params, format!("{name}.{part}"), shape, false);
        Mlp {
            gate_proj: linear("gate_proj", [inter_dim, dim]),
            up_proj: linear("up_proj", [inter_dim, dim]),
            down_proj: linear("down_proj", [dim, inter_dim]),
        }
    }

    /// `residual + mlp(x)`.
    pub(crate) fn forward(&self, tape: &mut Tape, residual: Var, x: &Var) -> Var {
        let gate = self.gate_proj.forward(tape, x);
        let up = self.up_proj.forward(tape, x);
        let hidden = tape.swiglu(&gate, &up);
        self.down_proj.forward_residual(tape, residual, &hidden)
    }
}
