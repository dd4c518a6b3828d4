use serde_json::json;

use super::*;
use crate::bpe_train::BpeTrainer;

fn ours() -> Tokenizer {
    let text = "What is 347 + 588? The sum is 935. Größe, naïve, 你好 🦙. ".repeat(3);
    BpeTrainer::penseur(340).train([text]).unwrap().tokenizer().unwrap()
}

/// A vocabulary in Llama 2's manner: `▁` for spaces, bytes spelled `<0xNN>`, and any decoder.
fn metaspace() -> Tokenizer {
    let mut vocab = serde_json::Map::new();
    for token in ["<unk>", "<s>", "</s>"] {
        vocab.insert(token.into(), json!(vocab.len()));
    }
    for byte in 0..=255u8 {
        vocab.insert(format!("<0x{byte:02X}>"), json!(vocab.len()));
    }
    for piece in ["▁", "a", "b", "▁a"] {
        vocab.insert(piece.into(), json!(vocab.len()));
    }
    let special = |id: u32, text: &str| {
        json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocab, "merges": [["▁", "a"]]},
    });
    Tokenizer::from_bytes(json.to_string().as_bytes(), None).unwrap()
}

fn stream_all(tokenizer: &Tokenizer, ids: &[u32], skip_special: bool) -> Vec<String> {
    let mut stream = DecodeStream::new(skip_special);
    let mut parts: Vec<String> = ids.iter().map(|&id| stream.push(tokenizer, id)).collect();
    parts.push(stream.finish(tokenizer));
    parts
}

const TEXTS: [&str; 9] = [
    "",
    " ",
    "What is 347 + 588?",
    "Größe naïve e\u{301}",
    "你好, 世界 🦙👩‍👩‍👧",
    "tabs\tand\r\n\r\nlines\n",
    "<think>not a token</think>",
    "<｜User｜><｜end▁of▁sentence｜>",
    "\u{0}\u{7f}\u{fffd}\u{10ffff}",
];

#[test]
fn every_text_comes_back() {
    let tokenizer = ours();
    for text in TEXTS {
        for ids in [tokenizer.encode(text), tokenizer.encode_with_special(text)] {
            assert_eq!(tokenizer.decode(&ids, false), text);
            assert_eq!(stream_all(&tokenizer, &ids, false).concat(), text);
        }
    }
}

#[test]
fn plain_encoding_never_gives_control_tokens() {
    let tokenizer = ours();
    let text = SPECIAL_TOKENS.concat();
    assert!(tokenizer.encode(&text).iter().all(|&id| id >= 16));
    assert_eq!(tokenizer.encode_with_special(&text), (0..16).collect::<Vec<u32>>());
}

#[test]
fn our_pipeline_agrees_with_the_library_where_it_parses_control_tokens() {
    for tokenizer in [ours(), metaspace()] {
        for text in TEXTS.into_iter().chain(["a<s> b</s>a a", "<think>a b</think>\n\n12 a"]) {
            let library = tokenizer.inner.encode(text, false).unwrap();
            assert_eq!(tokenizer.encode_with_special(text), library.get_ids(), "{text:?}");
        }
    }
}

#[test]
fn guards_break_control_tokens_and_vanish() {
    let tokenizer = ours();
    let guarded = "<think>a <\u{FDD0}/think> b\u{FDD0}</think>";
    let mut expected = vec![4];
    expected.extend(tokenizer.encode("a </think> b"));
    expected.push(5);
    assert_eq!(tokenizer.encode_guarded(guarded, '\u{FDD0}'), expected);
}

#[test]
fn a_character_of_many_tokens_appears_whole() {
    // No merges: every byte is a token.
    let tokenizer = BpeTrainer::penseur(272).train([""; 0]).unwrap().tokenizer().unwrap();
    let ids = tokenizer.encode("é🦙x");
    assert_eq!(ids.len(), 7);
    assert_eq!(stream_all(&tokenizer, &ids, false), ["", "é", "", "", "", "🦙", "x", ""]);
    let cut = &ids[..5];
    assert_eq!(stream_all(&tokenizer, cut, false).concat(), tokenizer.decode(cut, false));
}

#[test]
fn a_stream_equals_decoding_for_any_ids() {
    for tokenizer in [ours(), metaspace()] {
        let n = tokenizer.vocab_size() as u64;
        let mut state = 1u64;
        for _ in 0..300 {
            let ids: Vec<u32> = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((state >> 33) % n) as u32
                })
                .collect();
            for skip_special in [false, true] {
                let streamed = stream_all(&tokenizer, &ids, skip_special).concat();
                assert_eq!(streamed, tokenizer.decode(&ids, skip_special), "{ids:?}");
            }
        }
    }
}

#[test]
fn decoding_agrees_with_the_library() {
    let tokenizer = ours();
    for text in TEXTS {
        let ids = tokenizer.encode_with_special(text);
        for skip in [false, true] {
            assert_eq!(tokenizer.decode(&ids, skip), tokenizer.inner.decode(&ids, skip).unwrap());
        }
    }
}

#[test]
fn ids_outside_the_vocabulary_show() {
    assert_eq!(ours().decode(&[4000], false), "\u{FFFD}");
    assert_eq!(ours().token_bytes(4000), None);
}

#[test]
fn the_configuration_names_the_special_tokens() {
    let json = ours().json().to_owned();
    let config = br#"{"bos_token": {"content": "<think>"}, "eos_token": "</think>"}"#;
    let tokenizer = Tokenizer::from_bytes(json.as_bytes(), Some(config)).unwrap();
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(4), Some(5)));
    assert_eq!((tokenizer.bos_token(), tokenizer.eos_token()), ("<think>", "</think>"));
    assert_eq!(tokenizer.eos_ids(), [5]);
}

#[test]
fn ordinary_added_tokens_match_in_every_text() {
    let mut json: Value = serde_json::from_str(ours().json()).unwrap();
    let spaces = ours().vocab_size() as u32;
    json["added_tokens"].as_array_mut().unwrap().push(json!({"id": spaces, "content": "    ",
        "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}));
    let tokenizer = Tokenizer::from_bytes(json.to_string().as_bytes(), None).unwrap();
    assert_eq!(tokenizer.vocab_size() as u32, spaces + 1);
    let text = "a    <think>    ";
    let expected = [&tokenizer.encode("a")[..], &[spaces, 4, spaces]].concat();
    assert_eq!(tokenizer.encode_with_special(text), expected);
    assert_eq!(tokenizer.encode("    "), [spaces]);
}

#[test]
fn missing_and_broken_files_say_what_was_expected() {
    let dir = std::env::temp_dir().join(format!("penseur-tokenizer-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let error = Tokenizer::from_dir(&dir).unwrap_err();
    assert!(error.to_string().contains("has no tokenizer.json: expected a model directory"), "{error}");
    fs::write(dir.join("tokenizer.json"), "{\"model\": 1").unwrap();
    let error = Tokenizer::from_dir(&dir).unwrap_err();
    assert!(error.to_string().contains("tokenizer.json is not a usable tokenizer file"), "{error}");
    fs::remove_dir_all(dir).unwrap();
    let truncated = &ours().json().as_bytes()[..4000].to_vec();
    assert!(Tokenizer::from_bytes(truncated, None).is_err());
    assert!(Tokenizer::from_bytes(b"\xff", None).is_err());
}

/// As `transformers` has it: the flag, or else what the tokenizer's own file puts before a text.
#[test]
fn what_a_text_begins_with_is_the_files_affair() {
    let mut file: serde_json::Value = serde_json::from_str(metaspace().json()).unwrap();
    let with = |file: &serde_json::Value, config: serde_json::Value| {
        Tokenizer::from_bytes(file.to_string().as_bytes(), Some(config.to_string().as_bytes())).unwrap().adds_bos()
    };
    assert!(!with(&file, json!({})) && with(&file, json!({"add_bos_token": true})));
    let begins = json!({"SpecialToken": {"id": "<s>", "type_id": 0}});
    file["post_processor"] = json!({
        "type": "TemplateProcessing", "single": [begins, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [begins],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    });
    assert!(with(&file, json!({})) && !with(&file, json!({"add_bos_token": false})));
    assert!(!ours().adds_bos(), "our own say so in their configuration");
}
