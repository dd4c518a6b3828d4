//! Problems to whoever answers them: a model in memory, or an endpoint. The replies have one form.

use crate::completion::Parts;
use crate::endpoint::{Answer, Endpoint, Job, Journal, REFUSED};
use crate::error::{Error, Result};
use crate::local::LocalModel;
use crate::prompt::Asking;
use crate::sampler::{Question, Sampled, SamplerOptions, sample, sample_seed};
use engine::{FinishReason, SamplingParams};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;
use tasks::Example;
use tasks::split::stable_hash;

/// How answers are drawn; R1's protocol by default (R1 report, section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// 0 for the most probable token.
    pub temperature: f64,
    /// Nucleus.
    pub top_p: f64,
    /// Most tokens of an answer, thinking included; a local model's context bounds it too.
    pub max_tokens: usize,
    /// With thinking or without; `None` leaves it to the template.
    pub thinking: Option<bool>,
    /// A system message.
    pub system: Option<String>,
    /// Of it and the problem's id each sample's seed is made.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.6, top_p: 0.95, max_tokens: 32_768, thinking: None, system: None, seed: 0 }
    }
}

/// One answer to one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Thinking and answer.
    pub parts: Parts,
    /// Tokens, thinking and stop token included; 0 where an endpoint does not count.
    pub n_tokens: u64,
    /// OpenAI's word for the end, or `refused`.
    pub finish_reason: String,
    /// A local model: time since the reply before it. An endpoint: from the request to the answer.
    pub seconds: f64,
    /// What an endpoint takes for it.
    pub dollars: f64,
}

impl Reply {
    /// Whether the model ended it.
    pub fn is_finished(&self) -> bool {
        self.finish_reason == "stop"
    }

    /// Whether there is no answer because the endpoint would not give one.
    pub fn is_refused(&self) -> bool {
        self.finish_reason == REFUSED
    }
}

/// A problem and the numbers of the samples that are wanted of it.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The problem.
    pub example: &'a Example,
    /// Numbers of the samples, ascending.
    pub samples: Vec<u64>,
}

/// Who answers.
pub enum Respondent<'a> {
    /// A model in memory.
    Local(&'a mut LocalModel),
    /// An endpoint, and the file that keeps what it answered.
    Endpoint(&'a Endpoint, &'a Journal),
}

impl Respondent<'_> {
    /// Asks for all wanted samples. `on_reply` gets each with the index of its problem and its number, in an order that
    /// means nothing; its error ends the asking, as `stop` does.
    ///
    /// # Errors
    /// A prompt that does not fit, an endpoint that gives up, whatever `on_reply` says.
    pub fn ask(
        &mut self,
        wanted: &[Wanted],
        sampling: &Sampling,
        stop: &(dyn Fn() -> bool + Sync),
        on_reply: impl FnMut(usize, u64, Reply) -> Result<()>,
    ) -> Result<()> {
        match self {
            Respondent::Local(model) => ask_local(model, wanted, sampling, stop, on_reply),
            Respondent::Endpoint(endpoint, journal) => {
                ask_endpoint(endpoint, journal, wanted, sampling, (stop, on_reply))
            }
        }
    }
}

fn asking(sampling: &Sampling) -> Asking {
    Asking { thinking: sampling.thinking, system: sampling.system.clone() }
}

fn ask_local(
    model: &mut LocalModel,
    wanted: &[Wanted],
    sampling: &Sampling,
    stop: &(dyn Fn() -> bool + Sync),
    mut on_reply: impl FnMut(usize, u64, Reply) -> Result<()>,
) -> Result<()> {
    let LocalModel { engine, tokenizer, template, stop_tokens } = model;
    let asking = asking(sampling);
    let context = engine.context();
    let (mut questions, mut problems) = (Vec::new(), Vec::new());
    for (problem_idx, one) in wanted.iter().enumerate() {
        let refused = |reason: String| Error::Question { id: one.example.id.clone(), reason };
        let prompt = asking.encode(template, tokenizer, &one.example.prompt).map_err(|e| refused(e.to_string()))?;
        if prompt.tokens.len() >= context {
            let n = prompt.tokens.len();
            return Err(refused(format!(
                "its prompt has {n} tokens, the context holds {context}: ask for a longer one"
            )));
        }
        for run in runs(&one.samples) {
            problems.push(problem_idx);
            let (key, in_thinking) = (stable_hash(&one.example.id), prompt.in_thinking);
            questions.push(Question { key, prompt: prompt.tokens.clone(), samples: run, in_thinking });
        }
    }
    let Sampling { temperature, top_p, seed, max_tokens, .. } = *sampling;
    let (temperature, top_p) = (temperature as f32, top_p as f32);
    let options = SamplerOptions {
        sampling: SamplingParams { temperature, top_p, seed, ..SamplingParams::default() },
        max_tokens,
        stop_tokens: stop_tokens.clone(),
        thinking: None,
    };
    let mut before = Instant::now();
    let mut result = Ok(());
    let mut take = |sampled: Sampled| {
        let seconds = std::mem::replace(&mut before, Instant::now()).elapsed().as_secs_f64();
        let in_thinking = questions[sampled.question_idx].in_thinking;
        let reply = Reply {
            parts: Parts::from_tokens(tokenizer, &sampled.token_ids(), in_thinking),
            n_tokens: sampled.completion.tokens.len() as u64,
            finish_reason: finish_reason(&sampled.completion.finished.reason).to_owned(),
            seconds,
            dollars: 0.0,
        };
        result = on_reply(problems[sampled.question_idx], sampled.sample_idx, reply);
        if result.is_err() || stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    sample(engine, &questions, &options, &mut take).map_err(|e| Error::Settings(e.to_string()))?;
    result
}

/// Consecutive numbers as ranges.
fn runs(samples: &[u64]) -> Vec<std::ops::Range<u64>> {
    let mut runs: Vec<std::ops::Range<u64>> = Vec::new();
    for &n in samples {
        match runs.last_mut() {
            Some(run) if run.end == n => run.end = n + 1,
            _ => runs.push(n..n + 1),
        }
    }
    runs
}

fn finish_reason(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Cancelled => "cancelled",
        FinishReason::Constraint(_) | FinishReason::Error(_) => "error",
    }
}

fn ask_endpoint(
    endpoint: &Endpoint,
    journal: &Journal,
    wanted: &[Wanted],
    sampling: &Sampling,
    (stop, mut on_reply): (&(dyn Fn() -> bool + Sync), impl FnMut(usize, u64, Reply) -> Result<()>),
) -> Result<()> {
    let asking = asking(sampling);
    let (mut jobs, mut places) = (Vec::new(), Vec::new());
    for (problem_idx, one) in wanted.iter().enumerate() {
        let messages: Vec<(String, String)> = asking
            .messages(&one.example.prompt)
            .into_iter()
            .map(|message| (message.role, message.content.unwrap_or_default()))
            .collect();
        for &sample_idx in &one.samples {
            places.push((problem_idx, sample_idx));
            jobs.push(Job {
                messages: messages.clone(),
                sample_idx,
                seed: sample_seed(sampling.seed, stable_hash(&one.example.id), sample_idx),
                temperature: sampling.temperature,
                top_p: sampling.top_p,
                max_tokens: sampling.max_tokens,
            });
        }
    }
    let failed = std::sync::atomic::AtomicBool::new(false);
    let is_over = || stop() || failed.load(std::sync::atomic::Ordering::Relaxed);
    let mut result = Ok(());
    endpoint.ask_all(&jobs, journal, &is_over, |idx, answer| {
        if result.is_ok() {
            let (problem_idx, sample_idx) = places[idx];
            result = on_reply(problem_idx, sample_idx, reply_of(&answer));
            failed.store(result.is_err(), std::sync::atomic::Ordering::Relaxed);
        }
    })?;
    result
}

fn reply_of(answer: &Answer) -> Reply {
    let parts = if answer.finish_reason == REFUSED { Parts::default() } else { answer.parts() };
    Reply {
        parts,
        n_tokens: answer.n_completion.unwrap_or(0),
        finish_reason: answer.finish_reason.clone(),
        seconds: answer.seconds,
        dollars: answer.dollars,
    }
}
