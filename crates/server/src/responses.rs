//! `POST /v1/responses`: OpenAI's newer dialect, whole and streamed. Nothing is stored: a conversation is sent whole.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use engine::{ToolCall, Usage};
use serde_json::{Value, json};

use crate::admission::{Accepted, Incoming};
use crate::chat::{collect_all, merged};
use crate::completion::{End, Progress};
use crate::error::ApiError;
use crate::params::random_id;
use crate::reply::LogprobsJson;
use crate::routes::App;
use crate::sse::{self, Events, Gone};
use crate::wire::ChatRequest;
use crate::wire::responses::parse;

/// Serves a response.
pub async fn responses(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    let chat = parse(&incoming.body)?;
    let (is_stream, asked) = (chat.stream, Asked::of(&chat));
    let accepted = incoming.chat(chat, "resp_").await?;
    if is_stream {
        let error_event = |error: &ApiError| (Some("error"), json!({"type": "error", "error": error.body()["error"]}));
        return Ok(sse::respond(&app, error_event, move |events| write_events(events, accepted, asked)));
    }
    let base = asked.base(&accepted);
    let Accepted { choices, model, listed: _listed, .. } = accepted;
    let Some((said, end)) = collect_all(&app, choices).await?.pop() else {
        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        return Err(ApiError::new(status, "no_answer", "the engine gave no answer; try again"));
    };
    let logprobs = LogprobsJson::of(&said.reports, model.format.as_ref()).and_then(|l| l.content);
    let mut output = Vec::new();
    if !said.text.reasoning.is_empty() {
        output.push(reasoning_item(&random_id("rs_")?, &said.text.reasoning));
    }
    if !said.text.content.is_empty() || said.calls.is_empty() {
        let part = text_part(&said.text.content, json!(logprobs.unwrap_or_default()));
        output.push(message_item(&random_id("msg_")?, "completed", vec![part]));
    }
    for call in &said.calls {
        output.push(call_item(&random_id("fc_")?, &random_id("call_")?, "completed", call));
    }
    end.finish_reason.clone()?;
    Ok(Json(finished(base, output, &end)).into_response())
}

/// What a response repeats of its request.
struct Asked {
    body: Value,
}

impl Asked {
    fn of(chat: &ChatRequest) -> Self {
        let instructions = chat.messages.first().filter(|m| m.role == "system").map(|m| m.content.clone());
        let tools = chat.tools.definitions.iter().map(|tool| {
            let mut flat = tool["function"].clone();
            flat["type"] = json!("function");
            flat["strict"] = json!(tool["function"]["strict"] == true);
            flat
        });
        let body = json!({
            "instructions": instructions, "max_output_tokens": chat.max_tokens, "temperature": chat.sampling.temperature,
            "top_p": chat.sampling.top_p, "tools": tools.collect::<Vec<_>>(), "tool_choice": "auto",
            "parallel_tool_calls": chat.tools.parallel, "previous_response_id": null, "store": false,
            "truncation": "disabled", "metadata": {}, "error": null, "incomplete_details": null,
            "reasoning": {"effort": null, "summary": null}, "text": {"format": {"type": "text"}}, "usage": null,
        });
        Self { body }
    }

    fn base(&self, accepted: &Accepted) -> Value {
        let mut base = self.body.clone();
        base["id"] = json!(accepted.id);
        base["object"] = json!("response");
        base["created_at"] = json!(accepted.created);
        base["model"] = json!(accepted.model_name);
        base["status"] = json!("in_progress");
        base["output"] = json!([]);
        base
    }
}

fn finished(mut base: Value, output: Vec<Value>, end: &End) -> Value {
    let cut = matches!(end.finish_reason, Ok("length"));
    base["status"] = json!(if cut { "incomplete" } else { "completed" });
    base["incomplete_details"] = if cut { json!({"reason": "max_output_tokens"}) } else { Value::Null };
    base["output"] = json!(output);
    base["usage"] = usage(&end.usage);
    base["thinking_stop_reason"] = json!(end.thinking_stop_reason.map(|reason| reason.as_str()));
    base
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.n_prompt, "input_tokens_details": {"cached_tokens": usage.n_cached},
        "output_tokens": usage.n_completion, "output_tokens_details": {"reasoning_tokens": usage.n_reasoning},
        "total_tokens": usage.n_prompt + usage.n_completion,
    })
}

fn reasoning_item(id: &str, text: &str) -> Value {
    json!({"id": id, "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]})
}

fn text_part(text: &str, logprobs: Value) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs})
}

fn message_item(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({"id": id, "type": "message", "role": "assistant", "status": status, "content": content})
}

fn call_item(id: &str, call_id: &str, status: &str, call: &ToolCall) -> Value {
    json!({
        "id": id, "type": "function_call", "call_id": call_id, "status": status, "name": call.name,
        "arguments": call.arguments,
    })
}

/// An item that is being written.
struct Open {
    id: String,
    is_reasoning: bool,
    text: String,
}

/// Writes events with their numbers, and keeps the items that are complete.
struct Writer {
    events: Events,
    n_sent: usize,
    output: Vec<Value>,
    open: Option<Open>,
}

impl Writer {
    async fn send(&mut self, name: &str, mut event: Value) -> Result<(), Gone> {
        event["type"] = json!(name);
        event["sequence_number"] = json!(self.n_sent);
        self.n_sent += 1;
        self.events.named(name, &event).await
    }

    async fn text(&mut self, is_reasoning: bool, text: String) -> Result<(), Gone> {
        if self.open.as_ref().is_none_or(|open| open.is_reasoning != is_reasoning) {
            self.close().await?;
            self.begin(is_reasoning).await?;
        }
        let index = self.output.len();
        let Some(open) = &mut self.open else { return Ok(()) };
        open.text += &text;
        let mut event = json!({"item_id": open.id, "output_index": index, "content_index": 0, "delta": text});
        if is_reasoning {
            return self.send("response.reasoning_text.delta", event).await;
        }
        event["logprobs"] = json!([]);
        self.send("response.output_text.delta", event).await
    }

    async fn begin(&mut self, is_reasoning: bool) -> Result<(), Gone> {
        let prefix = if is_reasoning { "rs_" } else { "msg_" };
        let id = random_id(prefix).unwrap_or_else(|_| format!("{prefix}{}", self.output.len()));
        let (item, part) = match is_reasoning {
            true => (
                json!({"id": id, "type": "reasoning", "summary": [], "content": []}),
                json!({"type": "reasoning_text", "text": ""}),
            ),
            false => (message_item(&id, "in_progress", Vec::new()), text_part("", json!([]))),
        };
        let index = self.output.len();
        self.send("response.output_item.added", json!({"output_index": index, "item": item})).await?;
        let event = json!({"item_id": id, "output_index": index, "content_index": 0, "part": part});
        self.send("response.content_part.added", event).await?;
        self.open = Some(Open { id, is_reasoning, text: String::new() });
        Ok(())
    }

    async fn close(&mut self) -> Result<(), Gone> {
        let Some(Open { id, is_reasoning, text }) = self.open.take() else { return Ok(()) };
        let index = self.output.len();
        let (name, part, item) = match is_reasoning {
            true => {
                let part = json!({"type": "reasoning_text", "text": text});
                ("response.reasoning_text.done", part, reasoning_item(&id, &text))
            }
            false => {
                let part = text_part(&text, json!([]));
                ("response.output_text.done", part.clone(), message_item(&id, "completed", vec![part]))
            }
        };
        let place = json!({"item_id": id, "output_index": index, "content_index": 0});
        let mut done = place.clone();
        done["text"] = json!(text);
        if !is_reasoning {
            done["logprobs"] = json!([]);
        }
        self.send(name, done).await?;
        let mut done = place;
        done["part"] = part;
        self.send("response.content_part.done", done).await?;
        self.send("response.output_item.done", json!({"output_index": index, "item": item})).await?;
        self.output.push(item);
        Ok(())
    }

    async fn call(&mut self, call: ToolCall) -> Result<(), Gone> {
        self.close().await?;
        let index = self.output.len();
        let own = |prefix: &str| random_id(prefix).unwrap_or_else(|_| format!("{prefix}{index}"));
        let (id, call_id) = (own("fc_"), own("call_"));
        let begun = ToolCall { arguments: String::new(), ..call.clone() };
        let item = call_item(&id, &call_id, "in_progress", &begun);
        self.send("response.output_item.added", json!({"output_index": index, "item": item})).await?;
        let mut event = json!({"item_id": id, "output_index": index, "delta": call.arguments});
        self.send("response.function_call_arguments.delta", event).await?;
        event = json!({"item_id": id, "output_index": index, "name": call.name, "arguments": call.arguments});
        self.send("response.function_call_arguments.done", event).await?;
        let item = call_item(&id, &call_id, "completed", &call);
        self.send("response.output_item.done", json!({"output_index": index, "item": item})).await?;
        self.output.push(item);
        Ok(())
    }
}

async fn write_events(events: Events, accepted: Accepted, asked: Asked) -> Result<(), Gone> {
    let base = asked.base(&accepted);
    let Accepted { choices, listed: _listed, .. } = accepted;
    let mut writer = Writer { events, n_sent: 0, output: Vec::new(), open: None };
    writer.send("response.created", json!({"response": base})).await?;
    writer.send("response.in_progress", json!({"response": base})).await?;
    let mut all = merged(choices);
    while let Some((_, progress)) = writer.events.wait(all.next()).await? {
        match progress {
            Progress::Text(text) | Progress::Tokens(text, _) => {
                if !text.reasoning.is_empty() {
                    writer.text(true, text.reasoning).await?;
                }
                if !text.content.is_empty() {
                    writer.text(false, text.content).await?;
                }
            }
            Progress::Call(call) => writer.call(call).await?,
            Progress::End(end) => {
                writer.close().await?;
                let output = std::mem::take(&mut writer.output);
                if let Err(error) = &end.finish_reason {
                    let mut failed = base.clone();
                    failed["status"] = json!("failed");
                    failed["error"] = json!({"code": "server_error", "message": error.message});
                    writer.send("response.failed", json!({"response": failed})).await?;
                    continue;
                }
                let whole = finished(base.clone(), output, &end);
                let name = if whole["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
                writer.send(name, json!({"response": whole})).await?;
            }
        }
    }
    Ok(())
}
