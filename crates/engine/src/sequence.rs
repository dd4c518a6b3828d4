//! One request while it runs: its tokens, its KV blocks, where its thinking is, and its clock.

use std::time::Instant;

use crate::block_manager::BlockTable;
use crate::request::{Event, FinishReason, Finished, Request, SamplingParams, Timings, Token, TokenKind, Usage};
use crate::sampler::{self, NotFinite};
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
    n_prompt: usize,
    max_tokens: usize,
    stop_tokens: Vec<u32>,
    sampling: SamplingParams,
    thinking: Option<Thinking>,
    usage: Usage,
    clock: Clock,
}

struct Clock {
    submitted: Instant,
    first_step: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
}

impl Sequence {
    /// A sequence from a validated request; `context` bounds prompt and completion together.
    pub fn new(id: SeqId, request: Request, context: usize) -> Self {
        let n_prompt = request.prompt.len();
        let max_tokens = request.max_tokens.min(context - n_prompt);
        Self {
            id,
            tokens: request.prompt,
            n_computed: 0,
            table: BlockTable::default(),
            status: SequenceStatus::Waiting,
            user_wants_answer: false,
            n_prompt,
            max_tokens,
            stop_tokens: request.stop_tokens,
            sampling: request.sampling,
            thinking: request.thinking.map(|params| Thinking::new(params, max_tokens)),
            usage: Usage { n_prompt, ..Usage::default() },
            clock: Clock { submitted: Instant::now(), first_step: None, first_token: None, last_token: None },
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

    /// Records the loss of all blocks (the block manager has taken them back).
    pub fn preempted(&mut self) {
        self.status = SequenceStatus::Waiting;
        self.n_computed = 0;
    }

    /// Draws or forces the next token from the logits (`[vocab]`) of the last one and appends it.
    pub fn advance(&mut self, logits: &[f32]) -> Result<Token, NotFinite> {
        let n_drawn = self.usage.n_completion;
        let forced = match &mut self.thinking {
            Some(thinking) => thinking.next_forced(self.max_tokens - n_drawn, self.user_wants_answer),
            None => None,
        };
        let (id, logprob) = match forced {
            Some(id) => (id, sampler::log_prob(logits, id)),
            None => sampler::sample(logits, &self.sampling, n_drawn as u64)?,
        };
        let chosen = forced.is_none();
        let kind = if chosen && self.stop_tokens.contains(&id) {
            TokenKind::Stop
        } else {
            self.thinking.as_mut().map_or(TokenKind::Answer, |thinking| thinking.observe(id))
        };
        self.tokens.push(id);
        self.usage.n_completion += 1;
        self.usage.n_reasoning += usize::from(matches!(kind, TokenKind::Thinking | TokenKind::ThinkTag));
        let now = Instant::now();
        self.clock.first_token.get_or_insert(now);
        self.clock.last_token = Some(now);
        Ok(Token { id, logprob, kind, chosen })
    }

    /// Why the sequence is complete after `token`, or `None` while it goes on.
    pub fn finish_reason(&self, token: &Token) -> Option<FinishReason> {
        if token.kind == TokenKind::Stop {
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
        let Clock { submitted, first_step, first_token, last_token } = self.clock;
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
            },
        })
    }

    /// The tokens generated so far.
    pub fn completion(&self) -> &[u32] {
        &self.tokens[self.n_prompt..]
    }
}
