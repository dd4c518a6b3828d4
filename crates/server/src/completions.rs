//! `POST /v1/completions`: texts and token ids without a template, filling in the middle, and the log-probabilities that
//! evaluation harnesses ask for (`echo` with `logprobs`).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{Timings, TokenLogprobs, Usage};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::admission::{Accepted, Incoming, Named, raw_job};
use crate::chat::{collect_all, merged};
use crate::completion::{End, Progress, Said, TokenReport};
use crate::config::{ChatFormat, ServedModel, TextOptions};
use crate::error::ApiError;
use crate::params::{compile, each, random_u64};
use crate::reply::{FINGERPRINT, TimingsJson, UsageJson, as_written};
use crate::routes::App;
use crate::sse::{self, Events, Gone};
use crate::wire::completions::{CompletionRequest, PromptWish};
use crate::wire::tools::Form;

/// A whole answer, or one event of a stream.
#[derive(Debug, Serialize)]
struct TextCompletion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    system_fingerprint: &'static str,
    choices: Vec<TextChoice>,
    usage: Option<UsageJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<TimingsJson>,
}

#[derive(Debug, Default, Serialize)]
struct TextChoice {
    index: usize,
    text: String,
    logprobs: Option<TextLogprobs>,
    finish_reason: Option<&'static str>,
}

/// OpenAI's columns: one entry a token in each.
#[derive(Debug, Default, Serialize)]
struct TextLogprobs {
    tokens: Vec<String>,
    token_logprobs: Vec<Option<f32>>,
    top_logprobs: Vec<Option<Map<String, Value>>>,
    text_offset: Vec<usize>,
    /// Not of OpenAI: ids, for texts that are the same and tokens that are not.
    token_ids: Vec<u32>,
}

/// How far tokens have come in the text that they are shown as.
#[derive(Clone, Debug, Default)]
struct Place {
    n_chars: usize,
    /// Of a character that is not whole.
    bytes: Vec<u8>,
}

impl Place {
    /// The characters before `id`, which is next. A token in the middle of a character is where this begins; a control token
    /// is shown as nothing.
    fn of(&mut self, id: u32, format: &dyn ChatFormat) -> usize {
        let (begins, mut before, mut at) = (self.bytes.len(), self.n_chars, 0);
        if !format.decode(&[id]).is_empty() {
            self.bytes.extend(format.token_bytes(id));
        }
        loop {
            let (valid, broken) = match std::str::from_utf8(&self.bytes[at..]) {
                Ok(text) => (text, None),
                Err(error) => {
                    let valid = std::str::from_utf8(&self.bytes[at..][..error.valid_up_to()]);
                    (valid.unwrap_or_default(), error.error_len())
                }
            };
            // What is broken is shown as one character; what is unfinished waits.
            for n_bytes in valid.chars().map(char::len_utf8).chain(broken) {
                at += n_bytes;
                self.n_chars += 1;
                before += usize::from(at <= begins);
            }
            if broken.is_none() {
                self.bytes.drain(..at);
                return before;
            }
        }
    }

    /// Ends a text: what is unfinished is shown as broken.
    fn end(&mut self) {
        self.n_chars += usize::from(!self.bytes.is_empty());
        self.bytes.clear();
    }
}

impl TextLogprobs {
    /// Adds a token, which is at `place`.
    fn push(&mut self, id: u32, logprobs: Option<&TokenLogprobs>, (place, format): (&mut Place, &dyn ChatFormat)) {
        let text = |id| text_of(&format.token_bytes(id));
        let finite = |logprob: f32| logprob.max(-9999.0);
        self.text_offset.push(place.of(id, format));
        self.tokens.push(text(id));
        self.token_ids.push(id);
        self.token_logprobs.push(logprobs.map(|l| finite(l.logprob)));
        self.top_logprobs.push(logprobs.map(|l| {
            let mut top = Map::new();
            for &(id, logprob) in &l.top {
                // Two tokens may be the same text, and each is an alternative of its own.
                let name = Some(text(id)).filter(|name| !top.contains_key(name));
                top.insert(name.unwrap_or_else(|| format!("token_id:{id}")), as_written(finite(logprob)).into());
            }
            top
        }));
    }
}

/// A token's text, or its bytes as OpenAI writes those that are no text by themselves.
fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("bytes:".to_owned(), |text, byte| text + &format!("\\x{byte:02x}")),
    }
}

/// One prompt, and what is asked about it.
struct Prompt {
    tokens: Vec<u32>,
    /// What stands before the answer where it is echoed, else nothing.
    echoed: String,
    /// What the model thinks of the prompt's tokens but the first.
    scores: Option<Vec<TokenLogprobs>>,
}

/// Serves a completion.
pub async fn completions(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let incoming = Incoming::read(app.clone(), request).await?;
    // What is said of the body names its fields as they were sent; what comes later speaks of a chat.
    let asked = CompletionRequest::parse(&incoming.body)?;
    answer(app, incoming, asked).await.map_err(|error| error.renamed(&[("messages", "prompt")]))
}

async fn answer(app: Arc<App>, incoming: Incoming, asked: CompletionRequest) -> Result<Response, ApiError> {
    let (model, _) = app.resolve(asked.model.as_deref()).await?;
    let model_name = asked.model.clone().unwrap_or_else(|| model.name.clone());
    let (preparing, asked) = (model.clone(), Arc::new(asked));
    let for_prompts = asked.clone();
    // One at a time: it takes the machine's cores from everybody's answers. The turn ends with the work, which goes on when
    // the client hangs up.
    let turn = match asked.echo && asked.logprobs.is_some() {
        true => Some(app.scoring.clone().acquire_owned().await),
        false => None,
    };
    let work = move || {
        let _turn = turn;
        let prompts = prepare(&preparing, &for_prompts)?;
        let requests =
            if for_prompts.max_tokens == 0 { Vec::new() } else { requests(&preparing, &for_prompts, &prompts)? };
        Ok((prompts, requests))
    };
    let (prompts, requests) = app.prepare(work).await?;
    let named = Named { id_prefix: "cmpl-", model_name, stops: asked.stop.clone() };
    let form = asked.format.as_ref().map(|form| form.field);
    let accepted = incoming.submit(model, raw_job(requests, form), named)?;
    if !asked.stream {
        return whole(&app, &asked, accepted, prompts).await;
    }
    let error_event = |error: &ApiError| (None, error.body());
    Ok(sse::respond(&app, error_event, move |events| write_events(events, accepted, asked)))
}

fn prepare(model: &ServedModel, asked: &CompletionRequest) -> Result<Vec<Prompt>, ApiError> {
    let format = &model.format;
    let prepare_one = |wish: &PromptWish| {
        let suffix = asked.suffix.as_ref().map_or(0, String::len);
        if let PromptWish::Text(text) = wish
            && text.len() + suffix > format.longest_text()
        {
            let (n, longest) = (text.len() + suffix, format.longest_text());
            let message = format!(
                "the prompt has {n} bytes, and no more than {longest} can fit this model's context: shorten it"
            );
            return Err(ApiError::too_long("prompt", message));
        }
        let tokens = match (wish, &asked.suffix) {
            (PromptWish::Tokens(tokens), _) => tokens.clone(),
            (PromptWish::Text(text), None) => format.encode_raw(text, TextOptions::PROMPT),
            (PromptWish::Text(text), Some(suffix)) => format.fill_in_the_middle(text, suffix).ok_or_else(|| {
                let message = "this model has not learned to fill in the middle: remove `suffix`";
                ApiError::invalid("suffix", message)
            })?,
        };
        check(model, &tokens)?;
        let echoed = match (asked.echo, wish) {
            (false, _) => String::new(),
            (true, PromptWish::Text(text)) => text.clone(),
            (true, PromptWish::Tokens(tokens)) => format.decode(tokens),
        };
        let scores = match asked.logprobs.filter(|_| asked.echo) {
            Some(n_top) => Some(score(model, &tokens, n_top)?),
            None => None,
        };
        Ok(Prompt { tokens, echoed, scores })
    };
    asked.prompts.iter().map(prepare_one).collect()
}

/// What the engine would refuse, before anything is computed.
fn check(model: &ServedModel, tokens: &[u32]) -> Result<(), ApiError> {
    let vocab_size = model.engine.vocab_size();
    if tokens.is_empty() {
        return Err(ApiError::invalid("prompt", "`prompt` is empty, and this model has no token to begin a text with"));
    }
    if let Some(id) = tokens.iter().find(|&&id| id as usize >= vocab_size) {
        let message = format!("`prompt` holds token id {id}, but this model's vocabulary ends at {}", vocab_size - 1);
        return Err(ApiError::invalid("prompt", message));
    }
    if tokens.len() > model.engine.context() {
        let (n, context) = (tokens.len(), model.engine.context());
        let message = format!("the prompt has {n} tokens, but this model's context holds {context}: shorten it");
        return Err(ApiError::too_long("prompt", message).counted(n, context));
    }
    Ok(())
}

fn score(model: &ServedModel, tokens: &[u32], n_top: usize) -> Result<Vec<TokenLogprobs>, ApiError> {
    let scorer = model.scorer.as_ref().ok_or_else(|| {
        let message = "this model cannot judge its prompt: ask for `logprobs` without `echo`";
        ApiError::invalid("echo", message)
    })?;
    Ok(scorer.score(tokens, n_top))
}

/// For each prompt `n` requests.
fn requests(
    model: &ServedModel,
    asked: &CompletionRequest,
    prompts: &[Prompt],
) -> Result<Vec<engine::Request>, ApiError> {
    let bias = &asked.sampling.logit_bias;
    let compile = |form: &Form| compile(model, &form.grammar, form.field, bias);
    let constraint = asked.format.as_ref().map(compile).transpose()?;
    let sampling = asked.sampling.over(&model.sampling, random_u64()?);
    let of = |prompt: &Prompt| {
        let request = engine::Request {
            prompt: prompt.tokens.clone(),
            max_tokens: asked.max_tokens,
            stop_tokens: model.format.stop_tokens(),
            sampling: sampling.clone(),
            constraint: constraint.clone(),
            logprobs: asked.logprobs,
            ..engine::Request::default()
        };
        each(&request, asked.n)
    };
    Ok(prompts.iter().flat_map(of).collect())
}

async fn whole(
    app: &App,
    asked: &CompletionRequest,
    accepted: Accepted,
    prompts: Vec<Prompt>,
) -> Result<Response, ApiError> {
    let Accepted { id, created, model_name, model, choices, listed: _listed, .. } = accepted;
    let ended = collect_all(app, choices).await?;
    let n_choices = prompts.len() * asked.n;
    let mut answers: Vec<Option<(Said, End)>> = ended.into_iter().map(Some).collect();
    answers.resize_with(n_choices, || None);
    let (mut usages, mut timings) = (Vec::new(), Vec::new());
    let mut choices = Vec::new();
    for (index, answer) in answers.into_iter().enumerate() {
        let prompt = &prompts[index / asked.n];
        let mut text = prompt.echoed.clone();
        let (mut columns, mut place) = (TextLogprobs::default(), Place::default());
        if let Some(scores) = &prompt.scores {
            let of = std::iter::once(None).chain(scores.iter().map(Some));
            for (&id, score) in prompt.tokens.iter().zip(of) {
                columns.push(id, score, (&mut place, model.format.as_ref()));
            }
            place.end();
        }
        let mut finish_reason = "length";
        match answer {
            Some((said, end)) => {
                finish_reason = end.finish_reason?;
                text += &said.text.content;
                for TokenReport { token, logprobs } in &said.reports {
                    columns.push(token.id, Some(logprobs), (&mut place, model.format.as_ref()));
                }
                usages.push(end.usage);
                timings.push((end.usage, end.timings));
            }
            None => usages.push(Usage { n_prompt: prompt.tokens.len(), ..Usage::default() }),
        }
        let logprobs = asked.logprobs.is_some().then_some(columns);
        choices.push(TextChoice { index, text, logprobs, finish_reason: Some(finish_reason) });
    }
    let usage = usage_of_all(&usages, asked.n);
    let object = "text_completion";
    let whole = TextCompletion {
        id,
        object,
        created,
        model: model_name,
        system_fingerprint: FINGERPRINT,
        choices,
        usage: Some(usage),
        timings: TimingsJson::of_slowest(timings.iter().map(|(usage, timings)| (usage, timings))),
    };
    Ok(Json(whole).into_response())
}

/// Each prompt counts once, however many completions it has.
fn usage_of_all(usages: &[Usage], n: usize) -> UsageJson {
    let of_prompts: Vec<UsageJson> = usages.chunks(n).map(UsageJson::of).collect();
    of_prompts.into_iter().reduce(UsageJson::plus).unwrap_or_else(|| UsageJson::of(&[]))
}

async fn write_events(events: Events, accepted: Accepted, asked: Arc<CompletionRequest>) -> Result<(), Gone> {
    let Accepted { id, created, model_name, model, choices, listed: _listed, .. } = accepted;
    let event = |choices, usage, timings| TextCompletion {
        id: id.clone(),
        object: "text_completion",
        created,
        model: model_name.clone(),
        system_fingerprint: FINGERPRINT,
        choices,
        usage,
        timings,
    };
    let (mut usages, mut timings) = (vec![Usage::default(); choices.len()], vec![Timings::default(); choices.len()]);
    let mut places = vec![Place::default(); choices.len()];
    let mut all = merged(choices);
    while let Some((index, progress)) = events.wait(all.next()).await? {
        let choice = match progress {
            Progress::Text(text) => TextChoice { index, text: text.content, ..TextChoice::default() },
            Progress::Tokens(text, reports) => {
                let mut columns = TextLogprobs::default();
                for TokenReport { token, logprobs } in &reports {
                    columns.push(token.id, Some(logprobs), (&mut places[index], model.format.as_ref()));
                }
                TextChoice { index, text: text.content, logprobs: Some(columns), ..TextChoice::default() }
            }
            Progress::Call(_) => continue,
            Progress::End(end) => {
                (usages[index], timings[index]) = (end.usage, end.timings);
                let timings = Some(TimingsJson::of(&end.usage, &end.timings));
                match end.finish_reason {
                    Ok(reason) => {
                        let last = TextChoice { index, finish_reason: Some(reason), ..TextChoice::default() };
                        events.data(&event(vec![last], None, timings)).await?;
                    }
                    Err(error) => events.data(&error.body()).await?,
                }
                continue;
            }
        };
        events.data(&event(vec![choice], None, None)).await?;
    }
    if asked.include_usage {
        let timings = TimingsJson::of_slowest(usages.iter().zip(&timings));
        events.data(&event(Vec::new(), Some(usage_of_all(&usages, asked.n)), timings)).await?;
    }
    events.done().await
}

/// `POST /v1/embeddings`: a clear no.
pub async fn embeddings() -> ApiError {
    let message = "this server's models generate text and make no embeddings: use a server with an embedding model";
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_supported", message)
}
