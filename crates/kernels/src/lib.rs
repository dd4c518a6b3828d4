//! The kernels crate.
