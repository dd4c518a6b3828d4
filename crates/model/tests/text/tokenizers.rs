//! Published vocabularies: the ids that other programs give, and decoding back.

use std::path::Path;

use model::tokenizer::{DecodeStream, Tokenizer};

use crate::{extra, read_gz, read_jsonl, third_party};

/// Checks `{text, ids}` lines: ids, decoding, and decoding one id at a time.
fn check(tokenizer: &Path, vectors: &Path) {
    let tokenizer = Tokenizer::from_bytes(&read_gz(tokenizer), None).unwrap();
    for (i, vector) in read_jsonl(vectors).iter().enumerate() {
        let text = vector["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(vector["ids"].clone()).unwrap();
        let place = format!("{}:{}", vectors.display(), i + 1);
        assert_eq!(tokenizer.encode(text), expected, "{place}");
        assert_eq!(tokenizer.encode_with_special(text), expected, "{place}");
        assert_eq!(tokenizer.decode(&expected, false), text, "{place}");
        let mut stream = DecodeStream::new(false);
        let mut streamed: String = expected.iter().map(|&id| stream.push(&tokenizer, id)).collect();
        streamed += &stream.finish(&tokenizer);
        assert_eq!(streamed, text, "{place}");
    }
}

#[test]
fn deepseek_v3_gives_the_reference_ids() {
    let dir = third_party("deepseek_v3");
    check(&dir.join("tokenizer.json.gz"), &dir.join("vectors.jsonl"));
}

#[test]
fn deepseek_v3_control_tokens_need_permission() {
    let json = read_gz(&third_party("deepseek_v3").join("tokenizer.json.gz"));
    let tokenizer = Tokenizer::from_bytes(&json, None).unwrap();
    assert_eq!(tokenizer.vocab_size(), 128_815);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(0), Some(1)));
    assert_eq!((tokenizer.think_start_id(), tokenizer.think_end_id()), (Some(128_798), Some(128_799)));
    let text = "a<｜User｜>b</think><｜end▁of▁sentence｜>";
    let with = tokenizer.encode_with_special(text);
    assert_eq!(with.iter().filter(|&&id| tokenizer.is_control_id(id)).count(), 3);
    let without = tokenizer.encode(text);
    assert!(!without.iter().any(|&id| tokenizer.is_control_id(id)));
    assert_eq!(tokenizer.decode(&without, true), text);
    assert_eq!(tokenizer.decode(&with, true), "a<｜User｜>b</think>");
}

#[test]
fn more_published_vocabularies_give_the_reference_ids() {
    let Some(dir) = extra("tokenizers") else {
        return;
    };
    for (tokenizer, vectors) in [
        ("llama3/tokenizer.json.gz", "ggml_llama-bpe.jsonl"),
        ("qwen2/tokenizer_qwen2.5.json.gz", "ggml_qwen2.jsonl"),
        ("qwen2/tokenizer_r1_distill_qwen.json.gz", "ggml_deepseek-r1-qwen.jsonl"),
    ] {
        check(&dir.join(tokenizer), &dir.join("vectors").join(vectors));
    }
}
