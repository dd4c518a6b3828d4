//! Rotary position embedding, in place.

use crate::ops::into_owned;
use crate::tensor::by_dtype;
use crate::{Tape, Tensor, Var};
use kernels::rope::{Rope, RopeTable, rope_apply};

/// Which part of each head is rotated, and how.
#[derive(Clone, Copy)]
pub struct RopeSpec<'a> {
    /// Cosines and sines by position.
    pub table: &'a RopeTable,
    /// The position of each row.
    pub positions: &'a [u32],
    /// Values in a head.
    pub head_dim: usize,
    /// Where the rotated values start in a head.
    pub rot_offset: usize,
    /// Rotated values.
    pub rot_dim: usize,
    /// Pairs are neighbours (DeepSeek) rather than half a head apart (Llama, Qwen).
    pub interleaved: bool,
}

/// Turns `x [t, h·head_dim]`, or turns it back.
pub(super) fn rotate(spec: &RopeSpec, x: &mut Tensor, inverse: bool) {
    if x.is_meta() {
        return;
    }
    let op = Rope {
        table: spec.table,
        positions: spec.positions,
        n_heads: x.n_cols() / spec.head_dim,
        head_dim: spec.head_dim,
        rot_offset: spec.rot_offset,
        rot_dim: spec.rot_dim,
        interleaved: spec.interleaved,
        inverse,
    };
    by_dtype!(x.dtype(), T => rope_apply::<T>(&op, x.slice_mut()));
}

impl<'a> Tape<'a> {
    /// Rotates `x [t, h·head_dim]` by each row's position.
    pub fn rope(&mut self, x: Var, spec: RopeSpec<'a>) -> Var {
        assert_eq!(x.value.n_rows(), spec.positions.len(), "rope: rows of {:?} and positions", x.value.shape());
        let x_id = x.id;
        let mut y = into_owned(x);
        rotate(&spec, &mut y, false);
        let out = self.var(y);
        if self.is_recording() {
            let out_id = out.id;
            self.record(move |b| {
                let Some(mut dy) = b.slots.take(out_id) else { return };
                rotate(&spec, &mut dy, true);
                b.slots.give(x_id, dy);
            });
        }
        out
    }
}
