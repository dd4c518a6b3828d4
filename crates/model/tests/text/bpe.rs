//! A byte-level BPE trainer must produce exactly this vocabulary and these merges.

use std::collections::BTreeMap;

use model::bpe_train::{BpeTrainer, PreTokenization};
use serde_json::Value;

use crate::{read, third_party};

#[test]
fn the_reference_vocabulary_is_reproduced() {
    let dir = third_party("bpe_training");
    let trainer = BpeTrainer {
        vocab_size: 500,
        special_tokens: vec!["<|endoftext|>".into()],
        pre_tokenization: PreTokenization::Gpt2,
        min_pair_count: 1,
    };
    let trained = trainer.train([read(&dir.join("corpus.en"))]).unwrap();
    let written: Value = serde_json::from_str(&trained.tokenizer_json()).unwrap();

    let vocab: BTreeMap<String, u32> = serde_json::from_value(written["model"]["vocab"].clone()).unwrap();
    let reference = read(&dir.join("train-bpe-reference-vocab.json"));
    let reference: BTreeMap<String, u32> = serde_json::from_str(&reference).unwrap();
    let merges: Vec<(String, String)> = serde_json::from_value(written["model"]["merges"].clone()).unwrap();
    let merges: Vec<String> = merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
    let reference_merges = read(&dir.join("train-bpe-reference-merges.txt"));
    assert_eq!(merges, reference_merges.lines().collect::<Vec<_>>());
    assert_eq!(vocab, reference);
}
