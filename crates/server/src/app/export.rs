//! Conversations in and out: JSON with everything, Markdown to read, and one HTML file to show to somebody.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::store::{Conversation, Facts, FileInfo, Message, Role, Sample, Settings, Status, Store, Summary, now_ms};
use super::{Owner, blocking, json_body, read_body};
use crate::error::ApiError;
use crate::routes::App;

mod markdown;
mod page;
#[cfg(test)]
mod tests;

/// Largest file that is taken in.
const MAX_BYTES: usize = 64 << 20;
const FORMAT: &str = "penseur-conversations";
const VERSION: u32 = 1;

/// The JSON of an export.
#[derive(Serialize, Deserialize)]
struct Export {
    format: String,
    version: u32,
    conversations: Vec<ConversationJson>,
}

#[derive(Serialize, Deserialize)]
struct ConversationJson {
    title: String,
    created_at: i64,
    updated_at: i64,
    #[serde(default)]
    leaf: Option<String>,
    messages: Vec<MessageJson>,
}

#[derive(Serialize, Deserialize)]
struct MessageJson {
    id: String,
    #[serde(default)]
    parent: Option<String>,
    role: Role,
    created_at: i64,
    #[serde(default)]
    content: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    chosen: usize,
    #[serde(default)]
    files: Vec<FileInfo>,
    #[serde(default)]
    samples: Vec<SampleJson>,
}

#[derive(Serialize, Deserialize)]
struct SampleJson {
    #[serde(default)]
    status: Status,
    #[serde(default)]
    reasoning: String,
    content: String,
    #[serde(default)]
    facts: Facts,
}

impl From<Conversation> for ConversationJson {
    fn from(conversation: Conversation) -> Self {
        let message = |m: Message| MessageJson {
            id: m.id,
            parent: m.parent,
            role: m.role,
            created_at: m.created_at,
            content: m.content,
            model: m.model,
            settings: m.settings,
            chosen: m.chosen,
            files: m.files,
            samples: m
                .samples
                .into_iter()
                .map(|s| SampleJson { status: s.status, reasoning: s.reasoning, content: s.content, facts: s.facts })
                .collect(),
        };
        Self {
            title: conversation.summary.title,
            created_at: conversation.summary.created_at,
            updated_at: conversation.summary.updated_at,
            leaf: conversation.leaf,
            messages: conversation.messages.into_iter().map(message).collect(),
        }
    }
}

impl From<ConversationJson> for Conversation {
    fn from(from: ConversationJson) -> Self {
        // Nobody writes what comes from a file.
        let status = |status| if status == Status::Running { Status::Interrupted } else { status };
        let message = |m: MessageJson| Message {
            id: m.id,
            parent: m.parent,
            role: m.role,
            created_at: m.created_at,
            content: m.content,
            model: m.model,
            settings: m.settings,
            chosen: m.chosen,
            files: m.files,
            samples: m
                .samples
                .into_iter()
                .map(|s| Sample {
                    status: status(s.status),
                    reasoning: s.reasoning,
                    content: s.content,
                    facts: s.facts,
                })
                .collect(),
        };
        Conversation {
            summary: Summary {
                id: String::new(),
                title: from.title,
                created_at: from.created_at,
                updated_at: from.updated_at,
            },
            leaf: from.leaf,
            messages: from.messages.into_iter().map(message).collect(),
        }
    }
}

/// A conversation with the texts of its files.
fn in_full(store: &Store, owner: &str, id: &str) -> Result<Conversation, ApiError> {
    let mut conversation = store.conversation(owner, id)?;
    let with_files: Vec<&str> =
        conversation.messages.iter().filter(|m| !m.files.is_empty()).map(|m| m.id.as_str()).collect();
    let texts = store.files_of(&with_files)?;
    for message in &mut conversation.messages {
        let texts = texts.get(&message.id).into_iter().flatten();
        for (info, file) in message.files.iter_mut().zip(texts) {
            info.text.clone_from(&file.text);
        }
    }
    Ok(conversation)
}

/// The messages of the path that is shown.
fn shown(conversation: &Conversation) -> Vec<&Message> {
    let mut path = Vec::new();
    let mut next = conversation.leaf.as_deref();
    while let Some(message) = next.and_then(|id| conversation.messages.iter().find(|m| m.id == id)) {
        path.push(message);
        // Each step leads to an earlier message, or the walk ends.
        next = message.parent.as_deref().filter(|_| path.len() <= conversation.messages.len());
    }
    path.reverse();
    path
}

fn as_json(conversations: Vec<Conversation>) -> String {
    let conversations = conversations.into_iter().map(ConversationJson::from).collect();
    let export = Export { format: FORMAT.into(), version: VERSION, conversations };
    serde_json::to_string_pretty(&export).expect("plain data serializes")
}

/// A file to save, named after a title.
fn download(title: &str, extension: &str, kind: &'static str, body: String) -> Response {
    let plain: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let name = if words.is_empty() { "conversation".to_owned() } else { words.join("-") };
    let disposition = format!("attachment; filename=\"{name}.{extension}\"");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition.as_str())], body).into_response()
}

/// `GET /api/export.json`: all conversations of the owner.
pub async fn all(State(app): State<Arc<App>>, Extension(Owner(owner)): Extension<Owner>) -> Result<Response, ApiError> {
    let store = app.desk.store.clone();
    blocking(move || {
        let listed = store.list(&owner, "")?;
        let all = listed.iter().map(|summary| in_full(&store, &owner, &summary.id)).collect::<Result<_, _>>()?;
        Ok(download("penseur conversations", "json", "application/json", as_json(all)))
    })
    .await
}

/// `GET /api/conversations/{id}/{export.json | export.md | share.html?language=}`
pub async fn one(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path((id, form)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, ApiError> {
    let store = app.desk.store.clone();
    blocking(move || {
        let conversation = in_full(&store, &owner, &id)?;
        let title = conversation.summary.title.clone();
        match form.as_str() {
            "export.json" => Ok(download(&title, "json", "application/json", as_json(vec![conversation]))),
            "export.md" => Ok(download(
                &title,
                "md",
                "text/markdown; charset=utf-8",
                markdown::write(&title, &shown(&conversation)),
            )),
            "share.html" => {
                let language = query.get("language").map_or("en", String::as_str);
                let page = page::write(&title, &shown(&conversation), language);
                Ok(download(&title, "html", "text/html; charset=utf-8", page))
            }
            other => {
                let message = format!("a conversation has no {other}: there are export.json, export.md and share.html");
                Err(ApiError::new(axum::http::StatusCode::NOT_FOUND, "not_found", message))
            }
        }
    })
    .await
}

/// `POST /api/import`: an export, or a conversation in the Markdown that is exported. `known`: how many were here already and
/// got what they lacked.
pub async fn import(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    request: Request,
) -> Result<Response, ApiError> {
    let body = read_body(&app, request, MAX_BYTES).await?;
    let store = app.desk.store.clone();
    blocking(move || {
        let conversations = read(&body)?;
        let taken = store.import(&owner, conversations)?;
        let n_known = taken.iter().filter(|taken| taken.was_here).count();
        Ok(Json(json!({"imported": taken.len() - n_known, "known": n_known})).into_response())
    })
    .await
}

fn read(body: &[u8]) -> Result<Vec<Conversation>, ApiError> {
    if let Ok(text) = std::str::from_utf8(body)
        && text.trim_start().starts_with("# ")
    {
        let conversation = markdown::read(text, now_ms());
        return conversation.map(|c| vec![c]).map_err(|message| ApiError::invalid("body", message));
    }
    let Export { format, version, conversations } = json_body(body)?;
    if format != FORMAT || version != VERSION {
        let message =
            format!("this is \"{format}\" of version {version}, but expected is \"{FORMAT}\" of version {VERSION}");
        return Err(ApiError::invalid("format", message));
    }
    Ok(conversations.into_iter().map(Conversation::from).collect())
}
