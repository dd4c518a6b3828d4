//! Multi-head latent attention in its absorbed form (DeepSeek-V2, arXiv:2405.04434, section 2.1.2): the up-projection of
//! keys moves the queries into the space of the latent, that of values moves the outputs out of it, and in between all
//! heads attend to one key, the latent and the rotary key beside it, whose value is the latent.
//!
//! Shape letters: h heads, n columns of a query without position, r with position, v of a value, c of the latent.

use crate::ops::into_owned;
use crate::ops::linear::Input;
use crate::ops::rope::{RopeSpec, rotate};
use crate::params::{ParamId, Params};
use crate::tape::Backward;
use crate::tensor::by_dtype;
use crate::{Tape, Tensor, Var};
use kernels::elementwise::{Columns, copy_columns};
use kernels::gemm::{Gemm, HeadMatrix, Layout, gemm_heads};
use std::ops::Range;

/// A product for each head with some rows of a matrix `[heads · w_rows, columns]`.
#[derive(Clone, Debug)]
pub struct HeadLinear {
    /// Heads that have rows of their own in the matrix.
    pub n_heads: usize,
    /// Columns of a head in the input, of which the first ones are multiplied.
    pub x_dim: usize,
    /// Columns of a head in the output, of which the first ones are the product.
    pub y_dim: usize,
    /// Rows of a head in the matrix.
    pub w_rows: usize,
    /// Those of them that are multiplied with.
    pub used: Range<usize>,
    /// `y = x·w`, a sum over the used rows, and not `x·wᵀ`, a sum over columns.
    pub sums_rows: bool,
}

impl HeadLinear {
    /// Columns that are multiplied in the input and written in the output, and the matrix' own.
    fn widths(&self, params: &Params, w: ParamId) -> [usize; 3] {
        let columns = params.value(w).n_cols();
        let (x, y) = if self.sums_rows { (self.used.len(), columns) } else { (columns, self.used.len()) };
        assert!(
            x <= self.x_dim && y <= self.y_dim && params.value(w).n_rows() == self.n_heads * self.w_rows,
            "{}: {self:?} with a weight {:?}",
            params.name(w),
            params.value(w).shape()
        );
        [x, y, columns]
    }

    fn x_at(&self) -> HeadMatrix {
        HeadMatrix { offset: 0, head: self.x_dim, row: self.n_heads * self.x_dim }
    }

    fn y_at(&self) -> HeadMatrix {
        HeadMatrix { offset: 0, head: self.y_dim, row: self.n_heads * self.y_dim }
    }

    fn w_at(&self, columns: usize) -> HeadMatrix {
        HeadMatrix { offset: self.used.start * columns, head: self.w_rows * columns, row: columns }
    }

    fn y_shape(&self, x: &Tensor) -> [usize; 2] {
        [x.n_rows(), x.n_cols() / self.x_dim * self.y_dim]
    }

    /// `y (+)= x·w` or `x·wᵀ`, head by head.
    fn multiply(&self, params: &Params, x: &Tensor, w: ParamId, y: &mut Tensor, accumulate: bool) {
        let [k, n, columns] = self.widths(params, w);
        let m = x.n_rows() * x.n_cols() / (self.n_heads * self.x_dim);
        assert_eq!([y.n_rows(), y.n_cols()], self.y_shape(x), "{}: {self:?}", params.name(w));
        if x.is_meta() {
            return;
        }
        let layout = if self.sums_rows { Layout::Nn } else { Layout::Nt };
        let op = Gemm { layout, compute: params.compute(), m, n, k, accumulate };
        let weight = params.value(w);
        by_dtype!(x.dtype(), X => by_dtype!(weight.dtype(), W => by_dtype!(y.dtype(), Y => {
            let (x, w, y) = (x.slice::<X>(), weight.slice::<W>(), y.slice_mut::<Y>());
            gemm_heads(op, self.n_heads, (x, self.x_at()), (w, self.w_at(columns)), (y, self.y_at()));
        })));
    }

    /// Gradients of [`Self::multiply`] from that of `y`: to the slot of `x`, where columns that are not multiplied stay
    /// as they are, and to `w` where it is trained.
    fn backward(&self, b: &mut Backward, (x_id, x): (usize, Input), w: ParamId, dy: &Tensor) {
        let [x_width, y_width, columns] = self.widths(b.params, w);
        let compute = b.params.compute();
        let rows = dy.n_rows() * dy.n_cols() / (self.n_heads * self.y_dim);
        let (dtype, shape) = x.add_weight_gradient(b, w, |x, dw| {
            let op = Gemm { layout: Layout::Tn, compute, m: self.used.len(), n: columns, k: rows, accumulate: true };
            by_dtype!(x.dtype(), X => by_dtype!(dy.dtype(), Y => {
                let x = (x.slice::<X>(), self.x_at());
                let dy = (dy.slice::<Y>(), self.y_at());
                let dw = (dw.slice_mut::<f32>(), self.w_at(columns));
                match self.sums_rows {
                    true => gemm_heads(op, self.n_heads, x, dy, dw),
                    false => gemm_heads(op, self.n_heads, dy, x, dw),
                }
            }));
        });
        let (dx, accumulate) = match x_width == self.x_dim {
            true => b.slots.get(x_id, dtype, &shape),
            false => (b.slots.get_zeroed(x_id, dtype, &shape), true),
        };
        if dy.is_meta() {
            return;
        }
        let layout = if self.sums_rows { Layout::Nt } else { Layout::Nn };
        let op = Gemm { layout, compute, m: rows, n: x_width, k: y_width, accumulate };
        let weight = b.params.value(w);
        by_dtype!(dtype, X => by_dtype!(dy.dtype(), Y => by_dtype!(weight.dtype(), W => {
            let (dy, w, dx) = (dy.slice::<Y>(), weight.slice::<W>(), dx.slice_mut::<X>());
            gemm_heads(op, self.n_heads, (dy, self.y_at()), (w, self.w_at(columns)), (dx, self.x_at()));
        })));
    }

    /// Columns of each head that follow those multiplied, as they stand in the input and in the output; none where the
    /// product fills the output.
    fn rest(&self, params: &Params, w: ParamId, n_rows: usize) -> Columns {
        let [x_width, y_width, _] = self.widths(params, w);
        let width = self.y_dim - y_width;
        assert_eq!(x_width + width, self.x_dim, "{self:?}: the rest of a head");
        Columns {
            rows: n_rows,
            src_stride: self.x_dim,
            src_offset: x_width,
            dst_stride: self.y_dim,
            dst_offset: y_width,
            width,
        }
    }

    /// `[x·w | the rest of x]` for each head.
    fn absorb(&self, params: &Params, x: &Tensor, w: ParamId) -> Tensor {
        let mut y = Tensor::empty(x.device(), x.dtype(), &self.y_shape(x));
        self.multiply(params, x, w, &mut y, false);
        if !x.is_meta() {
            let rest = self.rest(params, w, x.n_rows() * x.n_cols() / self.x_dim);
            by_dtype!(x.dtype(), T => copy_columns::<T, T>(&rest, x.slice(), y.slice_mut(), false));
        }
        y
    }
}

impl<'a> Tape<'a> {
    /// `x [t, heads · x_dim] -> [t, heads · y_dim]`, head by head; added to `into` where there is one.
    pub fn head_linear(&mut self, into: Option<Var>, x: &Var, w: ParamId, op: HeadLinear) -> Var {
        let into_id = into.as_ref().map(|into| into.id);
        let mut y = match into {
            Some(into) => into_owned(into),
            None => Tensor::empty(self.device(), self.dtype(), &op.y_shape(&x.value)),
        };
        op.multiply(self.params, &x.value, w, &mut y, into_id.is_some());
        let out = self.var(y);
        if self.is_recording() {
            let (x_id, input, out_id) = (x.id, Input::save(self.params, x, w), out.id);
            self.record(move |b| {
                let Some(dy) = b.slots.take(out_id) else { return input.discard(b.params) };
                op.backward(b, (x_id, input), w, &dy);
                if let Some(id) = into_id {
                    b.slots.give(id, dy);
                }
            });
        }
        out
    }

    /// MLA's queries in the space of its keys: `q [t, h·(n+r)] -> [t, h·(c+r)]`, each head's first columns multiplied with
    /// its up-projection of keys, the rotary ones taken over. Made again for backward (V3 report, section 3.2.3).
    pub fn mla_query(&mut self, q: &Var, w: ParamId, op: HeadLinear) -> Var {
        let y = op.absorb(self.params, &q.value, w);
        if !self.is_recording() {
            return self.var(y);
        }
        let (again, saved) = (op.clone(), q.save());
        let out = self.remakeable(y, move |params| again.absorb(params, &saved.take(params), w));
        let (q_id, input, out_id) = (q.id, Input::save(self.params, q, w), out.id);
        let (dtype, shape) = (q.value.dtype(), q.value.shape().to_vec());
        self.record(move |b| {
            let Some(dy) = b.slots.take(out_id) else { return input.discard(b.params) };
            op.backward(b, (q_id, input), w, &dy);
            let dq = b.slots.get_zeroed(q_id, dtype, &shape);
            if !dq.is_meta() {
                let rest = op.rest(b.params, w, dy.n_rows() * dy.n_cols() / op.y_dim).back();
                by_dtype!(dtype, T => copy_columns::<T, T>(&rest, dy.slice(), dq.slice_mut(), true));
            }
        });
        out
    }

    /// MLA's one key of all heads: `[latent [t, c] | kv_a's last r columns, turned]`, of `kv_a [t, c+r]`.
    pub fn mla_key(&mut self, latent: &Var, kv_a: &Var, rope: RopeSpec<'a>) -> Var {
        let (c, r) = (rope.rot_offset, rope.rot_dim);
        self.assert_rows("MLA's key", &latent.value, &kv_a.value);
        assert_eq!((latent.value.n_cols(), kv_a.value.n_cols()), (c, c + r), "MLA's key: columns");
        let rows = latent.value.n_rows();
        let latent_columns = Columns { rows, src_stride: c, src_offset: 0, dst_stride: c + r, dst_offset: 0, width: c };
        let rotary = Columns { rows, src_stride: c + r, src_offset: c, dst_stride: c + r, dst_offset: c, width: r };
        let mut key = Tensor::empty(self.device(), self.dtype(), &[rows, c + r]);
        if !key.is_meta() {
            by_dtype!(key.dtype(), T => {
                copy_columns::<T, T>(&latent_columns, latent.value.slice(), key.slice_mut(), false);
                copy_columns::<T, T>(&rotary, kv_a.value.slice(), key.slice_mut(), false);
            });
        }
        rotate(&rope, &mut key, false);
        let out = self.var(key);
        if self.is_recording() {
            let ids = (latent.id, kv_a.id, out.id);
            let dtypes = (latent.value.dtype(), kv_a.value.dtype());
            self.record(move |b| {
                let Some(mut dkey) = b.slots.take(ids.2) else { return };
                rotate(&rope, &mut dkey, true);
                let (dlatent, accumulate) = b.slots.get(ids.0, dtypes.0, &[rows, c]);
                if !dkey.is_meta() {
                    let back = latent_columns.back();
                    by_dtype!(dkey.dtype(), T => copy_columns::<T, T>(&back, dkey.slice(), dlatent.slice_mut(), accumulate));
                }
                let dkv_a = b.slots.get_zeroed(ids.1, dtypes.1, &[rows, c + r]);
                if !dkey.is_meta() {
                    by_dtype!(dkey.dtype(), T => copy_columns::<T, T>(&rotary, dkey.slice(), dkv_a.slice_mut(), true));
                }
            });
        }
        out
    }
}
