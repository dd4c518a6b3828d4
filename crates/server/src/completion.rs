//! One completion on its way to the client: the engine's events become text, tool calls and an end.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::{
    AnswerStream, ConstraintError, Delta, Event, FinishReason, Finished, Generation, ThinkingStopReason, Timings,
    Token, TokenKind, TokenLogprobs, ToolCall, ToolFormat, ToolParser, Usage,
};

use crate::error::ApiError;
use crate::meter::Receipt;

/// What happened next.
pub enum Progress {
    /// New text, never empty.
    Text(Delta),
    /// A tool call, whole.
    Call(ToolCall),
    /// Tokens with what the model thought of them, where the request asks for that, and the text that they made visible.
    Tokens(Delta, Vec<TokenReport>),
    /// The last.
    End(End),
}

/// A token and what the model thought in its place.
#[derive(Clone, Debug)]
pub struct TokenReport {
    pub token: Token,
    pub logprobs: TokenLogprobs,
}

impl TokenReport {
    /// Whether it belongs to the thinking.
    pub fn is_thinking(&self) -> bool {
        matches!(self.token.kind, TokenKind::Thinking | TokenKind::ThinkTag)
    }
}

/// How a completion ended.
#[derive(Clone, Debug)]
pub struct End {
    /// OpenAI's word, or what went wrong.
    pub finish_reason: Result<&'static str, ApiError>,
    /// The stop string that ended it.
    pub stop: Option<String>,
    pub thinking_stop_reason: Option<ThinkingStopReason>,
    pub usage: Usage,
    pub timings: Timings,
}

/// Everything a completion said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub text: Delta,
    pub calls: Vec<ToolCall>,
    pub reports: Vec<TokenReport>,
}

impl Said {
    fn add(&mut self, delta: &Delta) {
        self.text.reasoning += &delta.reasoning;
        self.text.content += &delta.content;
    }
}

/// A completion in progress. Dropping it cancels it.
pub struct Choice {
    generation: Generation,
    answer: AnswerStream,
    tools: Option<ToolParser>,
    /// Told so far.
    calls: Vec<ToolCall>,
    /// Ends with its first call.
    one_call: bool,
    /// Has repeated a call: it would go on so.
    repeats: bool,
    /// The field that says what the answer must be like.
    form: Option<&'static str>,
    receipt: Option<Arc<Receipt>>,
    /// Of the token that comes next.
    logprobs: Option<TokenLogprobs>,
    /// Tokens whose text may turn out to be of a stop string, each with the byte of the answer at which it begins.
    unsettled: VecDeque<(usize, TokenReport)>,
    /// Known, and waiting to be told.
    pending: VecDeque<Progress>,
    ended: bool,
}

impl Choice {
    pub fn new(generation: Generation, answer: AnswerStream) -> Self {
        Self {
            generation,
            answer,
            tools: None,
            calls: Vec::new(),
            one_call: false,
            repeats: false,
            form: None,
            receipt: None,
            logprobs: None,
            unsettled: VecDeque::new(),
            pending: VecDeque::new(),
            ended: false,
        }
    }

    /// Reads tool calls in the answer, which ends with its first one where `one_call` says so.
    pub fn with_tools(mut self, format: Option<ToolFormat>, one_call: bool) -> Self {
        self.tools = format.map(ToolParser::new);
        self.one_call = one_call;
        self
    }

    /// Blames this field where what the answer must be like cannot be kept to.
    pub fn with_form(mut self, form: Option<&'static str>) -> Self {
        self.form = form;
        self
    }

    /// Puts what it took on somebody's account.
    pub fn with_receipt(mut self, receipt: Arc<Receipt>) -> Self {
        self.receipt = Some(receipt);
        self
    }

    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Tokens so far: all, and of these thinking and its tags.
    pub fn n_tokens(&self) -> (usize, usize) {
        (self.answer.n_completion(), self.answer.n_reasoning())
    }

    /// The next text, call or report, or the end; `None` after the end.
    pub async fn next(&mut self) -> Option<Progress> {
        loop {
            if let Some(progress) = self.pending.pop_front() {
                return Some(progress);
            }
            if self.ended {
                return None;
            }
            match self.generation.next().await {
                Some(Event::Logprobs(logprobs)) => self.logprobs = Some(logprobs),
                Some(Event::Token(token)) => self.take(&token),
                Some(Event::Finished(finished)) => self.end(finished),
                None => self.break_off(),
            }
        }
    }

    fn take(&mut self, token: &Token) {
        if self.answer.stopped().is_some() || self.has_its_calls() {
            return;
        }
        let (begins, _) = self.answer.n_content_bytes();
        let delta = self.answer.push(token);
        if self.answer.stopped().is_some() {
            self.generation.control().cancel();
        }
        self.tell(delta);
        if self.has_its_calls() {
            self.generation.control().cancel();
        }
        // The token that ends the answer is no part of it.
        if let Some(logprobs) = self.logprobs.take()
            && token.kind != TokenKind::Stop
        {
            self.unsettled.push_back((begins, TokenReport { token: *token, logprobs }));
        }
        self.report();
    }

    /// Reports the tokens that are known to be a part of the answer, with the text that was told last; those of a stop string
    /// never.
    fn report(&mut self) {
        let (n_taken, n_shown) = self.answer.n_content_bytes();
        let is_settled = |begins: usize| begins < n_shown || n_taken == n_shown;
        let n_settled = self.unsettled.iter().take_while(|(begins, _)| is_settled(*begins)).count();
        let reports: Vec<TokenReport> = self.unsettled.drain(..n_settled).map(|(_, report)| report).collect();
        if reports.is_empty() {
            return;
        }
        let text = match self.pending.pop_back() {
            Some(Progress::Text(text)) => text,
            other => {
                self.pending.extend(other);
                Delta::default()
            }
        };
        self.pending.push_back(Progress::Tokens(text, reports));
    }

    /// Whether it has all the calls that it may have.
    fn has_its_calls(&self) -> bool {
        self.repeats || (self.one_call && !self.calls.is_empty())
    }

    /// Passes text on, past the parser of calls.
    fn tell(&mut self, mut delta: Delta) {
        let mut calls = Vec::new();
        if let Some(parser) = &mut self.tools
            && !delta.content.is_empty()
        {
            let parsed = parser.push(&delta.content);
            (delta.content, calls) = (parsed.content, parsed.calls);
        }
        if !delta.is_empty() {
            self.pending.push_back(Progress::Text(delta));
        }
        for call in calls {
            if self.has_its_calls() {
                break;
            }
            if self.calls.contains(&call) {
                self.repeats = true;
                break;
            }
            self.calls.push(call.clone());
            self.pending.push_back(Progress::Call(call));
        }
    }

    fn end(&mut self, finished: Finished) {
        if !self.has_its_calls() {
            let rest = self.answer.finish();
            self.tell(rest);
        }
        self.report();
        if let Some(parser) = &mut self.tools {
            let content = parser.finish(finished.reason == FinishReason::Length || self.answer.stopped().is_some());
            if !content.is_empty() {
                self.pending.push_back(Progress::Text(Delta { content, ..Delta::default() }));
            }
        }
        let end = self.end_of(finished);
        if let Some(receipt) = &self.receipt {
            receipt.completed(&end.usage, &end.timings);
        }
        self.pending.push_back(Progress::End(end));
        self.ended = true;
    }

    fn break_off(&mut self) {
        let message = "the engine stopped in the middle of this completion; restart the server";
        let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        self.pending.push_back(Progress::End(End {
            finish_reason: Err(ApiError::new(status, "engine_stopped", message)),
            stop: None,
            thinking_stop_reason: None,
            usage: Usage::default(),
            timings: Timings::default(),
        }));
        self.ended = true;
    }

    /// Everything at once, and the end.
    pub async fn collect(mut self) -> (Said, Option<End>) {
        let mut said = Said::default();
        loop {
            match self.next().await {
                Some(Progress::Text(delta)) => said.add(&delta),
                Some(Progress::Tokens(delta, reports)) => {
                    said.add(&delta);
                    said.reports.extend(reports);
                }
                Some(Progress::Call(call)) => said.calls.push(call),
                Some(Progress::End(mut end)) => {
                    if self.answer.divide_late(&mut said.text) {
                        end.thinking_stop_reason = Some(ThinkingStopReason::Natural);
                        end.usage.n_reasoning = self.answer.n_reasoning();
                    }
                    return (said, Some(end));
                }
                None => return (said, None),
            }
        }
    }

    fn end_of(&self, finished: Finished) -> End {
        let failed =
            |code, message: String| Err(ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, code, message));
        let finish_reason = match finished.reason {
            // What was cancelled for one of these did not fail.
            _ if self.has_its_calls() => Ok("tool_calls"),
            _ if self.answer.stopped().is_some() => Ok(if !self.calls.is_empty() { "tool_calls" } else { "stop" }),
            // Before the calls: the last of them may be what was cut.
            FinishReason::Length => Ok("length"),
            FinishReason::Stop => Ok(if !self.calls.is_empty() { "tool_calls" } else { "stop" }),
            FinishReason::Cancelled => {
                let message = "this completion was cancelled, because the server is ending: ask again";
                Err(ApiError::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "cancelled", message))
            }
            FinishReason::Constraint(error) => {
                let param =
                    if error == ConstraintError::RuledOut { "logit_bias" } else { self.form.unwrap_or_default() };
                Err(ApiError::invalid(param, error.to_string()))
            }
            FinishReason::Error(message) => failed("model_failed", message),
        };
        // Tokens that the engine drew past a stop string are not the client's.
        let usage = Usage {
            n_completion: self.answer.n_completion(),
            n_reasoning: self.answer.n_reasoning(),
            ..finished.usage
        };
        End {
            finish_reason,
            stop: self.answer.stopped().map(str::to_owned),
            thinking_stop_reason: finished.thinking_stop_reason,
            usage,
            timings: finished.timings,
        }
    }
}
