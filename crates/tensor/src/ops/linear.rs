//! Matrix products with parameters: `y = x·wᵀ`, w as Hugging Face stores it, [out, in].

use crate::ops::into_owned;
use crate::params::{ParamId, Params};
use crate::tape::{Backward, Saved};
use crate::tensor::by_dtype;
use crate::{DType, Tape, Tensor, Var};
use kernels::gemm::{Compute, Gemm, Layout, gemm, gemm_packed};

/// `y (+)= x·wᵀ`.
pub(super) fn matmul(params: &Params, x: &Tensor, w: ParamId, y: &mut Tensor, compute: Compute, accumulate: bool) {
    let weight = params.value(w);
    let (m, n, k) = (x.n_rows(), weight.n_rows(), weight.n_cols());
    assert_eq!(x.n_cols(), k, "{}: input {:?} against weight {:?}", params.name(w), x.shape(), weight.shape());
    assert_eq!((y.n_rows(), y.n_cols()), (m, n), "{}: output shape", params.name(w));
    if x.is_meta() {
        return;
    }
    by_dtype!(x.dtype(), A => by_dtype!(y.dtype(), C => {
        match params.packed(w) {
            Some(packed) => gemm_packed::<A, C>(m, x.slice(), packed, y.slice_mut(), accumulate),
            None => by_dtype!(weight.dtype(), B => {
                let op = Gemm { layout: Layout::Nt, compute, m, n, k, accumulate };
                gemm::<A, B, C>(op, x.slice(), weight.slice(), y.slice_mut())
            }),
        }
    }));
}

/// An input of a product as its backward needs it: the values only where the weight has a gradient.
pub(super) enum Input {
    Kept(Saved),
    Shape(DType, Vec<usize>),
}

impl Input {
    pub(super) fn save(params: &Params, x: &Var, w: ParamId) -> Input {
        match params.is_trained(w) {
            true => Input::Kept(x.save()),
            false => Input::Shape(x.value.dtype(), x.value.shape().to_vec()),
        }
    }

    /// Calls `add` with the values that were kept and the gradient of their weight; returns the input's type and shape.
    pub(super) fn add_weight_gradient(
        self,
        b: &mut Backward,
        w: ParamId,
        add: impl FnOnce(&Tensor, &mut Tensor),
    ) -> (DType, Vec<usize>) {
        match self {
            Input::Shape(dtype, shape) => (dtype, shape),
            Input::Kept(saved) => {
                let x = saved.take(b.params);
                let dw = b.grads.get_mut(w).expect("inputs are kept for trained weights");
                if !x.is_meta() {
                    add(&x, dw);
                }
                (x.dtype(), x.shape().to_vec())
            }
        }
    }

    /// Frees what was kept, where no gradient came.
    pub(super) fn discard(self, params: &Params) {
        if let Input::Kept(saved) = self {
            drop(saved.take(params));
        }
    }
}

/// Gradients of `y = x·wᵀ`: `dx (+)= dy·w` into the slot of `x`, and `dw += dyᵀ·x` where `w` is trained.
pub(super) fn matmul_backward(b: &mut Backward, (x_id, x): (usize, Input), w: ParamId, dy: &Tensor, compute: Compute) {
    let weight = b.params.value(w);
    let (rows, n, k) = (dy.n_rows(), weight.n_rows(), weight.n_cols());
    let (dtype, shape) = x.add_weight_gradient(b, w, |x, dw| {
        let op = Gemm { layout: Layout::Tn, compute, m: n, n: k, k: rows, accumulate: true };
        by_dtype!(x.dtype(), X => by_dtype!(dy.dtype(), Y => {
            gemm::<Y, X, f32>(op, dy.slice(), x.slice(), dw.slice_mut())
        }));
    });
    let (dx, accumulate) = b.slots.get(x_id, dtype, &shape);
    if dy.is_meta() {
        return;
    }
    let op = Gemm { layout: Layout::Nn, compute, m: rows, n: k, k: n, accumulate };
    by_dtype!(dtype, X => by_dtype!(dy.dtype(), Y => by_dtype!(weight.dtype(), W => {
        gemm::<Y, W, X>(op, dy.slice(), weight.slice(), dx.slice_mut())
    })));
}

impl<'a> Tape<'a> {
    /// `x [t, in] -> x·wᵀ [t, out]` in the precision's type.
    pub fn linear(&mut self, x: &Var, w: ParamId) -> Var {
        let y = self.product(x, w, self.dtype(), self.params.compute());
        self.linear_output(x, w, y, self.params.compute())
    }

    /// As [`Tape::linear`] with a bias `[out]`.
    pub fn linear_bias(&mut self, x: &Var, w: ParamId, bias: ParamId) -> Var {
        let mut y = self.product(x, w, self.dtype(), self.params.compute());
        if !y.is_meta() {
            by_dtype!(y.dtype(), T => kernels::elementwise::bias_add::<T>(self.params.value(bias).slice(), y.slice_mut()));
        }
        let out = self.linear_output(x, w, y, self.params.compute());
        if self.is_recording() && self.params.is_trained(bias) {
            let id = out.id;
            // Runs before the product's own backward, and leaves the gradient of the output in place.
            self.record(move |b| {
                let (Some(dy), Some(dbias)) = (b.slots.take(id), b.grads.get_mut(bias)) else { return };
                if !dy.is_meta() {
                    by_dtype!(dy.dtype(), T => kernels::elementwise::bias_backward::<T>(dy.slice(), dbias.slice_mut()));
                }
                b.slots.give(id, dy);
            });
        }
        out
    }

    /// `x·wᵀ` in f32 whatever the precision, for the router's scores (V3 report, section 3.3.1).
    pub fn linear_f32(&mut self, x: &Var, w: ParamId) -> Var {
        let y = self.product(x, w, DType::F32, Compute::F32);
        self.linear_output(x, w, y, Compute::F32)
    }

    /// `x·wᵀ` in f32 at the precision's arithmetic: the start of a residual stream (the MTP module's projection).
    pub fn linear_stream(&mut self, x: &Var, w: ParamId) -> Var {
        let y = self.product(x, w, DType::F32, self.params.compute());
        self.linear_output(x, w, y, self.params.compute())
    }

    /// `residual + bias`, in f32.
    pub fn bias_residual(&mut self, residual: Var, bias: ParamId) -> Var {
        let residual_id = residual.id;
        let mut y = into_owned(residual);
        if !y.is_meta() {
            kernels::elementwise::bias_add::<f32>(self.params.value(bias).slice(), y.slice_mut());
        }
        let out = self.var(y);
        if self.is_recording() {
            let out_id = out.id;
            self.record(move |b| {
                let Some(dy) = b.slots.take(out_id) else { return };
                if let (Some(dbias), false) = (b.grads.get_mut(bias), dy.is_meta()) {
                    kernels::elementwise::bias_backward::<f32>(dy.slice(), dbias.slice_mut());
                }
                b.slots.give(residual_id, dy);
            });
        }
        out
    }

    /// `residual + x·wᵀ`, in the residual's type; its buffer is reused where nobody else holds it.
    pub fn linear_residual(&mut self, residual: Var, x: &Var, w: ParamId) -> Var {
        let compute = self.params.compute();
        let residual_id = residual.id;
        let mut y = into_owned(residual);
        matmul(self.params, x.value(), w, &mut y, compute, true);
        let out = self.var(y);
        if self.is_recording() {
            let (x_id, input, out_id) = (x.id, Input::save(self.params, x, w), out.id);
            self.record(move |b| {
                let Some(dy) = b.slots.take(out_id) else { return input.discard(b.params) };
                matmul_backward(b, (x_id, input), w, &dy, compute);
                b.slots.give(residual_id, dy);
            });
        }
        out
    }

    /// `x · by`, in place where nobody else holds it.
    pub fn scale(&mut self, x: Var, by: f32) -> Var {
        let x_id = x.id;
        let mut y = into_owned(x);
        scale_assign(&mut y, by);
        let out = self.var(y);
        if self.is_recording() {
            let out_id = out.id;
            self.record(move |b| {
                let Some(mut dy) = b.slots.take(out_id) else { return };
                scale_assign(&mut dy, by);
                b.slots.give(x_id, dy);
            });
        }
        out
    }

    /// The output head's scores `x·wᵀ` in f32, for sampling. Not recorded: the loss is [`Tape::head_loss`].
    pub fn logits(&self, x: &Tensor, w: ParamId) -> Tensor {
        let shape = [x.n_rows(), self.params.value(w).n_rows()];
        let mut y = Tensor::empty(self.device(), DType::F32, &shape);
        matmul(self.params, x, w, &mut y, self.params.compute(), false);
        y
    }

    fn product(&self, x: &Var, w: ParamId, dtype: DType, compute: Compute) -> Tensor {
        let shape = [x.value.n_rows(), self.params.value(w).n_rows()];
        let mut y = Tensor::empty(self.device(), dtype, &shape);
        matmul(self.params, &x.value, w, &mut y, compute, false);
        y
    }

    fn linear_output(&mut self, x: &Var, w: ParamId, y: Tensor, compute: Compute) -> Var {
        let out = self.var(y);
        if self.is_recording() {
            self.record_product(x, w, out.id, compute);
        }
        out
    }

    fn record_product(&mut self, x: &Var, w: ParamId, out_id: usize, compute: Compute) {
        let (x_id, input) = (x.id, Input::save(self.params, x, w));
        self.record(move |b| {
            let Some(dy) = b.slots.take(out_id) else { return input.discard(b.params) };
            matmul_backward(b, (x_id, input), w, &dy, compute);
        });
    }
}

fn scale_assign(x: &mut Tensor, by: f32) {
    if !x.is_meta() {
        by_dtype!(x.dtype(), T => kernels::elementwise::scale_assign::<T>(x.slice_mut(), by));
    }
}
