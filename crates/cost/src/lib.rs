//! What a model costs: before it runs, while it runs, and after.
//!
//! | modules | what |
//! |---|---|
//! | [`price`], [`machine`], [`catalogue`] | dollars for a core-hour; this machine, measured; chips, from data sheets |
//! | [`estimate`] | a run on this machine: operations over speed, time over price |
//! | [`layout`], [`work`], [`traffic`], [`schedule`], [`timeline`], [`training`] | a training step on a cluster, from a layer on a chip to the simulated pipeline |
//! | [`serving`], [`rl`] | prefill, decoding and what tokens cost; rollouts, rewards and updates |
//! | [`plan`], [`questions`] | a run before it starts, with every number's arithmetic; which chip, which layout, by when |
//! | [`published`] | published runs of others, derived, beside what was published |
//! | [`page`], [`app`] | an answer as text and as one HTML file; the same for the app |
//! | [`bill`], [`spending`] | what was spent, added up, and beside what was promised |
//! | [`assumptions`] | every constant that no data sheet gives, and which were fitted |
//!
//! Operations, parameters and bytes are counted in `model::count`. `docs/plan.md` explains the model behind the numbers.
#![forbid(unsafe_code)]

pub mod app;
pub mod assumptions;
pub mod bill;
pub mod catalogue;
pub mod error;
pub mod estimate;
pub mod layout;
pub mod machine;
pub mod page;
pub mod plan;
pub mod price;
pub mod published;
pub mod questions;
pub mod rl;
pub mod schedule;
pub mod serving;
pub mod spending;
pub mod text;
pub mod timeline;
pub mod traffic;
pub mod training;
pub mod work;

pub use bill::{Against, Bill, LedgerLine, Promise, Usage, against};
pub use catalogue::{Catalogue, Chip};
pub use error::{Error, Result};
pub use estimate::{Estimate, Run};
pub use machine::Machine;
pub use price::Price;
pub use spending::Spending;
