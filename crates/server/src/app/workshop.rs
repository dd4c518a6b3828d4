//! Pages about the machine's other work: models, training runs, plans. The binary knows that work; this hands it on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Posted, blocking, json_body};
use crate::config::Workshop;
use crate::error::ApiError;
use crate::meter::Caller;
use crate::models;
use crate::routes::App;

/// `GET /api/models`: what `/v1/models` lists, each with its figures and whether it fits; `may_load`: whether who asks may
/// load and unload them.
pub async fn list_models(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    blocking(move || {
        let mut all = models::described(&app);
        for model in &mut all {
            let name = model["id"].as_str().unwrap_or_default();
            model["inspection"] = app.desk.workshop.as_ref().and_then(|w| w.model(name)).unwrap_or(Value::Null);
        }
        Ok(Json(json!({"models": all, "may_load": caller.is_operator})).into_response())
    })
    .await
}

/// `GET /api/runs`
pub async fn runs(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    ask(app, |workshop| workshop.runs()).await
}

/// `GET /api/runs/{path}`: one of the runs that are listed.
pub async fn run(State(app): State<Arc<App>>, Path(path): Path<String>) -> Result<Response, ApiError> {
    ask(app, move |workshop| workshop.run(&path)).await
}

/// `POST /api/plan`: the arguments of `penseur plan` as an object.
pub async fn plan(State(app): State<Arc<App>>, Posted(body): Posted) -> Result<Response, ApiError> {
    let arguments: Value = json_body(&body)?;
    ask(app, move |workshop| workshop.plan(&arguments)).await
}

/// Asks the workshop; `Ok(None)` of it is "there is no such thing".
async fn ask(
    app: Arc<App>,
    question: impl FnOnce(&dyn Workshop) -> Result<Option<Value>, String> + Send + 'static,
) -> Result<Response, ApiError> {
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "this server has nothing of that kind");
    let workshop = app.desk.workshop.clone().ok_or_else(missing)?;
    blocking(move || match question(workshop.as_ref()) {
        Ok(Some(found)) => Ok(Json(found).into_response()),
        Ok(None) => Err(missing()),
        Err(message) => Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_value", message)),
    })
    .await
}
