//! Writing safetensors files that `transformers` and everybody else read, flushed to the disk before they count.
//!
//! The container is written here and not by the `safetensors` crate, which creates the file readable by its owner
//! alone, does not flush it, and would need each tensor converted as a whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use half::bf16;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde_json::{Map, Value, json};

use super::{INDEX_FILE, SINGLE_FILE};
use crate::error::{Error, Result};

/// Tensors beyond this many bytes go into another file, as `transformers` does.
pub const MAX_SHARD_BYTES: u64 = 5_000_000_000;

/// Type of a tensor in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredType {
    /// Four bytes a value.
    F32,
    /// Two bytes a value.
    Bf16,
}

impl StoredType {
    /// The name in `config.json`.
    pub fn torch_dtype(self) -> &'static str {
        match self {
            StoredType::F32 => "float32",
            StoredType::Bf16 => "bfloat16",
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            StoredType::F32 => Dtype::F32,
            StoredType::Bf16 => Dtype::BF16,
        }
    }

    fn n_bytes(self) -> usize {
        match self {
            StoredType::F32 => 4,
            StoredType::Bf16 => 2,
        }
    }
}

/// Values in memory.
#[derive(Clone, Copy, Debug)]
pub enum OutValues<'a> {
    /// Rounded to nearest even where the file wants bf16.
    F32(&'a [f32]),
    /// Exact in either type.
    Bf16(&'a [bf16]),
}

impl OutValues<'_> {
    fn len(&self) -> usize {
        match self {
            OutValues::F32(values) => values.len(),
            OutValues::Bf16(values) => values.len(),
        }
    }
}

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct OutTensor<'a> {
    /// Hugging Face's name.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// As many values as the shape has.
    pub values: OutValues<'a>,
    /// Type in the file.
    pub stored: StoredType,
}

impl OutTensor<'_> {
    /// Bytes in the file.
    pub fn n_bytes(&self) -> u64 {
        (self.values.len() * self.stored.n_bytes()) as u64
    }
}

/// Writes a model's tensors into `dir`: one file, or shards of at most `max_shard_bytes` with an index. Returns the
/// bytes of all tensors. The directory itself is not flushed.
///
/// # Errors
/// A value that is not finite, a full disk, or the system's own.
///
/// # Panics
/// When a tensor's values do not match its shape.
pub fn write_weights(dir: &Path, tensors: &[OutTensor], max_shard_bytes: u64) -> Result<u64> {
    let total: u64 = tensors.iter().map(OutTensor::n_bytes).sum();
    let shards = split(tensors, max_shard_bytes);
    if let [only] = shards.as_slice() {
        write_file(&dir.join(SINGLE_FILE), only)?;
        return Ok(total);
    }
    let mut weight_map = Map::new();
    for (i, shard) in shards.iter().enumerate() {
        let file = format!("model-{:05}-of-{:05}.safetensors", i + 1, shards.len());
        write_file(&dir.join(&file), shard)?;
        weight_map.extend(shard.iter().map(|t| (t.name.clone(), json!(file))));
    }
    let index = json!({"metadata": {"total_size": total}, "weight_map": Value::Object(weight_map)});
    let path = dir.join(INDEX_FILE);
    let text = format!("{index:#}\n");
    sys::disk::write_synced(&path, text.as_bytes()).map_err(|e| Error::io("write", &path, e))?;
    Ok(total)
}

/// Writes one safetensors file and flushes it.
///
/// # Errors
/// As [`write_weights`].
///
/// # Panics
/// As [`write_weights`].
pub fn write_file(path: &Path, tensors: &[OutTensor]) -> Result<()> {
    let header = checked_header(tensors)?;
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        write_to(&mut out, &header, tensors)?;
        out.into_inner()?.sync_all()
    };
    write().map_err(|e| Error::io("write", path, e))
}

/// A small safetensors file in memory.
///
/// # Errors
/// A value that is not finite.
///
/// # Panics
/// As [`write_weights`].
pub fn to_bytes(tensors: &[OutTensor]) -> Result<Vec<u8>> {
    let (header, mut bytes) = (checked_header(tensors)?, Vec::new());
    write_to(&mut bytes, &header, tensors).expect("a vector takes all that is written");
    Ok(bytes)
}

fn checked_header(tensors: &[OutTensor]) -> Result<Vec<u8>> {
    tensors.iter().try_for_each(check)?;
    header(tensors)
}

fn write_to(out: &mut impl Write, header: &[u8], tensors: &[OutTensor]) -> std::io::Result<()> {
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header)?;
    tensors.iter().try_for_each(|tensor| write_values(out, tensor))
}

fn split<'a, 'b>(tensors: &'a [OutTensor<'b>], max_shard_bytes: u64) -> Vec<&'a [OutTensor<'b>]> {
    let mut shards = Vec::new();
    let (mut start, mut n_bytes) = (0, 0);
    for (i, tensor) in tensors.iter().enumerate() {
        if i > start && n_bytes + tensor.n_bytes() > max_shard_bytes {
            shards.push(&tensors[start..i]);
            (start, n_bytes) = (i, 0);
        }
        n_bytes += tensor.n_bytes();
    }
    shards.push(&tensors[start..]);
    shards
}

fn check(tensor: &OutTensor) -> Result<()> {
    let OutTensor { name, shape, values, stored } = tensor;
    let n: usize = shape.iter().product();
    assert_eq!(n, values.len(), "{name}: {} values, shape {shape:?}", values.len());
    let is_sound = |x: &f32| match stored {
        StoredType::F32 => x.is_finite(),
        StoredType::Bf16 => bf16::from_f32(*x).is_finite(),
    };
    let bad = match values {
        OutValues::F32(values) => values.iter().position(|x| !is_sound(x)),
        OutValues::Bf16(values) => values.iter().position(|x| !x.is_finite()),
    };
    match bad {
        None => Ok(()),
        Some(i) => Err(Error::tensor(
            name,
            format!(
                "value {i} is not finite in {}: the model has diverged, and is not written over a sound one",
                stored.torch_dtype()
            ),
        )),
    }
}

fn header(tensors: &[OutTensor]) -> Result<Vec<u8>> {
    let mut offset = 0;
    let infos = tensors
        .iter()
        .map(|tensor| {
            let start = offset;
            offset += tensor.values.len() * tensor.stored.n_bytes();
            let info =
                TensorInfo { dtype: tensor.stored.dtype(), shape: tensor.shape.clone(), data_offsets: (start, offset) };
            (tensor.name.clone(), info)
        })
        .collect();
    // `transformers` refuses files without this entry.
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let metadata = Metadata::new(Some(format), infos).map_err(|e| Error::safetensors(e.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|e| Error::safetensors(e.to_string()))?;
    // Tensors begin at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

fn write_values(out: &mut impl Write, tensor: &OutTensor) -> std::io::Result<()> {
    const CHUNK: usize = 1 << 16;
    let mut bytes = Vec::with_capacity(4 * CHUNK);
    match (tensor.values, tensor.stored) {
        (OutValues::F32(values), StoredType::F32) => {
            for chunk in values.chunks(CHUNK) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|x| x.to_le_bytes()));
                out.write_all(&bytes)?;
            }
        }
        (OutValues::F32(values), StoredType::Bf16) => {
            for chunk in values.chunks(CHUNK) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()));
                out.write_all(&bytes)?;
            }
        }
        (OutValues::Bf16(values), StoredType::F32) => {
            for chunk in values.chunks(CHUNK) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|x| x.to_f32().to_le_bytes()));
                out.write_all(&bytes)?;
            }
        }
        (OutValues::Bf16(values), StoredType::Bf16) => {
            for chunk in values.chunks(CHUNK) {
                bytes.clear();
                bytes.extend(chunk.iter().flat_map(|x| x.to_le_bytes()));
                out.write_all(&bytes)?;
            }
        }
    }
    Ok(())
}
