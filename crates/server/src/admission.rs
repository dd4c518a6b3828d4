//! From a request that was read to completions that run: what all routes have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use engine::stop_strings::StopStrings;
use engine::thread::Control;
use engine::{AnswerStream, Split, ToolFormat};
use futures_util::StreamExt;

use crate::completion::Choice;
use crate::config::{Limits, ServedModel};
use crate::error::ApiError;
use crate::meter::{Caller, Receipt};
use crate::params::{self, Job};
use crate::routes::App;
use crate::wire::ChatRequest;
use crate::wire::fields::short;

/// Completions in progress, by id. The id is random and known to its client alone.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<String, Vec<Control>>>>);

/// Keeps a completion listed while it lives.
pub struct Listed {
    running: Running,
    id: String,
}

impl Running {
    fn list(&self, id: &str, controls: Vec<Control>) -> Listed {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), controls);
        Listed { running: self.clone(), id: id.to_owned() }
    }

    /// Ends all of them; each client is told.
    pub fn cancel_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().for_each(Control::cancel);
    }

    pub fn find(&self, id: &str) -> Option<Vec<Control>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// An accepted request.
pub struct Accepted {
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model under the name the client used.
    pub model_name: String,
    pub model: Arc<ServedModel>,
    pub choices: Vec<Choice>,
    /// Tokens of its prompt, the first one if there are several.
    pub n_prompt: usize,
    /// Whether the answer begins with thinking.
    pub in_thinking: bool,
    pub listed: Listed,
}

/// A request as it came in: its body, and who sends it.
pub struct Incoming {
    pub app: Arc<App>,
    pub caller: Caller,
    pub body: Bytes,
}

impl Incoming {
    /// Reads a request's body, within the server's bounds.
    pub async fn read(app: Arc<App>, request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
        if let Some(coding) = parts.headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
            let coding = short(&String::from_utf8_lossy(coding.as_bytes()));
            let message = format!("the body is encoded as {coding}: send it plain, without Content-Encoding");
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message));
        }
        let body = read_body(&app.limits, app.limits.body_bytes, &parts.headers, body).await?;
        Ok(Self { app, caller, body })
    }

    /// Prepares and submits a chat. `id_prefix` begins the id, in the dialect's manner.
    pub async fn chat(&self, chat: ChatRequest, id_prefix: &str) -> Result<Accepted, ApiError> {
        let (model, thinking) = self.app.resolve(chat.model.as_deref()).await?;
        let model_name = chat.model.clone().unwrap_or_else(|| model.name.clone());
        let chat = with_default_thinking(chat, thinking);
        let stops = chat.stop.clone();
        let preparing = model.clone();
        // A grammar may be long work however short it is.
        let n_bytes = if chat.format.is_some() || chat.tools.is_on() { usize::MAX } else { self.body.len() };
        let job = self.app.prepare_of(n_bytes, move || params::prepare(&preparing, &chat)).await?;
        self.submit(model, job, Named { id_prefix, model_name, stops })
    }

    /// Submits what was prepared.
    pub fn submit(&self, model: Arc<ServedModel>, job: Job, named: Named) -> Result<Accepted, ApiError> {
        let Job { requests, split, in_thinking, begun_in_thinking, tools, one_call, form } = job;
        let most = model.engine.max_in_flight();
        if requests.len() > most {
            let message =
                format!("this asks for {} completions, and at most {most} can run: ask for fewer", requests.len());
            return Err(ApiError::invalid("n", message));
        }
        let receipt = Receipt::new(self.app.clone(), self.caller, &model.name);
        let n_prompt = requests.first().map_or(0, |request| request.prompt.len());
        let stops = StopStrings::new(named.stops);
        let choice = |request: engine::Request| {
            let request = engine::Request { user: self.caller.key, ..request };
            let mut answer = AnswerStream::new(model.format.clone(), split, stops.clone());
            if let Some(in_thinking) = begun_in_thinking {
                answer = answer.going_on(&request.prompt, in_thinking);
            }
            let generation = model.engine.submit(request)?;
            Ok(Choice::new(generation, answer)
                .with_tools(tools, one_call)
                .with_form(form)
                .with_receipt(receipt.clone()))
        };
        let choices: Vec<Choice> = requests.into_iter().map(choice).collect::<Result<_, engine::SubmitError>>()?;
        let id = params::random_id(named.id_prefix)?;
        let controls = choices.iter().map(|choice| choice.generation().control().clone()).collect();
        let listed = self.app.running.list(&id, controls);
        let model_name = named.model_name;
        Ok(Accepted { id, created: now(), model_name, model, choices, n_prompt, in_thinking, listed })
    }
}

/// What a submission is called, and where its answers end.
pub struct Named<'a> {
    pub id_prefix: &'a str,
    pub model_name: String,
    pub stops: Vec<String>,
}

/// A job of plain texts: no template, no thinking, no tools.
pub fn raw_job(requests: Vec<engine::Request>, form: Option<&'static str>) -> Job {
    let begun_in_thinking = Some(false);
    Job {
        requests,
        split: Split::Raw,
        in_thinking: false,
        begun_in_thinking,
        tools: None::<ToolFormat>,
        one_call: false,
        form,
    }
}

/// An alias may turn thinking on or off where the request does not.
pub fn with_default_thinking(mut chat: ChatRequest, thinking: Option<bool>) -> ChatRequest {
    if chat.thinking.switch().is_none() {
        chat.thinking.enabled = thinking;
    }
    chat
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs())
}

/// Runs work that takes a while where others' streams do not wait for it.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        let message = "the prompt could not be prepared; the server's log says why";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "prepare_failed", message)
    })?
}

/// A request's body of at most `most` bytes, within the time that clients have for it.
pub async fn read_body(limits: &Limits, most: usize, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("the request body is larger than {most} bytes: send less");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > most as u64) {
        return Err(too_large());
    }
    let all = async {
        let mut all = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| {
                let message = "the request body broke off, or its chunks are not as HTTP has them: send it again";
                ApiError { code: Some("broken_body"), ..ApiError::invalid("body", message) }
            })?;
            if all.len() + chunk.len() > most {
                return Err(too_large());
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    };
    tokio::time::timeout(limits.body_time, all).await.unwrap_or_else(|_| {
        let message = format!("the request body did not arrive within {:?}", limits.body_time);
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message))
    })
}
