//! What is asked of the engine and what it answers: plain data, no behaviour but validation.

use std::collections::BTreeSet;
use std::time::Duration;

use kernels::distribution::Filter;
use thiserror::Error;

use crate::constraint::{Constraint, ConstraintError};

/// One completion to generate.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Token ids of the rendered prompt; at least one.
    pub prompt: Vec<u32>,
    /// Most tokens to generate, thinking included. The context's end bounds it too; both give [`FinishReason::Length`].
    pub max_tokens: usize,
    /// Ids that end the completion. The stop token itself is the last token reported.
    pub stop_tokens: Vec<u32>,
    /// How the next token is drawn.
    pub sampling: SamplingParams,
    /// Control of thinking; `None` for models whose thinking has no token ids, and for raw completions.
    pub thinking: Option<ThinkingParams>,
    /// What the answer must be like. The thinking stays free.
    pub constraint: Option<Constraint>,
    /// Reports before each token its log-probability in the model's own distribution, and the most probable this many
    /// tokens ([`Event::Logprobs`]).
    pub logprobs: Option<usize>,
    /// Whose request it is: of those waiting, the user with the fewest running goes first.
    pub user: u64,
}

/// How a token is drawn from the logits. Bias and penalties change the logits first; then the order is that of
/// `transformers`: temperature, top-k, top-p, min-p, typical.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// 0 takes the most probable token (the lowest id among equals).
    pub temperature: f32,
    /// Keeps the k most probable tokens; 0 keeps all.
    pub top_k: usize,
    /// Keeps the fewest most probable tokens whose mass reaches it: 0 keeps one, 1 keeps all.
    pub top_p: f32,
    /// Keeps tokens at least this fraction as probable as the most probable one; 0 keeps all.
    pub min_p: f32,
    /// Keeps the tokens whose surprise is nearest to the expected one, until they have this mass (Meister et al. 2023,
    /// "Locally Typical Sampling"); 1 keeps all.
    pub typical_p: f32,
    /// Divides the positive logits of tokens seen in prompt or completion by this, and multiplies the negative ones
    /// (Keskar et al. 2019, CTRL); 1 changes nothing.
    pub repetition_penalty: f32,
    /// Taken from the logit of every token the completion already holds.
    pub presence_penalty: f32,
    /// Taken from the logit of a token once for each time the completion holds it.
    pub frequency_penalty: f32,
    /// Added to the logits of single tokens; minus infinity rules one out.
    pub logit_bias: Vec<(u32, f32)>,
    /// The n-th token of a completion is drawn with the n-th number of this seed's stream, whoever else is running.
    pub seed: u64,
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
        }
    }
}

impl SamplingParams {
    /// What makes logits the distribution to draw from; `None` at temperature 0 (or so near that a logit divided by it
    /// would not be a number), where the most probable token is taken.
    pub fn filter(&self) -> Option<Filter> {
        let Self { temperature, top_k, top_p, min_p, .. } = *self;
        (temperature > 1e-30).then_some(Filter { temperature, top_k, top_p, min_p })
    }
}

/// How thinking is recognised and bounded.
#[derive(Clone, Debug)]
pub struct ThinkingParams {
    /// Id of `<think>`.
    pub start_token: u32,
    /// Id of `</think>`.
    pub end_token: u32,
    /// Whether the prompt ends inside an open block, as R1's template does.
    pub open: bool,
    /// Most thinking tokens before the block is closed by force; `None` leaves the end to the model.
    pub budget: Option<usize>,
    /// What is put in to close a block; contains `end_token`.
    pub closing: Vec<u32>,
    /// With a budget: tokens of `max_tokens` (at most half of it) kept back for the answer.
    pub answer_reserve: usize,
    /// Closes the block when the thinking repeats itself word for word.
    pub loop_guard: bool,
    /// Fewest thinking tokens: a model that would end its thinking earlier gets `wait` put in instead, so that it looks
    /// again (Muennighoff et al. 2025, "s1: Simple test-time scaling"). A budget goes before it. 0 forces nothing.
    pub min_tokens: usize,
    /// What is put in to go on thinking, such as a line break and `Wait`; not empty where `min_tokens` is not 0.
    pub wait: Vec<u32>,
}

/// Why a request cannot run at all.
#[derive(Debug, Error, PartialEq)]
pub enum RequestError {
    /// A completion needs something to continue.
    #[error("the prompt is empty: give at least one token")]
    EmptyPrompt,
    /// The prompt leaves no room for a single new token.
    #[error("the prompt has {n_prompt} tokens, but this model's context holds {context}, answer included: shorten it")]
    PromptTooLong {
        /// Tokens in the prompt.
        n_prompt: usize,
        /// Tokens that fit, prompt and completion together.
        context: usize,
    },
    /// An id outside the vocabulary.
    #[error("token id {id} is outside the vocabulary of {vocab_size}")]
    UnknownToken {
        /// The offending id.
        id: u32,
        /// Ids must be below it.
        vocab_size: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {value}, but must be {expected}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl Request {
    /// Checks everything that depends on the request, the vocabulary and the context length alone.
    pub fn validate(&self, vocab_size: usize, context: usize) -> Result<(), RequestError> {
        if self.prompt.is_empty() {
            return Err(RequestError::EmptyPrompt);
        }
        if self.prompt.len() >= context {
            return Err(RequestError::PromptTooLong { n_prompt: self.prompt.len(), context });
        }
        let put_in = self.thinking.iter().flat_map(|t| t.closing.iter().chain(&t.wait));
        let biased = self.sampling.logit_bias.iter().map(|(id, _)| id);
        if let Some(&id) = self.prompt.iter().chain(put_in).chain(biased).find(|&&id| id as usize >= vocab_size) {
            return Err(RequestError::UnknownToken { id, vocab_size });
        }
        let SamplingParams { temperature, top_p, min_p, typical_p, .. } = self.sampling;
        let SamplingParams { repetition_penalty, presence_penalty, frequency_penalty, .. } = self.sampling;
        let range = |ok: bool, name, value: String, expected| {
            if ok { Ok(()) } else { Err(RequestError::OutOfRange { name, value, expected }) }
        };
        range(self.max_tokens > 0, "max_tokens", self.max_tokens.to_string(), "at least 1")?;
        range(temperature.is_finite() && temperature >= 0.0, "temperature", temperature.to_string(), "0 or more")?;
        range((0.0..=1.0).contains(&top_p), "top_p", top_p.to_string(), "from 0 to 1")?;
        range((0.0..=1.0).contains(&min_p), "min_p", min_p.to_string(), "from 0 to 1")?;
        range(typical_p > 0.0 && typical_p <= 1.0, "typical_p", typical_p.to_string(), "above 0 and at most 1")?;
        let repetition = repetition_penalty.is_finite() && repetition_penalty > 0.0;
        range(repetition, "repetition_penalty", repetition_penalty.to_string(), "above 0")?;
        for (name, penalty) in [("presence_penalty", presence_penalty), ("frequency_penalty", frequency_penalty)] {
            range(penalty.is_finite(), name, penalty.to_string(), "a number")?;
        }
        let ruled_out: BTreeSet<u32> =
            self.sampling.logit_bias.iter().filter(|(_, bias)| *bias == f32::NEG_INFINITY).map(|(id, _)| *id).collect();
        range(ruled_out.len() < vocab_size, "logit_bias", "a ban on every token".into(), "such that one is left")?;
        let waits = self.thinking.as_ref().is_none_or(|t| t.min_tokens == 0 || !t.wait.is_empty());
        range(waits, "wait", "empty".into(), "at least one token where thinking has a least length")?;
        let closes = self.thinking.as_ref().is_none_or(|t| t.closing.contains(&t.end_token));
        range(closes, "closing", "without the end token".into(), "a sequence that holds the end token")
    }
}

/// What a generated token is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Part of the thinking.
    Thinking,
    /// `<think>` or `</think>`: counted with the thinking, shown nowhere.
    ThinkTag,
    /// Part of the answer.
    Answer,
    /// The stop token that ends the completion.
    Stop,
}

/// One generated token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Natural logarithm of its probability in the distribution it was drawn from (temperature and filters applied);
    /// at temperature 0, and for tokens put in by force, in the model's own distribution.
    pub logprob: f32,
    /// What it is to the reader.
    pub kind: TokenKind,
    /// Whether the model chose it; false where the engine closed the thinking.
    pub chosen: bool,
}

/// What the model thought of a place, whatever was drawn there: softmax of its logits, before bias, penalties,
/// temperature and filters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenLogprobs {
    /// Of the token that follows.
    pub logprob: f32,
    /// The most probable tokens, best first (the lower id first among equals).
    pub top: Vec<(u32, f32)>,
}

/// Why a completion ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// A stop token.
    Stop,
    /// `max_tokens` or the context's end.
    Length,
    /// The caller lost interest.
    Cancelled,
    /// The constraint that the request put on its answer is more work than it may be, or its bias contradicts it.
    Constraint(ConstraintError),
    /// The model failed on this sequence, for example with logits that are not numbers.
    Error(String),
}

/// Why the (last) thinking ended; the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingStopReason {
    /// The model closed it, or ended its turn.
    Natural,
    /// The budget was used up.
    Budget,
    /// It was repeating itself.
    Loop,
    /// The user asked for the answer now.
    User,
    /// The completion's end came first.
    Length,
}

impl ThinkingStopReason {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Natural => "natural",
            Self::Budget => "budget",
            Self::Loop => "loop",
            Self::User => "user",
            Self::Length => "length",
        }
    }
}

/// Token counts of a completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub n_prompt: usize,
    /// Prompt tokens whose keys and values were found in the prefix cache.
    pub n_cached: usize,
    /// Generated tokens: thinking, tags, answer and stop token.
    pub n_completion: usize,
    /// Generated tokens that are thinking or its tags.
    pub n_reasoning: usize,
}

/// Where a completion's time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// From submission to the first step that ran it.
    pub queued: Duration,
    /// From there to its first token.
    pub prefill: Duration,
    /// From its first token to its last.
    pub decode: Duration,
    /// Its share of the steps that it took part in, by tokens: over all completions, the time the engine worked.
    pub compute: Duration,
}

/// How a completion ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Why.
    pub reason: FinishReason,
    /// Why its thinking ended; `None` if it had none.
    pub thinking_stop_reason: Option<ThinkingStopReason>,
    /// What it took, in tokens.
    pub usage: Usage,
    /// What it took, in time.
    pub timings: Timings,
}

/// What a completion reports: tokens, then one end.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What the model thought of the token that comes next; only where [`Request::logprobs`] asks for it.
    Logprobs(TokenLogprobs),
    /// The next token.
    Token(Token),
    /// The last event.
    Finished(Finished),
}
