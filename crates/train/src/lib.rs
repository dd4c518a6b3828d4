//! Training: a recipe in, checkpoints, metrics and a bill out.
//!
//! | module | what |
//! |---|---|
//! | [`recipe`] | the TOML file, its defaults and `--set` |
//! | [`stages`] | runs a recipe's stages, each cached by the digest of its inputs |
//! | [`data`] | sources, mixing, packing; a deterministic stream of batches |
//! | [`schedule`], [`clock`] | what changes over a run, and when it ends |
//! | [`keeper`] | what surrounds the steps of every stage: budget, logs, checkpoints, bill, end |
//! | [`trainer`] | the loop, over anything that is a [`learner::Learner`] |
//! | [`model_learner`] | a model with AdamW as a learner; `shape` and `text_side` give its configuration and tokenizer |
//! | [`grpo`] | reinforcement learning on verifiable rewards: the loop, and all that it is made of |
//! | [`sample`] | data by rejection sampling and distillation |
//! | [`accuracy`] | validation problems, answered and judged |
//! | [`run_dir`], [`checkpoint`] | what a run leaves behind, and how it goes on after a kill |
//! | [`progress`], [`dry_run`] | what a person sees, during and before; the crate `report` shows it afterwards |
//!
//! A stage of another kind is another loop over the same run directory, ledger, checkpoints and replay file.
#![forbid(unsafe_code)]

pub mod accuracy;
pub mod checkpoint;
pub mod clock;
pub mod data;
pub mod digest;
pub mod dry_run;
pub mod error;
pub mod grpo;
pub mod interrupt;
pub mod keeper;
pub mod learner;
pub mod metrics;
pub mod model_learner;
mod outlook;
mod pace;
pub mod progress;
pub mod recipe;
pub mod run_dir;
pub mod sample;
pub mod schedule;
mod shape;
pub mod stages;
mod text_side;
pub mod trainer;

pub use error::{Result, TrainError};
pub use interrupt::StopFlag;
pub use recipe::Recipe;
pub use stages::{RunOptions, run};
pub use trainer::Outcome;

/// Version of the code that training's arithmetic depends on. Runs are bit-identical only under one and the same.
pub const CODE_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("PENSEUR_CODE_DIGEST"));

/// Name of the instruction set that the kernels use here. Runs are bit-identical only under one and the same.
pub(crate) fn isa_name() -> String {
    kernels::isa::Isa::active().name().to_owned()
}
