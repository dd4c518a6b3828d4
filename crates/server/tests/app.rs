//! The chat app over HTTP, with a scripted model.

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::client::{Answer, get, post, raw, request_bytes};
use common::{config, reasoner};
use engine::mock::{ByteTokenizer, MockModel};
use engine::{EngineConfig, EngineHandle};
use serde_json::{Value, json};
use server::{ServeConfig, ServedModel, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(config: ServeConfig) -> SocketAddr {
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

/// Repeats the question: thinks it, answers it in bold.
async fn echo(step: Duration) -> SocketAddr {
    start(config(vec![reasoner("mini", step, |question| (format!("I read {question}"), format!("**{question}**")))]))
        .await
}

async fn ask(address: SocketAddr, body: Value) -> Value {
    let answer = post(address, "/api/ask", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// The changes of an answer's stream, up to its end.
async fn follow(address: SocketAddr, answer: &Value, headers: &str) -> Vec<Value> {
    let path = format!("/api/answers/{}/events", answer["answer"].as_str().expect("an id"));
    let stream = raw(address, &request_bytes("GET", &path, headers, "")).await;
    assert!(stream.head.contains("content-type: text/event-stream"), "{}", stream.head);
    let data = stream.body.split("\n\n").filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

async fn conversation(address: SocketAddr, id: &Value) -> Value {
    get(address, &format!("/api/conversations/{}", id.as_str().expect("an id"))).await.json()
}

/// Blocks put together from changes, as the page does.
fn assemble(updates: &[Value], section: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for update in updates {
        for sample in update["samples"].as_array().expect("samples") {
            let Some(change) = sample.get(section) else { continue };
            blocks.truncate(change["from"].as_u64().expect("a number") as usize);
            blocks
                .extend(change["blocks"].as_array().expect("blocks").iter().map(|b| b.as_str().expect("HTML").into()));
        }
    }
    blocks
}

#[tokio::test]
async fn a_question_begins_a_conversation_and_its_answer_is_streamed_and_kept() {
    let address = echo(Duration::ZERO).await;
    let begun = ask(address, json!({"content": "What is 3 + 4?"})).await;
    let updates = follow(address, &begun, "").await;
    assert_eq!(updates.last().expect("an end")["ended"], true);
    let kept = conversation(address, &begun["conversation"]).await;
    assert_eq!(kept["conversation"]["title"], "What is 3 + 4?");
    assert_eq!(kept["leaf"], begun["answer"]);
    let answer = &kept["messages"][1];
    let sample = &answer["samples"][0];
    assert_eq!(sample["status"], "done");
    assert_eq!(sample["content"], "**What is 3 + 4?**");
    assert_eq!(sample["reasoning"], "I read What is 3 + 4?");
    assert_eq!(sample["answer_blocks"], json!(["<p><strong>What is 3 + 4?</strong></p>\n"]));
    let facts = &sample["facts"];
    assert_eq!(facts["thinking_stop_reason"], "natural");
    assert!(facts["dollars"].as_f64() > Some(0.0) && facts["completion_tokens"].as_u64() > Some(30), "{facts}");
    let listed = get(address, "/api/conversations").await.json();
    assert_eq!(listed["conversations"][0]["id"], begun["conversation"]);
    assert_eq!(listed["running"], json!([]));
    assert_eq!(get(address, "/api/conversations?search=nothing").await.json()["conversations"], json!([]));
}

#[tokio::test]
async fn a_stream_that_was_lost_goes_on_where_it_was() {
    let text = "one\n\n```python\nx = 1\n```\n\ntwo and \\(x^2\\)\n\n- a\n- b";
    let model = reasoner("mini", Duration::from_millis(1), move |_| ("thinking ".repeat(20), text.into()));
    let address = start(config(vec![model])).await;
    let begun = ask(address, json!({"content": "x"})).await;
    // A first connection is cut after a while.
    let path = format!("/api/answers/{}/events", begun["answer"].as_str().expect("an id"));
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request_bytes("GET", &path, "", "").as_bytes()).await.expect("sent");
    let mut first = String::new();
    while !first.contains("thinking") || first.matches("\n\n").count() < 4 {
        let mut bytes = [0; 4096];
        let n = stream.read(&mut bytes).await.expect("received");
        assert!(n > 0, "{first}");
        first += std::str::from_utf8(&bytes[..n]).expect("UTF-8");
    }
    drop(stream);
    let whole = &first[..first.rfind("\n\n").expect("an event")];
    let events: Vec<Value> =
        whole.lines().filter_map(|l| l.strip_prefix("data: ")).filter_map(|d| serde_json::from_str(d).ok()).collect();
    let seen = events.last().expect("an event")["version"].clone();
    let rest = follow(address, &begun, &format!("Last-Event-ID: {seen}\r\n")).await;
    let both: Vec<Value> = events.into_iter().chain(rest).collect();
    // What both showed together is what somebody sees who comes later.
    let kept = conversation(address, &begun["conversation"]).await;
    let sample = &kept["messages"][1]["samples"][0];
    assert_eq!(json!(assemble(&both, "answer")), sample["answer_blocks"]);
    assert_eq!(json!(assemble(&both, "thinking")), sample["thinking_blocks"]);
    assert_eq!(sample["content"], text);
}

#[tokio::test]
async fn an_answer_goes_on_when_nobody_watches_and_can_be_stopped() {
    let thought: String = (0..2000).map(|i| format!("{i} ")).collect();
    let model = reasoner("mini", Duration::from_millis(1), move |_| (thought.clone(), "done".into()));
    let address = start(config(vec![model])).await;
    let begun = ask(address, json!({"content": "count"})).await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(get(address, "/api/conversations").await.json()["running"][0], begun["conversation"]);
    let stop = format!("/api/answers/{}/stop", begun["answer"].as_str().expect("an id"));
    assert_eq!(post(address, &stop, &json!({})).await.status, 204);
    follow(address, &begun, "").await;
    let kept = conversation(address, &begun["conversation"]).await;
    let sample = &kept["messages"][1]["samples"][0];
    assert_eq!(sample["status"], "stopped");
    assert!(sample["reasoning"].as_str().expect("text").starts_with("0 1 2"), "{sample}");
    assert_eq!(post(address, &stop, &json!({})).await.status, 404);
}

#[tokio::test]
async fn answer_now_ends_the_thinking() {
    let thought: String = (0..2000).map(|i| format!("{i} ")).collect();
    let model = reasoner("mini", Duration::from_millis(1), move |_| (thought.clone(), "done".into()));
    let address = start(config(vec![model])).await;
    let begun = ask(address, json!({"content": "count"})).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let now = format!("/api/answers/{}/answer-now", begun["answer"].as_str().expect("an id"));
    assert_eq!(post(address, &now, &json!({})).await.status, 204);
    follow(address, &begun, "").await;
    let sample = &conversation(address, &begun["conversation"]).await["messages"][1]["samples"][0];
    assert_eq!((&sample["content"], &sample["facts"]["thinking_stop_reason"]), (&json!("done"), &json!("user")));
}

#[tokio::test]
async fn an_answer_that_was_cut_goes_on() {
    let text = "one two three four five six";
    let model = reasoner("mini", Duration::from_millis(2), move |_| ("hm".into(), text.into()));
    let address = start(config(vec![model])).await;
    let begun = ask(address, json!({"content": "count", "settings": {"max_tokens": 20}})).await;
    follow(address, &begun, "").await;
    let first = &conversation(address, &begun["conversation"]).await["messages"][1]["samples"][0];
    assert_eq!(first["facts"]["finish_reason"], "length");
    let path = format!("/api/answers/{}", begun["question"].as_str().expect("an id"));
    let on = post(address, &path, &json!({"continues": begun["answer"]})).await.json();
    follow(address, &on, "").await;
    let kept = conversation(address, &begun["conversation"]).await;
    let second = &kept["messages"][2]["samples"][0];
    let said = first["content"].as_str().expect("text");
    assert!(said.len() > 3 && text.starts_with(said), "{said}");
    assert!(second["content"].as_str().expect("text").starts_with(said), "{second}");
    assert_eq!((&second["reasoning"], &second["status"]), (&first["reasoning"], &json!("done")));
    // Only an answer to this very question.
    let other = ask(address, json!({"content": "another"})).await;
    follow(address, &other, "").await;
    assert_eq!(post(address, &path, &json!({"continues": other["answer"]})).await.status, 404);
}

#[tokio::test]
async fn other_answers_and_edits_branch_and_samples_are_counted() {
    let address = echo(Duration::ZERO).await;
    let begun = ask(address, json!({"content": "a"})).await;
    follow(address, &begun, "").await;
    let path = format!("/api/answers/{}", begun["question"].as_str().expect("an id"));
    let again =
        post(address, &path, &json!({"n_samples": 3, "settings": {"thinking": {"enabled": true}}})).await.json();
    follow(address, &again, "").await;
    let below = json!({"conversation": begun["conversation"], "parent": again["answer"], "content": "b"});
    let second = ask(address, below).await;
    follow(address, &second, "").await;
    let edited = ask(address, json!({"conversation": begun["conversation"], "content": "a, edited"})).await;
    follow(address, &edited, "").await;
    let kept = conversation(address, &begun["conversation"]).await;
    let parents: Vec<&Value> = kept["messages"].as_array().expect("messages").iter().map(|m| &m["parent"]).collect();
    let (question, null) = (&begun["question"], &Value::Null);
    assert_eq!(parents, [null, question, question, &again["answer"], &second["question"], null, &edited["question"]]);
    let majority = &kept["messages"][2]["majority"];
    assert_eq!(majority, &json!({"answer": "a", "n": 3, "of": 3, "sample": 0, "agree": [0, 1, 2]}));
    // The model was told the path alone.
    assert_eq!(kept["messages"][4]["samples"][0]["content"], "**b**");
}

/// Answers 1 or 2, one as likely as the other.
fn coin() -> ServedModel {
    let script = |context: &[u32], logits: &mut [f32]| {
        let closed = context.iter().rposition(|&token| token == ByteTokenizer::THINK_END);
        let likely = match closed.map(|at| context.len() - at) {
            None => vec![ByteTokenizer::THINK_END],
            Some(1) => vec![u32::from(b'1'), u32::from(b'2')],
            Some(_) => vec![ByteTokenizer::END],
        };
        likely.into_iter().for_each(|token| logits[token as usize] = 100.0);
    };
    let mut model = MockModel::new(256, Box::new(script));
    (model.max_positions, model.step_time) = (4096, Duration::from_millis(5));
    let engine = EngineHandle::spawn(Box::new(model), EngineConfig::default()).expect("a thread");
    ServedModel { engine, ..reasoner("mini", Duration::ZERO, |_| Default::default()) }
}

/// What most samples say is what the conversation goes on from: in the store, so in the next turn and in what is exported.
#[tokio::test]
async fn the_majority_is_chosen_in_the_store_unless_the_reader_chose() {
    let address = start(config(vec![coin()])).await;
    let asking = async |seed: u64, reader_chose: Option<usize>| {
        let how = json!({"content": "1 or 2?", "n_samples": 3, "settings": {"seed": seed}});
        let begun = ask(address, how).await;
        let choose = format!("/api/answers/{}/choose", begun["answer"].as_str().expect("an id"));
        if let Some(sample) = reader_chose {
            assert_eq!(post(address, &choose, &json!({"sample": sample})).await.status, 204);
        }
        follow(address, &begun, "").await;
        let kept = conversation(address, &begun["conversation"]).await;
        (begun, kept["messages"][1].clone())
    };
    let mut odd_one_first = None;
    for seed in 0..64 {
        let (_, answer) = asking(seed, None).await;
        assert_eq!(answer["chosen"], answer["majority"]["sample"], "{answer}");
        if answer["majority"]["agree"] == json!([1, 2]) {
            odd_one_first = Some(seed);
            break;
        }
    }
    let seed = odd_one_first.expect("one in four is so");
    for (reader_chose, expected) in [(None, 1), (Some(0), 0), (Some(2), 2)] {
        let (begun, answer) = asking(seed, reader_chose).await;
        assert_eq!(answer["majority"]["agree"], json!([1, 2]), "a seed's samples are the same each time");
        assert_eq!(answer["chosen"], expected, "the reader chose {reader_chose:?}");
        let path = format!("/api/conversations/{}", begun["conversation"].as_str().expect("an id"));
        let chosen = answer["samples"][expected]["content"].as_str().expect("text");
        let markdown = get(address, &format!("{path}/export.md")).await.body;
        assert!(markdown.trim_end().ends_with(&format!("\n{chosen}")), "{markdown}");
        // A choice after the end stands as well, the first sample's too.
        let choose = format!("/api/answers/{}/choose", begun["answer"].as_str().expect("an id"));
        assert_eq!(post(address, &choose, &json!({"sample": 0})).await.status, 204);
        assert_eq!(get(address, &path).await.json()["messages"][1]["chosen"], 0);
    }
    // A page that showed its own choice would show what the model was not told.
    let script = get(address, "/chat.js").await.body;
    assert!(!script.contains("majority"), "the store alone says which sample is shown");
}

#[tokio::test]
async fn all_conversations_are_exported_though_not_all_are_listed() {
    let address = echo(Duration::ZERO).await;
    let conversation = |i: usize| {
        let message = json!({"id": format!("m{i}"), "role": "user", "created_at": i, "content": "Well?"});
        json!({"title": format!("number {i}"), "created_at": i, "updated_at": i, "messages": [message]})
    };
    let all: Vec<Value> = (0..1005).map(conversation).collect();
    let export = json!({"format": "penseur-conversations", "version": 1, "conversations": all});
    assert_eq!(post(address, "/api/import", &export).await.json()["imported"], 1005);
    let listed = get(address, "/api/conversations").await.json();
    assert_eq!((listed["conversations"].as_array().map(Vec::len), &listed["more"]), (Some(1000), &json!(true)));
    let found = get(address, "/api/conversations?search=number%204").await.json();
    assert_eq!(found["more"], json!(false));
    let exported = get(address, "/api/export.json").await.json();
    assert_eq!(exported["conversations"].as_array().map(Vec::len), Some(1005));
}

#[tokio::test]
async fn conversations_are_renamed_found_and_deleted() {
    let address = echo(Duration::ZERO).await;
    let begun = ask(address, json!({"content": "a"})).await;
    follow(address, &begun, "").await;
    let path = format!("/api/conversations/{}", begun["conversation"].as_str().expect("an id"));
    let send = |method: &'static str, path: String, body: Value| async move {
        raw(address, &request_bytes(method, &path, "Content-Type: application/json\r\n", &body.to_string())).await
    };
    assert_eq!(send("PATCH", path.clone(), json!({"title": "sums"})).await.status, 204);
    assert_eq!(get(address, "/api/conversations?search=SUM").await.json()["conversations"][0]["title"], "sums");
    assert_eq!(send("PATCH", path.clone(), json!({"titel": "x"})).await.status, 400);
    assert_eq!(send("DELETE", path.clone(), json!(null)).await.status, 204);
    assert_eq!(get(address, &path).await.status, 404);
    assert_eq!(send("PATCH", path, json!({"title": "x"})).await.status, 404);
}

#[tokio::test]
async fn files_reach_the_model_in_deepseeks_template() {
    let address = echo(Duration::ZERO).await;
    let file = raw(address, &request_bytes("POST", "/api/files?name=..%2Fa.csv", "", "x,y\n1,2")).await.json();
    assert_eq!((&file["name"], &file["n_chars"]), (&json!("a.csv"), &json!(7)));
    let begun = ask(address, json!({"content": "sum?", "files": [file["id"]]})).await;
    follow(address, &begun, "").await;
    let kept = conversation(address, &begun["conversation"]).await;
    let read = kept["messages"][1]["samples"][0]["reasoning"].as_str().expect("text").to_owned();
    assert_eq!(read, "I read [file name]: a.csv\n[file content begin]\nx,y\n1,2\n[file content end]\nsum?");
    assert_eq!(kept["messages"][0]["files"][0]["name"], "a.csv");
    let binary = raw(address, &request_bytes("POST", "/api/files?name=a.bin", "", "a\0b")).await;
    assert_eq!((binary.status, binary.message().contains("neither text")), (422, true));
}

/// A reader of PDF may take gigabytes.
#[cfg(unix)]
#[tokio::test]
async fn few_pdfs_are_read_at_a_time_and_few_files_wait() {
    let dir = std::env::temp_dir().join(format!("penseur-readers-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("made");
    // Says an x for each reader that there is.
    let script = format!("cd {} && mkdir r$$ && sleep 0.1 && printf 'x%.0s' r* && rmdir r$$", dir.display());
    let mut config = config(vec![reasoner("mini", Duration::ZERO, |question| (question.into(), "yes".into()))]);
    config.pdf_reader = vec!["/bin/sh".into(), "-c".into(), script.into()];
    let address = start(config).await;
    let upload = move |name: String, text: &'static str| async move {
        raw(address, &request_bytes("POST", &format!("/api/files?name={name}"), "", text)).await
    };
    let uploads: Vec<_> = (0..8).map(|i| tokio::spawn(upload(format!("{i}.pdf"), "%PDF-"))).collect();
    for uploaded in uploads {
        let file = uploaded.await.expect("an answer").json();
        let n_readers = file["n_chars"].as_u64().unwrap_or_else(|| panic!("no text: {file}"));
        assert!((1..=2).contains(&n_readers), "{n_readers} at a time");
    }
    std::fs::remove_dir_all(dir).expect("removed");
    for i in 8..100 {
        assert_eq!(upload(format!("{i}.txt"), "text").await.status, 200, "{i}");
    }
    let refused = upload("100.txt".into(), "text").await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (409, &json!("too_many_files")));
    assert!(refused.message().contains("100 files"), "{}", refused.body);
}

#[tokio::test]
async fn small_files_on_slow_lines_hold_nobody_up() {
    let address = echo(Duration::ZERO).await;
    let mut slow = Vec::new();
    for i in 0..32 {
        let mut line = TcpStream::connect(address).await.expect("connected");
        let head =
            format!("POST /api/files?name={i} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100000\r\n\r\nso far");
        line.write_all(head.as_bytes()).await.expect("sent");
        slow.push(line);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    let file = raw(address, &request_bytes("POST", "/api/files?name=a", "", "text")).await;
    assert_eq!(file.status, 200, "{}", file.body);
    assert!(began.elapsed() < Duration::from_secs(10), "it waited for {:?}", began.elapsed());
}

#[tokio::test]
async fn exports_come_back_and_a_share_is_a_file() {
    let address = echo(Duration::ZERO).await;
    let begun = ask(address, json!({"content": "a"})).await;
    follow(address, &begun, "").await;
    let all = get(address, "/api/export.json").await;
    assert!(all.head.contains("content-disposition: attachment"));
    let taken = post(address, "/api/import", &all.json()).await;
    assert_eq!(taken.json(), json!({"imported": 0, "known": 1}), "one's own export doubles nothing");
    assert_eq!(get(address, "/api/conversations").await.json()["conversations"].as_array().map(Vec::len), Some(1));
    let path = format!("/api/conversations/{}", begun["conversation"].as_str().expect("an id"));
    let markdown = get(address, &format!("{path}/export.md")).await.body;
    let taken = raw(address, &request_bytes("POST", "/api/import", "", &markdown)).await;
    assert_eq!(taken.json()["imported"], 1, "{}", taken.body);
    let page = get(address, &format!("{path}/share.html")).await;
    assert!(page.head.contains("attachment") && page.body.contains("<strong>a</strong>"));
    let chinese = get(address, &format!("{path}/share.html?language=zh")).await.body;
    assert!(chinese.contains("<html lang=\"zh\">") && chinese.contains("已思考") && !chinese.contains("Thought for"));
    assert_eq!(get(address, &format!("{path}/share.exe")).await.status, 404);
}

#[tokio::test]
async fn nonsense_is_refused_and_nothing_is_stored() {
    let address = echo(Duration::ZERO).await;
    for (body, status) in [
        (json!({}), 400),
        (json!({"content": "  "}), 400),
        (json!({"content": "a", "unknown": 1}), 400),
        (json!({"content": "a", "n_samples": 99}), 400),
        (json!({"content": "a", "model": "none"}), 404),
        (json!({"content": "a", "files": ["none"]}), 404),
        (json!({"content": "a", "conversation": "none"}), 404),
        (json!({"content": "a", "parent": "none"}), 404),
        (json!({"content": "a", "settings": {"temperature": -1}}), 400),
        (json!({"content": "x".repeat(100_000)}), 400),
    ] {
        let answer = post(address, "/api/ask", &body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(get(address, "/api/conversations").await.json()["conversations"], json!([]));
}

#[tokio::test]
async fn a_cookie_signs_in_and_keeps_owners_apart() {
    let path = std::env::temp_dir().join(format!("penseur-keys-{}", std::process::id()));
    std::fs::write(&path, "key-of-anna-0123456789\nkey-of-bob-0123456789\n").expect("written");
    let model = reasoner("mini", Duration::ZERO, |q| ("hm".into(), q.into()));
    let address = start(ServeConfig { api_key_file: Some(path.clone()), ..config(vec![model]) }).await;
    std::fs::remove_file(path).expect("removed");
    assert_eq!(get(address, "/").await.status, 200);
    assert_eq!(get(address, "/api/conversations").await.status, 401);
    assert_eq!(post(address, "/api/sign-in", &json!({"key": "wrong"})).await.status, 401);
    let sign_in = |key: &'static str| async move {
        let answer: Answer = post(address, "/api/sign-in", &json!({"key": key})).await;
        assert_eq!(answer.status, 204);
        let line = answer.head.lines().find(|line| line.starts_with("set-cookie:")).expect("a cookie").to_owned();
        assert!(line.contains("httponly") && line.contains("samesite=strict") && !line.contains("key-of"), "{line}");
        line["set-cookie:".len()..].split(';').next().expect("a pair").trim().to_owned()
    };
    let (anna, bob) = (sign_in("key-of-anna-0123456789").await, sign_in("key-of-bob-0123456789").await);
    let with = |cookie: String, extra: &'static str, method: &'static str, path: &'static str, body: &'static str| async move {
        let headers = format!("Cookie: theme=x; {cookie}\r\n{extra}Content-Type: application/json\r\n");
        raw(address, &request_bytes(method, path, &headers, body)).await
    };
    assert_eq!(with(anna.clone(), "", "POST", "/api/ask", r#"{"content": "secret"}"#).await.status, 200);
    let listed = |answer: Answer| answer.json()["conversations"].as_array().map(Vec::len);
    assert_eq!(listed(with(anna.clone(), "", "GET", "/api/conversations", "").await), Some(1));
    assert_eq!(listed(with(bob, "", "GET", "/api/conversations", "").await), Some(0));
    // A foreign page that makes the browser send the cookie along gets nothing.
    let foreign =
        with(anna.clone(), "Origin: https://evil.example\r\n", "POST", "/api/ask", r#"{"content": "x"}"#).await;
    assert_eq!(foreign.status, 403);
    let foreign = with(anna, "Sec-Fetch-Site: cross-site\r\n", "GET", "/api/conversations", "").await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn the_page_is_there_at_every_address_of_its_own() {
    let address = echo(Duration::ZERO).await;
    for path in ["/", "/c/0123456789abcdef", "/library", "/runs", "/plan"] {
        let page = get(address, path).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("<title>penseur</title>"));
    }
    let worker = get(address, "/sw.js").await;
    assert!(worker.body.starts_with("const VERSION = \"") && worker.body.contains("\"/chat.js\""));
    // Every module that is loaded is served, and every file that is served is kept for offline use.
    for file in ["/app.js", "/chat.js", "/turn.js", "/dom.js", "/app.css", "/manifest.webmanifest", "/icon-192.png"] {
        assert!(worker.body.contains(file));
        let answer = raw(address, &request_bytes("HEAD", file, "", "")).await;
        assert_eq!(answer.status, 200, "{file}");
        let tag = answer.head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
        let again = raw(address, &request_bytes("HEAD", file, &format!("If-None-Match: {tag}\r\n"), "")).await;
        assert_eq!(again.status, 304);
    }
}

#[tokio::test]
async fn the_page_brings_in_what_the_server_takes() {
    let address = echo(Duration::ZERO).await;
    let script = get(address, "/settings.js").await.body;
    let accepted = script.split("accept: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a file picker");
    assert!(accepted.contains(".json") && accepted.contains(".md"), "{accepted}");
    assert!(!script.contains("JSON.parse"), "the server tells JSON from Markdown");
}

#[tokio::test]
async fn hundreds_of_watchers_of_one_answer_see_the_same() {
    let address = echo(Duration::from_millis(2)).await;
    let begun = ask(address, json!({"content": "what many want to know"})).await;
    let start = Instant::now();
    let watchers = (0..100).map(|_| {
        let begun = begun.clone();
        tokio::spawn(async move { assemble(&follow(address, &begun, "").await, "answer") })
    });
    for watcher in watchers.collect::<Vec<_>>() {
        let blocks = watcher.await.expect("watched");
        // One that came after the end gets nothing but the end.
        assert!(blocks.is_empty() || blocks == ["<p><strong>what many want to know</strong></p>\n"], "{blocks:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn text_becomes_markup_in_one_place_and_nothing_comes_from_elsewhere() {
    let address = echo(Duration::ZERO).await;
    let worker = get(address, "/sw.js").await.body;
    let list = worker.lines().find_map(|line| line.strip_prefix("const FILES = ")).expect("a list of files");
    let files: Vec<String> = serde_json::from_str(list.trim_end_matches(';')).expect("JSON");
    let mut n_sinks = 0;
    for file in files.iter().filter(|file| [".js", ".css", ".html"].iter().any(|end| file.ends_with(end))) {
        let text = get(address, file).await.body;
        for sink in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setHTML"]
        {
            n_sinks += text.matches(sink).count();
        }
        let ours = "http://www.w3.org/2000/svg";
        assert!(text.match_indices("http").all(|(at, _)| text[at..].starts_with(ours)), "{file} names another server");
        assert!(!file.ends_with(".html") || !text.contains("<style") && !text.contains(" style="), "{file}");
    }
    assert_eq!(n_sinks, 1, "HTML enters the document in dom.js alone");
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let model = reasoner("mini", Duration::ZERO, |_| ("hm".into(), "7".into()));
    let mut config = config(vec![model]);
    config.limits.body_time = Duration::from_millis(100);
    config.limits.body_bytes = 1000;
    let address = start(config).await;
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = "POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 500\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("an answer").expect("text");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let large = post(address, "/api/ask", &json!({"content": "x".repeat(2000)})).await;
    assert_eq!((large.status, &large.json()["error"]["code"]), (413, &json!("body_too_large")));
}
