//! Published files, as their makers wrote them, and what they must come to.

use serde_json::{Value, json};

use super::*;
use crate::count::count_params;

fn billions(config: &Config) -> (f64, f64) {
    let counts = count_params(config);
    (counts.total() as f64 / 1e9, counts.active() as f64 / 1e9)
}

/// Published totals and active parameters, in billions, within 1%.
#[test]
fn published_files_have_the_published_parameters() {
    let scout = json!({"model_type": "llama4_text", "hidden_size": 5120, "intermediate_size": 8192,
        "intermediate_size_mlp": 16384, "num_hidden_layers": 48, "num_local_experts": 16, "num_experts_per_tok": 1,
        "interleave_moe_layer_step": 1});
    let arctic = json!({"model_type": "arctic", "hidden_size": 7168, "intermediate_size": 4864, "num_hidden_layers": 35,
        "num_attention_heads": 56, "num_key_value_heads": 8, "num_local_experts": 128, "num_experts_per_tok": 2,
        "moe_layer_frequency": 1, "use_residual": true, "vocab_size": 32000});
    let cases: [(Value, f64, f64); 12] = [
        // Falcon 7B: one head of keys for all, whatever num_kv_heads says.
        (
            json!({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
                "num_kv_heads": 71, "multi_query": true, "new_decoder_architecture": false, "vocab_size": 65024}),
            6.92,
            6.92,
        ),
        (
            json!({"model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128,
                "num_kv_heads": 8, "multi_query": true, "new_decoder_architecture": true, "vocab_size": 65024}),
            41.3,
            41.3,
        ),
        // BLOOM 560M's width is `n_embed`.
        (
            json!({"model_type": "bloom", "n_embed": 1024, "hidden_size": 64, "n_layer": 24, "n_head": 16,
                "vocab_size": 250880}),
            0.559,
            0.559,
        ),
        (
            json!({"model_type": "exaone", "hidden_size": 4096, "intermediate_size": 14336, "num_layers": 32,
                "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 102400,
                "tie_word_embeddings": false}),
            7.82,
            7.82,
        ),
        // Neither says that its head is its embedding.
        (
            json!({"model_type": "smollm3", "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
                "num_attention_heads": 16, "num_key_value_heads": 4, "vocab_size": 128256}),
            3.08,
            3.08,
        ),
        (
            json!({"model_type": "starcoder2", "hidden_size": 3072, "intermediate_size": 12288, "num_hidden_layers": 30,
                "num_attention_heads": 24, "num_key_value_heads": 2, "vocab_size": 49152}),
            3.03,
            3.03,
        ),
        (
            json!({"model_type": "gpt_bigcode", "n_embd": 6144, "n_layer": 40, "n_head": 48, "n_inner": 24576,
                "multi_query": true, "vocab_size": 49152, "n_positions": 8192}),
            15.5,
            15.5,
        ),
        (
            json!({"model_type": "dbrx", "d_model": 6144, "n_layers": 40, "n_heads": 48, "max_seq_len": 32768,
                "vocab_size": 100352, "tie_word_embeddings": false, "attn_config": {"kv_n_heads": 8},
                "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4}}),
            131.6,
            36.5,
        ),
        (arctic, 479.0, 17.3),
        (json!({"model_type": "llama4", "text_config": scout}), 107.8, 17.2),
        (
            json!({"model_type": "gemma3", "text_config": {"hidden_size": 5376, "intermediate_size": 21504,
                "num_hidden_layers": 62, "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
                "model_type": "gemma3_text", "sliding_window": 1024}}),
            27.0,
            27.0,
        ),
        (
            json!({"model_type": "mistral3", "text_config": {"model_type": "mistral", "hidden_size": 5120,
                "intermediate_size": 32768, "num_hidden_layers": 40, "num_attention_heads": 32,
                "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072}}),
            23.6,
            23.6,
        ),
    ];
    for (file, total, active) in cases {
        let found = billions(&Config::from_json(&file.to_string()).unwrap());
        let near = |found: f64, published: f64| (found / published - 1.0).abs() < 0.01;
        assert!(near(found.0, total) && near(found.1, active), "{file}: {found:?}");
    }
}

/// A key that changes the count is read, or refused by its name: never left alone.
#[test]
fn keys_that_change_the_count_are_read_or_refused() {
    let moe = json!({"model_type": "qwen3_moe", "hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
        "vocab_size": 256});
    let mpt = json!({"model_type": "mpt", "d_model": 64, "n_layers": 2, "n_heads": 8, "vocab_size": 256});
    let with = |base: &Value, key: &str, value: Value| {
        let mut file = base.clone();
        file[key] = value;
        Config::from_json(&file.to_string())
    };
    let n = |base: &Value, key: &str, value: Value| count_params(&with(base, key, value).unwrap()).total();
    // A dense layer has 3 x 64 x 256 values, one with experts 8 x (3 x 64 x 32 + 64).
    let all = n(&moe, "decoder_sparse_step", json!(1));
    assert_eq!(n(&moe, "mlp_only_layers", json!([0])), all + 3 * 64 * 256 - 8 * (3 * 64 * 32 + 64));
    assert_eq!(n(&moe, "mlp_only_layers", json!([])), all);
    assert_eq!(n(&moe, "moe_layer_freq", json!([0, 1, 1, 1])), n(&moe, "first_k_dense_replace", json!(1)));
    for (key, value) in [
        ("decoder_sparse_step", json!(2)),
        ("mlp_only_layers", json!([2])),
        ("interleave_moe_layer_step", json!(2)),
        ("moe_layer_freq", json!([0, 1, 0, 1])),
    ] {
        let error = with(&moe, key, value).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
    // Two matrices of 64 x 256 become two of 64 x 128; keys and values of 8 heads become those of 2.
    let plain = n(&mpt, "max_seq_len", json!(2048));
    assert_eq!(n(&mpt, "expansion_ratio", json!(2)), plain - 2 * 2 * 64 * 128);
    assert_eq!(n(&mpt, "attn_config", json!({"kv_n_heads": 2})), plain - 2 * 2 * 64 * 48);
    assert_eq!(n(&mpt, "ffn_config", json!({"ffn_type": "mptglu"})), plain + 2 * 64 * 256);
}

/// What only running a model cares about keeps nobody from counting it, and still keeps everybody from running it.
#[test]
fn counting_refuses_less_than_running() {
    let llama = json!({"model_type": "llama", "vocab_size": 256, "hidden_size": 64, "intermediate_size": 112,
        "num_hidden_layers": 2, "num_attention_heads": 8, "max_position_embeddings": 256});
    let v3 = json!({"model_type": "deepseek_v3", "vocab_size": 256, "hidden_size": 64, "intermediate_size": 96,
        "moe_intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "n_routed_experts": 16,
        "n_shared_experts": 1, "num_experts_per_tok": 4, "n_group": 4, "topk_group": 2, "first_k_dense_replace": 1,
        "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16});
    for (base, key, value) in [
        (&llama, "hidden_act", json!("gelu")),
        (&llama, "mlp_bias", json!(true)),
        (&llama, "rope_scaling", json!({"rope_type": "longrope", "factor": 2.0})),
        (&llama, "partial_rotary_factor", json!(0.5)),
        (&llama, "hidden_size", json!(64.0)),
        (&v3, "scoring_func", json!("softmax")),
    ] {
        let plain = count_params(&Config::from_json(&base.to_string()).unwrap());
        let mut file = base.clone();
        file[key] = value;
        let text = file.to_string();
        assert!(Config::from_json(&text).unwrap_err().to_string().contains(key.split('.').next().unwrap()), "{text}");
        assert_eq!(count_params(&Config::to_count(&text).unwrap()), plain, "{text}");
    }
    let windows = json!({"use_sliding_window": true, "sliding_window": 64, "max_window_layers": 1});
    let mut qwen = llama.clone();
    qwen["model_type"] = json!("qwen2");
    let plain = count_params(&Config::from_json(&qwen.to_string()).unwrap());
    for (key, value) in windows.as_object().unwrap() {
        qwen[key] = value.clone();
    }
    assert_eq!(count_params(&Config::to_count(&qwen.to_string()).unwrap()), plain);
    for (key, value) in [("hidden_size", json!(0)), ("num_attention_heads", json!(7)), ("model_type", json!("mamba2"))]
    {
        let mut file = llama.clone();
        file[key] = value;
        assert!(Config::to_count(&file.to_string()).is_err(), "{file}");
    }
}
