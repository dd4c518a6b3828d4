//! Models: configuration, weights, tokenizer, checkpoints, and the architectures themselves.
#![forbid(unsafe_code)]

pub mod config;
pub mod error;

pub use config::Config;
pub use error::{Error, Result};
