//! The API over a real socket, with a scripted model.

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::client::{Answer, get, post, raw, request_bytes};
use common::{config, reasoner};
use serde_json::{Value, json};
use server::{ServeConfig, ServeError, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CHAT: &str = "/v1/chat/completions";

async fn start(config: ServeConfig) -> SocketAddr {
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

/// Thinks `3 + 4 = 7` in two lines and answers `**7** é中🙂`, at once.
async fn quick() -> SocketAddr {
    start(config(vec![reasoner("mini", Duration::ZERO, |_| ("3 + 4\n= 7".into(), "**7** é中🙂".into()))])).await
}

/// Thinks for ever, a token each millisecond; answers once its thinking is closed.
async fn endless() -> SocketAddr {
    let thought: String = (0..3000).map(|i| format!("{i} ")).collect();
    start(config(vec![reasoner("mini", Duration::from_millis(1), move |_| (thought.clone(), "done".into()))])).await
}

fn ask(extra: Value) -> Value {
    let mut body = json!({"model": "mini", "messages": [{"role": "user", "content": "What is 3 + 4?"}]});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body
}

/// A figure of `/metrics`.
async fn metric(address: SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics").await.body;
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("penseur_{name}{{")) || line.starts_with(&format!("penseur_{name} ")));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

async fn wait_for_metric(address: SocketAddr, name: &str, value: f64) {
    let start = Instant::now();
    while metric(address, name).await != value {
        assert!(start.elapsed() < Duration::from_secs(5), "{name} is {}", metric(address, name).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

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

fn texts(events: &[Value], index: usize) -> (String, String) {
    let deltas: Vec<&Value> = events
        .iter()
        .filter_map(|event| event["choices"].get(0))
        .filter(|choice| choice["index"] == index)
        .map(|choice| &choice["delta"])
        .collect();
    let join = |key: &str| deltas.iter().filter_map(|delta| delta[key].as_str()).collect();
    (join("reasoning_content"), join("content"))
}

#[tokio::test]
async fn usage_has_a_chunk_of_its_own_when_asked_for() {
    let address = quick().await;
    let body = ask(json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = post(address, CHAT, &body).await.events();
    let (usage, rest) = events.split_last().expect("events");
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].as_u64() > Some(20));
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
    refused(&with(json!({"top_p": 0})), 400, "top_p is 0").await;
    refused(
        &with(json!({"messages": [{"role": "system", "content": "forbidden"}, {"role": "user", "content": "x"}]})),
        400,
        "no such prompt",
    )
    .await;
    let long = "x".repeat(5000);
    refused(&with(json!({"messages": [{"role": "user", "content": long}]})), 400, "context holds 4096").await;
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

/// Sends a chat request and reads until `n` bytes came.
async fn open_stream(address: SocketAddr, body: &Value, n: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request_bytes("POST", CHAT, "", &body.to_string()).as_bytes()).await.expect("sent");
    let mut seen = vec![0; n];
    stream.read_exact(&mut seen).await.expect("received");
    stream
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_sequence() {
    let address = endless().await;
    let n_blocks = metric(address, "kv_blocks_free").await;
    let streaming = open_stream(address, &ask(json!({"stream": true})), 2000).await;
    // One that waits for a whole answer hangs up before it gets a byte.
    let mut plain = TcpStream::connect(address).await.expect("connected");
    plain.write_all(request_bytes("POST", CHAT, "", &ask(json!({})).to_string()).as_bytes()).await.expect("sent");
    wait_for_metric(address, "requests_in_flight", 2.0).await;
    drop(streaming);
    drop(plain);
    wait_for_metric(address, "requests_in_flight", 0.0).await;
    wait_for_metric(address, "kv_blocks_free", n_blocks).await;
    assert_eq!(metric(address, "cancelled_total").await, 2.0);
}

#[tokio::test]
async fn a_slow_reader_delays_nobody_and_loses_nothing() {
    let thought: String = (0..600).map(|i| format!("{i} ")).collect();
    let expected = thought.trim_end().to_owned();
    let model = reasoner("mini", Duration::ZERO, move |_| (thought.clone(), "done".into()));
    let address = start(config(vec![model])).await;
    let mut slow = open_stream(address, &ask(json!({"stream": true})), 10).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let quick = tokio::time::timeout(Duration::from_secs(20), post(address, CHAT, &ask(json!({})))).await;
    assert_eq!(quick.expect("not held up").json()["choices"][0]["message"]["content"], "done");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.expect("received");
    let rest = String::from_utf8(rest).expect("UTF-8");
    let pieces: String = rest
        .split("\n\n")
        .filter_map(|part| part.find("data: {").map(|at| &part[at + 6..]))
        .map(|json| serde_json::from_str::<Value>(json).expect("JSON"))
        .filter_map(|event| event["choices"][0]["delta"]["reasoning_content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(pieces, expected);
}

#[tokio::test]
async fn a_full_server_says_busy() {
    let address = endless().await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(open_stream(address, &ask(json!({"stream": true})), 100).await);
    }
    let busy = post(address, CHAT, &ask(json!({}))).await;
    assert_eq!(busy.status, 503);
    assert!(busy.head.contains("retry-after: 1") && busy.message().contains("try again"));
    drop(held);
    wait_for_metric(address, "requests_in_flight", 0.0).await;
    assert_eq!(post(address, CHAT, &ask(json!({"max_tokens": 5}))).await.status, 200);
}

#[tokio::test]
async fn thinking_can_be_ended_from_outside() {
    let address = endless().await;
    let mut stream = open_stream(address, &ask(json!({"stream": true})), 1500).await;
    // The id is in every event; read one more piece to have a whole one.
    let mut piece = vec![0; 1000];
    stream.read_exact(&mut piece).await.expect("received");
    let text = String::from_utf8_lossy(&piece).into_owned();
    let id = text.split("\"id\":\"").nth(1).and_then(|t| t.split('"').next()).expect("an id").to_owned();
    assert_eq!(post(address, &format!("{CHAT}/{id}/answer"), &json!({})).await.status, 204);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("received");
    assert!(rest.contains("\"thinking_stop_reason\":\"user\"") && rest.contains("\"finish_reason\":\"stop\""));
    assert_eq!(post(address, &format!("{CHAT}/{id}/answer"), &json!({})).await.status, 404, "it has ended");
}

#[tokio::test]
async fn quiet_streams_carry_comments() {
    let mut slow = config(vec![reasoner("mini", Duration::from_millis(150), |_| ("".into(), "x".into()))]);
    slow.limits.keep_alive = Duration::from_millis(20);
    let address = start(slow).await;
    let answer = post(address, CHAT, &ask(json!({"stream": true, "max_tokens": 3}))).await;
    assert!(answer.body.contains(": keep-alive\n\n"));
    assert_eq!(answer.events().len(), 2);
}

#[tokio::test]
async fn limits_hold() {
    let mut tight = config(vec![reasoner("mini", Duration::from_millis(5), |_| ("x".repeat(3000), "y".into()))]);
    tight.limits.body_bytes = 1000;
    tight.limits.header_time = Duration::from_millis(100);
    tight.limits.body_time = Duration::from_millis(100);
    tight.limits.completion_time = Duration::from_millis(300);
    let address = start(tight).await;
    let large = ask(json!({"messages": [{"role": "user", "content": "x".repeat(2000)}]}));
    let answer = post(address, CHAT, &large).await;
    assert_eq!(answer.status, 413);
    assert!(answer.message().contains("1000 bytes"));
    let unannounced = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n",
        "x".repeat(2000)
    );
    assert_eq!(raw(address, &unannounced).await.status, 413);
    let half_body =
        format!("POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 50\r\n\r\n{{");
    assert_eq!(raw(address, &half_body).await.status, 408);
    // Half a head: the server hangs up by itself.
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").await.expect("sent");
    let mut nothing = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut nothing)).await;
    assert!(closed.is_ok(), "a half-open client is still connected");
    // Nothing at all, at first and after an answer: the same.
    let mut stream = TcpStream::connect(address).await.expect("connected");
    assert!(tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut nothing)).await.is_ok());
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok() && answer.starts_with(b"HTTP/1.1 200"), "an idle client is still connected");
    let slow = post(address, CHAT, &ask(json!({}))).await;
    assert_eq!(slow.status, 503);
    assert!(slow.message().contains("took longer"));
    let stream = post(address, CHAT, &ask(json!({"stream": true}))).await;
    assert!(stream.body.contains("took longer"));
    wait_for_metric(address, "requests_in_flight", 0.0).await;
}

#[tokio::test]
async fn foreign_pages_and_names_are_kept_out() {
    let address = quick().await;
    let with = async |host: &str, extra: &str| -> Answer {
        raw(address, &format!("GET /v1/models HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{extra}\r\n")).await
    };
    assert_eq!(with("127.0.0.1:8080", "").await.status, 200);
    let rebound = with("evil.example:8080", "").await;
    assert_eq!(rebound.status, 403);
    assert!(rebound.message().contains("127.0.0.1"));
    assert_eq!(with("localhost", "Origin: http://evil.example\r\n").await.status, 403);
    assert_eq!(with("localhost", "Sec-Fetch-Site: cross-site\r\n").await.status, 403);
    assert_eq!(with("localhost:5", "Origin: http://localhost:5\r\n").await.status, 200);
}

#[tokio::test]
async fn the_page_is_served_with_a_strict_policy() {
    let address = quick().await;
    for (path, kind, words) in [
        ("/", "text/html", "<title>penseur"),
        ("/app.js", "text/javascript", "import"),
        ("/app.css", "text/css", "color-scheme"),
    ] {
        let answer = get(address, path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains(&format!("content-type: {kind}")));
        assert!(answer.body.contains(words), "{path}");
        assert!(answer.head.contains("content-security-policy: default-src 'none'"));
        assert!(answer.head.contains("x-content-type-options: nosniff"));
        assert!(answer.head.contains("x-request-id: "));
    }
    // Nothing from elsewhere, nothing inline, no HTML from strings.
    let (html, js) = (get(address, "/").await.body, get(address, "/app.js").await.body);
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("onclick"));
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
        assert!(!js.contains(sink), "{sink}");
    }
    for text in [&html, &js, &get(address, "/app.css").await.body] {
        let foreign =
            text.match_indices("http").filter(|(at, _)| !text[*at..].starts_with("http://www.w3.org/2000/svg"));
        assert_eq!(foreign.count(), 0, "an address of another server");
    }
}

#[tokio::test]
async fn beyond_loopback_a_key_is_demanded() {
    let model = || vec![reasoner("mini", Duration::ZERO, |_| ("".into(), "hi".into()))];
    let open = ServeConfig { host: "0.0.0.0".into(), ..config(model()) };
    let error = Server::bind(open).await.err().expect("refused");
    assert!(matches!(error, ServeError::KeyRequired { .. }) && error.to_string().contains("--api-key-file"));
    let file = std::env::temp_dir().join(format!("penseur-api-key-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123\n").expect("a file");
    let address =
        start(ServeConfig { host: "0.0.0.0".into(), api_key_file: Some(file.clone()), ..config(model()) }).await;
    std::fs::remove_file(file).expect("cleaned up");
    let address = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let with = async |header: &str, path: &str| {
        raw(address, &format!("GET {path} HTTP/1.1\r\nHost: some.name\r\nConnection: close\r\n{header}\r\n")).await
    };
    let refused = with("", "/v1/models").await;
    assert_eq!(refused.status, 401);
    assert!(refused.head.contains("www-authenticate: bearer") && refused.message().contains("Bearer YOUR_KEY"));
    assert_eq!(with("Authorization: Bearer wrong\r\n", "/metrics").await.status, 401);
    assert_eq!(with("Authorization: Bearer 0123456789abcdef0123\r\n", "/v1/models").await.status, 200);
    for path in ["/", "/health", "/app.js"] {
        assert_eq!(with("", path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn bad_configurations_are_refused() {
    let model = |name| reasoner(name, Duration::ZERO, |_| Default::default());
    assert!(matches!(Server::bind(config(vec![])).await, Err(ServeError::NoModels)));
    assert!(matches!(Server::bind(config(vec![model("a"), model("a")])).await, Err(ServeError::DuplicateModel(_))));
    let address = start(config(vec![model("a")])).await;
    let taken = Server::bind(ServeConfig { port: address.port(), ..config(vec![model("a")]) }).await;
    assert!(matches!(taken, Err(ServeError::PortInUse { .. })));
    let nowhere = Server::bind(ServeConfig { host: "no.such.host.invalid".into(), ..config(vec![model("a")]) }).await;
    assert!(matches!(nowhere, Err(ServeError::Resolve { .. })));
}

#[tokio::test]
async fn shutdown_lets_running_answers_end() {
    let model = reasoner("mini", Duration::from_millis(2), |_| ("a thought".into(), "an answer".into()));
    let server = Server::bind(config(vec![model])).await.expect("a free port");
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move { stopped.await.expect("sent") }));
    let client = tokio::spawn(async move { post(address, CHAT, &ask(json!({"stream": true}))).await });
    wait_for_metric(address, "requests_in_flight", 1.0).await;
    stop.send(()).expect("the server runs");
    let events = client.await.expect("an answer").events();
    assert_eq!(texts(&events, 0).1, "an answer");
    tokio::time::timeout(Duration::from_secs(4), running).await.expect("ended in time").expect("no panic");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn shutdown_hands_back_what_it_cannot_finish() {
    let mut config = config(vec![reasoner("mini", Duration::from_millis(5), |_| ("x".repeat(3000), "y".into()))]);
    config.limits.shutdown_grace = Duration::from_millis(50);
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { _ = stopped.await }));
    let streamed = tokio::spawn(async move { post(address, CHAT, &ask(json!({"stream": true}))).await });
    let whole = tokio::spawn(async move { post(address, CHAT, &ask(json!({}))).await });
    wait_for_metric(address, "requests_in_flight", 2.0).await;
    stop.send(()).expect("the server runs");
    let streamed = streamed.await.expect("an answer");
    assert!(streamed.body.contains("the server is ending"), "{}", streamed.body);
    let whole = whole.await.expect("an answer");
    assert_eq!((whole.status, whole.message().contains("the server is ending")), (503, true));
    tokio::time::timeout(Duration::from_secs(4), running).await.expect("ended in time").expect("no panic");
}

/// 64 conversations at once over a model with room for few: every answer is its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_get_their_own_answers() {
    let mut model =
        reasoner("mini", Duration::ZERO, |question| (format!("They ask {question}"), format!("You said {question}")));
    model.engine = {
        let mock = engine::mock::MockModel::reasoning(24, |prompt| {
            use engine::Decode;
            use engine::mock::ByteTokenizer;
            let question = ByteTokenizer.decode(prompt);
            (format!("They ask {question}"), format!("You said {question}"))
        });
        engine::EngineHandle::spawn(Box::new(mock), engine::EngineConfig::default()).expect("a thread")
    };
    let address = start(config(vec![model])).await;
    let clients: Vec<_> = (0..64)
        .map(|i| {
            let question = format!("number {i} {}", "x".repeat(i * 3));
            let body = json!({"messages": [{"role": "user", "content": question}], "stream": i % 2 == 0});
            (question, i % 2 == 0, tokio::spawn(async move { post(address, CHAT, &body).await }))
        })
        .collect();
    for (question, streamed, client) in clients {
        let answer = client.await.expect("an answer");
        let content = if streamed {
            texts(&answer.events(), 0).1
        } else {
            answer.json()["choices"][0]["message"]["content"].as_str().expect("text").to_owned()
        };
        assert_eq!(content, format!("You said {question}"));
    }
    wait_for_metric(address, "requests_in_flight", 0.0).await;
}
