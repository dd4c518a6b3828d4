//! The inference engine: requests in, tokens out, many at a time.
//!
//! Synchronous and small, in nano-vllm's shape and vLLM's words. It knows [`LanguageModel`] alone: no
//! architecture, no file format, no HTTP.
//!
//! | module | what |
//! |---|---|
//! | [`language_model`] | the trait that a model fulfils, and the size of a KV block |
//! | [`request`], [`sequence`] | what is asked, and its state while it runs |
//! | [`block_manager`], [`scheduler`] | who gets memory, and whose tokens run in the next step |
//! | [`sampler`], [`shaper`], [`constraint`] | which token comes next: drawn, biased, penalised, bound to a grammar |
//! | [`thinking`], [`thinking_wish`] | when thinking ends; what users say about it |
//! | [`engine`], [`thread`] | one step; the same on a thread of its own behind a channel |
//! | [`exact`] | a `model::Model` as a [`LanguageModel`]: the trainer's own forward |
//! | [`detokenizer`], [`reasoning_parser`], [`stop_strings`], [`answer_stream`] | tokens to the text of thinking and answer |
//! | [`tool_parser`], [`tool_grammar`] | tool calls in that text; calls that must fit a schema |
#![forbid(unsafe_code)]

pub mod answer_stream;
pub mod block_manager;
pub mod constraint;
pub mod detokenizer;
pub mod engine;
pub mod exact;
pub mod language_model;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
pub mod reasoning_parser;
pub mod request;
pub mod sampler;
pub mod scheduler;
pub mod sequence;
pub mod shaper;
pub mod stop_strings;
pub mod thinking;
pub mod thinking_wish;
pub mod thread;
pub mod tool_grammar;
pub mod tool_parser;

pub use answer_stream::{AnswerStream, Delta, Split};
pub use constraint::{Constraint, ConstraintError, Constraints, Grammar};
pub use detokenizer::Decode;
pub use engine::{Completion, Engine, EngineConfig};
pub use language_model::{BLOCK_SIZE, LanguageModel, SeqStep};
pub use reasoning_parser::ReasoningParser;
pub use request::{
    Event, FinishReason, Finished, Request, RequestError, SamplingParams, ThinkingParams, ThinkingStopReason, Timings,
    Token, TokenKind, TokenLogprobs, Usage,
};
pub use thinking_wish::{Effort, ThinkTags, ThinkingWish};
pub use thread::{EngineHandle, Generation, Stats, SubmitError};
pub use tool_parser::{ToolCall, ToolFormat, ToolParser};
