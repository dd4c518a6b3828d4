//! Two values side by side, for the MTP module's projection (V3 report, equation 21).

use crate::tensor::by_dtype;
use crate::{Tape, Tensor, Var};
use kernels::elementwise::{Columns, copy_columns};

fn forward(a: &Tensor, b: &Tensor) -> Tensor {
    let (rows, n_a, n_b) = (a.n_rows(), a.n_cols(), b.n_cols());
    let mut y = Tensor::empty(a.device(), a.dtype(), &[rows, n_a + n_b]);
    for (x, dst_offset) in [(a, 0), (b, n_a)] {
        let width = x.n_cols();
        let op = Columns { rows, src_stride: width, src_offset: 0, dst_stride: n_a + n_b, dst_offset, width };
        if !x.is_meta() {
            by_dtype!(x.dtype(), T => copy_columns::<T, T>(&op, x.slice(), y.slice_mut(), false));
        }
    }
    y
}

impl Tape<'_> {
    /// `a [t, n], b [t, m] -> [t, n + m]`; made again for backward.
    pub fn concat(&mut self, a: &Var, b: &Var) -> Var {
        self.assert_rows("concat", &a.value, &b.value);
        let y = forward(&a.value, &b.value);
        if !self.is_recording() {
            return self.var(y);
        }
        let again = (a.save(), b.save());
        let parts = [(a.id, a.value.n_cols()), (b.id, b.value.n_cols())];
        let out = self.remakeable(y, move |params| forward(&again.0.take(params), &again.1.take(params)));
        let out_id = out.id;
        self.record(move |b| {
            let Some(dy) = b.slots.take(out_id) else { return };
            let (rows, total, mut src_offset) = (dy.n_rows(), dy.n_cols(), 0);
            for (id, width) in parts {
                let op = Columns { rows, src_stride: total, src_offset, dst_stride: width, dst_offset: 0, width };
                let (dx, accumulate) = b.slots.get(id, dy.dtype(), &[rows, width]);
                if !dy.is_meta() {
                    by_dtype!(dy.dtype(), T => copy_columns::<T, T>(&op, dy.slice(), dx.slice_mut(), accumulate));
                }
                src_offset += width;
            }
        });
        out
    }
}
