//! A model on disk: a directory in Hugging Face's layout that is complete or absent.
//!
//! Writing goes into `NAME.tmp`, every file is flushed, the directory is flushed and renamed to `NAME`, and the parent
//! is flushed: at any moment of a crash or a power cut, `NAME` is the old checkpoint, the new one, or not there. What a
//! crash leaves behind is put right by [`clean_up`], which the trainer calls before it resumes.
//!
//! Beside Hugging Face's files stands our `penseur.json` ([`TrainingRecord`]), and whatever state the trainer needs to
//! go on: `state/NAME.safetensors` and `state/NAME.json`.

mod keep;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use keep::{Entry, KeepRule, checkpoint_dir, clean_up, keep, latest, list};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::weights::{MAX_SHARD_BYTES, OutTensor, Weights, write_file, write_weights};

/// Our file in a checkpoint.
pub const RECORD_FILE: &str = "penseur.json";
const CONFIG_FILE: &str = "config.json";
const STATE_DIR: &str = "state";

/// Money, time and energy that a model has cost up to a checkpoint, over all stages and resumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostSoFar {
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds times cores held.
    pub core_s: f64,
    /// Floating-point operations of the model, as [`crate::count::FlopModel`] counts them.
    pub flops: f64,
    /// Energy, where the machine reports it.
    pub joules: Option<f64>,
    /// At the prices of the ledger.
    pub dollars: f64,
}

/// `penseur.json`: where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Name of the stage (`pretrain`, `sft`, ..).
    pub stage: String,
    /// Optimizer steps done.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Seed of the run.
    pub seed: u64,
    /// The recipe, resolved, as TOML.
    pub recipe: String,
    /// Version of the program, with its commit where known.
    pub code_version: String,
    /// Instruction set: results are bit-identical only under the same one.
    pub isa: String,
    /// The checkpoint that training started from.
    pub parent: Option<String>,
    /// SHA-256 over the training data.
    pub data_digest: String,
    /// What it has cost.
    pub cost: CostSoFar,
    /// Held-out loss by which the best checkpoint is chosen (lower is better).
    pub held_out_loss: Option<f64>,
    /// Anything else the trainer wants to remember; kept as it is.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// A state that the trainer needs to go on, beside the model.
pub struct State<'a> {
    /// Name of its files under `state/`: letters, digits, `_` and `-`.
    pub name: &'a str,
    /// `state/NAME.safetensors`, where there are tensors.
    pub tensors: Vec<OutTensor<'a>>,
    /// `state/NAME.json`, where it is not null.
    pub json: Value,
}

/// Everything that goes into a checkpoint.
pub struct Contents<'a> {
    /// Written as `config.json`, with the type of the first tensor as `torch_dtype`.
    pub config: &'a Config,
    /// The model's tensors ([`crate::count::tensor_specs`] without duplicates).
    pub tensors: Vec<OutTensor<'a>>,
    /// `tokenizer.json`, `tokenizer_config.json` and the like: name and bytes. A name may have one folder before it.
    pub files: Vec<(String, Vec<u8>)>,
    /// `penseur.json`; `None` for a model that was only converted.
    pub record: Option<&'a TrainingRecord>,
    /// The trainer's state.
    pub states: Vec<State<'a>>,
}

/// Writes a checkpoint at `dir`, completely or not at all. An older one of the same name is replaced.
///
/// # Errors
/// [`Error::DiskFull`] before or during writing, a value that is not finite, or the system's own. Nothing of the new
/// checkpoint is left then, and what was at `dir` is still there.
pub fn write(dir: &Path, contents: &Contents) -> Result<()> {
    let parent = parent_of(dir);
    std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    check_space(parent, contents)?;
    let tmp = with_suffix(dir, ".tmp");
    remove_if_there(&tmp)?;
    let written = write_into(&tmp, contents).and_then(|()| replace(&tmp, dir));
    if written.is_err() {
        // Best effort: the error that matters is the first, and `clean_up` removes it too.
        let _ = std::fs::remove_dir_all(&tmp);
    }
    written
}

/// A checkpoint, opened: configuration read and checked, weights mapped and checked against it.
pub struct Checkpoint {
    /// The directory.
    pub dir: PathBuf,
    /// `config.json`.
    pub config: Config,
    /// The weights; values are read by name.
    pub weights: Weights,
    /// Which optional tensors are there, and which were left aside.
    pub names: crate::weights::NameReport,
    /// `penseur.json`, where there is one.
    pub record: Option<TrainingRecord>,
}

impl Checkpoint {
    /// Opens a directory in Hugging Face's layout.
    ///
    /// # Errors
    /// A missing or unsound file, an architecture that cannot run, or tensors that are not the configuration's.
    pub fn open(dir: &Path) -> Result<Checkpoint> {
        if !dir.is_dir() {
            return Err(Error::Checkpoint {
                path: dir.to_path_buf(),
                message: "expected a directory with config.json and model.safetensors".to_owned(),
            });
        }
        let config_path = dir.join(CONFIG_FILE);
        let config = Config::from_file(&config_path)?;
        config.check_runnable().map_err(|e| e.in_file(&config_path))?;
        let weights = Weights::open(dir)?;
        let names = weights.check_names(&crate::count::tensor_specs(&config))?;
        let record = read_record(dir)?;
        Ok(Checkpoint { dir: dir.to_path_buf(), config, weights, names, record })
    }

    /// The tensors of a trainer's state.
    ///
    /// # Errors
    /// Not there, or not sound.
    pub fn state_tensors(&self, name: &str) -> Result<Weights> {
        Weights::open(&self.dir.join(STATE_DIR).join(format!("{name}.safetensors")))
    }

    /// The JSON of a trainer's state.
    ///
    /// # Errors
    /// Not there, or not JSON.
    pub fn state_json(&self, name: &str) -> Result<Value> {
        read_json(&self.dir.join(STATE_DIR).join(format!("{name}.json")))
    }
}

/// Reads `penseur.json` in `dir`; `None` where there is none.
///
/// # Errors
/// A file that cannot be read or is not what we write.
pub fn read_record(dir: &Path) -> Result<Option<TrainingRecord>> {
    let path = dir.join(RECORD_FILE);
    if !path.exists() {
        return Ok(None);
    }
    serde_json::from_value(read_json(&path)?).map(Some).map_err(|e| Error::Checkpoint {
        path: dir.to_path_buf(),
        message: format!("{RECORD_FILE} is not a training record: {e}"),
    })
}

/// The text of a `generation_config.json`: how the model wants to be sampled.
pub fn generation_config(config: &Config, temperature: f32, top_p: f32) -> String {
    let eos = match config.eos_token_ids() {
        [] => Value::Null,
        [one] => json!(one),
        many => json!(many),
    };
    // Through text, so that 0.6 is written as 0.6 and not as the nearest f32.
    let number = |x: f32| serde_json::from_str::<Value>(&x.to_string()).unwrap_or(Value::Null);
    let value = json!({
        "bos_token_id": config.bos_token_id(),
        "eos_token_id": eos,
        "do_sample": temperature > 0.0,
        "temperature": number(temperature),
        "top_p": number(top_p),
    });
    format!("{value:#}\n")
}

fn write_into(tmp: &Path, contents: &Contents) -> Result<()> {
    let create = |dir: &Path| std::fs::create_dir(dir).map_err(|e| Error::io("create", dir, e));
    let flush = |dir: &Path| sys::disk::fsync_dir(dir).map_err(|e| Error::io("flush", dir, e));
    let file =
        |path: PathBuf, bytes: &[u8]| sys::disk::write_synced(&path, bytes).map_err(|e| Error::io("write", &path, e));
    create(tmp)?;
    let mut config = contents.config.clone();
    if let Some(first) = contents.tensors.first() {
        config.set_torch_dtype(first.stored.torch_dtype());
    }
    file(tmp.join(CONFIG_FILE), config.to_json().as_bytes())?;
    write_weights(tmp, &contents.tensors, MAX_SHARD_BYTES)?;
    for (name, bytes) in &contents.files {
        let parts: Vec<&str> = name.split('/').collect();
        let is_plain = parts.len() <= 2 && parts.iter().all(|part| is_plain_name(part));
        assert!(is_plain, "a file beside config.json or one folder below, found {name:?}");
        let path = tmp.join(name);
        let folder = path.parent().filter(|folder| !folder.exists());
        folder.map_or(Ok(()), create)?;
        file(path, bytes)?;
    }
    if !contents.states.is_empty() {
        let dir = tmp.join(STATE_DIR);
        create(&dir)?;
        for state in &contents.states {
            assert!(is_plain_name(state.name), "a plain name for a state, found {:?}", state.name);
            if !state.tensors.is_empty() {
                write_file(&dir.join(format!("{}.safetensors", state.name)), &state.tensors)?;
            }
            if !state.json.is_null() {
                let text = format!("{:#}\n", state.json);
                file(dir.join(format!("{}.json", state.name)), text.as_bytes())?;
            }
        }
        flush(&dir)?;
    }
    if let Some(record) = contents.record {
        let text = serde_json::to_string_pretty(record)
            .unwrap_or_else(|e| panic!("a training record is always valid JSON: {e}"));
        file(tmp.join(RECORD_FILE), format!("{text}\n").as_bytes())?;
    }
    flush(tmp)
}

/// Puts the finished `tmp` in the place of `dir`. A directory cannot be renamed over another that holds files, so an
/// older one steps aside first; `clean_up` puts it back if the process dies between the two renames.
fn replace(tmp: &Path, dir: &Path) -> Result<()> {
    let io = |e| Error::io("replace", dir, e);
    let aside = with_suffix(dir, ".replaced");
    remove_if_there(&aside)?;
    let had_older = dir.exists();
    if had_older {
        sys::disk::rename_synced(dir, &aside).map_err(io)?;
    }
    if let Err(e) = sys::disk::rename_synced(tmp, dir) {
        if had_older {
            let _ = std::fs::rename(&aside, dir);
        }
        return Err(io(e));
    }
    remove_if_there(&aside)
}

/// Refuses early when the disk would not hold the checkpoint: a half-written one helps nobody, and a disk filled to
/// the last byte hurts everybody.
fn check_space(parent: &Path, contents: &Contents) -> Result<()> {
    let tensors = contents.tensors.iter().chain(contents.states.iter().flat_map(|s| &s.tensors));
    let files = contents.files.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    let needed = tensors.map(OutTensor::n_bytes).sum::<u64>() + files + (1 << 20);
    match sys::disk::free_bytes(parent) {
        Some(free) if free < needed => Err(Error::DiskFull { path: parent.to_path_buf(), needed: Some(needed) }),
        _ => Ok(()),
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    serde_json::from_str(&text)
        .map_err(|e| Error::Checkpoint { path: path.to_path_buf(), message: format!("not valid JSON: {e}") })
}

fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

fn parent_of(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn with_suffix(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    dir.with_file_name(name)
}

fn remove_if_there(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", dir, e)),
        _ => Ok(()),
    }
}
