//! The engine on a thread of its own: submit a request from anywhere, receive its events.
//!
//! Backpressure: at most `max_in_flight` requests are accepted; the next is refused at once. Events wait in the
//! receiver's queue, at most `max_tokens` of them, so a slow reader holds nobody up. A reader that goes away cancels its
//! request, and its memory is free by the next step.
//!
//! A reader is woken 25 times a second at most, with all that was drawn since: waking each one for each token would
//! take its processor time from the model, and no eye would see the difference.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::engine::{Engine, EngineConfig, context_of};
use crate::language_model::LanguageModel;
use crate::request::{Event, FinishReason, Request, RequestError};
use crate::sequence::SeqId;

#[cfg(test)]
mod tests;

/// The shortest time between two deliveries to a reader, its first tokens and the end excepted.
const PACE: Duration = Duration::from_millis(40);

/// Tokens that are delivered as they come: among the first are tags, which show nothing.
const N_AT_ONCE: usize = 3;

/// Why a request was not accepted.
#[derive(Debug, Error, PartialEq)]
pub enum SubmitError {
    /// It can never run.
    #[error(transparent)]
    Invalid(#[from] RequestError),
    /// It could run later.
    #[error("busy: {in_flight} requests are in progress, and at most {limit} are accepted; try again in a moment")]
    Busy {
        /// Requests accepted and not finished.
        in_flight: usize,
        /// The bound.
        limit: usize,
    },
    /// The engine's thread has ended.
    #[error("the engine has stopped; restart the server")]
    Stopped,
}

/// Counters of an engine, for monitoring; each is read on its own.
#[derive(Debug, Default)]
pub struct Stats {
    /// Requests accepted and not finished.
    pub in_flight: AtomicUsize,
    /// Sequences in the latest step.
    pub running: AtomicUsize,
    /// Sequences waiting after the latest step.
    pub waiting: AtomicUsize,
    /// KV blocks without an owner.
    pub free_blocks: AtomicUsize,
    /// Requests accepted so far.
    pub n_requests: AtomicU64,
    /// Requests finished so far, cancelled ones included.
    pub n_finished: AtomicU64,
    /// Requests whose reader went away.
    pub n_cancelled: AtomicU64,
    /// Times a sequence lost its memory to an older one.
    pub n_preemptions: AtomicU64,
    /// Prompt tokens of finished requests.
    pub prompt_tokens: AtomicU64,
    /// Of these, found in the prefix cache.
    pub cached_tokens: AtomicU64,
    /// Tokens generated.
    pub generated_tokens: AtomicU64,
    /// Microseconds spent in steps.
    pub busy_us: AtomicU64,
}

/// A running engine; clones are the same engine. Its thread ends when the last handle is gone and its work is done.
#[derive(Clone)]
pub struct EngineHandle {
    submissions: mpsc::Sender<Submission>,
    stats: Arc<Stats>,
    vocab_size: usize,
    context: usize,
    n_blocks: usize,
    max_in_flight: usize,
}

/// Flags that the reader of a generation sets.
#[derive(Debug, Default)]
struct Wishes {
    end_thinking: AtomicBool,
    cancel: AtomicBool,
}

struct Submission {
    request: Request,
    client: Client,
}

struct Client {
    events: UnboundedSender<Vec<Event>>,
    wishes: Arc<Wishes>,
    /// Drawn and not delivered yet.
    held: Vec<Event>,
    n_tokens: usize,
    delivered: Instant,
}

impl Client {
    fn take(&mut self, event: Event, now: Instant) {
        let is_token = matches!(event, Event::Token(_));
        let is_end = matches!(event, Event::Finished(_));
        self.n_tokens += usize::from(is_token);
        self.held.push(event);
        let is_due = self.n_tokens <= N_AT_ONCE || now - self.delivered >= PACE;
        if is_end || (is_token && is_due) {
            self.delivered = now;
            // A reader that is gone is noticed before the next step.
            let _ = self.events.send(std::mem::take(&mut self.held));
        }
    }
}

/// The events of one accepted request. Dropping it cancels the request.
#[derive(Debug)]
pub struct Generation {
    events: UnboundedReceiver<Vec<Event>>,
    /// Delivered and not read yet.
    ready: VecDeque<Event>,
    control: Control,
}

/// Reaches into a generation from elsewhere, for example from another connection of the same user.
#[derive(Clone, Debug)]
pub struct Control(Arc<Wishes>);

impl Control {
    /// Closes the thinking now and goes on with the answer.
    pub fn end_thinking(&self) {
        self.0.end_thinking.store(true, Relaxed);
    }

    /// Ends the generation within a step; its last event is still delivered.
    pub fn cancel(&self) {
        self.0.cancel.store(true, Relaxed);
    }
}

impl Generation {
    /// The next event; `None` after the last one, or if the engine died. Blocks the thread.
    pub fn blocking_next(&mut self) -> Option<Event> {
        if self.ready.is_empty() {
            self.ready = self.events.blocking_recv()?.into();
        }
        self.ready.pop_front()
    }

    /// The next event; `None` after the last one, or if the engine died.
    pub async fn next(&mut self) -> Option<Event> {
        if self.ready.is_empty() {
            self.ready = self.events.recv().await?.into();
        }
        self.ready.pop_front()
    }

    /// A handle that steers this generation.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

impl EngineHandle {
    /// Starts `model` on its own thread.
    pub fn spawn(model: Box<dyn LanguageModel>, config: EngineConfig) -> std::io::Result<Self> {
        let (submissions, receiver) = mpsc::channel();
        let stats = Arc::new(Stats::default());
        stats.free_blocks.store(model.n_blocks(), Relaxed);
        let handle = Self {
            submissions,
            stats: stats.clone(),
            vocab_size: model.vocab_size(),
            context: context_of(model.as_ref()),
            n_blocks: model.n_blocks(),
            max_in_flight: config.max_in_flight,
        };
        let engine = Engine::new(model, config);
        let worker = Worker { engine, submissions: receiver, clients: HashMap::new(), stats };
        let work = move || worker.run();
        std::thread::Builder::new().name("engine".into()).spawn(work)?;
        Ok(handle)
    }

    /// Accepts a request, or says why not.
    pub fn submit(&self, request: Request) -> Result<Generation, SubmitError> {
        request.validate(self.vocab_size, self.context)?;
        let limit = self.max_in_flight;
        let claim = |n: usize| (n < limit).then_some(n + 1);
        if let Err(in_flight) = self.stats.in_flight.fetch_update(Relaxed, Relaxed, claim) {
            return Err(SubmitError::Busy { in_flight, limit });
        }
        let (sender, events) = unbounded_channel();
        let control = Control(Arc::new(Wishes::default()));
        let wishes = control.0.clone();
        let client = Client { events: sender, wishes, held: Vec::new(), n_tokens: 0, delivered: Instant::now() };
        if self.submissions.send(Submission { request, client }).is_err() {
            self.stats.in_flight.fetch_sub(1, Relaxed);
            return Err(SubmitError::Stopped);
        }
        self.stats.n_requests.fetch_add(1, Relaxed);
        Ok(Generation { events, ready: VecDeque::new(), control })
    }

    /// Longest prompt and completion together.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Number of token ids.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// KV blocks of the model's pool.
    pub fn n_blocks(&self) -> usize {
        self.n_blocks
    }

    /// Most requests accepted and not finished.
    pub fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// The counters for who outlives the engine.
    pub fn shared_stats(&self) -> Arc<Stats> {
        self.stats.clone()
    }

    /// Counters for monitoring.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}

/// What runs on the engine's thread.
struct Worker {
    engine: Engine,
    submissions: mpsc::Receiver<Submission>,
    clients: HashMap<SeqId, Client>,
    stats: Arc<Stats>,
}

impl Worker {
    fn run(mut self) {
        while let Ok(submission) = self.submissions.recv() {
            self.add(submission);
            while !self.clients.is_empty() {
                while let Ok(submission) = self.submissions.try_recv() {
                    self.add(submission);
                }
                self.heed_wishes();
                self.step();
                self.publish();
            }
        }
    }

    fn add(&mut self, Submission { request, client }: Submission) {
        match self.engine.add(request) {
            Ok(id) => {
                self.clients.insert(id, client);
            }
            // Checked at submission with the same bounds; without an end the reader sees a closed channel.
            Err(_) => self.account_end(),
        }
    }

    fn heed_wishes(&mut self) {
        let mut gone = Vec::new();
        for (&id, client) in &self.clients {
            if client.events.is_closed() || client.wishes.cancel.load(Relaxed) {
                gone.push(id);
            } else if client.wishes.end_thinking.load(Relaxed) {
                self.engine.end_thinking(id);
            }
        }
        for id in gone {
            self.stats.n_cancelled.fetch_add(1, Relaxed);
            self.finish(id, FinishReason::Cancelled);
        }
    }

    fn step(&mut self) {
        let start = Instant::now();
        // A bug in the model ends the requests it was working on, not the server.
        match catch_unwind(AssertUnwindSafe(|| self.engine.step())) {
            Ok(events) => {
                let now = Instant::now();
                events.into_iter().for_each(|(id, event)| self.deliver(id, event, now));
            }
            Err(_) => {
                let ids: Vec<SeqId> = self.engine.scheduler().running().iter().map(|s| s.id).collect();
                for id in ids {
                    self.finish(
                        id,
                        FinishReason::Error("the model failed on this batch; the server's log says where".into()),
                    );
                }
            }
        }
        self.stats.busy_us.fetch_add(start.elapsed().as_micros() as u64, Relaxed);
    }

    fn finish(&mut self, id: SeqId, reason: FinishReason) {
        if let Some(event) = self.engine.finish(id, reason) {
            self.deliver(id, event, Instant::now());
        }
    }

    fn deliver(&mut self, id: SeqId, event: Event, now: Instant) {
        match &event {
            Event::Logprobs(_) => {}
            Event::Token(_) => _ = self.stats.generated_tokens.fetch_add(1, Relaxed),
            Event::Finished(finished) => {
                self.stats.prompt_tokens.fetch_add(finished.usage.n_prompt as u64, Relaxed);
                self.stats.cached_tokens.fetch_add(finished.usage.n_cached as u64, Relaxed);
                self.account_end();
                if let Some(mut client) = self.clients.remove(&id) {
                    client.take(event, now);
                }
                return;
            }
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.take(event, now);
        }
    }

    fn account_end(&self) {
        self.stats.n_finished.fetch_add(1, Relaxed);
        self.stats.in_flight.fetch_sub(1, Relaxed);
    }

    fn publish(&self) {
        let scheduler = self.engine.scheduler();
        self.stats.running.store(scheduler.running().len(), Relaxed);
        self.stats.waiting.store(scheduler.n_waiting(), Relaxed);
        self.stats.free_blocks.store(scheduler.n_free_blocks(), Relaxed);
        self.stats.n_preemptions.store(scheduler.n_preemptions(), Relaxed);
    }
}
