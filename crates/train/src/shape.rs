//! The configuration of a stage's model, from the recipe's `[model]`.

use crate::error::{Result, TrainError};
use crate::recipe::StageRecipe;
use model::Config;
use model::config::DenseModelType;
use model::error::nearest;
use model::presets::Dial;
use model::tokenizer::Tokenizer;
use serde_json::{Map, Value};

/// What the model must know of its tokenizer.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Ids in all.
    pub size: usize,
    /// Token that begins a document.
    pub bos: Option<u32>,
    /// Tokens that end an answer.
    pub eos: Vec<u32>,
}

impl Vocabulary {
    /// Of a tokenizer.
    pub fn of(tokenizer: &Tokenizer) -> Vocabulary {
        Vocabulary { size: tokenizer.vocab_size(), bos: tokenizer.bos_id(), eos: tokenizer.eos_ids().to_vec() }
    }

    /// Of a tokenizer of ours that is yet to be trained.
    pub fn planned(size: usize) -> Vocabulary {
        Vocabulary { size, bos: Some(0), eos: vec![1] }
    }
}

/// The configuration: the preset of `depth`, changed by the keys in `config`; or those keys alone; or the parent's.
///
/// # Errors
/// Keys that no configuration has, values that make no sense, a vocabulary that does not hold the tokenizer's ids.
pub fn configuration(stage: &StageRecipe, parent: Option<&Config>, vocabulary: &Vocabulary) -> Result<Config> {
    let config = match parent {
        Some(parent) => parent.clone(),
        None => from_recipe(stage, vocabulary)?,
    };
    config.check_runnable()?;
    if config.vocab_size() < vocabulary.size {
        return Err(TrainError::Recipe(format!(
            "the model has {} vocabulary entries, its tokenizer {}; the model needs at least as many",
            config.vocab_size(),
            vocabulary.size
        )));
    }
    if config.max_position_embeddings() < stage.train.seq_len {
        return Err(TrainError::Recipe(format!(
            "train.seq_len is {}, but the model is made for {} positions",
            stage.train.seq_len,
            config.max_position_embeddings()
        )));
    }
    Ok(config)
}

fn from_recipe(stage: &StageRecipe, vocabulary: &Vocabulary) -> Result<Config> {
    let spec = &stage.model;
    let mut keys = match spec.depth {
        Some(depth) => preset(stage, depth, vocabulary)?,
        None => Map::new(),
    };
    let max_positions = spec.max_positions.unwrap_or(stage.train.seq_len);
    let given = Value::from_iter([
        ("vocab_size", Value::from(vocabulary.size)),
        ("bos_token_id", Value::from(vocabulary.bos)),
        ("eos_token_id", Value::from(vocabulary.eos.clone())),
        ("max_position_embeddings", Value::from(max_positions)),
    ]);
    keys.extend(given.as_object().cloned().unwrap_or_default());
    // MLA has as many key heads as query heads, and the file says both.
    if spec.config.contains_key("num_attention_heads") && spec.architecture == "deepseek_v3" {
        keys.remove("num_key_value_heads");
    }
    for (key, value) in &spec.config {
        let value = serde_json::to_value(value).map_err(|e| TrainError::Recipe(format!("model.config.{key}: {e}")))?;
        keys.insert(key.clone(), value);
    }
    let config = Config::from_json(&Value::Object(keys).to_string())?;
    check_known(spec.config.keys(), &config)?;
    Ok(config)
}

fn preset(stage: &StageRecipe, depth: usize, vocabulary: &Vocabulary) -> Result<Map<String, Value>> {
    let spec = &stage.model;
    if !(1..=256).contains(&depth) {
        return Err(TrainError::Recipe(format!("model.depth is {depth}, expected 1 to 256")));
    }
    let dial = Dial {
        depth,
        vocab_size: vocabulary.size,
        max_position_embeddings: spec.max_positions.unwrap_or(stage.train.seq_len),
        experts: spec.experts,
        tie_word_embeddings: spec.tied,
    };
    let config = match spec.architecture.as_str() {
        "deepseek_v3" => Config::DeepseekV3(dial.deepseek_v3()),
        "llama" => Config::Dense(dial.dense(DenseModelType::Llama)),
        "qwen2" => Config::Dense(dial.dense(DenseModelType::Qwen2)),
        "qwen3" => Config::Dense(dial.dense(DenseModelType::Qwen3)),
        other => {
            return Err(TrainError::Recipe(format!(
                "model.architecture is \"{other}\", expected deepseek_v3, llama, qwen2 or qwen3"
            )));
        }
    };
    match serde_json::from_str(&config.to_json()) {
        Ok(Value::Object(keys)) => Ok(keys),
        other => panic!("a configuration is a JSON object: {other:?}"),
    }
}

/// Hugging Face's readers pass over keys that they do not know. In a recipe such a key is a slip.
fn check_known<'a>(keys: impl Iterator<Item = &'a String>, config: &Config) -> Result<()> {
    let written: Map<String, Value> = serde_json::from_str(&config.to_json()).unwrap_or_default();
    // Keys that are read, and written only where they say something.
    let also =
        ["num_nextn_predict_layers", "q_lora_rank", "rope_scaling", "rope_parameters", "head_dim", "attention_bias"];
    for key in keys {
        if written.contains_key(key) || also.contains(&key.as_str()) {
            continue;
        }
        let near = nearest(key, written.keys().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(TrainError::Recipe(format!(
            "model.config.{key} is not a key of {}'s configuration{hint}",
            config.model_type()
        )));
    }
    Ok(())
}
