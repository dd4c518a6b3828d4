//! The operations, a file for each family, each forward beside its backward.
//!
//! Shape letters: t tokens (rows), d model width, h heads, e experts, k experts per token.
//!
//! All follow one pattern: check shapes, allocate the output, run the kernel (not on the meta device), and on a
//! training tape record a closure that takes the output's gradient, writes the inputs' and adds the parameters'.

mod attention;
mod concat;
mod embed;
mod linear;
mod loss;
mod mla;
mod moe;
mod norm;
mod policy;
mod rope;
mod swiglu;

pub use loss::LossSum;
pub use mla::HeadLinear;
pub use moe::{ExpertWeights, Routing};
pub use policy::{Objective, PolicyRows, TokenGrads, TokenLogProbs};
pub use rope::RopeSpec;

use crate::{Tape, Tensor, Var};

/// The value to be changed in place: the same buffer where nobody else holds it, a copy otherwise.
fn into_owned(var: Var) -> Tensor {
    let Var { mut value, .. } = var;
    if value.is_unique() { value } else { value.duplicate() }
}

impl Tape<'_> {
    /// Asserts that two matrices have as many rows.
    #[track_caller]
    fn assert_rows(&self, what: &str, a: &Tensor, b: &Tensor) {
        assert_eq!(a.n_rows(), b.n_rows(), "{what}: rows of {:?} and {:?}", a.shape(), b.shape());
    }
}
