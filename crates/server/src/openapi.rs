//! `GET /openapi.json`: what is served, in OpenAPI 3.1. Tests hold it to the routes and to the fields that are read.

use axum::Json;
use serde_json::{Map, Value, json};

mod schemas;
#[cfg(test)]
mod tests;

/// The document.
pub async fn serve() -> Json<Value> {
    Json(document())
}

/// One operation of the API.
struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    /// Name of the request's schema, where there is a body.
    request: Option<&'static str>,
    /// Schema of a successful answer and its media type.
    answer: Option<(&'static str, &'static str)>,
    /// Whether it can also be streamed.
    streams: bool,
}

const JSON: &str = "application/json";

const fn post(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    schemas: [&'static str; 2],
    streams: bool,
) -> Operation {
    let [request, answer] = schemas;
    Operation { method: "post", path, id, summary, request: Some(request), answer: Some((answer, JSON)), streams }
}

const fn get(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: (&'static str, &'static str),
) -> Operation {
    Operation { method: "get", path, id, summary, request: None, answer: Some(answer), streams: false }
}

/// Everything but the app's own paths. What is below `/v1` is served without it too, and below DeepSeek's `/beta` and `/anthropic/v1`.
const OPERATIONS: &[Operation] = &[
    post(
        "/v1/chat/completions",
        "createChatCompletion",
        "Answers a conversation",
        ["ChatRequest", "ChatCompletion"],
        true,
    ),
    Operation {
        method: "post",
        path: "/v1/chat/completions/{id}/answer",
        id: "answerNow",
        summary: "Ends the thinking of a running chat completion; it goes on with its answer",
        request: None,
        answer: None,
        streams: false,
    },
    post("/v1/completions", "createCompletion", "Goes on with a text", ["CompletionRequest", "Completion"], true),
    post(
        "/v1/responses",
        "createResponse",
        "OpenAI's Responses; nothing is stored",
        ["ResponseRequest", "Response"],
        true,
    ),
    post("/v1/messages", "createMessage", "Anthropic's Messages", ["MessageRequest", "Message"], true),
    post("/v1/messages/count_tokens", "countTokens", "Tokens of a prompt", ["CountRequest", "TokenCount"], false),
    post("/v1/embeddings", "createEmbedding", "Not supported: answers 501", ["Object", "Object"], false),
    post("/v1/tokenize", "tokenize", "Text to tokens", ["TextToTokens", "TokenList"], false),
    post("/v1/detokenize", "detokenize", "Tokens to text", ["TokensToText", "Content"], false),
    post("/v1/apply-template", "applyTemplate", "The prompt of a chat request", ["ChatRequest", "PromptText"], false),
    get("/v1/props", "props", "The default model's settings, as llama.cpp names them", ("Object", JSON)),
    get("/v1/slots", "slots", "Not supported: answers 501", ("Object", JSON)),
    get("/v1/models", "listModels", "The models, the default one first", ("ModelList", JSON)),
    get("/v1/models/{name}", "retrieveModel", "One model", ("Model", JSON)),
    post("/v1/models/load", "loadModel", "Loads a model; answers when it is there", ["ModelName", "Success"], false),
    post(
        "/v1/models/unload",
        "unloadModel",
        "Puts a model away until it is asked for",
        ["ModelName", "Success"],
        false,
    ),
    get("/health", "health", "Whether the server is up; needs no key", ("Health", JSON)),
    get("/v1/health", "healthToo", "The same", ("Health", JSON)),
    get("/metrics", "metrics", "Counters in Prometheus' form", ("Text", "text/plain")),
    get("/openapi.json", "openapi", "This document", ("Object", JSON)),
];

/// What may go wrong with which status.
const ERRORS: &[(&str, &str)] = &[
    ("400", "The request cannot be served as it is written"),
    ("401", "A key is needed, or the one sent is not known"),
    ("402", "The key has reached its spending limit"),
    ("403", "A foreign page or host name, or something for operators alone"),
    ("404", "No such model, completion or path"),
    ("405", "The path does not take this method"),
    ("408", "The body did not arrive in time"),
    ("409", "The model is answering, so it cannot be unloaded"),
    ("413", "The body is too large"),
    ("415", "The body is encoded, as gzip does"),
    ("429", "The key has reached its limit of the minute; Retry-After says when to come back"),
    ("431", "More headers than are accepted, or longer ones"),
    ("500", "The model failed"),
    ("501", "Not supported"),
    ("503", "Busy, too slow, or ending; try again"),
];

fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = describe(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "penseur",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "OpenAI's API in DeepSeek's dialect, and two more. Paths below /v1 are served without it too, and below DeepSeek's /beta and /anthropic/v1.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let mut responses = Map::new();
    match operation.answer {
        None => {
            responses.insert("204".into(), json!({"description": "Done"}));
        }
        Some((schema, media)) => {
            let mut content = Map::from_iter([(media.to_owned(), json!({"schema": reference(schema)}))]);
            if operation.streams {
                content.insert("text/event-stream".into(), json!({"schema": {"type": "string"}}));
            }
            responses.insert("200".into(), json!({"description": "The answer", "content": content}));
        }
    }
    for (status, what) in ERRORS {
        let schema = if operation.path.starts_with("/v1/messages") { "AnthropicError" } else { "Error" };
        let content = json!({JSON: {"schema": reference(schema)}});
        responses.insert((*status).into(), json!({"description": what, "content": content}));
    }
    let mut described = json!({
        "operationId": operation.id, "summary": operation.summary, "responses": responses,
    });
    if let Some(request) = operation.request {
        described["requestBody"] = json!({"required": true, "content": {JSON: {"schema": reference(request)}}});
    }
    let parameters: Vec<Value> = (operation.path.split('/'))
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
        .collect();
    if !parameters.is_empty() {
        described["parameters"] = json!(parameters);
    }
    described
}
