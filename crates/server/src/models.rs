//! `GET /v1/models`: what is served, with what the page needs to greet a newcomer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::config::ServedModel;
use crate::error::ApiError;
use crate::routes::App;

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
}

#[derive(Serialize)]
struct ModelList<'a> {
    object: &'static str,
    data: Vec<ModelJson<'a>>,
}

impl<'a> ModelJson<'a> {
    fn of(app: &App, model: &'a ServedModel) -> Self {
        Self {
            id: &model.name,
            object: "model",
            created: app.started,
            owned_by: "penseur",
            description: &model.description,
            examples: &model.examples,
            context_length: model.engine.context(),
            thinking: model.format.think_tags().is_some(),
            temperature: model.sampling.temperature,
        }
    }
}

/// All models, the default one first.
pub async fn list(State(app): State<Arc<App>>) -> Response {
    let data = app.models.iter().map(|model| ModelJson::of(&app, model)).collect();
    Json(ModelList { object: "list", data }).into_response()
}

/// All models as values, for pages that add to them.
pub fn described(app: &App) -> Vec<serde_json::Value> {
    let describe = |model: &Arc<ServedModel>| serde_json::to_value(ModelJson::of(app, model));
    app.models.iter().map(|model| describe(model).expect("plain data serializes")).collect()
}

/// One model.
pub async fn show(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let (model, _) = app.resolve(Some(&name))?;
    Ok(Json(ModelJson { id: &name, ..ModelJson::of(&app, &model) }).into_response())
}
