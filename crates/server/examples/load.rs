//! Load on a running server: streaming clients for a bounded time, and what they see.
//!
//! ```sh
//! cargo run --release -p penseur -- serve --port 8080 &
//! cargo run --release -p server --example load -- --clients 64 --seconds 60
//! ```
//!
//! Every client asks an arithmetic question with a seed of its own, over and over. Questions come from a small pool at
//! fixed seeds, and each is asked once alone before the load begins: a lost, doubled or mixed token shows as a
//! difference (`--no-compare` for servers whose answers may vary). Reported: errors, differences, tokens a second over all
//! clients, time to the first token and between tokens (p50, p99), and the server's memory before and after (Linux,
//! `--pid`). The exit code is 1 if anything was wrong.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

#[derive(Clone)]
struct Options {
    address: String,
    model: Option<String>,
    clients: usize,
    seconds: u64,
    max_tokens: usize,
    pid: Option<u32>,
    compares: bool,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    answers: usize,
    tokens: u64,
    errors: Vec<String>,
    differences: usize,
    first_ms: Vec<f64>,
    between_ms: Vec<f64>,
    known: HashMap<String, String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let memory = || options.pid.and_then(resident_mb);
    let seen = Arc::new(Mutex::new(Seen::default()));
    if options.compares {
        for n in 0..N_QUESTIONS {
            let (question, body) = question(n, &options);
            match ask(&options, &body).await {
                Ok(answer) => _ = seen.lock().expect("no client panicked").known.insert(question, answer.whole()),
                Err(error) => {
                    eprintln!("{question}: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let start = Instant::now();
    let deadline = start + Duration::from_secs(options.seconds);
    let clients: Vec<_> = (0..options.clients)
        .map(|client| tokio::spawn(work(client, options.clone(), deadline, seen.clone())))
        .collect();
    // Once every client is at work the server's memory should stay as it is.
    tokio::time::sleep(Duration::from_secs(options.seconds / 4)).await;
    let memory_early = memory();
    for client in clients {
        if let Err(error) = client.await {
            eprintln!("a client failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut seen = seen.lock().expect("no client panicked");
    let mut quantiles = |of: fn(&mut Seen) -> &mut Vec<f64>| {
        let values = of(&mut seen);
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values.get(((values.len() as f64 - 1.0) * q) as usize).copied();
        json!({"p50": at(0.5), "p99": at(0.99)})
    };
    let (first, between) = (quantiles(|s| &mut s.first_ms), quantiles(|s| &mut s.between_ms));
    let report = json!({
        "clients": options.clients, "seconds": seconds, "answers": seen.answers, "tokens": seen.tokens,
        "tokens_per_second": seen.tokens as f64 / seconds, "first_token_ms": first, "between_tokens_ms": between,
        "errors": seen.errors.len(), "differences": seen.differences,
        "memory_mb": {"early": memory_early, "end": memory()},
    });
    println!("{report}");
    seen.errors.iter().take(5).for_each(|error| eprintln!("error: {error}"));
    let is_good = seen.errors.is_empty() && seen.differences == 0 && seen.answers > 0;
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        address: "127.0.0.1:8080".into(),
        model: None,
        clients: 64,
        seconds: 60,
        max_tokens: 256,
        pid: None,
        compares: true,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        if flag == "--no-compare" {
            options.compares = false;
            continue;
        }
        let value = arguments.next().ok_or(format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} is {value}, but must be a whole number"));
        match flag.as_str() {
            "--address" => options.address = value,
            "--model" => options.model = Some(value),
            "--clients" => options.clients = number()? as usize,
            "--seconds" => options.seconds = number()?,
            "--max-tokens" => options.max_tokens = number()? as usize,
            "--pid" => options.pid = Some(number()? as u32),
            _ => {
                let known =
                    "--address HOST:PORT --model NAME --clients N --seconds S --max-tokens N --pid PID --no-compare";
                return Err(format!("unknown {flag}; known are {known}"));
            }
        }
    }
    Ok(options)
}

/// Megabytes that a process holds.
fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

async fn work(client: usize, options: Options, deadline: Instant, seen: Arc<Mutex<Seen>>) {
    let mut n = client;
    while Instant::now() < deadline {
        let (question, body) = question(n, &options);
        n += 1;
        match ask(&options, &body).await {
            Ok(answer) => note(&seen, question, answer, options.compares),
            Err(error) => seen.lock().expect("no client panicked").errors.push(format!("{question}: {error}")),
        }
    }
}

/// Sixteen questions at four seeds.
const N_QUESTIONS: usize = 64;

/// Question `n` of [`N_QUESTIONS`], again and again: its name and its body.
fn question(n: usize, options: &Options) -> (String, Value) {
    let (a, b, seed) = (100 + 37 * (n % 16), 200 + 53 * (n % 16), n / 16 % 4);
    let mut body = json!({
        "messages": [{"role": "user", "content": format!("What is {a} + {b}?")}], "stream": true, "seed": seed,
        "temperature": 0.6, "max_tokens": options.max_tokens, "stream_options": {"include_usage": true},
    });
    if let Some(model) = &options.model {
        body["model"] = json!(model);
    }
    (format!("{a} + {b}, seed {seed}"), body)
}

struct Answer {
    thinking: String,
    text: String,
    n_tokens: u64,
    first: Duration,
    between: Vec<Duration>,
}

impl Answer {
    /// Thinking and text together.
    fn whole(&self) -> String {
        format!("<think>{}</think>{}", self.thinking, self.text)
    }
}

fn note(seen: &Mutex<Seen>, question: String, answer: Answer, compares: bool) {
    let whole = answer.whole();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let mut seen = seen.lock().expect("no client panicked");
    seen.answers += 1;
    seen.tokens += answer.n_tokens;
    seen.first_ms.push(ms(answer.first));
    seen.between_ms.extend(answer.between.into_iter().map(ms));
    if compares && seen.known.get(&question).is_none_or(|known| *known != whole) {
        seen.differences += 1;
    }
}

async fn ask(options: &Options, body: &Value) -> io::Result<Answer> {
    let (address, compares) = (&options.address, options.compares);
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let start = Instant::now();
    stream.write_all((head + &body).as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next_line().await?.unwrap_or_default();
    if !status.contains(" 200 ") {
        return Err(io::Error::other(format!("the server said {status:?}")));
    }
    let mut answer = Answer {
        thinking: String::new(),
        text: String::new(),
        n_tokens: 0,
        first: Duration::ZERO,
        between: Vec::new(),
    };
    let (mut last, mut is_done, mut n_events) = (None::<Instant>, false, 0);
    while let Some(line) = lines.next_line().await? {
        let Some(data) = line.strip_prefix("data: ") else { continue };
        if data == "[DONE]" {
            is_done = true;
            break;
        }
        let event: Value = serde_json::from_str(data).map_err(io::Error::other)?;
        if let Some(error) = event.get("error") {
            return Err(io::Error::other(error.to_string()));
        }
        if let Some(n) = event["usage"]["completion_tokens"].as_u64() {
            answer.n_tokens = n;
        }
        let delta = &event["choices"][0]["delta"];
        let texts = [(true, &delta["reasoning_content"]), (false, &delta["content"])];
        // A server that says nothing of usage sends one event a token, some of them without a whole character.
        let counts = |text: &&str| !text.is_empty() || (!compares && delta["role"].is_null());
        for (is_thinking, text) in
            texts.into_iter().filter_map(|(kind, text)| Some((kind, text.as_str().filter(counts)?)))
        {
            n_events += 1;
            // How many events a text comes in is up to the server.
            let part = if is_thinking { &mut answer.thinking } else { &mut answer.text };
            *part += text;
            let now = Instant::now();
            match last {
                None => answer.first = now - start,
                Some(last) => answer.between.push(now - last),
            }
            last = Some(now);
        }
    }
    if answer.n_tokens == 0 {
        answer.n_tokens = n_events;
    }
    if !is_done {
        return Err(io::Error::other("the stream broke off before [DONE]"));
    }
    Ok(answer)
}
