//! Published chat templates, rendered exactly as `jinja2` renders them.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use model::chat_template::{ChatTemplate, ChatTemplateError, Message, RenderOptions};
use serde_json::Value;

use crate::{extra, read, read_jsonl, third_party};

/// Checks every line of `chat_template_vectors.jsonl` in `dir`; returns how many there were.
fn check(dir: &Path) -> usize {
    let vectors = read_jsonl(&dir.join("chat_template_vectors.jsonl"));
    for (i, vector) in vectors.iter().enumerate() {
        let text = |key: &str| vector[key].as_str().unwrap_or_default();
        let source = read(&dir.join("templates").join(text("template")));
        let template = ChatTemplate::new(&source, text("bos_token"), text("eos_token")).unwrap();
        let messages: Vec<Message> = serde_json::from_value(vector["messages"].clone()).unwrap();
        let options = RenderOptions {
            add_generation_prompt: vector["add_generation_prompt"].as_bool().unwrap(),
            thinking: None,
            tools: vector["tools"].as_array().cloned().unwrap_or_default(),
            variables: vector["kwargs"].as_object().cloned().unwrap(),
            longest: None,
            // The date that Llama's templates fall back to.
            now: Some(UNIX_EPOCH + Duration::from_secs(1_721_952_000)),
        };
        let place = || format!("line {}: {}, {}", i + 1, text("template"), text("case"));
        match (template.render(&messages, &options), &vector["error"]) {
            (Ok(rendered), Value::Null) => assert_eq!(rendered, text("expected"), "{}", place()),
            (Err(ChatTemplateError::Refused(message)), Value::String(expected)) => {
                assert_eq!(format!("TemplateError: {message}"), *expected, "{}", place());
            }
            (found, expected) => panic!("{}: {found:?}, expected {expected}", place()),
        }
    }
    vectors.len()
}

#[test]
fn published_templates_render_exactly() {
    assert!(check(&third_party("chat")) >= 100);
    if let Some(dir) = extra("chat") {
        println!("{} chat template vectors", check(&dir));
    }
}
