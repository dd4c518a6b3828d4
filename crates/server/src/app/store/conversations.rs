//! Conversations as a list: names, times, search.

use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use super::{Message, Result, Store, StoreError, messages, new_id, now_ms};

/// Longest title, in characters.
const MAX_TITLE: usize = 120;
/// Longest title that is made from a question, in characters.
const MADE_TITLE: usize = 48;

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub id: String,
    pub title: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Of the last message.
    pub updated_at: i64,
}

/// A conversation in full.
#[derive(Clone, Debug)]
pub struct Conversation {
    pub summary: Summary,
    /// The message whose path from the root is shown.
    pub leaf: Option<String>,
    /// All messages, parents before children, siblings by age.
    pub messages: Vec<Message>,
}

impl Store {
    /// The owner's conversations, all of them, latest first; with `search`, those whose title or text holds it.
    pub fn list(&self, owner: &str, search: &str) -> Result<Vec<Summary>> {
        self.list_first(usize::MAX, owner, search)
    }

    /// The first `n` of [`Self::list`].
    pub fn list_first(&self, n: usize, owner: &str, search: &str) -> Result<Vec<Summary>> {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT id, title, created_at, updated_at FROM conversation c
                 WHERE owner = ?1 AND (?2 = '%%' OR title LIKE ?2 ESCAPE '\\' OR EXISTS (
                     SELECT 1 FROM message m LEFT JOIN sample s ON s.message = m.id
                     WHERE m.conversation = c.id
                         AND (m.content LIKE ?2 ESCAPE '\\' OR s.content LIKE ?2 ESCAPE '\\')))
                 ORDER BY updated_at DESC, id LIMIT ?3",
            )?;
            let rows = statement.query_map(params![owner, pattern, n], read_summary)?;
            Ok(rows.collect::<std::result::Result<_, _>>()?)
        })
    }

    /// A conversation without messages.
    #[cfg(test)]
    pub fn create(&self, owner: &str, first_question: &str) -> Result<Summary> {
        let summary = new_summary(first_question);
        self.write(|tx| insert(tx, owner, &summary))?;
        Ok(summary)
    }

    /// A new conversation with its first question, or neither. A file alone gives it its name. Returns the ids of both.
    pub fn begin(&self, owner: &str, content: &str, files: &[String]) -> Result<(String, String)> {
        self.write(|tx| {
            let name = match files.first().filter(|_| content.trim().is_empty()) {
                Some(file) => super::files::name_of(tx, owner, file)?,
                None => content.to_owned(),
            };
            let summary = new_summary(&name);
            insert(tx, owner, &summary)?;
            let question = messages::ask(tx, owner, (&summary.id, None), content, files)?;
            Ok((summary.id, question))
        })
    }

    /// A conversation with all its messages.
    pub fn conversation(&self, owner: &str, id: &str) -> Result<Conversation> {
        self.read(|tx| {
            let summary = tx
                .query_row(
                    "SELECT id, title, created_at, updated_at FROM conversation WHERE id = ?1 AND owner = ?2",
                    [id, owner],
                    read_summary,
                )
                .optional()?
                .ok_or(StoreError::NotFound("conversation"))?;
            let leaf = tx.query_row("SELECT leaf FROM conversation WHERE id = ?1", [id], |row| row.get(0))?;
            Ok(Conversation { summary, leaf, messages: messages::of_conversation(tx, id)? })
        })
    }

    /// Gives a conversation a name.
    pub fn rename(&self, owner: &str, id: &str, title: &str) -> Result<()> {
        let title: String = one_line(title).chars().take(MAX_TITLE).collect();
        if title.is_empty() {
            return Err(StoreError::Invalid("a title must have a character that can be seen".into()));
        }
        self.write(|tx| {
            let n =
                tx.execute("UPDATE conversation SET title = ?3 WHERE id = ?1 AND owner = ?2", [id, owner, &title])?;
            found(n, "conversation")
        })
    }

    /// Shows the path to another message.
    pub fn show_path(&self, owner: &str, id: &str, leaf: &str) -> Result<()> {
        self.write(|tx| {
            let n = tx.execute(
                "UPDATE conversation SET leaf = ?3 WHERE id = ?1 AND owner = ?2
                     AND EXISTS (SELECT 1 FROM message WHERE id = ?3 AND conversation = ?1)",
                [id, owner, leaf],
            )?;
            found(n, "message")
        })
    }

    /// Deletes a conversation with all it holds.
    pub fn delete(&self, owner: &str, id: &str) -> Result<()> {
        self.write(|tx| {
            let n = tx.execute("DELETE FROM conversation WHERE id = ?1 AND owner = ?2", [id, owner])?;
            found(n, "conversation")
        })
    }

    /// Deletes all conversations of an owner, and files that were uploaded and never sent.
    pub fn delete_all(&self, owner: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM conversation WHERE owner = ?1", [owner])?;
            tx.execute("DELETE FROM file WHERE owner = ?1", [owner])?;
            Ok(())
        })
    }

    /// Takes in conversations from a file; all of them or none. One that is here already (its messages' ids say so) gets what
    /// the file has beyond it.
    pub fn import(&self, owner: &str, conversations: Vec<Conversation>) -> Result<Vec<Taken>> {
        self.write(|tx| conversations.into_iter().map(|conversation| take(tx, owner, conversation)).collect())
    }
}

/// A conversation that a file brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub id: String,
    /// Whether it was here already.
    pub was_here: bool,
}

fn take(tx: &Transaction, owner: &str, from: Conversation) -> Result<Taken> {
    let Conversation { summary, leaf, messages } = from;
    let here = messages.iter().find_map(|message| messages::home_of(tx, owner, &message.id).transpose()).transpose()?;
    let was_here = here.is_some();
    let id = match here {
        Some(id) => id,
        None => {
            let title: String = one_line(&summary.title).chars().take(MAX_TITLE).collect();
            let summary = Summary { id: new_id(), title, ..summary };
            insert(tx, owner, &summary)?;
            summary.id
        }
    };
    if let Some(leaf) = messages::import(tx, owner, &id, leaf.as_deref(), messages)? {
        let change = "UPDATE conversation SET leaf = ?2, updated_at = max(updated_at, ?3) WHERE id = ?1";
        tx.execute(change, params![id, leaf, summary.updated_at])?;
    }
    Ok(Taken { id, was_here })
}

/// An update that found nothing to change was given a wrong id.
pub(super) fn found(n_changed: usize, what: &'static str) -> Result<()> {
    if n_changed == 0 { Err(StoreError::NotFound(what)) } else { Ok(()) }
}

fn new_summary(first_question: &str) -> Summary {
    let now = now_ms();
    Summary { id: new_id(), title: title_of(first_question), created_at: now, updated_at: now }
}

fn insert(tx: &Transaction, owner: &str, summary: &Summary) -> Result<()> {
    tx.execute(
        "INSERT INTO conversation (id, owner, title, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![summary.id, owner, summary.title, summary.created_at, summary.updated_at],
    )?;
    Ok(())
}

fn read_summary(row: &rusqlite::Row) -> rusqlite::Result<Summary> {
    Ok(Summary { id: row.get(0)?, title: row.get(1)?, created_at: row.get(2)?, updated_at: row.get(3)? })
}

/// White space and control characters become single spaces.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The beginning of a question, cut between words.
fn title_of(question: &str) -> String {
    let line = one_line(question);
    if line.is_empty() {
        return "…".into();
    }
    if line.chars().count() <= MADE_TITLE {
        return line;
    }
    let cut: String = line.chars().take(MADE_TITLE).collect();
    // Chinese and long words have no space to cut at.
    let end = cut.rfind(' ').filter(|end| *end > cut.len() / 2).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end_matches([',', '.', ';', ':', ' ']))
}
