//! What a model costs: the price of a machine's time, this machine's measured limits, what a run should take, and the
//! bill of what it took.
//!
//! Operations, parameters and bytes are counted in `model::count`; here they meet a machine and a price. The hardware
//! catalogue, the planner and the cluster simulator build on the same four parts.
#![forbid(unsafe_code)]

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
pub mod rl;
pub mod schedule;
pub mod serving;
pub mod text;
pub mod timeline;
pub mod traffic;
pub mod training;
pub mod work;

pub use bill::{Bill, LedgerLine, Usage};
pub use catalogue::{Catalogue, Chip};
pub use error::{Error, Result};
pub use estimate::{Estimate, Run};
pub use machine::Machine;
pub use price::Price;
