//! Text completions, whole and streamed, with a scripted model.

mod common;

use std::net::SocketAddr;

use common::client::post;
use common::start::saying_server;
use serde_json::{Value, json};

const PATH: &str = "/v1/completions";

/// What is asked, greedily.
async fn complete(address: SocketAddr, extra: Value) -> Value {
    let answer = post(address, PATH, &with(extra)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn with(extra: Value) -> Value {
    let mut body = json!({"prompt": "ab", "max_tokens": 8, "temperature": 0});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn a_stream_counts_each_prompt_once() {
    let address = saying_server("ab and so on").await;
    for extra in [json!({"n": 3}), json!({"prompt": ["ab", "abc"]}), json!({"prompt": ["ab", "abc"], "n": 2})] {
        let whole = complete(address, extra.clone()).await["usage"].clone();
        let mut streamed = with(extra.clone());
        streamed["stream"] = json!(true);
        streamed["stream_options"] = json!({"include_usage": true});
        let events = post(address, PATH, &streamed).await.events();
        let usage = &events.last().expect("a chunk of usage")["usage"];
        for key in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            assert_eq!(usage[key], whole[key], "{key} of {extra}");
        }
    }
}

/// Columns of log-probabilities of a whole answer, or of the parts of a stream, and the text.
async fn columns(address: SocketAddr, extra: Value, stream: bool) -> (Vec<u64>, Vec<String>, String) {
    let mut body = with(extra);
    body["logprobs"] = json!(0);
    body["stream"] = json!(stream);
    let answer = post(address, PATH, &body).await;
    let parts = if stream { answer.events() } else { vec![answer.json()] };
    let (mut offsets, mut tokens, mut text) = (Vec::new(), Vec::new(), String::new());
    for choice in parts.iter().filter_map(|part| part["choices"].get(0)) {
        text += choice["text"].as_str().expect("text");
        let columns = &choice["logprobs"];
        offsets.extend(columns["text_offset"].as_array().into_iter().flatten().filter_map(Value::as_u64));
        let names = columns["tokens"].as_array().into_iter().flatten();
        tokens.extend(names.map(|token| token.as_str().expect("text").to_owned()));
    }
    (offsets, tokens, text)
}

/// A number that stands in two columns is the same in both.
#[tokio::test]
async fn a_drawn_tokens_log_probability_is_that_of_the_alternative() {
    let found = complete(saying_server("ab and so on").await, json!({"logprobs": 20})).await;
    let columns = &found["choices"][0]["logprobs"];
    let drawn = columns["tokens"]
        .as_array()
        .expect("tokens")
        .iter()
        .zip(columns["token_logprobs"].as_array().expect("numbers"));
    for ((token, logprob), top) in drawn.zip(columns["top_logprobs"].as_array().expect("alternatives")) {
        assert_eq!(&top[token.as_str().expect("text")], logprob, "{columns}");
    }
}

#[tokio::test]
async fn offsets_are_places_in_the_text() {
    let address = saying_server("abé<think>中c").await;
    for stream in [false, true] {
        let (offsets, tokens, text) = columns(address, json!({}), stream).await;
        assert_eq!(text, "é中c");
        // Two bytes, a control token without a text, three bytes, a letter.
        assert_eq!(offsets, [0, 0, 1, 1, 1, 1, 2], "stream: {stream}");
        assert_eq!(tokens.len(), offsets.len());
    }
    let (offsets, _, text) = columns(address, json!({"prompt": [97, 98, 259, 0xC3], "echo": true}), false).await;
    assert_eq!(text, "ab\u{FFFD}中c");
    assert_eq!(offsets, [0, 1, 2, 2, 3, 3, 3, 3, 4]);
    let (offsets, _, text) = columns(address, json!({"prompt": [97, 0xE4, 45, 98], "echo": true}), false).await;
    assert_eq!(text, "a\u{FFFD}-b中c");
    assert_eq!(offsets, [0, 1, 2, 3, 4, 4, 4, 4, 5], "a character that never comes is one");
}

#[tokio::test]
async fn tokens_of_a_stop_string_are_no_part_of_the_answer() {
    let address = saying_server("ab one STOP two").await;
    for stream in [false, true] {
        let (_, tokens, text) = columns(address, json!({"stop": "STOP", "max_tokens": 20}), stream).await;
        assert_eq!((text.as_str(), tokens.concat().as_str()), (" one ", " one "), "stream: {stream}");
        let (_, tokens, text) = columns(address, json!({"stop": "ST!", "max_tokens": 9}), stream).await;
        assert_eq!((text.as_str(), tokens.concat().as_str()), (" one STOP", " one STOP"), "stream: {stream}");
    }
}

#[tokio::test]
async fn timings_come_with_a_whole_answer() {
    let found = complete(saying_server("ab and so on").await, json!({"n": 2})).await;
    assert_eq!(found["timings"]["predicted_n"], 8, "{found}");
    assert!(found["timings"]["prompt_ms"].is_f64());
}

#[tokio::test]
async fn minus_one_asks_for_as_much_as_there_is() {
    let address = saying_server("ab and so on and on and on").await;
    let found = complete(address, json!({"max_tokens": -1})).await;
    assert_eq!(found["choices"][0]["text"], " and so on and on and on");
    assert_eq!(found["choices"][0]["finish_reason"], "stop");
    let refused = post(address, PATH, &with(json!({"max_tokens": -2}))).await;
    assert_eq!(refused.status, 400);
}
