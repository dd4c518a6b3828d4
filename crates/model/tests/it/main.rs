//! The crate against the outside world.

mod finite_differences;
mod golden;
mod numerics;
