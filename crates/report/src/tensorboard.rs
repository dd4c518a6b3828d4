//! A run's metrics as a TensorBoard event file: TFRecords of `Event` messages, both small enough to be written by hand.
//!
//! A record is the length (u64, little-endian), the masked CRC-32C of the length, the data, and theirs. An event has a
//! wall time (field 1, double), a step (2, varint) and either a version (3, string) or a summary (5) of values, each a tag
//! (1, string) and a number (2, float): `tensorflow/core/util/event.proto` and `framework/summary.proto`.

#[cfg(test)]
mod tests;

use crate::chain::Chain;
use crate::error::{Error, Result};
use crate::files::read_lines;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Writes the metrics of a run's stages, and on request those that are still to come.
pub struct Exporter {
    stages: Vec<Stage>,
}

/// One stage's event file.
struct Stage {
    run_dir: PathBuf,
    path: PathBuf,
    file: File,
    /// When the stage began, in seconds since 1970.
    began: f64,
    /// Lines of `metrics.jsonl` up to this step are written.
    written: Option<u64>,
}

impl Exporter {
    /// Begins an event file for each stage of the run, by default below `tensorboard/` in its directory. What an earlier
    /// export wrote there is replaced.
    ///
    /// # Errors
    /// A directory that holds no run, a place that cannot be written.
    pub fn new(run_dir: &Path, out: Option<&Path>) -> Result<Exporter> {
        let chain = Chain::open(run_dir)?;
        let root = out.map_or_else(|| chain.path.join("tensorboard"), Path::to_owned);
        let open = |run: &crate::Run| {
            let dir = if chain.is_chain() { root.join(run.stage()) } else { root.clone() };
            Stage::begin(&run.path, &dir)
        };
        Ok(Exporter { stages: chain.stages.iter().map(open).collect::<Result<_>>()? })
    }

    /// Where the event files are.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.stages.iter().map(|stage| stage.path.as_path())
    }

    /// Writes the steps that are new since the last call. Gives their number.
    ///
    /// # Errors
    /// Files that cannot be read or written.
    pub fn update(&mut self) -> Result<usize> {
        self.stages.iter_mut().map(Stage::update).sum()
    }
}

impl Stage {
    fn begin(run_dir: &Path, dir: &Path) -> Result<Stage> {
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        // The recipe is written when a run begins, and once.
        let modified = std::fs::metadata(run_dir.join("recipe.toml")).and_then(|meta| meta.modified());
        let began =
            modified.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |d| d.as_secs_f64());
        // TensorBoard finds event files by this word in their names.
        let path = dir.join("events.out.tfevents.penseur");
        let file = File::create(&path).map_err(|e| Error::io("write", &path, e))?;
        let mut stage = Stage { run_dir: run_dir.to_owned(), path, file, began, written: None };
        let mut version = Vec::new();
        field_double(&mut version, 1, began);
        field_bytes(&mut version, 3, b"brain.Event:2");
        stage.append(&record(&version))?;
        Ok(stage)
    }

    fn update(&mut self) -> Result<usize> {
        let lines = read_lines(&self.run_dir.join("metrics.jsonl"))?;
        let mut bytes = Vec::new();
        let mut n_new = 0;
        for line in &lines {
            // A resumed run repeats steps with the same values: they are not written twice.
            let Some(step) = line["step"].as_u64().filter(|step| self.written.is_none_or(|written| *step > written))
            else {
                continue;
            };
            bytes.extend(record(&event(self.began, step, line)));
            self.written = Some(step);
            n_new += 1;
        }
        self.append(&bytes)?;
        Ok(n_new)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::io("write", &self.path, e))
    }
}

/// A line of metrics as an event.
fn event(began: f64, step: u64, line: &Value) -> Vec<u8> {
    let mut summary = Vec::new();
    for (name, value) in line.as_object().into_iter().flatten().filter(|(name, _)| *name != "step") {
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        if let Some(number) = number {
            let mut entry = Vec::new();
            field_bytes(&mut entry, 1, name.as_bytes());
            field_float(&mut entry, 2, number as f32);
            field_bytes(&mut summary, 1, &entry);
        }
    }
    let mut event = Vec::new();
    field_double(&mut event, 1, began + line["seconds"].as_f64().unwrap_or(0.0));
    key(&mut event, 2, 0);
    varint(&mut event, step);
    field_bytes(&mut event, 5, &summary);
    event
}

/// A TFRecord.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked_crc(data).to_le_bytes());
    bytes
}

/// TensorFlow's mask, so that the checksum of data that hold a checksum is still a good one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32 with Castagnoli's polynomial, bits reflected (RFC 3720, appendix B.4).
fn crc32c(data: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !data.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A field's number and wire type: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
fn key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(out, field << 3 | wire_type);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    key(out, field, 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn field_double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn field_float(out: &mut Vec<u8>, field: u64, value: f32) {
    key(out, field, 5);
    out.extend(value.to_le_bytes());
}
