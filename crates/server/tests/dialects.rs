//! Anthropic's messages and OpenAI's responses, over a real socket, with a scripted model.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::{Answer, post};
use common::{config, reasoner};
use serde_json::{Value, json};
use server::Server;

const CALL: &str = "<tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 2}}</tool_call>";

async fn answering(answer: &'static str) -> SocketAddr {
    let config = config(vec![reasoner("mini", Duration::ZERO, move |_| ("hm".into(), answer.into()))]);
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

/// Names and data of the events of a stream.
fn named_events(answer: &Answer) -> Vec<(String, Value)> {
    let events = answer.body.split("\n\n").filter_map(|event| event.strip_prefix("event: "));
    events
        .map(|event| {
            let (name, data) = event.split_once("\ndata: ").expect("an event has data");
            (name.to_owned(), serde_json::from_str(data).expect("JSON"))
        })
        .collect()
}

#[tokio::test]
async fn a_message_has_anthropics_shape() {
    let address = answering("Hello.").await;
    let hi = json!([{"role": "user", "content": "Hi"}]);
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let body = json!({"model": "mini", "max_tokens": 100, "system": "Be brief.", "messages": hi, "thinking": thinking});
    let found = post(address, "/v1/messages", &body).await.json();
    assert_eq!(
        (&found["type"], &found["role"], &found["stop_reason"]),
        (&json!("message"), &json!("assistant"), &json!("end_turn"))
    );
    assert_eq!(
        found["content"],
        json!([
            {"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "Hello."},
        ])
    );
    assert!(found["usage"]["input_tokens"].as_u64() > Some(0) && found["usage"]["output_tokens"].as_u64() > Some(5));
    for off in [json!(null), json!({"type": "disabled"})] {
        let body = json!({"max_tokens": 100, "thinking": off, "messages": hi});
        let found = post(address, "/v1/messages", &body).await.json();
        assert_eq!(found["content"], json!([{"type": "text", "text": "Hello."}]), "thinking is there for who asks");
    }
}

#[tokio::test]
async fn a_messages_stream_is_of_blocks() {
    let address = answering("Hello.").await;
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let body = json!({"max_tokens": 100, "stream": true, "messages": messages, "output_config": {"effort": "high"}});
    let answer = post(address, "/v1/messages", &body).await;
    let events = named_events(&answer);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("message_start", "message_stop"));
    assert!(events[0].1["message"]["usage"]["input_tokens"].as_u64() > Some(0), "known before the first token");
    assert_eq!(names.iter().filter(|name| **name == "content_block_start").count(), 2);
    let text = |kind: &str| -> String { events.iter().filter_map(|(_, e)| e["delta"][kind].as_str()).collect() };
    assert_eq!((text("thinking"), text("text")), ("hm".to_owned(), "Hello.".to_owned()));
    assert!(events.iter().all(|(name, event)| event["type"] == name.as_str()));
}

#[tokio::test]
async fn anthropics_tools_go_there_and_back() {
    let address = answering(CALL).await;
    let tool = json!({"name": "add", "description": "adds", "input_schema": {"type": "object"}});
    let messages = json!([
        {"role": "user", "content": "Add."},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "text", "text": "Well."},
            {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"n": 1}},
        ]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "1"}]}]},
    ]);
    let body = json!({"max_tokens": 200, "tools": [tool], "messages": messages});
    let found = post(address, "/v1/messages", &body).await.json();
    assert_eq!(found["stop_reason"], "tool_use", "{found}");
    let call = &found["content"][0];
    assert_eq!((&call["type"], &call["name"], &call["input"]), (&json!("tool_use"), &json!("add"), &json!({"n": 2})));
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let events = named_events(&post(address, "/v1/messages", &streamed).await);
    let arguments: String = events.iter().filter_map(|(_, e)| e["delta"]["partial_json"].as_str()).collect();
    assert_eq!(arguments, "{\"n\":2}");
    let count =
        post(address, "/v1/messages/count_tokens", &json!({"messages": messages, "tools": body["tools"]})).await;
    assert_eq!(
        count.json()["input_tokens"],
        found["usage"]["input_tokens"].as_u64().expect("a number")
            + found["usage"]["cache_read_input_tokens"].as_u64().expect("a number")
    );
}

#[tokio::test]
async fn anthropics_errors_have_its_shape() {
    let address = answering("Hello.").await;
    for (body, words) in [
        (json!({"messages": [{"role": "user", "content": "Hi"}]}), "`max_tokens` is missing"),
        (json!({"max_tokens": 5, "messages": []}), "`messages` is empty"),
        (json!({"max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "image"}]}]}), "reads text only"),
        (json!({"max_tokens": 5, "nonsense": 1, "messages": [{"role": "user", "content": "x"}]}), "unknown field"),
    ] {
        let answer = post(address, "/v1/messages", &body).await;
        let found = answer.json();
        assert_eq!(
            (answer.status, &found["type"], &found["error"]["type"]),
            (400, &json!("error"), &json!("invalid_request_error"))
        );
        assert!(found["error"]["message"].as_str().expect("text").contains(words), "{found}");
    }
}

#[tokio::test]
async fn a_response_has_openais_shape() {
    let address = answering("Hello.").await;
    for input in [json!("Hi"), json!([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}])] {
        let body =
            json!({"model": "mini", "input": input, "instructions": "Be brief.", "reasoning": {"effort": "high"}});
        let found = post(address, "/v1/responses", &body).await.json();
        assert_eq!((&found["object"], &found["status"]), (&json!("response"), &json!("completed")), "{found}");
        assert_eq!(found["output"][0]["content"][0]["text"], "hm");
        assert_eq!(found["output"][1]["content"][0]["text"], "Hello.");
        assert!(found["usage"]["output_tokens_details"]["reasoning_tokens"].as_u64() > Some(0));
    }
    let cut = post(address, "/v1/responses", &json!({"input": "Hi", "max_output_tokens": 3})).await.json();
    assert_eq!(
        (&cut["status"], &cut["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
    let stored = post(address, "/v1/responses", &json!({"input": "Hi", "previous_response_id": "resp_1"})).await;
    assert_eq!(stored.status, 400);
}

#[tokio::test]
async fn a_responses_stream_counts_its_events() {
    let address = answering("Hello.").await;
    let answer = post(address, "/v1/responses", &json!({"input": "Hi", "stream": true})).await;
    let events = named_events(&answer);
    assert!(events.iter().enumerate().all(|(i, (name, e))| e["sequence_number"] == i && e["type"] == name.as_str()));
    assert_eq!(events[0].0, "response.created");
    let (last, whole) = events.last().expect("an end");
    assert_eq!(last, "response.completed");
    let text: String = (events.iter())
        .filter(|(name, _)| name == "response.output_text.delta")
        .filter_map(|(_, e)| e["delta"].as_str())
        .collect();
    assert_eq!((text.as_str(), &whole["response"]["output"][1]["content"][0]["text"]), ("Hello.", &json!("Hello.")));
}

#[tokio::test]
async fn a_responses_tools_go_there_and_back() {
    let address = answering(CALL).await;
    let tool = json!({"type": "function", "name": "add", "parameters": {"type": "object"}});
    let input = json!([
        {"role": "user", "content": "Add."},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}]},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{\"n\": 1}"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
    ]);
    let body = json!({"input": input, "tools": [tool]});
    let found = post(address, "/v1/responses", &body).await.json();
    let call = &found["output"][1];
    assert_eq!(
        (&call["type"], &call["name"], &call["arguments"]),
        (&json!("function_call"), &json!("add"), &json!("{\"n\":2}")),
        "{found}"
    );
    let mut streamed = body;
    streamed["stream"] = json!(true);
    let events = named_events(&post(address, "/v1/responses", &streamed).await);
    let done = events.iter().find(|(name, _)| name == "response.function_call_arguments.done").expect("a call");
    assert_eq!(done.1["arguments"], "{\"n\":2}");
}

#[tokio::test]
async fn anthropics_tools_are_checked_as_openais_are() {
    let address = answering("Hello.").await;
    let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
    let many: Vec<Value> = (0..129).map(|i| tool(&format!("t{i}"))).collect();
    for (extra, words) in [
        (json!({"tools": [tool("a b")]}), "`tools[0]` needs a name"),
        (json!({"tools": [tool(&"x".repeat(200))]}), "`tools[0]` needs a name"),
        (json!({"tools": many}), "at most 128"),
        (json!({"tool_choice": {"type": "any"}}), "`tools` is empty"),
        (json!({"tools": [], "tool_choice": {"type": "any"}}), "`tools` is empty"),
        (json!({"tools": [tool("a")], "tool_choice": {"type": "tool", "name": "b"}}), "not among `tools`"),
        (json!({"messages": [{"role": "user", "content": []}]}), "`messages[0].content` is empty"),
        (
            json!({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "input": {}}]}]}),
            "`messages[0].content[0].name` is missing",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "1"}]}]}),
            "`messages[0].content[0].tool_use_id` is missing",
        ),
    ] {
        let mut body = json!({"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let refused = post(address, "/v1/messages", &body).await;
        assert_eq!((refused.status, refused.json()["type"].as_str()), (400, Some("error")), "{extra} {}", refused.body);
        assert!(refused.message().contains(words), "{:?} does not say {words:?}", refused.message());
    }
}
