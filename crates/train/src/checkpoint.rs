//! The trainer's counters in a checkpoint: with the weights and the optimizer's state beside them, all that a run needs
//! to go on. The checkpoint itself, complete or absent, is [`model::checkpoint`]'s work.

use crate::data::LoaderState;
use crate::error::{Result, TrainError};
use crate::run_dir::read_json;
use crate::schedule::{Budget, Position};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the counters' file under a checkpoint's `state/`.
pub const STATE_NAME: &str = "trainer";

/// The lowest held-out loss so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Where it was measured.
    pub step: u64,
    /// Nats a token.
    pub loss: f64,
}

/// The trainer's counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// How far the run is.
    pub at: Position,
    /// Where the data is; `None` before the first step.
    pub loader: Option<LoaderState>,
    /// When the run ends, where that is known yet.
    pub budget: Option<Budget>,
    /// The lowest held-out loss.
    pub best: Option<Best>,
    /// Held-out loss at this very step, where it was measured.
    pub held_out_loss: Option<f64>,
    /// Steps in a row whose gradient was not finite.
    pub n_bad_steps: u64,
}

/// Where a run keeps its checkpoints.
pub fn directory(run_dir: &Path) -> PathBuf {
    run_dir.join("checkpoints")
}

/// Reads the counters of a checkpoint.
///
/// # Errors
/// A directory that is not a run's checkpoint.
pub fn read_state<T: DeserializeOwned>(checkpoint: &Path) -> Result<T> {
    let path = checkpoint.join(format!("state/{STATE_NAME}.json"));
    read_json(&path)?.ok_or_else(|| {
        TrainError::data(
            &path,
            "is missing: training cannot go on from here; delete this checkpoint to go on from the one before",
        )
    })
}
