//! Tasks through an engine or an endpoint: prompts, samples, verdicts, and what may be concluded from them.
//!
//! | module | what |
//! |---|---|
//! | [`prompt`] | a problem as the tokens that a model is asked with |
//! | [`sampler`] | many prompts, some samples each, through an engine in memory |
//! | [`endpoint`] | the same through any OpenAI-compatible API, each answer paid for once |
//! | [`completion`] | thinking, answer and verdict of a sample |
//! | [`statistics`], [`vote`] | pass@1 with its interval, pass@k, cons@k, comparison of two models |
//!
//! Reinforcement learning, evaluation, rejection sampling and distillation all go through here, so that a model is
//! asked and judged in one way.
#![forbid(unsafe_code)]

pub mod completion;
pub mod endpoint;
pub mod prompt;
pub mod sampler;
pub mod statistics;
pub mod vote;

pub use completion::{Parts, judge};
pub use sampler::{Question, Sampled, SamplerOptions, sample};
