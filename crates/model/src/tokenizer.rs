//! Text to token ids and back, for any Hugging Face `tokenizer.json`.
//!
//! The splitting, normalising and merging is the `tokenizers` crate's; what this file adds is *who may
//! write control tokens*. The library looks for added tokens (`<think>`, `<｜Assistant｜>`, …) in every
//! text it is given, so a user who types `</think>` would close the model's thinking. Here the caller
//! chooses: [`Tokenizer::encode`] never produces a control token, [`Tokenizer::encode_with_special`]
//! does, and [`Tokenizer::encode_guarded`] does for the template's part of a prompt only (see
//! [`crate::chat_template`], which explains the guard).
//!
//! A *control token* is an added token that the file flags `special`, or whose text has the shape of a
//! tag (`<…>` or `[…]`: DeepSeek and Qwen do not flag `<think>`). Other added tokens, such as the runs of
//! spaces of some vocabularies, are ordinary pieces and match in every text. Added tokens are matched in
//! the text as written, before normalisation.

mod decode_stream;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;
use tokenizers::{
    AddedToken, Decoder, DecoderWrapper, Model, Normalizer, OffsetType, PreTokenizedString, PreTokenizer, Token,
};

pub use decode_stream::DecodeStream;

/// The special tokens of our own tokenizers, in id order from 0, named as DeepSeek-V3 and R1 name theirs.
pub const SPECIAL_TOKENS: [&str; 16] = [
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<think>",
    "</think>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁outputs▁begin｜>",
    "<｜tool▁outputs▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
    "<｜tool▁sep｜>",
    "<｜reserved_0｜>",
];

/// Opens the thinking part of an answer.
pub const THINK_START: &str = "<think>";
/// Closes the thinking part of an answer.
pub const THINK_END: &str = "</think>";

/// Names looked for when `tokenizer_config.json` does not name the token.
const BOS_NAMES: [&str; 3] = ["<｜begin▁of▁sentence｜>", "<|begin_of_text|>", "<s>"];
const EOS_NAMES: [&str; 4] = ["<｜end▁of▁sentence｜>", "<|end_of_text|>", "<|endoftext|>", "</s>"];
/// Tokens that end an assistant's turn although the configuration calls another one `eos`.
const TURN_END_NAMES: [&str; 3] = ["<|im_end|>", "<|eot_id|>", "<|eom_id|>"];

/// What can go wrong with a tokenizer's files.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The directory holds no `tokenizer.json`.
    #[error(
        "{dir} has no tokenizer.json: expected a model directory in Hugging Face layout \
         (config.json, tokenizer.json, model.safetensors)"
    )]
    Missing {
        /// The directory looked into.
        dir: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file was read and is not what it should be.
    #[error("{path} is not a usable tokenizer file: {reason}")]
    Invalid {
        /// The file, or a name for bytes that came from memory.
        path: PathBuf,
        /// What was found and expected.
        reason: String,
    },
}

/// A loaded tokenizer. Cheap to share behind an `Arc`; every method takes `&self`.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    json: Arc<str>,
    vocab_size: usize,
    /// Control tokens and how to find them; `None` when there are none.
    control: Option<AddedMatcher>,
    /// Added tokens that any text may contain; usually none.
    ordinary: Option<AddedMatcher>,
    names: SpecialNames,
    /// Each id's bytes, for byte-level vocabularies; `None` for others.
    bytes_of_id: Option<Vec<Option<Box<[u8]>>>>,
    /// Ids that the file flags `special`, ascending.
    flagged_special: Vec<u32>,
}

/// Ids with a meaning, each present only if the vocabulary has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SpecialNames {
    bos: Option<(String, u32)>,
    eos: Option<(String, u32)>,
    eos_ids: Vec<u32>,
    adds_bos: bool,
    think_start: Option<u32>,
    think_end: Option<u32>,
}

/// Leftmost-longest search for a set of added tokens.
struct AddedMatcher {
    automaton: AhoCorasick,
    /// By ascending id.
    tokens: Vec<(u32, AddedToken)>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, and `tokenizer_config.json` beside it if there is one.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self, TokenizerError> {
        let dir = dir.as_ref();
        let path = dir.join("tokenizer.json");
        if !path.exists() {
            return Err(TokenizerError::Missing { dir: dir.into() });
        }
        Self::from_file(path)
    }

    /// Reads one `tokenizer.json`, and `tokenizer_config.json` beside it if there is one.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokenizerError> {
        let path = path.as_ref();
        let json = read(path)?;
        let config_path = path.with_file_name("tokenizer_config.json");
        let config = if config_path.exists() { Some(read(&config_path)?) } else { None };
        Self::parse(&json, config.as_deref(), path)
    }

    /// From the contents of `tokenizer.json` and, if there is one, `tokenizer_config.json`.
    pub fn from_bytes(json: &[u8], config: Option<&[u8]>) -> Result<Self, TokenizerError> {
        Self::parse(json, config, Path::new("tokenizer.json"))
    }

    fn parse(json: &[u8], config: Option<&[u8]>, path: &Path) -> Result<Self, TokenizerError> {
        let invalid = |reason: String| TokenizerError::Invalid { path: path.into(), reason };
        let text = std::str::from_utf8(json).map_err(|e| invalid(format!("not UTF-8: {e}")))?;
        let mut inner: tokenizers::Tokenizer = text.parse().map_err(|e: tokenizers::Error| invalid(e.to_string()))?;
        // Truncation and padding stored in the file are a training script's settings, not the vocabulary's.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| invalid(e.to_string()))?;
        let config: Value = match config {
            None => Value::Null,
            Some(bytes) => {
                serde_json::from_slice(bytes).map_err(|e| invalid(format!("tokenizer_config.json beside it: {e}")))?
            }
        };

        let mut added: Vec<(u32, AddedToken)> = inner.get_added_tokens_decoder().into_iter().collect();
        added.sort_by_key(|(id, _)| *id);
        let vocab_size = inner.get_vocab(true).values().max().map_or(0, |&max_id| max_id as usize + 1);
        if vocab_size == 0 {
            return Err(invalid("its vocabulary is empty".into()));
        }
        let flagged_special = added.iter().filter(|(_, t)| t.special).map(|(id, _)| *id).collect();
        let names = SpecialNames::find(&inner, &config);
        let bytes_of_id = byte_level_table(&inner, &added, vocab_size);
        let (control, ordinary) = added.into_iter().partition(|(_, token)| is_control(token));
        Ok(Self {
            control: AddedMatcher::new(control).map_err(invalid)?,
            ordinary: AddedMatcher::new(ordinary).map_err(invalid)?,
            inner,
            json: text.into(),
            vocab_size,
            names,
            bytes_of_id,
            flagged_special,
        })
    }

    /// Ids of `text` as ordinary pieces. No control token comes out, whatever the text says.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.encode_around(text, Vec::new())
    }

    /// Ids of `text`, in which control tokens written out become control tokens. Only for text that is
    /// ours, such as training documents in the template's form. No token is added at either end.
    pub fn encode_with_special(&self, text: &str) -> Vec<u32> {
        self.encode_around(text, self.control_matches(text))
    }

    /// Like [`Tokenizer::encode_with_special`], for text that contains the character `guard` inside what
    /// must not become a control token: a control token is recognised only where its text stands without
    /// a guard in it; then the guards vanish, and everything else is ordinary.
    pub fn encode_guarded(&self, text: &str, guard: char) -> Vec<u32> {
        let found = self.control_matches(text);
        let mut clean = String::with_capacity(text.len());
        let mut moved = Vec::with_capacity(found.len());
        let mut from = 0;
        for (range, id) in found {
            push_without(&mut clean, &text[from..range.start], guard);
            let start = clean.len();
            clean.push_str(&text[range.clone()]);
            moved.push((start..clean.len(), id));
            from = range.end;
        }
        push_without(&mut clean, &text[from..], guard);
        self.encode_around(&clean, moved)
    }

    fn control_matches(&self, text: &str) -> Vec<(Range<usize>, u32)> {
        self.control.as_ref().map_or_else(Vec::new, |m| m.find(text))
    }

    /// Encodes `text`, of which `control` (ascending, disjoint) already are tokens.
    fn encode_around(&self, text: &str, control: Vec<(Range<usize>, u32)>) -> Vec<u32> {
        if text.is_empty() {
            return Vec::new();
        }
        let known = match &self.ordinary {
            None => control,
            Some(ordinary) => fill_gaps(text, control, ordinary),
        };
        self.run_pipeline(text, &known)
            .unwrap_or_else(|e| panic!("the tokenizer failed on {} bytes of text: {e}", text.len()))
    }

    /// Normaliser, pre-tokenizer and model, in the library's order. The pieces stay in one
    /// `PreTokenizedString`, because some pre-tokenizers treat the start of a text differently.
    fn run_pipeline(&self, text: &str, known: &[(Range<usize>, u32)]) -> Result<Vec<u32>, tokenizers::Error> {
        let mut pieces = PreTokenizedString::from(text);
        if !known.is_empty() {
            pieces.split(|_, whole| {
                let slice = |range: Range<usize>| {
                    whole
                        .slice(tokenizers::tokenizer::normalizer::Range::Original(range))
                        .expect("ranges of the text itself")
                };
                let mut parts = Vec::with_capacity(2 * known.len() + 1);
                let mut from = 0;
                for (range, id) in known {
                    parts.push((slice(from..range.start), None));
                    let token = Token::new(*id, text[range.clone()].to_owned(), (0, range.len()));
                    parts.push((slice(range.clone()), Some(vec![token])));
                    from = range.end;
                }
                parts.push((slice(from..text.len()), None));
                Ok(parts)
            })?;
        }
        if let Some(normalizer) = self.inner.get_normalizer() {
            pieces.normalize(|piece| normalizer.normalize(piece))?;
        }
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        let model = self.inner.get_model();
        pieces.tokenize(|piece| model.tokenize(piece.get()))?;
        Ok(pieces.into_encoding(None, 0, OffsetType::None)?.get_ids().to_vec())
    }

    /// Text of `ids`. Bytes that are not UTF-8, and ids outside the vocabulary, show as U+FFFD.
    /// `skip_special` leaves out the tokens that the file flags `special`, as `transformers` does
    /// (DeepSeek and Qwen do not flag `<think>`, so it stays).
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let shown = ids.iter().copied().filter(|id| !skip_special || !self.is_flagged_special(*id));
        if self.bytes_of_id.is_some() {
            let mut bytes = Vec::with_capacity(4 * ids.len());
            shown.for_each(|id| self.push_bytes(id, &mut bytes));
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let tokens: Vec<String> = shown.map(|id| self.token(id).unwrap_or_else(|| "\u{FFFD}".to_owned())).collect();
        match self.inner.get_decoder() {
            Some(decoder) => decoder.decode(tokens).unwrap_or_else(|e| panic!("decoding failed: {e}")),
            None => tokens.join(" "),
        }
    }

    /// The bytes that `id` stands for, in byte-level vocabularies (V3, Qwen, Llama 3, ours); `None` for
    /// ids outside the vocabulary and for vocabularies of other kinds.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.bytes_of_id.as_ref()?.get(id as usize)?.as_deref()
    }

    /// The vocabulary's spelling of `id` (for byte-level vocabularies ` a` is `Ġa`).
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of a token by its spelling in the vocabulary.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// One more than the largest id. A model may have more rows than this (padding), never fewer.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The token that begins a document.
    pub fn bos_id(&self) -> Option<u32> {
        self.names.bos.as_ref().map(|(_, id)| *id)
    }

    /// Whether that token is put before a text that has no template: as `tokenizer_config.json` says in `add_bos_token`, or
    /// else as `tokenizer.json` has it.
    pub fn adds_bos(&self) -> bool {
        self.names.adds_bos
    }

    /// The token that ends a document.
    pub fn eos_id(&self) -> Option<u32> {
        self.names.eos.as_ref().map(|(_, id)| *id)
    }

    /// Every token that ends an answer: [`Tokenizer::eos_id`] and the known ends of a turn. A model's
    /// `generation_config.json` may add more.
    pub fn eos_ids(&self) -> &[u32] {
        &self.names.eos_ids
    }

    /// `<think>`, if the vocabulary has it as one token.
    pub fn think_start_id(&self) -> Option<u32> {
        self.names.think_start
    }

    /// `</think>`, if the vocabulary has it as one token.
    pub fn think_end_id(&self) -> Option<u32> {
        self.names.think_end
    }

    /// The text of the token that begins a document, `""` without one; templates call it `bos_token`.
    pub fn bos_token(&self) -> &str {
        self.names.bos.as_ref().map_or("", |(text, _)| text)
    }

    /// The text of the token that ends a document, `""` without one; templates call it `eos_token`.
    pub fn eos_token(&self) -> &str {
        self.names.eos.as_ref().map_or("", |(text, _)| text)
    }

    /// True for ids that only a template or the model may produce.
    pub fn is_control_id(&self, id: u32) -> bool {
        self.control.as_ref().is_some_and(|m| m.tokens.binary_search_by_key(&id, |(id, _)| *id).is_ok())
    }

    /// Texts of the control tokens, by ascending id.
    pub fn control_tokens(&self) -> impl Iterator<Item = &str> {
        let tokens = self.control.as_ref().map_or(&[][..], |m| &m.tokens);
        tokens.iter().map(|(_, token)| token.content.as_str())
    }

    /// The contents of the `tokenizer.json` this was read from, to be written into checkpoints.
    pub fn json(&self) -> &str {
        &self.json
    }

    fn is_flagged_special(&self, id: u32) -> bool {
        self.flagged_special.binary_search(&id).is_ok()
    }

    /// Appends what `id` adds to a byte-level text.
    fn push_bytes(&self, id: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.token_bytes(id).unwrap_or("\u{FFFD}".as_bytes()));
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl SpecialNames {
    fn find(inner: &tokenizers::Tokenizer, config: &Value) -> Self {
        let by_name = |name: &str| inner.token_to_id(name).map(|id| (name.to_owned(), id));
        let configured = |key: &str| token_text(&config[key]).and_then(by_name);
        let eos = configured("eos_token").or_else(|| EOS_NAMES.iter().copied().find_map(by_name));
        let turn_ends = TURN_END_NAMES.iter().copied().filter_map(by_name);
        let mut eos_ids: Vec<u32> = eos.clone().into_iter().chain(turn_ends).map(|(_, id)| id).collect();
        eos_ids.sort_unstable();
        eos_ids.dedup();
        let bos = configured("bos_token").or_else(|| BOS_NAMES.iter().copied().find_map(by_name));
        let begins = |(_, id): &(String, u32)| {
            inner.encode("", true).is_ok_and(|encoding| encoding.get_ids().first() == Some(id))
        };
        Self {
            adds_bos: config["add_bos_token"].as_bool().unwrap_or_else(|| bos.as_ref().is_some_and(begins)),
            bos,
            eos,
            eos_ids,
            think_start: inner.token_to_id(THINK_START),
            think_end: inner.token_to_id(THINK_END),
        }
    }
}

/// A token in `tokenizer_config.json`: its text, or an object with its text under `content`.
pub(crate) fn token_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

fn is_control(token: &AddedToken) -> bool {
    let text = token.content.trim();
    let tag = |open, close| text.len() > 2 && text.starts_with(open) && text.ends_with(close);
    token.special || tag('<', '>') || tag('[', ']')
}

impl AddedMatcher {
    fn new(tokens: Vec<(u32, AddedToken)>) -> Result<Option<Self>, String> {
        let tokens: Vec<_> = tokens.into_iter().filter(|(_, t)| !t.content.is_empty()).collect();
        if tokens.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|(_, token)| &token.content))
            .map_err(|e| format!("its added tokens: {e}"))?;
        Ok(Some(Self { automaton, tokens }))
    }

    /// Ranges of `text` that are tokens, ascending and disjoint. A token flagged `lstrip` or `rstrip`
    /// takes the white space on that side with it, one flagged `single_word` needs a boundary on both.
    fn find(&self, text: &str) -> Vec<(Range<usize>, u32)> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut found = Vec::new();
        let mut from = 0;
        for hit in self.automaton.find_iter(text) {
            let (id, token) = &self.tokens[hit.pattern()];
            let (before, after) = (&text[..hit.start()], &text[hit.end()..]);
            if token.single_word && (before.ends_with(is_word) || after.starts_with(is_word)) {
                continue;
            }
            let start = if token.lstrip { before.trim_end().len() } else { hit.start() };
            let end = if token.rstrip { text.len() - after.trim_start().len() } else { hit.end() };
            let start = start.max(from);
            found.push((start..end, *id));
            from = end;
        }
        found
    }
}

/// Adds the ordinary added tokens that stand between the control tokens.
fn fill_gaps(text: &str, control: Vec<(Range<usize>, u32)>, ordinary: &AddedMatcher) -> Vec<(Range<usize>, u32)> {
    let mut all = Vec::with_capacity(control.len());
    let mut from = 0;
    let end = std::iter::once((text.len()..text.len(), u32::MAX));
    for (range, id) in control.into_iter().chain(end) {
        let gap = ordinary.find(&text[from..range.start]);
        all.extend(gap.into_iter().map(|(r, id)| (from + r.start..from + r.end, id)));
        from = range.end;
        if id != u32::MAX {
            all.push((range, id));
        }
    }
    all
}

fn push_without(out: &mut String, text: &str, guard: char) {
    text.split(guard).for_each(|part| out.push_str(part));
}

fn read(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    fs::read(path).map_err(|source| TokenizerError::Read { path: path.into(), source })
}

/// Bytes of each id, if the vocabulary is byte-level (GPT-2's spelling of bytes as printable characters).
fn byte_level_table(
    inner: &tokenizers::Tokenizer,
    added: &[(u32, AddedToken)],
    vocab_size: usize,
) -> Option<Vec<Option<Box<[u8]>>>> {
    if !matches!(inner.get_decoder(), Some(DecoderWrapper::ByteLevel(_))) {
        return None;
    }
    let byte_of_char: BTreeMap<char, u8> =
        byte_chars().into_iter().enumerate().map(|(byte, c)| (c, byte as u8)).collect();
    let mut table: Vec<Option<Box<[u8]>>> = vec![None; vocab_size];
    for (token, id) in inner.get_model().get_vocab() {
        // A token with a character outside the alphabet stands for its own text, as in the library.
        let bytes: Option<Vec<u8>> = token.chars().map(|c| byte_of_char.get(&c).copied()).collect();
        table[id as usize] = Some(bytes.unwrap_or_else(|| token.into_bytes()).into());
    }
    for (id, token) in added {
        table[*id as usize] = Some(token.content.as_bytes().into());
    }
    Some(table)
}

/// GPT-2's printable character for each byte: itself where printable, else from U+0100 upwards.
pub(crate) fn byte_chars() -> [char; 256] {
    let mut chars = ['\0'; 256];
    let mut next = 0x100;
    for byte in 0..=255u8 {
        chars[byte as usize] = match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => byte as char,
            _ => {
                next += 1;
                char::from_u32(next - 1).expect("below the surrogates")
            }
        };
    }
    chars
}

#[cfg(test)]
mod tests;
