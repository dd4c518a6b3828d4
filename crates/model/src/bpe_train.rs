//! Training a byte-level BPE vocabulary (Sennrich et al. 2016, in GPT-2's byte-level form).
//!
//! Texts are cut into words by a pre-tokenizer, each distinct word is a sequence of symbols (bytes at
//! first) with a count, and the most frequent adjacent pair is merged until the vocabulary is full. A tie
//! goes to the lexicographically greater pair of byte strings, so the result depends on the counts alone:
//! not on the order of the texts, hashing, or threads. Pair counts are kept up to date merge by merge and
//! the next pair comes from a heap, so a merge costs what it changes.
//!
//! The result is written as a `tokenizer.json` that the Python libraries load.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value, json};
use tokenizers::tokenizer::pattern::Pattern;
use tokenizers::utils::SysRegex;

use crate::tokenizer::{SPECIAL_TOKENS, Tokenizer, TokenizerError, byte_chars};

/// How texts are cut into words before merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreTokenization {
    /// GPT-2's: contractions, words with the space before them, runs of digits, runs of punctuation.
    Gpt2,
    /// DeepSeek-V3's, but with every digit on its own, so that a number is spelled the same way
    /// wherever it stands and a small model can learn to calculate with it.
    SingleDigits,
}

/// GPT-2's pattern (`tokenizers` builds it into its byte-level pre-tokenizer).
const GPT2_PATTERN: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// V3's three patterns (its `tokenizer.json`), where the first said `\p{N}{1,3}`.
const SINGLE_DIGITS_PATTERNS: [&str; 3] = [
    r"\p{N}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];

/// What to train. Build with [`BpeTrainer::penseur`] or field by field, then call [`BpeTrainer::train`].
#[derive(Debug, Clone)]
pub struct BpeTrainer {
    /// Ids in all: special tokens, 256 bytes, merges. The result is smaller if the texts run out of pairs.
    pub vocab_size: usize,
    /// Get the ids from 0 on. Where a text spells one out, it separates words and is not counted.
    pub special_tokens: Vec<String>,
    /// How texts are cut into words.
    pub pre_tokenization: PreTokenization,
    /// A pair that occurs less often is not merged; at least 1.
    pub min_pair_count: u64,
}

/// Why a vocabulary could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum BpeTrainError {
    /// No room for the bytes.
    #[error(
        "a vocabulary of {found} cannot hold the {n_special} special tokens and 256 bytes: \
         expected at least {}", .n_special + 256
    )]
    TooSmall {
        /// The size asked for.
        found: usize,
        /// The number of special tokens.
        n_special: usize,
    },
    /// A special token that is empty or given twice.
    #[error("special token {0:?} is empty or listed twice")]
    BadSpecial(String),
}

/// A trained vocabulary.
#[derive(Debug, Clone)]
pub struct TrainedBpe {
    special_tokens: Vec<String>,
    pre_tokenization: PreTokenization,
    /// Byte strings of the ids after the special tokens.
    pieces: Vec<Arc<[u8]>>,
    merges: Vec<(u32, u32)>,
}

impl BpeTrainer {
    /// Our own tokenizers: [`SPECIAL_TOKENS`] first, digits singly, pairs seen at least twice.
    pub fn penseur(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            special_tokens: SPECIAL_TOKENS.iter().map(|&t| t.to_owned()).collect(),
            pre_tokenization: PreTokenization::SingleDigits,
            min_pair_count: 2,
        }
    }

    /// Trains on `texts`, which are read once and may be generated on the way.
    pub fn train<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) -> Result<TrainedBpe, BpeTrainError> {
        self.check()?;
        let words = self.count_words(texts);
        let mut merger = Merger::new(&words);
        let n_pieces = self.vocab_size - self.special_tokens.len();
        while merger.pieces.len() < n_pieces && merger.merge_best(self.min_pair_count) {}
        Ok(TrainedBpe {
            special_tokens: self.special_tokens.clone(),
            pre_tokenization: self.pre_tokenization,
            pieces: merger.pieces,
            merges: merger.merges,
        })
    }

    fn check(&self) -> Result<(), BpeTrainError> {
        let n_special = self.special_tokens.len();
        if self.vocab_size < n_special + 256 {
            return Err(BpeTrainError::TooSmall { found: self.vocab_size, n_special });
        }
        for (i, token) in self.special_tokens.iter().enumerate() {
            if token.is_empty() || self.special_tokens[..i].contains(token) {
                return Err(BpeTrainError::BadSpecial(token.clone()));
            }
        }
        Ok(())
    }

    /// Distinct words and how often each occurs, in an order that depends on the words alone.
    fn count_words<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) -> Vec<(String, u64)> {
        let specials = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&self.special_tokens)
            .expect("a few short strings");
        let splitter = WordSplitter::new(self.pre_tokenization);
        let mut counts: HashMap<String, u64> = HashMap::new();
        for text in texts {
            let text = text.as_ref();
            let mut from = 0;
            for hit in specials.find_iter(text) {
                splitter.count(&text[from..hit.start()], &mut counts);
                from = hit.end();
            }
            splitter.count(&text[from..], &mut counts);
        }
        let mut words: Vec<_> = counts.into_iter().collect();
        words.sort_unstable();
        words
    }
}

/// Cuts text into words with the very patterns that the written `tokenizer.json` names.
struct WordSplitter {
    patterns: Vec<SysRegex>,
}

impl WordSplitter {
    fn new(pre_tokenization: PreTokenization) -> Self {
        let sources: &[&str] = match pre_tokenization {
            PreTokenization::Gpt2 => &[GPT2_PATTERN],
            PreTokenization::SingleDigits => &SINGLE_DIGITS_PATTERNS,
        };
        Self { patterns: sources.iter().map(|source| SysRegex::new(source).expect("a constant pattern")).collect() }
    }

    fn count(&self, text: &str, counts: &mut HashMap<String, u64>) {
        self.split(text, 0, &mut |word| match counts.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(counts.insert(word.to_owned(), 1)),
        });
    }

    /// Splits by the pattern at `level`, and each part, matched or between matches, by the next ones.
    fn split(&self, text: &str, level: usize, emit: &mut impl FnMut(&str)) {
        if text.is_empty() {
            return;
        }
        let Some(pattern) = self.patterns.get(level) else {
            return emit(text);
        };
        let parts = pattern.find_matches(text).expect("a constant pattern");
        for ((start, end), _) in parts {
            self.split(&text[start..end], level + 1, emit);
        }
    }
}

/// A word as symbols, and how often it occurs.
struct Word {
    symbols: Vec<u32>,
    count: u64,
}

type Pair = (u32, u32);

/// The state of training: words cut by the merges so far, and pair counts that agree with them.
struct Merger {
    pieces: Vec<Arc<[u8]>>,
    piece_ids: HashMap<Arc<[u8]>, u32>,
    merges: Vec<Pair>,
    words: Vec<Word>,
    pair_counts: HashMap<Pair, u64>,
    /// Words in which a pair was ever seen; some no longer hold it.
    words_of_pair: HashMap<Pair, Vec<u32>>,
    /// Every pair with its count at the time of pushing, at least as high as now.
    heap: BinaryHeap<Candidate>,
}

/// A pair in the heap: greatest count first, then the greater byte strings.
#[derive(PartialEq, Eq)]
struct Candidate {
    count: u64,
    left: Arc<[u8]>,
    right: Arc<[u8]>,
    pair: Pair,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.count, &self.left, &self.right).cmp(&(other.count, &other.left, &other.right))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Merger {
    fn new(counted: &[(String, u64)]) -> Self {
        let pieces: Vec<Arc<[u8]>> = byte_order().iter().map(|&b| Arc::from([b])).collect();
        let mut id_of_byte = [0u32; 256];
        for (id, byte) in byte_order().into_iter().enumerate() {
            id_of_byte[byte as usize] = id as u32;
        }
        let words: Vec<Word> = counted
            .iter()
            .map(|(text, count)| Word {
                symbols: text.bytes().map(|b| id_of_byte[b as usize]).collect(),
                count: *count,
            })
            .collect();
        let mut merger = Self {
            piece_ids: pieces.iter().cloned().zip(0..).collect(),
            pieces,
            merges: Vec::new(),
            words,
            pair_counts: HashMap::new(),
            words_of_pair: HashMap::new(),
            heap: BinaryHeap::new(),
        };
        for word_idx in 0..merger.words.len() {
            merger.add_pairs(word_idx as u32, |_| true);
        }
        let pairs: Vec<Pair> = merger.pair_counts.keys().copied().collect();
        pairs.into_iter().for_each(|pair| merger.push_candidate(pair));
        merger
    }

    /// Merges the best pair everywhere; false when no pair occurs `min_count` times.
    fn merge_best(&mut self, min_count: u64) -> bool {
        let Some(pair) = self.pop_best(min_count.max(1)) else {
            return false;
        };
        let merged: Arc<[u8]> = [&self.pieces[pair.0 as usize][..], &self.pieces[pair.1 as usize]].concat().into();
        // Two ways of merging may spell the same bytes: one id, as in the Python libraries.
        let new_id = *self.piece_ids.entry(merged.clone()).or_insert_with(|| {
            self.pieces.push(merged);
            self.pieces.len() as u32 - 1
        });
        self.merges.push(pair);

        let mut word_indices = self.words_of_pair.remove(&pair).unwrap_or_default();
        word_indices.dedup();
        let mut touched = Vec::new();
        for word_idx in word_indices {
            let symbols = &self.words[word_idx as usize].symbols;
            if !symbols.windows(2).any(|w| (w[0], w[1]) == pair) {
                continue;
            }
            self.remove_pairs(word_idx);
            let word = &mut self.words[word_idx as usize];
            replace_pair(&mut word.symbols, pair, new_id);
            touched.extend(self.add_pairs(word_idx, |p| p.0 == new_id || p.1 == new_id));
        }
        touched.sort_unstable();
        touched.dedup();
        touched.into_iter().for_each(|pair| self.push_candidate(pair));
        true
    }

    /// The pair with the highest current count. Counts only fall between pushes, so an entry whose count
    /// is out of date goes back in with its true one.
    fn pop_best(&mut self, min_count: u64) -> Option<Pair> {
        while let Some(candidate) = self.heap.pop() {
            let count = self.pair_counts.get(&candidate.pair).copied().unwrap_or(0);
            if count == candidate.count {
                return (count >= min_count).then_some(candidate.pair);
            }
            if count > 0 && count < candidate.count {
                self.push_candidate(candidate.pair);
            }
        }
        None
    }

    fn push_candidate(&mut self, pair: Pair) {
        if let Some(&count) = self.pair_counts.get(&pair) {
            self.heap.push(Candidate {
                count,
                left: self.pieces[pair.0 as usize].clone(),
                right: self.pieces[pair.1 as usize].clone(),
                pair,
            });
        }
    }

    /// Counts a word's pairs; remembers the word for those that `is_new`, and returns them.
    fn add_pairs(&mut self, word_idx: u32, is_new: impl Fn(Pair) -> bool) -> Vec<Pair> {
        let word = &self.words[word_idx as usize];
        let mut new_pairs = Vec::new();
        for window in word.symbols.windows(2) {
            let pair = (window[0], window[1]);
            *self.pair_counts.entry(pair).or_insert(0) += word.count;
            if is_new(pair) {
                let words = self.words_of_pair.entry(pair).or_default();
                if words.last() != Some(&word_idx) {
                    words.push(word_idx);
                }
                new_pairs.push(pair);
            }
        }
        new_pairs
    }

    fn remove_pairs(&mut self, word_idx: u32) {
        let word = &self.words[word_idx as usize];
        for window in word.symbols.windows(2) {
            let pair = (window[0], window[1]);
            let count = self.pair_counts.get_mut(&pair).expect("counted when the word was added");
            *count -= word.count;
            if *count == 0 {
                self.pair_counts.remove(&pair);
            }
        }
    }
}

/// Replaces `pair` from left to right, in place.
fn replace_pair(symbols: &mut Vec<u32>, pair: Pair, new_id: u32) {
    let (mut read, mut write) = (0, 0);
    while read < symbols.len() {
        let is_pair = read + 1 < symbols.len() && (symbols[read], symbols[read + 1]) == pair;
        symbols[write] = if is_pair { new_id } else { symbols[read] };
        read += if is_pair { 2 } else { 1 };
        write += 1;
    }
    symbols.truncate(write);
}

/// Bytes in GPT-2's order: printable ones first.
fn byte_order() -> Vec<u8> {
    let chars = byte_chars();
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.sort_by_key(|&b| chars[b as usize]);
    bytes
}

impl TrainedBpe {
    /// Ids in all.
    pub fn vocab_size(&self) -> usize {
        self.special_tokens.len() + self.pieces.len()
    }

    /// Byte strings by id; special tokens are their own text.
    pub fn vocab(&self) -> impl Iterator<Item = &[u8]> {
        let specials = self.special_tokens.iter().map(|t| t.as_bytes());
        specials.chain(self.pieces.iter().map(|p| &p[..]))
    }

    /// Merges in the order they were learned.
    pub fn merges(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let piece = |id: u32| &self.pieces[id as usize][..];
        self.merges.iter().map(move |&(left, right)| (piece(left), piece(right)))
    }

    /// The contents of a `tokenizer.json`.
    pub fn tokenizer_json(&self) -> String {
        let chars = byte_chars();
        let spell = |bytes: &[u8]| -> String { bytes.iter().map(|&b| chars[b as usize]).collect() };
        let n_special = self.special_tokens.len();
        let mut vocab = Map::new();
        for (id, token) in self.special_tokens.iter().enumerate() {
            vocab.insert(token.clone(), json!(id));
        }
        for (i, piece) in self.pieces.iter().enumerate() {
            vocab.insert(spell(piece), json!(n_special + i));
        }
        let merges: Vec<Value> = self.merges().map(|(left, right)| json!([spell(left), spell(right)])).collect();
        let document = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": self.added_tokens(),
            "normalizer": null,
            "pre_tokenizer": pre_tokenizer_json(self.pre_tokenization),
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": false, "vocab": vocab, "merges": merges,
            },
        });
        serde_json::to_string_pretty(&document).expect("plain values")
    }

    fn added_tokens(&self) -> Vec<Value> {
        let entry = |(id, text): (usize, &String)| {
            // As in R1's file, the think tags are not flagged: decoding without specials shows them.
            let special = !matches!(text.as_str(), "<think>" | "</think>");
            json!({
                "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": special,
            })
        };
        self.special_tokens.iter().enumerate().map(entry).collect()
    }

    /// The contents of a `tokenizer_config.json` for `transformers`, with a chat template. The first
    /// special token begins a document and the second ends it.
    pub fn tokenizer_config_json(&self, chat_template: &str, max_positions: usize) -> String {
        let mut config = BTreeMap::from([
            ("tokenizer_class", json!("PreTrainedTokenizerFast")),
            ("clean_up_tokenization_spaces", json!(false)),
            ("add_bos_token", json!(false)),
            ("add_eos_token", json!(false)),
            ("model_max_length", json!(max_positions)),
            ("chat_template", json!(chat_template)),
        ]);
        for (name, i) in [("bos_token", 0), ("eos_token", 1), ("pad_token", 1)] {
            if let Some(token) = self.special_tokens.get(i) {
                config.insert(name, json!(token));
            }
        }
        serde_json::to_string_pretty(&config).expect("plain values")
    }

    /// The tokenizer itself, without a detour through a file.
    pub fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        let config = self.tokenizer_config_json("", 0);
        Tokenizer::from_bytes(self.tokenizer_json().as_bytes(), Some(config.as_bytes()))
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` into `dir`, which must exist.
    pub fn write_dir(&self, dir: &Path, chat_template: &str, max_positions: usize) -> io::Result<()> {
        fs::write(dir.join("tokenizer.json"), self.tokenizer_json())?;
        let config = self.tokenizer_config_json(chat_template, max_positions);
        fs::write(dir.join("tokenizer_config.json"), config)
    }
}

fn pre_tokenizer_json(pre_tokenization: PreTokenization) -> Value {
    match pre_tokenization {
        PreTokenization::Gpt2 => {
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true})
        }
        PreTokenization::SingleDigits => {
            let mut steps: Vec<Value> = SINGLE_DIGITS_PATTERNS
                .iter()
                .map(|pattern| {
                    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
                })
                .collect();
            steps.push(
                json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}),
            );
            json!({"type": "Sequence", "pretokenizers": steps})
        }
    }
}

#[cfg(test)]
mod tests;
