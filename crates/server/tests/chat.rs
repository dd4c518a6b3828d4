//! Chat completions in full: tools, forms, log-probabilities, prefixes, aliases; with a scripted model.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::client::{get, post};
use common::{config, reasoner};
use serde_json::{Value, json};
use server::Server;

const CHAT: &str = "/v1/chat/completions";

/// Thinks `hm` and answers `answer`, at once.
async fn answering(answer: &'static str) -> SocketAddr {
    let config = config(vec![reasoner("mini", Duration::ZERO, move |_| ("hm".into(), answer.into()))]);
    let server = Server::bind(config).await.expect("a free port");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

fn ask(extra: Value) -> Value {
    let mut body = json!({"model": "mini", "messages": [{"role": "user", "content": "Well?"}]});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body
}

fn tools() -> Value {
    let parameters = json!({
        "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false
    });
    json!([{"type": "function", "function": {"name": "add", "parameters": parameters}}])
}

const CALLS: &str = "Let me see. <tool_call>\n{\"name\": \"add\", \"arguments\": {\"n\": 1}}\n</tool_call>\
                     <tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 2}}</tool_call>";

#[tokio::test]
async fn calls_of_tools_are_told_from_text() {
    let address = answering(CALLS).await;
    let found = post(address, CHAT, &ask(json!({"tools": tools()}))).await.json();
    let choice = &found["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], "Let me see. ");
    assert_eq!(choice["message"]["reasoning"], "hm");
    let calls = choice["message"]["tool_calls"].as_array().expect("calls");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1]["function"], json!({"name": "add", "arguments": "{\"n\":2}"}));
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    // Without tools, and with `none`, it is all text.
    for extra in [json!({}), json!({"tools": tools(), "tool_choice": "none"})] {
        let found = post(address, CHAT, &ask(extra)).await.json();
        assert_eq!(found["choices"][0]["message"]["content"], CALLS);
        assert_eq!(found["choices"][0]["finish_reason"], "stop");
    }
}

#[tokio::test]
async fn calls_stream_in_deepseeks_shape() {
    let address = answering(CALLS).await;
    let events = post(address, CHAT, &ask(json!({"tools": tools(), "stream": true}))).await.events();
    let deltas: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["delta"]).collect();
    let calls: Vec<&Value> = deltas.iter().filter_map(|delta| delta.get("tool_calls")).map(|calls| &calls[0]).collect();
    assert_eq!(calls.len(), 4, "two calls, each in two pieces");
    assert_eq!((&calls[0]["function"]["name"], &calls[0]["function"]["arguments"]), (&json!("add"), &json!("")));
    assert_eq!((&calls[3]["index"], &calls[3]["function"]["arguments"]), (&json!(1), &json!("{\"n\":2}")));
    let text: String = deltas.iter().filter_map(|delta| delta["content"].as_str()).collect();
    assert_eq!(text, "Let me see. ");
    assert_eq!(events.last().expect("an end")["choices"][0]["finish_reason"], "tool_calls");
}

/// Without thinking, an answer of so many tokens (bytes, after two line breaks that are put in).
fn cut_at(n: usize, extra: Value) -> Value {
    let mut asked = ask(json!({"tools": tools(), "max_tokens": n, "enable_thinking": false}));
    asked.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    asked
}

#[tokio::test]
async fn a_call_that_was_cut_is_none() {
    let address = answering(CALLS).await;
    let first_ends = CALLS.find("</tool_call>").expect("an end") + "</tool_call>".len();
    for (n, n_calls) in [(30, 0), (first_ends - 3, 0), (first_ends + 5, 1), (first_ends + 40, 1)] {
        for stream in [false, true] {
            let answer = post(address, CHAT, &cut_at(n, json!({"stream": stream}))).await;
            let parts = if stream { answer.events() } else { vec![answer.json()] };
            let message = if stream { "delta" } else { "message" };
            let choices = || parts.iter().filter_map(|part| part["choices"].get(0));
            let text: String = choices().filter_map(|choice| choice[message]["content"].as_str()).collect();
            let named = choices().filter(|choice| choice[message]["tool_calls"][0]["function"]["name"].is_string());
            assert_eq!((text.as_str(), named.count()), ("Let me see. ", n_calls), "{n} {stream}");
            assert_eq!(choices().next_back().expect("an end")["finish_reason"], "length", "{n} {stream}");
        }
    }
    let refusing = answering("I would rather not.").await;
    for n in 1..60 {
        let found = post(refusing, CHAT, &cut_at(n, json!({"tool_choice": "required"}))).await.json();
        let choice = &found["choices"][0];
        assert_eq!((&choice["message"]["tool_calls"], &choice["finish_reason"]), (&Value::Null, &json!("length")));
        let text = choice["message"]["content"].as_str().expect("text");
        assert!(text.is_empty() || text == "<", "{n}: {text:?}");
    }
}

#[tokio::test]
async fn one_call_ends_an_answer_that_may_have_one() {
    let address = answering(CALLS).await;
    let tool = json!({"type": "function", "function": {"name": "add"}});
    for (extra, n_calls) in [
        (json!({}), 2),
        (json!({"parallel_tool_calls": false}), 1),
        (json!({"parallel_tool_calls": false, "logprobs": true}), 1),
        (json!({"tool_choice": tool, "max_tokens": 900}), 1),
    ] {
        for stream in [false, true] {
            let mut asked = ask(json!({"tools": tools(), "stream": stream}));
            asked.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
            let answer = post(address, CHAT, &asked).await;
            let parts = if stream { answer.events() } else { vec![answer.json()] };
            let message = if stream { "delta" } else { "message" };
            let choices = || parts.iter().filter_map(|part| part["choices"].get(0));
            let calls = choices().filter_map(|choice| choice[message]["tool_calls"].as_array()).flatten();
            assert_eq!(calls.filter(|call| call["id"].is_string()).count(), n_calls, "{extra} {stream}");
            assert_eq!(choices().next_back().expect("an end")["finish_reason"], "tool_calls", "{extra} {stream}");
            if let (false, 1) = (stream, n_calls) {
                assert!(parts[0]["usage"]["completion_tokens"].as_u64() < Some(CALLS.len() as u64), "{}", parts[0]);
            }
        }
    }
    common::start::wait_for_metric(address, "requests_in_flight", 0.0).await;
}

/// Nothing opened a block, in the prompt or after it, and then one is closed.
#[tokio::test]
async fn a_whole_answer_is_divided_where_its_thinking_was_closed() {
    let address = common::start::saying_server("<think>\n\n</think>\n\nabc</think>\n\ndef<end>").await;
    let asked = ask(json!({"enable_thinking": false}));
    let found = post(address, CHAT, &asked).await.json();
    let choice = &found["choices"][0];
    assert_eq!(
        (&choice["message"]["reasoning_content"], &choice["message"]["content"]),
        (&json!("abc"), &json!("def")),
        "{found}"
    );
    assert_eq!(choice["thinking_stop_reason"], "natural");
    assert_eq!(found["usage"]["completion_tokens_details"]["reasoning_tokens"], 4, "the tag is one");
}

#[tokio::test]
async fn llama_cpps_words_are_understood() {
    let address = answering("yes, of course").await;
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": false});
    let found = post(address, CHAT, &ask(json!({"json_schema": schema, "max_tokens": 200}))).await.json();
    let text = found["choices"][0]["message"]["content"].as_str().expect("text");
    assert!(serde_json::from_str::<Value>(text).is_ok_and(|value| value["ok"].is_boolean()), "{text}");
    let asked = ask(
        json!({"guided_regex": "(yes|no)", "logit_bias": [[u32::from(b'y'), false]], "timings_per_token": true, "repeat_penalty": 1}),
    );
    let found = post(address, CHAT, &asked).await.json();
    assert_eq!(found["choices"][0]["message"]["content"], "no", "{found}");
}

#[tokio::test]
async fn a_demanded_call_comes_and_fits_its_schema() {
    let address = answering("I would rather not.").await;
    let asked =
        ask(json!({"tools": tools(), "tool_choice": "required", "parallel_tool_calls": false, "max_tokens": 400}));
    let found = post(address, CHAT, &asked).await.json();
    let call = &found["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "add", "{found}");
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().expect("a string")).expect("JSON");
    assert!(arguments["n"].as_f64().is_some_and(|n| n.fract() == 0.0), "{arguments}");
}

#[tokio::test]
async fn an_answer_takes_the_form_it_must_have() {
    let address = answering("yes, of course").await;
    let format = json!({"type": "regex", "pattern": "(yes|no)"});
    let found = post(address, CHAT, &ask(json!({"response_format": format}))).await.json();
    assert_eq!(found["choices"][0]["message"]["content"], "yes");
    assert_eq!(found["choices"][0]["message"]["reasoning_content"], "hm", "thinking is free");
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": true}});
    let found = post(address, CHAT, &ask(json!({"response_format": format, "max_tokens": 200}))).await.json();
    let answer = found["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    let value: Value = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
    assert!(value["ok"].is_boolean());
    let broken = post(address, CHAT, &ask(json!({"response_format": {"type": "regex", "pattern": "("}}))).await;
    assert_eq!((broken.status, broken.json()["error"]["param"].clone()), (400, json!("response_format")));
}

#[tokio::test]
async fn log_probabilities_come_with_their_tokens() {
    let address = answering("ab").await;
    for stream in [false, true] {
        let asked = ask(json!({"logprobs": true, "top_logprobs": 2, "stream": stream}));
        let answer = post(address, CHAT, &asked).await;
        let of = |part: &str| -> Vec<Value> {
            match stream {
                false => answer.json()["choices"][0]["logprobs"][part].as_array().expect("tokens").clone(),
                true => (answer.events().iter())
                    .filter_map(|event| event["choices"][0]["logprobs"][part].as_array())
                    .flatten()
                    .cloned()
                    .collect(),
            }
        };
        let text: String = of("content").iter().filter_map(|t| t["token"].as_str()).collect();
        assert_eq!(text, "\n\nab", "each token of the answer, without what ends it");
        if stream {
            let with_text =
                |event: &&Value| event["choices"][0]["delta"]["content"].as_str().is_some_and(|t| !t.is_empty());
            let alone =
                answer.events().iter().filter(with_text).filter(|e| e["choices"][0]["logprobs"].is_null()).count();
            assert_eq!(alone, 0, "text comes with its tokens");
        }
        let thought: String = of("reasoning_content").iter().filter_map(|t| t["token"].as_str()).collect();
        assert_eq!(thought, "hm\n<control>");
        let first = &of("content")[2];
        assert_eq!((&first["bytes"], first["top_logprobs"].as_array().map(Vec::len)), (&json!([97]), Some(2)));
        assert!(first["logprob"].as_f64().expect("a number") > -0.01);
    }
}

#[tokio::test]
async fn an_answer_that_was_begun_goes_on() {
    let address = answering("one two").await;
    let messages = json!([
        {"role": "user", "content": "Count."},
        {"role": "assistant", "reasoning_content": "hm", "content": "one", "prefix": true},
    ]);
    let found = post(address, CHAT, &ask(json!({"messages": messages, "max_tokens": 5}))).await;
    assert_eq!(found.status, 200, "{}", found.body);
}

#[tokio::test]
async fn aliases_turn_thinking_on_and_off() {
    let address = answering("done").await;
    for (name, thinks) in [("deepseek-chat", false), ("deepseek-reasoner", true)] {
        let found = post(address, CHAT, &ask(json!({"model": name}))).await.json();
        assert_eq!(found["model"], name);
        let message = &found["choices"][0]["message"];
        assert_eq!((message["reasoning_content"].is_string(), &message["content"]), (thinks, &json!("done")));
    }
    let forced = post(address, CHAT, &ask(json!({"model": "deepseek-chat", "enable_thinking": true}))).await.json();
    assert_eq!(forced["choices"][0]["message"]["reasoning_content"], "hm", "the request goes before the alias");
    assert_eq!(get(address, "/v1/models/deepseek-reasoner").await.status, 200);
}

#[tokio::test]
async fn thinking_can_be_made_longer() {
    let address = answering("done").await;
    let found = post(address, CHAT, &ask(json!({"thinking": {"type": "enabled", "min_tokens": 30}}))).await.json();
    let thought = found["choices"][0]["message"]["reasoning_content"].as_str().expect("text").to_owned();
    assert!(thought.starts_with("hm\n\nWait") && thought.len() >= 25, "{thought:?}");
}

#[tokio::test]
async fn texts_go_on_without_a_template() {
    let address = answering("done").await;
    let path = "/v1/completions";
    let found = post(address, path, &json!({"prompt": "ab", "max_tokens": 3, "n": 2, "temperature": 0})).await.json();
    assert_eq!(found["object"], "text_completion");
    assert_eq!(found["choices"].as_array().map(Vec::len), Some(2));
    assert_eq!((&found["usage"]["prompt_tokens"], &found["usage"]["completion_tokens"]), (&json!(2), &json!(6)));
    // What evaluation harnesses send: token ids, echoed, judged, and nothing generated.
    let asked =
        json!({"prompt": [[97, 98, 99], [100, 101]], "echo": true, "logprobs": 1, "max_tokens": 0, "temperature": 0});
    let found = post(address, path, &asked).await.json();
    let first = &found["choices"][0];
    assert_eq!(first["text"], "abc");
    assert_eq!(first["logprobs"]["tokens"], json!(["a", "b", "c"]));
    assert_eq!(first["logprobs"]["text_offset"], json!([0, 1, 2]));
    assert_eq!(
        first["logprobs"]["token_logprobs"].as_array().map(|l| (l.len(), l[0].is_null(), l[1].is_f64())),
        Some((3, true, true))
    );
    assert_eq!(found["choices"][1]["logprobs"]["token_ids"], json!([100, 101]));
    let asked = json!({"prompt": "ab", "echo": true, "logprobs": 1, "max_tokens": 1, "temperature": 0});
    let found = post(address, path, &asked).await.json();
    assert_eq!(found["choices"][0]["logprobs"]["tokens"].as_array().map(Vec::len), Some(3));
    assert!(found["choices"][0]["text"].as_str().expect("text").starts_with("ab"));
    for (body, status) in [
        (json!({"prompt": []}), 400),
        (json!({"prompt": [99999]}), 400),
        (json!({"prompt": "a", "max_tokens": 0}), 400),
        (json!({"prompt": "a", "suffix": "b", "max_tokens": 4}), 200),
    ] {
        assert_eq!(post(address, path, &body).await.status, status, "{body}");
    }
    let events = post(address, path, &json!({"prompt": "ab", "max_tokens": 3, "stream": true})).await.events();
    assert_eq!(events.last().expect("an end")["choices"][0]["finish_reason"], "length");
    let none = post(address, "/v1/embeddings", &json!({"input": "a"})).await;
    assert!(none.status == 501 && none.head.contains("x-should-retry: false"), "{}", none.head);
}

/// It passes as a regular expression; that it is endless work shows after the first tokens.
#[tokio::test]
async fn a_form_that_is_too_much_work_is_the_requests_fault() {
    let address = answering("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").await;
    let bomb = "((((a{1,100}){1,100}){1,100}){1,100}){1,100}";
    let body = |stream: bool| {
        let format = json!({"type": "regex", "pattern": bomb});
        ask(json!({"response_format": format, "thinking": {"type": "disabled"}, "stream": stream}))
    };
    let refused = post(address, CHAT, &body(false)).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("response_format")));
    assert!(refused.message().contains("ask for a simpler one"), "{}", refused.message());
    let streamed = post(address, CHAT, &body(true)).await;
    assert!(streamed.body.contains("ask for a simpler one"), "{}", streamed.body);
    let named = ask(json!({"guided_regex": bomb, "thinking": {"type": "disabled"}}));
    assert_eq!(post(address, CHAT, &named).await.json()["error"]["param"], "guided_regex");
}

/// llama.cpp's routes between text and tokens.
#[tokio::test]
async fn text_becomes_tokens_and_back() {
    let address = answering("yes").await;
    let tokens = post(address, "/tokenize", &json!({"content": "aé"})).await.json();
    assert_eq!(tokens, json!({"tokens": [97, 0xc3, 0xa9]}));
    assert_eq!(post(address, "/v1/detokenize", &tokens).await.json(), json!({"content": "aé"}));
    let pieces = post(address, "/tokenize", &json!({"content": "aé", "with_pieces": true})).await.json();
    assert_eq!(pieces["tokens"][0], json!({"id": 97, "piece": "a"}));
    assert_eq!(pieces["tokens"][1], json!({"id": 0xc3, "piece": [0xc3]}), "half a letter is bytes");
    let prompt = post(address, "/apply-template", &ask(json!({}))).await.json();
    assert!(prompt["prompt"].as_str().is_some_and(|text| text.contains("Well?")), "{prompt}");
    let props = get(address, "/props").await.json();
    assert_eq!((&props["default_generation_settings"]["n_ctx"], &props["model_alias"]), (&json!(4096), &json!("mini")));
    for (path, body) in [
        ("/tokenize", json!({"text": "a"})),
        ("/tokenize", json!({"content": 5})),
        ("/detokenize", json!({"tokens": ["a"]})),
        ("/detokenize", json!({"tokens": [999_999]})),
        ("/apply-template", json!({"messages": []})),
    ] {
        let refused = post(address, path, &body).await;
        assert_eq!(refused.status, 400, "{path} {body}: {}", refused.body);
    }
}

/// What the form lets in and the bias rules out cannot be drawn: the request is at fault, not the model.
#[tokio::test]
async fn a_bias_against_the_form_is_the_requests_fault() {
    let address = answering("yes").await;
    let ban = |letters: &str| -> Value { letters.bytes().map(|b| (b.to_string(), json!(-100))).collect() };
    let forms = [
        json!({"response_format": {"type": "regex", "pattern": "(yes|no)"}}),
        json!({"guided_regex": "(yes|no)"}),
        json!({"response_format": {"type": "grammar", "grammar": "start: \"yes\" | \"no\""}}),
    ];
    for form in forms {
        for stream in [false, true] {
            let mut asked = ask(form.clone());
            asked["logit_bias"] = ban("yn");
            asked["stream"] = json!(stream);
            let refused = post(address, CHAT, &asked).await;
            assert_eq!(refused.status, 400, "{form} {}", refused.body);
            assert_eq!(refused.json()["error"]["param"], "logit_bias");
            assert!(refused.message().contains("remove some of it"), "{}", refused.message());
        }
    }
    let asked = json!({"prompt": "ab", "guided_regex": "yes", "logit_bias": ban("y")});
    assert_eq!(post(address, "/v1/completions", &asked).await.status, 400);
    // Found in the middle: a 400 still, and in a stream an error event.
    let late = |stream: bool| ask(json!({"guided_regex": "yes", "logit_bias": ban("s"), "stream": stream}));
    let refused = post(address, CHAT, &late(false)).await;
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("logit_bias")));
    let streamed = post(address, CHAT, &late(true)).await;
    assert!(streamed.status == 200 && streamed.body.contains("remove some of it"), "{}", streamed.body);
    let fine = post(address, CHAT, &ask(json!({"guided_regex": "(yes|no)", "logit_bias": ban("y")}))).await.json();
    assert_eq!(fine["choices"][0]["message"]["content"], "no");
}

#[tokio::test]
async fn what_was_begun_keeps_the_space_that_follows() {
    let address = common::start::saying_server("one two<end>").await;
    let begun = json!([
        {"role": "user", "content": "Count."}, {"role": "assistant", "content": "one", "prefix": true},
    ]);
    for stream in [false, true] {
        let answer = post(address, CHAT, &ask(json!({"messages": begun, "stream": stream}))).await;
        let content = match stream {
            true => common::start::texts(&answer.events(), 0).1,
            false => answer.json()["choices"][0]["message"]["content"].as_str().expect("text").to_owned(),
        };
        assert_eq!(content, " two");
    }
}

#[tokio::test]
async fn a_stop_strings_tokens_have_no_log_probabilities() {
    let address = answering("one STOP two").await;
    for stream in [false, true] {
        let asked = ask(json!({"stop": ["STOP"], "logprobs": true, "stream": stream}));
        let answer = post(address, CHAT, &asked).await;
        let parts = if stream { answer.events() } else { vec![answer.json()] };
        let tokens = parts.iter().filter_map(|part| part["choices"][0]["logprobs"]["content"].as_array()).flatten();
        let text: String = tokens.filter_map(|token| token["token"].as_str()).collect();
        assert_eq!(text, "\n\none ", "stream: {stream}");
    }
}

#[tokio::test]
async fn what_the_engine_refuses_is_named() {
    let address = answering("yes").await;
    for (extra, param) in [(json!({"logit_bias": {"999999": 1}}), "logit_bias"), (json!({"typical_p": 0}), "typical_p")]
    {
        let refused = post(address, CHAT, &ask(extra)).await;
        assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some(param)), "{}", refused.body);
    }
}

#[tokio::test]
async fn no_limit_may_be_written_as_minus_one() {
    let address = answering("yes").await;
    for limit in [json!({"max_tokens": -1}), json!({"max_completion_tokens": -1})] {
        let found = post(address, CHAT, &ask(limit.clone())).await;
        assert_eq!(found.status, 200, "{limit} {}", found.body);
        assert_eq!(found.json()["choices"][0]["finish_reason"], "stop");
    }
}

/// What clients send who want the likeliest token.
#[tokio::test]
async fn a_top_p_of_nothing_draws_the_likeliest() {
    let address = answering("yes").await;
    for temperature in [0.0, 1.5] {
        let found = post(address, CHAT, &ask(json!({"top_p": 0, "temperature": temperature}))).await.json();
        assert_eq!(found["choices"][0]["message"]["content"], "yes", "{found}");
    }
    let body = json!({"max_tokens": 99, "top_p": 0, "messages": [{"role": "user", "content": "Well?"}]});
    assert_eq!(post(address, "/v1/messages", &body).await.status, 200);
}

#[tokio::test]
async fn alternatives_that_are_half_letters_stay_apart() {
    let address = answering("yes").await;
    let asked = json!({"prompt": [97, 98], "echo": true, "logprobs": 20, "max_tokens": 0});
    let found = post(address, "/v1/completions", &asked).await.json();
    assert_eq!(found["choices"][0]["logprobs"]["top_logprobs"][1].as_object().map(serde_json::Map::len), Some(20));
    let asked = json!({"prompt": [0xc3, 0xe4], "echo": true, "logprobs": 1, "max_tokens": 0});
    let found = post(address, "/v1/completions", &asked).await.json();
    assert_eq!(found["choices"][0]["logprobs"]["tokens"], json!(["bytes:\\xc3", "bytes:\\xe4"]));
}

#[tokio::test]
async fn the_default_models_other_names_are_listed() {
    let address = answering("yes").await;
    let list = get(address, "/v1/models").await.json();
    assert_eq!(list["data"][0]["aliases"], json!(["deepseek-chat", "deepseek-reasoner"]));
}

#[tokio::test]
async fn a_pattern_that_is_none_is_told_why() {
    let address = answering("yes").await;
    let refused = post(address, CHAT, &ask(json!({"guided_regex": "(a"}))).await;
    assert!(refused.status == 400 && refused.message().contains("unclosed group"), "{}", refused.message());
    let schema = |strict: Value| {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string", "format": "colour"}}});
        ask(
            json!({"max_tokens": 60, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": strict}}}),
        )
    };
    assert_eq!(post(address, CHAT, &schema(json!(null))).await.status, 200, "an unknown format says nothing");
    assert!(post(address, CHAT, &schema(json!(true))).await.message().contains("colour"));
}

/// A model that does not know what else to do calls again.
#[tokio::test]
async fn an_answer_ends_where_it_repeats_a_call() {
    let address = answering(
        "<tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 1}}</tool_call><tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 2}}</tool_call><tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 1}}</tool_call><tool_call>{\"name\": \"add\", \"arguments\": {\"n\": 3}}</tool_call>",
    )
    .await;
    let found = post(address, CHAT, &ask(json!({"tools": tools()}))).await.json();
    let choice = &found["choices"][0];
    let calls = choice["message"]["tool_calls"].as_array().expect("calls");
    let arguments: Vec<&Value> = calls.iter().map(|call| &call["function"]["arguments"]).collect();
    assert_eq!(arguments, ["{\"n\":1}", "{\"n\":2}"], "{found}");
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &json!("")));
    common::start::wait_for_metric(address, "requests_in_flight", 0.0).await;
}

/// A form is of the text, and where a call is demanded there is none.
#[tokio::test]
async fn a_demanded_call_goes_before_a_form() {
    let address = answering("I would rather not.").await;
    let asked = ask(json!({
        "tools": tools(), "tool_choice": "required", "parallel_tool_calls": false, "max_tokens": 400,
        "response_format": {"type": "json_object"},
    }));
    let found = post(address, CHAT, &asked).await.json();
    assert_eq!(found["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "add", "{found}");
}

#[tokio::test]
async fn a_form_that_cannot_be_used_is_called_as_it_was_sent() {
    let address = answering("yes").await;
    for (extra, field) in [
        (json!({"guided_regex": "("}), "guided_regex"),
        (json!({"structured_outputs": {"regex": "("}}), "structured_outputs"),
        (json!({"response_format": {"type": "regex", "pattern": "[^\\x00-\\U0010ffff]"}}), "response_format"),
    ] {
        let refused = post(address, CHAT, &ask(extra)).await;
        assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some(field)), "{}", refused.body);
        assert!(refused.message().starts_with(&format!("`{field}` cannot be used")), "{}", refused.message());
        assert!(!refused.message().contains("NoExtensionBias"), "{}", refused.message());
    }
    let found = post(address, CHAT, &ask(json!({"guided_choice": ["no", "perhaps"]}))).await.json();
    let text = found["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    assert!(["no", "perhaps"].contains(&text.as_str()), "{text}");
}

/// What `/apply-template` gives is a prompt: control tokens stand in it by their names.
#[tokio::test]
async fn names_of_control_tokens_in_a_prompt_are_these_tokens() {
    let address = answering("done").await;
    let tokens = async |extra: Value| {
        let mut body = json!({"content": "a<think>"});
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        post(address, "/tokenize", &body).await.json()["tokens"].as_array().map(Vec::len)
    };
    assert_eq!((tokens(json!({})).await, tokens(json!({"parse_special": true})).await), (Some(2), Some(2)));
    assert_eq!(tokens(json!({"parse_special": false})).await, Some(8));
    let found = post(address, "/v1/completions", &json!({"prompt": "a<think>", "max_tokens": 1})).await.json();
    assert_eq!(found["usage"]["prompt_tokens"], 2, "{found}");
}
