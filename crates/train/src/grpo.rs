//! Group relative policy optimization: a model answers problems, a verifier judges the answers, and the answers that
//! earned more than their group's mean become likelier (DeepSeekMath, arXiv:2402.03300; DeepSeek-R1, arXiv:2501.12948,
//! section 2.2).
//!
//! One step's way:
//!
//! ```text
//! curriculum -> problems -> rollouts -> verdicts -> rewards -> advantages -> coefficients -> backward -> AdamW
//!      ^                                   │
//!      └──────── success by task ──────────┘
//! ```
//!
//! Rollouts come from the model that is being trained, through the exact engine: the log-probabilities recorded while
//! sampling are, bit for bit, those of the update's forward (ARCHITECTURE.md, invariant 3). Both are computed, and their
//! divergence is `mismatch_kl` in every line of the metrics.
//!
//! A step is a function of the weights, the curriculum's rates and its number. So a checkpoint between steps is all that
//! a run needs to go on, wherever in a step it was killed.
//!
//! | module | what |
//! |---|---|
//! | [`prompts`], [`curriculum`] | which problems are asked |
//! | [`rollouts`] | groups of answers, judged |
//! | [`rewards`], [`objective`] | what an answer earns; advantages, and the loss's gradient by log-probability |
//! | [`judge`] | an endpoint's grades as a reward |
//! | [`policy`] | what is asked of a model beyond supervised training |
//! | [`update`] | rollouts packed into micro-batches, and the optimizer's steps |
//! | [`trainer`] | the loop |

pub mod curriculum;
pub mod judge;
pub mod objective;
pub mod policy;
pub mod prompts;
pub mod rewards;
pub mod rollouts;
pub mod trainer;
pub mod update;
