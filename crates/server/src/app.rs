//! The chat app: what people see, and what it needs of the server.
//!
//! A question becomes an answer that lives in the server (`live`): it is generated, rendered and stored whether anybody
//! watches or not. A page shows a conversation as the store has it, and follows a running answer as a stream of changes to
//! rendered blocks, from wherever it was when its connection broke.
//!
//! | module | what |
//! |---|---|
//! | `store` | conversations in SQLite |
//! | `render` | Markdown, formulas and code to HTML that can do nothing |
//! | `ask`, `live`, `follow` | a question to the engine; a running answer; its changes as a stream |
//! | `conversations`, `json` | conversations over HTTP; messages as the page gets them |
//! | `files`, `export` | uploads; conversations in and out |
//! | `session` | the key in a cookie |
//! | `workshop` | models, training runs and plans |
//! | `assets` | the page itself |
#![allow(missing_docs, reason = "private to the crate; what is not obvious says what it is for")]

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::routing::{delete, get, patch, post};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::admission;
use crate::config::Workshop;
use crate::error::ApiError;
use crate::routes::App;

pub mod ask;
mod assets;
mod conversations;
mod export;
mod files;
mod follow;
mod json;
pub mod live;
pub mod render;
pub mod session;
pub mod store;
mod workshop;

use live::Answers;
use store::{Store, StoreError};

/// Room for files that are uploaded at a time, in KiB: eight of the largest, or many small ones; others wait.
const UPLOADING_KIB: usize = 8 * (files::MAX_BYTES >> 10);
/// PDFs that are read at a time.
const N_READING: usize = 2;

/// What the app's handlers share.
pub struct Desk {
    pub store: Arc<Store>,
    /// The answers that are being generated.
    pub answers: Answers,
    /// What a second of computing costs, all cores together.
    pub dollars_per_second: f64,
    pub workshop: Option<Arc<dyn Workshop>>,
    pub pdf_reader: Vec<OsString>,
    /// KiB that are held by who uploads a file, which is in memory meanwhile.
    pub uploading: Arc<Semaphore>,
    /// Held by who reads a PDF: a reader may take gigabytes.
    pub reading: Arc<Semaphore>,
    /// Whether browsers' connections are encrypted, here or at a proxy.
    pub secure: bool,
}

impl Desk {
    /// Opens the store and makes ready what the first answer would wait for.
    pub fn open(data_dir: Option<&Path>, dollars_per_second: f64) -> Result<Self, StoreError> {
        std::thread::spawn(render::warm_up);
        Ok(Self {
            store: Arc::new(Store::open(data_dir)?),
            answers: Answers::default(),
            dollars_per_second,
            workshop: None,
            pdf_reader: Vec::new(),
            uploading: Arc::new(Semaphore::new(UPLOADING_KIB)),
            reading: Arc::new(Semaphore::new(N_READING)),
            secure: false,
        })
    }
}

/// Whose conversations a request may see: set by the guard, from the key. Without keys there is one owner, with no name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner(pub String);

impl Owner {
    /// The owner that a key stands for: a digest of it, so that the store holds no key.
    pub fn of_key(key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        Self(digest[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Paths that need no key: the page's own files, which hold nothing of anybody's, and the one that takes the key.
pub fn is_open(path: &str) -> bool {
    path == "/api/sign-in" || assets::is_asset(path)
}

/// Whether a path is one that makes the model answer: a question, or another answer to one.
pub fn asks(path: &str) -> bool {
    path == "/api/ask" || path.strip_prefix("/api/answers/").is_some_and(|rest| !rest.contains('/'))
}

/// The app's routes.
pub fn routes() -> Router<Arc<App>> {
    assets::routes()
        .route("/api/ask", post(ask::ask))
        .route("/api/answers/{message}", post(ask::another))
        .route("/api/answers/{message}/events", get(follow::events))
        .route("/api/answers/{message}/stop", post(follow::stop))
        .route("/api/answers/{message}/answer-now", post(follow::answer_now))
        .route("/api/answers/{message}/choose", post(conversations::choose))
        .route("/api/models", get(workshop::list_models))
        .route("/api/runs", get(workshop::runs))
        .route("/api/runs/{path}", get(workshop::run))
        .route("/api/plan", post(workshop::plan))
        .route("/api/files", post(files::add))
        .route("/api/files/{id}", delete(files::delete))
        .route("/api/export.json", get(export::all))
        .route("/api/import", post(export::import))
        .route("/api/sign-in", post(session::sign_in))
        .route("/api/sign-out", post(session::sign_out))
        .route("/api/conversations/{id}/{form}", get(export::one))
        .route("/api/conversations", get(conversations::list).delete(conversations::delete_all))
        .route("/api/conversations/{id}", get(conversations::show))
        .route("/api/conversations/{id}", patch(conversations::change))
        .route("/api/conversations/{id}", delete(conversations::delete))
}

/// Runs what blocks, the store above all, on a thread where it holds nobody up.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let message = "the server failed on this request; its log says where";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message))
    })
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (status, code) = match error {
            StoreError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            StoreError::TooManyFiles(_) => (StatusCode::CONFLICT, "too_many_files"),
            StoreError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_value"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "store_failed"),
        };
        ApiError::new(status, code, error.to_string())
    }
}

/// A request's body, within the bounds of size and time that all requests have.
pub struct Posted(pub Bytes);

impl FromRequest<Arc<App>> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        read_body(app, request, app.limits.body_bytes).await.map(Self)
    }
}

/// A request's body as JSON of a known form.
fn json_body<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid("body", format!("the body is not as expected: {error}")))
}

/// A request's body of at most `most` bytes, within the time that clients have for it.
async fn read_body(app: &App, request: Request, most: usize) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    admission::read_body(&app.limits, most, &parts.headers, body).await
}

#[cfg(test)]
mod tests {
    //! Which paths cost somebody money.

    use super::*;

    #[test]
    fn what_makes_the_model_answer_is_told_from_what_looks_around() {
        for path in ["/api/ask", "/api/answers/0123"] {
            assert!(asks(path), "{path}");
        }
        for path in ["/api/answers/0123/stop", "/api/answers/0123/choose", "/api/files", "/api/asking", "/v1/models"] {
            assert!(!asks(path), "{path}");
        }
    }
}
