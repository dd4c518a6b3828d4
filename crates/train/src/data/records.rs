//! The records of text and JSONL files: what stands between separators, or on one line.

use super::Document;
use super::codec::Codec;
use crate::error::{Result, TrainError};
use crate::recipe::{Learn, SourceKind, SourceSpec};
use model::chat_template::Message;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One record of a file.
pub(super) enum Record {
    /// A text, or a piece of a long one.
    Text {
        /// The text.
        text: String,
        /// Whether the document begins here.
        is_start: bool,
        /// Whether the document ends here.
        is_end: bool,
    },
    /// A conversation.
    Chat(Vec<Message>),
}

impl Record {
    /// A number that depends on the content alone; equal records are held out together.
    pub(super) fn hash(&self) -> u64 {
        match self {
            Record::Text { text, .. } => tasks::split::stable_hash(text),
            Record::Chat(messages) => {
                let texts = messages.iter().flat_map(|m| m.content.iter().chain(&m.reasoning_content));
                texts.fold(0, |hash: u64, text| hash.rotate_left(1) ^ tasks::split::stable_hash(text))
            }
        }
    }

    /// The record's texts, for training a tokenizer.
    pub(super) fn texts(self) -> Vec<String> {
        match self {
            Record::Text { text, .. } => vec![text],
            Record::Chat(messages) => {
                messages.into_iter().flat_map(|m| m.content.into_iter().chain(m.reasoning_content)).collect()
            }
        }
    }

    /// The record as documents of at most `seq_len` rows: a text is cut into pieces that lose nothing, a conversation
    /// that is too long is truncated. `None` where a conversation cannot be used.
    pub(super) fn documents(&self, codec: &Codec, learn: Option<Learn>, seq_len: usize) -> Option<Vec<Document>> {
        match self {
            Record::Chat(messages) => {
                let documents = codec.conversation(messages, learn.unwrap_or(Learn::Completion))?;
                Some(documents.into_iter().map(|document| document.truncate(seq_len)).collect())
            }
            Record::Text { text, is_start, is_end } => {
                let mut tokens = codec.text(text);
                if !is_end && codec.tokenizer.eos_id().is_some() {
                    tokens.pop();
                }
                let skip = usize::from(!is_start && codec.tokenizer.bos_id().is_some());
                // Pieces overlap by one token, so that every token but the first is predicted once.
                let pieces = (skip..tokens.len().saturating_sub(1)).step_by(seq_len);
                let piece = |from: usize| {
                    let tokens = tokens[from..tokens.len().min(from + seq_len + 1)].to_vec();
                    Document { learn: vec![true; tokens.len()], tokens, is_truncated: false }
                };
                Some(pieces.map(piece).collect())
            }
        }
    }
}

/// Reads all records of one file, in order.
///
/// # Errors
/// A file that cannot be read or is not UTF-8; a line that is not JSON or has none of the known fields.
pub(super) fn read(path: &Path, spec: &SourceSpec, piece_bytes: usize) -> Result<Vec<Record>> {
    let bytes = std::fs::read(path).map_err(|e| TrainError::io("read", path, e))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        TrainError::data(path, format!("not UTF-8 at byte {at}; convert it first"))
    })?;
    match spec.kind {
        SourceKind::Jsonl => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(idx, line)| parse_line(line, path, idx + 1)).collect()
        }
        SourceKind::Text | SourceKind::Task | SourceKind::Stage => {
            let documents: Vec<&str> = match &spec.separator {
                Some(separator) if !separator.is_empty() => text.split(separator.as_str()).collect(),
                _ => vec![&text],
            };
            let documents = documents.into_iter().filter(|document| !document.trim().is_empty());
            Ok(documents.flat_map(|document| cut(document, piece_bytes)).collect())
        }
    }
}

/// Cuts a long document into pieces of about `piece_bytes`, after line breaks where there are some.
fn cut(document: &str, piece_bytes: usize) -> Vec<Record> {
    let (mut pieces, mut rest) = (Vec::new(), document);
    while !rest.is_empty() {
        let mut end = rest.len();
        if end > piece_bytes + piece_bytes / 2 {
            end = (0..=piece_bytes).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
            end = rest[..end].rfind('\n').map_or(end, |at| at + 1);
        }
        let (text, after) = rest.split_at(end);
        pieces.push(Record::Text { text: text.to_owned(), is_start: pieces.is_empty(), is_end: after.is_empty() });
        rest = after;
    }
    pieces
}

#[derive(Deserialize)]
struct Line {
    text: Option<String>,
    messages: Option<Vec<Message>>,
    prompt: Option<String>,
    #[serde(alias = "completion")]
    response: Option<String>,
}

fn parse_line(line: &str, path: &Path, number: usize) -> Result<Record> {
    let place = || -> PathBuf { format!("{}:{number}", path.display()).into() };
    let parsed: Line =
        serde_json::from_str(line).map_err(|e| TrainError::data(&place(), format!("not a JSON record: {e}")))?;
    match parsed {
        Line { messages: Some(messages), .. } => Ok(Record::Chat(messages)),
        Line { prompt: Some(prompt), response: Some(response), .. } => {
            Ok(Record::Chat(vec![Message::user(prompt), Message::assistant(response)]))
        }
        Line { text: Some(text), .. } => Ok(Record::Text { text, is_start: true, is_end: true }),
        _ => Err(TrainError::data(&place(), "expected `text`, or `messages`, or `prompt` and `response`")),
    }
}
