//! Divides streamed text into thinking and answer where the tags are known as text only.
//!
//! Where a tokenizer has control tokens for the tags, [`crate::thinking`] knows better than any text; this parser serves
//! endpoints and models without them. R1's template opens `<think>` in the prompt, so the output holds only the closing
//! tag, or both: R1 and its successors differ, and both are read. Rules:
//!
//! - an opening tag counts only at the start, after white space at most; further ones inside the thinking are dropped;
//! - the first closing tag ends the thinking; whatever follows, tags too, is the answer's own text;
//! - text that may turn out to be a tag is held back, so the result does not depend on where the stream is cut.

#[cfg(test)]
mod tests;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// New text of either kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Of the thinking.
    pub reasoning: String,
    /// Of the answer.
    pub content: String,
}

impl Delta {
    /// Whether there is no text in it.
    pub fn is_empty(&self) -> bool {
        self.reasoning.is_empty() && self.content.is_empty()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but white space was seen.
    Start,
    Thinking,
    Answer,
}

/// The parser's state between pieces of text.
#[derive(Clone, Debug)]
pub struct ReasoningParser {
    state: State,
    opened_by_prompt: bool,
    held: String,
}

impl ReasoningParser {
    /// A parser before the first text. `opened_by_prompt`: the prompt ended with an open `<think>`.
    pub fn new(opened_by_prompt: bool) -> Self {
        Self { state: State::Start, opened_by_prompt, held: String::new() }
    }

    /// A parser of an answer that was begun: all of it is the answer's own text.
    pub fn in_answer() -> Self {
        Self { state: State::Answer, ..Self::new(false) }
    }

    /// Whether text that comes now is thinking, as far as can be known.
    pub fn is_thinking(&self) -> bool {
        self.state == State::Thinking || (self.state == State::Start && self.opened_by_prompt)
    }

    /// Takes the next piece of text.
    pub fn push(&mut self, text: &str) -> Delta {
        self.held.push_str(text);
        let mut delta = Delta::default();
        if self.state == State::Start && !self.leave_start() {
            return delta;
        }
        while self.state == State::Thinking {
            let next_tag = [OPEN, CLOSE].iter().filter_map(|tag| Some((self.held.find(tag)?, *tag))).min();
            let Some((at, tag)) = next_tag else { break };
            delta.reasoning.push_str(&self.held[..at]);
            self.held.drain(..at + tag.len());
            if tag == CLOSE {
                self.state = State::Answer;
            }
        }
        if self.state == State::Thinking {
            let n_held = held_back(&self.held, &[OPEN, CLOSE]);
            delta.reasoning.extend(self.held.drain(..self.held.len() - n_held));
        } else {
            delta.content.push_str(&std::mem::take(&mut self.held));
        }
        delta
    }

    /// Ends the stream: what was held back is text after all.
    pub fn finish(&mut self) -> Delta {
        let held = std::mem::take(&mut self.held);
        if self.is_thinking() {
            Delta { reasoning: held, content: String::new() }
        } else {
            Delta { reasoning: String::new(), content: held }
        }
    }

    /// Decides what the output starts with; false while that is open.
    fn leave_start(&mut self) -> bool {
        let text = self.held.trim_start();
        if let Some(rest) = text.strip_prefix(OPEN) {
            self.held = rest.to_owned();
            self.state = State::Thinking;
            return true;
        }
        if OPEN.starts_with(text) {
            return false;
        }
        self.state = if self.opened_by_prompt { State::Thinking } else { State::Answer };
        true
    }
}

/// Bytes at the end of `text` that may be the beginning of one of `patterns`.
pub(crate) fn held_back<S: AsRef<str>>(text: &str, patterns: &[S]) -> usize {
    let longest = patterns.iter().map(|p| p.as_ref().len()).max().unwrap_or(0);
    let from = text.len().saturating_sub(longest.saturating_sub(1));
    text.char_indices()
        .map(|(at, _)| at)
        .filter(|&at| at >= from)
        .find(|&at| patterns.iter().any(|p| p.as_ref().starts_with(&text[at..])))
        .map_or(0, |at| text.len() - at)
}
