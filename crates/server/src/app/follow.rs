//! A running answer as a stream of changes, and the two wishes that reach into it.
//!
//! Server-sent events. Each carries everything that changed since the one before, under the version as its id; a browser
//! that lost its connection sends the last id it saw (`Last-Event-ID`) and gets what it missed.
//!
//! Where nothing changes a `ping` comes every few seconds. It is an event, since scripts never hear of comments: a page to
//! which nothing comes for longer knows that its connection is dead, though it looks open, and makes another.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::watch;

use super::Owner;
use super::live::Live;
use crate::error::ApiError;
use crate::routes::App;

/// Longest silence of a stream, as far as the limits allow. The page waits for three of them.
const PING: Duration = Duration::from_secs(4);

/// A stream between two events.
struct Following {
    live: Arc<Live>,
    versions: watch::Receiver<u64>,
    /// What the page has.
    seen: u64,
    ended: bool,
    /// Silence after which a ping is sent.
    ping: Duration,
}

/// `GET /api/answers/{message}/events`
pub async fn events(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(message): Path<String>,
    headers: HeaderMap,
) -> Response {
    let headers_out = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let Some(live) = app.desk.answers.find(&owner, &message) else {
        // It has ended: the conversation tells all.
        let event = event(0, &json!({"version": 0, "ended": true, "samples": []}));
        return (headers_out, Body::from(event)).into_response();
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let following = Following {
        versions: live.versions(),
        live,
        seen: last.unwrap_or(0),
        ended: false,
        ping: app.limits.keep_alive.min(PING),
    };
    let body = stream::unfold(following, |mut following| async move {
        let bytes = following.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), following))
    });
    (headers_out, Body::from_stream(body)).into_response()
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let seen = self.seen;
        let newer = self.versions.wait_for(|version| *version > seen);
        match tokio::time::timeout(self.ping, newer).await {
            Err(_) => return Some(Bytes::from_static(b"event: ping\ndata: {\"samples\":[]}\n\n")),
            // The live answer is held here, so its sender is too.
            Ok(Err(_)) => return None,
            Ok(Ok(_)) => {}
        }
        let update = self.live.since(self.seen);
        (self.seen, self.ended) = (update.version, update.ended);
        Some(event(update.version, &update))
    }
}

fn event(id: u64, data: &impl serde::Serialize) -> Bytes {
    let json = serde_json::to_string(data).expect("plain data serializes");
    Bytes::from(format!("id: {id}\ndata: {json}\n\n"))
}

/// `POST /api/answers/{message}/stop`
pub async fn stop(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(message): Path<String>,
) -> Result<StatusCode, ApiError> {
    running(&app, &owner, &message)?.stop();
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/answers/{message}/answer-now`
pub async fn answer_now(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(message): Path<String>,
) -> Result<StatusCode, ApiError> {
    running(&app, &owner, &message)?.answer_now();
    Ok(StatusCode::NO_CONTENT)
}

fn running(app: &App, owner: &str, message: &str) -> Result<Arc<Live>, ApiError> {
    app.desk.answers.find(owner, message).ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", "this answer is not being written; it may have ended")
    })
}
