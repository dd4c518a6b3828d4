//! Errors as OpenAI's clients expect them: `{"error": {"message", "type", "param", "code"}}` and a status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{RequestError, SubmitError};
use serde_json::{Value, json};

/// An error on its way to the client. The message says what to change.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub message: String,
    /// Path of the offending field, `messages[0].content`.
    pub param: Option<String>,
    /// A word for programs.
    pub code: Option<&'static str>,
    /// When to try again, where that is known.
    pub retry_after_s: Option<u64>,
    /// Tokens of a prompt that is too long, and what the context holds, where they were counted.
    pub n_prompt_and_ctx: Option<(usize, usize)>,
}

/// Longest message, and name of a field, in characters: what was sent is quoted in them.
const LONGEST_MESSAGE: usize = 2000;

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = cut(message.into());
        Self { status, message, param: None, code: Some(code), retry_after_s: None, n_prompt_and_ctx: None }
    }

    /// 400: the request as written cannot be served.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, "invalid_value", message);
        Self { param: Some(cut(param.into())), ..error }
    }

    /// 400: two fields that do not go together, and how they do not.
    pub fn contradiction(first: &str, other: &str, how: &str) -> Self {
        Self::invalid(other, format!("`{first}` and `{other}` contradict each other: {how}"))
    }

    /// 400: more than the model's context holds.
    pub fn too_long(param: &str, message: impl Into<String>) -> Self {
        Self { code: Some("context_length_exceeded"), ..Self::invalid(param, message) }
    }

    /// The same, with the tokens of the prompt, and those that the context holds.
    pub fn counted(self, n_prompt: usize, n_ctx: usize) -> Self {
        Self { n_prompt_and_ctx: Some((n_prompt, n_ctx)), ..self }
    }

    /// The same in a dialect that has other names for some fields: pairs of ours and its own.
    pub fn renamed(mut self, names: &[(&str, &str)]) -> Self {
        for (ours, theirs) in names {
            if self.param.as_deref() == Some(ours) {
                self.param = Some((*theirs).to_owned());
            }
            self.message = self.message.replace(&format!("`{ours}`"), &format!("`{theirs}`"));
        }
        self
    }

    /// The body of the error, alone or as an event of a stream.
    pub fn body(&self) -> Value {
        let kind = match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::PAYMENT_REQUIRED => "insufficient_quota",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let mut body = json!({"message": self.message, "type": kind, "param": self.param, "code": self.code});
        if let Some((n_prompt, n_ctx)) = self.n_prompt_and_ctx {
            // llama.cpp's names.
            body["n_prompt_tokens"] = json!(n_prompt);
            body["n_ctx"] = json!(n_ctx);
        }
        json!({"error": body})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after_s.unwrap_or(1)));
            }
            // Clients ask again after any status from 500 on, unless they are told.
            StatusCode::NOT_IMPLEMENTED => {
                headers.insert("x-should-retry", HeaderValue::from_static("false"));
            }
            _ => {}
        }
        response
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let message = error.to_string();
        match error {
            SubmitError::Invalid(RequestError::PromptTooLong { n_prompt, context }) => {
                Self::too_long("messages", message).counted(n_prompt, context)
            }
            SubmitError::Invalid(RequestError::OutOfRange { name, .. }) => Self::invalid(name, message),
            // Those of prompts are looked at before.
            SubmitError::Invalid(RequestError::UnknownToken { .. }) => Self::invalid("logit_bias", message),
            SubmitError::Invalid(_) => Self { param: None, ..Self::invalid("", message) },
            SubmitError::Busy { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message),
            SubmitError::Stopped => Self::new(StatusCode::SERVICE_UNAVAILABLE, "engine_stopped", message),
        }
    }
}
