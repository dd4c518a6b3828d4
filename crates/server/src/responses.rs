//! `POST /v1/responses`: OpenAI's newer dialect, whole and streamed. Nothing is stored: a conversation is sent whole.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use engine::{SamplingParams, ToolCall, Usage};
use serde_json::{Map, Value, json};

use crate::admission::{Accepted, Incoming, now};
use crate::chat::{collect_all, merged};
use crate::completion::{End, Progress};
use crate::error::ApiError;
use crate::params::random_id;
use crate::reply::{LogprobsJson, as_written};
use crate::routes::App;
use crate::sse::{self, Events, Gone};
use crate::wire::ChatRequest;
use crate::wire::responses::parse;

/// What this dialect calls fields that others call otherwise.
const NAMES: &[(&str, &str)] =
    &[("messages", "input"), ("response_format", "text.format"), ("max_tokens", "max_output_tokens")];

/// Serves a response.
pub async fn responses(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    // What is said of the body names its fields as they were sent; what comes later speaks of a chat.
    let (chat, repeated) = parse(&incoming.body)?;
    answer(app, incoming, chat, repeated).await.map_err(|error| error.renamed(NAMES))
}

async fn answer(
    app: Arc<App>,
    incoming: Incoming,
    chat: ChatRequest,
    repeated: Map<String, Value>,
) -> Result<Response, ApiError> {
    let (is_stream, asked) = (chat.stream, Asked::of(&chat, repeated));
    let accepted = incoming.chat(chat, "resp_").await?;
    if is_stream {
        let error_event = |error: &ApiError| (Some("error"), json!({"type": "error", "error": error.body()["error"]}));
        return Ok(sse::respond(&app, error_event, move |events| write_events(events, accepted, asked)));
    }
    let (base, summarizes) = (asked.base(&accepted), asked.summarizes());
    let Accepted { choices, model, listed: _listed, .. } = accepted;
    let Some((said, end)) = collect_all(&app, choices).await?.pop() else {
        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        return Err(ApiError::new(status, "no_answer", "the engine gave no answer; try again"));
    };
    end.finish_reason.clone()?;
    let logprobs = LogprobsJson::of(&said.reports, model.format.as_ref()).and_then(|l| l.content);
    let mut output = Vec::new();
    if !said.text.reasoning.is_empty() {
        output.push(reasoning_item(&random_id("rs_")?, "completed", &said.text.reasoning, summarizes));
    }
    if !said.text.content.is_empty() || (said.calls.is_empty() && !is_cut(&end)) {
        let part = text_part(&said.text.content, json!(logprobs.unwrap_or_default()));
        output.push(message_item(&random_id("msg_")?, "completed", vec![part]));
    }
    for call in &said.calls {
        output.push(call_item(&random_id("fc_")?, &random_id("call_")?, "completed", call));
    }
    // Calls are whole; what else comes last is not.
    if let Some(last) = output.last_mut().filter(|item| is_cut(&end) && item["type"] != "function_call") {
        last["status"] = json!("incomplete");
    }
    Ok(Json(finished(base, output, &end)).into_response())
}

/// What a response repeats of its request.
struct Asked {
    body: Value,
}

impl Asked {
    /// `repeated` is as it was sent; where nothing was, the body has what holds then.
    fn of(chat: &ChatRequest, repeated: Map<String, Value>) -> Self {
        let tools = chat.tools.definitions.iter().map(|tool| {
            let mut flat = tool["function"].clone();
            flat["type"] = json!("function");
            flat["strict"] = json!(tool["function"]["strict"] == true);
            flat
        });
        let mut body = json!({
            "instructions": null, "max_output_tokens": chat.max_tokens, "max_tool_calls": null,
            "tools": tools.collect::<Vec<_>>(), "tool_choice": "auto", "parallel_tool_calls": chat.tools.parallel,
            "previous_response_id": null, "store": false, "background": false, "service_tier": "default",
            "truncation": "disabled", "metadata": {}, "error": null, "incomplete_details": null, "usage": null,
            "presence_penalty": chat.sampling.presence_penalty, "frequency_penalty": chat.sampling.frequency_penalty,
            "top_logprobs": chat.logprobs.unwrap_or(0), "user": null, "safety_identifier": null,
            "prompt_cache_key": null, "completed_at": null,
        });
        for (name, value) in repeated {
            body[name] = value;
        }
        for (name, key, value) in [
            ("text", "format", json!({"type": "text"})),
            ("reasoning", "effort", Value::Null),
            ("reasoning", "summary", Value::Null),
        ] {
            if body[name][key].is_null() {
                body[name][key] = value;
            }
        }
        Self { body }
    }

    /// Whether a summary of the thinking is wanted. It is the thinking itself.
    fn summarizes(&self) -> bool {
        ["summary", "generate_summary"].iter().any(|name| !self.body["reasoning"][*name].is_null())
    }

    fn base(&self, accepted: &Accepted) -> Value {
        let mut base = self.body.clone();
        base["id"] = json!(accepted.id);
        base["object"] = json!("response");
        base["created_at"] = json!(accepted.created);
        base["model"] = json!(accepted.model_name);
        base["status"] = json!("in_progress");
        base["output"] = json!([]);
        let SamplingParams { temperature, top_p, presence_penalty, frequency_penalty, .. } = accepted.model.sampling;
        for (name, default) in [
            ("temperature", temperature),
            ("top_p", top_p),
            ("presence_penalty", presence_penalty),
            ("frequency_penalty", frequency_penalty),
        ] {
            if base[name].is_null() {
                base[name] = json!(as_written(default));
            }
        }
        base
    }
}

/// Whether an answer ends where its tokens do.
fn is_cut(end: &End) -> bool {
    matches!(end.finish_reason, Ok("length"))
}

fn finished(mut base: Value, output: Vec<Value>, end: &End) -> Value {
    if is_cut(end) {
        base["status"] = json!("incomplete");
        base["incomplete_details"] = json!({"reason": "max_output_tokens"});
    } else {
        base["status"] = json!("completed");
        base["completed_at"] = json!(now());
    }
    base["output"] = json!(output);
    base["usage"] = usage(&end.usage);
    base["thinking_stop_reason"] = json!(end.thinking_stop_reason.map(|reason| reason.as_str()));
    base
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.n_prompt, "input_tokens_details": {"cached_tokens": usage.n_cached, "cache_write_tokens": 0},
        "output_tokens": usage.n_completion, "output_tokens_details": {"reasoning_tokens": usage.n_reasoning},
        "total_tokens": usage.n_prompt + usage.n_completion,
    })
}

fn reasoning_item(id: &str, status: &str, text: &str, summarizes: bool) -> Value {
    let content = json!([{"type": "reasoning_text", "text": text}]);
    let summary = if summarizes { json!([summary_part(text)]) } else { json!([]) };
    json!({"id": id, "type": "reasoning", "status": status, "summary": summary, "content": content})
}

fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
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
    logprobs: Vec<Value>,
}

/// Writes events with their numbers, and keeps the items that are complete.
struct Writer {
    events: Events,
    n_sent: usize,
    output: Vec<Value>,
    open: Option<Open>,
    /// Whether thinking comes as its summary too.
    summarizes: bool,
}

impl Writer {
    async fn send(&mut self, name: &str, mut event: Value) -> Result<(), Gone> {
        event["type"] = json!(name);
        event["sequence_number"] = json!(self.n_sent);
        self.n_sent += 1;
        self.events.named(name, &event).await
    }

    async fn text(&mut self, is_reasoning: bool, text: String, logprobs: Vec<Value>) -> Result<(), Gone> {
        if self.open.as_ref().is_none_or(|open| open.is_reasoning != is_reasoning) {
            self.close("completed").await?;
            self.begin(is_reasoning).await?;
        }
        let index = self.output.len();
        let Some(open) = &mut self.open else { return Ok(()) };
        open.text += &text;
        let mut event = json!({"item_id": open.id, "output_index": index, "content_index": 0, "delta": text});
        if is_reasoning {
            let summary = json!({"item_id": open.id, "output_index": index, "summary_index": 0, "delta": text});
            self.send("response.reasoning_text.delta", event).await?;
            return self.summary("response.reasoning_summary_text.delta", summary).await;
        }
        event["logprobs"] = json!(logprobs);
        open.logprobs.extend(logprobs);
        self.send("response.output_text.delta", event).await
    }

    /// An event of the summary, where there is one.
    async fn summary(&mut self, name: &str, event: Value) -> Result<(), Gone> {
        if self.summarizes { self.send(name, event).await } else { Ok(()) }
    }

    async fn begin(&mut self, is_reasoning: bool) -> Result<(), Gone> {
        let prefix = if is_reasoning { "rs_" } else { "msg_" };
        let id = random_id(prefix).unwrap_or_else(|_| format!("{prefix}{}", self.output.len()));
        let (item, part) = match is_reasoning {
            true => (
                json!({"id": id, "type": "reasoning", "status": "in_progress", "summary": [], "content": []}),
                json!({"type": "reasoning_text", "text": ""}),
            ),
            false => (message_item(&id, "in_progress", Vec::new()), text_part("", json!([]))),
        };
        let index = self.output.len();
        self.send("response.output_item.added", json!({"output_index": index, "item": item})).await?;
        let event = json!({"item_id": id, "output_index": index, "content_index": 0, "part": part});
        self.send("response.content_part.added", event).await?;
        if is_reasoning {
            let event = json!({"item_id": id, "output_index": index, "summary_index": 0, "part": summary_part("")});
            self.summary("response.reasoning_summary_part.added", event).await?;
        }
        self.open = Some(Open { id, is_reasoning, text: String::new(), logprobs: Vec::new() });
        Ok(())
    }

    async fn close(&mut self, status: &str) -> Result<(), Gone> {
        let Some(Open { id, is_reasoning, text, logprobs }) = self.open.take() else { return Ok(()) };
        let index = self.output.len();
        let (name, part, item) = match is_reasoning {
            true => {
                let part = json!({"type": "reasoning_text", "text": text});
                ("response.reasoning_text.done", part, reasoning_item(&id, status, &text, self.summarizes))
            }
            false => {
                let part = text_part(&text, json!(logprobs));
                ("response.output_text.done", part.clone(), message_item(&id, status, vec![part]))
            }
        };
        let place = json!({"item_id": id, "output_index": index, "content_index": 0});
        let mut done = place.clone();
        done["text"] = json!(text);
        if !is_reasoning {
            done["logprobs"] = json!(logprobs);
        }
        self.send(name, done).await?;
        let mut done = place;
        done["part"] = part;
        self.send("response.content_part.done", done).await?;
        if is_reasoning {
            let place = json!({"item_id": id, "output_index": index, "summary_index": 0});
            let (mut done, mut part) = (place.clone(), place);
            done["text"] = json!(text);
            part["part"] = summary_part(&text);
            self.summary("response.reasoning_summary_text.done", done).await?;
            self.summary("response.reasoning_summary_part.done", part).await?;
        }
        self.send("response.output_item.done", json!({"output_index": index, "item": item})).await?;
        self.output.push(item);
        Ok(())
    }

    /// The last event, which has all of it.
    async fn end(&mut self, mut base: Value, end: &End) -> Result<(), Gone> {
        if let Err(error) = &end.finish_reason {
            let error = error.clone().renamed(NAMES);
            self.close("incomplete").await?;
            base["status"] = json!("failed");
            base["output"] = json!(self.output);
            base["error"] = json!({"code": "server_error", "message": error.message});
            return self.send("response.failed", json!({"response": base})).await;
        }
        self.close(if is_cut(end) { "incomplete" } else { "completed" }).await?;
        let has_answer = self.output.iter().any(|item| item["type"] != "reasoning");
        if !has_answer && !is_cut(end) {
            // An answer without a word is one too.
            self.begin(false).await?;
            self.close("completed").await?;
        }
        let whole = finished(base, std::mem::take(&mut self.output), end);
        let name = if is_cut(end) { "response.incomplete" } else { "response.completed" };
        self.send(name, json!({"response": whole})).await
    }

    async fn call(&mut self, call: ToolCall) -> Result<(), Gone> {
        self.close("completed").await?;
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
    let Accepted { choices, model, listed: _listed, .. } = accepted;
    let summarizes = asked.summarizes();
    let mut writer = Writer { events, n_sent: 0, output: Vec::new(), open: None, summarizes };
    writer.send("response.created", json!({"response": base})).await?;
    writer.send("response.in_progress", json!({"response": base})).await?;
    let mut all = merged(choices);
    while let Some((_, progress)) = writer.events.wait(all.next()).await? {
        let (text, reports) = match progress {
            Progress::Text(text) => (text, Vec::new()),
            Progress::Tokens(text, reports) => (text, reports),
            Progress::Call(call) => {
                writer.call(call).await?;
                continue;
            }
            Progress::End(end) => {
                writer.end(base.clone(), &end).await?;
                continue;
            }
        };
        if !text.reasoning.is_empty() {
            writer.text(true, text.reasoning, Vec::new()).await?;
        }
        let logprobs = LogprobsJson::of(&reports, model.format.as_ref()).and_then(|l| l.content).unwrap_or_default();
        if !text.content.is_empty() || !logprobs.is_empty() {
            let logprobs = logprobs.iter().map(|token| json!(token)).collect();
            writer.text(false, text.content, logprobs).await?;
        }
    }
    Ok(())
}
