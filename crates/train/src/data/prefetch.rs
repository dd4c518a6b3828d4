//! Makes the next steps while the model computes this one. The steps come in order and carry their state, so a thread
//! that is ahead changes nothing.

use super::loader::{Loader, StepBatch};
use crate::error::{Result, TrainError};
use std::sync::mpsc::{Receiver, sync_channel};

/// Steps that are made ahead.
const DEPTH: usize = 2;

/// A loader in a thread of its own.
pub struct Prefetch {
    steps: Receiver<Result<StepBatch>>,
}

impl Prefetch {
    /// Starts the thread. It ends when the `Prefetch` is dropped.
    pub fn start(mut loader: Loader) -> Prefetch {
        let (sender, steps) = sync_channel(DEPTH);
        std::thread::spawn(move || {
            loop {
                let step = loader.next_step();
                let is_last = step.is_err();
                if sender.send(step).is_err() || is_last {
                    return;
                }
            }
        });
        Prefetch { steps }
    }

    /// The next step.
    ///
    /// # Errors
    /// As [`Loader::next_step`].
    pub fn next_step(&mut self) -> Result<StepBatch> {
        self.steps.recv().unwrap_or_else(|_| Err(TrainError::Run("the data thread has ended".to_owned())))
    }
}
