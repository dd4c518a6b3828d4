//! JSON schemas as they are compiled. A small model fills whatever has no end without end: a name after the other, a digit after
//! the other. So what a schema leaves open gets an end here, as llama.cpp's converter of schemas has it.

use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// No number is beyond it where the schema says nothing: 16 digits.
const LARGEST: i64 = 1_000_000_000_000_000;

/// The last decimal of a number where the schema says nothing.
const LAST_DECIMAL: f64 = 1e-6;

/// Numbers that must lie this near to each other may need more decimals.
const NARROW: f64 = 1e-3;

/// A schema for the compiler, which takes no settings from whoever wrote it. A `lenient` one means what of it can be held to: the
/// rest says nothing.
///
/// White space between JSON's tokens is legal without end too; a text gets one space, on one line.
pub(crate) fn prepared(schema: &Value, lenient: bool) -> Value {
    let mut schema = schema.clone();
    let shares_definitions = has_shared_definition(&schema);
    bound(&mut schema, false, shares_definitions);
    if let Some(object) = schema.as_object_mut() {
        let mut settings = json!({"whitespace_pattern": " ?"});
        if lenient {
            settings["lenient"] = json!(true);
            settings["coerce_one_of"] = json!(true);
        }
        object.insert("x-guidance".into(), settings);
    }
    schema
}

/// Bounds a schema and those in it. `shared`: others say too which properties the same object has, so it cannot be closed here.
fn bound(schema: &mut Value, shared: bool, shares_definitions: bool) {
    let shared = shared || n_shapes(schema) > 1;
    let Some(schema) = schema.as_object_mut() else { return };
    if !shared && lists_its_properties(schema) {
        schema.entry("additionalProperties").or_insert(json!(false));
    }
    bound_numbers(schema);
    for (keyword, value) in schema {
        let shared = match keyword.as_str() {
            "allOf" | "anyOf" | "oneOf" => shared,
            "$defs" | "definitions" => shares_definitions,
            "properties"
            | "patternProperties"
            | "prefixItems"
            | "items"
            | "additionalItems"
            | "additionalProperties" => false,
            _ => continue,
        };
        let by_name = ["$defs", "definitions", "properties", "patternProperties"].contains(&keyword.as_str());
        let bound = |schema: &mut Value| bound(schema, shared, shares_definitions);
        match value {
            Value::Array(schemas) => schemas.iter_mut().for_each(bound),
            Value::Object(schemas) if by_name => schemas.values_mut().for_each(bound),
            schema => bound(schema),
        }
    }
}

/// Whether an object's properties are named, and all that it must have are among them.
fn lists_its_properties(schema: &Map<String, Value>) -> bool {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return false };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    required.filter_map(Value::as_str).all(|name| properties.contains_key(name))
}

/// Parts of a schema that hold together for the same object and say what properties it has.
fn n_shapes(schema: &Value) -> usize {
    let own = usize::from(!schema["properties"].is_null()) + usize::from(!schema["$ref"].is_null());
    let parts = |keyword: &str| schema[keyword].as_array().into_iter().flatten().map(|part| n_shapes(part).min(1));
    let one_of = |keyword| parts(keyword).max().unwrap_or(0);
    own + parts("allOf").sum::<usize>() + one_of("anyOf") + one_of("oneOf")
}

/// Whether somewhere a schema that is referred to holds together with another.
fn has_shared_definition(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(has_shared_definition),
        Value::Object(map) => (n_shapes(value) > 1 && refers(value)) || map.values().any(has_shared_definition),
        _ => false,
    }
}

fn refers(schema: &Value) -> bool {
    let mut parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| schema[*keyword].as_array()).flatten();
    !schema["$ref"].is_null() || parts.any(refers)
}

fn bound_numbers(schema: &mut Map<String, Value>) {
    let is_type = |name: &str| match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|kind| kind == name),
        kind => kind.is_some_and(|kind| kind == name),
    };
    let is_number = is_type("number");
    if !(is_number || is_type("integer")) || schema.contains_key("const") || schema.contains_key("enum") {
        return;
    }
    let given = |names: [&str; 2]| names.iter().find_map(|name| schema.get(*name)?.as_f64());
    let (low, high) = (given(["minimum", "exclusiveMinimum"]), given(["maximum", "exclusiveMaximum"]));
    let largest = LARGEST as f64;
    let (from, to) = (low.unwrap_or(-largest), high.unwrap_or(largest));
    if from > to {
        // Above what is largest here, or what nothing fulfils.
        return;
    }
    if low.is_none() {
        schema.insert("minimum".into(), json!(-LARGEST));
    }
    if high.is_none() {
        schema.insert("maximum".into(), json!(LARGEST));
    }
    if is_number && to - from >= NARROW {
        schema.entry("multipleOf").or_insert(json!(LAST_DECIMAL));
    }
}
