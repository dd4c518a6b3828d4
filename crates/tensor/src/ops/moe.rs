//! DeepSeekMoE (V3 report, section 2.1.2): the router, sending rows to experts, and bringing them back.

use crate::ops::into_owned;
use crate::tensor::by_dtype;
use crate::{DType, ParamId, Tape, Tensor, Var};
use kernels::attention::Span;
use kernels::gemm::{Gemm, Layout, grouped_gemm};
use kernels::router::{
    CombineSaved, DispatchPlan, Router, balance_loss, combine_backward, combine_forward, dispatch_backward,
    dispatch_forward, dispatch_plan, router_backward, router_forward,
};
use std::rc::Rc;

/// Where each token goes, and with which weight.
pub struct Routing {
    /// Gate values [t, k].
    pub weights: Var,
    /// Which row goes to which expert.
    pub plan: Rc<DispatchPlan>,
    /// The experts of each token [t, k].
    pub expert_idx: Vec<u32>,
    /// The sequence-wise balance loss, already multiplied by alpha; zero where it is off.
    pub balance_loss: f64,
    top_k: usize,
}

/// The stacked weights of a layer's routed experts.
#[derive(Clone, Copy)]
pub struct ExpertWeights {
    /// [e, n, d]
    pub gate_proj: ParamId,
    /// [e, n, d]
    pub up_proj: ParamId,
    /// [e, d, n]
    pub down_proj: ParamId,
}

impl<'a> Tape<'a> {
    /// Chooses `op.top_k` experts for each row of `logits [t, e]`. With `balance_alpha` above zero the sequence-wise
    /// balance loss (equations 17 to 20, one sequence a span) is a root of the backward.
    pub fn route(
        &mut self,
        logits: &Var,
        correction_bias: ParamId,
        op: Router,
        spans: &'a [Span],
        balance_alpha: f32,
    ) -> Routing {
        let (t, top_k) = (logits.value.n_rows(), op.top_k);
        let mut scores = Tensor::empty(self.device(), DType::F32, logits.value.shape());
        let mut weights = Tensor::empty(self.device(), DType::F32, &[t, top_k]);
        let mut expert_idx = vec![0; t * top_k];
        if !scores.is_meta() {
            let bias = self.params.value(correction_bias).slice();
            router_forward(&op, logits.value.slice(), bias, scores.slice_mut(), &mut expert_idx, weights.slice_mut());
        }
        let plan = Rc::new(dispatch_plan(op.n_experts, top_k, &expert_idx));
        let (mut loss, mut dscores) = (0.0, None);
        if self.is_recording() && balance_alpha > 0.0 {
            let mut grad = Tensor::zeros(self.device(), DType::F32, scores.shape());
            if !grad.is_meta() {
                loss = balance_loss(&op, spans, scores.slice(), &expert_idx, balance_alpha, grad.slice_mut());
            }
            dscores = Some(grad);
        }
        let weights = self.var(weights);
        if self.is_recording() {
            let (logits_id, weights_id, idx) = (logits.id, weights.id, expert_idx.clone());
            self.record(move |b| {
                let mut dlogits = Tensor::empty(scores.device(), DType::F32, scores.shape());
                let dweights = b.slots.take(weights_id).expect("combine gives the gate values a gradient");
                if !scores.is_meta() {
                    let extra = dscores.as_ref().map(|d| d.slice::<f32>());
                    router_backward(&op, scores.slice(), &idx, dweights.slice(), extra, dlogits.slice_mut());
                }
                b.slots.give(logits_id, dlogits);
            });
        }
        Routing { weights, plan, expert_idx, balance_loss: loss, top_k }
    }

    /// The routed experts: `residual [t, d] + sum of gate value · expert(x) [t, d]`, in f32.
    pub fn experts(&mut self, residual: Var, x: &Var, routing: &Routing, w: ExpertWeights) -> Var {
        let sorted = self.dispatch(x, routing);
        let gate = self.grouped_linear(&sorted, w.gate_proj, routing);
        let up = self.grouped_linear(&sorted, w.up_proj, routing);
        let hidden = self.swiglu(&gate, &up);
        let y = self.grouped_linear(&hidden, w.down_proj, routing);
        self.combine(residual, &y, routing)
    }

    fn dispatch(&mut self, x: &Var, routing: &Routing) -> Var {
        let y = gather(&x.value, &routing.plan);
        if !self.is_recording() {
            return self.var(y);
        }
        let (saved, plan, top_k) = (x.save(), Rc::clone(&routing.plan), routing.top_k);
        let (x_id, shape, dtype) = (x.id, x.value.shape().to_vec(), x.value.dtype());
        let again = Rc::clone(&plan);
        let out = self.remakeable(y, move |params| gather(&saved.take(params), &again));
        let out_id = out.id;
        self.record(move |b| {
            let Some(dy) = b.slots.take(out_id) else { return };
            let dim = dy.n_cols();
            let (dx, accumulate) = b.slots.get(x_id, dtype, &shape);
            if !dy.is_meta() {
                by_dtype!(dtype, T => {
                    dispatch_backward::<T>(dim, top_k, &plan, dy.slice(), dx.slice_mut(), accumulate)
                });
            }
        });
        out
    }

    fn grouped_linear(&mut self, x: &Var, w: ParamId, routing: &Routing) -> Var {
        let weight = self.params.value(w);
        let &[_, n, k] = weight.shape() else { panic!("experts' weights are [e, n, k], not {:?}", weight.shape()) };
        let compute = self.params.compute();
        let mut y = Tensor::empty(self.device(), self.dtype(), &[x.value.n_rows(), n]);
        if !y.is_meta() {
            let op = Gemm { layout: Layout::Nt, compute, m: 0, n, k, accumulate: false };
            by_dtype!(weight.dtype(), B => by_dtype!(x.value.dtype(), A => {
                grouped_gemm::<A, B, A>(op, &routing.plan.offsets, x.value.slice(), weight.slice(), y.slice_mut())
            }));
        }
        let out = self.var(y);
        if self.is_recording() {
            let (saved, plan, x_id, out_id) = (x.save(), Rc::clone(&routing.plan), x.id, out.id);
            self.record(move |b| {
                let x = saved.take(b.params);
                let Some(dy) = b.slots.take(out_id) else { return };
                let (weight, dw) = (b.params.value(w), b.grads.get_mut(w));
                let (dx, accumulate) = b.slots.get(x_id, x.dtype(), x.shape());
                if x.is_meta() {
                    return;
                }
                by_dtype!(x.dtype(), T => by_dtype!(weight.dtype(), W => {
                    if let Some(dw) = dw {
                        let op = Gemm { layout: Layout::Tn, compute, m: n, n: k, k: 0, accumulate: true };
                        grouped_gemm::<T, T, f32>(op, &plan.offsets, dy.slice(), x.slice(), dw.slice_mut());
                    }
                    let op = Gemm { layout: Layout::Nn, compute, m: 0, n: k, k: n, accumulate };
                    grouped_gemm::<T, W, T>(op, &plan.offsets, dy.slice(), weight.slice(), dx.slice_mut());
                }));
            });
        }
        out
    }

    fn combine(&mut self, residual: Var, y: &Var, routing: &Routing) -> Var {
        let (dim, top_k) = (y.value.n_cols(), routing.top_k);
        let residual_id = residual.id;
        let mut out = into_owned(residual);
        if !out.is_meta() {
            let weights = routing.weights.value.slice();
            by_dtype!(y.value.dtype(), T => {
                combine_forward::<T>(dim, top_k, &routing.plan, y.value.slice(), weights, out.slice_mut())
            });
        }
        let out = self.var(out);
        if self.is_recording() {
            let (plan, weights, y_id) = (Rc::clone(&routing.plan), routing.weights.value.clone(), y.id);
            let (saved, weights_id, out_id) = (y.save(), routing.weights.id, out.id);
            self.record(move |b| {
                let y = saved.take(b.params);
                let dout = b.slots.take(out_id).expect("the residual stream has a gradient");
                let mut dy = Tensor::empty(y.device(), y.dtype(), y.shape());
                let mut dweights = Tensor::empty(y.device(), DType::F32, weights.shape());
                if !y.is_meta() {
                    by_dtype!(y.dtype(), T => {
                        let dweights = dweights.slice_mut();
                        let saved = CombineSaved { plan: &plan, y: y.slice(), weights: weights.slice() };
                        combine_backward::<T>(dim, top_k, saved, dout.slice(), dy.slice_mut(), dweights)
                    });
                }
                b.slots.give(y_id, dy);
                b.slots.give(weights_id, dweights);
                b.slots.give(residual_id, dout);
            });
        }
        out
    }
}

fn gather(x: &Tensor, plan: &DispatchPlan) -> Tensor {
    let dim = x.n_cols();
    let mut y = Tensor::empty(x.device(), x.dtype(), &[plan.token.len(), dim]);
    if !x.is_meta() {
        by_dtype!(x.dtype(), T => dispatch_forward::<T>(dim, plan, x.slice(), y.slice_mut()));
    }
    y
}
