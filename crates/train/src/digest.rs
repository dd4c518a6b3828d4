//! SHA-256 over what a stage or a file depends on; parts cannot run into each other.

use crate::error::{Result, TrainError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::Read;
use std::path::Path;

/// A digest in the making.
pub struct Digest(Sha256);

impl Digest {
    /// Of nothing yet.
    #[allow(clippy::new_without_default, reason = "an empty digest has no meaning as a default")]
    pub fn new() -> Digest {
        Digest(Sha256::new())
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Digest {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) -> &mut Digest {
        self.bytes(text.as_bytes())
    }

    /// Adds a value as JSON.
    pub fn json(&mut self, value: &impl Serialize) -> &mut Digest {
        let text = serde_json::to_string(value).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
        self.text(&text)
    }

    /// Adds a file's content. Returns its size.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn file(&mut self, path: &Path) -> Result<u64> {
        let failed = |e| TrainError::io("read", path, e);
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let mut inner = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut n_bytes = 0;
        loop {
            match file.read(&mut buffer).map_err(failed)? {
                0 => break,
                n => {
                    inner.update(&buffer[..n]);
                    n_bytes += n as u64;
                }
            }
        }
        self.0.update(n_bytes.to_le_bytes());
        self.0.update(inner.finalize());
        Ok(n_bytes)
    }

    /// The first 16 bytes in hexadecimal.
    pub fn hex(self) -> String {
        self.0.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
