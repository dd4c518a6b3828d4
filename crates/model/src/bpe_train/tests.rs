use super::*;

fn plain(vocab_size: usize) -> BpeTrainer {
    BpeTrainer { vocab_size, special_tokens: vec![], pre_tokenization: PreTokenization::Gpt2, min_pair_count: 1 }
}

fn merges(trained: &TrainedBpe) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    trained.merges().map(|(left, right)| (text(left), text(right))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

#[test]
fn merges_follow_counts_then_the_greater_bytes() {
    // "ab" twice, "xy" twice (greater), "cd" once.
    let trained = plain(260).train(["ab xy", "ab,xy,cd"]).unwrap();
    assert_eq!(merges(&trained)[..2], pairs(&[("x", "y"), ("a", "b")]));
}

#[test]
fn overlapping_pairs_merge_from_the_left() {
    let trained = plain(258).train(["aaaaa"]).unwrap();
    assert_eq!(merges(&trained), pairs(&[("a", "a"), ("aa", "aa")]));
    let tokenizer = trained.tokenizer().unwrap();
    assert_eq!(tokenizer.encode("aaaaa").len(), 2);
}

#[test]
fn counts_kept_up_to_date_agree_with_counting_anew() {
    let words = ["banana", "bandana", "ananas", "band", "nan", "aaab", "abab", "ababab", "bbaabb"];
    let text: String = (0..200).map(|i| words[i * i % 9].to_owned() + " ").collect();
    let trained = plain(256 + 40).train([&text]).unwrap();
    assert_eq!(merges(&trained), merges_by_counting_anew(&text, 40));
}

/// The definition, word for word: count all pairs, merge the best, start again.
fn merges_by_counting_anew(text: &str, n_merges: usize) -> Vec<(String, String)> {
    let mut words: Vec<Vec<String>> = text
        .split_inclusive(' ')
        .scan("", |space, word| {
            let whole = format!("{space}{}", word.trim_end());
            *space = " ";
            Some(whole.chars().map(String::from).collect())
        })
        .collect();
    let mut merges = Vec::new();
    while merges.len() < n_merges {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for pair in words.iter().flat_map(|word| word.windows(2)) {
            *counts.entry((pair[0].clone(), pair[1].clone())).or_default() += 1;
        }
        let Some((best, _)) = counts.into_iter().max_by_key(|(pair, count)| (*count, pair.clone())) else {
            break;
        };
        for word in &mut words {
            let mut i = 0;
            while i + 1 < word.len() {
                if (&word[i], &word[i + 1]) == (&best.0, &best.1) {
                    let right = word.remove(i + 1);
                    word[i] += &right;
                }
                i += 1;
            }
        }
        merges.push(best);
    }
    merges
}

#[test]
fn the_order_and_cutting_of_texts_do_not_matter() {
    let texts = ["the cat sat\n", "on the mat\n", "the end\n", "12 + 34 = 46\n"];
    let forward = BpeTrainer::penseur(300).train(texts).unwrap();
    let backward = BpeTrainer::penseur(300).train(texts.iter().rev()).unwrap();
    assert_eq!(forward.tokenizer_json(), backward.tokenizer_json());
}

#[test]
fn our_ids_are_specials_then_bytes_then_merges() {
    let trained = BpeTrainer::penseur(274).train(["the the the then"]).unwrap();
    assert_eq!(trained.vocab_size(), 274);
    let tokenizer = trained.tokenizer().unwrap();
    assert_eq!(tokenizer.vocab_size(), 274);
    for (id, name) in SPECIAL_TOKENS.into_iter().enumerate() {
        assert_eq!(tokenizer.token_id(name), Some(id as u32));
        assert!(tokenizer.is_control_id(id as u32));
    }
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(0), Some(1)));
    assert_eq!((tokenizer.think_start_id(), tokenizer.think_end_id()), (Some(4), Some(5)));
    let bytes: std::collections::BTreeSet<&[u8]> = (16..272).map(|id| tokenizer.token_bytes(id).unwrap()).collect();
    assert_eq!(bytes.len(), 256);
    assert!(bytes.iter().all(|b| b.len() == 1));
    assert_eq!(tokenizer.encode("the"), [273]);
}

#[test]
fn digits_stand_alone() {
    let text = "347 + 588 = 935, 347 + 588 = 935. ";
    let tokenizer = BpeTrainer::penseur(290).train([text.repeat(9)]).unwrap().tokenizer().unwrap();
    let ids = tokenizer.encode(" 347");
    let pieces: Vec<&[u8]> = ids.iter().map(|&id| tokenizer.token_bytes(id).unwrap()).collect();
    assert_eq!(pieces, [b" ", b"3", b"4", b"7"]);
}

#[test]
fn special_tokens_in_the_texts_are_not_learned() {
    let text = "<think>x</think>".repeat(50);
    let trained = BpeTrainer::penseur(400).train([text]).unwrap();
    assert_eq!(trained.vocab_size(), 272);
}

#[test]
fn two_ways_to_the_same_bytes_share_one_id() {
    let texts = ["abc ".repeat(9), "zab ".repeat(20), "ybc ".repeat(30), "bca ".repeat(25)].concat();
    let trained = plain(256 + 60).train([texts]).unwrap();
    let vocab: Vec<&[u8]> = trained.vocab().collect();
    let distinct: std::collections::BTreeSet<&[u8]> = vocab.iter().copied().collect();
    assert_eq!(vocab.len(), distinct.len());
    trained.tokenizer().unwrap();
}

#[test]
fn impossible_settings_are_refused() {
    let error = BpeTrainer::penseur(271).train(["x"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a vocabulary of 271 cannot hold the 16 special tokens and 256 bytes: expected at least 272"
    );
    let mut twice = plain(400);
    twice.special_tokens = vec!["<a>".into(), "<a>".into()];
    assert!(matches!(twice.train(["x"]), Err(BpeTrainError::BadSpecial(_))));
}
