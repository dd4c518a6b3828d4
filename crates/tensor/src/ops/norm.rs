//! RMSNorm. Its output is made again for backward, never kept.

use crate::params::Params;
use crate::tensor::by_dtype;
use crate::{DType, ParamId, Tape, Tensor, Var};
use kernels::norm::{RmsNorm, rms_norm_backward, rms_norm_forward};

/// The normalised rows, as a tensor of `width` columns: one row or several heads side by side.
fn forward(params: &Params, x: &Tensor, gain: ParamId, op: &RmsNorm, width: usize) -> Tensor {
    let shape = [op.rows * op.dim / width, width];
    let mut y = Tensor::empty(params.device(), params.precision().dtype(), &shape);
    if !x.is_meta() {
        by_dtype!(x.dtype(), X => by_dtype!(y.dtype(), Y => {
            rms_norm_forward::<X, Y>(op, x.slice(), params.value(gain).slice(), y.slice_mut())
        }));
    }
    y
}

impl Tape<'_> {
    /// `x / rms(x) · gain` over the first `gain.len()` columns of each row (MLA normalises the latent and leaves the
    /// rotary key beside it alone). Where the rows of `x` are a multiple of the gain (heads side by side), each head is
    /// a row of its own. The output is in the precision's type.
    pub fn rms_norm(&mut self, x: &Var, gain: ParamId, eps: f32) -> Var {
        let (width, dim) = (x.value.n_cols(), self.params.value(gain).len());
        self.norm_rows(x, gain, RmsNorm { rows: x.value.n_rows(), dim, x_stride: width, eps }, dim)
    }

    /// RMSNorm of each head: `x [t, h·d]`, gain `[d]`.
    pub fn rms_norm_heads(&mut self, x: &Var, gain: ParamId, eps: f32) -> Var {
        let dim = self.params.value(gain).len();
        let width = x.value.n_cols();
        assert_eq!(width % dim, 0, "heads of {dim} in rows of {:?}", x.value.shape());
        self.norm_rows(x, gain, RmsNorm { rows: x.value.len() / dim, dim, x_stride: dim, eps }, width)
    }

    fn norm_rows(&mut self, x: &Var, gain: ParamId, op: RmsNorm, width: usize) -> Var {
        let y = forward(self.params, &x.value, gain, &op, width);
        if !self.is_recording() {
            return self.var(y);
        }
        let (kept, again) = (x.save(), x.save());
        let (x_id, rows) = (x.id, (op.rows, op.dim, op.x_stride, op.eps));
        let spec = move || RmsNorm { rows: rows.0, dim: rows.1, x_stride: rows.2, eps: rows.3 };
        let out = self.remakeable(y, move |params| forward(params, &again.take(params), gain, &spec(), width));
        let out_id = out.id;
        self.record(move |b| {
            let x = kept.take(b.params);
            let Some(dy) = b.slots.take(out_id) else { return };
            // A frozen gain has no gradient to add to; the kernel's goes to waste.
            let mut unused = None;
            let dgain = match b.grads.get_mut(gain) {
                Some(dgain) => dgain,
                None => unused.insert(Tensor::zeros(x.device(), DType::F32, &[rows.1])),
            };
            let whole = rows.2 == rows.1;
            let (dx, accumulate) = match whole {
                true => b.slots.get(x_id, x.dtype(), x.shape()),
                false => (b.slots.get_zeroed(x_id, x.dtype(), x.shape()), true),
            };
            if !x.is_meta() {
                let gain = b.params.value(gain).slice();
                by_dtype!(x.dtype(), X => by_dtype!(dy.dtype(), Y => {
                    rms_norm_backward::<X, Y>(&spec(), x.slice(), gain, dy.slice(), dx.slice_mut(), accumulate, dgain.slice_mut())
                }));
            }
        });
        out
    }
}
