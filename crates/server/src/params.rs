//! From a chat request to engine requests: renders the prompt, fills in the model's defaults, decides how much may be
//! thought and what the answer must be like.
//!
//! `max_tokens` bounds thinking and answer together ([`engine::thinking_wish`] says what happens without it).

use engine::tool_grammar::{CallRules, ToolRule, tool_grammar};
use engine::{
    Constraint, ConstraintError, Grammar, Request, SamplingParams, Split, ThinkingParams, ToolFormat, sampler,
};
use serde_json::Value;

use crate::config::{ChatMessage, FormatError, PromptOptions, PromptTokens, ServedModel};
use crate::error::ApiError;
use crate::tool_prompt;
use crate::wire::ChatRequest;
use crate::wire::tools::{Form, ToolChoice};

#[cfg(test)]
pub mod tests;

/// What one chat request asks of the engine.
pub struct Job {
    /// One for each of `n`.
    pub requests: Vec<Request>,
    /// How its thinking is recognised.
    pub split: Split,
    /// Whether the answer begins with thinking.
    pub in_thinking: bool,
    /// Where the prompt ends with the beginning of what is to be written: whether that is thinking.
    pub begun_in_thinking: Option<bool>,
    /// How calls are recognised, where there may be some.
    pub tools: Option<ToolFormat>,
    /// Whether an answer ends with its first call.
    pub one_call: bool,
    /// The field that says what the answer must be like, where one does.
    pub form: Option<&'static str>,
}

/// Renders and encodes the prompt and settles every parameter. Takes time in proportion to the prompt.
pub fn prepare(model: &ServedModel, chat: &ChatRequest) -> Result<Job, ApiError> {
    let prompt = render(model, chat)?;
    let room = model.engine.context().saturating_sub(prompt.tokens.len());
    let max_tokens = chat.max_tokens.unwrap_or(room).min(room);
    let (constraint, form) = constraint(model, chat)?.unzip();
    let thinking = thinking_params(model, chat, max_tokens, prompt.in_thinking)?;
    if constraint.is_some() && thinking.is_none() && prompt.in_thinking {
        let message = "this model's thinking tags are not single tokens, so its answer cannot be bound to a form: turn thinking off, or remove the form";
        return Err(ApiError::invalid(form.unwrap_or_default(), message));
    }
    let split = match thinking {
        Some(_) => Split::ByToken,
        None => Split::ByText { opened_by_prompt: prompt.in_thinking },
    };
    let request = Request {
        prompt: prompt.tokens,
        // A prompt that leaves no room is refused by the engine, with the figures.
        max_tokens: max_tokens.max(1),
        stop_tokens: model.format.stop_tokens(),
        sampling: chat.sampling.over(&model.sampling, random_u64()?),
        thinking,
        constraint,
        logprobs: chat.logprobs,
        user: 0,
    };
    Ok(Job {
        requests: each(&request, chat.n),
        split,
        in_thinking: prompt.in_thinking,
        begun_in_thinking: begun(chat).and_then(|message| match message.content.is_empty() {
            false => Some(false),
            // Thinking that was begun is left out where there is none.
            true => prompt.in_thinking.then_some(true),
        }),
        tools: chat.tools.is_on().then(|| model.format.tool_support().format),
        one_call: chat.tools.allows_one_call(),
        form,
    })
}

/// The prompt, by the model's template.
pub fn render(model: &ServedModel, chat: &ChatRequest) -> Result<PromptTokens, ApiError> {
    let support = model.format.tool_support();
    let tools = if chat.tools.is_on() { &chat.tools.definitions[..] } else { &[] };
    let messages = tool_prompt::in_plain_words(&chat.messages, tools, support);
    // An answer that was begun without its thinking goes on without thinking.
    let answered = begun(chat).is_some_and(|m| m.reasoning_content.is_none() && !m.content.is_empty());
    let options = PromptOptions {
        thinking: chat.thinking.switch().or(answered.then_some(false)),
        variables: chat.template_variables.clone(),
        tools: if support.lists_tools { tools.to_vec() } else { Vec::new() },
        continues: chat.continues,
    };
    model.format.prompt(&messages, &options).map_err(|error| match error {
        FormatError::Refused(message) => ApiError::invalid("messages", message),
        FormatError::TooLong(message) => ApiError::too_long("messages", message),
    })
}

/// The message that the answer goes on from, where it has a text.
fn begun(chat: &ChatRequest) -> Option<&ChatMessage> {
    let has_text = |text: &str| !text.is_empty();
    let last = chat.messages.last().filter(|_| chat.continues)?;
    (has_text(&last.content) || last.reasoning_content.as_deref().is_some_and(has_text)).then_some(last)
}

/// `n` copies of a request, each with a seed of its own.
pub fn each(request: &Request, n: usize) -> Vec<Request> {
    let with_seed = |idx| {
        let seed = sampler::derive_seed(request.sampling.seed, idx);
        Request { sampling: SamplingParams { seed, ..request.sampling.clone() }, ..request.clone() }
    };
    (0..n as u64).map(with_seed).collect()
}

/// A grammar made ready for this model, for an answer that is drawn with this bias.
pub fn compile(
    model: &ServedModel,
    grammar: &Grammar,
    param: &str,
    bias: &[(u32, f32)],
) -> Result<Constraint, ApiError> {
    let refuse = |error: ConstraintError| ApiError::invalid(param, format!("`{param}` cannot be used: {error}"));
    let constraint = model.format.constraints().and_then(|all| all.compile(grammar)).map_err(refuse)?;
    let (vocab_size, stop_tokens) = (model.engine.vocab_size(), model.format.stop_tokens());
    if !bias.is_empty() && !constraint.allows_bias(bias, vocab_size, &stop_tokens).map_err(refuse)? {
        return Err(ApiError::invalid("logit_bias", ConstraintError::RuledOut.to_string()));
    }
    Ok(constraint)
}

/// What the answer must be, its format or calls of tools, and the field that says so. A form is of an answer's text, of
/// which there is none beside a call that is demanded.
fn constraint(model: &ServedModel, chat: &ChatRequest) -> Result<Option<(Constraint, &'static str)>, ApiError> {
    let bias = &chat.sampling.logit_bias;
    let strict = |tool: &Value| tool["function"]["strict"] == true;
    let tools = &chat.tools;
    let required = matches!(tools.choice, ToolChoice::Required | ToolChoice::Named(_));
    let format = model.format.tool_support().format;
    // Beside free text only calls that begin with a control token can be told from text.
    let may_bind = required || model.format.control_id(format.begin()).is_some();
    if tools.is_on() && may_bind && (required || tools.definitions.iter().any(strict)) {
        let named = tools.definitions.iter().filter_map(|tool| Some((tool["function"]["name"].as_str()?, tool)));
        let wanted = named.filter(|(name, _)| !matches!(&tools.choice, ToolChoice::Named(only) if only != name));
        let all: Vec<ToolRule> = wanted
            .map(|(name, tool)| ToolRule { name, schema: &tool["function"]["parameters"], strict: strict(tool) })
            .collect();
        let rules = CallRules { tools: &all, parallel: !tools.allows_one_call(), required };
        let grammar = tool_grammar(format, rules, |name| model.format.control_id(name));
        return Ok(Some((compile(model, &grammar, "tools", bias)?, "tools")));
    }
    let compile = |form: &Form| Ok((compile(model, &form.grammar, form.field, bias)?, form.field));
    chat.format.as_ref().map(compile).transpose()
}

fn thinking_params(
    model: &ServedModel,
    chat: &ChatRequest,
    max_tokens: usize,
    open: bool,
) -> Result<Option<ThinkingParams>, ApiError> {
    let Some(tags) = model.format.think_tags() else {
        if !chat.thinking.needs_tags() {
            return Ok(None);
        }
        let message =
            "this model's thinking tags are not single tokens, so its thinking cannot be bounded: remove the budget";
        return Err(ApiError::invalid("thinking", message));
    };
    Ok(Some(chat.thinking.params(&tags, open, max_tokens, chat.max_tokens.is_some())))
}

/// A number from the system's random source.
pub fn random_u64() -> Result<u64, ApiError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the system's random source failed ({error}); give a `seed`");
        ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "no_randomness", message)
    })?;
    Ok(u64::from_le_bytes(bytes))
}

/// An id that nobody guesses.
pub fn random_id(prefix: &str) -> Result<String, ApiError> {
    Ok(format!("{prefix}{:016x}{:016x}", random_u64()?, random_u64()?))
}
