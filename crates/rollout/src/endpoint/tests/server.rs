//! A tiny HTTP server that answers chat completions by script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server says to one request.
pub struct Says {
    pub status: u16,
    pub headers: &'static str,
    pub body: String,
    pub delay: Duration,
}

impl Says {
    pub fn ok(body: impl Into<String>) -> Says {
        Says { status: 200, headers: "", body: body.into(), delay: Duration::ZERO }
    }

    pub fn status(status: u16, headers: &'static str) -> Says {
        Says { status, headers, body: "{\"error\": \"as scripted\"}".to_owned(), delay: Duration::ZERO }
    }

    /// An answer of two prompt tokens and three of its own.
    pub fn content(content: &str) -> Says {
        let message = serde_json::json!({ "role": "assistant", "content": content });
        Says::ok(reply(&message, "stop"))
    }
}

pub fn reply(message: &serde_json::Value, finish_reason: &str) -> String {
    serde_json::json!({
        "choices": [{ "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": 2, "completion_tokens": 3 },
    })
    .to_string()
}

pub struct Server {
    pub url: String,
    pub n_requests: Arc<AtomicUsize>,
    pub most_at_once: Arc<AtomicUsize>,
    pub bodies: Arc<Mutex<Vec<(String, serde_json::Value)>>>,
}

impl Server {
    /// Serves until the test's process ends. `script` gets the number of the request and its body.
    pub fn start(script: impl Fn(usize, &serde_json::Value) -> Says + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = Server { url, n_requests: Arc::default(), most_at_once: Arc::default(), bodies: Arc::default() };
        let (n_requests, most, bodies) =
            (Arc::clone(&server.n_requests), Arc::clone(&server.most_at_once), Arc::clone(&server.bodies));
        let (script, now) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (n_requests, most, bodies) = (n_requests.clone(), most.clone(), bodies.clone());
                let (script, now) = (script.clone(), now.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some((headers, body)) = request(&mut reader) {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let says = script(n_requests.fetch_add(1, Ordering::SeqCst), &body);
                        bodies.lock().unwrap().push((headers, body));
                        std::thread::sleep(says.delay);
                        now.fetch_sub(1, Ordering::SeqCst);
                        if respond(reader.get_mut(), &says).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        server
    }

    pub fn n_requests(&self) -> usize {
        self.n_requests.load(Ordering::SeqCst)
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, serde_json::Value)> {
    let mut headers = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        headers += &line;
    }
    let length =
        headers.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let mut body = vec![0; length?.trim().parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((headers, serde_json::from_slice(&body).ok()?))
}

fn respond(stream: &mut TcpStream, says: &Says) -> std::io::Result<()> {
    let Says { status, headers, body, .. } = says;
    write!(stream, "HTTP/1.1 {status} scripted\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}
