//! What each answer took: the receipts that metrics and accounts are written from.

use std::sync::Arc;

use engine::{Timings, Usage};

use crate::routes::App;

/// Who sends a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Number of the key; 0 without one. Users take turns by it.
    pub key: u64,
}

/// Where the completions of one request are entered.
pub struct Receipt {
    app: Arc<App>,
}

impl Receipt {
    pub fn new(app: Arc<App>) -> Arc<Self> {
        Arc::new(Self { app })
    }

    /// Enters one completion.
    pub fn completed(&self, _usage: &Usage, timings: &Timings) {
        self.app.metrics.completed(timings);
    }
}
