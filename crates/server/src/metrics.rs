//! `GET /metrics` in Prometheus' text form, and `GET /health`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{Stats, Timings};
use serde_json::json;

use crate::config::{ModelCard, ServedModel};
use crate::routes::App;
use crate::shelf::Presence;

/// Bounds of the histogram of times to the first token.
const FIRST_TOKEN_S: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counters of the HTTP side; the engines keep their own.
#[derive(Default)]
pub struct Metrics {
    /// By hundreds of the status: 1xx to 5xx.
    requests: [AtomicU64; 5],
    first_token_us: AtomicU64,
    /// Completions whose first token came within [`FIRST_TOKEN_S`]; each counts in one place alone.
    first_token: [AtomicU64; FIRST_TOKEN_S.len() + 1],
    n_completed: AtomicU64,
    /// Millionths of a dollar would lose what one token costs.
    nanodollars: AtomicU64,
}

impl Metrics {
    /// Counts an answered request.
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.requests[class].fetch_add(1, Relaxed);
    }

    /// Counts a completion that came to its end, and what it cost.
    pub fn completed(&self, timings: &Timings, dollars: f64) {
        let first_token = timings.queued + timings.prefill;
        self.first_token_us.fetch_add(first_token.as_micros() as u64, Relaxed);
        let bucket = FIRST_TOKEN_S.iter().position(|&s| first_token.as_secs_f64() <= s).unwrap_or(FIRST_TOKEN_S.len());
        self.first_token[bucket].fetch_add(1, Relaxed);
        self.n_completed.fetch_add(1, Relaxed);
        self.nanodollars.fetch_add((dollars * 1e9) as u64, Relaxed);
    }
}

/// Everything, as text.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(String, f64)>| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP penseur_{name} {help}\n# TYPE penseur_{name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(text, "penseur_{name}{labels} {value}");
        }
    };
    let requests = app.metrics.requests.iter().zip(1..);
    let rows = requests.map(|(n, class)| (format!("{{status=\"{class}xx\"}}"), n.load(Relaxed) as f64)).collect();
    family("http_requests_total", "counter", "Answered requests.", rows);
    let dollars = app.metrics.nanodollars.load(Relaxed) as f64 / 1e9;
    family("dollars_total", "counter", "Cost of completions that came to their end.", vec![(String::new(), dollars)]);
    let n = app.metrics.n_completed.load(Relaxed) as f64;
    family("completions_ended_total", "counter", "Completions that came to their end.", vec![(String::new(), n)]);

    type Read = fn(&Stats) -> f64;
    let families: [(&str, &str, &str, Read); 11] = [
        ("requests_in_flight", "gauge", "Completions accepted and not finished.", |s| s.in_flight.load(Relaxed) as f64),
        ("sequences_running", "gauge", "Sequences in the latest step.", |s| s.running.load(Relaxed) as f64),
        ("sequences_waiting", "gauge", "Sequences waiting for memory or a place.", |s| s.waiting.load(Relaxed) as f64),
        ("kv_blocks_free", "gauge", "KV blocks without an owner.", |s| s.free_blocks.load(Relaxed) as f64),
        ("completions_total", "counter", "Completions accepted.", |s| s.n_requests.load(Relaxed) as f64),
        ("cancelled_total", "counter", "Completions whose client went away.", |s| s.n_cancelled.load(Relaxed) as f64),
        ("preemptions_total", "counter", "Sequences that lost their memory to an older one.", |s| {
            s.n_preemptions.load(Relaxed) as f64
        }),
        ("prompt_tokens_total", "counter", "Prompt tokens.", |s| s.prompt_tokens.load(Relaxed) as f64),
        ("prompt_cache_hit_tokens_total", "counter", "Prompt tokens found in the cache.", |s| {
            s.cached_tokens.load(Relaxed) as f64
        }),
        ("generated_tokens_total", "counter", "Tokens generated.", |s| s.generated_tokens.load(Relaxed) as f64),
        ("engine_busy_seconds_total", "counter", "Time spent computing.", |s| s.busy_us.load(Relaxed) as f64 / 1e6),
    ];
    let loaded = app.shelf.loaded();
    let of_model = |name: &str| format!("{{model=\"{}\"}}", label(name));
    for (name, kind, help, read) in families {
        let row = |model: &Arc<ServedModel>| (of_model(&model.name), read(model.engine.stats()));
        family(name, kind, help, loaded.iter().map(row).collect());
    }
    let is_loaded = |(card, _, presence): (&ModelCard, u64, Presence)| {
        (of_model(&card.name), f64::from(u8::from(presence == Presence::Loaded)))
    };
    let rows = app.shelf.cards().map(is_loaded).collect();
    family("model_loaded", "gauge", "Whether a model is in memory; the figures above are of those alone.", rows);
    first_token_histogram(&app.metrics, &mut text);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Prometheus' histograms count each observation in its bucket and in all greater ones.
fn first_token_histogram(metrics: &Metrics, text: &mut String) {
    let name = "penseur_first_token_seconds";
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} Time from submission to the first token.\n# TYPE {name} histogram");
    let mut n = 0;
    for (count, bound) in
        metrics.first_token.iter().zip(FIRST_TOKEN_S.map(|s| s.to_string()).iter().map(String::as_str).chain(["+Inf"]))
    {
        n += count.load(Relaxed);
        let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {n}");
    }
    let seconds = metrics.first_token_us.load(Relaxed) as f64 / 1e6;
    let _ = writeln!(text, "{name}_sum {seconds}\n{name}_count {n}");
}

/// A label's value with what Prometheus wants escaped.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Says that the server is up. Needs no key and tells nothing else.
pub async fn health() -> Response {
    Json(json!({"status": "ok"})).into_response()
}
