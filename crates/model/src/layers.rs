//! The parts that every architecture here shares.

use tensor::{ParamId, Params, Role, Tape, Var};

/// RMSNorm with a gain.
pub(crate) struct Norm {
    pub(crate) gain: ParamId,
    pub(crate) eps: f32,
}

impl Norm {
    pub(crate) fn new(params: &mut Params, name: String, dim: usize, eps: f64) -> Norm {
        Norm { gain: params.add(name, Role::Vector, &[dim]), eps: eps as f32 }
    }

    pub(crate) fn forward(&self, tape: &mut Tape, x: &Var) -> Var {
        tape.rms_norm(x, self.gain, self.eps)
    }
}

/// A product with a matrix [out, in], and a bias where there is one.
pub(crate) struct Linear {
    pub(crate) weight: ParamId,
    pub(crate) bias: Option<ParamId>,
}

impl Linear {
    /// `name` without its `.weight`.
    pub(crate) fn new(params: &mut Params, name: String, [out, input]: [usize; 2], has_bias: bool) -> Linear {
        let weight = params.add(format!("{name}.weight"), Role::Matrix, &[out, input]);
        let bias = has_bias.then(|| params.add(format!("{name}.bias"), Role::Vector, &[out]));
        Linear { weight, bias }
    }

    pub(crate) fn forward(&self, tape: &mut Tape, x: &Var) -> Var {
        match self.bias {
            None => tape.linear(x, self.weight),
            Some(bias) => tape.linear_bias(x, self.weight, bias),
        }
    }
}

/// The SwiGLU feed-forward: `down(silu(gate(x)) · up(x))`.
pub(crate) struct Mlp {
    gate_proj: ParamId,
    up_proj: ParamId,
    down_proj: ParamId,
}

impl Mlp {
    pub(crate) fn new(params: &mut Params, name: &str, dim: usize, inter_dim: usize) -> Mlp {
        let mut add = |part: &str, shape| params.add(format!("{name}.{part}.weight"), Role::Matrix, shape);
        Mlp {
            gate_proj: add("gate_proj", &[inter_dim, dim]),
            up_proj: add("up_proj", &[inter_dim, dim]),
            down_proj: add("down_proj", &[dim, inter_dim]),
        }
    }

    /// `residual + mlp(x)`.
    pub(crate) fn forward(&self, tape: &mut Tape, residual: Var, x: &Var) -> Var {
        let gate = tape.linear(x, self.gate_proj);
        let up = tape.linear(x, self.up_proj);
        let hidden = tape.swiglu(&gate, &up);
        tape.linear_residual(residual, &hidden, self.down_proj)
    }
}
