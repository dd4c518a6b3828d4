//! As little HTTP as the tests need, over a plain socket, so that they see every byte.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
pub struct Answer {
    pub status: u16,
    /// The head as sent, in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().expect("an error with a message").to_owned()
    }

    /// The JSON of the events of a stream; the last must be `[DONE]`.
    pub fn events(&self) -> Vec<Value> {
        let mut events: Vec<&str> = self.body.split("\n\n").filter(|e| e.starts_with("data: ")).collect();
        assert_eq!(events.pop(), Some("data: [DONE]"), "{}", self.body);
        events.iter().map(|e| serde_json::from_str(&e[6..]).expect("JSON")).collect()
    }
}

/// Sends bytes and reads until the server closes.
pub async fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("received");
    parse(&bytes)
}

/// The bytes of a request with a body, or without.
pub fn request_bytes(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    raw(address, &request_bytes("GET", path, "", "")).await
}

pub async fn post(address: SocketAddr, path: &str, body: &Value) -> Answer {
    raw(address, &request_bytes("POST", path, "Content-Type: application/json\r\n", &body.to_string())).await
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let head = head.to_lowercase();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let body = if head.contains("transfer-encoding: chunked") { dechunk(rest) } else { rest.to_owned() };
    Answer { status, head, body }
}

fn dechunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        body += &after[..size];
        rest = after[size..].strip_prefix("\r\n").unwrap_or("");
    }
    body
}
