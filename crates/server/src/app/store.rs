//! Conversations on disk: one SQLite file in the data directory, or in memory where there is none.
//!
//! A conversation is a tree of messages: an edited question is a sibling of the first one, another answer a sibling of the
//! earlier answer, and `leaf` says which path is shown. An answer holds one or more samples. Nothing is ever overwritten but
//! a sample while it is being generated, every change is one transaction, and the file is in WAL mode with full syncing: a
//! process that is killed loses what the running answer said in its last second, and no more.
//!
//! Every read and write names an owner (see [`super::Owner`]); what belongs to somebody else is not found.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use crate::private;

mod conversations;
mod files;
mod messages;
#[cfg(test)]
mod tests;

pub use conversations::{Conversation, Summary};
pub use files::{File, FileInfo};
pub use messages::{Facts, Message, NewAnswer, Role, Sample, Settings, Status};

/// Each entry brings a file of its index's version to the next. Entries are only ever appended.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE conversation (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        title TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        leaf TEXT
    ) STRICT;
    CREATE INDEX conversation_by_time ON conversation (owner, updated_at);
    CREATE TABLE message (
        id TEXT PRIMARY KEY,
        conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
        parent TEXT REFERENCES message (id) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        created_at INTEGER NOT NULL,
        content TEXT NOT NULL,
        model TEXT NOT NULL,
        settings TEXT NOT NULL,
        chosen INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX message_by_conversation ON message (conversation, created_at);
    CREATE INDEX message_by_parent ON message (parent);
    CREATE TABLE sample (
        message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        idx INTEGER NOT NULL,
        status TEXT NOT NULL,
        reasoning TEXT NOT NULL,
        content TEXT NOT NULL,
        facts TEXT NOT NULL,
        PRIMARY KEY (message, idx)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE file (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        message TEXT REFERENCES message (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        n_bytes INTEGER NOT NULL,
        text TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX file_by_message ON file (message);
"];

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be used.
    #[error("cannot keep conversations in {path}: {source}; choose another directory with --data-dir")]
    Directory { path: std::path::PathBuf, source: std::io::Error },
    /// Written by a later version.
    #[error(
        "the conversations were written by a newer penseur (their format is {found}, this one knows {known}): use that one, or another --data-dir"
    )]
    Newer { found: usize, known: usize },
    /// There is no such thing, or it is somebody else's.
    #[error("there is no {0} of that id; it may have been deleted")]
    NotFound(&'static str),
    /// More uploads than are kept for an owner.
    #[error(
        "{0} files wait for their questions, and there is no room for more: send or remove some first; what is never sent is forgotten after a day"
    )]
    TooManyFiles(usize),
    /// A request that cannot be meant.
    #[error("{0}")]
    Invalid(String),
    /// SQLite's own words: a full disk, a damaged file.
    #[error("the store of conversations failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// The store. Its methods block; handlers call them from a blocking thread.
pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens `conversations.sqlite3` in `data_dir`, or a store in memory that ends with the process.
    pub fn open(data_dir: Option<&Path>) -> Result<Self> {
        let connection = match data_dir {
            None => Connection::open_in_memory()?,
            Some(dir) => {
                let path = dir.join("conversations.sqlite3");
                let failed = |source| StoreError::Directory { path: dir.to_owned(), source };
                private::directory(dir).map_err(failed)?;
                private::database(&path).map_err(failed)?;
                Connection::open(path)?
            }
        };
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let store = Self { connection: Mutex::new(connection) };
        store.migrate()?;
        store.mark_interrupted()?;
        Ok(store)
    }

    fn migrate(&self) -> Result<()> {
        self.write(|tx| {
            let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let (version, known) = (version.max(0) as usize, MIGRATIONS.len());
            let pending = MIGRATIONS.get(version..).ok_or(StoreError::Newer { found: version, known })?;
            for migration in pending {
                tx.execute_batch(migration)?;
            }
            tx.pragma_update(None, "user_version", known as i64)?;
            Ok(())
        })
    }

    /// Answers that nobody writes any more: the process that did was killed.
    fn mark_interrupted(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute("UPDATE sample SET status = 'interrupted' WHERE status = 'running'", [])?;
            Ok(())
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held has rolled its transaction back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a transaction: all of it happens or nothing.
    fn write<T>(&self, work: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let done = work(&tx)?;
        tx.commit()?;
        Ok(done)
    }

    /// Runs `work` on one state of the store.
    fn read<T>(&self, work: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let tx = connection.transaction()?;
        work(&tx)
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_millis() as i64)
}

/// A new id: 96 random bits, which nobody guesses.
pub fn new_id() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it is of the form that [`new_id`] gives.
fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn from_json<T: for<'a> Deserialize<'a> + Default>(text: &str) -> T {
    // Facts about an answer are not worth losing the answer for.
    serde_json::from_str(text).unwrap_or_default()
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data serializes")
}
