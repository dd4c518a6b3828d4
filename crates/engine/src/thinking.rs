//! Thinking under control: follows a completion in and out of its `<think>` blocks and closes a block by force when
//! its budget is used up, when it repeats itself, or when the user wants the answer now.
//!
//! A block can also be made longer: a model that would close it too early gets a "Wait" put in, as s1 does.
//!
//! A budget always leaves room for the answer: the block is closed early enough that `answer_reserve` tokens of
//! `max_tokens` are left. The budget counts over all blocks of a completion, whether the prompt or the model opened them.

use std::collections::VecDeque;

use crate::request::{ThinkingParams, ThinkingStopReason, TokenKind};

#[cfg(test)]
mod tests;

/// Where a completion is with its thinking.
#[derive(Debug)]
pub struct Thinking {
    params: ThinkingParams,
    inside: bool,
    n_thought: usize,
    answer_reserve: usize,
    loop_guard: LoopGuard,
    forced: VecDeque<u32>,
    close_in_full: bool,
    stop_reason: Option<ThinkingStopReason>,
}

impl Thinking {
    /// State before the first token of a completion of at most `max_tokens`.
    pub fn new(params: ThinkingParams, max_tokens: usize) -> Self {
        Self {
            inside: params.open,
            n_thought: 0,
            answer_reserve: params.answer_reserve.min(max_tokens / 2),
            loop_guard: LoopGuard::default(),
            forced: VecDeque::new(),
            close_in_full: false,
            stop_reason: None,
            params,
        }
    }

    /// An answer must come after each block: one that the model ends with its turn is closed first. After one that it closes,
    /// puts in what the template has between the closing tag and the answer, which begins with its first character.
    pub fn close_in_full(mut self) -> Self {
        self.close_in_full = true;
        self
    }

    /// Whether the next token is drawn inside a block.
    pub fn is_inside(&self) -> bool {
        self.inside
    }

    /// The id of the opening tag.
    pub fn start_token(&self) -> u32 {
        self.params.start_token
    }

    /// Whether the model may open a block itself.
    pub fn may_open(&self) -> bool {
        self.params.budget != Some(0)
    }

    /// Whether the model, which has just drawn `token`, would end a block that must go on, or a completion whose answer must
    /// come; what is put in instead is then what [`Self::next_forced`] gives. `ends_turn`: the token would end the completion.
    pub fn must_go_on(&mut self, token: u32, ends_turn: bool) -> bool {
        let ends = self.inside && (token == self.params.end_token || ends_turn);
        if ends && self.n_thought < self.params.min_tokens {
            self.forced.extend(&self.params.wait);
        } else if ends && ends_turn && self.close_in_full {
            self.forced.extend(&self.params.closing);
            self.stop_reason = Some(ThinkingStopReason::Natural);
        } else {
            return false;
        }
        true
    }

    /// The token to put in next in place of the model's choice, if any. `n_left`: tokens the completion may still have;
    /// `user_wants_answer`: the user asked to end the thinking.
    pub fn next_forced(&mut self, n_left: usize, user_wants_answer: bool) -> Option<u32> {
        if self.inside
            && self.forced.is_empty()
            && let Some(reason) = self.reason_to_close(n_left, user_wants_answer)
        {
            self.forced.extend(&self.params.closing);
            self.stop_reason = Some(reason);
        }
        self.forced.pop_front()
    }

    fn reason_to_close(&self, n_left: usize, user_wants_answer: bool) -> Option<ThinkingStopReason> {
        let n_kept_back = self.answer_reserve + self.params.closing.len();
        let spent = |budget| self.n_thought >= budget || n_left <= n_kept_back;
        if user_wants_answer {
            Some(ThinkingStopReason::User)
        } else if self.params.budget.is_some_and(spent) {
            Some(ThinkingStopReason::Budget)
        } else if self.params.loop_guard && self.loop_guard.is_looping() {
            Some(ThinkingStopReason::Loop)
        } else {
            None
        }
    }

    /// Takes note of the completion's next token, drawn or forced.
    pub fn observe(&mut self, token: u32) -> TokenKind {
        if token == self.params.end_token && self.inside {
            self.inside = false;
            if self.stop_reason.is_none() {
                self.stop_reason = Some(ThinkingStopReason::Natural);
                if self.close_in_full {
                    let closing = self.params.closing.iter();
                    self.forced.extend(closing.skip_while(|&&id| id != self.params.end_token).skip(1));
                }
            }
            TokenKind::ThinkTag
        } else if token == self.params.start_token || token == self.params.end_token {
            // A stray closing tag is dropped like a repeated opening tag.
            if token == self.params.start_token && !self.inside {
                self.inside = true;
                self.stop_reason = None;
                self.loop_guard = LoopGuard::default();
            }
            TokenKind::ThinkTag
        } else if self.inside {
            self.n_thought += 1;
            self.loop_guard.push(token);
            TokenKind::Thinking
        } else {
            TokenKind::Answer
        }
    }

    /// Why the last block ended, asked at the completion's end. `cut`: the completion ended for lack of room.
    pub fn stop_reason(&self, cut: bool) -> Option<ThinkingStopReason> {
        match (self.inside, cut) {
            (true, true) => Some(ThinkingStopReason::Length),
            (true, false) => Some(ThinkingStopReason::Natural),
            (false, _) => self.stop_reason,
        }
    }
}

/// Notices text that repeats itself word for word.
///
/// A loop is a tail of at least [`LoopGuard::MIN_TOKENS`] tokens in which every token equals the one a period before,
/// with at least four periods: honest thinking repeats a line, not four lines of it in a row for so long.
#[derive(Debug)]
pub struct LoopGuard {
    recent: VecDeque<u32>,
    /// For each period from 1: how many of the latest tokens equal the one a period before.
    matches: Vec<usize>,
    looping: bool,
}

impl Default for LoopGuard {
    fn default() -> Self {
        Self { recent: VecDeque::with_capacity(Self::MAX_PERIOD), matches: vec![0; Self::MAX_PERIOD], looping: false }
    }
}

impl LoopGuard {
    /// Longest repeated passage that is recognised, in tokens.
    pub const MAX_PERIOD: usize = 256;
    /// Shortest repetition that counts, in tokens.
    pub const MIN_TOKENS: usize = 160;

    /// Takes note of the next token, in time proportional to [`Self::MAX_PERIOD`].
    pub fn push(&mut self, token: u32) {
        self.looping = false;
        for (period, (n, &earlier)) in (1..).zip(self.matches.iter_mut().zip(&self.recent)) {
            *n = if token == earlier { *n + 1 } else { 0 };
            self.looping |= *n >= Self::MIN_TOKENS.max(3 * period);
        }
        if self.recent.len() == Self::MAX_PERIOD {
            self.recent.pop_back();
        }
        self.recent.push_front(token);
    }

    /// Whether the latest tokens are a loop.
    pub fn is_looping(&self) -> bool {
        self.looping
    }
}
