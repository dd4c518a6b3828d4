//! The sys crate.
