//! The messages of a conversation and the samples of an answer.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::conversations::found;
use super::{FileInfo, Result, Store, StoreError, files, from_json, is_id, new_id, now_ms, to_json};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
}

/// Where a sample stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Running,
    #[default]
    Done,
    /// By the user.
    Stopped,
    Failed,
    /// The server ended in the middle of it.
    Interrupted,
}

/// How much to think.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thinking {
    pub enabled: bool,
    /// `low`, `medium` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Most thinking tokens; over `effort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<usize>,
}

impl Default for Thinking {
    fn default() -> Self {
        Self { enabled: true, effort: None, budget_tokens: None }
    }
}

/// How an answer was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub thinking: Thinking,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Told to the model before the conversation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub system: String,
}

/// What is known about a sample besides its text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_stop_reason: Option<String>,
    /// Most tokens it may think, where that is known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_budget: Option<usize>,
    /// From the first token to the thinking's end.
    pub thinking_ms: u64,
    pub queued_ms: u64,
    pub prefill_ms: u64,
    pub decode_ms: u64,
    pub prompt_tokens: usize,
    pub cached_tokens: usize,
    pub completion_tokens: usize,
    pub reasoning_tokens: usize,
    /// At the machine's price for a core-hour.
    pub dollars: f64,
    /// What went wrong, for the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One attempt at an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub status: Status,
    pub reasoning: String,
    pub content: String,
    pub facts: Facts,
}

/// A question or an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: String,
    pub parent: Option<String>,
    pub role: Role,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// A question's text; empty for answers, whose text is in their samples.
    pub content: String,
    /// An answer's model.
    pub model: String,
    /// An answer's settings.
    pub settings: Settings,
    /// The sample that the conversation goes on from.
    pub chosen: usize,
    /// A question's files.
    pub files: Vec<FileInfo>,
    /// An answer's samples.
    pub samples: Vec<Sample>,
}

impl Message {
    /// The text that the conversation goes on from.
    pub fn text(&self) -> &str {
        match self.role {
            Role::User => &self.content,
            Role::Assistant => self.samples.get(self.chosen).map_or("", |sample| &sample.content),
        }
    }
}

/// An answer that begins.
pub struct NewAnswer<'a> {
    pub conversation: &'a str,
    /// The question.
    pub parent: &'a str,
    pub model: &'a str,
    pub settings: &'a Settings,
    /// What its samples begin with; more than one where the model is asked several times.
    pub samples: Vec<Sample>,
}

impl Store {
    /// Adds a question below `parent` (an answer, or nothing) with files that were uploaded for it.
    pub fn add_question(
        &self,
        owner: &str,
        conversation: &str,
        parent: Option<&str>,
        content: &str,
        files: &[String],
    ) -> Result<String> {
        self.write(|tx| ask(tx, owner, (conversation, parent), content, files))
    }

    /// Adds an answer below its question.
    pub fn add_answer(&self, owner: &str, answer: NewAnswer) -> Result<String> {
        let id = new_id();
        self.write(|tx| {
            check_parent(tx, owner, answer.conversation, Some(answer.parent), Role::User)?;
            let message = Message {
                id: id.clone(),
                parent: Some(answer.parent.to_owned()),
                role: Role::Assistant,
                created_at: now_ms(),
                content: String::new(),
                model: answer.model.to_owned(),
                settings: answer.settings.clone(),
                chosen: 0,
                files: Vec::new(),
                samples: answer.samples,
            };
            insert(tx, answer.conversation, &message)?;
            show(tx, answer.conversation, &id)
        })?;
        Ok(id)
    }

    /// Writes a sample's state over the earlier one. A conversation that was deleted meanwhile stays deleted.
    pub fn save_sample(&self, message: &str, idx: usize, sample: &Sample) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE sample SET status = ?3, reasoning = ?4, content = ?5, facts = ?6 WHERE message = ?1 AND idx = ?2",
                params![
                    message,
                    idx as i64,
                    word(sample.status),
                    sample.reasoning,
                    sample.content,
                    to_json(&sample.facts)
                ],
            )?;
            Ok(())
        })
    }

    /// Chooses the sample that the conversation goes on from.
    pub fn choose_sample(&self, owner: &str, message: &str, idx: usize) -> Result<()> {
        self.write(|tx| {
            let n = tx.execute(
                "UPDATE message SET chosen = ?2 WHERE id = ?1
                     AND EXISTS (SELECT 1 FROM sample WHERE message = ?1 AND idx = ?2)
                     AND conversation IN (SELECT id FROM conversation WHERE owner = ?3)",
                params![message, idx as i64, owner],
            )?;
            found(n, "sample")
        })
    }

    /// Whose conversation a message belongs to: the conversation's id.
    pub fn conversation_of(&self, owner: &str, message: &str) -> Result<String> {
        self.read(|tx| {
            let id = tx
                .query_row(
                    "SELECT c.id FROM message m JOIN conversation c ON c.id = m.conversation
                     WHERE m.id = ?1 AND c.owner = ?2",
                    [message, owner],
                    |row| row.get(0),
                )
                .optional()?;
            id.ok_or(StoreError::NotFound("message"))
        })
    }

    /// The messages from the root to `message`, with it.
    pub fn path_to(&self, owner: &str, conversation: &str, message: &str) -> Result<Vec<Message>> {
        let all = self.conversation(owner, conversation)?.messages;
        let mut by_id: HashMap<String, Message> = all.into_iter().map(|m| (m.id.clone(), m)).collect();
        let mut path = Vec::new();
        let mut next = Some(message.to_owned());
        while let Some(id) = next {
            // Each is taken out once, so even a damaged tree ends.
            let message = by_id.remove(&id).ok_or(StoreError::NotFound("message"))?;
            next = message.parent.clone();
            path.push(message);
        }
        path.reverse();
        Ok(path)
    }
}

/// Stores a question at its place, a conversation and a parent.
pub(super) fn ask(
    tx: &Transaction,
    owner: &str,
    (conversation, parent): (&str, Option<&str>),
    content: &str,
    files: &[String],
) -> Result<String> {
    check_parent(tx, owner, conversation, parent, Role::Assistant)?;
    let question = Message {
        id: new_id(),
        parent: parent.map(str::to_owned),
        role: Role::User,
        created_at: now_ms(),
        content: content.to_owned(),
        model: String::new(),
        settings: Settings::default(),
        chosen: 0,
        files: Vec::new(),
        samples: Vec::new(),
    };
    insert(tx, conversation, &question)?;
    files::attach(tx, owner, &question.id, files)?;
    show(tx, conversation, &question.id)?;
    Ok(question.id)
}

fn check_parent(tx: &Transaction, owner: &str, conversation: &str, parent: Option<&str>, expected: Role) -> Result<()> {
    let owned = tx
        .query_row("SELECT 1 FROM conversation WHERE id = ?1 AND owner = ?2", [conversation, owner], |_| Ok(()))
        .optional()?;
    owned.ok_or(StoreError::NotFound("conversation"))?;
    let Some(parent) = parent else { return Ok(()) };
    let role: Option<String> = tx
        .query_row("SELECT role FROM message WHERE id = ?1 AND conversation = ?2", [parent, conversation], |row| {
            row.get(0)
        })
        .optional()?;
    match role {
        None => Err(StoreError::NotFound("message")),
        Some(role) if role == word(expected) => Ok(()),
        Some(_) => Err(StoreError::Invalid("questions stand below answers, and answers below questions".into())),
    }
}

/// The word of an enum, as JSON has it.
fn word(value: impl Serialize) -> String {
    to_json(&value).trim_matches('"').to_owned()
}

fn insert(tx: &Transaction, conversation: &str, message: &Message) -> Result<()> {
    tx.execute(
        "INSERT INTO message (id, conversation, parent, role, created_at, content, model, settings, chosen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            message.id,
            conversation,
            message.parent,
            word(message.role),
            message.created_at,
            message.content,
            message.model,
            to_json(&message.settings),
            message.chosen as i64
        ],
    )?;
    for (idx, sample) in message.samples.iter().enumerate() {
        tx.execute(
            "INSERT INTO sample (message, idx, status, reasoning, content, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                message.id,
                idx as i64,
                word(sample.status),
                sample.reasoning,
                sample.content,
                to_json(&sample.facts)
            ],
        )?;
    }
    Ok(())
}

/// A new message is the one that is shown.
fn show(tx: &Transaction, conversation: &str, message: &str) -> Result<()> {
    tx.execute(
        "UPDATE conversation SET leaf = ?2, updated_at = ?3 WHERE id = ?1",
        params![conversation, message, now_ms()],
    )?;
    Ok(())
}

/// All messages of a conversation, parents before children.
pub(super) fn of_conversation(tx: &Transaction, conversation: &str) -> Result<Vec<Message>> {
    let mut samples: HashMap<String, Vec<Sample>> = HashMap::new();
    let mut statement = tx.prepare_cached(
        "SELECT s.message, s.status, s.reasoning, s.content, s.facts FROM sample s JOIN message m ON m.id = s.message
         WHERE m.conversation = ?1 ORDER BY s.message, s.idx",
    )?;
    let mut rows = statement.query([conversation])?;
    while let Some(row) = rows.next()? {
        let status = from_json(&format!("\"{}\"", row.get::<_, String>(1)?));
        let facts = from_json(&row.get::<_, String>(4)?);
        let sample = Sample { status, reasoning: row.get(2)?, content: row.get(3)?, facts };
        samples.entry(row.get(0)?).or_default().push(sample);
    }
    let mut files = files::of_conversation(tx, conversation)?;
    let mut statement = tx.prepare_cached(
        "SELECT id, parent, role, created_at, content, model, settings, chosen FROM message
         WHERE conversation = ?1 ORDER BY created_at, rowid",
    )?;
    let read = |row: &Row| {
        let id: String = row.get(0)?;
        let role = if row.get::<_, String>(2)? == "user" { Role::User } else { Role::Assistant };
        Ok(Message {
            parent: row.get(1)?,
            role,
            created_at: row.get(3)?,
            content: row.get(4)?,
            model: row.get(5)?,
            settings: from_json(&row.get::<_, String>(6)?),
            chosen: row.get::<_, i64>(7)? as usize,
            files: files.remove(&id).unwrap_or_default(),
            samples: samples.remove(&id).unwrap_or_default(),
            id,
        })
    };
    let rows = statement.query_map([conversation], read)?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// The owner's conversation that holds the message of that id.
pub(super) fn home_of(tx: &Transaction, owner: &str, message: &str) -> Result<Option<String>> {
    let sql =
        "SELECT c.id FROM message m JOIN conversation c ON c.id = m.conversation WHERE m.id = ?1 AND c.owner = ?2";
    Ok(tx.query_row(sql, [message, owner], |row| row.get(0)).optional()?)
}

/// Writes the messages that the conversation does not have. They keep their ids, so that they are known when they come again,
/// unless those are no ids of ours or are somebody else's. Returns what `leaf` is called here, or the last message written;
/// `None` where there was nothing to write. Messages whose parent is not among those before them are refused.
pub(super) fn import(
    tx: &Transaction,
    owner: &str,
    conversation: &str,
    leaf: Option<&str>,
    messages: Vec<Message>,
) -> Result<Option<String>> {
    let mut ids: HashMap<String, (String, Role)> = HashMap::new();
    let mut last = None;
    for message in messages {
        let parent = match &message.parent {
            None => None,
            Some(old) => match ids.get(old) {
                Some((here, role)) if *role != message.role => Some(here.clone()),
                Some(_) => return Err(StoreError::Invalid("two questions or two answers follow each other".into())),
                None => return Err(StoreError::Invalid(format!("message {old} is missing before its children"))),
            },
        };
        let old = message.id.clone();
        let sql = "SELECT role FROM message WHERE id = ?1 AND conversation = ?2";
        let here: Option<String> = tx.query_row(sql, [&old, conversation], |row| row.get(0)).optional()?;
        if here.is_some_and(|role| role == word(message.role)) {
            ids.insert(old.clone(), (old, message.role));
            continue;
        }
        let is_taken = tx.query_row("SELECT 1 FROM message WHERE id = ?1", [&old], |_| Ok(())).optional()?.is_some();
        let id = if is_id(&old) && !is_taken { old.clone() } else { new_id() };
        ids.insert(old, (id.clone(), message.role));
        let chosen = message.chosen.min(message.samples.len().saturating_sub(1));
        insert(tx, conversation, &Message { id: id.clone(), parent, chosen, ..message.clone() })?;
        files::import(tx, owner, &id, &message.files)?;
        last = Some(id);
    }
    Ok(last.map(|last| leaf.and_then(|leaf| ids.get(leaf)).map_or(last, |(id, _)| id.clone())))
}
