//! Token embedding, the start of the residual stream.

use crate::tensor::by_dtype;
use crate::{DType, ParamId, Tape, Tensor, Var};

impl<'a> Tape<'a> {
    /// `ids [t] -> table[ids] [t, d]` in f32.
    pub fn embed(&mut self, ids: &'a [u32], table: ParamId) -> Var {
        let weight = self.params.value(table);
        let dim = weight.n_cols();
        let mut x = Tensor::empty(self.device(), DType::F32, &[ids.len(), dim]);
        if !x.is_meta() {
            by_dtype!(weight.dtype(), W => {
                kernels::elementwise::embed_forward::<W, f32>(dim, weight.slice(), ids, x.slice_mut())
            });
        }
        let out = self.var(x);
        if self.is_recording() && self.params.is_trained(table) {
            let out_id = out.id;
            self.record(move |b| {
                let (Some(dx), Some(dtable)) = (b.slots.take(out_id), b.grads.get_mut(table)) else { return };
                if !dx.is_meta() {
                    kernels::elementwise::embed_backward::<f32>(dim, dx.slice(), ids, dtable.slice_mut());
                }
            });
        }
        out
    }
}
