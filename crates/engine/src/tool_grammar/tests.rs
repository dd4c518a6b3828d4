use serde_json::json;

use super::*;
use crate::constraint::Constraints;
use crate::mock::ByteTokenizer;

/// Whether the grammar takes a text whole.
fn takes(grammar: &Grammar, text: &str) -> bool {
    let constraints = Constraints::new(ByteTokenizer::vocabulary(), ByteTokenizer::END).expect("a vocabulary");
    let mut constraint = constraints.compile(grammar).expect("a valid grammar");
    let mut logits = vec![0.0; ByteTokenizer::VOCAB_SIZE];
    for token in text.bytes().map(u32::from) {
        logits.fill(0.0);
        constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("a mask");
        if logits[token as usize] != 0.0 {
            return false;
        }
        constraint.accept(token).expect("allowed");
    }
    logits.fill(0.0);
    constraint.mask(&mut logits, &[ByteTokenizer::END]).expect("a mask");
    logits[ByteTokenizer::END as usize] == 0.0
}

fn written(format: ToolFormat, calls: &[(&str, &str)]) -> String {
    let call = |(name, arguments): &(&str, &str)| match format {
        ToolFormat::Tagged => format!("{TAG_BEGIN}\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n{TAG_END}"),
        ToolFormat::Fenced => format!("{CALL_BEGIN}function{SEP}{name}\n```json\n{arguments}\n```{CALL_END}"),
        ToolFormat::Bare => format!("{CALL_BEGIN}{name}{SEP}{arguments}{CALL_END}"),
    };
    let calls: Vec<String> = calls.iter().map(call).collect();
    match format {
        ToolFormat::Tagged => calls.join("\n"),
        ToolFormat::Fenced => format!("{CALLS_BEGIN}{}{CALLS_END}", calls.join("\n")),
        ToolFormat::Bare => format!("{CALLS_BEGIN}{}{CALLS_END}", calls.concat()),
    }
}

#[test]
fn calls_fit_their_schema_in_every_form() {
    let schema = json!({
        "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false
    });
    let tools = ["add", "sub"].map(|name| ToolRule { name, schema: &schema, strict: true });
    for format in [ToolFormat::Tagged, ToolFormat::Fenced, ToolFormat::Bare] {
        let grammar =
            |parallel, required| tool_grammar(format, CallRules { tools: &tools, parallel, required }, |_| None);
        let good = written(format, &[("add", "{\"n\": 3}")]);
        let two = written(format, &[("add", "{\"n\": 3}"), ("sub", "{\"n\": 4}")]);
        for (text, one_only, many) in [
            (good.as_str(), true, true),
            (two.as_str(), false, true),
            (&written(format, &[("mul", "{\"n\": 3}")]), false, false),
            (&written(format, &[("add", "{\"n\": \"x\"}")]), false, false),
            ("no call", false, false),
        ] {
            assert_eq!(takes(&grammar(false, true), text), one_only, "{format:?} {text}");
            assert_eq!(takes(&grammar(true, true), text), many, "{format:?} {text}");
        }
        assert!(takes(&grammar(true, false), "no call"));
    }
}

#[test]
fn calls_come_to_an_end() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let tools = [ToolRule { name: "add", schema: &schema, strict: false }];
    for format in [ToolFormat::Tagged, ToolFormat::Fenced, ToolFormat::Bare] {
        let grammar = tool_grammar(format, CallRules { tools: &tools, parallel: true, required: true }, |_| None);
        let calls = |n: usize| written(format, &vec![("add", "{\"n\": 3}"); n]);
        assert!(takes(&grammar, &calls(8)), "{format:?}");
        assert!(!takes(&grammar, &calls(9)), "{format:?}");
        assert!(!takes(&grammar, &written(format, &[("add", "{\"n\": 3, \"m\": 4}")])), "only what is listed");
    }
}
