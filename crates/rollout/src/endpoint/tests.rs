mod server;

use super::*;
use serde_json::json;
use server::{Says, Server, reply};
use std::collections::BTreeMap;
use std::path::Path;

fn config(server: &Server) -> EndpointConfig {
    EndpointConfig { concurrency: 4, backoff: Duration::from_millis(1), ..EndpointConfig::new(&server.url, "teacher") }
}

fn jobs(n: u64) -> Vec<Job> {
    let job = |i| Job {
        messages: vec![("user".to_owned(), format!("question {i}"))],
        sample_idx: 0,
        seed: i,
        temperature: 0.6,
        top_p: 0.95,
        max_tokens: 100,
    };
    (0..n).map(job).collect()
}

/// The question's last word back.
fn echo(body: &serde_json::Value) -> Says {
    Says::content(body["messages"][0]["content"].as_str().unwrap().rsplit(' ').next().unwrap())
}

fn ask(config: EndpointConfig, jobs: &[Job], journal: &Path) -> (BTreeMap<usize, Answer>, Result<(), EndpointError>) {
    let journal = Journal::open(journal).unwrap();
    let mut answers = BTreeMap::new();
    let result = Endpoint::new(config).unwrap().ask_all(jobs, &journal, &|| false, |idx, answer| {
        assert!(answers.insert(idx, answer).is_none(), "answered twice");
    });
    (answers, result)
}

fn journal_in(dir: &tempfile::TempDir) -> std::path::PathBuf {
    dir.path().join("answers.jsonl")
}

#[test]
fn every_question_is_asked_once_and_never_again() {
    let server = Server::start(|_, body| Says { delay: Duration::from_millis(5), ..echo(body) });
    let dir = tempfile::tempdir().unwrap();
    let config = EndpointConfig { api_key: Some("secret".to_owned()), ..config(&server) };
    let (answers, result) = ask(config.clone(), &jobs(20), &journal_in(&dir));
    result.unwrap();
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|(idx, answer)| answer.content == idx.to_string() && answer.is_finished()));
    assert_eq!(server.n_requests(), 20);
    let most = server.most_at_once.load(Ordering::SeqCst);
    assert!((2..=4).contains(&most), "{most} at once");
    let (headers, body) = server.bodies.lock().unwrap()[0].clone();
    assert!(headers.starts_with("POST /v1/chat/completions ") && headers.contains("Bearer secret"), "{headers}");
    assert_eq!((&body["model"], &body["temperature"]), (&json!("teacher"), &json!(0.6)));

    let (again, result) = ask(config.clone(), &jobs(22), &journal_in(&dir));
    result.unwrap();
    assert_eq!(server.n_requests(), 22, "only the two new ones");
    assert!(answers.iter().all(|(idx, answer)| &again[idx] == answer));
    let text = std::fs::read_to_string(journal_in(&dir)).unwrap();
    assert!(!text.contains("secret"), "the key is written nowhere");

    let other = EndpointConfig { model: "other".to_owned(), ..config };
    ask(other, &jobs(1), &journal_in(&dir)).1.unwrap();
    assert_eq!(server.n_requests(), 23, "another model is another question");
}

#[test]
fn a_kill_in_the_middle_of_a_line_loses_that_answer_alone() {
    let server = Server::start(|_, body| echo(body));
    let dir = tempfile::tempdir().unwrap();
    let path = journal_in(&dir);
    let one_at_a_time = EndpointConfig { concurrency: 1, ..config(&server) };
    ask(one_at_a_time.clone(), &jobs(3), &path).1.unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    let (answers, result) = ask(one_at_a_time, &jobs(3), &path);
    result.unwrap();
    assert_eq!((answers.len(), server.n_requests()), (3, 4));
}

#[test]
fn busy_servers_are_waited_for() {
    let server = Server::start(|n, body| match n {
        0 => Says::status(429, "retry-after: 0.15\r\n"),
        1 => Says::status(503, ""),
        2 => Says::ok("not json"),
        _ => echo(body),
    });
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let (answers, result) = ask(EndpointConfig { concurrency: 1, ..config(&server) }, &jobs(2), &journal_in(&dir));
    result.unwrap();
    assert_eq!((answers.len(), server.n_requests()), (2, 5));
    assert!(begun.elapsed() >= Duration::from_millis(150), "Retry-After was not obeyed");
}

#[test]
fn a_server_that_stays_busy_is_given_up_with_what_was_answered_kept() {
    let server = Server::start(|n, body| if n == 0 { echo(body) } else { Says::status(500, "") });
    let dir = tempfile::tempdir().unwrap();
    let config = EndpointConfig { concurrency: 1, max_retries: 2, ..config(&server) };
    let (answers, result) = ask(config, &jobs(3), &journal_in(&dir));
    assert_eq!((answers.len(), server.n_requests()), (1, 4));
    let message = result.unwrap_err().to_string();
    assert!(message.contains("3 attempts") && message.contains("status 500"), "{message}");
}

#[test]
fn slow_answers_and_missing_servers_are_errors_and_not_hangs() {
    let server = Server::start(|_, body| Says { delay: Duration::from_millis(400), ..echo(body) });
    let dir = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(60);
    let config = EndpointConfig { max_retries: 1, timeout, ..config(&server) };
    let begun = Instant::now();
    assert!(matches!(ask(config, &jobs(1), &journal_in(&dir)).1, Err(EndpointError::Unreachable { .. })));
    assert!(begun.elapsed() < Duration::from_millis(390));
    let nobody = EndpointConfig { max_retries: 0, ..EndpointConfig::new("http://127.0.0.1:1/v1", "m") };
    assert!(matches!(ask(nobody, &jobs(1), &journal_in(&dir)).1, Err(EndpointError::Unreachable { .. })));
}

#[test]
fn refusals_end_the_run_unless_the_endpoint_has_answered_before() {
    let server =
        Server::start(
            |_, body| {
                if body["messages"][0]["content"] == "question 1" { Says::status(400, "") } else { echo(body) }
            },
        );
    let dir = tempfile::tempdir().unwrap();
    let alone = ask(config(&server), &jobs(2)[1..], &journal_in(&dir)).1.unwrap_err().to_string();
    assert!(alone.contains("status 400") && alone.contains("as scripted"), "{alone}");
    let (answers, result) = ask(EndpointConfig { concurrency: 1, ..config(&server) }, &jobs(3), &journal_in(&dir));
    result.unwrap();
    assert_eq!(answers[&1].finish_reason, REFUSED);
    assert_eq!(answers[&2].content, "2");
    let locked = Server::start(|_, _| Says::status(401, ""));
    assert!(matches!(
        ask(config(&locked), &jobs(1), &dir.path().join("other.jsonl")).1,
        Err(EndpointError::Refused { status: 401, .. })
    ));
}

/// A request costs at most 2 cents here (100 tokens at $200 a million), an answer 0.06 (three tokens).
fn priced(server: &Server, cap: f64) -> EndpointConfig {
    let prices = Some(Prices { input: 0.0, output: 200.0 });
    EndpointConfig { prices, max_dollars: Some(cap), ..config(server) }
}

#[test]
fn a_cap_is_never_passed_and_money_is_remembered() {
    let server = Server::start(|_, body| echo(body));
    let dir = tempfile::tempdir().unwrap();
    // 10 answers cost 0.6 cents; the eleventh might cost 2 more.
    let (answers, result) = ask(priced(&server, 0.0261), &jobs(50), &journal_in(&dir));
    assert!(matches!(result, Err(EndpointError::Cap { .. })), "{result:?}");
    assert_eq!(answers.len(), 11, "as many as surely fit");
    let spent = Journal::open(&journal_in(&dir)).unwrap().spent();
    assert!((spent - 11.0 * 0.0006).abs() < 1e-9, "{spent}");
    let n_before = server.n_requests();
    let (answers, result) = ask(priced(&server, 0.0261), &jobs(50), &journal_in(&dir));
    assert!(matches!(result, Err(EndpointError::Cap { .. })));
    assert_eq!((answers.len(), server.n_requests()), (11, n_before), "the cap holds over runs");
    let (answers, result) = ask(priced(&server, 1.0), &jobs(50), &journal_in(&dir));
    result.unwrap();
    assert_eq!((answers.len(), server.n_requests()), (50, 50));
    let no_prices = EndpointConfig { max_dollars: Some(1.0), ..config(&server) };
    assert!(Endpoint::new(no_prices).is_err());
}

#[test]
fn what_may_have_been_charged_counts() {
    let server = Server::start(|n, body| if n == 0 { Says::ok("cut off in the mid") } else { echo(body) });
    let dir = tempfile::tempdir().unwrap();
    ask(priced(&server, 1.0), &jobs(1), &journal_in(&dir)).1.unwrap();
    let spent = Journal::open(&journal_in(&dir)).unwrap().spent();
    assert!((spent - 0.0206).abs() < 1e-9, "one answer, and one that may have been charged: {spent}");
}

#[test]
fn thinking_is_found_wherever_it_stands() {
    let messages = [
        json!({ "content": "15", "reasoning_content": "7 and 8" }),
        json!({ "content": "15", "reasoning": "7 and 8" }),
        json!({ "content": "<think>\n7 and 8\n</think>\n\n15" }),
        json!({ "content": "7 and 8\n</think>\n\n15", "reasoning_content": null }),
    ];
    for message in messages {
        let answer = Reply::parse(&reply(&message, "stop")).unwrap().into_answer(&jobs(1)[0], &Prices::default(), 0.0);
        let parts = answer.parts();
        assert_eq!((parts.reasoning.as_str(), parts.content.as_str()), ("7 and 8", "15"), "{message}");
        assert!(parts.is_well_formed());
    }
    let cut = json!({ "content": "<think>\n7 and" });
    let answer = Reply::parse(&reply(&cut, "length")).unwrap().into_answer(&jobs(1)[0], &Prices::default(), 0.0);
    assert!(!answer.is_finished() && !answer.parts().is_well_formed());
    assert_eq!((answer.n_prompt, answer.n_completion), (Some(2), Some(3)));
}

#[test]
fn keys_of_the_request_can_be_set_and_left_out() {
    let mut config = EndpointConfig::new("http://h/v1/chat/completions", "m");
    config.extra = json!({ "max_tokens": null, "max_completion_tokens": 9 }).as_object().unwrap().clone();
    let body: serde_json::Value = serde_json::from_str(&jobs(1)[0].body(&config)).unwrap();
    assert!(body.get("max_tokens").is_none());
    assert_eq!(body["max_completion_tokens"], 9);
    assert_eq!(config.address(), "http://h/v1/chat/completions");
}

#[test]
fn a_stop_ends_the_asking() {
    let server = Server::start(|_, body| Says { delay: Duration::from_millis(10), ..echo(body) });
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(&journal_in(&dir)).unwrap();
    let (n_requests, mut n) = (Arc::clone(&server.n_requests), 0);
    let stop = || n_requests.load(Ordering::SeqCst) >= 5;
    Endpoint::new(config(&server)).unwrap().ask_all(&jobs(100), &journal, &stop, |_, _| n += 1).unwrap();
    assert!((5..=12).contains(&n), "{n}");
    assert!(Journal::open(&journal_in(&dir)).is_err(), "one process at a time");
}

use std::sync::Arc;
