//! Weights on disk: safetensors, one file or sharded with an index, in Hugging Face's layout.
//!
//! Files come from strangers. A file is mapped, its header is checked as a whole (lengths, offsets without gaps or
//! overlaps, sizes that match shape and type: the `safetensors` crate) before any value is read, names are checked
//! against the configuration ([`Weights::check_names`]), and every value is checked to be finite on the way in.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::{Metadata, SafeTensorError, SafeTensors, TensorInfo};
use serde_json::Value;

pub use safetensors::Dtype;
pub use write::{MAX_SHARD_BYTES, OutTensor, OutValues, StoredType, to_bytes, write_file, write_weights};

use crate::count::{Role, TensorSpec};
use crate::error::{Error, Result, nearest};

/// The one file of a small model.
pub const SINGLE_FILE: &str = "model.safetensors";
/// The index of a sharded one.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// The tensors of a model, mapped and checked, not yet read.
pub struct Weights {
    shards: Vec<Shard>,
    tensors: BTreeMap<String, Location>,
}

struct Location {
    shard_idx: usize,
    info: TensorInfo,
}

struct Shard {
    /// For error messages; empty for bytes that came from no file.
    path: PathBuf,
    storage: Storage,
    /// Where the tensors' bytes begin.
    data_start: usize,
}

enum Storage {
    Map(sys::Mmap),
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
}

impl Storage {
    fn bytes(&self) -> &[u8] {
        match self {
            Storage::Map(map) => map.bytes(),
            Storage::Static(bytes) => bytes,
            Storage::Shared(bytes) => bytes,
        }
    }
}

/// What [`Weights::check_names`] found beside the tensors of the main model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameReport {
    /// Whether the MTP layers are there. `transformers` does not write them.
    pub has_mtp: bool,
    /// Tensors that are known and not needed (copies of embedding and head, rotary tables, MTP layers that the
    /// configuration does not mention). The caller says so to the user.
    pub ignored: Vec<String>,
}

impl Weights {
    /// Maps and checks a `.safetensors` file, or a directory that holds `model.safetensors` or its sharded form.
    ///
    /// # Errors
    /// Names the file and what is wrong: not there, truncated, a header that lies, a shard that is missing.
    pub fn open(path: &Path) -> Result<Weights> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
        if !metadata.is_dir() {
            return Weights::from_files(vec![path.to_path_buf()]);
        }
        let single = path.join(SINGLE_FILE);
        if single.exists() {
            return Weights::from_files(vec![single]);
        }
        let index = path.join(INDEX_FILE);
        if index.exists() {
            return Weights::from_index(path, &index);
        }
        let hint = if path.join("pytorch_model.bin").exists() {
            "; pytorch_model.bin is not read, because loading it would run code from the file: save the model again \
             with `safe_serialization=True`"
        } else {
            ""
        };
        Err(Error::Checkpoint {
            path: path.to_path_buf(),
            message: format!("no weights: expected {SINGLE_FILE} or {INDEX_FILE}{hint}"),
        })
    }

    /// Checks the bytes of one file that are part of the program.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_static(bytes: &'static [u8]) -> Result<Weights> {
        Weights::from_storages(vec![(PathBuf::new(), Storage::Static(bytes))])
    }

    /// Checks the bytes of one file in memory.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Weights> {
        Weights::from_storages(vec![(PathBuf::new(), Storage::Shared(bytes.into()))])
    }

    fn from_files(paths: Vec<PathBuf>) -> Result<Weights> {
        let map = |path: PathBuf| match sys::Mmap::open(&path) {
            Ok(map) => Ok((path, Storage::Map(map))),
            Err(e) => Err(Error::io("read", &path, e)),
        };
        Weights::from_storages(paths.into_iter().map(map).collect::<Result<Vec<_>>>()?)
    }

    fn from_storages(storages: Vec<(PathBuf, Storage)>) -> Result<Weights> {
        let mut weights = Weights { shards: Vec::new(), tensors: BTreeMap::new() };
        for (path, storage) in storages {
            let (data_start, metadata) = check_header(storage.bytes()).map_err(|e| in_shard(e, &path))?;
            let shard_idx = weights.shards.len();
            for (name, info) in metadata.tensors() {
                let info = info.clone();
                weights.tensors.entry(name).or_insert(Location { shard_idx, info });
            }
            weights.shards.push(Shard { path, storage, data_start });
        }
        Ok(weights)
    }

    fn from_index(dir: &Path, index: &Path) -> Result<Weights> {
        let text = std::fs::read_to_string(index).map_err(|e| Error::io("read", index, e))?;
        let weight_map = parse_index(&text).map_err(|e| e.in_file(index))?;
        let files: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
        let files: Vec<&str> = files.into_iter().collect();
        let mut weights = Weights::from_files(files.iter().map(|file| dir.join(file)).collect())?;
        for (name, file) in &weight_map {
            let shard_idx = files.binary_search(&file.as_str()).unwrap_or(usize::MAX);
            match weights.tensors.get(name) {
                Some(found) if found.shard_idx == shard_idx => {}
                _ => {
                    return Err(Error::tensor(
                        name,
                        format!("the index says that it is in {file}, but it is not there"),
                    )
                    .in_file(index));
                }
            }
        }
        weights.tensors.retain(|name, _| weight_map.contains_key(name));
        Ok(weights)
    }

    /// Names of the tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor at all.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// Stored type and shape of a tensor.
    pub fn info(&self, name: &str) -> Option<(Dtype, &[usize])> {
        self.tensors.get(name).map(|t| (t.info.dtype, t.info.shape.as_slice()))
    }

    /// Values in all tensors.
    pub fn n_values(&self) -> u64 {
        self.tensors.values().map(|t| t.info.shape.iter().map(|n| *n as u64).product::<u64>()).sum()
    }

    /// Bytes of all tensors.
    pub fn n_bytes(&self) -> u64 {
        let size = |t: &Location| (t.info.data_offsets.1 - t.info.data_offsets.0) as u64;
        self.tensors.values().map(size).sum()
    }

    /// Compares the tensors with what a configuration needs ([`crate::count::tensor_specs`]): names, shapes, types.
    ///
    /// # Errors
    /// Names what is missing or unexpected with the nearest name on the other side, or the first wrong shape or type.
    pub fn check_names(&self, specs: &[TensorSpec]) -> Result<NameReport> {
        let known: BTreeMap<&str, &TensorSpec> = specs.iter().map(|s| (s.name.as_str(), s)).collect();
        let has_mtp = specs.iter().any(|s| s.role == Role::Mtp && self.tensors.contains_key(&s.name));
        let needed = |s: &&TensorSpec| match s.role {
            Role::Main => true,
            Role::Mtp => has_mtp,
            Role::MtpDuplicate => false,
        };
        let missing: Vec<&str> = specs
            .iter()
            .filter(needed)
            .map(|s| s.name.as_str())
            .filter(|name| !self.tensors.contains_key(*name))
            .collect();
        let n_layers = specs.iter().filter_map(|s| s.layer).max().map_or(0, |last| last + 1);
        let (ignored, unexpected): (Vec<&str>, Vec<&str>) = self
            .names()
            .filter(|name| known.get(name).is_none_or(|s| s.role == Role::MtpDuplicate))
            .partition(|name| known.contains_key(name) || may_be_ignored(name, n_layers));
        if !missing.is_empty() || !unexpected.is_empty() {
            return Err(self.name_error(&missing, &unexpected, &known));
        }
        for spec in specs.iter().filter(needed) {
            self.check_tensor(&spec.name, &spec.shape)?;
        }
        Ok(NameReport { has_mtp, ignored: ignored.into_iter().map(str::to_owned).collect() })
    }

    fn name_error(&self, missing: &[&str], unexpected: &[&str], known: &BTreeMap<&str, &TensorSpec>) -> Error {
        let list = |kind: &str, names: &[&str], near: &dyn Fn(&str) -> Option<String>| {
            let Some(first) = names.first() else {
                return String::new();
            };
            let hint = near(first).map(|n| format!(" (nearest: `{n}`)")).unwrap_or_default();
            let more = match names.len() - 1 {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            format!("{} {kind}: `{first}`{hint}{more}", names.len())
        };
        let nearest_there = |name: &str| nearest(name, unexpected.iter().copied()).map(str::to_owned);
        let nearest_known = |name: &str| nearest(name, known.keys().copied()).map(str::to_owned);
        let parts = [list("missing", missing, &nearest_there), list("unexpected", unexpected, &nearest_known)];
        let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        let error = Error::TensorNames {
            message: format!("the tensors are not those of the configuration: {}", parts.join("; ")),
        };
        match self.shards.first() {
            Some(shard) => in_shard(error, &shard.path),
            None => error,
        }
    }
}

/// Tensors outside the configuration that published files carry and no model needs: tables that are computed, and
/// layers after the last (MTP layers that the configuration does not mention).
fn may_be_ignored(name: &str, n_layers: usize) -> bool {
    let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.'));
    let beyond = layer.and_then(|(idx, _)| idx.parse::<usize>().ok()).is_some_and(|idx| idx >= n_layers);
    beyond || name.ends_with(".rotary_emb.inv_freq") || name == "lm_head.weight"
}

fn in_shard(error: Error, path: &Path) -> Error {
    if path.as_os_str().is_empty() { error } else { error.in_file(path) }
}

fn parse_index(text: &str) -> Result<BTreeMap<String, String>> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| Error::safetensors(format!("the index is not valid JSON: {e}")))?;
    let map = value
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| Error::safetensors("the index has no object `weight_map`"))?;
    let mut weight_map = BTreeMap::new();
    for (name, file) in map {
        // A name with a directory could point anywhere on this machine.
        let plain = file
            .as_str()
            .filter(|f| !f.is_empty() && !f.contains(['/', '\\']) && *f != ".." && f.ends_with(".safetensors"));
        let Some(file) = plain else {
            return Err(Error::tensor(
                name,
                format!("the index points to {file}, expected a .safetensors file beside the index"),
            ));
        };
        weight_map.insert(name.clone(), file.to_owned());
    }
    Ok(weight_map)
}

/// Checks a whole header; returns where the tensors' bytes begin and what the header says about them.
fn check_header(bytes: &[u8]) -> Result<(usize, Metadata)> {
    let len = bytes.len();
    let Some(first) = bytes.first_chunk::<8>() else {
        return Err(Error::safetensors(format!("truncated: {len} bytes, a header alone has more")));
    };
    let header_len = u64::from_le_bytes(*first);
    if header_len > (len - 8) as u64 {
        return Err(Error::safetensors(format!(
            "the header says that it is {header_len} bytes long, but the file has {len} bytes: truncated, or not a \
             safetensors file"
        )));
    }
    let (header_len, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| describe(e, bytes))?;
    Ok((8 + header_len, metadata))
}

fn describe(error: SafeTensorError, bytes: &[u8]) -> Error {
    use SafeTensorError as E;
    let message = match error {
        E::MetadataIncompleteBuffer => {
            let declared = declared_end(bytes);
            format!(
                "the header describes {} bytes of tensors, but the file has {}: truncated, or appended to",
                declared.map_or("another number of".to_owned(), |n| n.to_string()),
                bytes.len().saturating_sub(8 + header_len(bytes)),
            )
        }
        E::InvalidOffset(name) => {
            return Error::tensor(&name, "its bytes overlap another tensor's, or leave a gap before them");
        }
        E::TensorInvalidInfo => "a tensor's size in bytes does not match its shape and type".to_owned(),
        E::ValidationOverflow => "a tensor's shape is too large to be true".to_owned(),
        other => other.to_string(),
    };
    Error::safetensors(message)
}

fn header_len(bytes: &[u8]) -> usize {
    bytes.first_chunk::<8>().map_or(0, |n| u64::from_le_bytes(*n) as usize)
}

/// The largest end offset in a header that is at least valid JSON.
fn declared_end(bytes: &[u8]) -> Option<u64> {
    let header = bytes.get(8..8usize.checked_add(header_len(bytes))?)?;
    let value: Value = serde_json::from_slice(header).ok()?;
    let end = |tensor: &Value| tensor.get("data_offsets")?.get(1)?.as_u64();
    value.as_object()?.values().filter_map(end).max()
}
