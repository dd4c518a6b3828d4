use serde_json::json;

use super::*;
use crate::wire::messages::{call_json, plain};

const KNOWS_NOTHING: ToolSupport = ToolSupport { format: ToolFormat::Tagged, lists_tools: false, shows_results: false };

#[test]
fn tools_join_the_system_prompt() {
    let tools = [json!({"type": "function", "function": {"name": "now", "description": "The time", "parameters": {}}})];
    let messages = [plain("system", "Be brief."), plain("user", "What time is it?")];
    let found = in_plain_words(&messages, &tools, KNOWS_NOTHING);
    assert!(found[0].content.starts_with("Be brief.\n\n## Tools"), "{}", found[0].content);
    assert!(found[0].content.contains("### now\nDescription: The time"));
    assert_eq!(in_plain_words(&messages[1..], &tools, KNOWS_NOTHING).len(), 2);
    let lists = ToolSupport { lists_tools: true, ..KNOWS_NOTHING };
    assert_eq!(in_plain_words(&messages, &tools, lists), messages);
}

#[test]
fn calls_and_results_become_text_where_the_template_shows_none() {
    let call = ChatMessage { tool_calls: vec![call_json("1", "now", "{}")], ..plain("assistant", "") };
    let result = ChatMessage { tool_call_id: Some("1".into()), ..plain("tool", "noon") };
    let messages = [plain("user", "?"), call, result];
    let found = in_plain_words(&messages, &[], KNOWS_NOTHING);
    assert_eq!(found[1].content, "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>");
    assert_eq!((found[2].role.as_str(), found[2].content.as_str()), ("user", "The tool's result:\nnoon"));
    let shows = ToolSupport { shows_results: true, ..KNOWS_NOTHING };
    assert_eq!(in_plain_words(&messages, &[], shows), messages);
}
