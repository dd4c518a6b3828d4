//! How much to think, in the words of four dialects, which may not contradict each other.

use engine::{Effort, ThinkingWish};
use serde_json::{Map, Value};

use super::fields::Fields;
use crate::error::ApiError;

/// Names of the fields that [`take`] reads.
pub const THINKING_FIELDS: [&str; 7] = [
    "thinking",
    "enable_thinking",
    "reasoning_effort",
    "reasoning",
    "thinking_budget",
    "thinking_budget_tokens",
    "chat_template_kwargs",
];

/// Template variables that stand for a part of the request, which has a field for it.
const OF_REQUEST: [&str; 3] = ["messages", "tools", "add_generation_prompt"];

/// Template variables that are the template's own.
const OF_TEMPLATE: [&str; 6] = ["bos_token", "eos_token", "pad_token", "unk_token", "raise_exception", "strftime_now"];

/// Takes `thinking` (DeepSeek, Anthropic), `enable_thinking` and `thinking_budget` (Qwen), `thinking_budget_tokens`
/// (llama.cpp), `chat_template_kwargs` (vLLM), `reasoning_effort` (OpenAI) and `reasoning` (OpenRouter). Returns the wish
/// and the other template variables.
pub fn take(fields: &mut Fields) -> Result<(ThinkingWish, Map<String, Value>), ApiError> {
    let mut wish = ThinkingWish::default();
    // What each field says, which must be the same.
    let mut switches: Vec<(&str, bool)> = Vec::new();
    let mut budgets: Vec<(&str, usize)> = Vec::new();
    let mut efforts: Vec<(&str, Effort)> = Vec::new();
    let (tokens, effort) = ("a whole number of tokens", "a string");
    // llama.cpp's name, and its word for no bound.
    let expected = "a whole number of tokens, or -1 for no bound";
    match fields.take::<i64>("thinking_budget_tokens", expected)? {
        None | Some(-1) => {}
        Some(n) => {
            let n = usize::try_from(n)
                .map_err(|_| fields.refuse("thinking_budget_tokens", format!("is {n}, but must be {expected}")))?;
            budgets.push(("thinking_budget_tokens", n));
        }
    }
    if let Some(thinking) = fields.take_object("thinking", "an object such as {\"type\": \"enabled\"}")? {
        switches.extend(thinking_object(thinking, &mut wish)?.map(|on| ("thinking.type", on)));
        budgets.extend(wish.budget_tokens.map(|n| ("thinking.budget_tokens", n)));
    }
    budgets.extend(fields.take("thinking_budget", tokens)?.map(|n| ("thinking_budget", n)));
    switches.extend(fields.take("enable_thinking", "true or false")?.map(|on| ("enable_thinking", on)));
    let kwargs = fields.take_object("chat_template_kwargs", "an object of template variables")?;
    let mut kwargs = kwargs.unwrap_or_else(|| Fields::new(Map::new(), ""));
    for (name, path) in
        [("enable_thinking", "chat_template_kwargs.enable_thinking"), ("thinking", "chat_template_kwargs.thinking")]
    {
        switches.extend(kwargs.take(name, "true or false")?.map(|on| (path, on)));
    }
    refuse_reserved(&mut kwargs)?;
    if let Some(word) = fields.take::<String>("reasoning_effort", effort)? {
        efforts.push(("reasoning_effort", parse_effort("reasoning_effort", &word)?));
    }
    if let Some(mut reasoning) = fields.take_object("reasoning", "an object such as {\"effort\": \"low\"}")? {
        if let Some(word) = reasoning.take::<String>("effort", effort)? {
            efforts.push(("reasoning.effort", parse_effort("reasoning.effort", &word)?));
        }
        switches.extend(reasoning.take("enabled", "true or false")?.map(|on| ("reasoning.enabled", on)));
        budgets.extend(reasoning.take("max_tokens", tokens)?.map(|n| ("reasoning.max_tokens", n)));
        // Whether there is one is seen where it is shown: it is the thinking itself.
        for name in ["summary", "generate_summary"] {
            let expected = "auto, concise or detailed";
            let word = reasoning.take::<String>(name, expected)?;
            if let Some(word) = word.filter(|word| !["auto", "concise", "detailed"].contains(&word.as_str())) {
                return Err(reasoning.refuse(name, format!("is \"{word}\", but must be {expected}")));
            }
        }
        reasoning.refuse_others(&["effort", "enabled", "max_tokens"])?;
    }
    switches.extend(efforts.iter().map(|(name, effort)| (*name, *effort != Effort::None)));
    wish.enabled = agreed(&switches, "one turns thinking on, the other off")?;
    wish.budget_tokens = agreed(&budgets, "send one of them")?;
    wish.effort = agreed(&efforts, "send one of them")?;
    if wish.min_tokens > 0
        && let Some((off, _)) = switches.iter().find(|(_, on)| !on)
    {
        return Err(ApiError::contradiction(
            off,
            "thinking.min_tokens",
            "one turns thinking off, the other makes it longer",
        ));
    }
    Ok((wish, kwargs.map))
}

/// What all fields say, if there is one.
fn agreed<T: Copy + PartialEq>(all: &[(&str, T)], how: &str) -> Result<Option<T>, ApiError> {
    let [(first, value), rest @ ..] = all else { return Ok(None) };
    match rest.iter().find(|(_, other)| other != value) {
        Some((other, _)) => Err(ApiError::contradiction(first, other, how)),
        None => Ok(Some(*value)),
    }
}

fn refuse_reserved(kwargs: &mut Fields) -> Result<(), ApiError> {
    for name in OF_REQUEST {
        if kwargs.take::<Value>(name, "")?.is_some() {
            return Err(kwargs.refuse(name, format!("may not be set: send `{name}` beside `chat_template_kwargs`")));
        }
    }
    for name in OF_TEMPLATE {
        if kwargs.take::<Value>(name, "")?.is_some() {
            return Err(kwargs.refuse(name, "may not be set: that name is the template's own"));
        }
    }
    Ok(())
}

/// A word for an effort, under whichever name it came.
pub fn parse_effort(name: &str, word: &str) -> Result<Effort, ApiError> {
    Effort::parse(word).map_err(|known| ApiError::invalid(name, format!("`{name}` is \"{word}\", but must be {known}")))
}

/// DeepSeek's and Anthropic's object; returns the switch, if it is one.
fn thinking_object(mut thinking: Fields, wish: &mut ThinkingWish) -> Result<Option<bool>, ApiError> {
    let kind: Option<String> = thinking.take("type", "\"enabled\" or \"disabled\"")?;
    let switch = match kind.as_deref() {
        Some("enabled" | "adaptive") => Some(true),
        Some("disabled") => Some(false),
        None => None,
        Some(other) => {
            return Err(thinking.refuse("type", format!("is \"{other}\", but must be \"enabled\" or \"disabled\"")));
        }
    };
    wish.budget_tokens = thinking.take("budget_tokens", "a whole number of tokens")?;
    wish.min_tokens = thinking.take("min_tokens", "a whole number of tokens")?.unwrap_or(0);
    wish.loop_guard = thinking.take("loop_guard", "true or false")?.unwrap_or(true);
    thinking.refuse_others(&["type", "budget_tokens", "min_tokens", "loop_guard"])?;
    Ok(switch)
}
