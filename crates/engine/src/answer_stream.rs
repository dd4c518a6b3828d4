//! From the engine's tokens to what a reader sees: the text of the thinking and of the answer, as it grows.
//!
//! Command line and server share this: it detokenizes, divides, trims the blank lines that the template puts around the
//! tags, and looks for stop strings in the answer (thinking may mention them).

use std::sync::Arc;

use crate::detokenizer::{Decode, Detokenizer};
pub use crate::reasoning_parser::Delta;
use crate::reasoning_parser::ReasoningParser;
use crate::request::{Token, TokenKind};
use crate::stop_strings::StopStrings;

#[cfg(test)]
mod tests;

/// How thinking is told from the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// By [`TokenKind`]: the tags are control tokens.
    ByToken,
    /// By the tags' text.
    ByText {
        /// Whether the prompt ended with an open tag.
        opened_by_prompt: bool,
    },
    /// Not at all: everything is the answer, character for character.
    Raw,
}

/// One completion on its way to a reader.
pub struct AnswerStream {
    decode: Arc<dyn Decode + Send + Sync>,
    detokenizer: Detokenizer,
    split: Split,
    parser: ReasoningParser,
    stops: StopStrings,
    /// Goes on from an answer that was begun.
    is_begun_answer: bool,
    /// The section the pending bytes of the detokenizer belong to.
    in_thinking: bool,
    reasoning_space: String,
    reasoning_started: bool,
    content_started: bool,
    n_completion: usize,
    n_reasoning: usize,
    stray_close: Option<StrayClose>,
}

/// A closing tag where nothing was opened: what came before it was thinking, as is known now.
#[derive(Clone, Copy, Debug)]
struct StrayClose {
    /// Bytes of the answer before it.
    n_bytes: usize,
    /// Tokens up to it.
    n_tokens: usize,
}

/// The closing tag where it is text.
const CLOSE: &str = "</think>";

impl AnswerStream {
    /// A stream before its first token.
    pub fn new(decode: Arc<dyn Decode + Send + Sync>, split: Split, stops: StopStrings) -> Self {
        let opened_by_prompt = matches!(split, Split::ByText { opened_by_prompt: true });
        Self {
            decode,
            detokenizer: Detokenizer::default(),
            split,
            parser: ReasoningParser::new(opened_by_prompt),
            stops,
            is_begun_answer: false,
            in_thinking: false,
            reasoning_space: String::new(),
            reasoning_started: false,
            content_started: split == Split::Raw,
            n_completion: 0,
            n_reasoning: 0,
            stray_close: None,
        }
    }

    /// Goes on from the beginning that `prompt` ends with, of the thinking or of the answer: white space that comes next is a
    /// part of it.
    pub fn going_on(mut self, prompt: &[u32], in_thinking: bool) -> Self {
        self.detokenizer = Detokenizer::behind(prompt, self.decode.as_ref());
        if in_thinking {
            self.in_thinking = true;
            self.reasoning_started = true;
        } else {
            self.parser = ReasoningParser::in_answer();
            self.content_started = true;
            self.is_begun_answer = true;
        }
        self
    }

    /// Takes the next token; returns the text that became visible.
    pub fn push(&mut self, token: &Token) -> Delta {
        if self.stopped().is_some() {
            return Delta::default();
        }
        self.n_completion += 1;
        let thinking = match self.split {
            Split::ByToken => matches!(token.kind, TokenKind::Thinking | TokenKind::ThinkTag),
            Split::ByText { .. } => self.parser.is_thinking(),
            Split::Raw => false,
        };
        self.n_reasoning += usize::from(thinking);
        let mut delta = Delta::default();
        let by_token = self.split == Split::ByToken;
        if by_token && (thinking != self.in_thinking || token.kind == TokenKind::ThinkTag) {
            self.flush(&mut delta);
            self.in_thinking = thinking;
            let n_bytes = self.stops.n_bytes().0;
            // The first tag, with an answer before it and no thinking after it, opened nothing.
            if token.kind == TokenKind::ThinkTag && n_bytes > 0 && self.n_reasoning == 1 {
                self.stray_close = Some(StrayClose { n_bytes, n_tokens: self.n_completion });
            } else if thinking {
                self.stray_close = None;
            }
        }
        let shown = token.kind != TokenKind::Stop && !(by_token && token.kind == TokenKind::ThinkTag);
        if shown {
            let text = self.detokenizer.push(token.id, self.decode.as_ref());
            self.route(&text, &mut delta);
        }
        delta
    }

    /// Ends the stream; returns the text that was held back.
    pub fn finish(&mut self) -> Delta {
        let mut delta = Delta::default();
        if self.stopped().is_some() {
            return delta;
        }
        self.flush(&mut delta);
        let rest = self.parser.finish();
        self.show_reasoning(&rest.reasoning, &mut delta);
        self.show_content(&rest.content, &mut delta);
        delta.content += &self.stops.finish();
        delta
    }

    /// Divides a whole answer whose thinking the model closed without having opened it, nor the prompt: until the closing tag
    /// nobody can know, so in a stream it was all shown as the answer. Returns whether there was such a tag, and an answer after
    /// it.
    pub fn divide_late(&mut self, whole: &mut Delta) -> bool {
        if !whole.reasoning.is_empty() || self.is_begun_answer {
            return false;
        }
        let (begin, end) = match self.split {
            Split::ByToken => match self.stray_close {
                Some(StrayClose { n_bytes, n_tokens })
                    if whole.content.is_char_boundary(n_bytes) && !whole.content[n_bytes..].trim().is_empty() =>
                {
                    self.n_reasoning = n_tokens;
                    (n_bytes, n_bytes)
                }
                _ => return false,
            },
            Split::ByText { .. } => match whole.content.find(CLOSE) {
                Some(at) => (at, at + CLOSE.len()),
                None => return false,
            },
            Split::Raw => return false,
        };
        let answer = whole.content[end..].trim_start().to_owned();
        whole.reasoning = whole.content[..begin].trim_end().to_owned();
        whole.content = answer;
        true
    }

    /// The stop string that ended the answer.
    pub fn stopped(&self) -> Option<&str> {
        self.stops.matched()
    }

    /// Bytes of the answer's text so far: all of it, and what was shown. The rest may turn out to be a stop string, or is one.
    pub fn n_content_bytes(&self) -> (usize, usize) {
        self.stops.n_bytes()
    }

    /// Tokens taken so far, up to and including the one that completed a stop string.
    pub fn n_completion(&self) -> usize {
        self.n_completion
    }

    /// Of these, thinking and its tags.
    pub fn n_reasoning(&self) -> usize {
        self.n_reasoning
    }

    fn flush(&mut self, delta: &mut Delta) {
        let text = self.detokenizer.finish(self.decode.as_ref());
        self.route(&text, delta);
    }

    fn route(&mut self, text: &str, delta: &mut Delta) {
        match self.split {
            Split::ByText { .. } => {
                let parts = self.parser.push(text);
                self.show_reasoning(&parts.reasoning, delta);
                self.show_content(&parts.content, delta);
            }
            Split::ByToken if self.in_thinking => self.show_reasoning(text, delta),
            Split::ByToken | Split::Raw => self.show_content(text, delta),
        }
    }

    /// Appends thinking without white space at its start and end; space in between waits for what follows it.
    fn show_reasoning(&mut self, text: &str, delta: &mut Delta) {
        let text = if self.reasoning_started { text } else { text.trim_start() };
        let visible = text.trim_end();
        if !visible.is_empty() {
            self.reasoning_started = true;
            delta.reasoning += &std::mem::take(&mut self.reasoning_space);
            delta.reasoning += visible;
        }
        if self.reasoning_started {
            self.reasoning_space += &text[visible.len()..];
        }
    }

    /// Appends answer text without white space at its start.
    fn show_content(&mut self, text: &str, delta: &mut Delta) {
        let text = if self.content_started { text } else { text.trim_start() };
        self.content_started |= !text.is_empty();
        delta.content += &self.stops.push(text);
    }
}
