//! Tokenised documents in one file, mapped into memory: made once, then shared by every run with the same inputs.
//!
//! Layout, little endian: magic, number of documents, number of unusable records; for each document its first token
//! (u64), its length (u32) and flags (u32); then the tokens, 32 bits each, of which the highest says that the token is
//! to be learnt. The file is complete or absent; its name holds the digest of everything it was made from.

use super::Document;
use crate::error::{Result, TrainError};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use sys::Mmap;

const MAGIC: &[u8; 8] = b"penseur1";
const HEADER_BYTES: usize = 24;
const ENTRY_BYTES: usize = 16;
const LEARN_BIT: u32 = 1 << 31;
const HELD_OUT: u32 = 1;
const TRUNCATED: u32 = 2;

/// A file of tokenised documents.
pub(super) struct TokenFile {
    map: Mmap,
    /// Entries of the documents to train on, and of those held out.
    train: Vec<u32>,
    held_out: Vec<u32>,
    n_documents: usize,
    n_unusable: u64,
}

/// A document on its way into a file.
pub(super) struct Entry {
    pub(super) document: Document,
    pub(super) is_held_out: bool,
}

impl TokenFile {
    /// Opens the file, or gives `None` where it is not there.
    pub(super) fn open(path: &Path) -> Result<Option<TokenFile>> {
        if !path.exists() {
            return Ok(None);
        }
        let map = Mmap::open(path).map_err(|e| TrainError::io("map", path, e))?;
        let broken = || TrainError::data(path, "not a token file of this version; delete it and it will be made again");
        let bytes = map.bytes();
        if bytes.len() < HEADER_BYTES || &bytes[..8] != MAGIC {
            return Err(broken());
        }
        let n_documents = read_u64(bytes, 8) as usize;
        let n_unusable = read_u64(bytes, 16);
        let tokens_at = n_documents.checked_mul(ENTRY_BYTES).map(|n| n + HEADER_BYTES).ok_or_else(broken)?;
        if bytes.len() < tokens_at || n_documents > u32::MAX as usize {
            return Err(broken());
        }
        let mut file = TokenFile { n_documents, n_unusable, train: Vec::new(), held_out: Vec::new(), map };
        for idx in 0..n_documents {
            let (from, len, flags) = file.entry(idx);
            if tokens_at as u64 + 4 * (from + u64::from(len)) > file.map.bytes().len() as u64 {
                return Err(broken());
            }
            let list = if flags & HELD_OUT != 0 { &mut file.held_out } else { &mut file.train };
            list.push(idx as u32);
        }
        Ok(Some(file))
    }

    /// Writes the file; it appears whole or not at all.
    pub(super) fn write(path: &Path, entries: &[Entry], n_unusable: u64) -> Result<()> {
        let failed = |e: std::io::Error| TrainError::io("write", path, e);
        let dir = path.parent().expect("a file in the cache directory");
        std::fs::create_dir_all(dir).map_err(|e| TrainError::io("create", dir, e))?;
        let partial = path.with_extension(format!("{}.tmp", std::process::id()));
        let result = write_all(&partial, entries, n_unusable)
            .and_then(|()| sys::disk::rename_synced(&partial, path))
            .map_err(failed);
        if result.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        result
    }

    /// Numbers of the documents to train on.
    pub(super) fn n_train(&self) -> usize {
        self.train.len()
    }

    /// Training document number `at`.
    pub(super) fn train(&self, at: usize) -> Document {
        self.document(self.train[at] as usize)
    }

    /// Held-out documents in order.
    pub(super) fn held_out(&self) -> impl Iterator<Item = Document> {
        self.held_out.iter().map(|&idx| self.document(idx as usize))
    }

    /// Records that could not be used.
    pub(super) fn n_unusable(&self) -> u64 {
        self.n_unusable
    }

    fn entry(&self, idx: usize) -> (u64, u32, u32) {
        let (bytes, at) = (self.map.bytes(), HEADER_BYTES + idx * ENTRY_BYTES);
        (read_u64(bytes, at), read_u32(bytes, at + 8), read_u32(bytes, at + 12))
    }

    fn document(&self, idx: usize) -> Document {
        let (from, len, flags) = self.entry(idx);
        let at = HEADER_BYTES + self.n_documents * ENTRY_BYTES + 4 * from as usize;
        let words: Vec<u32> = (0..len as usize).map(|i| read_u32(self.map.bytes(), at + 4 * i)).collect();
        Document {
            learn: words.iter().map(|word| word & LEARN_BIT != 0).collect(),
            tokens: words.into_iter().map(|word| word & !LEARN_BIT).collect(),
            is_truncated: flags & TRUNCATED != 0,
        }
    }
}

fn write_all(path: &Path, entries: &[Entry], n_unusable: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(MAGIC)?;
    out.write_all(&(entries.len() as u64).to_le_bytes())?;
    out.write_all(&n_unusable.to_le_bytes())?;
    let mut from = 0u64;
    for Entry { document, is_held_out } in entries {
        let flags = if *is_held_out { HELD_OUT } else { 0 } | if document.is_truncated { TRUNCATED } else { 0 };
        out.write_all(&from.to_le_bytes())?;
        out.write_all(&(document.tokens.len() as u32).to_le_bytes())?;
        out.write_all(&flags.to_le_bytes())?;
        from += document.tokens.len() as u64;
    }
    for Entry { document, .. } in entries {
        for (&token, &learn) in document.tokens.iter().zip(&document.learn) {
            out.write_all(&(token | if learn { LEARN_BIT } else { 0 }).to_le_bytes())?;
        }
    }
    out.flush()?;
    out.seek(SeekFrom::End(0))?;
    out.get_ref().sync_all()
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
