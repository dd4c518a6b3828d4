//! Models: configuration, weights, tokenizer, checkpoints, and the architectures themselves.
#![forbid(unsafe_code)]

pub mod bpe_train;
pub mod chat_template;
pub mod checkpoint;
pub mod tokenizer;
pub mod weights;
pub mod config;
pub mod count;
pub mod presets;
mod attend;
mod batch;
pub mod bundled;
pub mod card;
mod deepseek_v3;
mod dense;
mod init;
pub mod inspect;
mod layers;
pub mod memory;
mod model;
pub mod names;
pub mod source;
pub mod error;

pub use config::Config;
pub use error::{Error, Result};
pub use batch::{PackedBatch, Segment};
pub use model::{LossSpec, Model, ModelOptions, StepLoss};
