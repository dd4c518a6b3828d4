//! Server-sent events: one writer to a client that may be slow or gone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::error::ApiError;
use crate::routes::App;

/// Events on their way to one client before the sender waits for it.
const STREAM_BUFFER: usize = 64;

/// The client is gone.
pub struct Gone;

/// Sends events to one client.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::Sender<Bytes>,
    keep_alive: Duration,
}

impl Events {
    /// An event without a name.
    pub async fn data(&self, data: &impl Serialize) -> Result<(), Gone> {
        self.bytes(event(None, data)).await
    }

    /// An event with a name.
    pub async fn named(&self, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        self.bytes(event(Some(name), data)).await
    }

    /// OpenAI's end of a stream.
    pub async fn done(&self) -> Result<(), Gone> {
        self.bytes(Bytes::from_static(b"data: [DONE]\n\n")).await
    }

    async fn bytes(&self, bytes: Bytes) -> Result<(), Gone> {
        self.sender.send(bytes).await.map_err(|_| Gone)
    }

    /// Waits for `next`, writing a comment now and then, and notices when the client goes away meanwhile.
    pub async fn wait<T>(&self, next: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::pin!(next);
        loop {
            tokio::select! {
                biased;
                () = self.sender.closed() => return Err(Gone),
                ready = &mut next => return Ok(ready),
                () = tokio::time::sleep(self.keep_alive) => {
                    self.bytes(Bytes::from_static(b": keep-alive\n\n")).await?;
                }
            }
        }
    }
}

fn event(name: Option<&str>, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).expect("plain data serializes");
    Bytes::from(match name {
        Some(name) => format!("event: {name}\ndata: {json}\n\n"),
        None => format!("data: {json}\n\n"),
    })
}

/// A response whose events `write` sends, for as long as a completion may take. `error_event` gives what the client is told
/// when it takes longer.
pub fn respond<F, W>(
    app: &Arc<App>,
    error_event: fn(&ApiError) -> (Option<&'static str>, serde_json::Value),
    write: F,
) -> Response
where
    F: FnOnce(Events) -> W,
    W: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel::<Bytes>(STREAM_BUFFER);
    let writing = write(Events { sender: sender.clone(), keep_alive: app.limits.keep_alive });
    let limit = app.limits.completion_time;
    let mut writing = Box::pin(async move {
        if tokio::time::timeout(limit, writing).await.is_err() {
            let (name, body) = error_event(&timed_out(limit));
            // Best effort: the client may be what takes so long.
            let _ = sender.try_send(event(name, &body));
        }
    });
    let mut is_written = false;
    // Events are written by the task that sends them: none wakes another for each, and all ends when the client goes.
    let body = stream::poll_fn(move |cx| {
        is_written = is_written || writing.as_mut().poll(cx).is_ready();
        receiver.poll_recv(cx).map(|bytes| bytes.map(Ok::<_, std::convert::Infallible>))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// What a client is told when its completion takes too long.
pub fn timed_out(limit: Duration) -> ApiError {
    let message = format!(
        "the completion took longer than {} seconds: ask for fewer tokens, or stream to keep what there is",
        limit.as_secs()
    );
    ApiError::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "completion_timeout", message)
}
