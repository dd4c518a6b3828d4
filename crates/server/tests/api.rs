//! The API over a real socket, with a scripted model.

mod common;

use std::time::Duration;

use common::client::{get, post, raw, request_bytes};
use common::start::{CHAT, ask, endless, quick, start, texts, wait_for_metric};
use common::{config, reasoner};
use serde_json::{Value, json};

/// Every key of `expected`, at every depth, is in `found` with a value of the same kind (null fits anything).
fn has_shape(found: &Value, expected: &Value, path: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, value) in expected {
                let here = format!("{path}.{key}");
                has_shape(found.get(key).unwrap_or_else(|| panic!("{here} is missing")), value, &here);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                has_shape(found, expected, &format!("{path}[{i}]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (found, expected) => {
            assert_eq!(std::mem::discriminant(found), std::mem::discriminant(expected), "{path}");
        }
    }
}

#[tokio::test]
async fn a_plain_answer_has_the_shape_of_deepseeks() {
    let address = quick().await;
    for path in [CHAT, "/chat/completions"] {
        let answer = post(address, path, &ask(json!({}))).await;
        assert_eq!(answer.status, 200);
        let found = answer.json();
        let recorded = include_str!("third_party/deepseek_recordings/deepseek-reasoning.json");
        has_shape(&found, &serde_json::from_str(recorded).expect("JSON"), "");
        let choice = &found["choices"][0];
        assert_eq!(choice["message"]["reasoning_content"], "3 + 4\n= 7");
        assert_eq!(choice["message"]["content"], "**7** é中🙂");
        assert_eq!(choice["finish_reason"], "stop");
        assert_eq!(choice["thinking_stop_reason"], "natural");
        let usage = &found["usage"];
        // One more for the user's tag; one for the assistant's, <think>, and the line break after it.
        assert_eq!(usage["prompt_tokens"], "What is 3 + 4?".len() + 4);
        // Bytes, the line break before the tag, the tag.
        assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], "3 + 4\n= 7".len() + 2);
        assert_eq!(usage["completion_tokens"], "3 + 4\n= 7\n\n\n**7** é中🙂".len() + 2);
        assert_eq!(usage["prompt_cache_hit_tokens"], 0);
        assert!(found["timings"]["predicted_n"].as_u64() > Some(0));
    }
}

#[tokio::test]
async fn a_stream_has_the_shape_of_deepseeks() {
    let address = quick().await;
    let answer = post(address, CHAT, &ask(json!({"stream": true}))).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/event-stream"));
    let events = answer.events();
    let recorded: Vec<Value> = include_str!("third_party/deepseek_recordings/deepseek-reasoning.chunks.txt")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    has_shape(&events[0], &recorded[0], "first");
    assert_eq!(events[0]["choices"][0]["delta"], recorded[0]["choices"][0]["delta"]);
    has_shape(&events[1], &recorded[1], "thinking");
    has_shape(&events[events.len() - 2], &recorded[recorded.len() - 2], "answer");
    has_shape(&events[events.len() - 1], &recorded[recorded.len() - 1], "last");
    let (reasoning, content) = texts(&events, 0);
    assert_eq!((reasoning.as_str(), content.as_str()), ("3 + 4\n= 7", "**7** é中🙂"));
    // All thinking comes before all of the answer, and no delta has both.
    let kinds: Vec<bool> =
        events[1..events.len() - 1].iter().map(|e| e["choices"][0]["delta"]["content"].is_string()).collect();
    assert!(kinds.is_sorted());
    for event in &events {
        let delta = &event["choices"][0]["delta"];
        assert!(delta["content"].is_null() || delta["reasoning_content"].is_null(), "{delta}");
    }
    let last = &events[events.len() - 1];
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["choices"][0]["thinking_stop_reason"], "natural");
    assert!(last["usage"]["completion_tokens"].as_u64() > Some(20));
}

#[tokio::test]
async fn usage_has_a_chunk_of_its_own_when_asked_for() {
    let address = quick().await;
    let body = ask(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = post(address, CHAT, &body).await.events();
    let (usage, rest) = events.split_last().expect("events");
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].as_u64() > Some(20));
    assert!(usage["timings"]["predicted_n"].as_u64() > Some(10));
    assert!(rest.iter().all(|event| event["usage"].is_null()));
}

#[tokio::test]
async fn thinking_can_be_off() {
    let address = quick().await;
    for off in [
        json!({"thinking": {"type": "disabled"}}),
        json!({"enable_thinking": false}),
        json!({"chat_template_kwargs": {"enable_thinking": false}}),
        json!({"reasoning_effort": "none"}),
    ] {
        let found = post(address, CHAT, &ask(off.clone())).await.json();
        let choice = &found["choices"][0];
        assert_eq!(choice["message"], json!({"role": "assistant", "content": "**7** é中🙂"}), "{off}");
        assert_eq!(choice["thinking_stop_reason"], Value::Null);
        assert_eq!(found["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
        let events = post(
            address,
            CHAT,
            &ask(off)
                .as_object()
                .map(|o| {
                    let mut o = o.clone();
                    o.insert("stream".into(), true.into());
                    Value::Object(o)
                })
                .expect("an object"),
        )
        .await
        .events();
        assert_eq!(texts(&events, 0), (String::new(), "**7** é中🙂".into()));
        assert_eq!(events[0]["choices"][0]["delta"]["content"], "");
        // Clients of DeepSeek's ask every piece for both fields, and add up what is there.
        for event in &events {
            assert!(event["choices"][0]["delta"].get("reasoning_content").is_some(), "{event}");
        }
    }
}

#[tokio::test]
async fn a_budget_ends_thinking_and_leaves_an_answer() {
    let address = endless().await;
    for (extra, reason) in [
        (json!({"thinking": {"type": "enabled", "budget_tokens": 20}}), "budget"),
        (json!({"reasoning_effort": "low", "max_tokens": 100}), "budget"),
        (json!({"max_tokens": 50, "thinking": {"budget_tokens": 1000}}), "budget"),
    ] {
        let found = post(address, CHAT, &ask(extra.clone())).await.json();
        let choice = &found["choices"][0];
        assert_eq!(choice["message"]["content"], "done", "{extra}: {found}");
        assert_eq!(choice["thinking_stop_reason"], reason);
        assert_eq!(choice["finish_reason"], "stop");
    }
    let found = post(address, CHAT, &ask(json!({"max_tokens": 30}))).await.json();
    let choice = &found["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["thinking_stop_reason"]), (&json!("length"), &json!("length")));
    assert_eq!(found["usage"]["completion_tokens"], 30);
}

#[tokio::test]
async fn n_completions_come_with_their_index() {
    let address = quick().await;
    let found = post(address, CHAT, &ask(json!({"n": 3}))).await.json();
    let choices = found["choices"].as_array().expect("choices");
    assert_eq!(choices.iter().map(|c| c["index"].as_u64().expect("a number")).collect::<Vec<_>>(), [0, 1, 2]);
    let one = post(address, CHAT, &ask(json!({}))).await.json();
    let tokens = |v: &Value| v["usage"]["completion_tokens"].as_u64().expect("a number");
    assert_eq!(tokens(&found), 3 * tokens(&one));
    assert_eq!(found["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"]);
    let events = post(address, CHAT, &ask(json!({"n": 3, "stream": true}))).await.events();
    for index in 0..3 {
        assert_eq!(texts(&events, index), ("3 + 4\n= 7".into(), "**7** é中🙂".into()));
    }
    assert_eq!(events.iter().filter(|e| e["usage"].is_object()).count(), 1);
}

#[tokio::test]
async fn stop_strings_end_the_answer() {
    let address = quick().await;
    for stream in [false, true] {
        let answer = post(address, CHAT, &ask(json!({"stop": ["é"], "stream": stream}))).await;
        let (content, finish_reason) = if stream {
            let events = answer.events();
            (texts(&events, 0).1, events[events.len() - 1]["choices"][0]["finish_reason"].clone())
        } else {
            let choice = answer.json()["choices"][0].clone();
            (choice["message"]["content"].as_str().expect("text").to_owned(), choice["finish_reason"].clone())
        };
        assert_eq!((content.as_str(), finish_reason), ("**7** ", json!("stop")));
    }
    wait_for_metric(address, "requests_in_flight", 0.0).await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answer() {
    // A coin at every token: which of two letters comes next is up to the sampler.
    let mut model = reasoner("mini", Duration::ZERO, |_| (String::new(), String::new()));
    let script = |_: &[u32], logits: &mut [f32]| {
        logits.fill(f32::NEG_INFINITY);
        (logits[usize::from(b'a')], logits[usize::from(b'b')]) = (0.0, 0.0);
    };
    let mock = engine::mock::MockModel::new(64, Box::new(script));
    model.engine = engine::EngineHandle::spawn(Box::new(mock), engine::EngineConfig::default()).expect("a thread");
    let address = start(config(vec![model])).await;
    let text = async |extra: Value| {
        let body = ask(json!({"max_tokens": 60, "temperature": 1})).as_object().map(|o| {
            let mut o = o.clone();
            o.extend(extra.as_object().expect("an object").clone());
            Value::Object(o)
        });
        let found = post(address, CHAT, &body.expect("an object")).await.json();
        found["choices"]
            .as_array()
            .expect("choices")
            .iter()
            .map(|c| c["message"]["reasoning_content"].to_string())
            .collect::<Vec<_>>()
    };
    let first = text(json!({"seed": 5})).await;
    assert_eq!(first, text(json!({"seed": 5})).await);
    assert_ne!(first, text(json!({"seed": 6})).await);
    assert_ne!(text(json!({})).await, text(json!({})).await, "without a seed, each request has its own");
    let three = text(json!({"seed": 5, "n": 3})).await;
    assert_eq!(three[0], first[0]);
    assert!(three[0] != three[1] && three[1] != three[2]);
}

#[tokio::test]
async fn errors_say_what_to_change() {
    let address = quick().await;
    let refused = async |body: &str, status: u16, words: &str| {
        let answer = raw(address, &request_bytes("POST", CHAT, "", body)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.message().contains(words), "{:?} does not say {words:?}", answer.message());
        for key in ["message", "type", "param", "code"] {
            assert!(answer.json()["error"].get(key).is_some(), "{key} is missing");
        }
    };
    let with = |extra: Value| ask(extra).to_string();
    refused("{", 400, "not valid JSON").await;
    refused("[1]", 400, "JSON object").await;
    refused("{}", 400, "`messages` is empty").await;
    refused(&with(json!({"model": "gpt-4"})), 404, "this server has mini").await;
    refused(&with(json!({"model": "../../etc/passwd"})), 404, "no model").await;
    refused(&with(json!({"model": 5})), 400, "must be a string").await;
    refused(&with(json!({"tools": [{}]})), 400, "`tools[0]` is not of type").await;
    refused(&with(json!({"typical_p": 0})), 400, "typical_p is 0").await;
    refused(
        &with(json!({"messages": [{"role": "system", "content": "forbidden"}, {"role": "user", "content": "x"}]})),
        400,
        "no such prompt",
    )
    .await;
    let long = ask(json!({"messages": [{"role": "user", "content": "x".repeat(5000)}]}));
    refused(&long.to_string(), 400, "context holds 4096").await;
    let error = post(address, CHAT, &long).await.json()["error"].clone();
    assert_eq!((&error["code"], &error["n_ctx"]), (&json!("context_length_exceeded"), &json!(4096)), "{error}");
    assert!(error["n_prompt_tokens"].as_u64() > Some(5000), "{error}");
    let encoded = raw(address, &request_bytes("POST", CHAT, "Content-Encoding: gzip\r\n", "x")).await;
    assert_eq!((encoded.status, encoded.message().contains("send it plain")), (415, true), "{}", encoded.body);
    assert_eq!(get(address, "/slots").await.status, 501);
    // What was sent is quoted, and not sent back whole.
    let long = "x".repeat(100_000);
    for body in [
        ask(json!({"model": long})),
        ask(json!({(long.as_str()): 1})),
        ask(json!({"messages": [{"role": "user", "content": "x", (long.as_str()): 1}]})),
        ask(json!({"reasoning_effort": long})),
        ask(json!({"tool_choice": {"type": "function", "function": {"name": long}}, "tools": []})),
    ] {
        let answer = post(address, CHAT, &body).await;
        assert!((400..500).contains(&answer.status) && answer.body.len() < 10_000, "{}", answer.body.len());
    }
    let nowhere = get(address, "/v1/fine_tunes").await;
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.message().contains("/v1/chat/completions"));
    let wrong = get(address, CHAT).await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.message().contains("POST"));
}

#[tokio::test]
async fn models_and_health_are_listed() {
    let models = vec![
        reasoner("mini", Duration::ZERO, |_| Default::default()),
        reasoner("other/one", Duration::ZERO, |_| ("".into(), "other".into())),
    ];
    let address = start(config(models)).await;
    assert_eq!(get(address, "/health").await.json(), json!({"status": "ok"}));
    for path in ["/v1/models", "/models"] {
        let list = get(address, path).await.json();
        assert_eq!(list["data"][0]["id"], "mini");
        assert_eq!(list["data"][0]["object"], "model");
        assert_eq!(list["data"][0]["examples"][0], "What is 347 + 588?");
        assert_eq!(list["data"][1]["id"], "other/one");
    }
    assert_eq!(get(address, "/v1/models/mini").await.json()["context_length"], 4096);
    assert_eq!(get(address, "/v1/models/none").await.status, 404);
    let found = post(address, CHAT, &ask(json!({"model": "other/one"}))).await.json();
    assert_eq!((&found["model"], &found["choices"][0]["message"]["content"]), (&json!("other/one"), &json!("other")));
    let mut unnamed = ask(json!({}));
    unnamed.as_object_mut().expect("an object").remove("model");
    assert_eq!(post(address, CHAT, &unnamed).await.json()["model"], "mini");
}

/// `base_url`s of DeepSeek's own documentation, with another host.
#[tokio::test]
async fn deepseeks_addresses_lead_here_too() {
    let address = quick().await;
    assert_eq!(post(address, "/beta/chat/completions", &ask(json!({}))).await.status, 200);
    let filled = post(address, "/beta/completions", &json!({"prompt": "a", "suffix": "b", "max_tokens": 4})).await;
    assert_eq!(filled.status, 200, "{}", filled.body);
    assert_eq!(get(address, "/beta/models").await.json()["data"][0]["id"], "mini");
    let asked = json!({"max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]});
    let message = post(address, "/anthropic/v1/messages", &asked).await;
    assert_eq!((message.status, message.json()["type"].as_str()), (200, Some("message")), "{}", message.body);
    let refused = get(address, "/anthropic/v1/messages").await;
    assert_eq!((refused.status, refused.json()["type"].as_str()), (405, Some("error")));
}
