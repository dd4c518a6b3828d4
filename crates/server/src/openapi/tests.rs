use std::collections::BTreeSet;

use super::*;

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

#[test]
fn every_field_that_is_read_is_described() {
    let described: BTreeSet<&str> = schemas::chat_fields().into_iter().map(|(name, _)| name).collect();
    let read: BTreeSet<&str> = crate::wire::known().into_iter().collect();
    assert_eq!(described, read);
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
