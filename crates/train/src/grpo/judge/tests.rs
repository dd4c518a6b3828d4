use super::{Judge, grade_in};
use crate::grpo::prompts::Problem;
use crate::grpo::rewards::Rewards;
use crate::grpo::rollouts::{Answer, Group};
use crate::recipe::JudgeSpec;
use rollout::Parts;
use rollout::endpoint::Prices;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tasks::{Judgement, Options, Rng, Split};

#[test]
fn the_last_number_is_the_grade() {
    assert_eq!(grade_in("7"), Some(0.7));
    assert_eq!(grade_in("Grade: 10."), Some(1.0));
    assert_eq!(grade_in("<think>maybe 3</think>\n\n8.5"), Some(0.85));
    assert_eq!(grade_in("11"), None);
    assert_eq!(grade_in("excellent"), None);
}

/// Answers every request with the number of characters after "grade:\n"; counts requests.
fn serve(n_requests: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            n_requests.fetch_add(1, Ordering::SeqCst);
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            let body = loop {
                let n = stream.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..n]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let head = head.to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() >= length.parse().unwrap() {
                    break body.to_owned();
                }
            };
            let request: serde_json::Value = serde_json::from_str(&body).unwrap();
            let prompt = request["messages"][0]["content"].as_str().unwrap();
            let graded = prompt.split("grade:\n").nth(1).unwrap().len();
            let reply = serde_json::json!({
                "choices": [{ "message": { "role": "assistant", "content": graded.to_string() }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 1, "completion_tokens": 1 },
            })
            .to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", reply.len());
            stream.write_all((head + &reply).as_bytes()).unwrap();
        }
    });
    url
}

fn group(contents: &[&str]) -> Group {
    let task = tasks::find("addition").unwrap();
    let example = task.generate(&mut Rng::stream(&[1]), 1, Split::Train, &Options::default());
    let answer = |content: &&str| Answer {
        tokens: vec![1],
        logprobs: vec![0.0],
        chosen: vec![true],
        is_stopped: true,
        parts: Parts { content: (*content).to_owned(), ..Parts::default() },
        judgement: Judgement::wrong(""),
        rewards: Rewards::default(),
        reward: None,
        advantage: None,
    };
    let problem = Problem { entry: 0, task, example, prompt: vec![1], in_thinking: false };
    Group { problem, answers: contents.iter().map(answer).collect() }
}

#[test]
fn grades_are_asked_once_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let n_requests = Arc::new(AtomicUsize::new(0));
    let spec = JudgeSpec {
        endpoint: serve(Arc::clone(&n_requests)),
        model: "judge".to_owned(),
        key_env: None,
        prices: Some(Prices { input: 0.0, output: 100.0 }),
        max_dollars: None,
        instruction: Some("{prompt} {other} grade:\n{content}".to_owned()),
    };
    let groups = [group(&["four", "{answer}", "much too long to be graded"])];
    let grades = Judge::open(&spec, dir.path()).unwrap().grade(&groups).unwrap();
    assert_eq!(grades, [Some(0.4), Some(0.8), None], "a placeholder in an answer stays an answer");
    assert_eq!(n_requests.load(Ordering::SeqCst), 3);
    // The process is another one; what was said stands, and is paid for once: three replies of a token at $100 a million.
    let judge = Judge::open(&spec, dir.path()).unwrap();
    assert_eq!(judge.grade(&groups).unwrap(), grades);
    assert!((judge.spent() - 3e-4).abs() < 1e-12, "{}", judge.spent());
    assert_eq!(n_requests.load(Ordering::SeqCst), 3);
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let spec = JudgeSpec {
        endpoint: "http://127.0.0.1:9".to_owned(),
        model: "judge".to_owned(),
        key_env: Some("PENSEUR_TEST_NO_SUCH_KEY".to_owned()),
        prices: None,
        max_dollars: None,
        instruction: None,
    };
    let error = Judge::open(&spec, std::path::Path::new(".")).err().unwrap().to_string();
    assert!(error.contains("PENSEUR_TEST_NO_SUCH_KEY"), "{error}");
}
