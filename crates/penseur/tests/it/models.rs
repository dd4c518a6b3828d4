//! Commands on a tiny random model, trained on nothing; and what the bundled one says to the questions of its card.

use std::path::Path;

use model::bpe_train::BpeTrainer;
use model::chat_template::PENSEUR_TEMPLATE;
use model::checkpoint::{Contents, write};
use model::names::all_tensor_parts;
use model::presets::Dial;
use model::source::Source;
use model::weights::{OutTensor, OutValues, StoredType};
use model::{Config, Model, ModelOptions};
use tensor::{Device, Precision};

use crate::{json, penseur, penseur_with_stdin, scratch, stderr, stdout, succeed};

/// A checkpoint of two layers with a byte tokenizer and random weights.
fn tiny_model(name: &str) -> String {
    let dir = scratch(name).join("tiny");
    let trained = BpeTrainer::penseur(272).train(["x"]).unwrap();
    let dial =
        Dial { depth: 2, vocab_size: 272, max_position_embeddings: 256, experts: false, tie_word_embeddings: true };
    let config = Config::DeepseekV3(dial.deepseek_v3());
    let options = ModelOptions { device: Device::cpu(), precision: Precision::F32, trainable: false, n_positions: 256 };
    let mut model = Model::new(config.clone(), &options);
    model.initialize(7);
    let params = model.params();
    let tensors = all_tensor_parts(params)
        .into_iter()
        .map(|(id, part)| {
            let n: usize = part.shape.iter().product();
            let values = OutValues::F32(&params.value(id).slice::<f32>()[part.offset..part.offset + n]);
            OutTensor { name: part.name, shape: part.shape, values, stored: StoredType::F32 }
        })
        .collect();
    let files = vec![
        ("tokenizer.json".to_owned(), trained.tokenizer_json().into_bytes()),
        ("tokenizer_config.json".to_owned(), trained.tokenizer_config_json(PENSEUR_TEMPLATE, 256).into_bytes()),
    ];
    write(&dir, &Contents { config: &config, tensors, files, record: None, states: vec![] }).unwrap();
    dir.to_str().unwrap().to_owned()
}

#[test]
fn generate_prints_one_json_value_and_repeats_itself() {
    let dir = tiny_model("generate");
    let args = ["generate", "-m", &dir, "-p", "1+1?", "--max-tokens", "24", "-n", "2", "--seed", "5", "--json"];
    let first = json(&args);
    let second = json(&args);
    assert_eq!(first["completions"], second["completions"]);
    let completions = first["completions"].as_array().unwrap();
    assert_eq!(completions.len(), 2);
    assert_ne!(completions[0]["token_ids"], completions[1]["token_ids"]);
    for completion in completions {
        assert_eq!(completion["finish_reason"], "length");
        assert_eq!(completion["thinking_stop_reason"], "length");
        assert_eq!(completion["tokens"], 24);
    }
    // <bos><User>1+1?<Assistant><think>\n in single bytes.
    assert_eq!(first["prompt_tokens"], 9);
    assert!(first["timings"]["decode_tok_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn thinking_can_be_bounded_and_left_out() {
    let dir = tiny_model("budget");
    let common = ["generate", "-m", &dir, "-p", "x", "--max-tokens", "30", "--json"];
    let bounded = json(&[&common[..], &["--think-budget", "4"]].concat());
    assert_eq!(bounded["completions"][0]["thinking_stop_reason"], "budget");
    let without = json(&[&common[..], &["--think", "off"]].concat());
    assert_eq!(without["completions"][0]["reasoning"], serde_json::Value::Null);
    // <bos><User>x<Assistant><think>\n\n</think>\n\n in single bytes.
    assert_eq!(without["prompt_tokens"], 10);
}

#[test]
fn thinking_that_nobody_opened_is_divided_at_its_end() {
    let dir = tiny_model("late");
    let close = json(&["tokenize", "-m", &dir, "--special", "--text", "</think>", "--json"]);
    let grammar = format!("start: \"ab\" <{}> \"cd\"", close["tokens"]);
    let late = ["generate", "-m", &dir, "-p", "x", "--think", "off", "--grammar", &grammar];
    let answer = json(&[&late[..], &["--json"]].concat());
    let completion = &answer["completions"][0];
    assert_eq!((&completion["reasoning"], &completion["content"]), (&"ab".into(), &"cd".into()));
    assert_eq!(completion["thinking_stop_reason"], "natural");
    assert_eq!(succeed(&late), "abcd\n", "what is shown as it comes was shown before");
}

#[test]
fn raw_text_is_continued_as_it_stands() {
    let dir = tiny_model("raw");
    let answer = json(&["generate", "-m", &dir, "--raw", "-p", "abc", "--max-tokens", "3", "--json"]);
    assert_eq!(answer["prompt_tokens"], 3, "its tokenizer puts nothing before a text");
    let streamed = succeed(&["generate", "-m", &dir, "--raw", "-p", "abc", "--max-tokens", "3"]);
    assert_eq!(streamed, format!("{}\n", answer["completions"][0]["content"].as_str().unwrap()));
}

#[test]
fn logprobs_are_a_distribution() {
    let dir = tiny_model("logprobs");
    let all = json(&["logprobs", "-m", &dir, "--tokens", "0,20,30", "--top", "272", "--json"]);
    assert_eq!(all["tokens"], serde_json::json!([0, 20, 30]));
    assert!(all["logprobs"][0].is_null() && all["top"][0].is_null());
    for place in 1..3 {
        let top = all["top"][place].as_array().unwrap();
        let mass: f64 = top.iter().map(|pair| pair[1].as_f64().unwrap().exp()).sum();
        assert!((mass - 1.0).abs() < 1e-6, "{mass}");
        let own = top.iter().find(|pair| pair[0] == all["tokens"][place]).unwrap();
        assert_eq!(own[1], all["logprobs"][place]);
    }
    let output = penseur(&["logprobs", "-m", &dir, "--tokens", "0,999", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("token id 999 is outside the vocabulary of 272"));
}

#[test]
fn inspect_counts() {
    let dir = tiny_model("inspect");
    let report = json(&["inspect", &dir, "--json"]);
    assert_eq!((&report["name"], &report["vocab_size"], &report["fits"]), (&"tiny".into(), &272.into(), &true.into()));
    assert!(succeed(&["inspect", &dir]).contains("fits this machine"));
    let r1 = json(&["inspect", "deepseek-r1", "--json"]);
    assert_eq!(r1["params_total"], 671_026_419_200u64);
}

#[test]
fn chat_goes_on_line_by_line() {
    let dir = tiny_model("chat");
    let lines = "/think off\nhello\n/nonsense\n/new\nagain\n/quit\nnot read\n";
    let args = ["chat", "-m", &dir, "--max-tokens", "5", "--seed", "1"];
    let output = penseur_with_stdin(&args, lines);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    for expected in ["Answering at once.", "/nonsense is no command", "A new conversation."] {
        assert!(said.contains(expected), "{expected:?} is not in {said:?}");
    }
    assert_eq!(stdout(&output), stdout(&penseur_with_stdin(&args, lines)));
}

#[test]
fn damaged_weights_fail_with_a_reason() {
    let dir = tiny_model("damaged");
    let path = Path::new(&dir).join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let output = penseur(&["generate", "-m", &dir, "-p", "x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("truncated"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
}

/// A newcomer's first questions are those that the bundled model's card suggests.
#[test]
fn what_the_card_suggests_is_answered_right() {
    let answers = [
        ("What is 347 + 588?", "935"),
        ("47 * 86 =", "4042"),
        ("A box holds 12 pencils. How many pencils are in 7 boxes?", "84"),
        ("Solve 3x + 7 = 22", "x = 5"),
        ("What day of the week is 4 days after Tuesday?", "Saturday"),
        ("What is 17 mod 5?", "2"),
    ];
    let card = Source::resolve("mini").expect("bundled").card().expect("a card");
    assert_eq!(card.examples, answers.map(|(question, _)| question));
    for (question, answer) in answers {
        let said = json(&["generate", "-p", question, "--json"]);
        let content = said["completions"][0]["content"].as_str().expect("an answer").trim_end_matches('.');
        assert!(format!(" {content} ").contains(&format!(" {answer} ")), "{question}: {content}");
    }
}
