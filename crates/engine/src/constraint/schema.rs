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
    let whole = Whole { schema, shares_definitions: has_shared_definition(schema) };
    let mut schema = schema.clone();
    bound(&mut schema, false, whole);
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

/// What a part of a schema belongs to.
#[derive(Clone, Copy)]
struct Whole<'a> {
    schema: &'a Value,
    /// Somewhere a schema that is referred to holds together with another.
    shares_definitions: bool,
}

/// Bounds a schema and those in it. `shared`: others say too which properties the same object has, so it cannot be closed here.
fn bound(schema: &mut Value, shared: bool, whole: Whole) {
    let n_shapes = n_shapes(schema);
    let may_list = !shared && (n_shapes > 1 || !schema["properties"].is_null());
    let shape = if may_list { shape(schema, whole, &mut { MAX_PARTS }) } else { None };
    let shared = shared || n_shapes > 1;
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(Shape { names, required }) = shape
        && (n_shapes < 2 || !names.is_empty())
        && required.iter().all(|name| names.contains_key(name))
    {
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            names.into_iter().for_each(|(name, any)| _ = properties.entry(name).or_insert(any));
        }
        schema.insert("additionalProperties".into(), json!(false));
    }
    bound_numbers(schema);
    for (keyword, value) in schema {
        let shared = match keyword.as_str() {
            "allOf" | "anyOf" | "oneOf" => shared,
            "$defs" | "definitions" => whole.shares_definitions,
            "properties"
            | "patternProperties"
            | "prefixItems"
            | "items"
            | "additionalItems"
            | "additionalProperties" => false,
            _ => continue,
        };
        let by_name = ["$defs", "definitions", "properties", "patternProperties"].contains(&keyword.as_str());
        let bound = |schema: &mut Value| bound(schema, shared, whole);
        match value {
            Value::Array(schemas) => schemas.iter_mut().for_each(bound),
            Value::Object(schemas) if by_name => schemas.values_mut().for_each(bound),
            schema => bound(schema),
        }
    }
}

/// What an object's schema names.
#[derive(Default)]
struct Shape {
    /// In their order, each with the schema of anything.
    names: Map<String, Value>,
    required: Vec<String>,
}

/// Parts of one object that [`shape`] looks at.
const MAX_PARTS: usize = 200;

/// The properties that a schema names, with what it refers to and what holds together; `None` where others are spoken of, or may
/// be.
fn shape(schema: &Value, whole: Whole, n_left: &mut usize) -> Option<Shape> {
    *n_left = n_left.checked_sub(1)?;
    let mut alternatives = ["anyOf", "oneOf"].iter().filter_map(|keyword| schema[*keyword].as_array()).flatten();
    if !schema["additionalProperties"].is_null() || alternatives.any(|part| n_shapes(part) > 0) {
        return None;
    }
    let mut shape = Shape::default();
    let properties = schema["properties"].as_object().into_iter().flat_map(Map::keys);
    shape.names.extend(properties.map(|name| (name.clone(), json!(true))));
    let required = schema["required"].as_array().into_iter().flatten();
    shape.required.extend(required.filter_map(Value::as_str).map(str::to_owned));
    let referred = match schema["$ref"].as_str() {
        Some(reference) => Some(whole.schema.pointer(reference.strip_prefix('#')?)?),
        None => None,
    };
    for part in schema["allOf"].as_array().into_iter().flatten().chain(referred) {
        let Shape { names, required } =
            self::shape(part, whole, n_left).filter(|_| part["patternProperties"].is_null())?;
        shape.names.extend(names);
        shape.required.extend(required);
    }
    Some(shape)
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
