//! Problems with answers that can be checked: generators, worked thinking, verifiers.
//!
//! One [`Task`] serves training, reinforcement learning and evaluation alike: it draws a problem from a seed, asks it
//! in many usual ways, may show worked thinking that reaches the answer, and judges an answer as right, wrong or
//! cannot-judge. Nothing here knows a tensor, a model or a tokenizer.
//!
//! - [`task`]: the contract, and [`Family`], its typed form that a native family implements
//! - [`split`]: training, validation and test problems, disjoint by construction
//! - [`families`]: the problems themselves; [`mod@registry`] names them
//! - [`mixture`]: families by weight, sampled by seed and index without state
//! - [`phrase`]: the many ways in which people ask; [`worked`]: column arithmetic written out
//! - [`verify`]: verdicts on answer texts; [`jsonl`]: a user's own problems
#![forbid(unsafe_code)]

pub mod families;
pub mod jsonl;
pub mod mixture;
pub mod phrase;
pub mod registry;
pub mod rng;
pub mod split;
pub mod task;
pub mod verify;
pub mod worked;

pub use mixture::{Mixture, MixtureEntry, MixtureSpec};
pub use registry::{find, open, registry};
pub use rng::Rng;
pub use split::Split;
pub use task::{Asked, Demonstration, Example, Family, Form, Judgement, Options, Task, TaskError, Verdict};

#[cfg(test)]
mod tests;
