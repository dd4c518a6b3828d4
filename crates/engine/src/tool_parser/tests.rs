use super::*;

fn parse<'a>(format: ToolFormat, pieces: impl IntoIterator<Item = &'a str>) -> ToolDelta {
    let mut parser = ToolParser::new(format);
    let mut all = ToolDelta::default();
    let mut add = |delta: ToolDelta| {
        all.content += &delta.content;
        all.calls.extend(delta.calls);
    };
    for piece in pieces {
        add(parser.push(piece));
    }
    add(ToolDelta { content: parser.finish(false), calls: Vec::new() });
    all
}

/// Text and number of calls of an answer that its limit cut.
fn cut(format: ToolFormat, text: &str) -> (String, usize) {
    let mut parser = ToolParser::new(format);
    let delta = parser.push(text);
    (delta.content + &parser.finish(true), delta.calls.len())
}

#[derive(serde::Deserialize)]
struct Vector {
    format: String,
    output: Option<String>,
    chunks: Option<Vec<String>>,
    tool_calls: Vec<Expected>,
    content: Option<String>,
    content_checked: Option<bool>,
}

#[derive(serde::Deserialize)]
struct Expected {
    name: String,
    arguments: Value,
}

/// The cases of three projects, whole and cut at every character. Thinking is divided off before this parser.
#[test]
fn the_cases_of_other_projects() {
    let lines = include_str!("../../tests/third_party/tool_calls/vectors.jsonl");
    let mut n = 0;
    for line in lines.lines() {
        let vector: Vector = serde_json::from_str(line).expect("a vector");
        let format = if vector.format == "deepseek_v3" { ToolFormat::Fenced } else { ToolFormat::Bare };
        let text = vector.output.unwrap_or_else(|| vector.chunks.unwrap_or_default().concat());
        let text = text.rsplit_once("</think>").map_or(text.as_str(), |(_, answer)| answer);
        let found = parse(format, [text]);
        let calls: Vec<(String, Value)> = (found.calls.iter())
            .map(|c| (c.name.clone(), serde_json::from_str(&c.arguments).expect("arguments are JSON")))
            .collect();
        let expected: Vec<(String, Value)> = vector.tool_calls.into_iter().map(|e| (e.name, e.arguments)).collect();
        assert_eq!(calls, expected, "{line}");
        if vector.content_checked != Some(false) {
            assert_eq!(found.content, vector.content.unwrap_or_default(), "{line}");
        }
        let one_by_one: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(parse(format, one_by_one.iter().map(String::as_str)), found, "{line}");
        n += 1;
    }
    assert!(n >= 15, "only {n} vectors were found");
}

#[test]
fn json_between_tags() {
    let text = "Let me see.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n\
                <tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>";
    let found = parse(ToolFormat::Tagged, [text]);
    assert_eq!(found.content, "Let me see.\n");
    assert_eq!(found.calls.len(), 2);
    assert_eq!(found.calls[0], ToolCall { name: "add".into(), arguments: "{\"a\":1}".into() });
}

#[test]
fn what_is_no_call_stays_text() {
    for text in [
        "a <tool_call>{\"name\": 3}</tool_call> b",
        "<tool_call>{\"name\": \"f\", \"argum",
        "a < b <tool",
        "<tool_calls",
    ] {
        let found = parse(ToolFormat::Tagged, [text]);
        assert_eq!((found.content.as_str(), found.calls.len()), (text, 0));
    }
}

#[test]
fn a_call_that_was_cut_leaves_no_markup() {
    let whole = format!("{CALLS_BEGIN}{CALL_BEGIN}function{SEP}add\n```json\n{{\"n\": 1}}\n```{CALL_END}");
    let half = format!("{CALL_BEGIN}function{SEP}add\n```json\n{{\"n");
    assert_eq!(cut(ToolFormat::Fenced, &format!("So. {CALLS_BEGIN}{half}")), ("So. ".into(), 0));
    assert_eq!(cut(ToolFormat::Fenced, &format!("So. {CALLS_BEGIN}")), ("So. ".into(), 0));
    assert_eq!(cut(ToolFormat::Fenced, &format!("{whole}\n{half}")), (String::new(), 1));
    assert_eq!(cut(ToolFormat::Tagged, "So. <tool_call>\n{\"name\": \"add\""), ("So. ".into(), 0));
    assert_eq!(cut(ToolFormat::Tagged, "So. <tool_c"), ("So. ".into(), 0));
    assert_eq!(cut(ToolFormat::Tagged, "3 <"), ("3 <".into(), 0), "less than two characters are text");
    // What is begun after a call is no text either where the model ends it there.
    assert_eq!(parse(ToolFormat::Fenced, [whole.as_str(), "\n", half.as_str()]).content, "");
}

#[test]
fn templates_tell_the_form() {
    assert_eq!(ToolFormat::of_template("{{ '<｜tool▁call▁begin｜>' + '\n```json\n' }}"), ToolFormat::Fenced);
    assert_eq!(ToolFormat::of_template("{{ '<｜tool▁call▁begin｜>' }}"), ToolFormat::Bare);
    assert_eq!(ToolFormat::of_template("{{ '<tool_call>' }}"), ToolFormat::Tagged);
}
