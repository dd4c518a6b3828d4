//! What a person sees of a run: its directory read, judged and drawn.
//!
//! | module | what |
//! |---|---|
//! | [`files`], [`run`], [`chain`], [`curves`] | a run directory as data |
//! | [`stats`] | is there a trend, and how sure is that |
//! | [`doctor`] | why nothing is learned, in words |
//! | [`plot`], [`html`] | charts, and a run on one page |
//! | [`live`] | a run in a few lines of a terminal, while it goes on |
//! | [`compare`] | runs side by side |
//! | [`tensorboard`] | the same curves elsewhere |
//!
//! No tensors, no models and no terminal: whoever trains, serves or prints uses this.
#![forbid(unsafe_code)]

pub mod chain;
pub mod compare;
pub mod curves;
pub mod doctor;
pub mod error;
pub mod files;
pub mod html;
pub mod live;
pub mod plot;
pub mod run;
pub mod stats;
pub mod tensorboard;
#[cfg(test)]
mod test_support;

pub use chain::{Chain, Summary, list};
pub use curves::{Curve, Curves};
pub use error::{Error, Result};
pub use run::{Run, Sample, Status};
