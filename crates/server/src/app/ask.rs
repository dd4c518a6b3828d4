//! From a question of the page to an answer of the engine.
//!
//! A request of the page is put into the words of the API and goes the way that every request goes (`wire`, `params`), so
//! what the API can do the app can do, with the same bounds and the same errors. Nothing is stored before the engine has
//! accepted it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};

use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::live::{About, Live};
use super::store::{Facts, File, Message, NewAnswer, Role, Sample, Settings, Status, Store, StoreError};
use super::{Owner, Posted, blocking};
use crate::admission::{Incoming, Named};
use crate::completion::Choice;
use crate::config::ServedModel;
use crate::error::ApiError;
use crate::meter::Caller;
use crate::params;
use crate::routes::App;
use crate::wire::ChatRequest;

/// Most samples of one answer.
const MAX_SAMPLES: usize = 16;
/// Temperature of answers that are to differ, where a model's own is 0: DeepSeek's advice for R1.
const VARIED_TEMPERATURE: f32 = 0.6;

/// A question: `conversation` and `parent` (an answer) say where it stands; without a conversation it begins one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    conversation: Option<String>,
    parent: Option<String>,
    content: String,
    #[serde(default)]
    files: Vec<String>,
    model: Option<String>,
    #[serde(default)]
    settings: Settings,
    #[serde(default = "one")]
    n_samples: usize,
}

/// How to answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct How {
    model: Option<String>,
    #[serde(default)]
    settings: Settings,
    #[serde(default = "one")]
    n_samples: usize,
    /// An answer to the same question that the new one goes on from.
    continues: Option<String>,
}

fn one() -> usize {
    1
}

/// `POST /api/ask`: stores a question and begins its answer.
pub async fn ask(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    caller: Option<Extension<Caller>>,
    Posted(body): Posted,
) -> Result<Response, ApiError> {
    let Ask { conversation, parent, content, files, model, settings, n_samples } = super::json_body(&body)?;
    let how = How { model, settings, n_samples, continues: None };
    if content.trim().is_empty() && files.is_empty() {
        return Err(ApiError::invalid("content", "the question is empty: write something, or add a file"));
    }
    let store = app.desk.store.clone();
    let (told, parent) = {
        let (owner, conversation, content, files) =
            (owner.clone(), conversation.clone(), content.clone(), files.clone());
        blocking(move || {
            let mut told = match (&conversation, &parent) {
                (Some(conversation), Some(parent)) => told_so_far(&store, &owner, conversation, parent)?,
                // A message stands in a conversation.
                (None, Some(_)) => return Err(StoreError::NotFound("message").into()),
                (_, None) => Vec::new(),
            };
            let files = store.files(&owner, &files)?;
            told.push(json!({"role": "user", "content": with_files(&files, &content)}));
            Ok((told, parent))
        })
        .await?
    };
    let varied = how.n_samples > 1;
    let accepted = accept(&app, caller.map(|Extension(caller)| caller), told, (how, varied)).await?;
    let store = app.desk.store.clone();
    let question = {
        let owner = owner.clone();
        blocking(move || {
            let Some(conversation) = conversation else { return Ok(store.begin(&owner, &content, &files)?) };
            let question = store.add_question(&owner, &conversation, parent.as_deref(), &content, &files)?;
            Ok((conversation, question))
        })
        .await?
    };
    begin(app, owner, question, accepted, Sample::default()).await
}

/// `POST /api/answers/{message}`: answers a question again (`message` is the question).
pub async fn another(
    State(app): State<Arc<App>>,
    Extension(Owner(owner)): Extension<Owner>,
    caller: Option<Extension<Caller>>,
    Path(question): Path<String>,
    Posted(body): Posted,
) -> Result<Response, ApiError> {
    let how: How = super::json_body(&body)?;
    let store = app.desk.store.clone();
    let (told, place, begun) = {
        let (owner, continues) = (owner.clone(), how.continues.clone());
        blocking(move || {
            let conversation = store.conversation_of(&owner, &question)?;
            let mut told = told_so_far(&store, &owner, &conversation, &question)?;
            let begun = match continues {
                None => Sample::default(),
                Some(answer) => begun(&store, &owner, (&conversation, &question), &answer)?,
            };
            if !begun.reasoning.is_empty() || !begun.content.is_empty() {
                let reasoning = Some(&begun.reasoning).filter(|text| !text.is_empty());
                told.push(json!({"role": "assistant", "content": begun.content, "reasoning_content": reasoning, "prefix": true}));
            }
            Ok((told, (conversation, question), begun))
        })
        .await?
    };
    let varied = how.continues.is_none();
    let accepted = accept(&app, caller.map(|Extension(caller)| caller), told, (how, varied)).await?;
    begin(app, owner, place, accepted, begun).await
}

/// The text that an answer goes on from: the chosen sample of `answer`, with those of its figures that go on too.
fn begun(store: &Store, owner: &str, place: (&str, &str), answer: &str) -> Result<Sample, ApiError> {
    let (conversation, question) = place;
    let message = store.path_to(owner, conversation, answer)?.pop();
    let sample =
        message.filter(|m| m.parent.as_deref() == Some(question)).and_then(|m| m.samples.into_iter().nth(m.chosen));
    let sample =
        sample.ok_or_else(|| ApiError::invalid("continues", "`continues` must be an answer to this question"))?;
    let facts = Facts {
        completion_tokens: sample.facts.completion_tokens,
        reasoning_tokens: sample.facts.reasoning_tokens,
        thinking_ms: sample.facts.thinking_ms,
        decode_ms: sample.facts.decode_ms,
        dollars: sample.facts.dollars,
        ..Facts::default()
    };
    Ok(Sample { facts, ..sample })
}

/// The conversation up to `message`, as the API has messages. Answers without text are left out with their questions.
fn told_so_far(store: &Store, owner: &str, conversation: &str, message: &str) -> Result<Vec<Value>, ApiError> {
    let path = store.path_to(owner, conversation, message)?;
    let questions: Vec<&str> = path.iter().filter(|m| !m.files.is_empty()).map(|m| m.id.as_str()).collect();
    let files = store.files_of(&questions)?;
    let is_told = |i: usize, message: &Message| match message.role {
        Role::Assistant => !message.text().is_empty(),
        Role::User => path.get(i + 1).is_none_or(|answer| !answer.text().is_empty()),
    };
    let as_json = |message: &Message| match message.role {
        Role::User => {
            let files = files.get(&message.id).map_or(&[][..], Vec::as_slice);
            json!({"role": "user", "content": with_files(files, &message.content)})
        }
        Role::Assistant => json!({"role": "assistant", "content": message.text()}),
    };
    Ok(path.iter().enumerate().filter(|(i, message)| is_told(*i, message)).map(|(_, m)| as_json(m)).collect())
}

/// A question below its files, in DeepSeek's template (README of DeepSeek-R1, "official prompts").
fn with_files(files: &[File], question: &str) -> String {
    let mut text = String::new();
    for File { name, text: content } in files {
        text += &format!("[file name]: {name}\n[file content begin]\n{content}\n[file content end]\n");
    }
    text + question
}

/// What the engine has accepted.
struct Accepted {
    model: Arc<ServedModel>,
    settings: Settings,
    choices: Vec<Choice>,
    /// Most tokens a sample may think.
    thinking_budget: Option<usize>,
}

/// Submits the question. `varied`: the answer is to differ from others to the same question.
async fn accept(
    app: &Arc<App>,
    caller: Option<Caller>,
    mut told: Vec<Value>,
    (how, varied): (How, bool),
) -> Result<Accepted, ApiError> {
    let How { model, mut settings, n_samples, continues: _ } = how;
    if !(1..=MAX_SAMPLES).contains(&n_samples) {
        return Err(ApiError::invalid(
            "n_samples",
            format!("`n_samples` is {n_samples}, but must be from 1 to {MAX_SAMPLES}"),
        ));
    }
    let (model, _) = app.resolve(model.as_deref()).await?;
    if varied && settings.temperature.is_none() && model.sampling.temperature == 0.0 {
        settings.temperature = Some(VARIED_TEMPERATURE);
    }
    if !settings.system.trim().is_empty() {
        told.insert(0, json!({"role": "system", "content": settings.system}));
    }
    let thinking = &settings.thinking;
    let mut body = json!({
        "messages": told, "n": n_samples, "temperature": settings.temperature, "top_p": settings.top_p,
        "max_tokens": settings.max_tokens, "seed": settings.seed,
        "thinking": {"type": if thinking.enabled { "enabled" } else { "disabled" }},
    });
    if thinking.enabled {
        body["thinking"]["budget_tokens"] = json!(thinking.budget_tokens);
        body["reasoning_effort"] = json!(thinking.effort);
    }
    let chat = ChatRequest::parse(body.to_string().as_bytes())?;
    let preparing = model.clone();
    let job = app.prepare(move || params::prepare(&preparing, &chat)).await?;
    let thinks = job.in_thinking && thinking.enabled;
    let budget = job.requests.first().and_then(|request| request.thinking.as_ref()?.budget);
    let incoming = Incoming { app: app.clone(), caller: caller.unwrap_or_default(), body: Bytes::new() };
    let named = Named { id_prefix: "app-", model_name: model.name.clone(), stops: Vec::new() };
    let choices = incoming.submit(model.clone(), job, named)?.choices;
    Ok(Accepted { model, settings, choices, thinking_budget: budget.filter(|_| thinks) })
}

/// Stores an answer that is about to come, and lets it run.
async fn begin(
    app: Arc<App>,
    owner: String,
    (conversation, question): (String, String),
    accepted: Accepted,
    begun: Sample,
) -> Result<Response, ApiError> {
    let Accepted { model, settings, choices, thinking_budget } = accepted;
    let mut sample = Sample { status: Status::Running, ..begun };
    sample.facts.thinking_budget = thinking_budget;
    let samples = vec![sample; choices.len()];
    let message = {
        let (store, owner, samples) = (app.desk.store.clone(), owner.clone(), samples.clone());
        let (conversation, question) = (conversation.clone(), question.clone());
        blocking(move || {
            let answer = NewAnswer {
                conversation: &conversation,
                parent: &question,
                model: &model.name,
                settings: &settings,
                samples,
            };
            Ok(store.add_answer(&owner, answer)?)
        })
        .await?
    };
    let controls = choices.iter().map(|choice| choice.generation().control().clone()).collect();
    let about = About {
        message: message.clone(),
        conversation: conversation.clone(),
        owner,
        dollars_per_second: app.desk.dollars_per_second,
    };
    let live = Live::new(about, samples, controls);
    app.desk.answers.run(live, choices, app.desk.store.clone(), app.limits.completion_time);
    Ok(Json(json!({"conversation": conversation, "question": question, "answer": message})).into_response())
}
