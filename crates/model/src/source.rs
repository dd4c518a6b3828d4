//! From `-m/--model` to a model that can be talked to: weights, tokenizer, chat template, card, sampling defaults.

use crate::adapter::AdapterConfig;
use crate::bundled::{BUNDLED, Bundled};
use crate::card::ModelCard;
use crate::chat_template::ChatTemplate;
use crate::checkpoint::{Checkpoint, RECORD_FILE, TrainingRecord, read_record};
use crate::names::tensor_parts;
use crate::tokenizer::Tokenizer;
use crate::weights::Weights;
use crate::{Config, Error, Model, ModelOptions, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tensor::Role;

/// Where a model comes from.
#[derive(Clone)]
pub enum Source {
    /// A directory in Hugging Face's layout.
    Dir(PathBuf),
    /// Part of the program.
    Bundled(&'static Bundled),
}

/// How a model wants to be sampled (`generation_config.json`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplingDefaults {
    /// 0 is greedy.
    pub temperature: f32,
    /// Nucleus sampling keeps the likeliest tokens up to this probability.
    pub top_p: f32,
}

impl Source {
    /// A bundled model's name, or a directory.
    ///
    /// # Errors
    /// Neither; the message lists the bundled names.
    pub fn resolve(model: &str) -> Result<Source> {
        if let Some(bundled) = Bundled::find(model) {
            return Ok(Source::Bundled(bundled));
        }
        let path = PathBuf::from(model);
        if path.is_dir() {
            return Ok(Source::Dir(path));
        }
        let names: Vec<&str> = BUNDLED.iter().map(|bundled| bundled.name).collect();
        let found = if path.exists() { "is a file" } else { "is neither a bundled model nor a directory" };
        Err(Error::config(format!(
            "{model} {found}; expected a directory with config.json and model.safetensors, or one of: {}",
            names.join(", ")
        )))
    }

    /// The name in the app and the API: the bundled name, or the directory's last part.
    pub fn name(&self) -> String {
        match self {
            Source::Bundled(bundled) => bundled.name.to_owned(),
            Source::Dir(path) => {
                let full = path.canonicalize().unwrap_or_else(|_| path.clone());
                full.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
            }
        }
    }

    /// One of the files beside the weights; `None` where it is not there.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Source::Bundled(bundled) => Ok(bundled.file(name).map(<[u8]>::to_vec)),
            Source::Dir(dir) => read_if_there(&dir.join(name)),
        }
    }

    /// How it was trained and what that cost (`penseur.json`); `None` where nothing says.
    ///
    /// # Errors
    /// It is there and cannot be read, or is not what we write.
    pub fn record(&self) -> Result<Option<TrainingRecord>> {
        match self {
            Source::Dir(dir) => read_record(dir),
            Source::Bundled(bundled) => {
                let record = bundled.file(RECORD_FILE).map(serde_json::from_slice).transpose();
                record.map_err(|e| Error::config(format!("{}: {RECORD_FILE}: {e}", bundled.name)))
            }
        }
    }

    /// `config.json`, checked.
    ///
    /// # Errors
    /// Missing, unsound, or of an architecture that cannot run.
    pub fn config(&self) -> Result<Config> {
        let (config, _) = self.config_and_weights()?;
        Ok(config)
    }

    /// The model with its weights. Positions beyond `options.n_positions` cannot be used.
    ///
    /// # Errors
    /// As [`Source::config`]; missing, misshapen or non-finite tensors.
    pub fn load(&self, options: &ModelOptions) -> Result<Model> {
        let (config, weights) = self.config_and_weights()?;
        let mut model = Model::new(config, options);
        load_weights(&mut model, &weights)?;
        Ok(model)
    }

    /// The same with an adapter of PEFT's layout beside the weights, unmerged, where its directory is given.
    ///
    /// # Errors
    /// As [`Source::load`] and [`AdapterConfig::read`]; an adapter that belongs to another model.
    pub fn load_with_adapter(&self, options: &ModelOptions, adapter: Option<&Path>) -> Result<Model> {
        let Some(adapter) = adapter else { return self.load(options) };
        let (config, weights) = self.config_and_weights()?;
        let (adapter_config, adapter_weights) = AdapterConfig::read(adapter)?;
        let mut model = Model::with_adapter(config, options, adapter_config);
        load_weights(&mut model, &weights)?;
        model.load_adapter(&adapter_weights).map_err(|e| e.in_file(adapter))?;
        Ok(model)
    }

    /// The tokenizer; `None` where the directory has none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>> {
        let Some(json) = self.file("tokenizer.json")? else { return Ok(None) };
        let config = self.file("tokenizer_config.json")?;
        let tokenizer = Tokenizer::from_bytes(&json, config.as_deref());
        tokenizer.map(Some).map_err(|e| Error::config(format!("{}: {e}", self.name())))
    }

    /// The chat template: the checkpoint's own, or ours where it has none.
    ///
    /// # Errors
    /// It is there and cannot be compiled.
    pub fn chat_template(&self) -> Result<ChatTemplate> {
        let template = match self {
            Source::Dir(dir) => ChatTemplate::from_dir(dir).map(|found| found.unwrap_or_else(ChatTemplate::penseur)),
            Source::Bundled(bundled) => {
                let config = bundled.file("tokenizer_config.json").unwrap_or_default();
                ChatTemplate::from_config(config).map(|found| found.unwrap_or_else(ChatTemplate::penseur))
            }
        };
        template.map_err(|e| Error::config(format!("{}: {e}", self.name())))
    }

    /// The model card, empty where there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn card(&self) -> Result<ModelCard> {
        let text = self.file("README.md")?.unwrap_or_default();
        Ok(ModelCard::parse(&String::from_utf8_lossy(&text)))
    }

    /// Sampling defaults; R1's (temperature 0.6, top-p 0.95) where the checkpoint does not say.
    ///
    /// # Errors
    /// `generation_config.json` is there and is not JSON.
    pub fn sampling(&self) -> Result<SamplingDefaults> {
        let text = self.file("generation_config.json")?.unwrap_or_else(|| b"{}".to_vec());
        let value: Value = serde_json::from_slice(&text)
            .map_err(|e| Error::config(format!("generation_config.json is not valid JSON: {e}")))?;
        let number = |key: &str, default: f64| value[key].as_f64().unwrap_or(default) as f32;
        let is_greedy = value["do_sample"] == Value::Bool(false);
        let temperature = if is_greedy { 0.0 } else { number("temperature", 0.6) };
        Ok(SamplingDefaults { temperature, top_p: number("top_p", 0.95) })
    }

    fn config_and_weights(&self) -> Result<(Config, Weights)> {
        match self {
            Source::Dir(dir) => Checkpoint::open(dir).map(|checkpoint| (checkpoint.config, checkpoint.weights)),
            Source::Bundled(bundled) => {
                let file = |name| bundled.file(name).unwrap_or_else(|| panic!("{} has no {name}", bundled.name));
                let config = Config::from_json(&String::from_utf8_lossy(file("config.json")))?;
                Ok((config, Weights::from_static(file("model.safetensors"))?))
            }
        }
    }
}

/// Fills a model's parameters from stored tensors of any floating-point type.
///
/// # Errors
/// A tensor that is missing, of another shape or not finite. Where training asks for an MTP module that the file does
/// not have, its parameters keep their initial values.
pub fn load_weights(model: &mut Model, weights: &Weights) -> Result<()> {
    let mtp_prefix = format!("model.layers.{}.", model.config().num_hidden_layers());
    for id in model.params().ids() {
        if model.params().role(id) == Role::Adapter {
            continue; // stored apart
        }
        let mut parts = tensor_parts(model.params(), id);
        parts.retain(|part| !part.name.starts_with(&mtp_prefix) || weights.info(&part.name).is_some());
        let mut result = Ok(());
        model.params_mut().write(id, |values| {
            result = parts.iter().try_for_each(|part| {
                let len = part.shape.iter().product::<usize>();
                weights.read_f32(&part.name, &part.shape, &mut values[part.offset..part.offset + len])
            });
        });
        result?;
    }
    Ok(())
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}
