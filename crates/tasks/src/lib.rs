//! The tasks crate.
