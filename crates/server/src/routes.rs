//! What is served under which path, and the state that handlers share.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::accounts::Accounts;
use crate::admission::{Running, blocking};
use crate::app::Desk;
use crate::chat;
use crate::config::{Limits, ServedModel};
use crate::error::ApiError;
use crate::metrics::{self, Metrics};
use crate::security::{self, Guard};
use crate::shelf::Shelf;
use crate::{anthropic, app, completions, models, openapi, responses, tokens};

/// DeepSeek's names: the default model without thinking, and with it.
pub const ALIASES: [(&str, bool); 2] = [("deepseek-chat", false), (REASONER, true)];

/// A request of so many bytes is prepared in about a tenth of a millisecond.
const LITTLE_BYTES: usize = 1024;

/// The alias with thinking.
pub const REASONER: &str = "deepseek-reasoner";

/// What the API's paths begin with: nothing, OpenAI's word, and DeepSeek's for prefixes and filling in the middle (`/beta`) and
/// for Anthropic's clients.
const PREFIXES: [&str; 4] = ["", "/v1", "/beta", "/anthropic/v1"];

/// What handlers share.
pub struct App {
    pub shelf: Arc<Shelf>,
    pub limits: Limits,
    pub metrics: Metrics,
    pub running: Running,
    /// Keys and usage.
    pub accounts: Arc<Accounts>,
    /// What a second of computing costs.
    pub dollars_per_second: f64,
    /// Held by who prepares a prompt: a long one takes a hundred times its size meanwhile.
    pub preparing: Arc<tokio::sync::Semaphore>,
    /// Held by who computes outside the engine.
    pub scoring: Arc<tokio::sync::Semaphore>,
    /// The chat app's part.
    pub desk: Desk,
    /// Seconds since 1970.
    pub started: u64,
}

impl App {
    /// The number of the model of that name, or of the default one; an alias also says whether to think.
    pub fn find(&self, name: Option<&str>) -> Result<(usize, Option<bool>), ApiError> {
        let found = self.shelf.find(name);
        match name.and_then(|name| ALIASES.iter().find(|(alias, _)| *alias == name)) {
            Some((_, thinking)) if found.is_err() => Ok((self.shelf.find(None)?, Some(*thinking))),
            _ => Ok((found?, None)),
        }
    }

    /// Runs the work of preparing a prompt, of `n_bytes`, where streams do not wait for it, a few at a time; little work on the
    /// spot, which is less than handing it over.
    pub async fn prepare_of<T: Send + 'static>(
        &self,
        n_bytes: usize,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        if n_bytes <= LITTLE_BYTES { work() } else { self.prepare(work).await }
    }

    /// Runs the work of preparing a prompt where streams do not wait for it, a few at a time.
    pub async fn prepare<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        // The semaphore is never closed. The place is kept by the work, which goes on when the client hangs up.
        let place = self.preparing.clone().acquire_owned().await;
        let placed = move || {
            let _place = place;
            work()
        };
        blocking(placed).await
    }

    /// The model that [`Self::find`] finds, loaded.
    pub async fn resolve(&self, name: Option<&str>) -> Result<(Arc<ServedModel>, Option<bool>), ApiError> {
        let (idx, thinking) = self.find(name)?;
        Ok((self.shelf.get(idx).await?, thinking))
    }
}

/// A part of the path.
pub struct Name(pub String);

impl FromRequestParts<Arc<App>> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Path(name) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::invalid("path", error.body_text()))?;
        Ok(Self(name))
    }
}

/// All routes behind the guard.
pub fn router(state: Arc<App>, guard: Arc<Guard>) -> Router {
    let mut router = Router::new()
        .merge(app::routes())
        .route("/openapi.json", get(openapi::serve))
        .route("/health", get(metrics::health))
        .route("/v1/health", get(metrics::health))
        .route("/metrics", get(metrics::metrics));
    for prefix in PREFIXES {
        router = router
            .route(&format!("{prefix}/models"), get(models::list))
            .route(&format!("{prefix}/models/{{name}}"), get(models::show))
            .route(&format!("{prefix}/models/load"), post(models::load))
            .route(&format!("{prefix}/models/unload"), post(models::unload))
            .route(&format!("{prefix}/completions"), post(completions::completions))
            .route(&format!("{prefix}/responses"), post(responses::responses))
            .route(&format!("{prefix}/messages"), post(anthropic::messages))
            .route(&format!("{prefix}/messages/count_tokens"), post(anthropic::count_tokens))
            .route(&format!("{prefix}/embeddings"), post(completions::embeddings))
            .route(&format!("{prefix}/tokenize"), post(tokens::tokenize))
            .route(&format!("{prefix}/detokenize"), post(tokens::detokenize))
            .route(&format!("{prefix}/apply-template"), post(tokens::apply_template))
            .route(&format!("{prefix}/props"), get(tokens::props))
            .route(&format!("{prefix}/slots"), get(tokens::slots))
            .route(&format!("{prefix}/chat/completions"), post(chat::chat_completions))
            .route(&format!("{prefix}/chat/completions/{{id}}/answer"), post(chat::answer_now));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state((state.clone(), guard), security::guard))
        .with_state(state)
}

/// An error that no handler of `path` has seen, in the dialect that is spoken there.
pub fn refused(path: &str, error: &ApiError) -> Response {
    if anthropic::speaks(path) { anthropic::refused(error) } else { error.clone().into_response() }
}

async fn not_found(uri: Uri) -> Response {
    let message = format!(
        "nothing is served at {}: this server has /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages, /v1/models, /openapi.json, /health, /metrics and the page at /",
        uri.path()
    );
    refused(uri.path(), &ApiError::new(StatusCode::NOT_FOUND, "not_found", message))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}: use POST for completions and GET elsewhere", uri.path());
    refused(uri.path(), &ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message))
}
