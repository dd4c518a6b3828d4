use super::*;

fn behind(text: &str) -> JsonPlace {
    let mut place = JsonPlace::default();
    place.take(text.as_bytes());
    place
}

#[test]
fn an_object_that_repeats_a_name_gets_no_more() {
    for (text, goes_on) in [
        (r#"{"a": 1, "b": 2"#, false),
        (r#"{"a": 1, "a": 2"#, true),
        (r#"{"a": {"a": 1}, "b": ["a", "a", {"a": 1}]"#, false),
        (r#"{"a": {"b": 1, "b": 1}"#, false),
        (r#"{"a\"": 1, "a\\": 2"#, false),
        (r#"{"a": "a", "b": "a,a{", "c": "x\""#, false),
        (r#"["a", "a""#, false),
    ] {
        assert_eq!(behind(text).goes_on(b","), goes_on, "{text}");
    }
    let twice = behind(r#"{"o": {"a": 1, "a": "x"#);
    assert!(twice.is_long_enough());
    for (next, goes_on) in [("\", \"", true), (", ", false), ("\"", false), ("\"}, \"", false), ("\"},{\"a", false)] {
        assert_eq!(twice.goes_on(next.as_bytes()), goes_on, "{next}");
    }
}

#[test]
fn nesting_and_names_have_an_end() {
    let deep = behind(&"[".repeat(MAX_DEPTH));
    assert!(deep.is_long_enough() && !behind("[[").is_long_enough());
    let nexts = ["[", "[]", "1", "\"[", " ", " ]", "]"];
    assert_eq!(nexts.map(|next| deep.goes_on(next.as_bytes())), [true, true, true, true, false, false, false]);
    // Where there has to be something.
    let due = behind(&format!("{}{{\"a\":", "[".repeat(MAX_DEPTH - 1)));
    let nexts = ["[", " {", "[]", "1", "\"[", "null}, {"];
    assert_eq!(nexts.map(|next| due.goes_on(next.as_bytes())), [true, true, false, false, false, false]);
    let long = "a".repeat(MAX_NAME_BYTES);
    let name = behind(&format!("{{\"{long}"));
    assert!(name.is_long_enough() && name.goes_on(b"a") && name.goes_on(b"\\\"") && !name.goes_on(b"\": 1"));
    for value in [format!("{{\"a\": \"{long}"), format!("[\"{long}"), format!("\"{long}")] {
        assert!(!behind(&value).is_long_enough(), "a text may be long");
    }
}
