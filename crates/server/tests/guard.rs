//! Who is let in and how far: bounds, foreign pages, keys, the page's policy, over a real socket.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::{Answer, get, post, raw};
use common::start::{CHAT, ask, quick, start, wait_for_metric};
use common::{config, reasoner};
use serde_json::json;
use server::{ServeConfig, ServeError, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
async fn headers_have_a_bound_that_is_told() {
    let address = quick().await;
    let with = async |path: &str, headers: &str| {
        raw(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")).await
    };
    let many: String = (0..80).map(|i| format!("X-{i}: a\r\n")).collect();
    let long = format!("Cookie: {}\r\n", "a".repeat(40_000));
    for headers in [many, long] {
        let answer = with("/v1/models", &headers).await;
        assert_eq!(answer.status, 431);
        assert!(answer.message().contains("at most 64") && answer.head.contains("x-request-id"), "{}", answer.body);
    }
    let many: String = (0..60).map(|i| format!("X-{i}: {}\r\n", "a".repeat(400))).collect();
    assert_eq!(with("/v1/models", &many).await.status, 200);
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
async fn a_body_that_is_no_body_is_a_400() {
    let address = quick().await;
    for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "5\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n"] {
        for path in [CHAT, "/api/ask"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
            );
            let refused = raw(address, &request).await;
            assert_eq!(refused.status, 400, "{chunks:?} {}", refused.body);
            assert!(refused.message().contains("body"), "{}", refused.message());
        }
    }
}

#[tokio::test]
async fn one_request_names_one_host() {
    let address = quick().await;
    for second in ["localhost", "evil.example"] {
        let request =
            format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: {second}\r\nConnection: close\r\n\r\n");
        let refused = raw(address, &request).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(refused.message().contains("Host"), "{}", refused.message());
    }
}

#[tokio::test]
async fn whoever_speaks_anthropics_dialect_is_refused_in_it() {
    let mut tight = config(vec![reasoner("mini", Duration::ZERO, |_| ("hm".into(), "hi".into()))]);
    tight.limits.body_bytes = 100;
    let address = start(tight).await;
    let file = std::env::temp_dir().join(format!("penseur-anthropic-key-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123\n").expect("a file");
    let keyed = config(vec![reasoner("mini", Duration::ZERO, |_| ("hm".into(), "hi".into()))]);
    let locked = start(ServeConfig { api_key_file: Some(file.clone()), ..keyed }).await;
    std::fs::remove_file(file).expect("cleaned up");
    let send = async |address: SocketAddr, line: &str, headers: &str, body: &str| {
        let head = format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        raw(address, &(head + body)).await
    };
    let local = "Host: localhost\r\n";
    let foreign = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    let wrong_key = "Host: localhost\r\nx-api-key: sk-wrong\r\n";
    let large = "x".repeat(200);
    for (address, line, headers, body, status, kind) in [
        (locked, "POST /v1/messages", local, "{}", 401, "authentication_error"),
        (locked, "POST /v1/messages/count_tokens", wrong_key, "{}", 401, "authentication_error"),
        (address, "POST /v1/messages", foreign, "{}", 403, "permission_error"),
        (address, "POST /messages", "Host: evil.example\r\n", "{}", 403, "permission_error"),
        (address, "POST /v1/messages/batches", local, "{}", 404, "not_found_error"),
        (address, "GET /v1/messages", local, "", 405, "invalid_request_error"),
        (address, "POST /v1/messages", local, large.as_str(), 413, "request_too_large"),
        (address, "POST /v1/messages", "Host: localhost\r\nHost: localhost\r\n", "{}", 400, "invalid_request_error"),
    ] {
        let refused = send(address, line, headers, body).await;
        let found = refused.json();
        assert_eq!(
            (refused.status, &found["type"], &found["error"]["type"]),
            (status, &json!("error"), &json!(kind)),
            "{line} {found}"
        );
        assert!(found["error"].get("param").is_none() && !refused.message().is_empty());
        // The others speak OpenAI's.
        let path = line.replace("/v1/messages", "/v1/chat/completions").replace("/messages", "/completions");
        let found = send(address, &path, headers, body).await.json();
        assert!(found.get("type").is_none() && found["error"].get("param").is_some(), "{path} {found}");
    }
}

#[tokio::test]
async fn health_needs_no_key_under_either_name() {
    let file = std::env::temp_dir().join(format!("penseur-health-key-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123\n").expect("a file");
    let keyed = config(vec![reasoner("mini", Duration::ZERO, |_| Default::default())]);
    let address = start(ServeConfig { api_key_file: Some(file.clone()), ..keyed }).await;
    std::fs::remove_file(file).expect("cleaned up");
    for path in ["/health", "/v1/health"] {
        assert_eq!(get(address, path).await.json(), json!({"status": "ok"}));
    }
}

/// What a browser does for a page of another origin: it asks first, then sends the request, and shows the answer to the page
/// only where the server says so.
#[tokio::test]
async fn a_page_that_is_let_in_by_name_asks_with_a_key() {
    let file = std::env::temp_dir().join(format!("penseur-cors-key-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123\n").expect("a file");
    let model = || vec![reasoner("mini", Duration::ZERO, |_| ("hm".into(), "hi".into()))];
    let cors_origins = || vec!["http://localhost:3000".parse().expect("an origin")];
    let config = ServeConfig { api_key_file: Some(file.clone()), cors_origins: cors_origins(), ..config(model()) };
    let address = start(config).await;
    std::fs::remove_file(file).expect("cleaned up");
    let send = async |line: &str, headers: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        raw(address, &(head + body)).await
    };
    let page = "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n";
    let asking = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type,x-stainless-lang\r\n";
    let asked = send(&format!("OPTIONS {CHAT}"), &format!("{page}{asking}"), "").await;
    assert_eq!((asked.status, asked.body.as_str()), (204, ""));
    for line in [
        "access-control-allow-origin: http://localhost:3000\r\n",
        "access-control-allow-headers: authorization,content-type,x-stainless-lang\r\n",
        "access-control-allow-methods: get, post\r\n",
        "vary: origin\r\n",
    ] {
        assert!(asked.head.contains(line), "{line} {}", asked.head);
    }
    assert!(!asked.head.contains("allow-credentials"));
    let body = ask(json!({})).to_string();
    let key = "Authorization: Bearer 0123456789abcdef0123\r\n";
    for stream in [false, true] {
        let body = ask(json!({"stream": stream})).to_string();
        let answer = send(&format!("POST {CHAT}"), &format!("{page}{key}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.head.contains("access-control-allow-origin: http://localhost:3000\r\n"));
        assert!(answer.head.contains("access-control-expose-headers: x-request-id"));
    }
    let cookie: String = "0123456789abcdef0123".bytes().map(|byte| format!("{byte:02x}")).collect();
    let cookie = format!("Cookie: penseur_key={cookie}\r\n");
    for (headers, status) in [
        (page.to_owned(), 401),
        (format!("{page}{cookie}"), 401),
        (format!("{page}Authorization: Bearer wrong\r\n"), 401),
        (format!("Origin: http://evil.example\r\n{cookie}"), 403),
        (format!("Origin: http://localhost:3000.evil.example\r\n{cookie}"), 403),
    ] {
        let refused = send(&format!("POST {CHAT}"), &headers, &body).await;
        assert_eq!(refused.status, status, "{headers} {}", refused.body);
    }
    // Others hear nothing of it, and the conversations of the app stay closed.
    for (line, headers) in [
        (format!("OPTIONS {CHAT}"), format!("Origin: http://evil.example\r\n{asking}")),
        ("OPTIONS /api/conversations".into(), format!("{page}{asking}")),
        ("GET /api/conversations".into(), format!("{page}{key}")),
        (format!("POST {CHAT}"), format!("Origin: http://evil.example\r\n{key}")),
    ] {
        let answer = send(&line, &headers, "").await;
        assert!(!answer.head.contains("access-control-allow"), "{line} {headers} {}", answer.head);
    }
    let rebound = format!("OPTIONS {CHAT} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{page}{asking}\r\n");
    assert_eq!(raw(address, &rebound).await.status, 403);
    let open = Server::bind(ServeConfig { cors_origins: cors_origins(), ..common::config(model()) }).await;
    assert!(matches!(open, Err(ServeError::CorsWithoutKeys)), "without keys there is nothing to let in by");
}

/// A proxy in front: people reach the page at its address, and this server on loopback.
#[tokio::test]
async fn behind_a_proxy_people_sign_in_at_its_address() {
    let file = std::env::temp_dir().join(format!("penseur-proxy-key-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123\n").expect("a file");
    let model = || vec![reasoner("mini", Duration::ZERO, |_| ("hm".into(), "hi".into()))];
    let public_origin = || Some("https://chat.example".parse().expect("an origin"));
    let config = ServeConfig { api_key_file: Some(file.clone()), public_origin: public_origin(), ..config(model()) };
    let address = start(config).await;
    std::fs::remove_file(file).expect("cleaned up");
    for host in ["127.0.0.1", "chat.example"] {
        let send = async |path: &str, headers: &str, body: &str| {
            let length = body.len();
            let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}");
            raw(address, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
        };
        let page = "Origin: https://chat.example\r\nSec-Fetch-Site: same-origin\r\n";
        let signed_in = send("/api/sign-in", page, r#"{"key": "0123456789abcdef0123"}"#).await;
        assert_eq!(signed_in.status, 204, "{host} {}", signed_in.body);
        let cookie = signed_in.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        assert!(cookie.contains("; secure"), "the browser's connection is encrypted: {cookie}");
        let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().expect("a pair"));
        let question = r#"{"content": "Well?"}"#;
        assert_eq!(send("/api/ask", &format!("{page}{cookie}"), question).await.status, 200, "{host}");
        assert_eq!(send("/api/ask", page, question).await.status, 401, "{host}");
        let foreign = format!("Origin: https://evil.example\r\n{cookie}");
        assert_eq!(send("/api/ask", &foreign, question).await.status, 403, "{host}");
    }
    let open = Server::bind(ServeConfig { public_origin: public_origin(), ..common::config(model()) }).await;
    assert!(matches!(open, Err(ServeError::PublicWithoutKeys)), "others reach it, so it needs keys");
}

/// docs/deploy.md's configuration of nginx, which `tests/replicas/run.py` runs, agrees with the server's bounds.
#[test]
fn the_documented_proxy_waits_as_long_as_an_answer_may_take_and_demands_keys() {
    let text = include_str!("../../../docs/deploy.md");
    let nginx = text.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a configuration");
    let value = |name: &str| {
        let line = nginx.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_suffix(';'));
        line.unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
    };
    let minutes: u64 = value("proxy_read_timeout").trim_end_matches('m').parse().expect("minutes");
    assert!(Duration::from_secs(60 * minutes) > server::Limits::default().completion_time);
    let next = value("proxy_next_upstream ");
    assert!(
        !next.split(' ').any(|case| case == "timeout"),
        "an answer that takes long would be computed twice: {next}"
    );
    assert_eq!(value("client_max_body_size"), "64m", "conversations are brought in through it");
    let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("penseur serve")).collect();
    assert!(commands.len() == 2 && commands.iter().all(|line| line.contains("--api-key-file")), "{commands:?}");
    assert!(commands.iter().all(|line| line.contains("--public-origin")), "{commands:?}");
}
