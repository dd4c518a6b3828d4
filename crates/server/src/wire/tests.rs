use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(extra: Value) -> Result<ChatRequest, ApiError> {
    let mut body = json!({"model": "mini", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    ChatRequest::parse(body.to_string().as_bytes())
}

fn refusal(extra: Value) -> String {
    let error = parse(extra.clone()).expect_err(&format!("{extra} must be refused"));
    assert_eq!(error.status, 400);
    assert!(error.param.is_some());
    error.message
}

#[test]
fn settings_are_read() {
    let request = parse(json!({
        "stream": true, "stream_options": {"include_usage": true}, "temperature": 0.6, "top_p": 0.95, "top_k": -1,
        "min_p": 0, "seed": -7, "max_tokens": 20, "max_completion_tokens": 20, "n": 2, "stop": ["a", "b"],
        "user": "me", "metadata": {"a": "b"}, "presence_penalty": 0, "tools": [], "logit_bias": null,
    }))
    .expect("all of it is legal");
    assert!(request.stream && request.include_usage);
    assert_eq!(
        (request.sampling.temperature, request.sampling.top_p, request.sampling.top_k),
        (Some(0.6), Some(0.95), Some(0))
    );
    assert_eq!((request.sampling.seed, request.max_tokens, request.n), (Some(-7i64 as u64), Some(20), 2));
    assert_eq!(request.stop, ["a", "b"]);
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (extra, words) in [
        (json!({"temperature": 3}), "`temperature` is 3, but must be a number from 0 to 2"),
        (json!({"temperature": "hot"}), "`temperature` is \"hot\", but must be a number from 0 to 2"),
        (json!({"max_tokens": 0}), "at least 1"),
        (json!({"max_tokens": -5}), "at least 1"),
        (json!({"n": 0}), "from 1 to 16"),
        (json!({"n": 99}), "from 1 to 16"),
        (json!({"stop": 5}), "a string or a list"),
        (json!({"stop": [""]}), "none of them empty"),
        (json!({"tools": [{"type": "function"}]}), "`tools[0]` needs a name"),
        (json!({"tools": [{"type": "function", "name": "x".repeat(65)}]}), "`tools[0]` needs a name of 1 to 64"),
        (json!({"tools": [{"type": "web_search"}]}), "no tools of its own"),
        (json!({"tool_choice": "required"}), "`tools` is empty"),
        (json!({"tool_choice": {"function": {"name": "f"}}}), "not among `tools`"),
        (json!({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}), "allows no tools"),
        (json!({"tool_choice": {"type": "allowed_tools", "tools": [{"name": "f"}]}}), "not among `tools`"),
        (json!({"tool_choice": {"type": "allowed_tools", "tools": [{}]}}), "objects with a name"),
        (json!({"frequency_penalty": 5}), "from -2 to 2"),
        (json!({"logit_bias": {"x": 1}}), "from token ids to numbers"),
        (json!({"response_format": {"type": "xml"}}), "must be text, json_object"),
        (json!({"response_format": {"type": "json_schema"}}), "`response_format.schema` is missing"),
        (json!({"response_format": {"type": "json_object"}, "guided_regex": "a"}), "at the same time"),
        (json!({"top_logprobs": 3}), "needs `logprobs`"),
        (json!({"logit_bias": [["the", 1]]}), "a list of such pairs"),
        (json!({"logit_bias": [[5, 1, 2]]}), "a list of such pairs"),
        (json!({"logit_bias": 5}), "`logit_bias` is 5"),
        (json!({"repeat_penalty": 1.1, "repetition_penalty": 1.2}), "contradict each other"),
        (json!({"json_schema": {}, "guided_regex": "a"}), "at the same time"),
        (json!({"structured_outputs": {"regex": "a", "choice": ["a"]}}), "at the same time"),
        (json!({"structured_outputs": {"structural_tag": "a"}}), "unknown field `structured_outputs.structural_tag`"),
        (json!({"structured_outputs": {"choice": [5]}}), "`structured_outputs.choice` is [5]"),
        (json!({"json_schema": "{"}), "`json_schema` is a text, but no JSON schema"),
        (json!({"guided_choice": []}), "`guided_choice` must be a list of texts"),
        (json!({"ebnf": "root ::= \"a\""}), "`ebnf` is a grammar in EBNF"),
        (json!({"thinking_budget_tokens": -2}), "-1 for no bound"),
        (json!({"metadata": "x"}), "`metadata` must be an object"),
        (json!({"metadata": {"a": 5}}), "values are strings"),
        (
            json!({"tools": [{"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}]}),
            "two tools with the name \"f\"",
        ),
        (
            json!({"messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c2", "content": "1"},
            ]}),
            "`messages[2].tool_call_id` is \"c2\", but no call before it has that id",
        ),
        (json!({"n": 1.5}), "`n` is 1.5"),
        (json!({"thinking": {"type": "enabled", "display": "omitted"}}), "unknown field `thinking.display`"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "strict": "yes"}}]}),
            "`tools[0].function.strict` is \"yes\"",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "schema": {}}}]}),
            "unknown field `tools[0].function.schema`",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}, "strict": true}]}),
            "unknown field `tools[0].strict`",
        ),
        (json!({"tools": [{"type": "function", "name": "f", "description": 5}]}), "`tools[0].description` is 5"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": "yes"}}}),
            "`response_format.json_schema.strict` is \"yes\"",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}, "strict": true}}),
            "unknown field `response_format.strict`",
        ),
        (
            json!({"response_format": {"type": "json_object", "colour": "red"}}),
            "unknown field `response_format.colour`",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x", "colour": "red"}]}),
            "unknown field `messages[0].colour`",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "colour": "red"}]}]}),
            "unknown field `messages[0].content[0].colour`",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "c", "content": "1"}]}),
            "no call comes before it",
        ),
        (json!({"logprobs": true, "top_logprobs": 30}), "from 0 to 20"),
        (json!({"functions": [{"name": "f"}]}), "`functions` is not supported"),
        (json!({"temprature": 1}), "did you mean `temperature`?"),
        (json!({"max_token": 1}), "did you mean `max_tokens`?"),
        (json!({"stream": "yes"}), "true or false"),
        (json!({"messages": []}), "is empty"),
        (json!({"messages": "hi"}), "a list of messages"),
        (json!({"messages": [5]}), "`messages[0]` must be an object"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "`messages[0].role` is \"robot\""),
        (
            json!({"messages": [{"role": "user", "content": "x", "tool_calls": [{}]}]}),
            "in an assistant's message alone",
        ),
        (json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}), "arguments as a string"),
        (json!({"messages": [{"role": "user"}]}), "`messages[0].content` is missing"),
        (json!({"messages": [{"role": "user", "content": 5}]}), "must be a string"),
        (json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), "reads text only"),
        (json!({"messages": [{"role": "user", "content": "x", "prefix": true}]}), "its role must be assistant"),
        (
            json!({"messages": [{"role": "assistant", "content": "x", "prefix": true}, {"role": "user", "content": "y"}]}),
            "only the last message",
        ),
        (json!({"messages": [{"role": "user", "content": []}]}), "`messages[0].content` is empty"),
        (json!({"messages": [{"role": "assistant", "content": "x"}]}), "end with a message from the user"),
    ] {
        let message = refusal(extra);
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    }
}

#[test]
fn whole_numbers_may_be_written_with_a_point() {
    let request = parse(json!({"n": 2.0, "max_tokens": 20.0, "seed": 7.0, "top_k": 3.0})).expect("legal");
    assert_eq!((request.n, request.max_tokens, request.sampling.seed), (2, Some(20), Some(7)));
    assert_eq!(request.sampling.top_k, Some(3));
}

#[test]
fn biases_and_penalties_have_llama_cpps_forms_too() {
    let request =
        parse(json!({"logit_bias": [[17, false], [18, 5], [19, -100]], "repeat_penalty": 1.1})).expect("legal");
    let out = f32::NEG_INFINITY;
    assert_eq!(request.sampling.logit_bias, [(17, out), (18, 5.0), (19, out)]);
    assert_eq!(request.sampling.repetition_penalty, Some(1.1));
}

/// What the official clients send back of an answer.
#[test]
fn answers_may_be_sent_back_as_they_came() {
    let call = json!({"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let answer = json!({
        "role": "assistant", "content": "", "refusal": null, "annotations": [], "audio": null, "function_call": null,
        "reasoning": "hm", "reasoning_content": "hm", "tool_calls": [call], "provider_specific_fields": {"a": 1},
    });
    let text = json!([{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]);
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "1"});
    let messages = json!([{"role": "user", "content": text}, answer, result("c1"), result("c1")]);
    parse(json!({"messages": messages, "stream": true, "stream_options": {"include_obfuscation": true}}))
        .expect("legal");
}

#[test]
fn a_response_is_no_longer_or_shorter_for_being_asked() {
    let read = |text: Value| {
        responses::parse(json!({"input": "hi", "text": text, "truncation": "auto"}).to_string().as_bytes())
    };
    for word in ["low", "medium", "high"] {
        assert!(read(json!({"verbosity": word})).is_ok() && parse(json!({"verbosity": word})).is_ok());
    }
    assert!(read(json!({"verbosity": "odd"})).expect_err("refused").message.contains("`text.verbosity` is \"odd\""));
    assert!(refusal(json!({"verbosity": "odd"})).contains("low, medium or high"));
}

#[test]
fn broken_bodies_are_refused() {
    for body in [&b"{"[..], b"", b"[]", b"\xFF", b"null", b"{\"messages\": [{}]}"] {
        assert_eq!(ChatRequest::parse(body).expect_err("not a request").status, 400);
    }
    let deep = format!("{{\"messages\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(ChatRequest::parse(deep.as_bytes()).is_err());
}

#[test]
fn a_body_may_begin_with_a_byte_order_mark() {
    let body = json!({"messages": [{"role": "user", "content": "x"}]}).to_string();
    let marked = format!("\u{feff}{body}");
    assert_eq!(
        ChatRequest::parse(marked.as_bytes()).expect("legal"),
        ChatRequest::parse(body.as_bytes()).expect("legal")
    );
}

#[test]
fn text_parts_are_joined_and_thinking_comes_back_under_both_names() {
    let request = parse(json!({"messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c", "reasoning": "r", "tool_calls": []},
        {"role": "assistant", "content": "c", "reasoning_content": "rc", "name": "x"},
        {"role": "user", "content": ""},
    ]}))
    .expect("legal");
    assert_eq!(request.messages[0].content, "ab");
    assert_eq!(request.messages[1].reasoning_content.as_deref(), Some("r"));
    assert_eq!(request.messages[2].reasoning_content.as_deref(), Some("rc"));
}

#[test]
fn what_the_assistant_declined_is_its_text() {
    let request = parse(json!({"messages": [
        {"role": "assistant", "content": null, "refusal": "I cannot."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "Nor that."}]},
        {"role": "assistant", "content": "Well.", "refusal": null},
        {"role": "user", "content": "Why?"},
    ]}))
    .expect("legal");
    let texts: Vec<&str> = request.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["I cannot.", "Nor that.", "Well.", "Why?"]);
}

#[test]
fn every_dialect_switches_thinking() {
    let wish = |extra| parse(extra).expect("legal").thinking;
    assert_eq!(wish(json!({})), ThinkingWish::default());
    for (extra, on) in [
        (json!({"thinking": {"type": "enabled"}}), true),
        (json!({"thinking": {"type": "disabled"}}), false),
        (json!({"enable_thinking": false}), false),
        (json!({"chat_template_kwargs": {"enable_thinking": false}}), false),
        (json!({"chat_template_kwargs": {"thinking": true}}), true),
        (json!({"reasoning_effort": "none"}), false),
        (json!({"reasoning_effort": "high", "thinking": {"type": "enabled"}}), true),
    ] {
        assert_eq!(wish(extra.clone()).enabled, Some(on), "{extra}");
    }
    assert_eq!(wish(json!({"thinking": {"budget_tokens": 64}})).budget_tokens, Some(64));
    assert_eq!(wish(json!({"reasoning_effort": "low"})).effort, Some(engine::Effort::Low));
    assert!(refusal(json!({"thinking": {"type": "disabled"}, "enable_thinking": true})).contains("contradict"));
    assert!(refusal(json!({"reasoning_effort": "huge"})).contains("must be none, minimal"));
    assert!(refusal(json!({"thinking": {"type": "maybe"}})).contains("enabled"));
    let request = parse(json!({"chat_template_kwargs": {"enable_thinking": true, "mood": "dry"}})).expect("legal");
    assert_eq!(Value::Object(request.template_variables), json!({"mood": "dry"}));
}

#[test]
fn what_contradicts_itself_is_refused_naming_both() {
    for (extra, names) in [
        (json!({"max_tokens": 10, "max_completion_tokens": 20}), ["max_tokens", "max_completion_tokens"]),
        (json!({"max_tokens": -1, "max_completion_tokens": 20}), ["max_tokens", "max_completion_tokens"]),
        (
            json!({"thinking": {"budget_tokens": 5}, "thinking_budget": 6}),
            ["thinking.budget_tokens", "thinking_budget"],
        ),
        (json!({"thinking_budget": 6, "reasoning": {"max_tokens": 7}}), ["thinking_budget", "reasoning.max_tokens"]),
        (
            json!({"thinking": {"budget_tokens": 5}, "reasoning": {"max_tokens": 7}}),
            ["thinking.budget_tokens", "reasoning.max_tokens"],
        ),
        (json!({"reasoning_effort": "low", "reasoning": {"effort": "high"}}), ["reasoning_effort", "reasoning.effort"]),
        (json!({"reasoning_effort": "none", "enable_thinking": true}), ["reasoning_effort", "enable_thinking"]),
        (
            json!({"chat_template_kwargs": {"enable_thinking": true, "thinking": false}}),
            ["chat_template_kwargs.enable_thinking", "chat_template_kwargs.thinking"],
        ),
        (json!({"thinking": {"type": "disabled", "min_tokens": 5}}), ["thinking.type", "thinking.min_tokens"]),
    ] {
        let message = refusal(extra.clone());
        assert!(message.contains("contradict"), "{extra} {message:?}");
        assert!(names.iter().all(|name| message.contains(&format!("`{name}`"))), "{extra} {message:?}");
    }
    for extra in [
        json!({"max_tokens": 10, "max_completion_tokens": 10}),
        json!({"thinking": {"budget_tokens": 5}, "thinking_budget": 5, "reasoning": {"max_tokens": 5}}),
        json!({"reasoning_effort": "minimal", "reasoning": {"effort": "low"}}),
        json!({"enable_thinking": false, "thinking_budget": 100}),
    ] {
        assert!(parse(extra.clone()).is_ok(), "{extra}");
    }
}

#[test]
fn template_variables_do_not_replace_the_request() {
    for name in
        ["messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "raise_exception", "strftime_now"]
    {
        let message = refusal(json!({"chat_template_kwargs": {name: []}}));
        assert!(message.contains(&format!("`chat_template_kwargs.{name}`")), "{message:?}");
    }
    assert!(refusal(json!({"chat_template_kwargs": {"messages": []}})).contains("send `messages`"));
    assert!(parse(json!({"chat_template_kwargs": {"documents": [], "messages": null}})).is_ok());
}

#[test]
fn tools_that_are_not_allowed_are_taken_away() {
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let nested = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named("b")]}});
    let flat = json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]});
    for choice in [nested, flat] {
        let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [named("a"), named("b")], "tool_choice": choice});
        let request = parse(body).expect("legal");
        assert_eq!(request.tools.choice, tools::ToolChoice::Required);
        let names: Vec<_> = request.tools.definitions.iter().map(|tool| &tool["function"]["name"]).collect();
        assert_eq!(names, ["b"], "{choice}");
    }
    let none = json!({"type": "allowed_tools", "mode": "sometimes", "tools": [{"name": "a"}]});
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [named("a")], "tool_choice": none});
    assert!(parse(body).unwrap_err().message.contains("auto or required"));
}

#[test]
fn tools_and_forms_are_read() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}});
    let request = parse(json!({
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
        "logprobs": true, "top_logprobs": 2, "logit_bias": {"17": -100, "18": 5},
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
            {"role": "assistant", "content": "So ", "prefix": true},
        ],
    }))
    .expect("legal");
    assert_eq!(request.tools.choice, tools::ToolChoice::Named("f".into()));
    assert!(request.tools.is_on() && !request.tools.parallel && request.continues);
    assert_eq!(request.messages[1].tool_calls[0]["function"]["arguments"], "{\"a\":1}");
    let grammar = request.format.map(|form| form.grammar);
    assert_eq!(grammar, Some(engine::Grammar::LenientSchema(json!({"type": "object"}))));
    assert_eq!(request.logprobs, Some(2));
    assert_eq!(request.sampling.logit_bias, [(17, f32::NEG_INFINITY), (18, 5.0)]);
}

/// Arguments are an object, whatever their schema says.
#[test]
fn the_schema_of_arguments_is_an_objects() {
    let with = |parameters: Value| {
        parse(json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}))
            .map(|request| request.tools.definitions[0]["function"]["parameters"].clone())
    };
    let reference = json!({"$ref": "#/$defs/a", "$defs": {"a": {}}});
    for (given, read) in [
        (json!(null), json!({"type": "object", "properties": {}})),
        (json!({}), json!({"type": "object"})),
        (json!({"type": ["object", "null"]}), json!({"type": "object"})),
        (reference, json!({"$ref": "#/$defs/a", "$defs": {"a": {}}, "type": "object"})),
    ] {
        assert_eq!(with(given.clone()).expect("legal"), read, "{given}");
    }
    for other in [json!({"type": "string"}), json!({"type": ["string", "null"]}), json!([]), json!("{}")] {
        assert!(with(other.clone()).expect_err("refused").message.contains("an object's JSON schema"), "{other}");
    }
}

#[test]
fn forms_have_vllms_sglangs_and_llama_cpps_names() {
    use engine::Grammar::{Lark, LenientSchema, Regex};
    let text = json!({"type": "string"});
    let choice = || Lark("start: \"a \\\"b\\\"\" | \"c\"".into());
    for (extra, field, grammar) in [
        (json!({"structured_outputs": {"json": text}}), "structured_outputs", LenientSchema(text.clone())),
        (json!({"guided_json": text.to_string()}), "guided_json", LenientSchema(text.clone())),
        (json!({"structured_outputs": {"regex": "a+"}}), "structured_outputs", Regex("a+".into())),
        (json!({"structured_outputs": {"grammar": "start: \"a\""}}), "structured_outputs", Lark("start: \"a\"".into())),
        (json!({"structured_outputs": {"choice": ["a \"b\"", "c"]}}), "structured_outputs", choice()),
        (json!({"guided_choice": ["a \"b\"", "c"]}), "guided_choice", choice()),
        (json!({"regex": "a+"}), "regex", Regex("a+".into())),
        (json!({"ebnf": "start: \"a\""}), "ebnf", Lark("start: \"a\"".into())),
    ] {
        let form = parse(extra.clone()).unwrap_or_else(|e| panic!("{extra}: {}", e.message)).format;
        assert_eq!(form, Some(tools::Form { grammar, field }), "{extra}");
    }
    let budget = |n: i64| parse(json!({"thinking_budget_tokens": n})).expect("legal").thinking.budget_tokens;
    assert_eq!((budget(64), budget(-1)), (Some(64), None));
}

/// Any JSON, some of it what fields want.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..40i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "user",
            "assistant",
            "tool",
            "text",
            "function",
            "auto",
            "enabled",
            "json_schema",
            "low"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let keys = prop::sample::select(NESTED.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..5)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Names that stand below the top.
const NESTED: [&str; 20] = [
    "type",
    "role",
    "content",
    "text",
    "name",
    "function",
    "parameters",
    "arguments",
    "id",
    "tool_calls",
    "call_id",
    "schema",
    "json_schema",
    "budget_tokens",
    "min_tokens",
    "effort",
    "include_usage",
    "input",
    "prefix",
    "1",
];

/// Names that stand at the top, in one dialect or another.
fn top() -> Vec<&'static str> {
    let more =
        ["prompt", "suffix", "echo", "input", "text", "instructions", "system", "tool_choice", "max_output_tokens"];
    [&names().known[..], &more, LABELS, &NESTED].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_body_makes_a_parser_panic(
        has_messages in any::<bool>(),
        fields in prop::collection::vec((prop::sample::select(top()), any_json()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = json!({});
        if has_messages {
            body = json!({"messages": [{"role": "user", "content": "1 + 1?"}], "prompt": "1", "input": "1", "max_tokens": 9});
        }
        for (name, value) in fields {
            body[name] = value;
        }
        let text = body.to_string();
        count_dialects(text.as_bytes());
        count_dialects(&text.as_bytes()[..cut.index(text.len())]);
        if let Ok(chat) = ChatRequest::parse(text.as_bytes()) {
            prop_assert!((1..=16).contains(&chat.n) && chat.stop.len() <= 16 && !chat.messages.is_empty());
            prop_assert!(chat.max_tokens.is_none_or(|n| n > 0) && chat.logprobs.is_none_or(|n| n <= MAX_TOP_LOGPROBS));
        }
    }
}
