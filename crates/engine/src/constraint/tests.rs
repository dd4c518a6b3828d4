use serde_json::json;

use super::*;
use crate::engine::{Engine, EngineConfig};
use crate::mock::{ByteTokenizer, MockModel};
use crate::request::{FinishReason, Request, SamplingParams, ThinkingParams, TokenKind};

fn constraints() -> Constraints {
    Constraints::new(ByteTokenizer::vocabulary(), ByteTokenizer::END).expect("a vocabulary")
}

fn text(tokens: impl IntoIterator<Item = u32>) -> String {
    tokens.into_iter().filter_map(|t| u8::try_from(t).ok()).map(char::from).collect()
}

/// What a model that writes nonsense answers under `grammar`.
fn answer(grammar: &Grammar, seed: u64) -> (String, FinishReason) {
    let request = Request {
        prompt: vec![1],
        max_tokens: 400,
        stop_tokens: vec![ByteTokenizer::END],
        sampling: SamplingParams { seed, ..SamplingParams::default() },
        constraint: Some(constraints().compile(grammar).expect("a valid grammar")),
        ..Request::default()
    };
    let mut engine = Engine::new(Box::new(MockModel::hashing(10)), EngineConfig::default());
    let completion = engine.generate(vec![request]).expect("a valid request").remove(0);
    (text(completion.tokens.iter().map(|t| t.id)), completion.finished.reason)
}

#[test]
fn nonsense_fulfils_a_regular_expression() {
    for seed in 0..5 {
        let (found, reason) = answer(&Grammar::Regex("(yes|no), [0-9]{3}".into()), seed);
        assert_eq!(reason, FinishReason::Stop, "{found}");
        let rest = found.strip_prefix("yes, ").or(found.strip_prefix("no, ")).unwrap_or_else(|| panic!("{found}"));
        assert!(rest.len() == 3 && rest.bytes().all(|b| b.is_ascii_digit()), "{found}");
    }
}

#[test]
fn nonsense_fulfils_a_schema() {
    let schema = json!({
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "n": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["ok", "n"], "additionalProperties": false,
    });
    for seed in 0..5 {
        let (found, reason) = answer(&Grammar::JsonSchema(schema.clone()), seed);
        assert_eq!(reason, FinishReason::Stop, "white space does not go on for ever: {found:?}");
        let value: Value = serde_json::from_str(&found).unwrap_or_else(|e| panic!("{e}: {found}"));
        assert!(value["ok"].is_boolean() && value["n"].as_u64() < Some(10), "{found}");
    }
}

/// A model that would rather write nothing but white space gets one space at a time.
#[test]
fn white_space_in_json_is_a_space_at_most() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
    let mut constraint = constraints().compile(&Grammar::JsonSchema(schema)).expect("valid");
    let mut found = String::new();
    while found.len() < 40 && !constraint.is_complete() {
        let mut logits = vec![0.0; ByteTokenizer::VOCAB_SIZE];
        let may_end = constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("a mask");
        let lets_in = |byte: u8| logits[usize::from(byte)] == 0.0;
        assert!(!lets_in(b'\n') && !lets_in(b'\t'), "after {found:?}");
        if may_end {
            break;
        }
        let next = if lets_in(b' ') { b' ' } else { (b'!'..=b'~').find(|b| lets_in(*b)).expect("something") };
        constraint.accept(u32::from(next)).expect("allowed");
        found.push(char::from(next));
    }
    assert!(!found.contains("  ") && serde_json::from_str::<Value>(&found).is_ok(), "{found:?}");
}

/// Whether a text is all that a form asks for.
fn fulfils(grammar: &Grammar, text: &str) -> bool {
    let mut constraint = constraints().compile(grammar).unwrap_or_else(|e| panic!("{e}: {grammar:?}"));
    for byte in text.bytes() {
        let mut logits = vec![0.0; ByteTokenizer::VOCAB_SIZE];
        constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("a mask");
        if logits[usize::from(byte)] != 0.0 {
            return false;
        }
        constraint.accept(u32::from(byte)).expect("allowed");
    }
    constraint.mask(&mut vec![0.0; ByteTokenizer::VOCAB_SIZE], &[ByteTokenizer::END]).expect("a mask")
}

/// A model that would rather go on with a number, or with one property more, has to stop somewhere.
#[test]
fn nonsense_ends_where_a_schema_does_not() {
    let schema = json!({
        "type": "object",
        "properties": {"n": {"type": "integer"}, "x": {"type": "number"}, "y": {"type": ["number", "null"], "minimum": 0}},
        "required": ["n", "x", "y"],
    });
    for grammar in [Grammar::JsonSchema(schema.clone()), Grammar::LenientSchema(schema)] {
        for seed in 0..5 {
            let (found, reason) = answer(&grammar, seed);
            assert_eq!(reason, FinishReason::Stop, "{found:?}");
            let value: Value = serde_json::from_str(&found).unwrap_or_else(|e| panic!("{e}: {found}"));
            assert_eq!(value.as_object().map(serde_json::Map::len), Some(3), "{found}");
        }
        for (n, x, fits) in [
            ("7", "-2.5", true),
            ("-999999999999999", "0.123456", true),
            ("10000000000000000", "1", false),
            ("1", "0.1234567", false),
            ("1", "1.0000000", false),
            ("1", "100", true),
            ("1", "0", true),
        ] {
            let text = format!("{{\"n\": {n}, \"x\": {x}, \"y\": null}}");
            assert_eq!(fulfils(&grammar, &text), fits, "{text}");
        }
    }
}

#[test]
fn objects_in_parts_hold_what_their_parts_name() {
    let of = |name: &str| json!({"type": "object", "properties": {name: {"type": "integer"}}, "required": [name]});
    let schema = json!({"$defs": {"a": of("a")}, "allOf": [{"$ref": "#/$defs/a"}, of("b")]});
    for grammar in [Grammar::JsonSchema(schema.clone()), Grammar::LenientSchema(schema)] {
        assert!(fulfils(&grammar, "{\"a\": 1, \"b\": 2}"));
        for not in ["{\"a\": 1, \"b\": 2, \"c\": 3}", "{\"a\": 1}", "{\"a\": true, \"b\": 2}"] {
            assert!(!fulfils(&grammar, not), "{not}");
        }
    }
}

/// What a model that always prefers `wishes`, the first that it may write, answers.
fn insisting(grammar: &Grammar, wishes: &[u8]) -> String {
    let mut constraint = constraints().compile(grammar).expect("valid");
    let mut found = String::new();
    while found.len() < 3000 && !constraint.is_complete() {
        let mut logits = vec![0.0; ByteTokenizer::VOCAB_SIZE];
        let may_end = constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("a mask");
        let mut all = wishes.iter().copied().chain(b' '..=b'~');
        let Some(next) = all.find(|b| logits[usize::from(*b)] == 0.0) else {
            assert!(may_end, "{found}");
            break;
        };
        constraint.accept(u32::from(next)).expect("allowed");
        found.push(char::from(next));
    }
    found
}

/// A model that would rather nest, go on with a name, or say the same once more, comes to an end where it can.
#[test]
fn what_a_schema_leaves_open_has_an_end() {
    let nests = json!({"type": "object", "properties": {"n": {"$ref": "#"}}});
    let must_nest = json!({"$defs": {"n": {
        "type": "object", "properties": {"n": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}, "required": ["n"],
    }}, "$ref": "#/$defs/n"});
    let list = json!({"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "boolean"}]}});
    let named = json!({"type": "object", "additionalProperties": {"type": "boolean"}});
    for (schema, wishes) in [
        (json!({"type": "object"}), "\",:"),
        (json!({"type": "object", "additionalProperties": true}), "\",:"),
        (named.clone(), "\",:t"),
        (named, "a"),
        (list, "[]"),
        (nests, "{\":n"),
        (must_nest, "{\":n"),
    ] {
        let found = insisting(&Grammar::JsonSchema(schema.clone()), wishes.as_bytes());
        assert!(serde_json::from_str::<Value>(&found).is_ok(), "{schema}: {found}");
    }
}

#[test]
fn a_lenient_schema_means_what_can_be_held_to() {
    for harmless in [
        json!({"uniqueItems": true}),
        json!({"not": {"const": 5}}),
        json!({"if": {"const": 5}, "then": {"const": 6}}),
        json!({"contains": {"type": "integer"}}),
        json!({"propertyNames": {"pattern": "^a"}}),
        json!({"minProperties": 1}),
        json!({"dependentRequired": {"a": ["b"]}}),
        json!({"format": "colour"}),
        json!({"x-order": 3}),
    ] {
        let mut schema = json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"type": "string"}}});
        schema.as_object_mut().expect("an object").extend(harmless.as_object().expect("an object").clone());
        schema["properties"]["b"]
            .as_object_mut()
            .expect("an object")
            .extend(harmless.as_object().expect("an object").clone());
        let grammar = Grammar::LenientSchema(schema);
        assert!(fulfils(&grammar, "{\"a\": [1], \"b\": \"x\"}"), "{harmless}");
        assert!(!fulfils(&grammar, "{\"a\": [true]}"), "the rest holds: {harmless}");
    }
    let overlapping = Grammar::LenientSchema(json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}));
    assert!(fulfils(&overlapping, "5") && !fulfils(&overlapping, "\"5\""));
    // To the letter, what cannot be held to is refused.
    for strict in [json!({"type": "array", "uniqueItems": true}), json!({"type": "string", "format": "colour"})] {
        assert!(constraints().compile(&Grammar::JsonSchema(strict)).is_err());
    }
}

/// JSON Schema has a reader ignore the formats that it does not know.
#[test]
fn formats_that_nobody_knows_are_ignored() {
    let text = |format: &str| json!({"type": "string", "format": format});
    for format in ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"] {
        for grammar in [Grammar::JsonSchema(text(format)), Grammar::LenientSchema(text(format))] {
            assert!(!fulfils(&grammar, "\"no such thing, never\""), "{format}");
        }
    }
    for format in ["colour", "int64", "binary", "byte", "form"] {
        assert!(fulfils(&Grammar::LenientSchema(text(format)), "\"anything\""), "{format}");
    }
}

#[test]
fn a_grammar_may_name_control_tokens_by_id() {
    let grammar = format!("start: \"go\" <[{}]> /[ab]/", ByteTokenizer::USER);
    let mut constraint = constraints().compile(&Grammar::Lark(grammar)).expect("valid");
    let tokens = [u32::from(b'g'), u32::from(b'o'), ByteTokenizer::USER, u32::from(b'b')];
    for token in tokens {
        let mut logits = vec![0.0; ByteTokenizer::VOCAB_SIZE];
        constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("a mask");
        assert_eq!(logits[token as usize], 0.0);
        assert!(logits[ByteTokenizer::END as usize].is_infinite());
        constraint.accept(token).expect("allowed");
    }
    assert!(constraint.is_complete());
}

#[test]
fn thinking_stays_free_and_the_answer_is_bound() {
    let model = MockModel::reasoning(10, |_| ("let me think".into(), "nonsense".into()));
    let mut engine = Engine::new(Box::new(model), EngineConfig::default());
    let request = |open: bool| Request {
        prompt: if open {
            vec![ByteTokenizer::ASSISTANT, ByteTokenizer::THINK_START]
        } else {
            vec![ByteTokenizer::ASSISTANT]
        },
        max_tokens: 200,
        stop_tokens: vec![ByteTokenizer::END],
        sampling: SamplingParams { temperature: 0.0, ..SamplingParams::default() },
        thinking: Some(ThinkingParams { open, ..ByteTokenizer::thinking() }),
        constraint: Some(constraints().compile(&Grammar::Regex("[0-9]+!".into())).expect("valid")),
        ..Request::default()
    };
    for open in [true, false] {
        let completion = engine.generate(vec![request(open)]).expect("valid").remove(0);
        let of = |kind| text(completion.tokens.iter().filter(|t| t.kind == kind).map(|t| t.id));
        assert_eq!(of(TokenKind::Thinking).trim(), "let me think", "open: {open}");
        let found = of(TokenKind::Answer);
        let found = found.strip_prefix("\n\n").unwrap_or_else(|| panic!("{found:?}"));
        assert!(found.starts_with(|c: char| c.is_ascii_digit()), "{found:?}");
    }
}

/// A grammar can have thinking closed that nobody opened.
#[test]
fn a_closing_tag_of_the_grammar_comes_once() {
    let grammar = format!("start: \"ab\" <[{}]> \"cd\"", ByteTokenizer::THINK_END);
    let request = Request {
        prompt: vec![1],
        max_tokens: 20,
        stop_tokens: vec![ByteTokenizer::END],
        sampling: SamplingParams {
            logit_bias: vec![(ByteTokenizer::THINK_START, f32::NEG_INFINITY)],
            ..SamplingParams::default()
        },
        thinking: Some(ThinkingParams { open: false, ..ByteTokenizer::thinking() }),
        constraint: Some(constraints().compile(&Grammar::Lark(grammar)).expect("valid")),
        ..Request::default()
    };
    let mut engine = Engine::new(Box::new(MockModel::hashing(10)), EngineConfig::default());
    let completion = engine.generate(vec![request]).expect("a valid request").remove(0);
    assert_eq!(text(completion.tokens.iter().map(|t| t.id)), "abcd");
    assert_eq!(completion.finished.reason, FinishReason::Stop);
}

#[test]
fn errors_say_what_is_wrong() {
    let message = |grammar| constraints().compile(&grammar).expect_err("invalid").to_string();
    let unclosed = message(Grammar::Regex("(a".into()));
    assert!(unclosed.contains("unclosed group") && !unclosed.contains('\n'), "the reason, on a line: {unclosed:?}");
    assert!(!message(Grammar::Lark("start: nothing".into())).is_empty());
    assert!(message(Grammar::JsonSchema(json!({"type": "no such type"}))).contains("type"));
    for hopeless in [Grammar::JsonSchema(json!({"$ref": "#"})), Grammar::Regex("[^\\x00-\\U0010ffff]".into())] {
        assert!(message(hopeless).contains("no answer can begin"), "what nothing fulfils is known at once");
    }
}

#[test]
fn a_long_chain_of_references_is_refused_and_a_shorter_one_compiles() {
    let chain = |n: usize| {
        let next = |i: usize| serde_json::json!({"type": "array", "items": {"$ref": format!("#/$defs/a{}", i + 1)}});
        let mut definitions: serde_json::Map<_, _> = (0..n).map(|i| (format!("a{i}"), next(i))).collect();
        definitions.insert(format!("a{n}"), serde_json::json!({"type": "integer"}));
        Grammar::JsonSchema(serde_json::json!({"$defs": definitions, "$ref": "#/$defs/a0"}))
    };
    let rules: String = (0..690).map(|i| format!("a{i}: a{}\n", i + 1)).collect();
    let compile = move || {
        let constraints = constraints();
        for long in [chain(MAX_REFERENCES), Grammar::Lark(format!("start: a0\n{rules}a690: \"x\"\n"))] {
            let error = constraints.compile(&long).expect_err("too long").to_string();
            assert!(error.contains("at most 500"), "{error}");
        }
        constraints.compile(&chain(MAX_REFERENCES - 1)).expect("within the bound");
    };
    let thread = std::thread::Builder::new().stack_size(COMPILER_STACK).spawn(compile).expect("a thread");
    thread.join().expect("no overflow");
}

#[test]
fn large_schemas_of_tools_are_no_chains() {
    let many: serde_json::Map<_, _> =
        (0..700).map(|i| (format!("field{i}"), serde_json::json!({"type": "string"}))).collect();
    let schema = serde_json::json!({"type": "object", "properties": many});
    let grammar = Grammar::Lark(format!("start: call\ncall: %json {schema}\n"));
    constraints().compile(&grammar).expect("two rules, however many fields");
    let indented = serde_json::to_string_pretty(&schema).expect("JSON");
    assert_eq!(references(&Grammar::Lark(format!("start: %json {indented}\n"))), 1);
    let refers = serde_json::json!({"a": [{"$ref": "#/$defs/x"}, {"b": {"$ref": "#/$defs/x"}}]});
    assert_eq!(references(&Grammar::JsonSchema(refers.clone())), 2);
    assert_eq!(references(&Grammar::Lark(format!("?start: %json {refers}\n"))), 3);
}

/// An answer of `grammar` under a bias, as the text and the reason of its end.
fn biased(grammar: &str, logit_bias: Vec<(u32, f32)>) -> (String, FinishReason) {
    let request = Request {
        prompt: vec![1],
        max_tokens: 20,
        stop_tokens: vec![ByteTokenizer::END],
        sampling: SamplingParams { logit_bias, ..SamplingParams::default() },
        constraint: Some(constraints().compile(&Grammar::Regex(grammar.into())).expect("a valid grammar")),
        ..Request::default()
    };
    let mut engine = Engine::new(Box::new(MockModel::hashing(10)), EngineConfig::default());
    let completion = engine.generate(vec![request]).expect("a valid request").remove(0);
    (text(completion.tokens.iter().map(|t| t.id)), completion.finished.reason)
}

#[test]
fn a_bias_that_rules_out_what_the_form_allows_is_the_requests_fault() {
    let ban = |letters: &str| letters.bytes().map(|b| (u32::from(b), f32::NEG_INFINITY)).collect::<Vec<_>>();
    let ruled_out = FinishReason::Constraint(ConstraintError::RuledOut);
    assert_eq!(biased("(yes|no)", ban("yn")), (String::new(), ruled_out.clone()));
    assert_eq!(biased("yes", ban("s")), ("ye".into(), ruled_out), "found in the middle");
    assert_eq!(biased("(yes|no)", ban("n")), ("yes".into(), FinishReason::Stop));
    // What may end, and can do nothing else, ends, though its end is ruled out.
    let no_end = [ban("a"), vec![(ByteTokenizer::END, f32::NEG_INFINITY)]].concat();
    assert_eq!(biased("ba*", no_end.clone()), ("b".into(), FinishReason::Stop));
    assert_eq!(biased("a*", no_end), (String::new(), FinishReason::Stop));
}

#[test]
fn whether_a_form_goes_with_a_bias_is_known_before_the_first_token() {
    let constraint = constraints().compile(&Grammar::Regex("(yes|no)".into())).expect("valid");
    let allows = |bias: &[(u32, f32)]| {
        constraint.allows_bias(bias, ByteTokenizer::VOCAB_SIZE, &[ByteTokenizer::END]).expect("no work")
    };
    let ban = |letter: u8| (u32::from(letter), f32::NEG_INFINITY);
    assert!(allows(&[ban(b'y')]) && allows(&[ban(b's'), (u32::from(b'n'), -99.0)]));
    assert!(!allows(&[ban(b'y'), ban(b'n')]));
}
