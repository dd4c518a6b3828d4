//! SwiGLU: `silu(gate) · up`. Its output is made again for backward (V3 report, section 3.3.3).

use crate::tensor::by_dtype;
use crate::{Tape, Tensor, Var};
use kernels::swiglu::{swiglu_backward, swiglu_forward};

fn forward(gate: &Tensor, up: &Tensor) -> Tensor {
    let mut y = Tensor::empty(gate.device(), gate.dtype(), gate.shape());
    if !gate.is_meta() {
        by_dtype!(gate.dtype(), T => swiglu_forward::<T>(gate.slice(), up.slice(), y.slice_mut()));
    }
    y
}

impl Tape<'_> {
    /// `gate [t, n], up [t, n] -> silu(gate) · up [t, n]`.
    pub fn swiglu(&mut self, gate: &Var, up: &Var) -> Var {
        assert_eq!(gate.value.shape(), up.value.shape(), "swiglu");
        let y = forward(&gate.value, &up.value);
        if !self.is_recording() {
            return self.var(y);
        }
        let (kept, again) = ((gate.save(), up.save()), (gate.save(), up.save()));
        let out = self.remakeable(y, move |params| forward(&again.0.take(params), &again.1.take(params)));
        let (gate_id, up_id, out_id) = (gate.id, up.id, out.id);
        self.record(move |b| {
            let (gate, up) = (kept.0.take(b.params), kept.1.take(b.params));
            let Some(dy) = b.slots.take(out_id) else { return };
            let mut dgate = Tensor::empty(gate.device(), gate.dtype(), gate.shape());
            let mut dup = Tensor::empty(gate.device(), gate.dtype(), gate.shape());
            if !gate.is_meta() {
                by_dtype!(gate.dtype(), T => {
                    swiglu_backward::<T>(gate.slice(), up.slice(), dy.slice(), dgate.slice_mut(), dup.slice_mut())
                });
            }
            b.slots.give(gate_id, dgate);
            b.slots.give(up_id, dup);
        });
        out
    }
}
