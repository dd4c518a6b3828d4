//! Conversations over HTTP: the list, one of them, and what can be changed about it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{Owner, Posted, blocking, json, json_body};
use crate::error::ApiError;
use crate::routes::App;

/// Most conversations in the list.
const MAX_LISTED: usize = 1000;

/// `GET /api/conversations?search=`: latest first, and whether there are more than are listed; those in which an answer is being
/// written; whether a key was shown.
pub async fn list(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, ApiError> {
    let running: Vec<String> = app.desk.answers.of(&owner).into_iter().map(|(_, conversation)| conversation).collect();
    let signed_in = !owner.is_empty();
    let store = app.desk.store.clone();
    let search = query.get("search").map(|text| text.trim().to_owned()).unwrap_or_default();
    let mut found = blocking(move || Ok(store.list_first(MAX_LISTED + 1, &owner, &search)?)).await?;
    let more = found.len() > MAX_LISTED;
    found.truncate(MAX_LISTED);
    let body = json!({"conversations": found, "more": more, "running": running, "signed_in": signed_in});
    Ok(Json(body).into_response())
}

/// `GET /api/conversations/{id}`: all messages, rendered.
pub async fn show(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let store = app.desk.store.clone();
    // Rendering a long conversation takes a while.
    blocking(move || {
        let conversation = store.conversation(&owner, &id)?;
        let messages: Vec<_> = conversation.messages.iter().map(json::message).collect();
        let body = json!({"conversation": conversation.summary, "leaf": conversation.leaf, "messages": messages});
        Ok(Json(body).into_response())
    })
    .await
}

/// What can be changed: the name, and the message whose path is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    title: Option<String>,
    leaf: Option<String>,
}

/// `PATCH /api/conversations/{id}`
pub async fn change(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(id): Path<String>,
    Posted(body): Posted,
) -> Result<StatusCode, ApiError> {
    let Change { title, leaf } = json_body(&body)?;
    let store = app.desk.store.clone();
    blocking(move || {
        if let Some(title) = title {
            store.rename(&owner, &id, &title)?;
        }
        if let Some(leaf) = leaf {
            store.show_path(&owner, &id, &leaf)?;
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `DELETE /api/conversations/{id}`: also ends what is being written in it.
pub async fn delete(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    for (message, conversation) in app.desk.answers.of(&owner) {
        if conversation == id
            && let Some(live) = app.desk.answers.find(&owner, &message)
        {
            live.stop();
        }
    }
    let store = app.desk.store.clone();
    blocking(move || Ok(store.delete(&owner, &id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/conversations`: all of them.
pub async fn delete_all(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
) -> Result<StatusCode, ApiError> {
    for (message, _) in app.desk.answers.of(&owner) {
        if let Some(live) = app.desk.answers.find(&owner, &message) {
            live.stop();
        }
    }
    let store = app.desk.store.clone();
    blocking(move || Ok(store.delete_all(&owner)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choose {
    sample: usize,
}

/// `POST /api/answers/{message}/choose`: the sample that the conversation goes on from.
pub async fn choose(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    Path(message): Path<String>,
    Posted(body): Posted,
) -> Result<StatusCode, ApiError> {
    let Choose { sample } = json_body(&body)?;
    let store = app.desk.store.clone();
    let live = app.desk.answers.find(&owner, &message);
    blocking(move || {
        let write = || store.choose_sample(&owner, &message, sample);
        Ok(live.map_or_else(write, |live| live.choose(write))?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
