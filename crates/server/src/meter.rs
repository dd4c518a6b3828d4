//! What each answer took: the receipts that metrics and the accounts of keys are written from.

use std::sync::Arc;

use engine::{Timings, Usage};

use crate::routes::App;

/// Who sends a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Number of the key; 0 without one. Users take turns by it.
    pub key: u64,
    /// Whether they may change what the server holds.
    pub is_operator: bool,
}

/// Where the completions of one request are entered.
pub struct Receipt {
    app: Arc<App>,
    caller: Caller,
    model: String,
}

impl Receipt {
    pub fn new(app: Arc<App>, caller: Caller, model: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { app, caller, model: model.into() })
    }

    /// Enters one completion.
    pub fn completed(&self, usage: &Usage, timings: &Timings) {
        let dollars = timings.compute.as_secs_f64() * self.app.dollars_per_second;
        self.app.metrics.completed(timings, dollars);
        let entered = self.app.accounts.enter(self.caller.key, &self.model, usage, (timings.compute, dollars));
        if let Err(error) = entered {
            // The answer is the client's all the same.
            tracing::error!("usage was not recorded: {error}");
        }
    }
}
