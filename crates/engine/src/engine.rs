//! One step: choose the tokens, run the model, draw, report.
//!
//! [`Engine`] is driven by hand: by [`crate::thread`] for servers, by rollouts that want a whole batch, by tests.

use std::time::{Duration, Instant};

use kernels::pool;

use crate::language_model::{LanguageModel, SeqStep};
use crate::request::{Event, FinishReason, Finished, Request, RequestError, Token};
use crate::scheduler::{Scheduler, SchedulerConfig};
use crate::sequence::{AdvanceError, SeqId, Sequence};

#[cfg(test)]
mod tests;

/// Bounds on the engine's work.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Most sequences computed together.
    pub max_running: usize,
    /// Most new tokens in one step, over all sequences.
    pub max_step_tokens: usize,
    /// Most requests accepted and not finished, running ones included; beyond it a submission is refused.
    pub max_in_flight: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { max_running: 64, max_step_tokens: 512, max_in_flight: 256 }
    }
}

/// A finished completion, whole.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Its tokens in order, the stop token included.
    pub tokens: Vec<Token>,
    /// How it ended.
    pub finished: Finished,
}

/// A model with sequences in progress.
pub struct Engine {
    model: Box<dyn LanguageModel>,
    scheduler: Scheduler,
    context: usize,
    next_id: u64,
}

impl Engine {
    /// An idle engine over `model`.
    pub fn new(model: Box<dyn LanguageModel>, config: EngineConfig) -> Self {
        let EngineConfig { max_running, max_step_tokens, .. } = config;
        let scheduler = Scheduler::new(SchedulerConfig { max_running, max_step_tokens }, model.n_blocks());
        let context = context_of(model.as_ref());
        Self { model, scheduler, context, next_id: 0 }
    }

    /// Longest prompt and completion together: what the model can represent and the pool can hold.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Queues a request, or says why it can never run.
    pub fn add(&mut self, request: Request) -> Result<SeqId, RequestError> {
        request.validate(self.model.vocab_size(), self.context)?;
        let id = SeqId(self.next_id);
        self.next_id += 1;
        self.scheduler.add(Sequence::new(id, request, self.context));
        Ok(id)
    }

    /// Runs the model once over every sequence that has its turn. Returns what happened, in order; a sequence is gone
    /// after its [`Event::Finished`].
    pub fn step(&mut self) -> Vec<(SeqId, Event)> {
        let n_new = self.scheduler.schedule();
        let start = Instant::now();
        let logits = self.forward(&n_new);
        self.charge(start.elapsed(), &n_new);
        self.scheduler.computed(&n_new);
        let events = self.advance(&logits);
        self.remove_finished(&events);
        events
    }

    fn forward(&mut self, n_new: &[usize]) -> Vec<f32> {
        let steps: Vec<SeqStep> = self
            .scheduler
            .running()
            .iter()
            .zip(n_new)
            .map(|(sequence, n)| SeqStep {
                tokens: &sequence.tokens[sequence.n_computed..sequence.n_computed + n],
                n_cached: sequence.n_computed,
                blocks: &sequence.table.blocks,
            })
            .collect();
        if steps.is_empty() {
            return Vec::new();
        }
        let logits = self.model.forward(&steps);
        let (n, vocab_size) = (steps.len(), self.model.vocab_size());
        assert_eq!(logits.len(), n * vocab_size, "forward: expected logits of [{n}, {vocab_size}]");
        logits
    }

    /// Divides a step's time among its sequences, by their tokens.
    fn charge(&mut self, time: Duration, n_new: &[usize]) {
        let n_all = n_new.iter().sum::<usize>().max(1) as f64;
        for (sequence, &n) in self.scheduler.running_mut().iter_mut().zip(n_new) {
            sequence.charge(time.mul_f64(n as f64 / n_all));
        }
    }

    /// Gives every fully computed sequence its next token. Sequences know nothing of each other, so threads share them.
    fn advance(&mut self, logits: &[f32]) -> Vec<(SeqId, Event)> {
        let rows = logits.chunks_exact(self.model.vocab_size());
        let sequences = self.scheduler.running_mut().iter_mut();
        let mut turns: Vec<_> = sequences.zip(rows).map(|(sequence, row)| (sequence, row, Vec::new())).collect();
        pool::for_each_mut(&mut turns, |_, (sequence, row, events)| *events = next_events(sequence, row));
        let with_id = |(sequence, _, events): (&mut Sequence, _, Vec<Event>)| {
            let id = sequence.id;
            events.into_iter().map(move |event| (id, event))
        };
        turns.into_iter().flat_map(with_id).collect()
    }

    fn remove_finished(&mut self, events: &[(SeqId, Event)]) {
        for (id, event) in events {
            if matches!(event, Event::Finished(_)) {
                self.scheduler.remove(*id);
            }
        }
    }

    /// Ends a sequence early and frees its blocks; `None` if it is not in progress.
    pub fn finish(&mut self, id: SeqId, reason: FinishReason) -> Option<Event> {
        self.scheduler.remove(id).map(|sequence| sequence.finished(reason))
    }

    /// Closes a sequence's thinking with its next token, if it is thinking then.
    pub fn end_thinking(&mut self, id: SeqId) {
        if let Some(sequence) = self.scheduler.find_mut(id) {
            sequence.user_wants_answer = true;
        }
    }

    /// Runs all requests to their end, together, and returns their completions in the same order.
    pub fn generate(&mut self, requests: Vec<Request>) -> Result<Vec<Completion>, RequestError> {
        self.generate_watched(requests, &mut |_, _| {})
    }

    /// [`Engine::generate`], which after every step tells `watch` how many completions are finished and how many tokens
    /// were drawn.
    pub fn generate_watched(
        &mut self,
        requests: Vec<Request>,
        watch: &mut dyn FnMut(usize, u64),
    ) -> Result<Vec<Completion>, RequestError> {
        let first = self.next_id;
        for request in &requests {
            request.validate(self.model.vocab_size(), self.context)?;
        }
        let n = requests.len();
        for request in requests {
            self.add(request)?;
        }
        let mut tokens: Vec<Vec<Token>> = vec![Vec::new(); n];
        let mut ends: Vec<Option<Finished>> = vec![None; n];
        let (mut n_finished, mut n_tokens) = (0, 0);
        while n_finished < n {
            for (id, event) in self.step() {
                // Sequences added before this call finish unheard.
                let Some(idx) = id.0.checked_sub(first).map(|idx| idx as usize) else { continue };
                match event {
                    // For readers of streams: a batch has its drawn log-probabilities in its tokens.
                    Event::Logprobs(_) => {}
                    Event::Token(token) => {
                        tokens[idx].push(token);
                        n_tokens += 1;
                    }
                    Event::Finished(finished) => {
                        ends[idx] = Some(finished);
                        n_finished += 1;
                    }
                }
            }
            watch(n_finished, n_tokens);
        }
        let completions = tokens.into_iter().zip(ends);
        Ok(completions.filter_map(|(tokens, end)| Some(Completion { tokens, finished: end? })).collect())
    }

    /// Whether nothing is in progress.
    pub fn is_idle(&self) -> bool {
        self.scheduler.running().is_empty() && self.scheduler.n_waiting() == 0
    }

    /// The model, to change its weights; forgets cached prefixes. Panics while sequences are running.
    pub fn model_mut(&mut self) -> &mut dyn LanguageModel {
        self.scheduler.clear_cache();
        self.model.as_mut()
    }

    /// Who is running, waiting, and what is free.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }
}

/// Draws a sequence's next token, if all its tokens are computed, and says what happened.
fn next_events(sequence: &mut Sequence, row: &[f32]) -> Vec<Event> {
    if sequence.n_pending() > 0 {
        return Vec::new(); // more of its prompt is to come
    }
    let mut events = Vec::new();
    let end = match sequence.advance(row) {
        Ok(token) => {
            events.extend(sequence.logprobs(row, &token).map(Event::Logprobs));
            events.push(Event::Token(token));
            sequence.finish_reason(&token)
        }
        Err(AdvanceError::Constraint(error)) => Some(FinishReason::Constraint(error)),
        Err(error) => Some(FinishReason::Error(error.to_string())),
    };
    events.extend(end.map(|reason| sequence.finished(reason)));
    events
}

/// Longest prompt and completion together.
pub(crate) fn context_of(model: &dyn LanguageModel) -> usize {
    model.max_positions().min(model.n_blocks() * crate::BLOCK_SIZE)
}
