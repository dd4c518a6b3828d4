//! `POST /v1/chat/completions`, whole and streamed, and `…/{id}/answer`, which ends the thinking of a running one.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::stop_strings::StopStrings;
use engine::thread::Control;
use engine::{AnswerStream, Usage};
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

use crate::completion::{Choice, End, Progress};
use crate::config::ServedModel;
use crate::error::ApiError;
use crate::params::{self, Job};
use crate::reply::{AssistantMessage, Chunk, ChunkChoice, DeltaJson, Head, Reply, TimingsJson, UsageJson, WholeChoice};
use crate::routes::App;
use crate::wire::ChatRequest;

/// Events on their way to one client before the sender waits for it.
const STREAM_BUFFER: usize = 64;

/// Completions in progress, by id. The id is random and known to its client alone.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<String, Vec<Control>>>>);

/// Keeps a completion listed while it lives.
struct Listed {
    running: Running,
    id: String,
}

impl Running {
    fn list(&self, id: &str, controls: Vec<Control>) -> Listed {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), controls);
        Listed { running: self.clone(), id: id.to_owned() }
    }

    fn find(&self, id: &str) -> Option<Vec<Control>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// An accepted request: its completions, and what every part of the answer carries.
struct Accepted {
    head: Head,
    choices: Vec<Choice>,
    in_thinking: bool,
    include_usage: bool,
    _listed: Listed,
}

/// Serves a chat request.
pub async fn chat_completions(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let body = read_body(&app, request).await?;
    let chat = ChatRequest::parse(&body)?;
    let stream = chat.stream;
    let model = app.model(chat.model.as_deref())?;
    let accepted = accept(&app, &model, chat).await?;
    if stream { Ok(streamed(app, accepted)) } else { whole(&app, accepted).await }
}

/// Ends the thinking of a running completion.
pub async fn answer_now(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let Some(controls) = app.running.find(&id) else {
        let message = format!("no completion \"{id}\" is running; it may have ended");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message));
    };
    controls.iter().for_each(Control::end_thinking);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn read_body(app: &App, request: Request) -> Result<Bytes, ApiError> {
    let limits = &app.limits;
    let too_large = || {
        let message = format!("the request body is larger than {} bytes: send less", limits.body_bytes);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limits.body_bytes as u64) {
        return Err(too_large());
    }
    let body = axum::body::to_bytes(request.into_body(), limits.body_bytes);
    match tokio::time::timeout(limits.body_time, body).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let message = format!("the request body did not arrive within {:?}", limits.body_time);
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message))
        }
    }
}

async fn accept(app: &App, model: &Arc<ServedModel>, chat: ChatRequest) -> Result<Accepted, ApiError> {
    let (include_usage, stops) = (chat.include_usage, StopStrings::new(chat.stop.clone()));
    // Rendering and encoding a long conversation takes a while; others' streams must not wait for it.
    let preparing = model.clone();
    let Job { requests, split, in_thinking } =
        tokio::task::spawn_blocking(move || params::prepare(&preparing, &chat)).await.map_err(|_| {
            let message = "the prompt could not be prepared; the server's log says why";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "prepare_failed", message)
        })??;
    let choices: Vec<Choice> = requests
        .into_iter()
        .map(|request| {
            let generation = model.engine.submit(request)?;
            let answer = AnswerStream::new(model.format.clone(), split, stops.clone());
            Ok(Choice::new(generation, answer))
        })
        .collect::<Result<_, engine::SubmitError>>()?;
    let id = format!("chatcmpl-{:016x}{:016x}", params::random_u64()?, params::random_u64()?);
    let controls = choices.iter().map(|choice| choice.generation().control().clone()).collect();
    let head = Head {
        object: "chat.completion",
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
        model: model.name.clone(),
        system_fingerprint: concat!("penseur-", env!("CARGO_PKG_VERSION")),
        id,
    };
    let listed = app.running.list(&head.id, controls);
    Ok(Accepted { head, choices, in_thinking, include_usage, _listed: listed })
}

fn timed_out(app: &App) -> ApiError {
    let message = format!(
        "the completion took longer than {} seconds: ask for fewer tokens, or stream to keep what there is",
        app.limits.completion_time.as_secs()
    );
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "completion_timeout", message)
}

async fn whole(app: &App, accepted: Accepted) -> Result<Response, ApiError> {
    let Accepted { head, choices, in_thinking, .. } = accepted;
    let all = futures_util::future::join_all(choices.into_iter().map(Choice::collect));
    let ended = tokio::time::timeout(app.limits.completion_time, all).await.map_err(|_| timed_out(app))?;
    let mut whole = Vec::new();
    let mut ends: Vec<End> = Vec::new();
    for (index, (text, end)) in ended.into_iter().enumerate() {
        let Some(end) = end else { continue };
        let thought = in_thinking || !text.reasoning.is_empty();
        whole.push(WholeChoice {
            index,
            message: AssistantMessage {
                role: "assistant",
                content: text.content,
                reasoning_content: thought.then_some(text.reasoning),
            },
            logprobs: None,
            finish_reason: end.finish_reason.clone()?,
            thinking_stop_reason: end.thinking_stop_reason.map(|reason| reason.as_str()),
        });
        app.metrics.completed(&end.timings);
        ends.push(end);
    }
    let usages: Vec<Usage> = ends.iter().map(|end| end.usage).collect();
    let slowest = ends.iter().max_by_key(|end| end.timings.decode);
    let timings = slowest.map(|end| TimingsJson::of(&end.usage, &end.timings));
    let timings = timings.unwrap_or_else(|| TimingsJson::of(&Usage::default(), &engine::Timings::default()));
    Ok(Json(Reply { head, choices: whole, usage: UsageJson::of(&usages), timings }).into_response())
}

fn streamed(app: Arc<App>, accepted: Accepted) -> Response {
    let (sender, receiver) = mpsc::channel::<Bytes>(STREAM_BUFFER);
    tokio::spawn(async move {
        let writer = EventWriter { sender, head: Head { object: "chat.completion.chunk", ..accepted.head.clone() } };
        let limit = app.limits.completion_time;
        let written = tokio::time::timeout(limit, write_events(&app, &writer, accepted)).await;
        if written.is_err() {
            // Best effort: the client may be what takes so long.
            let _ = writer.sender.try_send(event(&timed_out(&app).body()));
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), receiver))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// The client is gone.
struct Gone;

struct EventWriter {
    sender: mpsc::Sender<Bytes>,
    head: Head,
}

fn event(data: &impl serde::Serialize) -> Bytes {
    let json = serde_json::to_string(data).expect("plain data serializes");
    Bytes::from(format!("data: {json}\n\n"))
}

impl EventWriter {
    async fn bytes(&self, bytes: Bytes) -> Result<(), Gone> {
        self.sender.send(bytes).await.map_err(|_| Gone)
    }

    async fn piece(&self, choice: ChunkChoice) -> Result<(), Gone> {
        self.bytes(event(&Chunk { head: &self.head, choices: vec![choice], usage: None, timings: None })).await
    }

    /// A piece of text: DeepSeek's shape has both kinds in every delta, one of them null.
    async fn text(&self, index: usize, reasoning: Option<String>, content: Option<String>) -> Result<(), Gone> {
        let delta = DeltaJson { role: None, content, reasoning_content: reasoning };
        self.piece(ChunkChoice { index, delta, ..ChunkChoice::default() }).await
    }
}

/// Writes a whole answer; ends early, cancelling it, when the client goes away.
async fn write_events(app: &App, writer: &EventWriter, accepted: Accepted) -> Result<(), Gone> {
    let Accepted { choices, in_thinking, include_usage, _listed, .. } = accepted;
    let n = choices.len();
    for index in 0..n {
        let (reasoning_content, content) = if in_thinking { (Some("".into()), None) } else { (None, Some("".into())) };
        let delta = DeltaJson { role: Some("assistant"), content, reasoning_content };
        writer.piece(ChunkChoice { index, delta, ..ChunkChoice::default() }).await?;
    }
    let streams = choices.into_iter().enumerate().map(|(index, choice)| {
        let steps = stream::unfold(choice, |mut choice| async move { Some((choice.next().await?, choice)) });
        Box::pin(steps.map(move |progress| (index, progress)))
    });
    let mut all = stream::select_all(streams);
    let mut usages = Vec::new();
    while let Some((index, progress)) = next_or_keep_alive(app, writer, all.next()).await? {
        match progress {
            Progress::Text(text) => {
                if !text.reasoning.is_empty() {
                    writer.text(index, Some(text.reasoning), None).await?;
                }
                if !text.content.is_empty() {
                    writer.text(index, None, Some(text.content)).await?;
                }
            }
            Progress::End(end) => {
                app.metrics.completed(&end.timings);
                usages.push(end.usage);
                let usage = (usages.len() == n && !include_usage).then(|| UsageJson::of(&usages));
                write_end(writer, index, end, usage).await?;
            }
        }
    }
    if include_usage {
        let usage = Some(UsageJson::of(&usages));
        writer.bytes(event(&Chunk { head: &writer.head, choices: Vec::new(), usage, timings: None })).await?;
    }
    writer.bytes(Bytes::from_static(b"data: [DONE]\n\n")).await
}

/// The last piece of one completion. The usage is in the last of all, as DeepSeek has it, unless the client asked for a
/// chunk of its own, as OpenAI has it; never in both, because clients add them up.
async fn write_end(writer: &EventWriter, index: usize, end: End, usage: Option<UsageJson>) -> Result<(), Gone> {
    let finish_reason = match end.finish_reason {
        Ok(reason) => reason,
        Err(error) => return writer.bytes(event(&error.body())).await,
    };
    let choice = ChunkChoice {
        index,
        delta: DeltaJson { content: Some(String::new()), ..DeltaJson::default() },
        logprobs: None,
        finish_reason: Some(finish_reason),
        thinking_stop_reason: Some(end.thinking_stop_reason.map(|reason| reason.as_str())),
    };
    let timings = Some(TimingsJson::of(&end.usage, &end.timings));
    writer.bytes(event(&Chunk { head: &writer.head, choices: vec![choice], usage, timings })).await
}

/// Waits for `next`, writing a comment now and then, and notices when the client goes away meanwhile.
async fn next_or_keep_alive<T>(app: &App, writer: &EventWriter, next: impl Future<Output = T>) -> Result<T, Gone> {
    tokio::pin!(next);
    loop {
        tokio::select! {
            biased;
            () = writer.sender.closed() => return Err(Gone),
            ready = &mut next => return Ok(ready),
            () = tokio::time::sleep(app.limits.keep_alive) => {
                writer.bytes(Bytes::from_static(b": keep-alive\n\n")).await?;
            }
        }
    }
}
