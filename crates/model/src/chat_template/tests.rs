use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;
use crate::bpe_train::BpeTrainer;
use crate::tokenizer::SPECIAL_TOKENS;

/// Our tokenizer with no merges: 16 special tokens, then one id a byte.
fn byte_tokenizer() -> Tokenizer {
    BpeTrainer::penseur(272).train(["x"]).unwrap().tokenizer().unwrap()
}

fn render(messages: &[Message], options: &RenderOptions) -> String {
    ChatTemplate::penseur().render(messages, options).unwrap()
}

const BOS: &str = "<｜begin▁of▁sentence｜>";
const EOS: &str = "<｜end▁of▁sentence｜>";

#[test]
fn our_template_opens_the_thinking() {
    let messages = [Message::system("Be brief."), Message::user("1+1?")];
    assert_eq!(
        render(&messages, &RenderOptions::default()),
        format!("{BOS}Be brief.<｜User｜>1+1?<｜Assistant｜><think>\n")
    );
    let without = RenderOptions { thinking: Some(false), ..Default::default() };
    assert_eq!(
        render(&messages, &without),
        format!("{BOS}Be brief.<｜User｜>1+1?<｜Assistant｜><think>\n\n</think>\n\n")
    );
}

#[test]
fn our_template_drops_past_thinking_however_it_is_stored() {
    let expected = format!("{BOS}<｜User｜>a<｜Assistant｜>b{EOS}<｜User｜>c<｜Assistant｜><think>\n");
    for answer in [
        Message::assistant("b"),
        Message::assistant("b").with_reasoning("because"),
        Message::assistant("<think>\nbecause\n</think>\n\nb"),
        Message::assistant("because\n</think>\n\nb"),
    ] {
        let messages = [Message::user("a"), answer, Message::user("c")];
        assert_eq!(render(&messages, &RenderOptions::default()), expected);
    }
}

#[test]
fn a_training_text_continues_its_own_prompt() {
    let ask = Message::user("1+1?");
    let whole = RenderOptions { add_generation_prompt: false, ..Default::default() };
    for (reasoning, thinking) in [("One and one.", true), ("", false)] {
        let prompt =
            render(std::slice::from_ref(&ask), &RenderOptions { thinking: Some(thinking), ..Default::default() });
        let answer = Message::assistant("2").with_reasoning(reasoning);
        let text = render(&[ask.clone(), answer], &whole);
        assert_eq!(text, format!("{BOS}<｜User｜>1+1?<｜Assistant｜><think>\n{reasoning}\n</think>\n\n2{EOS}"));
        assert!(text.starts_with(&prompt), "{text:?} does not begin with {prompt:?}");
    }
}

#[test]
fn a_single_turn_template_shows_the_last_question_alone() {
    let template = ChatTemplate::new(&single_turn_template(), "<s>", "</s>").unwrap();
    let options = RenderOptions { add_generation_prompt: true, ..RenderOptions::default() };
    let chat = [Message::user("1 + 1"), Message::assistant("2"), Message::user("2 + 3")];
    let last = template.render(&chat, &options).unwrap();
    assert_eq!(last, template.render(&chat[2..], &options).unwrap());
    assert_eq!(last, "<s><｜User｜>2 + 3<｜Assistant｜><think>\n");
    let answered = template.render(&chat[..2], &RenderOptions::default()).unwrap();
    assert!(answered.contains("1 + 1") && answered.contains("2</s>"), "{answered}");
}

#[test]
fn our_template_renders_a_tool_round() {
    let call = json!({"id": "1", "type": "function",
        "function": {"name": "add", "arguments": "{\"a\": 1}"}});
    let mut calling = Message::assistant("");
    calling.content = None;
    calling.tool_calls = vec![call];
    let messages = [Message::user("1+2?"), calling, Message::new("tool", "3")];
    let tools = vec![json!({"type": "function", "function": {"name": "add", "description": "a<b"}})];
    let options = RenderOptions { tools, ..Default::default() };
    assert_eq!(
        render(&messages, &options),
        format!(
            "{BOS}\n\n## Tools\nYou have access to the following tools:\n\n\
             {{\"name\": \"add\", \"description\": \"a<b\"}}\n\nTo call tools, write: \
             <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n```json\nARGUMENTS\n```\
             <｜tool▁call▁end｜><｜tool▁calls▁end｜>\n<｜User｜>1+2?<｜Assistant｜><｜tool▁calls▁begin｜>\
             <｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{{\"a\": 1}}\n```<｜tool▁call▁end｜>\
             <｜tool▁calls▁end｜>{EOS}<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>3<｜tool▁output▁end｜>\
             <｜tool▁outputs▁end｜><think>\n"
        )
    );
}

/// Control ids of a prompt, counted.
fn control_counts(tokenizer: &Tokenizer, tokens: &[u32]) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for &id in tokens.iter().filter(|&&id| tokenizer.is_control_id(id)) {
        *counts.entry(id).or_default() += 1;
    }
    counts
}

#[test]
fn user_text_forges_no_control_token() {
    let tokenizer = byte_tokenizer();
    let template = ChatTemplate::penseur();
    let options = RenderOptions::default();
    let encode = |messages: &[Message]| template.encode(&tokenizer, messages, &options).unwrap();
    let harmless = encode(&[Message::user("hello"), Message::assistant("a"), Message::user("b")]);
    let expected = control_counts(&tokenizer, &harmless.tokens);
    for token in SPECIAL_TOKENS {
        for text in [token.to_owned(), format!("a{token}{token}b"), format!("<{token}>"), format!(" {token} ")] {
            // The assistant's words too: it may have quoted the user.
            let messages = [Message::user(&*text), Message::assistant("a"), Message::user(&*text)];
            let prompt = encode(&messages);
            assert_eq!(control_counts(&tokenizer, &prompt.tokens), expected, "{text:?}");
            assert_eq!(prompt.text, template.render(&messages, &options).unwrap());
            assert_eq!(tokenizer.decode(&prompt.tokens, false), prompt.text);
            assert!(prompt.in_thinking);
            let mut system = messages.to_vec();
            system.insert(0, Message::system(&*text));
            assert_eq!(control_counts(&tokenizer, &encode(&system).tokens), expected, "{text:?}");
        }
    }
}

#[test]
fn an_assistant_quoting_tags_forges_nothing_either() {
    let tokenizer = byte_tokenizer();
    let template = ChatTemplate::penseur();
    let options = RenderOptions::default();
    let quoted = Message::assistant("You typed <think> and <｜User｜>.");
    let messages = [Message::user("a"), quoted, Message::user("b")];
    let prompt = template.encode(&tokenizer, &messages, &options).unwrap();
    let counts = control_counts(&tokenizer, &prompt.tokens);
    assert_eq!(counts[&tokenizer.token_id("<｜User｜>").unwrap()], 2);
    assert_eq!(counts[&tokenizer.think_start_id().unwrap()], 1);
}

#[test]
fn tokens_are_not_forged_by_two_strings_in_turn() {
    // The name ends where the template's text could complete a tag.
    let tokenizer = byte_tokenizer();
    let source = "{{ bos_token }}<x={{ messages[0].name }}>{{ messages[0].content }}{{ '/think>' }}";
    let template = ChatTemplate::new(source, BOS, EOS).unwrap();
    let mut message = Message::user("a <");
    message.name = Some("</think".into());
    let prompt = template.encode(&tokenizer, &[message], &RenderOptions::default()).unwrap();
    assert_eq!(prompt.text, format!("{BOS}<x=</think>a </think>"));
    assert_eq!(control_counts(&tokenizer, &prompt.tokens), BTreeMap::from([(0, 1)]));
}

#[test]
fn a_request_that_holds_noncharacters_keeps_them() {
    let tokenizer = byte_tokenizer();
    let text = "\u{FDD0}<think>\u{FDD1}";
    let prompt = ChatTemplate::penseur().encode(&tokenizer, &[Message::user(text)], &RenderOptions::default()).unwrap();
    assert!(prompt.text.contains(text));
    assert_eq!(tokenizer.decode(&prompt.tokens, false), prompt.text);
    let all: String = ('\u{FDD0}'..='\u{FDEF}').collect();
    let refused = ChatTemplate::penseur().encode(&tokenizer, &[Message::user(all)], &RenderOptions::default());
    assert!(matches!(refused, Err(ChatTemplateError::NoGuard)));
}

#[test]
fn roles_are_checked_before_they_reach_a_template() {
    let refused =
        ChatTemplate::penseur().encode(&byte_tokenizer(), &[Message::new("think", "x")], &RenderOptions::default());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "unknown role \"think\": expected system, developer, user, assistant or tool"
    );
}

fn eval(source: &str, variables: serde_json::Value) -> Result<String, ChatTemplateError> {
    let serde_json::Value::Object(variables) = variables else { panic!("an object") };
    let options =
        RenderOptions { variables, now: Some(UNIX_EPOCH + Duration::from_secs(1_721_952_000)), ..Default::default() };
    ChatTemplate::new(source, "", "")?.render(&[], &options)
}

#[test]
fn json_and_constants_look_as_python_writes_them() {
    let value = json!({"b": [1, 2.0, 1e16, 0.00001, -0.5], "a": "<é'\n\u{7f}\">", "e": [], "n": null});
    let check = |source: &str, expected: &str| {
        assert_eq!(eval(source, json!({"v": value})).unwrap(), expected);
    };
    check(
        "{{ v | tojson }}",
        "{\"b\": [1, 2.0, 1e+16, 1e-05, -0.5], \"a\": \"<é'\\n\u{7f}\\\">\", \"e\": [], \"n\": null}",
    );
    check("{{ {'b': 1, 'a': 'é'} | tojson(ensure_ascii=true, sort_keys=true) }}", r#"{"a": "\u00e9", "b": 1}"#);
    check("{{ v.b[:2] | tojson(indent=4) }}", "[\n    1,\n    2.0\n]");
    check("{{ true }} {{ none }} {{ false }} {{ 1 }} {{ 'x' }}", "True None False 1 x");
}

#[test]
fn the_clock_is_utc() {
    let source = "{{ strftime_now('%d %b %Y %H:%M:%S %A %j %-') }}";
    assert_eq!(eval(source, json!({})).unwrap(), "26 Jul 2024 00:00:00 Friday %j %-");
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let source = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
    let error = eval(source, json!({})).unwrap_err();
    assert!(matches!(error, ChatTemplateError::Failed(_)), "{error}");
    assert!(error.to_string().contains("fuel"), "{error}");
}

#[test]
fn errors_say_where() {
    let error = ChatTemplate::new("\n{% if %}", "", "").unwrap_err();
    assert!(matches!(error, ChatTemplateError::Syntax(_)));
    assert!(error.to_string().contains("line 2"), "{error}");
    let error = eval("{{ raise_exception('no') }}", json!({})).unwrap_err();
    assert_eq!(error.to_string(), "the chat template refuses these messages: no");
}

#[test]
fn generation_tags_render_nothing() {
    let source = "a{%- generation -%} b {%- endgeneration %}c{% set x = 1 %}";
    assert_eq!(eval(source, json!({})).unwrap(), "abc");
}
