//! What the server is told by whoever starts it: where to listen, which models to serve, and how to talk to each.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use engine::{
    ConstraintError, Constraints, Decode, EngineHandle, SamplingParams, ThinkTags, TokenLogprobs, ToolFormat,
};
use serde_json::{Map, Value};

use crate::cors::Origin;
use crate::tls::TlsFiles;

/// Where to listen, and what to serve.
pub struct ServeConfig {
    /// A host name or address. Beyond loopback, `api_key_file` is demanded.
    pub host: String,
    /// 0 takes any free port.
    pub port: u16,
    /// One key a line; blank lines and `#` comments are skipped. With it every API call needs one of the keys.
    pub api_key_file: Option<PathBuf>,
    /// Pages of these origins may ask with a key; there must be keys then.
    pub cors_origins: Vec<Origin>,
    /// Where people find the app, if a proxy stands before this server; there must be keys then.
    pub public_origin: Option<Origin>,
    /// Encrypts connections.
    pub tls: Option<TlsFiles>,
    /// Where conversations, keys and usage are kept; `None` keeps them until the server ends.
    pub data_dir: Option<PathBuf>,
    /// The command that reads a PDF on its standard input (`pdf::read`), in a process that bounds itself; empty reads none.
    pub pdf_reader: Vec<OsString>,
    /// What a second of computing costs on this machine, all its cores together; shown under answers.
    pub dollars_per_second: f64,
    /// What the app shows of models, training runs and plans; `None` shows none.
    pub workshop: Option<Arc<dyn Workshop>>,
    /// The models, the default one first; at least one.
    pub models: Vec<Offer>,
    /// Bytes of memory that could be allocated now, where the system says: a model that needs more is not loaded.
    pub free_memory: fn() -> Option<u64>,
    /// Bounds on what clients may take up.
    pub limits: Limits,
}

/// A model that may be asked for, and the way to bring it into memory.
pub struct Offer {
    /// What clients see of it.
    pub card: ModelCard,
    /// What it takes up, its cache included.
    pub memory_bytes: u64,
    /// Loads it; takes its time, on the caller's thread. The error's text is for the user.
    pub load: Box<dyn Fn() -> Result<ServedModel, String> + Send + Sync>,
}

/// What is known of a model before it is loaded.
#[derive(Clone, Debug)]
pub struct ModelCard {
    /// The `model` of requests.
    pub name: String,
    /// One or two sentences from its card: what it can do, and what not.
    pub description: String,
    /// Questions it answers well, shown in the page.
    pub examples: Vec<String>,
    /// Prompt and completion together, in tokens.
    pub context_length: usize,
    /// Whether its thinking can be bounded and ended early.
    pub thinking: bool,
    /// Where a request says nothing.
    pub temperature: f32,
}

/// One model in memory.
pub struct ServedModel {
    /// Its card's.
    pub name: String,
    /// Runs it.
    pub engine: EngineHandle,
    /// Its tokenizer and chat template.
    pub format: Arc<dyn ChatFormat>,
    /// Used where a request says nothing; the seed is drawn anew for each request.
    pub sampling: SamplingParams,
    /// Judges given tokens, for `echo` with `logprobs`.
    pub scorer: Option<Arc<dyn Score>>,
}

impl ServedModel {
    /// Whether it has nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.engine.stats().in_flight.load(Relaxed) == 0
    }
}

/// Bounds on what clients may take up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Longest time a client may take to send its headers.
    pub header_time: Duration,
    /// Longest time a client may take to send its body.
    pub body_time: Duration,
    /// Longest time a completion may take, waiting included.
    pub completion_time: Duration,
    /// Most open connections. Beyond, those whose client keeps the server waiting make room for further ones; while all are
    /// at work, these wait.
    pub connections: usize,
    /// Silence after which a stream carries a comment, so that nothing between here and the client hangs up.
    pub keep_alive: Duration,
    /// Time that running completions get to end after a signal.
    pub shutdown_grace: Duration,
    /// Time without requests after which a model other than the default one is put away.
    pub model_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 20,
            header_time: Duration::from_secs(15),
            body_time: Duration::from_secs(30),
            completion_time: Duration::from_secs(30 * 60),
            connections: 512,
            keep_alive: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(5),
            model_idle: Duration::from_secs(10 * 60),
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatMessage {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// The text.
    pub content: String,
    /// An assistant's earlier thinking, for templates that want it.
    pub reasoning_content: Option<String>,
    /// An assistant's calls, in OpenAI's form, arguments as a string.
    pub tool_calls: Vec<Value>,
    /// Which call a `tool` message answers.
    pub tool_call_id: Option<String>,
    /// The author's name, which a few templates show.
    pub name: Option<String>,
}

/// How to render a prompt.
#[derive(Clone, Debug, Default)]
pub struct PromptOptions {
    /// `None` leaves it to the template.
    pub thinking: Option<bool>,
    /// Further template variables (`chat_template_kwargs`).
    pub variables: Map<String, Value>,
    /// Tools in OpenAI's form, where the template lists them itself.
    pub tools: Vec<Value>,
    /// The last message is the beginning of the assistant's turn.
    pub continues: bool,
}

/// A rendered, encoded prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptTokens {
    /// Its token ids.
    pub tokens: Vec<u32>,
    /// Whether it ends inside an open thinking block.
    pub in_thinking: bool,
}

/// What a template knows of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolSupport {
    /// How the model writes calls.
    pub format: ToolFormat,
    /// Whether the template tells the model which tools there are.
    pub lists_tools: bool,
    /// Whether it shows earlier calls and their results.
    pub shows_results: bool,
}

/// Teacher forcing with a served model: what it thinks of given tokens.
pub trait Score: Send + Sync {
    /// For each token but the first: its log-probability, and the `n_top` most probable ones in its place. Takes time in
    /// proportion to the tokens, on the caller's thread.
    fn score(&self, tokens: &[u32], n_top: usize) -> Vec<TokenLogprobs>;
}

/// Why a conversation cannot become a prompt; the user reads it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FormatError {
    /// The template refuses it.
    #[error("{0}")]
    Refused(String),
    /// It is so long that it need not be encoded to see that.
    #[error("{0}")]
    TooLong(String),
}

/// How a text without a template becomes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Puts the token that begins a document before it, where the model's tokenizer does and it is not there.
    pub add_special: bool,
    /// Whether names of control tokens in it become these tokens.
    pub parse_special: bool,
}

impl TextOptions {
    /// A prompt.
    pub const PROMPT: Self = Self { add_special: true, parse_special: true };
}

/// A model's tokenizer and chat template, as far as the server needs them.
pub trait ChatFormat: Decode + Send + Sync {
    /// The prompt for the assistant's next turn. No text of a message may become a control token.
    fn prompt(&self, messages: &[ChatMessage], options: &PromptOptions) -> Result<PromptTokens, FormatError>;

    /// Tokens that end the assistant's turn.
    fn stop_tokens(&self) -> Vec<u32>;

    /// `None` where the tags are not single tokens; they are then recognised by their text.
    fn think_tags(&self) -> Option<ThinkTags>;

    /// How tools are shown and called.
    fn tool_support(&self) -> ToolSupport;

    /// Bytes of text beyond which it cannot fit the context, whatever its tokens are.
    fn longest_text(&self) -> usize {
        usize::MAX
    }

    /// The id of a control token by its name.
    fn control_id(&self, name: &str) -> Option<u32>;

    /// The bytes a token stands for; of a control token, its name's.
    fn token_bytes(&self, id: u32) -> Vec<u8>;

    /// A text as it stands, without a template.
    fn encode_raw(&self, text: &str, options: TextOptions) -> Vec<u32>;

    /// The prompt that asks for what stands between two texts; `None` where the model knows no such thing.
    fn fill_in_the_middle(&self, prefix: &str, suffix: &str) -> Option<Vec<u32>>;

    /// Compiles constraints on answers; made at the first call.
    fn constraints(&self) -> Result<&Constraints, ConstraintError>;
}

/// The machine's other work, for the app's pages. Methods block. `Ok(None)`: there is no such thing; an error's text is for
/// the reader.
pub trait Workshop: Send + Sync {
    /// The figures of a served model, as `penseur inspect --json` prints them.
    fn model(&self, name: &str) -> Option<Value>;

    /// `{"root", "runs": [..]}`, each run with its `path` and what `penseur runs list --json` says of it.
    fn runs(&self) -> Result<Option<Value>, String>;

    /// The run of that `path`: `{"summary", "bill": [..], "series": {metric: [[step, value], ..]}, "recipe"}`.
    fn run(&self, path: &str) -> Result<Option<Value>, String>;

    /// What `penseur plan --json` prints for these arguments, an object of strings.
    fn plan(&self, arguments: &Value) -> Result<Option<Value>, String>;
}
