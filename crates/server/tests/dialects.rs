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
    let end = events.iter().find(|(name, _)| name == "message_delta").expect("an end");
    assert_eq!(end.1["delta"]["thinking_stop_reason"], "natural");
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
        (json!({"max_tokens": 0, "messages": [{"role": "user", "content": "Hi"}]}), "`max_tokens` is 0"),
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
        assert_eq!(found["usage"]["input_tokens_details"]["cache_write_tokens"], 0);
        assert_eq!(found["output"][0]["summary"], json!([]), "for who asks");
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
        (json!({"tools": [tool(&"x".repeat(129))]}), "`tools[0]` needs a name of 1 to 128"),
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
        (
            json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}]}),
            "no call before it has that id",
        ),
        (json!({"tools": [tool("a"), tool("a")]}), "two tools with the name \"a\""),
        (json!({"metadata": {"user_id": 5}}), "values are strings"),
    ] {
        let mut body = json!({"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let refused = post(address, "/v1/messages", &body).await;
        assert_eq!((refused.status, refused.json()["type"].as_str()), (400, Some("error")), "{extra} {}", refused.body);
        assert!(refused.message().contains(words), "{:?} does not say {words:?}", refused.message());
    }
}

#[tokio::test]
async fn a_response_repeats_what_was_asked() {
    let address = answering("{\"ok\": true}").await;
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "name": "x", "schema": schema, "strict": true});
    let tool = json!({"type": "function", "name": "add", "parameters": {"type": "object"}});
    let asked = json!({
        "input": [{"role": "system", "content": "A system's message."}, {"role": "user", "content": "Hi"}],
        "text": {"format": format}, "tools": [tool], "tool_choice": "none", "reasoning": {"effort": "low"},
        "metadata": {"a": "b"}, "temperature": 0.5, "top_p": 0.9, "max_output_tokens": 400, "top_logprobs": 2,
        "parallel_tool_calls": false, "user": "me", "safety_identifier": "s", "prompt_cache_key": "k",
    });
    let whole = post(address, "/v1/responses", &asked).await.json();
    let mut streamed = asked.clone();
    streamed["stream"] = json!(true);
    let events = named_events(&post(address, "/v1/responses", &streamed).await);
    for found in [&whole, &events[0].1["response"], &events[events.len() - 1].1["response"]] {
        assert_eq!(found["text"]["format"], format, "{found}");
        assert_eq!((&found["tool_choice"], &found["reasoning"]["effort"]), (&json!("none"), &json!("low")));
        assert_eq!((&found["metadata"], &found["instructions"]), (&json!({"a": "b"}), &Value::Null));
        assert_eq!((&found["max_output_tokens"], &found["parallel_tool_calls"]), (&json!(400), &json!(false)));
        assert_eq!(
            (&found["temperature"], &found["top_p"], &found["top_logprobs"]),
            (&json!(0.5), &json!(0.9), &json!(2))
        );
        for name in ["user", "safety_identifier", "prompt_cache_key"] {
            assert_eq!(found[name], asked[name], "{name}");
        }
    }
    let named = json!({"type": "function", "name": "add"});
    let asked = json!({"input": "Hi", "instructions": "Be brief.", "tools": [tool], "tool_choice": named, "max_output_tokens": 300});
    let found = post(address, "/v1/responses", &asked).await.json();
    assert_eq!((&found["instructions"], &found["tool_choice"]), (&json!("Be brief."), &named));
    // Where nothing was asked, what held.
    let found = post(address, "/v1/responses", &json!({"input": "Hi"})).await.json();
    assert_eq!((&found["temperature"], &found["text"]["format"]), (&json!(0.0), &json!({"type": "text"})));
    assert_eq!(
        (&found["tool_choice"], &found["metadata"], &found["store"]),
        (&json!("auto"), &json!({}), &json!(false))
    );
}

#[tokio::test]
async fn a_response_that_was_cut_is_incomplete_throughout() {
    let address = answering("A long answer to it.").await;
    let asked = json!({"input": "Hi", "reasoning": {"effort": "none"}, "max_output_tokens": 5});
    let whole = post(address, "/v1/responses", &asked).await.json();
    assert_eq!(
        (&whole["status"], &whole["output"][0]["status"]),
        (&json!("incomplete"), &json!("incomplete")),
        "{whole}"
    );
    let mut streamed = asked;
    streamed["stream"] = json!(true);
    let events = named_events(&post(address, "/v1/responses", &streamed).await);
    let (last, end) = events.last().expect("an end");
    assert_eq!(
        (last.as_str(), &end["response"]["incomplete_details"]["reason"]),
        ("response.incomplete", &json!("max_output_tokens"))
    );
    assert_eq!(end["response"]["output"][0]["status"], "incomplete");
    let item = events.iter().find(|(name, _)| name == "response.output_item.done").expect("an item");
    assert_eq!(item.1["item"]["status"], "incomplete");
    // Cut in its thinking, it has no message.
    let asked = json!({"input": "Hi", "reasoning": {"effort": "high"}, "max_output_tokens": 2});
    let whole = post(address, "/v1/responses", &asked).await.json();
    assert_eq!(
        (&whole["status"], whole["output"].as_array().map(Vec::len)),
        (&json!("incomplete"), Some(1)),
        "{whole}"
    );
    assert_eq!(
        (&whole["output"][0]["type"], &whole["output"][0]["status"]),
        (&json!("reasoning"), &json!("incomplete"))
    );
}

#[tokio::test]
async fn a_responses_stream_has_log_probabilities_too() {
    let address = answering("Hello.").await;
    let text_of = |logprobs: &Value| -> String {
        logprobs.as_array().expect("a list").iter().filter_map(|token| token["token"].as_str()).collect()
    };
    for extra in [json!({"top_logprobs": 2}), json!({"include": ["message.output_text.logprobs"]})] {
        let mut asked = json!({"input": "Hi", "stream": true});
        asked.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let events = named_events(&post(address, "/v1/responses", &asked).await);
        let deltas = events.iter().filter(|(name, _)| name == "response.output_text.delta");
        let streamed: String = deltas.map(|(_, event)| text_of(&event["logprobs"])).collect();
        assert_eq!(streamed.trim_start(), "Hello.", "{extra}");
        let done = events.iter().find(|(name, _)| name == "response.output_text.done").expect("an end of the text");
        assert_eq!(text_of(&done.1["logprobs"]).trim_start(), "Hello.");
        let whole = &events.last().expect("an end").1["response"]["output"][1]["content"][0]["logprobs"];
        assert_eq!(text_of(whole).trim_start(), "Hello.");
        let n_top = if extra["top_logprobs"].is_null() { 0 } else { 2 };
        assert_eq!(whole[0]["top_logprobs"].as_array().map(Vec::len), Some(n_top));
    }
}

#[tokio::test]
async fn a_responses_errors_speak_of_its_own_fields() {
    let address = answering("Hello.").await;
    let call = |extra: Value| {
        let mut item = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
        item.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        json!([{"role": "user", "content": "Hi"}, item, {"type": "function_call_output", "call_id": "c", "output": "1"}])
    };
    for (body, param, words) in [
        (json!({"input": "x".repeat(5000)}), "input", "context holds 4096"),
        (json!({"input": call(json!({"name": null}))}), "input[1].name", "is missing"),
        (json!({"input": call(json!({"call_id": null}))}), "input[1].call_id", "is missing"),
        (json!({"input": call(json!({"arguments": 5}))}), "input[1].arguments", "must be a string"),
        (json!({"input": [{"type": "function_call_output", "output": "1"}]}), "input[0].call_id", "is missing"),
        (json!({"input": "Hi", "text": {"format": {"type": "regex", "pattern": "("}}}), "text.format", "`text.format`"),
        (json!({"input": [{"role": "user", "content": []}]}), "input[0].content", "is empty"),
        (json!({"input": [{"type": "item_reference", "id": "rs_1"}]}), "input[0]", "send the items themselves"),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "other", "output": "1"}]}),
            "input[0].call_id",
            "no call before it has that id",
        ),
        (json!({"input": "Hi", "include": ["file_search_call.results"]}), "include", "file_search_call.results"),
    ] {
        let refused = post(address, "/v1/responses", &body).await;
        assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some(param)), "{}", refused.body);
        assert!(refused.message().contains(words), "{}", refused.message());
    }
    let prompt = "x".repeat(4096);
    let refused = post(address, "/v1/completions", &json!({"prompt": prompt})).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("prompt")), "{}", refused.body);
}

/// Its clients would have the conversation kept, and go on without that when they are told so in these words.
#[tokio::test]
async fn anthropics_threads_are_declined_as_its_clients_understand() {
    let address = answering("Hello.").await;
    let body = json!({"max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}], "thread": {"type": "create"}});
    let refused = post(address, "/v1/messages", &body).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["details"]["error_code"]),
        (400, &json!("thread_unsupported_request"))
    );
    let none = json!({"max_tokens": 50, "messages": body["messages"], "thread": null, "cache_control": {"type": "ephemeral"}, "speed": "standard"});
    assert_eq!(post(address, "/v1/messages", &none).await.status, 200);
}

#[tokio::test]
async fn models_are_listed_for_anthropics_clients() {
    let address = answering("Hello.").await;
    let as_anthropic = async |path: &str| {
        let headers = "anthropic-version: 2023-06-01\r\n";
        common::client::raw(address, &common::client::request_bytes("GET", path, headers, "")).await
    };
    let list = as_anthropic("/v1/models").await.json();
    assert_eq!(
        (&list["has_more"], &list["first_id"], &list["last_id"]),
        (&json!(false), &json!("mini"), &json!("mini"))
    );
    let one = as_anthropic("/v1/models/mini").await.json();
    assert_eq!((&one, &one["type"], &one["display_name"]), (&list["data"][0], &json!("model"), &json!("mini")));
    assert_eq!(one["lifecycle"], "active");
    let none = as_anthropic("/v1/models/none").await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_field_of_another_dialect_is_called_as_it_was_sent() {
    let address = answering("Hello.").await;
    let hi = json!([{"role": "user", "content": "Hi"}]);
    for (path, body, param, meant) in [
        ("/v1/responses", json!({"input": "Hi", "max_tokens": 5}), "max_tokens", "max_output_tokens"),
        ("/v1/responses", json!({"input": "Hi", "messages": hi}), "messages", "input"),
        ("/v1/responses", json!({"input": "Hi", "response_format": {}}), "response_format", "text"),
        ("/v1/completions", json!({"prompt": "Hi", "messages": hi}), "messages", "prompt"),
        (CHAT, json!({"messages": hi, "max_output_tokens": 5}), "max_output_tokens", "max_tokens"),
    ] {
        let refused = post(address, path, &body).await;
        assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some(param)), "{}", refused.body);
        let words = format!("unknown field `{param}`: did you mean `{meant}`?");
        assert_eq!(refused.message(), words, "{path}");
    }
    let body = json!({"messages": hi, "max_tokens": 9, "output_config": {"format": {"type": "regex", "pattern": "("}}});
    let refused = post(address, "/v1/messages", &body).await;
    assert!(refused.message().contains("`output_config.format` cannot be used"), "{}", refused.message());
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_call_that_was_cut_is_none_in_any_dialect() {
    let address = answering(CALL).await;
    let tool = json!({"name": "add", "input_schema": {"type": "object"}});
    let hi = json!([{"role": "user", "content": "Hi"}]);
    let body = json!({"max_tokens": 30, "messages": hi, "tools": [tool], "tool_choice": {"type": "any"}});
    let found = post(address, "/v1/messages", &body).await.json();
    assert_eq!((&found["stop_reason"], &found["content"]), (&json!("max_tokens"), &json!([])), "{found}");
    let tool = json!({"type": "function", "name": "add", "parameters": {"type": "object"}});
    let body = json!({
        "input": "Hi", "max_output_tokens": 30, "tools": [tool], "tool_choice": "required", "reasoning": {"effort": "none"},
    });
    let found = post(address, "/v1/responses", &body).await.json();
    assert_eq!((&found["status"], &found["output"]), (&json!("incomplete"), &json!([])), "{found}");
}

#[tokio::test]
async fn anthropics_wish_for_one_call_is_kept() {
    let address = answering(
        "<tool_call>{\"name\": \"add\", \"arguments\": {}}</tool_call><tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 1}}</tool_call>",
    )
    .await;
    let tool = json!({"name": "add", "input_schema": {"type": "object"}});
    let hi = json!([{"role": "user", "content": "Hi"}]);
    for (disable, n) in [(false, 2), (true, 1)] {
        let choice = json!({"type": "auto", "disable_parallel_tool_use": disable});
        let body = json!({"max_tokens": 300, "messages": hi, "tools": [tool], "tool_choice": choice});
        let found = post(address, "/v1/messages", &body).await.json();
        assert_eq!((found["content"].as_array().map(Vec::len), &found["stop_reason"]), (Some(n), &json!("tool_use")));
    }
}

/// What Anthropic's clients send along is taken where it changes nothing, done where it can be, and else refused.
#[tokio::test]
async fn anthropics_other_wishes_are_kept_or_refused() {
    let address = answering("Hello.").await;
    let asked = |extra: Value| {
        let mut body = json!({"max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        body
    };
    let edits = |kind: &str| json!({"context_management": {"edits": [{"type": kind}]}});
    let cached = json!({"type": "ephemeral"});
    let tool = json!({"name": "add", "input_schema": {"type": "object"}, "cache_control": cached});
    let result = json!([
        {"role": "user", "content": [{"type": "text", "text": "Add.", "cache_control": cached}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "add", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": true}]},
    ]);
    for extra in [edits("clear_thinking_20251015"), json!({"tools": [tool], "messages": result})] {
        let found = post(address, "/v1/messages", &asked(extra.clone())).await;
        assert_eq!(found.status, 200, "{extra} {}", found.body);
    }
    for (extra, words) in [
        (edits("clear_tool_uses_20250919"), "clear_tool_uses_20250919"),
        (json!({"thinking": {"type": "enabled", "display": "loud"}}), "`thinking.display`"),
        (json!({"tools": [{"name": "a", "input_schema": {}, "strict": "yes"}]}), "`tools[0].strict`"),
        (json!({"tools": [{"name": "a", "input_schema": {}, "defer_loading": true}]}), "`tools[0].defer_loading`"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "colour": "red"}]}]}),
            "`messages[0].content[0].colour`",
        ),
    ] {
        let refused = post(address, "/v1/messages", &asked(extra)).await;
        assert!(refused.status == 400 && refused.message().contains(words), "{words}: {}", refused.body);
    }
    let omitted = json!({"thinking": {"type": "enabled", "budget_tokens": 50, "display": "omitted"}});
    let found = post(address, "/v1/messages", &asked(omitted.clone())).await.json();
    assert_eq!((&found["content"][0]["thinking"], &found["content"][1]["text"]), (&json!(""), &json!("Hello.")));
    let mut streamed = asked(omitted);
    streamed["stream"] = json!(true);
    let events = named_events(&post(address, "/v1/messages", &streamed).await);
    assert!(events.iter().all(|(_, event)| event["delta"]["type"] != "thinking_delta"));
    assert_eq!(events.iter().filter(|(name, _)| name == "content_block_start").count(), 2);
}

/// Most clients of Responses read summaries alone.
#[tokio::test]
async fn a_summary_of_the_thinking_is_the_thinking() {
    let address = answering("Hello.").await;
    let asked = |stream: bool| json!({"input": "Hi", "stream": stream, "reasoning": {"summary": "auto"}});
    let summary = json!([{"type": "summary_text", "text": "hm"}]);
    let whole = post(address, "/v1/responses", &asked(false)).await.json();
    assert_eq!(whole["output"][0]["summary"], summary, "{whole}");
    let events = named_events(&post(address, "/v1/responses", &asked(true)).await);
    assert!(events.iter().enumerate().all(|(i, (name, e))| e["sequence_number"] == i && e["type"] == name.as_str()));
    let of_summary: Vec<&(String, Value)> = events.iter().filter(|(name, _)| name.contains("summary")).collect();
    let mut names: Vec<&str> = of_summary.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    assert_eq!(
        names,
        [
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
        ]
    );
    assert!(of_summary.iter().all(|(_, event)| event["summary_index"] == 0 && event["item_id"].is_string()));
    let text: String = of_summary.iter().filter_map(|(_, event)| event["delta"].as_str()).collect();
    let done = &of_summary[of_summary.len() - 1].1;
    assert_eq!((text.as_str(), &done["part"]), ("hm", &summary[0]));
    assert_eq!(events.last().expect("an end").1["response"]["output"][0]["summary"], summary);
    let refused = post(address, "/v1/responses", &json!({"input": "Hi", "reasoning": {"summary": "long"}})).await;
    assert!(refused.message().contains("`reasoning.summary` is \"long\""), "{}", refused.body);
}
