//! Token ids to text, one token at a time, without ever splitting a character.
//!
//! A character may span several tokens and a token's text may depend on the one before it (leading spaces), so the text
//! of a token is the difference between two decodings of a short window, as in vLLM and text-generation-inference.

#[cfg(test)]
mod tests;

/// What a tokenizer does for the reader: the text of tokens, control tokens left out.
pub trait Decode {
    /// The text of `tokens`, with U+FFFD where bytes are not UTF-8 (a character cut at either end included).
    fn decode(&self, tokens: &[u32]) -> String;
}

/// The state between tokens.
#[derive(Clone, Debug, Default)]
pub struct Detokenizer {
    /// Tokens shown last, as context, then the tokens not shown yet.
    window: Vec<u32>,
    n_context: usize,
}

impl Detokenizer {
    /// A character has at most four bytes; what is not one after this many tokens never will be.
    const MAX_PENDING: usize = 8;

    /// The state after `tokens` that were shown elsewhere: the text of the next one is what it is behind them. Where they end in
    /// the middle of a character, it stands for itself.
    pub fn behind(tokens: &[u32], decode: &dyn Decode) -> Self {
        let window = tokens[tokens.len().saturating_sub(Self::MAX_PENDING)..].to_vec();
        match decode.decode(&window).ends_with('\u{FFFD}') {
            true => Self::default(),
            false => Self { n_context: window.len(), window },
        }
    }

    /// Takes the next token; returns the text that became complete, often empty.
    pub fn push(&mut self, token: u32, decode: &dyn Decode) -> String {
        self.window.push(token);
        self.take(decode, self.window.len() - self.n_context >= Self::MAX_PENDING)
    }

    /// What is left at the end, U+FFFD for an unfinished character.
    pub fn finish(&mut self, decode: &dyn Decode) -> String {
        let text = self.take(decode, true);
        *self = Self::default();
        text
    }

    fn take(&mut self, decode: &dyn Decode, unfinished_too: bool) -> String {
        let context = decode.decode(&self.window[..self.n_context]);
        let all = decode.decode(&self.window);
        let text = all.strip_prefix(context.as_str()).unwrap_or("");
        if text.is_empty() || (text.ends_with('\u{FFFD}') && !unfinished_too) {
            return String::new();
        }
        self.window.drain(..self.n_context);
        self.n_context = self.window.len();
        text.to_owned()
    }
}
