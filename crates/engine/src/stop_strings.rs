//! Ends an answer at a string of the user's choice, wherever token boundaries fall.

use crate::reasoning_parser::held_back;

#[cfg(test)]
mod tests;

/// Looks for the first of several strings in streamed text.
#[derive(Clone, Debug, Default)]
pub struct StopStrings {
    strings: Vec<String>,
    held: String,
    matched: Option<usize>,
    n_taken: usize,
    n_shown: usize,
}

impl StopStrings {
    /// Empty strings are left out: they would end every answer before it starts.
    pub fn new(strings: impl IntoIterator<Item = String>) -> Self {
        let strings = strings.into_iter().filter(|s| !s.is_empty()).collect();
        Self { strings, ..Self::default() }
    }

    /// Takes the next text; returns what can be shown. After a match, nothing more is shown.
    pub fn push(&mut self, text: &str) -> String {
        if self.matched.is_some() {
            return String::new();
        }
        self.held.push_str(text);
        self.n_taken += text.len();
        let shown = self.take();
        self.n_shown += shown.len();
        shown
    }

    fn take(&mut self) -> String {
        let first = (0..).zip(&self.strings).filter_map(|(i, s)| Some((self.held.find(s.as_str())?, i))).min();
        if let Some((at, i)) = first {
            self.matched = Some(i);
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let n_held = held_back(&self.held, &self.strings);
        self.held.drain(..self.held.len() - n_held).collect()
    }

    /// What was held back when the text ended without a match.
    pub fn finish(&mut self) -> String {
        let shown = std::mem::take(&mut self.held);
        self.n_shown += shown.len();
        shown
    }

    /// Bytes of text so far: all that came, and those that were shown. The others are held back, or lie behind a match.
    pub fn n_bytes(&self) -> (usize, usize) {
        (self.n_taken, self.n_shown)
    }

    /// The string that was found.
    pub fn matched(&self) -> Option<&str> {
        self.matched.map(|i| self.strings[i].as_str())
    }
}
