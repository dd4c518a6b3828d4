//! Clients that are many, slow, impatient or gone, over a real socket, with a scripted model.

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::client::{post, request_bytes};
use common::start::{CHAT, ask, endless, metric, start, texts, wait_for_metric};
use common::{config, reasoner};
use serde_json::{Value, json};
use server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// More connections than there are places, which say half of something or nothing: whoever asks properly is served at once,
/// and whose answer is running keeps it.
#[tokio::test]
async fn half_open_clients_cost_the_others_nothing() {
    let thought: String = (0..3000).map(|i| format!("{i} ")).collect();
    let mut few = config(vec![reasoner("mini", Duration::from_millis(1), move |_| (thought.clone(), "done".into()))]);
    few.limits.connections = 8;
    let address = start(few).await;
    let mut running = open_stream(address, &ask(json!({"stream": true, "max_tokens": 900})), 500).await;
    let mut half_open = Vec::new();
    for i in 0..40 {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let begun = match i % 3 {
            0 => "",
            1 => "POST /v1/chat/completions HTTP/1.1\r\nHo",
            _ => "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{",
        };
        // The server may have hung up on it already.
        let _ = stream.write_all(begun.as_bytes()).await;
        half_open.push(stream);
    }
    let begun = Instant::now();
    assert_eq!(post(address, CHAT, &ask(json!({"max_tokens": 3}))).await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let mut rest = String::new();
    running.read_to_string(&mut rest).await.expect("received");
    assert!(rest.contains("data: [DONE]"), "a running answer was given up");
    drop(half_open);
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
