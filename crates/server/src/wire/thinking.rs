//! How much to think, in the words of four dialects, which may not contradict each other.

use engine::{Effort, ThinkingWish};
use serde_json::{Map, Value};

use super::fields::Fields;
use crate::error::ApiError;

/// Names of the fields that [`take`] reads.
pub const THINKING_FIELDS: [&str; 6] =
    ["thinking", "enable_thinking", "reasoning_effort", "reasoning", "thinking_budget", "chat_template_kwargs"];

/// Takes `thinking` (DeepSeek, Anthropic), `enable_thinking` and `thinking_budget` (Qwen), `chat_template_kwargs` (vLLM),
/// `reasoning_effort` (OpenAI) and `reasoning` (OpenRouter). Returns the wish and the other template variables.
pub fn take(fields: &mut Fields) -> Result<(ThinkingWish, Map<String, Value>), ApiError> {
    let mut wish = ThinkingWish::default();
    let mut switches: Vec<(&str, bool)> = Vec::new();
    if let Some(thinking) = fields.take_object("thinking", "an object such as {\"type\": \"enabled\"}")? {
        switches.extend(thinking_object(thinking, &mut wish)?.map(|on| ("thinking", on)));
    }
    if let Some(budget) = fields.take::<usize>("thinking_budget", "a whole number of tokens")? {
        wish.budget_tokens.get_or_insert(budget);
    }
    if let Some(on) = fields.take("enable_thinking", "true or false")? {
        switches.push(("enable_thinking", on));
    }
    let kwargs = fields.take_object("chat_template_kwargs", "an object of template variables")?;
    let mut kwargs = kwargs.unwrap_or_else(|| Fields::new(Map::new(), ""));
    for name in ["enable_thinking", "thinking"] {
        if let Some(on) = kwargs.take(name, "true or false")? {
            switches.push(("chat_template_kwargs", on));
        }
    }
    let mut effort = fields.take::<String>("reasoning_effort", "a string")?.map(|word| ("reasoning_effort", word));
    if let Some(mut reasoning) = fields.take_object("reasoning", "an object such as {\"effort\": \"low\"}")? {
        effort = effort.or(reasoning.take("effort", "a string")?.map(|word| ("reasoning.effort", word)));
        if let Some(on) = reasoning.take("enabled", "true or false")? {
            switches.push(("reasoning", on));
        }
        wish.budget_tokens = wish.budget_tokens.or(reasoning.take("max_tokens", "a whole number of tokens")?);
        // There is no summary of thinking here: it is shown as it is.
        reasoning.map.retain(|name, _| name != "summary" && name != "generate_summary");
        reasoning.refuse_others(&["effort", "enabled", "max_tokens"])?;
    }
    if let Some((name, word)) = effort {
        let effort = parse_effort(name, &word)?;
        switches.push((name, effort != Effort::None));
        wish.effort = Some(effort);
    }
    if let [(first, on), rest @ ..] = switches.as_slice() {
        if let Some((other, _)) = rest.iter().find(|(_, value)| value != on) {
            let message =
                format!("`{first}` and `{other}` contradict each other: one turns thinking on, the other off");
            return Err(ApiError::invalid(*other, message));
        }
        wish.enabled = Some(*on);
    }
    Ok((wish, kwargs.map))
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
    thinking.map.remove("display");
    thinking.refuse_others(&["type", "budget_tokens", "min_tokens", "loop_guard"])?;
    Ok(switch)
}
