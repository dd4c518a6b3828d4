//! API keys with their limits, and what each has used: a SQLite file in the data directory.
//!
//! A key is random and long, so its SHA-256 is as good as any slower hash; the key itself is shown once and never stored.
//! Limits are checked before a request is read: a key's dollars (402), its requests and tokens of the last minute (429).
//! Tokens and dollars are known when an answer ends, so the answer that crosses a limit is still delivered.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use engine::Usage;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::private;

#[cfg(test)]
mod tests;

/// Name of the file in the data directory.
const FILE: &str = "keys.sqlite";

/// Brings a file of version `i` to version `i + 1`. Entries are only ever appended.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE key (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        digest BLOB NOT NULL UNIQUE,
        shown TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        requests_per_minute INTEGER,
        tokens_per_minute INTEGER,
        dollars REAL
    ) STRICT;
    CREATE TABLE usage (
        key INTEGER NOT NULL,
        day TEXT NOT NULL,
        model TEXT NOT NULL,
        completions INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL,
        seconds REAL NOT NULL,
        dollars REAL NOT NULL,
        PRIMARY KEY (key, day, model)
    ) STRICT, WITHOUT ROWID;
",
    "ALTER TABLE key ADD COLUMN admin INTEGER NOT NULL DEFAULT 0;",
    // Usage outlives its key, so a number is never given twice: not that of a removed key either. Numbers from 2^61 on are
    // those of keys in files.
    "
    CREATE TABLE numbered (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        digest BLOB NOT NULL UNIQUE,
        shown TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        requests_per_minute INTEGER,
        tokens_per_minute INTEGER,
        dollars REAL,
        admin INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO numbered
        SELECT id, name, digest, shown, created_at, requests_per_minute, tokens_per_minute, dollars, admin FROM key;
    DROP TABLE key;
    ALTER TABLE numbered RENAME TO key;
    DELETE FROM sqlite_sequence WHERE name = 'key';
    INSERT INTO sqlite_sequence (name, seq) SELECT 'key', max(
        (SELECT coalesce(max(id), 0) FROM key),
        (SELECT coalesce(max(key), 0) FROM usage WHERE key < 2305843009213693952));
",
];

/// Why keys or usage cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The directory cannot be made.
    #[error("cannot keep keys in {path}: {source}; choose another directory with --data-dir")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// SQLite's own.
    #[error("the file of keys and usage: {0}")]
    Database(#[from] rusqlite::Error),
    /// Written by a later version.
    #[error("keys.sqlite was written by a newer penseur (its format is {found}, this one knows {known})")]
    Newer {
        /// The file's version.
        found: usize,
        /// The newest known here.
        known: usize,
    },
    /// A name that is taken.
    #[error("there is a key called \"{0}\" already: choose another name, or remove that one")]
    NameTaken(String),
    /// A name that is not there.
    #[error("there is no key called \"{0}\"; `penseur keys list` shows them")]
    NoSuchKey(String),
    /// The system gives no random numbers.
    #[error("the system's random source failed: {0}")]
    Random(String),
}

/// What a key may use; `None` is without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KeyLimits {
    /// Requests within any minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens within any minute, of prompts and completions.
    pub tokens_per_minute: Option<u64>,
    /// Dollars in all.
    pub dollars: Option<f64>,
}

/// A key, without the key itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyInfo {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The first characters, to tell keys apart.
    pub shown: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// Whether it may change what the server holds.
    pub admin: bool,
    /// What it may use.
    pub limits: KeyLimits,
    /// What it has used.
    pub used: Used,
}

/// A key as a request shows it: who it is, and what it may use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub id: u64,
    pub name: String,
    pub admin: bool,
    pub limits: KeyLimits,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Used {
    /// Completions that came to their end.
    pub completions: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Of these, found in the cache.
    pub cached_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
    /// Of these, thinking.
    pub reasoning_tokens: u64,
    /// Seconds of the machine.
    pub seconds: f64,
    /// What they cost.
    pub dollars: f64,
}

/// What a key did on one day with one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsageRow {
    /// The key's name; null where none was needed.
    pub key: Option<String>,
    /// `2026-11-24`, UTC.
    pub day: String,
    /// The model's name.
    pub model: String,
    /// What was used.
    #[serde(flatten)]
    pub used: Used,
}

/// What a key did in the last minute.
#[derive(Default)]
struct Recent {
    /// When, and how many tokens; a request counts when it comes, its tokens when they are known.
    requests: VecDeque<Instant>,
    tokens: VecDeque<(Instant, u64)>,
}

/// Keys and usage.
pub struct Accounts {
    connection: Mutex<Connection>,
    recent: Mutex<HashMap<u64, Recent>>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Accounts {
    /// Opens, or begins, the file in `data_dir`; without one, everything is forgotten at the end.
    pub fn open(data_dir: Option<&Path>) -> Result<Self, AccountsError> {
        let mut connection = match data_dir {
            None => Connection::open_in_memory()?,
            Some(path) => {
                let failed = |source| AccountsError::Directory { path: path.to_owned(), source };
                private::directory(path).map_err(failed)?;
                private::database(&path.join(FILE)).map_err(failed)?;
                Connection::open(path.join(FILE))?
            }
        };
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        migrate(&mut connection)?;
        Ok(Self { connection: Mutex::new(connection), recent: Mutex::default() })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, HashMap<u64, Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a key; returns it, for the only time.
    pub fn add(&self, name: &str, limits: KeyLimits) -> Result<String, AccountsError> {
        self.insert(name, limits, false)
    }

    /// Makes a key of an operator, who may load and unload models.
    pub fn add_admin(&self, name: &str, limits: KeyLimits) -> Result<String, AccountsError> {
        self.insert(name, limits, true)
    }

    fn insert(&self, name: &str, limits: KeyLimits, admin: bool) -> Result<String, AccountsError> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(|error| AccountsError::Random(error.to_string()))?;
        let key: String = "sk-".chars().chain(bytes.iter().flat_map(|b| hex(*b))).collect();
        let shown = format!("{}…", &key[..9]);
        let added = self.connection().execute(
            "INSERT OR IGNORE INTO key
                 (name, digest, shown, created_at, requests_per_minute, tokens_per_minute, dollars, admin)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                name,
                digest(&key),
                shown,
                now(),
                limits.requests_per_minute,
                limits.tokens_per_minute,
                limits.dollars,
                admin
            ],
        )?;
        if added == 0 { Err(AccountsError::NameTaken(name.to_owned())) } else { Ok(key) }
    }

    /// Takes a key out of use; what it used stays on record.
    pub fn remove(&self, name: &str) -> Result<(), AccountsError> {
        let removed = self.connection().execute("DELETE FROM key WHERE name = ?1", [name])?;
        if removed == 0 { Err(AccountsError::NoSuchKey(name.to_owned())) } else { Ok(()) }
    }

    /// Changes what a key may use.
    pub fn limit(&self, name: &str, limits: KeyLimits) -> Result<(), AccountsError> {
        let changed = self.connection().execute(
            "UPDATE key SET requests_per_minute = ?2, tokens_per_minute = ?3, dollars = ?4 WHERE name = ?1",
            params![name, limits.requests_per_minute, limits.tokens_per_minute, limits.dollars],
        )?;
        if changed == 0 { Err(AccountsError::NoSuchKey(name.to_owned())) } else { Ok(()) }
    }

    /// Whether there is any key.
    pub fn has_keys(&self) -> Result<bool, AccountsError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM key)")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// The key, if it is one of ours. Asked at every request, so it leaves the usage alone.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Account>, AccountsError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, admin, requests_per_minute, tokens_per_minute, dollars FROM key WHERE digest = ?1",
        )?;
        let read = |row: &rusqlite::Row| {
            let (id, name, admin) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Account { id, name, admin, limits: limits_at(row, 3)? })
        };
        Ok(statement.query_row([digest(key)], read).optional()?)
    }

    /// All that a key has spent.
    fn dollars_of(&self, key: u64) -> Result<f64, AccountsError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT coalesce(sum(dollars), 0.0) FROM usage WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0))?)
    }

    /// All keys, with what each has used.
    pub fn list(&self) -> Result<Vec<KeyInfo>, AccountsError> {
        let connection = self.connection();
        let sql = format!(
            "SELECT id, name, shown, created_at, requests_per_minute, tokens_per_minute, dollars, admin, {SUMS}
             FROM key LEFT JOIN (SELECT key, {TOTALS} FROM usage GROUP BY key) AS used ON used.key = id ORDER BY id"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], |row| {
            Ok(KeyInfo {
                id: row.get(0)?,
                name: row.get(1)?,
                shown: row.get(2)?,
                created_at: row.get(3)?,
                limits: limits_at(row, 4)?,
                admin: row.get(7)?,
                used: used_at(row, 8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What was used, a row for each key, day and model, the latest first.
    pub fn usage(&self) -> Result<Vec<UsageRow>, AccountsError> {
        let connection = self.connection();
        let sql = format!(
            "SELECT key.name, usage.day, usage.model, {COLUMNS}
             FROM usage LEFT JOIN key ON key.id = usage.key ORDER BY usage.day DESC, key.id, usage.model"
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| {
            Ok(UsageRow { key: row.get(0)?, day: row.get(1)?, model: row.get(2)?, used: used_at(row, 3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets a request of this key in, or says which limit it has reached.
    pub(crate) fn admit(&self, key: &Account) -> Result<(), ApiError> {
        if let Some(limit) = key.limits.dollars {
            // Spending that cannot be read is no leave to spend.
            let spent = self.dollars_of(key.id).map_err(|error| {
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "accounts_failed", error.to_string())
            })?;
            if spent >= limit {
                let message = format!(
                    "the key \"{}\" has spent ${spent:.4} of its ${limit:.4}: ask whoever runs this server for more",
                    key.name
                );
                return Err(ApiError::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", message));
            }
        }
        let mut recent = self.recent();
        let recent = recent.entry(key.id).or_default();
        let now = Instant::now();
        recent.forget(now);
        let n_tokens: u64 = recent.tokens.iter().map(|(_, n)| n).sum();
        let reached = |limit: Option<u64>, n: u64| limit.filter(|&limit| n >= limit);
        let full = reached(key.limits.requests_per_minute, recent.requests.len() as u64)
            .map(|limit| (limit, "requests", recent.requests.front().copied()))
            .or(reached(key.limits.tokens_per_minute, n_tokens)
                .map(|limit| (limit, "tokens", recent.tokens.front().map(|(at, _)| *at))));
        if let Some((limit, what, oldest)) = full {
            let wait = oldest.map_or(MINUTE, |at| MINUTE.saturating_sub(now - at)).as_secs() + 1;
            let message = format!("the key \"{}\" may use {limit} {what} a minute: try again in {wait} s", key.name);
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message);
            return Err(ApiError { retry_after_s: Some(wait), ..error });
        }
        recent.requests.push_back(now);
        Ok(())
    }

    /// Enters a completion. `key` is 0 where none was needed.
    pub fn enter(&self, key: u64, model: &str, usage: &Usage, used: (Duration, f64)) -> Result<(), AccountsError> {
        if key != 0 {
            let n = (usage.n_prompt + usage.n_completion) as u64;
            self.recent().entry(key).or_default().tokens.push_back((Instant::now(), n));
        }
        let (compute, dollars) = used;
        self.connection()
            .prepare_cached(
                "INSERT INTO usage (key, day, model, completions, prompt_tokens, cached_tokens, completion_tokens,
                reasoning_tokens, seconds, dollars)
             VALUES (?1, date('now'), ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET completions = completions + 1, prompt_tokens = prompt_tokens + ?3,
                cached_tokens = cached_tokens + ?4, completion_tokens = completion_tokens + ?5,
                reasoning_tokens = reasoning_tokens + ?6, seconds = seconds + ?7, dollars = dollars + ?8",
            )?
            .execute(params![
                key,
                model,
                usage.n_prompt as u64,
                usage.n_cached as u64,
                usage.n_completion as u64,
                usage.n_reasoning as u64,
                compute.as_secs_f64(),
                dollars
            ])?;
        Ok(())
    }
}

const COLUMNS: &str =
    "completions, prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, seconds, usage.dollars";
const TOTALS: &str = "sum(completions) AS n, sum(prompt_tokens) AS p, sum(cached_tokens) AS c,
    sum(completion_tokens) AS t, sum(reasoning_tokens) AS r, sum(seconds) AS s, sum(dollars) AS d";
const SUMS: &str = "coalesce(n, 0), coalesce(p, 0), coalesce(c, 0), coalesce(t, 0), coalesce(r, 0), coalesce(s, 0.0), coalesce(d, 0.0)";

fn limits_at(row: &rusqlite::Row, first: usize) -> rusqlite::Result<KeyLimits> {
    Ok(KeyLimits {
        requests_per_minute: row.get(first)?,
        tokens_per_minute: row.get(first + 1)?,
        dollars: row.get(first + 2)?,
    })
}

fn used_at(row: &rusqlite::Row, first: usize) -> rusqlite::Result<Used> {
    Ok(Used {
        completions: row.get(first)?,
        prompt_tokens: row.get(first + 1)?,
        cached_tokens: row.get(first + 2)?,
        completion_tokens: row.get(first + 3)?,
        reasoning_tokens: row.get(first + 4)?,
        seconds: row.get(first + 5)?,
        dollars: row.get(first + 6)?,
    })
}

impl Recent {
    fn forget(&mut self, now: Instant) {
        while self.requests.front().is_some_and(|&at| now - at >= MINUTE) {
            self.requests.pop_front();
        }
        while self.tokens.front().is_some_and(|&(at, _)| now - at >= MINUTE) {
            self.tokens.pop_front();
        }
    }
}

fn migrate(connection: &mut Connection) -> Result<(), AccountsError> {
    // The version is read within: another process may be bringing the same file up to date.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).optional()?.unwrap_or(0);
    let known = MIGRATIONS.len();
    let pending = MIGRATIONS.get(found..).ok_or(AccountsError::Newer { found, known })?;
    for migration in pending {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

fn digest(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}

fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs())
}
