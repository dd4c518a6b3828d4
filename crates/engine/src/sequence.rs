//! One request while it runs: its tokens, its KV blocks, where its thinking is, and its clock.

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::block_manager::BlockTable;
use crate::constraint::ConstraintError;
use crate::request::{
    Event, FinishReason, Finished, Request, SamplingParams, Timings, Token, TokenKind, TokenLogprobs, Usage,
};
use crate::sampler::{self, NotFinite};
use crate::shaper::Shaper;
use crate::thinking::Thinking;

/// Names one sequence of an engine; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeqId(pub u64);

/// Whether a sequence holds memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceStatus {
    /// Holds no blocks: new, or preempted.
    Waiting,
    /// Holds blocks and takes part in steps.
    Running,
}

/// A request in progress.
pub struct Sequence {
    /// Its name.
    pub id: SeqId,
    /// Prompt and completion.
    pub tokens: Vec<u32>,
    /// Positions whose keys and values are in `table`.
    pub n_computed: usize,
    /// Its KV blocks.
    pub table: BlockTable,
    /// Whether it holds memory.
    pub status: SequenceStatus,
    /// Set when the user wants the thinking to end.
    pub user_wants_answer: bool,
    /// Whose it is ([`Request::user`]).
    pub user: u64,
    n_prompt: usize,
    max_tokens: usize,
    stop_tokens: Vec<u32>,
    sampling: SamplingParams,
    thinking: Option<Thinking>,
    shaper: Option<Shaper>,
    n_top: Option<usize>,
    usage: Usage,
    clock: Clock,
}

/// Why no token could be drawn.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AdvanceError {
    /// The logits are not numbers, or the constraint rules out every token of the vocabulary.
    #[error("no token can be drawn: the model's output is not a number (its weights may be damaged)")]
    NotFinite,
    /// The constraint on the answer failed.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
}

impl From<NotFinite> for AdvanceError {
    fn from(_: NotFinite) -> Self {
        Self::NotFinite
    }
}

struct Clock {
    submitted: Instant,
    first_step: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    compute: Duration,
}

impl Sequence {
    /// A sequence from a validated request; `context` bounds prompt and completion together.
    pub fn new(id: SeqId, request: Request, context: usize) -> Self {
        let n_prompt = request.prompt.len();
        let max_tokens = request.max_tokens.min(context - n_prompt);
        let shaper = Shaper::new(&request);
        let constrained = request.constraint.is_some();
        let thinking = request.thinking.map(|params| {
            let thinking = Thinking::new(params, max_tokens);
            if constrained { thinking.close_in_full() } else { thinking }
        });
        Self {
            id,
            tokens: request.prompt,
            n_computed: 0,
            table: BlockTable::default(),
            status: SequenceStatus::Waiting,
            user_wants_answer: false,
            user: request.user,
            n_prompt,
            max_tokens,
            stop_tokens: request.stop_tokens,
            sampling: request.sampling,
            thinking,
            shaper,
            n_top: request.logprobs,
            usage: Usage { n_prompt, ..Usage::default() },
            clock: Clock {
                submitted: Instant::now(),
                first_step: None,
                first_token: None,
                last_token: None,
                compute: Duration::ZERO,
            },
        }
    }

    /// Tokens still to be computed before the next one can be drawn.
    pub fn n_pending(&self) -> usize {
        self.tokens.len() - self.n_computed
    }

    /// Records the first admission: the prompt tokens found in the cache, and the time.
    pub fn admitted(&mut self, n_cached: usize) {
        self.status = SequenceStatus::Running;
        self.n_computed = n_cached;
        if self.clock.first_step.is_none() {
            self.clock.first_step = Some(Instant::now());
            self.usage.n_cached = n_cached;
        }
    }

    /// Whether it was ever admitted.
    pub fn has_begun(&self) -> bool {
        self.clock.first_step.is_some()
    }

    /// Records the loss of all blocks (the block manager has taken them back).
    pub fn preempted(&mut self) {
        self.status = SequenceStatus::Waiting;
        self.n_computed = 0;
    }

    /// Puts a share of a step's time on this sequence's account.
    pub fn charge(&mut self, compute: Duration) {
        self.clock.compute += compute;
    }

    /// Draws or forces the next token from the logits (`[vocab]`) of the last one and appends it.
    pub fn advance(&mut self, logits: &[f32]) -> Result<Token, AdvanceError> {
        let n_drawn = self.usage.n_completion;
        let n_left = self.max_tokens - n_drawn;
        let mut forced = self.next_forced(n_left);
        let inside = self.thinking.as_ref().is_some_and(Thinking::is_inside);
        let (id, logprob) = match forced {
            Some(id) => (id, sampler::log_prob(logits, id)),
            None => {
                let (id, logprob) = self.draw(logits, !inside)?;
                let ends_turn = self.stop_tokens.contains(&id);
                if self.thinking.as_mut().is_some_and(|thinking| thinking.must_go_on(id, ends_turn)) {
                    forced = self.next_forced(n_left);
                }
                forced.map_or((id, logprob), |id| (id, sampler::log_prob(logits, id)))
            }
        };
        let chosen = forced.is_none();
        let kind = if chosen && self.stop_tokens.contains(&id) {
            TokenKind::Stop
        } else {
            self.thinking.as_mut().map_or(TokenKind::Answer, |thinking| thinking.observe(id))
        };
        // A closing tag where nothing was open is a part of the answer.
        let strays = kind == TokenKind::ThinkTag && !inside && !self.thinking.as_ref().is_some_and(Thinking::is_inside);
        if let Some(shaper) = &mut self.shaper {
            shaper.observe(id, chosen && (kind == TokenKind::Answer || strays))?;
        }
        self.tokens.push(id);
        self.usage.n_completion += 1;
        self.usage.n_reasoning += usize::from(matches!(kind, TokenKind::Thinking | TokenKind::ThinkTag));
        let now = Instant::now();
        self.clock.first_token.get_or_insert(now);
        self.clock.last_token = Some(now);
        Ok(Token { id, logprob, kind, chosen })
    }

    fn next_forced(&mut self, n_left: usize) -> Option<u32> {
        let wanted = self.user_wants_answer;
        self.thinking.as_mut().and_then(|thinking| thinking.next_forced(n_left, wanted))
    }

    /// Draws a token; `in_answer`: the constraint holds for it.
    fn draw(&mut self, logits: &[f32], in_answer: bool) -> Result<(u32, f32), AdvanceError> {
        let n_drawn = self.usage.n_completion;
        let shaped = match &mut self.shaper {
            None => logits,
            Some(shaper) => {
                // A model may open its thinking itself where the template has not done so.
                let may_open =
                    self.thinking.as_ref().filter(|t| n_drawn == 0 && t.may_open()).map(Thinking::start_token);
                shaper.shape(logits, in_answer, may_open)?
            }
        };
        Ok(sampler::sample(shaped, &self.sampling, n_drawn as u64)?)
    }

    /// What the model thought of its latest token, where the request asks for it; `logits` are those it was drawn from.
    pub fn logprobs(&self, logits: &[f32], token: &Token) -> Option<TokenLogprobs> {
        self.n_top.map(|n_top| sampler::logprobs(logits, token.id, n_top))
    }

    /// Why the sequence is complete after `token`, or `None` while it goes on.
    pub fn finish_reason(&self, token: &Token) -> Option<FinishReason> {
        let is_complete = self.shaper.as_ref().is_some_and(Shaper::is_complete);
        if token.kind == TokenKind::Stop || is_complete {
            Some(FinishReason::Stop)
        } else if self.usage.n_completion >= self.max_tokens {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// The last event of this sequence.
    pub fn finished(&self, reason: FinishReason) -> Event {
        let cut = reason == FinishReason::Length;
        let Clock { submitted, first_step, first_token, last_token, compute } = self.clock;
        let first_step = first_step.unwrap_or_else(Instant::now);
        let first_token = first_token.unwrap_or(first_step);
        Event::Finished(Finished {
            reason,
            thinking_stop_reason: self.thinking.as_ref().and_then(|thinking| thinking.stop_reason(cut)),
            usage: self.usage,
            timings: Timings {
                queued: first_step - submitted,
                prefill: first_token - first_step,
                decode: last_token.unwrap_or(first_token) - first_token,
                compute,
            },
        })
    }

    /// The tokens generated so far.
    pub fn completion(&self) -> &[u32] {
        &self.tokens[self.n_prompt..]
    }
}
