//! One completion on its way to the client: the engine's events become text and an end.

use engine::{AnswerStream, Delta, Event, FinishReason, Finished, Generation, ThinkingStopReason, Timings, Usage};

use crate::error::ApiError;

/// What happened next.
pub enum Progress {
    /// New text, never empty.
    Text(Delta),
    /// The last.
    End(End),
}

/// How a completion ended.
#[derive(Clone, Debug)]
pub struct End {
    /// OpenAI's word, or what went wrong.
    pub finish_reason: Result<&'static str, ApiError>,
    pub thinking_stop_reason: Option<ThinkingStopReason>,
    pub usage: Usage,
    pub timings: Timings,
}

/// A completion in progress. Dropping it cancels it.
pub struct Choice {
    generation: Generation,
    answer: AnswerStream,
    /// Known while the last text is being delivered.
    end: Option<End>,
    ended: bool,
}

impl Choice {
    pub fn new(generation: Generation, answer: AnswerStream) -> Self {
        Self { generation, answer, end: None, ended: false }
    }

    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The next text or the end; `None` after the end.
    pub async fn next(&mut self) -> Option<Progress> {
        if self.ended {
            return None;
        }
        while self.end.is_none() {
            let delta = match self.generation.next().await {
                Some(Event::Logprobs(_)) => continue,
                Some(Event::Token(token)) => {
                    let delta = self.answer.push(&token);
                    if self.answer.stopped().is_some() {
                        self.generation.control().cancel();
                    }
                    delta
                }
                Some(Event::Finished(finished)) => {
                    let rest = self.answer.finish();
                    self.end = Some(self.end_of(finished));
                    rest
                }
                None => {
                    let message = "the engine stopped in the middle of this completion; restart the server";
                    let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
                    self.end = Some(End {
                        finish_reason: Err(ApiError::new(status, "engine_stopped", message)),
                        thinking_stop_reason: None,
                        usage: Usage::default(),
                        timings: Timings::default(),
                    });
                    Delta::default()
                }
            };
            if !delta.is_empty() {
                return Some(Progress::Text(delta));
            }
        }
        self.ended = true;
        self.end.take().map(Progress::End)
    }

    /// All text at once, and the end.
    pub async fn collect(mut self) -> (Delta, Option<End>) {
        let mut text = Delta::default();
        loop {
            match self.next().await {
                Some(Progress::Text(delta)) => {
                    text.reasoning += &delta.reasoning;
                    text.content += &delta.content;
                }
                Some(Progress::End(end)) => return (text, Some(end)),
                None => return (text, None),
            }
        }
    }

    fn end_of(&self, finished: Finished) -> End {
        let stopped = self.answer.stopped().is_some();
        let failed =
            |code, message: String| Err(ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, code, message));
        let finish_reason = match finished.reason {
            _ if stopped => Ok("stop"),
            FinishReason::Stop => Ok("stop"),
            FinishReason::Length => Ok("length"),
            FinishReason::Cancelled => failed("cancelled", "this completion was cancelled".into()),
            FinishReason::Error(message) => failed("model_failed", message),
        };
        // Tokens that the engine drew past a stop string are not the client's.
        let usage = Usage {
            n_completion: self.answer.n_completion(),
            n_reasoning: self.answer.n_reasoning(),
            ..finished.usage
        };
        End { finish_reason, thinking_stop_reason: finished.thinking_stop_reason, usage, timings: finished.timings }
    }
}
