//! Uploaded files: their names and their text. The original is not kept; nothing but its text reaches a model.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::conversations::found;
use super::{Result, Store, StoreError, new_id, now_ms};

/// Files that were uploaded and never sent are forgotten after a day.
const FORGOTTEN_AFTER_MS: i64 = 24 * 3600 * 1000;
/// Most files of an owner that wait for their questions.
const MAX_WAITING: usize = 100;
/// Most bytes of their texts.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// A file beside a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileInfo {
    #[serde(default)]
    pub id: String,
    pub name: String,
    /// Of the original.
    #[serde(default)]
    pub n_bytes: u64,
    /// Of the text, in characters.
    #[serde(default)]
    pub n_chars: usize,
    /// In exports alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A file with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    pub name: String,
    pub text: String,
}

impl Store {
    /// Keeps a file until its question is sent.
    pub fn add_file(&self, owner: &str, name: &str, n_bytes: u64, text: &str) -> Result<FileInfo> {
        let id = new_id();
        self.write(|tx| {
            tx.execute("DELETE FROM file WHERE message IS NULL AND created_at < ?1", [now_ms() - FORGOTTEN_AFTER_MS])?;
            let waiting = "SELECT count(*), coalesce(sum(octet_length(text)), 0) FROM file
                 WHERE message IS NULL AND owner = ?1";
            let (n, bytes): (usize, usize) = tx.query_row(waiting, [owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if n >= MAX_WAITING || bytes + text.len() > MAX_WAITING_BYTES {
                return Err(StoreError::TooManyFiles(n));
            }
            tx.execute(
                "INSERT INTO file (id, owner, name, n_bytes, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![id, owner, name, n_bytes as i64, text, now_ms()],
            )?;
            Ok(())
        })?;
        Ok(FileInfo { id, name: name.to_owned(), n_bytes, n_chars: text.chars().count(), text: String::new() })
    }

    /// Forgets a file that was not sent.
    pub fn delete_file(&self, owner: &str, id: &str) -> Result<()> {
        self.write(|tx| {
            let n = tx.execute("DELETE FROM file WHERE id = ?1 AND owner = ?2 AND message IS NULL", [id, owner])?;
            found(n, "file")
        })
    }

    /// The texts of some files by their ids, sent or not.
    pub fn files(&self, owner: &str, ids: &[String]) -> Result<Vec<File>> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached("SELECT name, text FROM file WHERE id = ?1 AND owner = ?2")?;
            let mut read = |id: &String| {
                let file = statement.query_row([id, owner], |row| Ok(File { name: row.get(0)?, text: row.get(1)? }));
                file.optional()?.ok_or(StoreError::NotFound("file"))
            };
            ids.iter().map(&mut read).collect()
        })
    }

    /// The texts of the files of some questions, by message.
    pub fn files_of(&self, messages: &[&str]) -> Result<HashMap<String, Vec<File>>> {
        self.read(|tx| {
            let mut statement =
                tx.prepare_cached("SELECT name, text FROM file WHERE message = ?1 ORDER BY created_at, rowid")?;
            let mut files = HashMap::new();
            for message in messages {
                let rows = statement.query_map([message], |row| Ok(File { name: row.get(0)?, text: row.get(1)? }))?;
                files.insert((*message).to_owned(), rows.collect::<std::result::Result<_, _>>()?);
            }
            Ok(files)
        })
    }
}

/// Gives uploaded files to a question. A file that already belongs to one (an edited question keeps its files) is copied.
pub(super) fn attach(tx: &Transaction, owner: &str, message: &str, ids: &[String]) -> Result<()> {
    for id in ids {
        let n = tx.execute(
            "UPDATE file SET message = ?1 WHERE id = ?2 AND owner = ?3 AND message IS NULL",
            [message, id, owner],
        )?;
        if n > 0 {
            continue;
        }
        let n = tx.execute(
            "INSERT INTO file (id, owner, message, name, n_bytes, text, created_at)
             SELECT ?1, owner, ?2, name, n_bytes, text, ?3 FROM file WHERE id = ?4 AND owner = ?5",
            params![new_id(), message, now_ms(), id, owner],
        )?;
        if n == 0 {
            return Err(StoreError::NotFound("file"));
        }
    }
    Ok(())
}

/// The name of a file.
pub(super) fn name_of(tx: &Transaction, owner: &str, id: &str) -> Result<String> {
    let sql = "SELECT name FROM file WHERE id = ?1 AND owner = ?2";
    tx.query_row(sql, [id, owner], |row| row.get(0)).optional()?.ok_or(StoreError::NotFound("file"))
}

pub(super) fn of_conversation(tx: &Transaction, conversation: &str) -> Result<HashMap<String, Vec<FileInfo>>> {
    let mut statement = tx.prepare_cached(
        "SELECT f.message, f.id, f.name, f.n_bytes, length(f.text) FROM file f JOIN message m ON m.id = f.message
         WHERE m.conversation = ?1 ORDER BY f.created_at, f.rowid",
    )?;
    let mut rows = statement.query([conversation])?;
    let mut files: HashMap<String, Vec<FileInfo>> = HashMap::new();
    while let Some(row) = rows.next()? {
        files.entry(row.get(0)?).or_default().push(FileInfo {
            id: row.get(1)?,
            name: row.get(2)?,
            n_bytes: row.get::<_, i64>(3)? as u64,
            n_chars: row.get::<_, i64>(4)? as usize,
            text: String::new(),
        });
    }
    Ok(files)
}

pub(super) fn import(tx: &Transaction, owner: &str, message: &str, files: &[FileInfo]) -> Result<()> {
    for file in files {
        tx.execute(
            "INSERT INTO file (id, owner, message, name, n_bytes, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![new_id(), owner, message, file.name, file.n_bytes as i64, file.text, now_ms()],
        )?;
    }
    Ok(())
}
