//! A model of ours, loaded to answer many questions: its engine, tokenizer and template together.

use crate::error::{Error, Result};
use engine::exact::ExactModel;
use engine::{BLOCK_SIZE, Engine, EngineConfig};
use model::chat_template::{ChatTemplate, PENSEUR_TEMPLATE};
use model::source::Source;
use model::tokenizer::Tokenizer;
use model::{Model, ModelOptions};
use std::path::PathBuf;
use std::sync::Arc;
use tensor::{Device, Precision};

/// Sequences computed together.
pub const MAX_RUNNING: usize = 64;

/// The share of free memory that keys and values may take.
const CACHE_SHARE: f64 = 0.25;

/// The longest context that nobody asked for: tables and caches grow with it.
pub const DEFAULT_CONTEXT: usize = 8192;

/// A model that answers.
pub struct LocalModel {
    /// Its engine, idle.
    pub engine: Engine,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Its chat template.
    pub template: ChatTemplate,
    /// Tokens that end an answer: the tokenizer's and the configuration's.
    pub stop_tokens: Vec<u32>,
}

/// How a model is held.
#[derive(Clone, Debug, Default)]
pub struct LocalOptions {
    /// Type of weights and activations; by default the one that they are stored in.
    pub precision: Option<Precision>,
    /// Longest prompt and answer together; by default what the model allows, at most [`DEFAULT_CONTEXT`].
    pub context: Option<usize>,
    /// A LoRA adapter beside the weights: a directory in PEFT's layout.
    pub adapter: Option<PathBuf>,
}

impl LocalModel {
    /// Loads a model.
    ///
    /// # Errors
    /// Files that are missing or unsound, a context beyond the model's.
    pub fn open(source: &Source, options: LocalOptions) -> Result<LocalModel> {
        let missing = || Error::Settings(format!("{} has no tokenizer.json, so it cannot be asked", source.name()));
        let tokenizer = source.tokenizer()?.ok_or_else(missing)?;
        let config = source.config()?;
        let (ids, rows) = (tokenizer.vocab_size(), config.vocab_size());
        if ids > rows {
            let reason = format!("{}: tokenizer.json has {ids} ids, the model's vocabulary {rows}", source.name());
            return Err(Error::Settings(reason));
        }
        let template = source.chat_template()?;
        // Where a checkpoint has no template it gets ours, which says nothing to a model without our tokens.
        if template.source() == PENSEUR_TEMPLATE && tokenizer.token_id("<｜User｜>").is_none() {
            let reason = format!("{} has no chat template, so it cannot be asked; is it a base model?", source.name());
            return Err(Error::Settings(reason));
        }
        let longest = config.max_position_embeddings();
        let context = options.context.unwrap_or(longest.min(DEFAULT_CONTEXT));
        if context > longest {
            return Err(Error::Settings(format!(
                "a context of {context} is asked for, {} holds {longest}",
                source.name()
            )));
        }
        let stored = if config.torch_dtype() == Some("bfloat16") { Precision::Bf16 } else { Precision::F32 };
        let precision = options.precision.unwrap_or(stored);
        let mut stop_tokens: Vec<u32> = tokenizer.eos_ids().iter().chain(config.eos_token_ids()).copied().collect();
        stop_tokens.sort_unstable();
        stop_tokens.dedup();
        let built = ModelOptions { device: Device::cpu(), precision, trainable: false, n_positions: context };
        let mut model = source.load_with_adapter(&built, options.adapter.as_deref())?;
        model.pack_for_decoding();
        let n_blocks = pool_size(&model, context);
        let exact = ExactModel::new(Arc::new(model), n_blocks);
        let config = EngineConfig { max_running: MAX_RUNNING, max_in_flight: usize::MAX, ..EngineConfig::default() };
        let engine = Engine::new(Box::new(exact), config);
        Ok(LocalModel { engine, tokenizer, template, stop_tokens })
    }
}

/// KV blocks for as many contexts as run together, as far as memory allows, but always for one.
fn pool_size(model: &Model, context: usize) -> usize {
    let one = context.div_ceil(BLOCK_SIZE);
    let free = sys::memory::available_bytes().unwrap_or(1 << 30) as f64 * CACHE_SHARE;
    let affordable = (free / model.block_bytes() as f64) as usize;
    (one * MAX_RUNNING).min(affordable).max(one)
}
