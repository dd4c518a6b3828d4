use std::collections::BTreeSet;

use super::*;
use crate::error::ApiError;
use crate::wire::completions::CompletionRequest;
use crate::wire::{self, anthropic};

/// Paths in a source file's calls of `route`, with the prefix filled in.
fn routes_in(source: &str) -> BTreeSet<String> {
    let calls = source.split(".route(").skip(1);
    let path =
        |call: &str| Some(call.split('"').nth(1)?.replace("{prefix}", "/v1").replace("{{", "{").replace("}}", "}"));
    calls.filter_map(path).collect()
}

#[test]
fn every_route_is_described_and_every_description_is_served() {
    let served = routes_in(include_str!("../routes.rs"));
    let served: BTreeSet<&str> = served.iter().map(String::as_str).collect();
    let described: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.path).collect();
    assert_eq!(described, served);
}

/// A dialect: the schema of its requests, a body that it takes, and how it is read.
type Dialect = (&'static str, Value, fn(&[u8]) -> Result<(), ApiError>);

fn dialects() -> [Dialect; 5] {
    let messages = json!([{"role": "user", "content": "hi"}]);
    [
        ("ChatRequest", json!({"messages": messages}), |body| wire::ChatRequest::parse(body).map(drop)),
        ("CompletionRequest", json!({"prompt": "hi"}), |body| CompletionRequest::parse(body).map(drop)),
        ("ResponseRequest", json!({"input": "hi"}), |body| wire::responses::parse(body).map(drop)),
        ("MessageRequest", json!({"messages": messages, "max_tokens": 5}), |body| {
            anthropic::parse(body, false).map(drop)
        }),
        ("CountRequest", json!({"messages": messages}), |body| anthropic::parse(body, true).map(drop)),
    ]
}

/// A field is read where a body that has it is not refused for its name. All names of all dialects are tried in each.
#[test]
fn every_field_that_is_read_is_described_and_no_other() {
    let schemas = schemas::all();
    let described = |schema: &str| schemas[schema]["properties"].as_object().expect("properties").clone();
    let all: BTreeSet<String> =
        dialects().iter().flat_map(|(schema, ..)| described(schema)).map(|(name, _)| name).collect();
    assert!(all.len() > 60, "{}", all.len());
    for (schema, body, parse) in dialects() {
        parse(body.to_string().as_bytes()).unwrap_or_else(|e| panic!("{schema}: {}", e.message));
        assert_eq!(schemas[schema]["additionalProperties"], json!({"type": "null"}), "others are refused");
        for name in &all {
            let mut body = body.clone();
            body[name] = json!("odd");
            let answer = parse(body.to_string().as_bytes());
            let is_known = !answer.is_err_and(|error| error.message.starts_with(&format!("unknown field `{name}`")));
            assert_eq!(is_known, described(schema).contains_key(name), "`{name}` of {schema}");
        }
    }
}

/// What a schema says of a number is what is taken.
#[test]
fn the_ends_of_ranges_are_within_them() {
    let schemas = schemas::all();
    for (schema, body, parse) in dialects() {
        for (name, property) in schemas[schema]["properties"].as_object().expect("properties") {
            // These go with others.
            if ["max_tokens", "max_completion_tokens", "n", "best_of", "top_logprobs"].contains(&name.as_str()) {
                continue;
            }
            for end in ["minimum", "maximum"] {
                let mut body = body.clone();
                let Some(value) = property.get(end) else { continue };
                body[name] = value.clone();
                parse(body.to_string().as_bytes()).unwrap_or_else(|e| panic!("{schema} {name} {value}: {}", e.message));
            }
        }
    }
}

#[test]
fn it_is_openapi() {
    let text = document().to_string();
    let mut unreadable = Vec::new();
    for (name, schema) in schemas::all().as_object().expect("schemas by name") {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let read: Result<utoipa::openapi::RefOr<utoipa::openapi::Schema>, _> =
                serde_json::from_value(property.clone());
            unreadable.extend(read.is_err().then(|| format!("{name}.{field}: {property}")));
        }
    }
    assert!(unreadable.is_empty(), "{unreadable:#?}");
    let parsed: utoipa::openapi::OpenApi = serde_json::from_str(&text).expect("OpenAPI 3.1");
    assert_eq!(parsed.paths.paths.len(), OPERATIONS.len());
    for reference in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas::all().get(reference).is_some(), "{reference} is not defined");
    }
}
