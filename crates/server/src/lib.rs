//! The HTTP server: OpenAI's chat completions in DeepSeek's dialect, and the chat page, over engines that it is given.
//!
//! All of HTTP lives here. A request goes: `security` (host, origin, key) → `wire` (JSON, strictly) → `params`
//! (template, tokens, settings) → `engine` → `completion` (events to text) → `reply` (JSON), whole or as a stream (`chat`).
//!
//! `serve` blocks until a signal; tests drive `Server` themselves.
#![forbid(unsafe_code)]

mod accounts;
mod admission;
mod anthropic;
mod app;
mod chat;
mod completion;
mod completions;
mod config;
mod connections;
mod cors;
mod error;
pub mod lan;
mod meter;
mod metrics;
mod models;
mod openapi;
mod params;
pub mod pdf;
mod private;
mod reply;
mod responses;
mod routes;
mod security;
mod serve;
mod shelf;
mod sse;
mod tls;
mod tokens;
mod tool_prompt;
mod wire;

pub use accounts::{Accounts, AccountsError, KeyInfo, KeyLimits, UsageRow, Used};
pub use config::{
    ChatFormat, ChatMessage, FormatError, Limits, ModelCard, Offer, PromptOptions, PromptTokens, Score, ServeConfig,
    ServedModel, TextOptions, ToolSupport, Workshop,
};
pub use cors::{Origin, OriginError};
pub use engine::ThinkTags;
pub use serve::{ServeError, Server, serve};
pub use tls::TlsFiles;
#[doc(hidden)]
pub use wire::count_dialects;
