//! SwiGLU in plain loops.

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `silu(gate) * up`.
pub fn swiglu(gate: &[f64], up: &[f64]) -> Vec<f64> {
    let both = gate.iter().zip(up);
    both.map(|(g, u)| g * sigmoid(*g) * u).collect()
}

/// `(dgate, dup)`.
pub fn swiglu_backward(gate: &[f64], up: &[f64], dout: &[f64]) -> (Vec<f64>, Vec<f64>) {
    (0..gate.len())
        .map(|i| {
            let (g, s) = (gate[i], sigmoid(gate[i]));
            (dout[i] * up[i] * s * (1.0 + g * (1.0 - s)), dout[i] * g * s)
        })
        .unzip()
}
