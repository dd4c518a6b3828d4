//! A server for one test, what it is asked, and its metrics.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::{ServeConfig, Server};

use super::client::get;
use super::{config, reasoner, saying};

pub const CHAT: &str = "/v1/chat/completions";

pub async fn start(config: ServeConfig) -> SocketAddr {
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

/// Thinks `3 + 4 = 7` in two lines and answers `**7** é中🙂`, at once.
pub async fn quick() -> SocketAddr {
    start(config(vec![reasoner("mini", Duration::ZERO, |_| ("3 + 4\n= 7".into(), "**7** é中🙂".into()))])).await
}

/// Thinks for ever, a token each millisecond; answers once its thinking is closed.
pub async fn endless() -> SocketAddr {
    let thought: String = (0..3000).map(|i| format!("{i} ")).collect();
    start(config(vec![reasoner("mini", Duration::from_millis(1), move |_| (thought.clone(), "done".into()))])).await
}

/// Says `reply`, as [`saying`] does.
pub async fn saying_server(reply: &'static str) -> SocketAddr {
    start(config(vec![saying("mini", reply)])).await
}

pub fn ask(extra: Value) -> Value {
    let mut body = json!({"model": "mini", "messages": [{"role": "user", "content": "What is 3 + 4?"}]});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body
}

/// A figure of `/metrics`.
pub async fn metric(address: SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics").await.body;
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("penseur_{name}{{")) || line.starts_with(&format!("penseur_{name} ")));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

pub async fn wait_for_metric(address: SocketAddr, name: &str, value: f64) {
    let start = Instant::now();
    while metric(address, name).await != value {
        assert!(start.elapsed() < Duration::from_secs(5), "{name} is {}", metric(address, name).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn texts(events: &[Value], index: usize) -> (String, String) {
    let deltas: Vec<&Value> = events
        .iter()
        .filter_map(|event| event["choices"].get(0))
        .filter(|choice| choice["index"] == index)
        .map(|choice| &choice["delta"])
        .collect();
    let join = |key: &str| deltas.iter().filter_map(|delta| delta[key].as_str()).collect();
    (join("reasoning_content"), join("content"))
}
