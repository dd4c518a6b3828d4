//! Any OpenAI-compatible chat endpoint as a model: many questions at once, each paid for once.
//!
//! - Every answer is appended to a [`Journal`] before it is used; a question whose answer is there is not asked again, in
//!   this run or a later one. A question is known by its whole request, so other settings are other questions.
//! - A cap in dollars is kept: a request is sent only when the most it can cost still fits under the cap. What was sent
//!   and not answered (a kill, a timeout) counts as its most, since it may have been charged.
//! - Busy servers (408, 409, 425, 429, 5xx) and broken connections are tried again with growing waits, `Retry-After`
//!   obeyed by all; other refusals end the run, unless the endpoint has answered before: then that one question is
//!   taken as refused, and counted.
//!
//! This is the only place where evaluation and training talk to a network, and only when asked to.

mod budget;
mod journal;
mod pace;
#[cfg(test)]
mod tests;
mod wire;

pub use budget::Prices;
pub use journal::Journal;
pub use wire::{Answer, Job, REFUSED};

use budget::Budget;
use pace::{Pace, sleep_unless};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use wire::Reply;

/// Longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Where the endpoint is and how it is used.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// The API's base (`https://api.deepseek.com/v1`), or the whole address of its chat completions.
    pub url: String,
    /// Name of the model there.
    pub model: String,
    /// Sent as a bearer token; written down nowhere.
    pub api_key: Option<String>,
    /// Requests at once.
    pub concurrency: usize,
    /// Most requests begun in a minute.
    pub requests_per_minute: Option<f64>,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// Attempts after the first.
    pub max_retries: u32,
    /// Wait before the first retry; it doubles with each.
    pub backoff: Duration,
    /// What tokens cost.
    pub prices: Option<Prices>,
    /// The most that may be spent, over all runs with the same journal.
    pub max_dollars: Option<f64>,
    /// Keys of the request beside ours; they win, and `null` leaves a key out.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl EndpointConfig {
    /// The usual settings.
    pub fn new(url: impl Into<String>, model: impl Into<String>) -> EndpointConfig {
        EndpointConfig {
            url: url.into(),
            model: model.into(),
            api_key: None,
            concurrency: 8,
            requests_per_minute: None,
            timeout: Duration::from_secs(1200),
            max_retries: 6,
            backoff: Duration::from_secs(1),
            prices: None,
            max_dollars: None,
            extra: serde_json::Map::new(),
        }
    }

    /// The address of the chat completions.
    fn address(&self) -> String {
        let url = self.url.trim_end_matches('/');
        if url.ends_with("/chat/completions") { url.to_owned() } else { format!("{url}/chat/completions") }
    }
}

/// Why an endpoint could not be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Settings that contradict each other.
    #[error("{0}")]
    Settings(String),
    /// A refusal that asking again would not change.
    #[error("{url} refused the request with status {status}: {body}")]
    Refused {
        /// The address.
        url: String,
        /// HTTP's status.
        status: u16,
        /// The beginning of what it said.
        body: String,
    },
    /// It stayed busy or out of reach.
    #[error("{url} gave no answer in {n_attempts} attempts ({reason}); what was answered is kept, run again to go on")]
    Unreachable {
        /// The address.
        url: String,
        /// How often it was tried.
        n_attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// The next request might pass the cap.
    #[error(
        "the spending cap of ${cap:.2} is reached: ${spent:.4} are spent and the next request may cost ${next:.4}; what was answered is kept, raise the cap to go on"
    )]
    Cap {
        /// The cap.
        cap: f64,
        /// Dollars so far.
        spent: f64,
        /// The most that the next request may cost.
        next: f64,
    },
    /// The journal.
    #[error("{path}: {reason}")]
    Journal {
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
}

/// An endpoint.
pub struct Endpoint {
    config: EndpointConfig,
    agent: ureq::Agent,
    pace: Pace,
}

/// What one attempt brought.
enum Attempt {
    Answered(Answer),
    /// To be tried again; `is_charged`: the work may have been done and charged.
    Failed {
        reason: String,
        wait: Option<Duration>,
        is_charged: bool,
    },
    Refused {
        status: u16,
        body: String,
    },
}

impl Endpoint {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// A cap without prices, no requests at once.
    pub fn new(config: EndpointConfig) -> Result<Endpoint, EndpointError> {
        if config.max_dollars.is_some() && config.prices.is_none() {
            return Err(EndpointError::Settings(
                "a spending cap needs prices: what do a million tokens cost?".to_owned(),
            ));
        }
        if config.concurrency == 0 || config.requests_per_minute.is_some_and(|n| n.is_nan() || n <= 0.0) {
            return Err(EndpointError::Settings("an endpoint needs at least one request at once".to_owned()));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(config.timeout))
            .http_status_as_error(false)
            .max_idle_connections_per_host(config.concurrency)
            .user_agent("penseur")
            .build()
            .new_agent();
        let pace = Pace::new(config.requests_per_minute);
        Ok(Endpoint { config, agent, pace })
    }

    /// The settings.
    pub fn config(&self) -> &EndpointConfig {
        &self.config
    }

    /// Asks all questions that `journal` does not answer yet. `on_answer` gets each answer with its job's index: those of
    /// the journal first, then new ones as they come, each already written down. Ends early, without an error, when
    /// `stop` says so.
    ///
    /// # Errors
    /// As [`EndpointError`]; answers that were on their way are still delivered.
    pub fn ask_all(
        &self,
        jobs: &[Job],
        journal: &Journal,
        stop: &(dyn Fn() -> bool + Sync),
        mut on_answer: impl FnMut(usize, Answer),
    ) -> Result<(), EndpointError> {
        let bodies: Vec<String> = jobs.iter().map(|job| job.body(&self.config)).collect();
        let keys: Vec<String> = jobs.iter().zip(&bodies).map(|(job, body)| job.key(body)).collect();
        let mut missing = Vec::new();
        // The same question twice is asked once.
        let mut asked = BTreeSet::new();
        for (idx, key) in keys.iter().enumerate() {
            match journal.get(key) {
                Some(answer) => on_answer(idx, answer),
                None if asked.insert(key) => missing.push(idx),
                None => {}
            }
        }
        let budget = Budget::new(self.config.max_dollars, journal.spent());
        let (next, aborted) = (AtomicUsize::new(0), AtomicBool::new(false));
        let is_over = || aborted.load(Ordering::Relaxed) || stop();
        let (send, receive) = mpsc::channel();
        let mut result = Ok(());
        std::thread::scope(|scope| {
            for _ in 0..self.config.concurrency.min(missing.len()) {
                let send = send.clone();
                let (missing, next, is_over, budget, aborted) = (&missing, &next, &is_over, &budget, &aborted);
                let (bodies, keys) = (&bodies, &keys);
                scope.spawn(move || {
                    while !is_over() {
                        let Some(&idx) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        let answer = self.answer((&keys[idx], &bodies[idx]), &jobs[idx], budget, journal, is_over);
                        aborted.fetch_or(answer.is_err(), Ordering::Relaxed);
                        if let Some(answer) = answer.transpose()
                            && send.send((idx, answer)).is_err()
                        {
                            break;
                        }
                    }
                });
            }
            drop(send);
            for (idx, answer) in receive {
                match answer {
                    Ok(answer) => {
                        let same = (idx..jobs.len()).filter(|other| keys[*other] == keys[idx]);
                        same.for_each(|same| on_answer(same, answer.clone()));
                    }
                    Err(error) => result = std::mem::replace(&mut result, Ok(())).and(Err(error)),
                }
            }
        });
        result
    }

    /// One question until it is answered; `None` if all was stopped before.
    fn answer(
        &self,
        (key, body): (&str, &str),
        job: &Job,
        budget: &Budget,
        journal: &Journal,
        is_over: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Answer>, EndpointError> {
        let prices = self.config.prices.unwrap_or_default();
        let at_most = prices.at_most(job);
        let mut reason = String::new();
        for attempt in 0..=self.config.max_retries {
            if !self.pace.wait(is_over) || !budget.reserve(at_most, is_over)? {
                return Ok(None);
            }
            journal.may_cost(key, at_most)?;
            match self.attempt(body, job) {
                Attempt::Answered(answer) => {
                    budget.settle(at_most, answer.dollars);
                    journal.answered(key, &answer, at_most)?;
                    return Ok(Some(answer));
                }
                Attempt::Refused { status, body } => {
                    budget.settle(at_most, 0.0);
                    if journal.is_empty() || matches!(status, 401..=404) {
                        journal.may_cost(key, -at_most)?;
                        return Err(EndpointError::Refused { url: self.config.address(), status, body });
                    }
                    let answer = Answer::refused(&body);
                    journal.answered(key, &answer, at_most)?;
                    return Ok(Some(answer));
                }
                Attempt::Failed { reason: why, wait, is_charged } => {
                    budget.settle(at_most, if is_charged { at_most } else { 0.0 });
                    if !is_charged {
                        journal.may_cost(key, -at_most)?;
                    }
                    reason = why;
                    // The server says when: that holds for every request.
                    if let Some(wait) = wait {
                        self.pace.hold(wait);
                    } else if attempt < self.config.max_retries && !sleep_unless(self.backoff(key, attempt), is_over) {
                        return Ok(None);
                    }
                }
            }
        }
        let n_attempts = self.config.max_retries + 1;
        Err(EndpointError::Unreachable { url: self.config.address(), n_attempts, reason })
    }

    /// Between half and the whole of a wait that doubles, so that requests that failed together do not return together.
    fn backoff(&self, key: &str, attempt: u32) -> Duration {
        let whole = self.config.backoff.saturating_mul(1 << attempt.min(16)).min(MAX_BACKOFF);
        let jitter = tasks::Rng::stream(&[tasks::split::stable_hash(key), u64::from(attempt)]).unit();
        whole.mul_f64(0.5 + 0.5 * jitter)
    }

    fn attempt(&self, body: &str, job: &Job) -> Attempt {
        let begun = Instant::now();
        let mut request = self.agent.post(self.config.address()).content_type("application/json");
        if let Some(key) = &self.config.api_key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = match request.send(body) {
            Ok(response) => response,
            Err(error) => return Attempt::failed(&error),
        };
        let status = response.status().as_u16();
        let wait = wire::retry_after(response.headers());
        let text = match response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string() {
            Ok(text) => text,
            Err(error) => return Attempt::failed(&error),
        };
        match status {
            200..=299 => match Reply::parse(&text) {
                Ok(reply) => {
                    let prices = self.config.prices.unwrap_or_default();
                    Attempt::Answered(reply.into_answer(job, &prices, begun.elapsed().as_secs_f64()))
                }
                Err(reason) => Attempt::Failed { reason, wait: None, is_charged: true },
            },
            408 | 409 | 425 | 429 | 500..=599 => {
                let reason = format!("status {status}: {}", wire::excerpt(&text));
                Attempt::Failed { reason, wait, is_charged: false }
            }
            status => Attempt::Refused { status, body: wire::excerpt(&text) },
        }
    }
}

impl Attempt {
    fn failed(error: &ureq::Error) -> Attempt {
        // What never reached the server costs nothing.
        let is_charged = !matches!(error, ureq::Error::HostNotFound | ureq::Error::ConnectionFailed)
            && !matches!(error, ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused);
        Attempt::Failed { reason: error.to_string(), wait: None, is_charged }
    }
}
