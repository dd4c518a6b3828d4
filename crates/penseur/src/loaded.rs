//! A model by directory or name: configuration, weights, tokenizer and chat template together, ready to answer.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use engine::exact::ExactModel;
use engine::{
    BLOCK_SIZE, ConstraintError, Constraints, Decode, EngineConfig, EngineHandle, SamplingParams, ThinkTags,
    TokenLogprobs, ToolFormat, sampler,
};
use model::chat_template::{ChatTemplate, ChatTemplateError, Message, PENSEUR_TEMPLATE, RenderOptions};
use model::count::count_params;
use model::inspect::Inspection;
use model::source::Source;
use model::tokenizer::{THINK_END, Tokenizer};
use model::{Config, Model, ModelOptions};
use serde_json::Value;
use server::{ChatFormat, ChatMessage, FormatError, PromptOptions, PromptTokens, Score, TextOptions, ToolSupport};
use tensor::{Device, Precision};

use crate::cli::{ModelArgs, ModelOptionArgs, PrecisionArg};
use crate::output;
use crate::usage;

#[cfg(test)]
mod tests;

/// The longest context that nobody asked for: tables and caches grow with it.
const DEFAULT_CONTEXT: usize = 8192;

/// The share of free memory that keys and values may take.
const CACHE_SHARE: f64 = 0.25;

/// Resolves what `-m` names. A name that means nothing is bad usage.
pub fn find(name: &str) -> anyhow::Result<Source> {
    Source::resolve(name).map_err(usage::error)
}

/// The tokenizer, where a command cannot do without.
pub fn tokenizer(source: &Source) -> anyhow::Result<Tokenizer> {
    let missing = || format!("{} has no tokenizer.json: expected a directory in Hugging Face layout", source.name());
    source.tokenizer()?.with_context(missing)
}

/// The type that a model is computed in when nobody says: bf16 for models stored in it, else f32.
pub fn stored_precision(config: &Config) -> Precision {
    match config.torch_dtype() {
        Some("bfloat16") => Precision::Bf16,
        _ => Precision::F32,
    }
}

/// A model that was found and read about, and can be loaded.
pub struct Found {
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// Questions that it answers well.
    pub examples: Vec<String>,
    /// As its generation_config.json wants it; seed 0.
    pub sampling: SamplingParams,
    pub config: Config,
    source: Source,
    adapter: Option<PathBuf>,
    options: ModelOptions,
}

/// A model that answers.
pub struct Loaded {
    pub engine: EngineHandle,
    pub format: Arc<Format>,
    /// Its [`Found::sampling`].
    pub sampling: SamplingParams,
    /// Judges given tokens.
    pub scorer: Arc<dyn Score>,
}

impl Found {
    /// Reads about the model called `name`, as far as that is quick; the other arguments say how it is to be held.
    pub fn new(name: &str, args: &ModelOptionArgs) -> anyhow::Result<Found> {
        let source = find(name)?;
        let config = source.config()?;
        let precision = match args.precision {
            Some(PrecisionArg::F32) => Precision::F32,
            Some(PrecisionArg::Bf16) => Precision::Bf16,
            None => stored_precision(&config),
        };
        let longest = config.max_position_embeddings();
        let context = args.ctx.map_or(longest.min(DEFAULT_CONTEXT), |n| n.get());
        if context > longest {
            return Err(usage::error(format!("--ctx is {context}, but this model's longest context is {longest}")));
        }
        let card = source.card()?;
        let description = match card.description.as_str() {
            "" => format!("{}, {} parameters", config.model_type(), output::si(count_params(&config).total() as f64)),
            text => text.to_owned(),
        };
        let defaults = source.sampling()?;
        let sampling =
            SamplingParams { temperature: defaults.temperature, top_p: defaults.top_p, ..SamplingParams::default() };
        Ok(Found {
            name: source.name(),
            description,
            examples: card.examples,
            sampling,
            options: ModelOptions { device: Device::cpu(), precision, trainable: false, n_positions: context },
            config,
            source,
            adapter: args.adapter.clone(),
        })
    }

    /// Prompt and completion together, in tokens.
    pub fn context(&self) -> usize {
        self.options.n_positions
    }

    /// Whether the vocabulary has tags for thinking.
    pub fn has_think_tags(&self) -> anyhow::Result<bool> {
        let tokenizer = tokenizer(&self.source)?;
        Ok(tokenizer.think_start_id().is_some() && tokenizer.think_end_id().is_some())
    }

    /// Bytes that it will take up: weights, and the keys and values of one whole context.
    pub fn memory_bytes(&self) -> u64 {
        let inspection = Inspection::new(&self.config, None);
        let n_bytes = |precision| if precision == Precision::Bf16 { 2 } else { 4 };
        let n_scalars = inspection.memory_bytes / n_bytes(stored_precision(&self.config));
        let kv_scalars = inspection.kv_bytes_per_token / 2 * self.context() as u64;
        (n_scalars + kv_scalars) * n_bytes(self.options.precision)
    }

    /// Loads it, with room for `n_parallel` whole contexts as far as memory allows.
    pub fn load(&self, n_parallel: usize) -> anyhow::Result<Loaded> {
        let tokenizer = tokenizer(&self.source)?;
        check_vocabulary(&tokenizer, &self.config)?;
        let mut model = self.source.load_with_adapter(&self.options, self.adapter.as_deref())?;
        model.pack_for_decoding();
        let n_blocks = pool_size(&model, self.context(), n_parallel);
        let model = Arc::new(model);
        let engine = ExactModel::new(model.clone(), n_blocks);
        Ok(Loaded {
            engine: EngineHandle::spawn(Box::new(engine), EngineConfig::default())?,
            format: Arc::new(Format::new(tokenizer, self.source.chat_template()?, &self.config, self.context())),
            sampling: self.sampling.clone(),
            scorer: Arc::new(Scorer(model)),
        })
    }
}

impl Loaded {
    /// Loads what the arguments name, with room for `n_parallel` whole contexts as far as memory allows.
    pub fn open(args: &ModelArgs, n_parallel: usize) -> anyhow::Result<Loaded> {
        Found::new(&args.model, &args.options)?.load(n_parallel)
    }
}

/// Teacher forcing with the model that is served: its own forward, so the same log-probabilities as while it answers.
struct Scorer(Arc<Model>);

impl Score for Scorer {
    fn score(&self, tokens: &[u32], n_top: usize) -> Vec<TokenLogprobs> {
        let mut scores = Vec::with_capacity(tokens.len());
        let vocab_size = self.0.config().vocab_size();
        self.0.for_each_logits(tokens, |first_row, logits| {
            let nexts = tokens.iter().skip(first_row + 1);
            scores.extend(
                logits.chunks_exact(vocab_size).zip(nexts).map(|(row, &next)| sampler::logprobs(row, next, n_top)),
            );
        });
        scores
    }
}

/// A tokenizer with ids that the model has no row for belongs to another model.
fn check_vocabulary(tokenizer: &Tokenizer, config: &Config) -> anyhow::Result<()> {
    let (ids, rows) = (tokenizer.vocab_size(), config.vocab_size());
    anyhow::ensure!(
        ids <= rows,
        "tokenizer.json has {ids} ids, but the model's vocabulary has {rows}: they do not belong together"
    );
    Ok(())
}

/// KV blocks for `n_parallel` contexts, or as many as the share of memory allows, but always for one.
fn pool_size(model: &Model, context: usize, n_parallel: usize) -> usize {
    let one = context.div_ceil(BLOCK_SIZE);
    let free = sys::memory::available_bytes().unwrap_or(1 << 30) as f64 * CACHE_SHARE;
    let affordable = (free / model.block_bytes() as f64) as usize;
    (one * n_parallel).min(affordable).max(one)
}

/// Tokenizer and template as command line and server use them.
pub struct Format {
    pub tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
    stop_tokens: Vec<u32>,
    /// Ids that the model has rows for; a tokenizer may know fewer.
    n_rows: usize,
    /// What no context would hold: every token of it as long as the longest.
    longest_text: usize,
    constraints: OnceLock<Result<Constraints, ConstraintError>>,
}

impl Format {
    fn new(tokenizer: Tokenizer, template: ChatTemplate, config: &Config, context: usize) -> Self {
        let mut stop_tokens: Vec<u32> = tokenizer.eos_ids().iter().chain(config.eos_token_ids()).copied().collect();
        stop_tokens.sort_unstable();
        stop_tokens.dedup();
        // Where a checkpoint has no template it gets ours, which says nothing to a model without our tokens.
        let foreign = template.source() == PENSEUR_TEMPLATE && tokenizer.token_id("<｜User｜>").is_none();
        let template = (!foreign).then_some(template);
        let n_rows = config.vocab_size();
        // Normalisation may shorten a text, by less than half.
        let longest_token = (0..n_rows as u32).filter_map(|id| tokenizer.token_bytes(id)).map(<[u8]>::len).max();
        let longest_text = longest_token.map_or(usize::MAX, |n| 2 * n * context);
        Self { tokenizer, template, stop_tokens, n_rows, longest_text, constraints: OnceLock::new() }
    }

    /// The prompt for the assistant's next turn.
    pub fn encode_chat(&self, messages: &[Message], options: &RenderOptions) -> Result<PromptTokens, FormatError> {
        let Some(template) = &self.template else {
            let message = "this model has no chat template, so it cannot chat: use `penseur generate --raw`";
            return Err(FormatError::Refused(message.into()));
        };
        let options = RenderOptions { longest: Some(self.longest_text), ..options.clone() };
        let encoded = template.encode(&self.tokenizer, messages, &options);
        let prompt = encoded.map_err(|error| match error {
            ChatTemplateError::TooLong { .. } => FormatError::TooLong(error.to_string()),
            error => FormatError::Refused(error.to_string()),
        })?;
        Ok(PromptTokens { tokens: prompt.tokens, in_thinking: prompt.in_thinking })
    }

    /// Tokens with the one that begins a document before them, if they do not have it: where that is `wanted`, and before
    /// nothing, which cannot be gone on from.
    fn begun(&self, mut tokens: Vec<u32>, wanted: bool) -> Vec<u32> {
        if let Some(bos) = self.tokenizer.bos_id().filter(|bos| tokens.first() != Some(bos))
            && (wanted || tokens.is_empty())
        {
            tokens.insert(0, bos);
        }
        tokens
    }
}

impl Decode for Format {
    fn decode(&self, tokens: &[u32]) -> String {
        // The tags of tool calls are read as text; other control tokens are nobody's business.
        let is_shown = |&id: &u32| {
            !self.tokenizer.is_control_id(id) || self.tokenizer.token(id).is_some_and(|name| name.contains("tool"))
        };
        let shown: Vec<u32> = tokens.iter().copied().filter(is_shown).collect();
        self.tokenizer.decode(&shown, false)
    }
}

/// What the page and the API say, in the words of templates.
fn message(message: &ChatMessage, format: ToolFormat) -> Message {
    // Most templates write tagged calls from values and fenced ones from text.
    let with_values = |call: &Value| {
        let mut call = call.clone();
        if let Some(values) = call["function"]["arguments"].as_str().and_then(|text| serde_json::from_str(text).ok()) {
            call["function"]["arguments"] = values;
        }
        call
    };
    let tool_calls = match format {
        ToolFormat::Tagged => message.tool_calls.iter().map(with_values).collect(),
        ToolFormat::Fenced | ToolFormat::Bare => message.tool_calls.clone(),
    };
    let calls_only = !tool_calls.is_empty() && message.content.is_empty();
    Message {
        role: message.role.clone(),
        content: (!calls_only).then(|| message.content.clone()),
        reasoning_content: message.reasoning_content.clone(),
        tool_calls,
        tool_call_id: message.tool_call_id.clone(),
        name: message.name.clone(),
    }
}

impl Format {
    /// Goes on with an answer that was begun, its thinking too.
    fn begin_answer(&self, prompt: &mut PromptTokens, begun: &ChatMessage) {
        if let Some(reasoning) = &begun.reasoning_content
            && prompt.in_thinking
        {
            prompt.tokens.extend(self.tokenizer.encode(reasoning));
            if begun.content.is_empty() {
                return;
            }
            prompt.tokens.extend(self.think_tags().map(|tags| tags.closing).unwrap_or_default());
            prompt.in_thinking = false;
        }
        prompt.tokens.extend(self.tokenizer.encode(&begun.content));
    }
}

impl ChatFormat for Format {
    fn prompt(&self, messages: &[ChatMessage], options: &PromptOptions) -> Result<PromptTokens, FormatError> {
        let (told, begun) = match messages.split_last() {
            Some((last, told)) if options.continues => (told, Some(last)),
            _ => (messages, None),
        };
        let format = self.tool_support().format;
        let told: Vec<Message> = told.iter().map(|m| message(m, format)).collect();
        let options = RenderOptions {
            thinking: options.thinking,
            variables: options.variables.clone(),
            tools: options.tools.clone(),
            ..RenderOptions::default()
        };
        let mut prompt = self.encode_chat(&told, &options)?;
        if let Some(begun) = begun {
            self.begin_answer(&mut prompt, begun);
        }
        Ok(prompt)
    }

    fn stop_tokens(&self) -> Vec<u32> {
        self.stop_tokens.clone()
    }

    fn think_tags(&self) -> Option<ThinkTags> {
        let (start, end) = (self.tokenizer.think_start_id()?, self.tokenizer.think_end_id()?);
        let closing = self.tokenizer.encode_with_special(&format!("\n{THINK_END}\n\n"));
        let wait = self.tokenizer.encode("\nWait");
        Some(ThinkTags { start, end, closing, wait })
    }

    fn tool_support(&self) -> ToolSupport {
        let source = self.template.as_ref().map_or("", ChatTemplate::source);
        ToolSupport {
            format: ToolFormat::of_template(source),
            lists_tools: source.contains("tools"),
            shows_results: ["'tool'", "\"tool\"", "tool_response"].iter().any(|word| source.contains(word)),
        }
    }

    fn longest_text(&self) -> usize {
        self.longest_text
    }

    fn control_id(&self, name: &str) -> Option<u32> {
        self.tokenizer.token_id(name).filter(|&id| self.tokenizer.is_control_id(id))
    }

    fn token_bytes(&self, id: u32) -> Vec<u8> {
        match self.tokenizer.token_bytes(id) {
            Some(bytes) if !self.tokenizer.is_control_id(id) => bytes.to_vec(),
            _ => self.tokenizer.token(id).unwrap_or_default().into_bytes(),
        }
    }

    fn encode_raw(&self, text: &str, options: TextOptions) -> Vec<u32> {
        let tokens = match options.parse_special {
            true => self.tokenizer.encode_with_special(text),
            false => self.tokenizer.encode(text),
        };
        if options.add_special { self.begun(tokens, self.tokenizer.adds_bos()) } else { tokens }
    }

    fn fill_in_the_middle(&self, prefix: &str, suffix: &str) -> Option<Vec<u32>> {
        let id = |name: &str| self.control_id(name);
        let encode = |text: &str| self.tokenizer.encode(text);
        let prompt = if let (Some(begin), Some(hole), Some(end)) =
            (id("<｜fim▁begin｜>"), id("<｜fim▁hole｜>"), id("<｜fim▁end｜>"))
        {
            let bos = self.tokenizer.bos_id().filter(|_| self.tokenizer.adds_bos()).into_iter();
            bos.chain([begin]).chain(encode(prefix)).chain([hole]).chain(encode(suffix)).chain([end]).collect()
        } else {
            let (begin, after, middle) = (id("<|fim_prefix|>")?, id("<|fim_suffix|>")?, id("<|fim_middle|>")?);
            [begin].into_iter().chain(encode(prefix)).chain([after]).chain(encode(suffix)).chain([middle]).collect()
        };
        Some(prompt)
    }

    fn constraints(&self) -> Result<&Constraints, ConstraintError> {
        let compile = || {
            let text = |id| match self.tokenizer.is_control_id(id) {
                true => None,
                false => self.tokenizer.token_bytes(id).map(<[u8]>::to_vec),
            };
            let eos = self.stop_tokens.first().copied();
            let eos = eos.ok_or(ConstraintError::Invalid("this model has no token that ends an answer".into()))?;
            Constraints::new((0..self.n_rows as u32).map(text).collect(), eos)
        };
        self.constraints.get_or_init(compile).as_ref().map_err(Clone::clone)
    }
}
