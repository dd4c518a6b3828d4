//! Tasks through an engine or an endpoint: prompts, samples, verdicts, and what may be concluded from them.
//!
//! | module | what |
//! |---|---|
//! | [`prompt`] | a problem as the tokens that a model is asked with |
//! | [`sampler`] | many prompts, some samples each, through an engine in memory |
//! | [`endpoint`] | the same through any OpenAI-compatible API, each answer paid for once |
//! | [`ask`], [`local`] | problems to either of the two, a loaded model or an endpoint, with replies of one form |
//! | [`completion`] | thinking, answer and verdict of a sample |
//! | [`statistics`], [`vote`] | pass@1 with its interval, pass@k, cons@k, comparison of two models |
//! | [`problems`], [`results`], [`report`] | an evaluation: what is asked, the file of answers, the table |
//!
//! Reinforcement learning, evaluation, rejection sampling and distillation all go through here, so that a model is
//! asked and judged in one way.
#![forbid(unsafe_code)]

pub mod ask;
pub mod completion;
pub mod endpoint;
pub mod error;
pub mod local;
pub mod problems;
pub mod prompt;
pub mod report;
pub mod results;
pub mod sampler;
pub mod statistics;
pub mod vote;

pub use ask::{Reply, Respondent, Sampling, Wanted};
pub use completion::{Parts, judge};
pub use error::{Error, Result};
pub use sampler::{Question, Sampled, SamplerOptions, sample};
