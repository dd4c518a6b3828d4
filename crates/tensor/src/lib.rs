//! The tensor crate.
