//! Ctrl-C ends a run in order: the step is finished, a checkpoint written, and the message says how to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised when the run shall stop after the current step. Clones share one flag.
#[derive(Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that Ctrl-C and SIGTERM raise. A second one ends the process at once, as a kill would; nothing is lost
    /// by that either but the work since the last checkpoint. Without a handler (another one is installed) the flag
    /// still works by hand.
    pub fn on_ctrl_c() -> StopFlag {
        let flag = StopFlag::default();
        let raised = flag.clone();
        let installed = ctrlc::set_handler(move || {
            if raised.is_raised() {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this step; press Ctrl-C again to stop at once");
            raised.raise();
        });
        if let Err(error) = installed {
            tracing::warn!("Ctrl-C will not write a checkpoint: {error}");
        }
        flag
    }

    /// Asks for the stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the stop was asked for.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
