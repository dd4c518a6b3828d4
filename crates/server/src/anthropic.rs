//! `POST /v1/messages`: Anthropic's dialect, whole and streamed, and `…/count_tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use engine::{ThinkingStopReason, ToolCall, Usage};
use serde_json::{Value, json};

use crate::admission::{Accepted, Incoming};
use crate::chat::{collect_all, merged};
use crate::completion::{End, Progress};
use crate::error::ApiError;
use crate::params::{self, random_id};
use crate::routes::App;
use crate::sse::{self, Events, Gone};
use crate::wire::anthropic::{NO_THREADS, parse};

/// What this dialect calls fields that others call otherwise.
const NAMES: &[(&str, &str)] = &[("response_format", "output_config.format")];

/// Serves a message.
pub async fn messages(State(app): State<Arc<App>>, request: Request) -> Response {
    serve(app, request).await.unwrap_or_else(|error| refused(&error))
}

/// Counts the tokens of a prompt.
pub async fn count_tokens(State(app): State<Arc<App>>, request: Request) -> Response {
    let count = async || {
        let incoming = Incoming::read(app.clone(), request).await?;
        let chat = parse(&incoming.body, true)?;
        let (model, _) = app.resolve(chat.model.as_deref()).await?;
        let prompt = app.prepare(move || params::render(&model, &chat)).await?;
        Ok(Json(json!({"input_tokens": prompt.tokens.len()})).into_response())
    };
    count().await.unwrap_or_else(|error: ApiError| refused(&error))
}

/// An error in Anthropic's shape.
fn error_body(error: &ApiError) -> Value {
    let kind = match error.status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        status if status >= 500 => "api_error",
        _ => "invalid_request_error",
    };
    let mut body = json!({"type": "error", "error": {"type": kind, "message": error.message}});
    if error.code == Some(NO_THREADS) {
        body["error"]["details"] = json!({"error_code": NO_THREADS, "unsupported": ["thread"]});
    }
    body
}

/// Whether whoever asks for `path` speaks this dialect.
pub fn speaks(path: &str) -> bool {
    let below = |begin: &str| path.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ["/messages", "/v1/messages", "/beta/messages", "/anthropic"].into_iter().any(below)
}

/// An error as an answer.
pub fn refused(error: &ApiError) -> Response {
    let mut response = error.clone().into_response();
    let body = error_body(error).to_string();
    response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    *response.body_mut() = body.into();
    response
}

async fn serve(app: Arc<App>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    let chat = parse(&incoming.body, false)?;
    let (is_stream, omits_thinking) = (chat.stream, chat.omits_thinking);
    let accepted = incoming.chat(chat, "msg_").await.map_err(|error| error.renamed(NAMES))?;
    if is_stream {
        let error_event = |error: &ApiError| (Some("error"), error_body(error));
        return Ok(sse::respond(&app, error_event, move |events| write_events(events, accepted, omits_thinking)));
    }
    let Accepted { id, model_name, choices, listed: _listed, .. } = accepted;
    let Some((said, end)) = collect_all(&app, choices).await?.pop() else { return Err(no_answer()) };
    let mut content = Vec::new();
    if !said.text.reasoning.is_empty() {
        content.push(thinking_block(if omits_thinking { "" } else { &said.text.reasoning }));
    }
    if !said.text.content.is_empty() {
        content.push(json!({"type": "text", "text": said.text.content}));
    }
    for ToolCall { name, arguments } in said.calls {
        let input: Value = serde_json::from_str(&arguments).unwrap_or_default();
        content.push(json!({"type": "tool_use", "id": random_id("toolu_")?, "name": name, "input": input}));
    }
    let (stop_reason, stop_sequence) = stop_reason(&end)?;
    Ok(Json(json!({
        "id": id, "type": "message", "role": "assistant", "model": model_name, "content": content,
        "stop_reason": stop_reason, "stop_sequence": stop_sequence, "usage": usage(&end.usage),
        "thinking_stop_reason": end.thinking_stop_reason.map(ThinkingStopReason::as_str),
    }))
    .into_response())
}

fn no_answer() -> ApiError {
    ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "no_answer", "the engine gave no answer; try again")
}

/// Signatures prove to Anthropic that a thinking block is its own; nothing here checks them.
fn thinking_block(thinking: &str) -> Value {
    json!({"type": "thinking", "thinking": thinking, "signature": ""})
}

fn stop_reason(end: &End) -> Result<(&'static str, Option<&str>), ApiError> {
    Ok(match end.finish_reason.clone()? {
        "length" => ("max_tokens", None),
        "tool_calls" => ("tool_use", None),
        _ => match &end.stop {
            Some(stop) => ("stop_sequence", Some(stop)),
            None => ("end_turn", None),
        },
    })
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.n_prompt - usage.n_cached, "output_tokens": usage.n_completion,
        "cache_read_input_tokens": usage.n_cached, "cache_creation_input_tokens": 0,
    })
}

/// The blocks of a stream: each begins, grows and ends before the next.
struct Blocks {
    events: Events,
    index: usize,
    open: Option<&'static str>,
}

impl Blocks {
    /// Begins a block, where none of its kind is open.
    async fn open(&mut self, kind: &'static str, start: Value) -> Result<(), Gone> {
        if self.open == Some(kind) {
            return Ok(());
        }
        self.close().await?;
        let event = json!({"type": "content_block_start", "index": self.index, "content_block": start});
        self.events.named("content_block_start", &event).await?;
        self.open = Some(kind);
        Ok(())
    }

    async fn delta(&mut self, delta: Value) -> Result<(), Gone> {
        let event = json!({"type": "content_block_delta", "index": self.index, "delta": delta});
        self.events.named("content_block_delta", &event).await
    }

    async fn close(&mut self) -> Result<(), Gone> {
        let Some(kind) = self.open.take() else { return Ok(()) };
        if kind == "thinking" {
            let delta = json!({"type": "signature_delta", "signature": ""});
            let event = json!({"type": "content_block_delta", "index": self.index, "delta": delta});
            self.events.named("content_block_delta", &event).await?;
        }
        let event = json!({"type": "content_block_stop", "index": self.index});
        self.index += 1;
        self.events.named("content_block_stop", &event).await
    }

    async fn call(&mut self, call: ToolCall) -> Result<(), Gone> {
        self.close().await?;
        let id = random_id("toolu_").unwrap_or_else(|_| format!("toolu_{}", self.index));
        let start = json!({"type": "tool_use", "id": id, "name": call.name, "input": {}});
        self.open("tool_use", start).await?;
        self.delta(json!({"type": "input_json_delta", "partial_json": call.arguments})).await?;
        self.close().await
    }
}

async fn write_events(events: Events, accepted: Accepted, omits_thinking: bool) -> Result<(), Gone> {
    let Accepted { id, model_name, choices, n_prompt, listed: _listed, .. } = accepted;
    // How much of the prompt was found in the cache is known at the end.
    let begun = Usage { n_prompt, ..Usage::default() };
    let message = json!({
        "id": id, "type": "message", "role": "assistant", "model": model_name, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage(&begun),
    });
    events.named("message_start", &json!({"type": "message_start", "message": message})).await?;
    events.named("ping", &json!({"type": "ping"})).await?;
    let mut all = merged(choices);
    let mut blocks = Blocks { events, index: 0, open: None };
    while let Some((_, progress)) = blocks.events.wait(all.next()).await? {
        match progress {
            Progress::Text(text) | Progress::Tokens(text, _) => {
                if !text.reasoning.is_empty() {
                    let delta = json!({"type": "thinking_delta", "thinking": text.reasoning});
                    blocks.open("thinking", thinking_block("")).await?;
                    if !omits_thinking {
                        blocks.delta(delta).await?;
                    }
                }
                if !text.content.is_empty() {
                    let delta = json!({"type": "text_delta", "text": text.content});
                    blocks.open("text", json!({"type": "text", "text": ""})).await?;
                    blocks.delta(delta).await?;
                }
            }
            Progress::Call(call) => blocks.call(call).await?,
            Progress::End(end) => {
                blocks.close().await?;
                let (stop_reason, stop_sequence) = match stop_reason(&end) {
                    Ok(reason) => reason,
                    Err(error) => return blocks.events.named("error", &error_body(&error)).await,
                };
                let event = json!({
                    "type": "message_delta", "usage": usage(&end.usage),
                    "delta": {
                        "stop_reason": stop_reason, "stop_sequence": stop_sequence,
                        "thinking_stop_reason": end.thinking_stop_reason.map(ThinkingStopReason::as_str),
                    },
                });
                blocks.events.named("message_delta", &event).await?;
            }
        }
    }
    blocks.events.named("message_stop", &json!({"type": "message_stop"})).await
}
