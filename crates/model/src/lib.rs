//! Models: configuration, weights, tokenizer, checkpoints, and the architectures themselves.
#![forbid(unsafe_code)]

pub mod adapter;
mod attend;
mod batch;
pub mod bpe_train;
pub mod bundled;
pub mod card;
pub mod chat_template;
pub mod checkpoint;
pub mod config;
pub mod count;
mod deepseek_v3;
mod dense;
pub mod error;
mod init;
pub mod inspect;
mod layers;
pub mod memory;
mod model;
pub mod names;
mod policy;
pub mod presets;
pub mod source;
pub mod tokenizer;
pub mod weights;

pub use batch::PackedBatch;
pub use config::Config;
pub use error::{Error, Result};
pub use model::{LossSpec, Model, ModelOptions, StepLoss};
pub use policy::{PolicySpec, PolicyStep};
