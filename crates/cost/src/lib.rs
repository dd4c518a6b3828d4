//! The cost crate.
