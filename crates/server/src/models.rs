//! `GET /v1/models`: what is served, with what the page needs to greet a newcomer; and `POST /v1/models/load` and
//! `/unload`, for an operator who does not want to wait for the first answer, or wants the memory.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::admission::Incoming;
use crate::config::ModelCard;
use crate::error::ApiError;
use crate::routes::{ALIASES, App, Name};
use crate::shelf::Presence;
use crate::wire::Names;
use crate::wire::fields::Fields;

/// OpenAI's model object and, after `owned_by`, fields of ours.
#[derive(Serialize)]
struct ModelJson<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    description: &'a str,
    /// Questions it answers well.
    examples: &'a [String],
    /// Prompt and completion together, in tokens.
    context_length: usize,
    /// Whether thinking can be bounded and ended early.
    thinking: bool,
    temperature: f32,
    /// Other names that a request may give it.
    aliases: Vec<&'static str>,
    state: Presence,
    /// What it takes up when it is loaded.
    memory_bytes: u64,
}

#[derive(Serialize)]
struct ModelList<'a> {
    object: &'static str,
    data: Vec<ModelJson<'a>>,
}

impl<'a> ModelJson<'a> {
    fn of(app: &App, (card, memory_bytes, state): (&'a ModelCard, u64, Presence)) -> Self {
        Self {
            id: &card.name,
            object: "model",
            created: app.started,
            owned_by: "penseur",
            description: &card.description,
            examples: &card.examples,
            context_length: card.context_length,
            thinking: card.thinking,
            temperature: card.temperature,
            aliases: aliases(app, card),
            state,
            memory_bytes,
        }
    }
}

/// DeepSeek's names are the default model's, but for one that another model has.
fn aliases(app: &App, card: &ModelCard) -> Vec<&'static str> {
    let names = || app.shelf.cards().map(|(card, ..)| card.name.as_str());
    let is_default = names().next() == Some(card.name.as_str());
    let free = ALIASES.iter().map(|(alias, _)| *alias).filter(|alias| !names().any(|name| name == *alias));
    if is_default { free.collect() } else { Vec::new() }
}

/// What Anthropic's clients read of a model; they take this time for one that is not known.
fn for_anthropic(name: &str) -> Value {
    json!({
        "type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z", "lifecycle": "active",
    })
}

fn asks_as_anthropic(headers: &HeaderMap) -> bool {
    headers.contains_key("anthropic-version")
}

/// All models, the default one first.
pub async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if asks_as_anthropic(&headers) {
        let data: Vec<Value> = app.shelf.cards().map(|(card, ..)| for_anthropic(&card.name)).collect();
        let id = |model: Option<&Value>| model.map(|model| model["id"].clone());
        let (first, last) = (id(data.first()), id(data.last()));
        return Json(json!({"data": data, "has_more": false, "first_id": first, "last_id": last})).into_response();
    }
    let data = app.shelf.cards().map(|model| ModelJson::of(&app, model)).collect();
    Json(ModelList { object: "list", data }).into_response()
}

/// All models as values, for pages that add to them.
pub fn described(app: &App) -> Vec<Value> {
    let describe = |model| serde_json::to_value(ModelJson::of(app, model)).expect("plain data serializes");
    app.shelf.cards().map(describe).collect()
}

/// One model.
pub async fn show(State(app): State<Arc<App>>, headers: HeaderMap, Name(name): Name) -> Result<Response, ApiError> {
    let (idx, _) = app.find(Some(&name))?;
    if asks_as_anthropic(&headers) {
        return Ok(Json(for_anthropic(&name)).into_response());
    }
    let model = app.shelf.cards().nth(idx).map(|model| ModelJson { id: &name, ..ModelJson::of(&app, model) });
    Ok(Json(model).into_response())
}

/// Loads a model, and answers when it is there.
pub async fn load(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let idx = named(&app, request).await?;
    app.shelf.get(idx).await?;
    Ok(Json(json!({"success": true})).into_response())
}

/// Puts a model away, until somebody asks for it again.
pub async fn unload(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let idx = named(&app, request).await?;
    app.shelf.put_away(idx).await?;
    Ok(Json(json!({"success": true})).into_response())
}

/// The model that a body of `{"model": NAME}` names.
async fn named(app: &Arc<App>, request: Request) -> Result<usize, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    if !incoming.caller.is_operator {
        let message = "loading and unloading is for whoever runs this server: ask with a key of `penseur keys add NAME --admin`; a request loads the model that it names";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "not_an_operator", message));
    }
    let mut fields = Fields::of_body(&incoming.body)?;
    let name: Option<String> = fields.take("model", "a string")?;
    fields.refuse_the_rest(&Names::only(&["model"]))?;
    let name = name.ok_or_else(|| ApiError::invalid("model", "`model` is missing: give a name from /v1/models"))?;
    Ok(app.find(Some(&name))?.0)
}
