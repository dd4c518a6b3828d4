//! Text from a stream of token ids, never cut inside a character.
//!
//! One token may hold half a character, so text is held back until it can no longer change. The pieces joined
//! together are exactly [`Tokenizer::decode`] of all ids.

use super::Tokenizer;

/// Incremental decoding of one sequence. It holds only what it has not shown yet; the tokenizer is
/// passed to each call, so that a stream can be stored beside the sequence it belongs to.
#[derive(Debug, Clone, Default)]
pub struct DecodeStream {
    skip_special: bool,
    /// Byte-level vocabularies: an unfinished character, at most 3 bytes.
    pending_bytes: Vec<u8>,
    /// Other vocabularies: ids whose text may still depend on later ones, after context already shown.
    window_ids: Vec<u32>,
    /// How many of `window_ids`, from the front, are shown.
    n_shown: usize,
}

impl DecodeStream {
    /// `skip_special` as in [`Tokenizer::decode`].
    pub fn new(skip_special: bool) -> Self {
        Self { skip_special, ..Self::default() }
    }

    /// Takes the next id; returns the text that is now certain, often empty within a character.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        if self.skip_special && tokenizer.is_flagged_special(id) {
            return String::new();
        }
        if tokenizer.bytes_of_id.is_some() {
            tokenizer.push_bytes(id, &mut self.pending_bytes);
            return self.take_whole_characters();
        }
        self.window_ids.push(id);
        // A run of byte pieces is one text or, if it is not UTF-8, none: only its end decides.
        let is_byte_piece = |token: String| token.starts_with("<0x") && token.len() == 6;
        if tokenizer.token(id).is_some_and(is_byte_piece) {
            return String::new();
        }
        let text = self.new_window_text(tokenizer);
        if text.is_empty() {
            return String::new();
        }
        // Two shown ids stay as context: decoders strip a leading space from what they see first.
        let n_drop = self.window_ids.len().saturating_sub(2);
        self.window_ids.drain(..n_drop);
        self.n_shown = self.window_ids.len();
        text
    }

    /// The rest, when no more ids will come: an unfinished character shows as U+FFFD.
    pub fn finish(&mut self, tokenizer: &Tokenizer) -> String {
        if tokenizer.bytes_of_id.is_some() {
            let bytes = std::mem::take(&mut self.pending_bytes);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let text = self.new_window_text(tokenizer);
        self.window_ids.clear();
        self.n_shown = 0;
        text
    }

    /// Splits off everything before an unfinished character at the end. Invalid bytes become U+FFFD just
    /// as `String::from_utf8_lossy` places them in the whole text.
    fn take_whole_characters(&mut self) -> String {
        let mut text = String::new();
        let mut rest: &[u8] = &self.pending_bytes;
        let n_kept = loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    break 0;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(valid).expect("checked just now"));
                    match error.error_len() {
                        Some(n_bad) => {
                            text.push('\u{FFFD}');
                            rest = &after[n_bad..];
                        }
                        None => break after.len(),
                    }
                }
            }
        };
        let n_done = self.pending_bytes.len() - n_kept;
        self.pending_bytes.drain(..n_done);
        text
    }

    fn new_window_text(&self, tokenizer: &Tokenizer) -> String {
        let shown = tokenizer.decode(&self.window_ids[..self.n_shown], false);
        let all = tokenizer.decode(&self.window_ids, false);
        all.strip_prefix(&shown).unwrap_or_default().to_owned()
    }
}
