//! The dial makes sound models at every depth; published configurations read.

use super::*;
use crate::count::count_params;

fn dial(depth: usize, experts: bool) -> Dial {
    Dial { depth, vocab_size: 4096, max_position_embeddings: 512, experts, tie_word_embeddings: true }
}

#[test]
fn the_dial_is_sound_at_every_depth() {
    for experts in [false, true] {
        let mut last = 0;
        for depth in 1..=64 {
            let config = Config::DeepseekV3(dial(depth, experts).deepseek_v3());
            config.validate().unwrap_or_else(|e| panic!("depth {depth}: {e}"));
            assert_eq!(Config::from_json(&config.to_json()).unwrap(), config);
            let n = count_params(&config).total();
            assert!(n > last, "deeper is larger");
            last = n;
        }
    }
    for model_type in [DenseModelType::Llama, DenseModelType::Qwen2, DenseModelType::Qwen3] {
        for depth in 1..=64 {
            let config = Config::Dense(dial(depth, false).dense(model_type));
            config.validate().unwrap_or_else(|e| panic!("depth {depth}: {e}"));
            assert_eq!(Config::from_json(&config.to_json()).unwrap(), config);
        }
    }
}

#[test]
fn published_models_read_and_near_names_are_offered() {
    for name in names() {
        let config = published(&name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(Config::from_json(&config.to_json()).unwrap(), config, "{name}");
    }
    let error = published("deepsek-r1").unwrap_err().to_string();
    assert!(error.contains("\"deepseek-r1\""), "{error}");
}
