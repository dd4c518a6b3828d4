//! llama.cpp's routes between text and tokens: `/tokenize`, `/detokenize`, `/apply-template`; and its `/props`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::admission::Incoming;
use crate::config::{ServedModel, TextOptions};
use crate::error::ApiError;
use crate::params;
use crate::reply::{FINGERPRINT, as_written};
use crate::routes::App;
use crate::wire::fields::Fields;
use crate::wire::{ChatRequest, Names};

/// Text to tokens. Names of control tokens in it are these tokens, as in a prompt, unless `parse_special` is false.
pub async fn tokenize(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    let mut fields = Fields::of_body(&incoming.body)?;
    let name: Option<String> = fields.take("model", "a string")?;
    let content: Option<String> = fields.take("content", "a string")?;
    let add_special = fields.take("add_special", "true or false")?.unwrap_or(false);
    let with_pieces = fields.take("with_pieces", "true or false")?.unwrap_or(false);
    let parse_special = fields.take("parse_special", "true or false")?.unwrap_or(true);
    let names = Names::only(&["content", "add_special", "parse_special", "with_pieces", "model"]);
    fields.refuse_the_rest(&names)?;
    let content = content.ok_or_else(|| ApiError::invalid("content", "`content` is missing: give the text"))?;
    let (model, _) = app.resolve(name.as_deref()).await?;
    let (n, longest) = (content.len(), model.format.longest_text());
    if n > longest {
        let message =
            format!("the text has {n} bytes, and no more than {longest} can fit this model's context: shorten it");
        return Err(ApiError::too_long("content", message));
    }
    let work = move || {
        let tokens = model.format.encode_raw(&content, TextOptions { add_special, parse_special });
        let tokens = if with_pieces { tokens.into_iter().map(|id| piece(&model, id)).collect() } else { json!(tokens) };
        Ok(Json(json!({"tokens": tokens})).into_response())
    };
    app.prepare(work).await
}

/// A token with its text, or its bytes where they are no text by themselves.
fn piece(model: &ServedModel, id: u32) -> Value {
    let bytes = model.format.token_bytes(id);
    match String::from_utf8(bytes) {
        Ok(text) => json!({"id": id, "piece": text}),
        Err(error) => json!({"id": id, "piece": error.into_bytes()}),
    }
}

/// Tokens to text, control tokens by their names.
pub async fn detokenize(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    let mut fields = Fields::of_body(&incoming.body)?;
    let name: Option<String> = fields.take("model", "a string")?;
    let tokens: Option<Vec<u32>> = fields.take("tokens", "a list of token ids")?;
    fields.refuse_the_rest(&Names::only(&["tokens", "model"]))?;
    let tokens = tokens.ok_or_else(|| ApiError::invalid("tokens", "`tokens` is missing: give a list of token ids"))?;
    let (model, _) = app.resolve(name.as_deref()).await?;
    let vocab_size = model.engine.vocab_size();
    if let Some(id) = tokens.iter().find(|&&id| id as usize >= vocab_size) {
        let message = format!("`tokens` holds {id}, but this model's vocabulary ends at {}", vocab_size - 1);
        return Err(ApiError::invalid("tokens", message));
    }
    app.prepare(move || Ok(Json(json!({"content": text_of(&model, &tokens)})).into_response())).await
}

/// The prompt that a chat request becomes, as text.
pub async fn apply_template(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    let chat = ChatRequest::parse(&incoming.body)?;
    let (model, thinking) = app.resolve(chat.model.as_deref()).await?;
    let chat = crate::admission::with_default_thinking(chat, thinking);
    let work = move || {
        let prompt = params::render(&model, &chat)?;
        Ok(Json(json!({"prompt": text_of(&model, &prompt.tokens)})).into_response())
    };
    app.prepare(work).await
}

fn text_of(model: &ServedModel, tokens: &[u32]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|&id| model.format.token_bytes(id)).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `GET /v1/slots`: a clear no.
pub async fn slots() -> ApiError {
    let message = "this server shows no slots, which are others' requests: its figures are at /metrics";
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_supported", message)
}

/// What the default model does where a request says nothing.
pub async fn props(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let (model, _) = app.resolve(None).await?;
    let sampling = &model.sampling;
    let params = json!({
        "temperature": as_written(sampling.temperature), "top_p": as_written(sampling.top_p),
        "top_k": sampling.top_k, "min_p": as_written(sampling.min_p),
    });
    let settings = json!({"n_ctx": model.engine.context(), "params": params});
    Ok(Json(json!({
        "default_generation_settings": settings, "total_slots": model.engine.max_in_flight(),
        "model_alias": model.name, "build_info": FINGERPRINT,
    }))
    .into_response())
}
