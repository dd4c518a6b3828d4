use super::*;

fn bounded(schema: Value) -> Value {
    let mut schema = prepared(&schema, false);
    schema.as_object_mut().expect("an object").remove("x-guidance");
    schema
}

#[test]
fn objects_that_list_their_properties_are_closed() {
    let text = json!({"type": "string"});
    let open = json!({"properties": {"a": text, "b": {"type": "array", "items": {"properties": {"c": text}}}}});
    let closed = json!({
        "properties": {
            "a": text,
            "b": {"type": "array", "items": {"properties": {"c": text}, "additionalProperties": false}},
        },
        "additionalProperties": false,
    });
    assert_eq!(bounded(open), closed);
    let refers = json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"properties": text}}}});
    assert_eq!(bounded(refers)["$defs"]["a"]["additionalProperties"], false);
    let alternatives = json!({"anyOf": [{"properties": {"a": text}}, {"properties": {"b": text}}]});
    assert_eq!(bounded(alternatives)["anyOf"][1]["additionalProperties"], false);
}

#[test]
fn objects_that_are_open_elsewhere_stay_so() {
    let part = json!({"properties": {"a": {"type": "string"}}});
    for open in [
        json!({"type": "object"}),
        json!({"properties": {}, "additionalProperties": {"type": "boolean"}}),
        json!({"properties": {"a": true}, "required": ["b"]}),
        json!({"allOf": [part, {"properties": {"b": {"type": "string"}}}]}),
        json!({"properties": {"b": true}, "anyOf": [part, {"type": "null"}]}),
        json!({"$defs": {"a": part}, "allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": true}}]}),
        json!({"$defs": {"a": part}, "properties": {"b": true}, "$ref": "#/$defs/a"}),
        json!({"const": {"properties": {}}, "enum": [part], "default": part}),
    ] {
        assert_eq!(bounded(open.clone()), open);
    }
}

#[test]
fn numbers_have_an_end() {
    let (low, high) = (-1_000_000_000_000_000_i64, 1_000_000_000_000_000_i64);
    for (open, closed) in [
        (json!({"type": "integer"}), json!({"type": "integer", "minimum": low, "maximum": high})),
        (
            json!({"type": ["number", "null"]}),
            json!({"type": ["number", "null"], "minimum": low, "maximum": high, "multipleOf": 1e-6}),
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": 0}),
            json!({"type": "integer", "exclusiveMinimum": 0, "maximum": high}),
        ),
        (
            json!({"type": "number", "maximum": 5, "multipleOf": 0.5}),
            json!({"type": "number", "minimum": low, "maximum": 5, "multipleOf": 0.5}),
        ),
    ] {
        assert_eq!(bounded(open), closed);
    }
    for same in [
        json!({"type": "number", "const": 1e-9}),
        json!({"type": "number", "minimum": 1e-9, "maximum": 1e-8}),
        json!({"type": "integer", "minimum": 2e15}),
        json!({"type": "string", "enum": ["a"]}),
    ] {
        assert_eq!(bounded(same.clone()), same);
    }
}

#[test]
fn settings_are_not_the_writers_of_schemas() {
    let schema = json!({"type": "string", "x-guidance": {"whitespace_pattern": "x*", "lenient": true}});
    assert_eq!(prepared(&schema, false)["x-guidance"], json!({"whitespace_pattern": " ?"}));
    assert_eq!(
        prepared(&schema, true)["x-guidance"],
        json!({"whitespace_pattern": " ?", "lenient": true, "coerce_one_of": true})
    );
}
