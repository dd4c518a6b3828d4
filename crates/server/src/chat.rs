//! `POST /v1/chat/completions`, whole and streamed, and `…/{id}/answer`, which ends the thinking of a running one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::thread::Control;
use engine::{Delta, Timings, Usage};
use futures_util::future::FutureExt;
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt};

use crate::admission::{Accepted, Incoming};
use crate::completion::{Choice, End, Progress};
use crate::error::ApiError;
use crate::params::random_id;
use crate::reply::{
    AssistantMessage, CallDelta, Chunk, ChunkChoice, DeltaJson, FINGERPRINT, Head, LogprobsJson, Reply, TimingsJson,
    ToolCallJson, UsageJson, WholeChoice,
};
use crate::routes::{App, Name};
use crate::sse::{self, Events, Gone};
use crate::wire::ChatRequest;

/// Serves a chat request.
pub async fn chat_completions(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    let chat = ChatRequest::parse(&incoming.body)?;
    let (is_stream, include_usage) = (chat.stream, chat.include_usage);
    let accepted = incoming.chat(chat, "chatcmpl-").await?;
    if !is_stream {
        return whole(&app, accepted).await;
    }
    let error_event = |error: &ApiError| (None, error.body());
    Ok(sse::respond(&app, error_event, move |events| write_events(events, accepted, include_usage)))
}

/// Ends the thinking of a running completion.
pub async fn answer_now(State(app): State<Arc<App>>, Name(id): Name) -> Result<Response, ApiError> {
    let Some(controls) = app.running.find(&id) else {
        let message = format!("no completion \"{id}\" is running; it may have ended");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message));
    };
    controls.iter().for_each(Control::end_thinking);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// All completions to their ends, within the time that they may take.
pub async fn collect_all(app: &App, choices: Vec<Choice>) -> Result<Vec<(crate::completion::Said, End)>, ApiError> {
    let all = futures_util::future::join_all(choices.into_iter().map(Choice::collect));
    let limit = app.limits.completion_time;
    let ended = tokio::time::timeout(limit, all).await.map_err(|_| sse::timed_out(limit))?;
    Ok(ended.into_iter().filter_map(|(said, end)| Some((said, end?))).collect())
}

/// What all completions of a request report, as it comes, with each one's index.
pub fn merged(choices: Vec<Choice>) -> Merged {
    let streams = choices.into_iter().enumerate().map(|(index, choice)| {
        let steps = stream::unfold(choice, |mut choice| async move { Some((choice.next().await?, choice)) });
        steps.map(move |progress| (index, progress)).boxed()
    });
    Merged { all: stream::select_all(streams), held: None }
}

/// See [`merged`]. Text that is there already when it is asked for comes in one piece: a client that is slower than the
/// model, or a server that has much to do, has fewer events to handle and not more.
pub struct Merged {
    all: SelectAll<BoxStream<'static, (usize, Progress)>>,
    /// Taken and not told yet.
    held: Option<(usize, Progress)>,
}

impl Merged {
    /// What comes next; `None` after all ends.
    pub async fn next(&mut self) -> Option<(usize, Progress)> {
        let mut first = match self.held.take() {
            Some(held) => held,
            None => self.all.next().await?,
        };
        while let (index, Progress::Text(text)) = &mut first {
            match self.all.next().now_or_never().flatten() {
                Some((other, Progress::Text(more)))
                    if other == *index && (text.content.is_empty() || more.reasoning.is_empty()) =>
                {
                    text.reasoning += &more.reasoning;
                    text.content += &more.content;
                }
                other => {
                    self.held = other;
                    break;
                }
            }
        }
        Some(first)
    }
}

fn head(accepted: &Accepted, object: &'static str) -> Head {
    Head {
        id: accepted.id.clone(),
        object,
        created: accepted.created,
        model: accepted.model_name.clone(),
        system_fingerprint: FINGERPRINT,
    }
}

async fn whole(app: &App, accepted: Accepted) -> Result<Response, ApiError> {
    let head = head(&accepted, "chat.completion");
    let Accepted { choices, in_thinking, model, listed: _listed, .. } = accepted;
    let mut whole = Vec::new();
    let mut ends: Vec<End> = Vec::new();
    for (index, (said, end)) in collect_all(app, choices).await?.into_iter().enumerate() {
        let thought = (in_thinking || !said.text.reasoning.is_empty()).then_some(said.text.reasoning);
        let calls = said.calls.into_iter().enumerate();
        let tool_calls = calls.map(|(i, call)| Ok(ToolCallJson::new(i, random_id("call_")?, call)));
        whole.push(WholeChoice {
            index,
            message: AssistantMessage {
                role: "assistant",
                content: said.text.content,
                reasoning: thought.clone(),
                reasoning_content: thought,
                tool_calls: tool_calls.collect::<Result<_, ApiError>>()?,
            },
            logprobs: LogprobsJson::of(&said.reports, model.format.as_ref()),
            finish_reason: end.finish_reason.clone()?,
            thinking_stop_reason: end.thinking_stop_reason.map(|reason| reason.as_str()),
        });
        ends.push(end);
    }
    let usages: Vec<Usage> = ends.iter().map(|end| end.usage).collect();
    let timings = TimingsJson::of_slowest(ends.iter().map(|end| (&end.usage, &end.timings))).unwrap_or_default();
    Ok(Json(Reply { head, choices: whole, usage: UsageJson::of(&usages), timings }).into_response())
}

struct ChunkWriter {
    events: Events,
    head: Head,
}

impl ChunkWriter {
    async fn piece(&self, choice: ChunkChoice) -> Result<(), Gone> {
        self.events.data(&Chunk { head: &self.head, choices: vec![choice], usage: None, timings: None }).await
    }

    async fn delta(&self, index: usize, delta: DeltaJson) -> Result<(), Gone> {
        self.reported(index, delta, None).await
    }

    async fn reported(&self, index: usize, delta: DeltaJson, logprobs: Option<LogprobsJson>) -> Result<(), Gone> {
        self.piece(ChunkChoice { index, delta, logprobs, ..ChunkChoice::default() }).await
    }

    /// Text, thinking before answer. `logprobs` are of the tokens that brought it, which go with the last of it.
    async fn text(&self, index: usize, text: Delta, logprobs: Option<LogprobsJson>) -> Result<(), Gone> {
        let thought = (!text.reasoning.is_empty()).then(|| DeltaJson::reasoning(text.reasoning));
        let said = DeltaJson { content: Some(text.content), ..DeltaJson::default() };
        match thought {
            Some(thought) if said.content.as_ref().is_some_and(String::is_empty) => {
                self.reported(index, thought, logprobs).await
            }
            thought => {
                if let Some(thought) = thought {
                    self.delta(index, thought).await?;
                }
                self.reported(index, said, logprobs).await
            }
        }
    }

    /// A call, as DeepSeek has it: first its name, then its arguments.
    async fn call(&self, index: usize, call_idx: usize, call: engine::ToolCall) -> Result<(), Gone> {
        // Without randomness the number has to do; nothing rests on it but the client's own reference.
        let id = random_id("call_").unwrap_or_else(|_| format!("call_{call_idx}"));
        for piece in CallDelta::pieces(call_idx, id, call) {
            self.delta(index, DeltaJson { tool_calls: vec![piece], ..DeltaJson::default() }).await?;
        }
        Ok(())
    }
}

/// Writes a whole answer; ends early, cancelling it, when the client goes away.
async fn write_events(events: Events, accepted: Accepted, include_usage: bool) -> Result<(), Gone> {
    let writer = ChunkWriter { events, head: head(&accepted, "chat.completion.chunk") };
    let Accepted { choices, in_thinking, model, listed: _listed, .. } = accepted;
    let n = choices.len();
    for index in 0..n {
        let (reasoning_content, content) = if in_thinking { (Some("".into()), None) } else { (None, Some("".into())) };
        let role = Some("assistant");
        writer.delta(index, DeltaJson { role, content, reasoning_content, ..DeltaJson::default() }).await?;
    }
    let mut all = merged(choices);
    let (mut usages, mut timings, mut n_ended) = (vec![Usage::default(); n], vec![Timings::default(); n], 0);
    let mut n_calls = vec![0; n];
    while let Some((index, progress)) = writer.events.wait(all.next()).await? {
        match progress {
            Progress::Text(text) => writer.text(index, text, None).await?,
            Progress::Tokens(text, reports) => {
                writer.text(index, text, LogprobsJson::of(&reports, model.format.as_ref())).await?;
            }
            Progress::Call(call) => {
                writer.call(index, n_calls[index], call).await?;
                n_calls[index] += 1;
            }
            Progress::End(end) => {
                (usages[index], timings[index]) = (end.usage, end.timings);
                n_ended += 1;
                let usage = (n_ended == n && !include_usage).then(|| UsageJson::of(&usages));
                write_end(&writer, index, end, usage).await?;
            }
        }
    }
    if include_usage {
        let usage = Some(UsageJson::of(&usages));
        let timings = TimingsJson::of_slowest(usages.iter().zip(&timings));
        writer.events.data(&Chunk { head: &writer.head, choices: Vec::new(), usage, timings }).await?;
    }
    writer.events.done().await
}

/// The last piece of one completion. The usage is in the last of all, as DeepSeek has it, unless the client asked for a
/// chunk of its own, as OpenAI has it; never in both, because clients add them up.
async fn write_end(writer: &ChunkWriter, index: usize, end: End, usage: Option<UsageJson>) -> Result<(), Gone> {
    let finish_reason = match end.finish_reason {
        Ok(reason) => reason,
        Err(error) => return writer.events.data(&error.body()).await,
    };
    let choice = ChunkChoice {
        index,
        // As DeepSeek has it: its clients ask every piece for both fields.
        delta: DeltaJson { content: Some(String::new()), ..DeltaJson::default() },
        logprobs: None,
        finish_reason: Some(finish_reason),
        thinking_stop_reason: Some(end.thinking_stop_reason.map(|reason| reason.as_str())),
    };
    let timings = Some(TimingsJson::of(&end.usage, &end.timings));
    writer.events.data(&Chunk { head: &writer.head, choices: vec![choice], usage, timings }).await
}
