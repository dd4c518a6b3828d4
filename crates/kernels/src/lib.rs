//! CPU kernels on slices: the arithmetic of a transformer, forward and backward, near the machine's limit.
//!
//! Nothing here knows a tensor, a configuration or a file. Each kernel stands beside its scalar twin in
//! `reference`, the executable specification, and is tested against it on every instruction set the machine has.
//!
//! Two promises hold everywhere (they are what makes training reproducible and sampling equal to training):
//! - **Neither thread count nor the number of rows beside it changes a result.** A sum over `k` is one chain in
//!   ascending order for every shape; reductions over rows go through blocks of fixed size in a fixed order.
//! - **The instruction set is chosen at run time** ([`isa::Isa::active`]); `PENSEUR_ISA` forces one.
//!
//! Where to find things: [`isa`] and [`simd`] (dispatch and vectors), [`gemm`] (also by expert and by head), [`attention`]
//! (packed, cached, backward), [`norm`], [`rope`], [`swiglu`], [`router`] (gate, balance, dispatch, combine),
//! [`distribution`] (temperature, filters, drawing), [`loss`] (log-probabilities and their gradient), [`optim`] (AdamW),
//! [`elementwise`] (embedding, residual, casts, columns), [`pool`] (the threads), [`peak`] (the machine's
//! limit), [`mod@reference`] (the twins).

pub mod attention;
pub mod distribution;
pub mod elementwise;
pub mod gemm;
pub mod isa;
mod lanes;
pub mod loss;
pub mod norm;
pub mod optim;
mod parallel;
pub mod peak;
pub mod pool;
mod prefetch;
pub mod reference;
pub mod rope;
pub mod router;
mod scratch;
pub mod simd;
pub mod swiglu;
#[cfg(test)]
mod test_support;

pub use half::bf16;
pub use simd::Element;
