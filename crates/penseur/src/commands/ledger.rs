//! The ledger of what is no training: evaluations and serving. The lines are those of a run's; `penseur runs show FILE` adds
//! them up.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use cost::Spending;
use engine::EngineHandle;
use engine::thread::Stats;
use model::Config;
use model::count::{FlopModel, MlaForm};

/// A server writes a line this often while it works, and one at its end: a kill loses so much of the bill at most.
const PAUSE: Duration = Duration::from_secs(60);

/// The ledger in a directory.
pub fn path(dir: &Path) -> PathBuf {
    dir.join("ledger.jsonl")
}

/// Operations of a token that is read or drawn, attention's pairs left out: they depend on the context.
pub fn flops_per_token(config: &Config) -> f64 {
    let flops = FlopModel::new(config, MlaForm::Absorbed);
    (flops.per_token + flops.per_logit_row) as f64
}

/// Writes a line, or warns: a full disk must not take an answer away.
pub fn note(spending: &mut Spending, path: &Path, tokens: u64, flops: f64) {
    let place = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = place.map_err(|e| e.to_string());
    let written = written.and_then(|()| spending.append(path, tokens, flops).map_err(|e| e.to_string()));
    if let Err(error) = written {
        tracing::warn!("this is missing from the bill: {error}");
    }
}

/// The engines that a server ran. Those that ended still count.
#[derive(Clone, Default)]
pub struct Engines(Arc<Mutex<Vec<Counted>>>);

struct Counted {
    stats: Arc<Stats>,
    flops_per_token: f64,
}

impl Engines {
    /// Counts an engine from its start.
    pub fn add(&self, engine: &EngineHandle, flops_per_token: f64) {
        let counted = Counted { stats: engine.shared_stats(), flops_per_token };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(counted);
    }

    /// Tokens computed so far, and operations for them.
    fn done(&self) -> (u64, f64) {
        let computed = |stats: &Stats| {
            // Of a prompt, what was found in the cache is not computed.
            let read = stats.prompt_tokens.load(Relaxed).saturating_sub(stats.cached_tokens.load(Relaxed));
            read + stats.generated_tokens.load(Relaxed)
        };
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_each = all.iter().map(|engine| (computed(&engine.stats), engine.flops_per_token));
        of_each.fold((0, 0.0), |(n, sum), (tokens, flops)| (n + tokens, sum + flops * tokens as f64))
    }
}

/// Writes down what a server spends until it is closed.
pub struct Meter {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Meter {
    /// Starts the clock. Tokens are those that `engines` compute.
    pub fn start(name: &str, engines: Engines, path: PathBuf) -> Meter {
        let mut spending = Spending::start(&format!("serve {name}"), cost::Price::default());
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut told = (0, 0.0);
            loop {
                let goes_on = stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout);
                let done = engines.done();
                let tokens = done.0.saturating_sub(told.0);
                // Idle minutes are held cores too; they come with the next line.
                if tokens > 0 || !goes_on {
                    note(&mut spending, &path, tokens, done.1 - told.1);
                    told = done;
                }
                if !goes_on {
                    return;
                }
            }
        });
        Meter { stop, thread }
    }

    /// Writes the last line.
    pub fn close(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}
