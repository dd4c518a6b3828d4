//! Chat templates: the Jinja program in a checkpoint that turns messages into a prompt.
//!
//! [`ChatTemplate::render`] gives the very string that `transformers`' `apply_chat_template` gives (Jinja
//! through `minijinja`, with Python's string methods, Hugging Face's `tojson`, `raise_exception` and
//! `strftime_now`, and fuel, because a template is a program from a stranger).
//!
//! **Why user text cannot forge control tokens.** A rendered prompt is one string in which the template's
//! `<｜Assistant｜>` and a user's look alike, so [`ChatTemplate::encode`] marks the user's before rendering.
//! Every string that comes with the request gets a *guard* (a Unicode noncharacter that occurs nowhere in
//! the request or the template) after each character that can begin a control token and before each that
//! can end one; for most vocabularies these are `<` and `>`. [`Tokenizer::encode_guarded`] then takes as
//! control tokens only those that stand whole in the rendered string, removes the guards, and encodes the
//! rest as ordinary pieces. Control tokens have two characters or more. If one's first character came from
//! the request, a guard follows it; if its last did, a guard precedes it; either way it does not stand
//! whole. So every control token begins and ends in the template's own text. (A template that writes a tag
//! around a value, `'<|' + message.role + '|>'`, does so with the role, which must be a known one.)
//!
//! Guards are invisible to what templates do with text: they are not white space (`trim`, `strip`) and
//! stand inside, never in front. A template that looks for a tag in a *user's* text does not find it. In an
//! assistant's message the thinking tags stay as they are when the message holds `</think>` and no
//! `reasoning_content`, because that is how templates find the thinking they drop (`split('</think>')`).

mod clock;
mod python_json;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value as JinjaValue, ValueKind};
use minijinja::{Environment, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::tokenizer::{THINK_END, THINK_START, Tokenizer, token_text};

/// The default template, in R1's form.
pub const PENSEUR_TEMPLATE: &str = include_str!("penseur.jinja");

/// The default template for a model that has only learned single questions: of a conversation it shows the last one.
pub fn single_turn_template() -> String {
    PENSEUR_TEMPLATE.replace("set single_turn = false", "set single_turn = true")
}

/// Roles that [`ChatTemplate::encode`] accepts.
pub const ROLES: [&str; 7] = ["system", "developer", "user", "assistant", "tool", "function", "ipython"];

/// Instructions (and 64-byte pieces of text) one rendering may cost; a long chat costs about 100 a message.
const FUEL: u64 = 5_000_000;

const TEMPLATE_NAME: &str = "chat_template";

/// One message of a conversation, as OpenAI's and DeepSeek's APIs spell it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// The text; null for an assistant's message that only calls tools.
    #[serde(default)]
    pub content: Option<String>,
    /// The assistant's thinking, where it is kept apart from the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// An assistant's calls, in OpenAI's form.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub tool_calls: Vec<Value>,
    /// Which call a `tool` message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The author's name, which a few templates show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Message {
    /// A message with a role and a text.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: Some(content.into()), ..Self::default() }
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// The system prompt.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content)
    }

    /// An answer; give the thinking with [`Message::with_reasoning`].
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new("assistant", content)
    }

    /// The same message with its thinking.
    pub fn with_reasoning(mut self, reasoning: impl Into<String>) -> Self {
        self.reasoning_content = Some(reasoning.into());
        self
    }
}

/// How to render.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// Ends the prompt where the assistant begins to write. Default true.
    pub add_generation_prompt: bool,
    /// Asks for thinking or for none (`enable_thinking` and V3.1's `thinking` in the template); `None` leaves
    /// it to the template. A template without such a switch that opens `<think>` itself gets an empty
    /// thinking block appended for `Some(false)`.
    pub thinking: Option<bool>,
    /// Tool definitions in OpenAI's form.
    pub tools: Vec<Value>,
    /// More variables, by name (`chat_template_kwargs` on the wire); those that stand for the options above, the messages or
    /// the special tokens have no effect.
    pub variables: Map<String, Value>,
    /// Bytes beyond which a prompt is refused before it is encoded, because no context would hold it.
    pub longest: Option<usize>,
    /// The time that `strftime_now` shows, in UTC; `None` is now.
    pub now: Option<SystemTime>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        let (tools, variables) = (Vec::new(), Map::new());
        Self { add_generation_prompt: true, thinking: None, tools, variables, longest: None, now: None }
    }
}

/// A prompt ready for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What [`ChatTemplate::render`] gives, unless the template looks for tags in the user's text.
    pub text: String,
    /// Its token ids; control tokens are the template's alone.
    pub tokens: Vec<u32>,
    /// True if the prompt ends inside an open thinking block, so that the answer begins with thinking.
    pub in_thinking: bool,
}

/// What can go wrong with a template.
#[derive(Debug, thiserror::Error)]
pub enum ChatTemplateError {
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// `tokenizer_config.json` is not JSON or its `chat_template` has an unknown form.
    #[error("{path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What was found and expected.
        reason: String,
    },
    /// Not a Jinja template.
    #[error("the chat template is not valid Jinja: {0}")]
    Syntax(String),
    /// The template refuses these messages by `raise_exception`.
    #[error("the chat template refuses these messages: {0}")]
    Refused(String),
    /// The template failed on these messages.
    #[error("the chat template failed on these messages: {0}")]
    Failed(String),
    /// A role that is none of [`ROLES`].
    #[error("unknown role {0:?}: expected system, developer, user, assistant or tool")]
    UnknownRole(String),
    /// Longer than [`RenderOptions::longest`].
    #[error("the prompt has {n_bytes} bytes, and no more than {longest} can fit this model's context: shorten it")]
    TooLong {
        /// What it has.
        n_bytes: usize,
        /// What may fit.
        longest: usize,
    },
    /// Nothing left to guard with.
    #[error("the messages hold all 32 Unicode noncharacters U+FDD0 to U+FDEF: expected text")]
    NoGuard,
}

/// A compiled chat template with the special tokens it may name.
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    special_tokens: Map<String, Value>,
}

impl ChatTemplate {
    /// Our own template with our tokens' names.
    pub fn penseur() -> Self {
        let [bos, eos] = [0, 1].map(|id| crate::tokenizer::SPECIAL_TOKENS[id]);
        Self::new(PENSEUR_TEMPLATE, bos, eos).expect("the built-in template is tested")
    }

    /// From Jinja source; `bos_token` and `eos_token` are what the template sees under those names.
    pub fn new(source: &str, bos_token: &str, eos_token: &str) -> Result<Self, ChatTemplateError> {
        let special_tokens =
            [("bos_token", bos_token), ("eos_token", eos_token)].map(|(name, text)| (name.to_owned(), text.into()));
        Self::with_special_tokens(source, special_tokens.into_iter().collect())
    }

    /// The template of a checkpoint: `chat_template.jinja`, else `chat_template` in
    /// `tokenizer_config.json` (of several named ones `default`). `Ok(None)` if it has none.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Option<Self>, ChatTemplateError> {
        let dir = dir.as_ref();
        let config_path = dir.join("tokenizer_config.json");
        let config = read_if_exists(&config_path)?.unwrap_or_default();
        let jinja = read_if_exists(&dir.join("chat_template.jinja"))?;
        Self::from_files(&config_path, config.as_bytes(), jinja)
    }

    /// The template in the bytes of a `tokenizer_config.json` (none where they are empty).
    pub fn from_config(tokenizer_config: &[u8]) -> Result<Option<Self>, ChatTemplateError> {
        Self::from_files(Path::new("tokenizer_config.json"), tokenizer_config, None)
    }

    fn from_files(
        config_path: &Path,
        tokenizer_config: &[u8],
        jinja: Option<String>,
    ) -> Result<Option<Self>, ChatTemplateError> {
        let refused = |reason| ChatTemplateError::Config { path: config_path.to_owned(), reason };
        let config: Value = match tokenizer_config {
            [] => Value::Null,
            json => serde_json::from_slice(json).map_err(|e| refused(format!("not JSON: {e}")))?,
        };
        let source = match jinja {
            Some(source) => Some(source),
            None => template_in(&config).map_err(refused)?,
        };
        let Some(source) = source else {
            return Ok(None);
        };
        let special_tokens = ["bos_token", "eos_token", "pad_token", "unk_token"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), token_text(&config[name])?.into())))
            .collect();
        Self::with_special_tokens(&source, special_tokens).map(Some)
    }

    fn with_special_tokens(source: &str, special_tokens: Map<String, Value>) -> Result<Self, ChatTemplateError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("only white space is set"));
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_formatter(format_as_python);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise_exception);
        environment
            .add_template_owned(TEMPLATE_NAME, without_generation_tags(source))
            .map_err(|e| ChatTemplateError::Syntax(describe(&e)))?;
        Ok(Self { environment, source: source.to_owned(), special_tokens })
    }

    /// The Jinja source, to be written into checkpoints.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The prompt as `transformers` renders it. To feed a model use [`ChatTemplate::encode`]: in this
    /// string the user's text and the template's are no longer told apart.
    pub fn render(&self, messages: &[Message], options: &RenderOptions) -> Result<String, ChatTemplateError> {
        let messages: Vec<Value> = messages.iter().map(message_value).collect();
        self.render_values(messages.into(), options)
    }

    /// The prompt as token ids, in which control tokens come from the template alone (see the top of this
    /// file).
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        options: &RenderOptions,
    ) -> Result<Prompt, ChatTemplateError> {
        if let Some(message) = messages.iter().find(|m| !ROLES.contains(&m.role.as_str())) {
            return Err(ChatTemplateError::UnknownRole(message.role.clone()));
        }
        let guard = Guard::new(tokenizer, &[&self.source], messages, options).ok_or(ChatTemplateError::NoGuard)?;
        let guarded = messages.iter().map(|m| guard.message(m)).collect::<Vec<_>>();
        let options = RenderOptions {
            tools: options.tools.iter().map(|tool| guard.value(tool)).collect(),
            variables: options.variables.iter().map(|(k, v)| (k.clone(), guard.value(v))).collect(),
            ..options.clone()
        };
        let text = self.render_values(guarded.into(), &options)?;
        let n_bytes = text.len() - text.matches(guard.guard).count() * guard.guard.len_utf8();
        if let Some(longest) = options.longest.filter(|&longest| n_bytes > longest) {
            return Err(ChatTemplateError::TooLong { n_bytes, longest });
        }
        Ok(Prompt {
            tokens: tokenizer.encode_guarded(&text, guard.guard),
            in_thinking: text.rfind(THINK_START) > text.rfind(THINK_END),
            text: text.replace(guard.guard, ""),
        })
    }

    fn render_values(&self, messages: Value, options: &RenderOptions) -> Result<String, ChatTemplateError> {
        let now = options.now;
        let strftime_now = move |format: &str| clock::strftime(format, now.unwrap_or_else(SystemTime::now));
        let none_if_empty = |tools: &[Value]| match tools {
            [] => JinjaValue::from(()),
            tools => JinjaValue::from(Serde(tools)),
        };
        let named = |map: &Map<String, Value>| -> Vec<(String, JinjaValue)> {
            map.iter().map(|(name, value)| (name.clone(), JinjaValue::from(Serde(value)))).collect()
        };
        // The last of a name counts: no variable replaces what has an option of its own.
        let mut context = vec![("documents".to_owned(), JinjaValue::from(()))];
        context.extend(named(&options.variables));
        context.extend([
            ("strftime_now".into(), JinjaValue::from_function(strftime_now)),
            ("messages".into(), JinjaValue::from(Serde(&messages))),
            ("tools".into(), none_if_empty(&options.tools)),
            ("add_generation_prompt".into(), options.add_generation_prompt.into()),
        ]);
        if let Some(thinking) = options.thinking {
            context.push(("enable_thinking".into(), thinking.into()));
            context.push(("thinking".into(), thinking.into()));
        }
        context.extend(named(&self.special_tokens));

        let template = self.environment.get_template(TEMPLATE_NAME).expect("added by the constructor");
        let mut text = template.render(JinjaValue::from_pairs(context)).map_err(|error| match raised(&error) {
            Some(message) => ChatTemplateError::Refused(message),
            None => ChatTemplateError::Failed(describe(&error)),
        })?;
        let opens_thinking = text.ends_with("<think>\n") && options.add_generation_prompt;
        if options.thinking == Some(false) && opens_thinking && !self.source.contains("thinking") {
            text.push_str("\n</think>\n\n");
        }
        Ok(text)
    }
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatTemplate").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Marks strings so that no control token in them stands whole.
struct Guard {
    guard: char,
    firsts: Vec<char>,
    lasts: Vec<char>,
}

impl Guard {
    /// Picks a guard that occurs in nothing rendered; `None` if all occur.
    fn new(tokenizer: &Tokenizer, sources: &[&str], messages: &[Message], options: &RenderOptions) -> Option<Self> {
        let request =
            serde_json::to_string(&(messages, &options.tools, &options.variables)).expect("strings and JSON values");
        let unused = |c: &char| !request.contains(*c) && sources.iter().all(|s| !s.contains(*c));
        let guard = ('\u{FDD0}'..='\u{FDEF}').find(unused)?;
        let tags = || tokenizer.control_tokens().chain([THINK_START, THINK_END]);
        let mut firsts: Vec<char> = tags().filter_map(|t| t.chars().next()).collect();
        let mut lasts: Vec<char> = tags().filter_map(|t| t.chars().next_back()).collect();
        for ends in [&mut firsts, &mut lasts] {
            ends.sort_unstable();
            ends.dedup();
        }
        Some(Self { guard, firsts, lasts })
    }

    fn message(&self, message: &Message) -> Value {
        let content = message.content.as_deref();
        let keeps_thinking = message.role == "assistant"
            && message.reasoning_content.is_none()
            && content.is_some_and(|c| c.contains(THINK_END));
        let whole = |text: &Option<String>| text.as_deref().map(|t| self.text(t, false));
        message_value(&Message {
            role: message.role.clone(),
            content: content.map(|c| self.text(c, keeps_thinking)),
            reasoning_content: whole(&message.reasoning_content),
            tool_calls: message.tool_calls.iter().map(|call| self.value(call)).collect(),
            tool_call_id: whole(&message.tool_call_id),
            name: whole(&message.name),
        })
    }

    /// Guards every string in a JSON value, keys too.
    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text, false).into(),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => {
                let guarded = entries.iter().map(|(k, v)| (self.text(k, false), self.value(v)));
                Value::Object(guarded.collect())
            }
            other => other.clone(),
        }
    }

    fn text(&self, text: &str, keep_thinking_tags: bool) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let tag = [THINK_START, THINK_END].into_iter().find(|tag| rest.starts_with(tag));
            if let (true, Some(tag)) = (keep_thinking_tags, tag) {
                out.push_str(tag);
                rest = &rest[tag.len()..];
                continue;
            }
            if self.lasts.contains(&c) {
                out.push(self.guard);
            }
            out.push(c);
            if self.firsts.contains(&c) {
                out.push(self.guard);
            }
            rest = &rest[c.len_utf8()..];
        }
        out
    }
}

fn message_value(message: &Message) -> Value {
    serde_json::to_value(message).expect("strings and JSON values")
}

fn read_if_exists(path: &Path) -> Result<Option<String>, ChatTemplateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ChatTemplateError::Read { path: path.into(), source }),
    }
}

/// `chat_template` in a `tokenizer_config.json`: a string, or a list of `{name, template}`.
fn template_in(config: &Value) -> Result<Option<String>, String> {
    match &config["chat_template"] {
        Value::Null => Ok(None),
        Value::String(source) => Ok(Some(source.clone())),
        Value::Array(named) => {
            let of = |name: &str| named.iter().find(|entry| entry["name"] == name);
            let entry = of("default").or(named.first());
            Ok(entry.and_then(|e| e["template"].as_str()).map(str::to_owned))
        }
        other => Err(format!("chat_template is {other}: expected a string or a list of {{name, template}}")),
    }
}

/// `{% generation %}` and `{% endgeneration %}` mark the assistant's text for training in `transformers`;
/// they render nothing.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else {
            break;
        };
        let tag = &rest[start + 2..start + length];
        let word = tag.trim_matches(['-', '+']).trim();
        let replaced = match word {
            "generation" => tag.replace("generation", "if true"),
            "endgeneration" => tag.replace("endgeneration", "endif"),
            _ => tag.to_owned(),
        };
        out.push_str(&rest[..start + 2]);
        out.push_str(&replaced);
        out.push_str("%}");
        rest = &rest[start + length + 2..];
    }
    out + rest
}

/// Python writes `True`, `False` and `None` where Jinja in Rust writes them in lower case.
fn format_as_python(
    out: &mut minijinja::Output,
    state: &mut minijinja::State,
    value: &JinjaValue,
) -> Result<(), minijinja::Error> {
    let name = match (value.is_none(), bool::try_from(value.clone())) {
        (true, _) => "None",
        (_, Ok(true)) if value.kind() == ValueKind::Bool => "True",
        (_, Ok(false)) if value.kind() == ValueKind::Bool => "False",
        _ => return minijinja::escape_formatter(out, state, value),
    };
    out.write_str(name).map_err(minijinja::Error::from)
}

/// Hugging Face's filter: `json.dumps` with `ensure_ascii=False` and no escaping for HTML.
fn to_json(value: JinjaValue, ensure_ascii: Option<bool>, options: Kwargs) -> Result<String, minijinja::Error> {
    let named: Option<bool> = options.get("ensure_ascii")?;
    let indent: Option<usize> = options.get("indent")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let style = python_json::Style {
        indent,
        ensure_ascii: ensure_ascii.or(named).unwrap_or(false),
        sort_keys: sort_keys.unwrap_or(false),
    };
    python_json::dumps(&value, style)
        .map_err(|e| minijinja::Error::new(ErrorKind::InvalidOperation, format!("tojson: {e}")))
}

/// Carries a template's own message through `minijinja`'s error.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

fn raise_exception(message: String) -> Result<JinjaValue, minijinja::Error> {
    let error = minijinja::Error::new(ErrorKind::InvalidOperation, message.clone());
    Err(error.with_source(Raised(message)))
}

fn raised(error: &minijinja::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(Raised(message)) = error.downcast_ref() {
            return Some(message.clone());
        }
        cause = error.source();
    }
    None
}

fn describe(error: &minijinja::Error) -> String {
    match error.line() {
        Some(line) => format!("line {line}: {error}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
