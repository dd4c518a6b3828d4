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
    for closed in [
        json!({"properties": {}}),
        json!({"properties": {"a": text}, "anyOf": [{"required": ["a"]}, {"minProperties": 0}]}),
        json!({"properties": {"a": text}, "patternProperties": {"^b": text}}),
    ] {
        assert_eq!(bounded(closed.clone())["additionalProperties"], false, "{closed}");
    }
    let refers = json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"properties": text}}}});
    assert_eq!(bounded(refers)["$defs"]["a"]["additionalProperties"], false);
    let alternatives = json!({"anyOf": [{"properties": {"a": text}}, {"properties": {"b": text}}]});
    assert_eq!(bounded(alternatives)["anyOf"][1]["additionalProperties"], false);
}

#[test]
fn objects_that_list_their_properties_in_parts_are_closed_as_a_whole() {
    let part = json!({"properties": {"a": {"type": "string"}}, "required": ["a"]});
    let definitions = json!({"a": part, "both": {"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"c": true}}]}});
    for (whole, names) in [
        (json!({"allOf": [part, {"properties": {"b": true}, "required": ["a"]}]}), vec!["a", "b"]),
        (json!({"$defs": definitions, "properties": {"b": true}, "$ref": "#/$defs/a"}), vec!["b", "a"]),
        (
            json!({"$defs": definitions, "allOf": [{"$ref": "#/$defs/both"}, {"properties": {"b": true}}]}),
            vec!["a", "c", "b"],
        ),
    ] {
        let closed = bounded(whole.clone());
        assert_eq!(closed["additionalProperties"], false, "{whole}");
        assert!(closed["properties"].as_object().expect("an object").keys().eq(&names), "{closed}");
        assert_eq!((&closed["allOf"], &closed["$defs"]), (&whole["allOf"], &whole["$defs"]), "the parts stay open");
    }
}

#[test]
fn objects_that_are_open_elsewhere_stay_so() {
    let part = json!({"properties": {"a": {"type": "string"}}});
    for open in [
        json!({"type": "object"}),
        json!({"properties": {}, "additionalProperties": {"type": "boolean"}}),
        json!({"properties": {"a": true}, "required": ["b"]}),
        json!({"allOf": [part, {"properties": {"b": true}, "additionalProperties": {"type": "boolean"}}]}),
        json!({"allOf": [part, {"properties": {"b": true}, "required": ["c"]}]}),
        json!({"allOf": [part, {"properties": {"b": true}}, {"anyOf": [part, {"required": ["a"]}]}]}),
        json!({"allOf": [part, {"$ref": "#/$defs/nowhere"}]}),
        json!({"allOf": [part, {"patternProperties": {"^b": true}, "properties": {"c": true}}]}),
        json!({"allOf": [part, {"properties": {"b": true}}, {"$ref": "#"}]}),
        json!({"allOf": [{"type": "object"}, {"minProperties": 1}]}),
        json!({"$defs": {"a": {"allOf": vec![json!({"$ref": "#/$defs/a"}); 20]}}, "allOf": [{"$ref": "#/$defs/a"}, part]}),
        json!({"properties": {"b": true}, "anyOf": [part, {"type": "null"}]}),
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
