//! Tensors on a device, and a coarse tape: about twenty-five fused operations, each with its hand-written backward.
//!
//! This is not a general framework. An operation exists because a transformer needs it, does all of one step's work in
//! one pass over memory, and lives in one file of [`ops`] with its backward beside it. Mathematics is infallible in the
//! types: a wrong shape is our bug and panics with both shapes.
//!
//! - [`Device`]: the CPU, or `Meta`, which runs no kernel and only counts bytes, so that the peak memory of a training
//!   step is known before the first one. A GPU is another case of the same enum.
//! - [`Tensor`]: a contiguous f32 or bf16 buffer on a device, shared by reference count, pooled when freed.
//! - [`Params`] and [`Gradients`]: a model's named parameters, and their gradients in f32.
//! - [`Tape`]: records operations for [`Tape::backward`]; an inference tape runs the same functions and records nothing.
//! - [`AdamW`]: the optimizer over `Params`.
#![forbid(unsafe_code)]

mod device;
mod optim;
mod params;
mod tape;
#[allow(clippy::module_inception)] // the crate is named for its main type
mod tensor;

pub mod cache;
pub mod ops;

pub use device::Device;
pub use kernels::bf16;
pub use optim::{AdamW, AdamWConfig, Ema};
pub use params::{Gradients, ParamId, Params, Role, Training};
pub use tape::{Tape, Var};
pub use tensor::{DType, Precision, Stored, Tensor};

#[cfg(test)]
mod tests;
