//! The scalar twins: each kernel again in plain loops, the executable specification that the fast ones are tested against.
//!
//! Row kernels have their twins in f64, so that finite differences check the twin's gradients tightly.

pub mod attention;
pub mod elementwise;
pub mod gemm;
pub mod loss;
pub mod norm;
pub mod optim;
pub mod rope;
pub mod router;
pub mod swiglu;
