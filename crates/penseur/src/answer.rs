//! From a conversation to an engine's request, and from its events to text: what `generate` and `chat` share.

use engine::sampler::derive_seed;
use engine::stop_strings::StopStrings;
use engine::{
    AnswerStream, Constraint, Delta, Effort, Event, FinishReason, Finished, Generation, Grammar, Request,
    SamplingParams, Split, ThinkingStopReason, ThinkingWish, TokenLogprobs,
};
use model::chat_template::RenderOptions;
use server::{ChatFormat, PromptTokens};

use crate::cli::{AnswerArgs, EffortArg};
use crate::loaded::Loaded;
use crate::usage;

/// One prompt's request, and how its text is divided.
pub struct Job {
    request: Request,
    split: Split,
    stop: Vec<String>,
}

/// A completion, whole.
pub struct Answer {
    pub reasoning: String,
    pub content: String,
    /// Every generated token, the stop token included.
    pub token_ids: Vec<u32>,
    /// What the model thought of each, where it was asked.
    pub logprobs: Vec<TokenLogprobs>,
    pub finished: Finished,
    ended_by_stop_string: bool,
}

impl Answer {
    /// OpenAI's word for the end; an error if the model failed.
    pub fn finish_reason(&self) -> anyhow::Result<&'static str> {
        match &self.finished.reason {
            _ if self.ended_by_stop_string => Ok("stop"),
            FinishReason::Stop => Ok("stop"),
            FinishReason::Length => Ok("length"),
            FinishReason::Cancelled => Ok("cancelled"),
            FinishReason::Constraint(error) => anyhow::bail!("{error}"),
            FinishReason::Error(message) => anyhow::bail!("{message}"),
        }
    }
}

/// How the template is asked to render.
pub fn render_options(args: &AnswerArgs) -> RenderOptions {
    RenderOptions { thinking: thinking_wish(args).switch(), ..RenderOptions::default() }
}

fn thinking_wish(args: &AnswerArgs) -> ThinkingWish {
    let effort = args.effort.map(|effort| match effort {
        EffortArg::None => Effort::None,
        EffortArg::Low => Effort::Low,
        EffortArg::Medium => Effort::Medium,
        EffortArg::High => Effort::High,
    });
    ThinkingWish {
        enabled: args.think.map(|think| think.is_on()),
        budget_tokens: args.think_budget,
        effort,
        min_tokens: args.think_min,
        loop_guard: !args.no_loop_guard,
    }
}

/// What the answer must be like, if anything.
fn constraint(args: &AnswerArgs, loaded: &Loaded) -> anyhow::Result<Option<Constraint>> {
    let grammar = match (&args.json_schema, &args.regex, &args.grammar) {
        (Some(schema), _, _) => {
            let text = text_or_file(schema)?;
            Grammar::JsonSchema(serde_json::from_str(&text).map_err(|e| usage::error(format!("--json-schema: {e}")))?)
        }
        (_, Some(regex), _) => Grammar::Regex(regex.clone()),
        (_, _, Some(grammar)) => Grammar::Lark(text_or_file(grammar)?),
        _ => return Ok(None),
    };
    let compiled = loaded.format.constraints().and_then(|constraints| constraints.compile(&grammar));
    Ok(Some(compiled.map_err(usage::error)?))
}

/// What is in a file of that name, or else the text itself.
fn text_or_file(given: &str) -> anyhow::Result<String> {
    let path = std::path::Path::new(given);
    Ok(if path.is_file() { std::fs::read_to_string(path)? } else { given.to_owned() })
}

/// The command line's wishes over the model's own.
pub fn sampling(args: &AnswerArgs, loaded: &Loaded, seed: u64) -> SamplingParams {
    let own = &loaded.sampling;
    SamplingParams {
        temperature: args.temperature.unwrap_or(own.temperature),
        top_p: args.top_p.unwrap_or(own.top_p),
        top_k: args.top_k.unwrap_or(own.top_k),
        min_p: args.min_p.unwrap_or(own.min_p),
        typical_p: args.typical_p.unwrap_or(own.typical_p),
        repetition_penalty: args.repetition_penalty,
        presence_penalty: args.presence_penalty,
        frequency_penalty: args.frequency_penalty,
        logit_bias: args.logit_bias.clone(),
        seed,
    }
}

impl Job {
    /// A chat answer to an encoded prompt. Without `--max-tokens` it may fill the context, and thinking ends in time to
    /// leave room for an answer.
    pub fn chat(loaded: &Loaded, prompt: PromptTokens, args: &AnswerArgs, seed: u64) -> anyhow::Result<Job> {
        let max_tokens = max_tokens(loaded, prompt.tokens.len(), args);
        let tags = loaded.format.think_tags();
        let wish = thinking_wish(args);
        let constraint = constraint(args, loaded)?;
        if tags.is_none() && (wish.needs_tags() || (constraint.is_some() && prompt.in_thinking)) {
            return Err(usage::error(
                "this model's thinking tags are not single tokens, so its thinking cannot be bounded or told from a constrained answer",
            ));
        }
        let thinking = tags.map(|tags| wish.params(&tags, prompt.in_thinking, max_tokens, args.max_tokens.is_some()));
        let split = match thinking {
            Some(_) => Split::ByToken,
            None => Split::ByText { opened_by_prompt: prompt.in_thinking },
        };
        let request = Request {
            prompt: prompt.tokens,
            max_tokens,
            stop_tokens: loaded.format.stop_tokens(),
            sampling: sampling(args, loaded, seed),
            thinking,
            constraint,
            ..Request::default()
        };
        Ok(Job { request, split, stop: args.stop.clone() })
    }

    /// The continuation of a text.
    pub fn raw(loaded: &Loaded, prompt: Vec<u32>, args: &AnswerArgs, seed: u64) -> anyhow::Result<Job> {
        let request = Request {
            max_tokens: max_tokens(loaded, prompt.len(), args),
            prompt,
            stop_tokens: loaded.format.stop_tokens(),
            sampling: sampling(args, loaded, seed),
            constraint: constraint(args, loaded)?,
            ..Request::default()
        };
        Ok(Job { request, split: Split::Raw, stop: args.stop.clone() })
    }

    /// The same, reporting what the model thinks of each token and the `n_top` most probable ones.
    pub fn with_logprobs(mut self, n_top: Option<usize>) -> Job {
        self.request.logprobs = n_top;
        self
    }

    /// Number of tokens in the prompt.
    pub fn n_prompt(&self) -> usize {
        self.request.prompt.len()
    }

    /// Submits completion `idx` of the same prompt; each has its own seed.
    pub fn submit(&self, loaded: &Loaded, idx: u64) -> anyhow::Result<Running> {
        let mut request = self.request.clone();
        request.sampling.seed = derive_seed(request.sampling.seed, idx);
        let generation = loaded.engine.submit(request).map_err(|error| match error {
            engine::SubmitError::Invalid(invalid) => usage::error(invalid),
            other => other.into(),
        })?;
        let stream = AnswerStream::new(loaded.format.clone(), self.split, StopStrings::new(self.stop.clone()));
        let stream = if self.split == Split::Raw { stream.going_on(&self.request.prompt, false) } else { stream };
        Ok(Running { generation, stream })
    }
}

/// A completion in progress.
pub struct Running {
    generation: Generation,
    stream: AnswerStream,
}

impl Running {
    /// Steers the generation from another thread.
    pub fn control(&self) -> engine::thread::Control {
        self.generation.control().clone()
    }

    /// Follows it to its end; `show` gets each new piece of text.
    pub fn follow(mut self, mut show: impl FnMut(&Delta) -> std::io::Result<()>) -> anyhow::Result<Answer> {
        let mut whole = Delta::default();
        let (mut token_ids, mut logprobs) = (Vec::new(), Vec::new());
        let mut take = |delta: Delta| {
            whole.reasoning += &delta.reasoning;
            whole.content += &delta.content;
            show(&delta)
        };
        loop {
            match self.generation.blocking_next() {
                Some(Event::Logprobs(of_next)) => {
                    if self.stream.stopped().is_none() {
                        logprobs.push(of_next);
                    }
                }
                Some(Event::Token(token)) => {
                    if self.stream.stopped().is_none() {
                        token_ids.push(token.id);
                    }
                    take(self.stream.push(&token))?;
                    if self.stream.stopped().is_some() {
                        self.generation.control().cancel();
                    }
                }
                Some(Event::Finished(mut finished)) => {
                    take(self.stream.finish())?;
                    if self.stream.divide_late(&mut whole) {
                        finished.thinking_stop_reason = Some(ThinkingStopReason::Natural);
                    }
                    let ended_by_stop_string = self.stream.stopped().is_some();
                    let Delta { reasoning, content } = whole;
                    return Ok(Answer { reasoning, content, token_ids, logprobs, finished, ended_by_stop_string });
                }
                None => anyhow::bail!("the engine stopped in the middle of this answer"),
            }
        }
    }
}

fn max_tokens(loaded: &Loaded, n_prompt: usize, args: &AnswerArgs) -> usize {
    let room = loaded.engine.context().saturating_sub(n_prompt);
    // A prompt that leaves no room is refused by the engine, with the figures.
    args.max_tokens.map_or(room, |n| n.get().min(room)).max(1)
}
