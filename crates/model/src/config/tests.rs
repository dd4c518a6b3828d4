//! Reading, refusing and writing `config.json`.

use super::*;
use serde_json::json;

fn v3() -> Value {
    json!({
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 256, "hidden_size": 64,
        "intermediate_size": 96, "moe_intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 4, "n_routed_experts": 16, "n_shared_experts": 1, "num_experts_per_tok": 4,
        "n_group": 4, "topk_group": 2, "routed_scaling_factor": 2.5, "first_k_dense_replace": 1, "q_lora_rank": 24,
        "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "rms_norm_eps": 1e-6,
        "rope_theta": 10000, "max_position_embeddings": 256, "num_nextn_predict_layers": 1, "bos_token_id": 0,
        "eos_token_id": 1, "hidden_act": "silu", "scoring_func": "sigmoid", "topk_method": "noaux_tc",
        "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
            "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096},
        "auto_map": {"AutoConfig": "evil.py"}, "some_new_key_of_theirs": {"a": [1, 2]},
    })
}

fn llama() -> Value {
    json!({
        "model_type": "llama", "vocab_size": 256, "hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 3,
        "num_attention_heads": 8, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
        "max_position_embeddings": 256, "eos_token_id": [1, 2, 3], "torch_dtype": "bfloat16",
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192},
    })
}

fn with(mut base: Value, changes: Value) -> String {
    for (key, value) in changes.as_object().unwrap() {
        base[key] = value.clone();
    }
    base.to_string()
}

fn refusal(base: Value, changes: Value) -> String {
    Config::from_json(&with(base, changes)).expect_err("must be refused").to_string()
}

#[test]
fn reads_deepseek_v3() {
    let Config::DeepseekV3(c) = Config::from_json(&v3().to_string()).unwrap() else { panic!() };
    assert_eq!(c.q_lora_rank, Some(24));
    assert_eq!(c.qk_head_dim(), 24);
    assert_eq!(c.eos_token_id, [1]);
    assert!(c.rope_interleave && c.norm_topk_prob);
    assert!(!c.is_moe_layer(0) && c.is_moe_layer(1) && c.is_moe_layer(3));
    let mscale = 0.1 * 40f64.ln() + 1.0;
    assert!((c.softmax_scale() - 24f64.powf(-0.5) * mscale * mscale).abs() < 1e-12);
    assert_eq!(c.rope_scaling.cos_sin_scale(), 1.0);
}

#[test]
fn rope_parameters_of_transformers_5_mean_the_same() {
    let old = Config::from_json(&llama().to_string()).unwrap();
    let mut new = llama();
    let mut parameters = new["rope_scaling"].take();
    parameters["rope_theta"] = json!(500000.0);
    new["rope_parameters"] = parameters;
    new["dtype"] = json!("bfloat16");
    for gone in ["rope_scaling", "rope_theta", "torch_dtype"] {
        new.as_object_mut().unwrap().remove(gone);
    }
    assert_eq!(Config::from_json(&new.to_string()).unwrap(), old);

    let plain =
        with(llama(), json!({"rope_scaling": null, "rope_parameters": {"rope_type": "default", "rope_theta": 7.0}}));
    let Config::Dense(c) = Config::from_json(&plain).unwrap() else { panic!() };
    assert_eq!((c.rope_theta, c.rope_scaling), (7.0, RopeScaling::None));
}

#[test]
fn dense_families_differ_where_they_should() {
    let read = |changes| match Config::from_json(&with(llama(), changes)).unwrap() {
        Config::Dense(c) => c,
        other => panic!("{other:?}"),
    };
    let c = read(json!({}));
    assert_eq!((c.head_dim, c.attention_bias, c.o_proj_bias, c.qk_norm), (8, false, false, false));
    let c = read(json!({"attention_bias": true, "head_dim": 32}));
    assert_eq!((c.head_dim, c.attention_bias, c.o_proj_bias), (32, true, true));
    let c = read(json!({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": false}));
    assert_eq!((c.head_dim, c.attention_bias, c.o_proj_bias, c.qk_norm), (8, true, false, false));
    let c = read(json!({"model_type": "qwen3"}));
    assert_eq!((c.head_dim, c.attention_bias, c.qk_norm), (128, false, true));
    assert_eq!(c.eos_token_id, [1, 2, 3]);
}

#[test]
fn what_is_written_reads_back_equal() {
    for text in [
        v3().to_string(),
        with(
            v3(),
            json!({"q_lora_rank": null, "rope_scaling": null, "eos_token_id": [1, 5], "torch_dtype": "float32"}),
        ),
        with(
            v3(),
            json!({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128], "fmt": "e4m3"}}),
        ),
        with(
            v3(),
            json!({"model_type": "deepseek_v2", "scoring_func": "softmax", "topk_method": "group_limited_greedy"}),
        ),
        llama().to_string(),
        with(llama(), json!({"model_type": "qwen2", "rope_scaling": {"type": "linear", "factor": 2.0}})),
        with(
            llama(),
            json!({"model_type": "qwen3", "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}}),
        ),
    ] {
        let config = Config::from_json(&text).unwrap();
        let written = config.to_json();
        assert_eq!(Config::from_json(&written).unwrap(), config, "{written}");
        assert!(!written.contains("auto_map"), "no reference to remote code is ever written");
    }
}

#[test]
fn other_architectures_are_refused_by_name() {
    let error = refusal(v3(), json!({"model_type": "mamba"}));
    assert!(
        error.contains("mamba") && error.contains("deepseek_v3, deepseek_v2, kimi_k2, llama, qwen2, qwen3"),
        "{error}"
    );
    assert!(refusal(v3(), json!({"model_type": "deepseek_v32"})).contains("V3.2"));
    assert!(refusal(v3(), json!({"model_type": "deepseek_v4"})).contains("deepseek_v4"));
    assert!(refusal(v3(), json!({"index_topk": 2048})).contains("index_topk"));
    assert!(Config::from_json("{\"dim\": 7168, \"n_activated_experts\": 8}").is_err());
    assert!(Config::from_json("[]").is_err());
    let v2 = with(v3(), json!({"model_type": "deepseek_v2", "scoring_func": "softmax", "topk_method": "greedy"}));
    let error = Config::from_json(&v2).unwrap().check_runnable().unwrap_err().to_string();
    assert!(error.contains("deepseek_v2"), "{error}");
}

#[test]
fn keys_that_change_the_computation_are_refused_by_name() {
    for (base, changes, key) in [
        (v3(), json!({"hidden_act": "gelu"}), "hidden_act"),
        (v3(), json!({"attention_bias": true}), "attention_bias"),
        (v3(), json!({"moe_layer_freq": 2}), "moe_layer_freq"),
        (v3(), json!({"scoring_func": "softmax"}), "scoring_func"),
        (v3(), json!({"topk_method": "greedy"}), "topk_method"),
        (v3(), json!({"num_key_value_heads": 2}), "num_key_value_heads"),
        (v3(), json!({"rope_scaling": {"type": "dynamic", "factor": 2.0}}), "rope_type"),
        (llama(), json!({"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}), "longrope"),
        (llama(), json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor"),
        (llama(), json!({"mlp_bias": true}), "mlp_bias"),
        (
            llama(),
            json!({"model_type": "qwen2", "use_sliding_window": true, "sliding_window": 64, "max_window_layers": 1}),
            "sliding_window",
        ),
        (
            llama(),
            json!({"model_type": "qwen3", "layer_types": ["full_attention", "sliding_attention"]}),
            "sliding_attention",
        ),
    ] {
        let error = refusal(base, changes);
        assert!(error.contains(key), "{key}: {error}");
    }
    let awq = with(llama(), json!({"quantization_config": {"quant_method": "awq"}}));
    let error = Config::from_json(&awq).unwrap().check_runnable().unwrap_err().to_string();
    assert!(error.contains("awq"), "{error}");
}

#[test]
fn sizes_that_cannot_be_true_are_refused() {
    for (base, changes, key) in [
        (v3(), json!({"hidden_size": 0}), "hidden_size"),
        (v3(), json!({"hidden_size": -3}), "hidden_size"),
        (v3(), json!({"hidden_size": "64"}), "hidden_size"),
        (v3(), json!({"hidden_size": 18446744073709551615u64}), "hidden_size"),
        (v3(), json!({"hidden_size": null}), "missing"),
        (v3(), json!({"num_hidden_layers": 1000000}), "num_hidden_layers"),
        (v3(), json!({"num_experts_per_tok": 9}), "num_experts_per_tok"),
        (v3(), json!({"n_group": 3}), "n_group"),
        (v3(), json!({"n_group": 16, "topk_group": 16}), "n_group"),
        (v3(), json!({"topk_group": 5}), "topk_group"),
        (v3(), json!({"qk_rope_head_dim": 7}), "qk_rope_head_dim"),
        (v3(), json!({"rms_norm_eps": -1.0}), "rms_norm_eps"),
        (v3(), json!({"rope_theta": 0.0}), "rope_theta"),
        (
            v3(),
            json!({"hidden_size": 16000000, "intermediate_size": 16000000, "num_attention_heads": 16000000, "num_key_value_heads": 16000000}),
            "credible",
        ),
        (
            v3(),
            json!({"num_hidden_layers": 4000, "n_routed_experts": 16384, "n_group": 1, "topk_group": 1}),
            "credible",
        ),
        (llama(), json!({"num_key_value_heads": 3}), "num_key_value_heads"),
        (llama(), json!({"num_attention_heads": 7}), "num_attention_heads"),
        (llama(), json!({"head_dim": 9}), "head_dim"),
        (llama(), json!({"eos_token_id": [1, "x"]}), "eos_token_id"),
        (
            llama(),
            json!({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0, "high_freq_factor": 4.0}}),
            "high_freq_factor",
        ),
        (llama(), json!({"rope_scaling": {"rope_type": "linear"}}), "factor"),
    ] {
        let error = refusal(base, changes);
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn a_dense_model_of_deepseek_form_needs_no_experts() {
    let text = with(
        v3(),
        json!({"first_k_dense_replace": 4, "n_routed_experts": 0, "moe_intermediate_size": 0, "num_experts_per_tok": 0}),
    );
    let Config::DeepseekV3(c) = Config::from_json(&text).unwrap() else { panic!() };
    assert_eq!(c.n_moe_layers(), 0);
}

/// The kernels' table once got YaRN's temperature twice: V3's cos and sin were scaled by 1.37 instead of 1.
#[test]
fn the_kernels_table_scales_cos_and_sin_as_the_configuration_says() {
    let yarn = |changes: serde_json::Value| {
        let mut scaling = json!({"type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096});
        for (key, value) in changes.as_object().unwrap() {
            scaling[key] = value.clone();
        }
        Config::from_json(&with(v3(), json!({"rope_scaling": scaling}))).unwrap()
    };
    for (changes, want) in [
        (json!({"mscale": 1.0, "mscale_all_dim": 1.0}), 1.0),
        (json!({"mscale": 1.0, "mscale_all_dim": 0.8}), 1.368_887_945 / 1.295_110_356),
        (json!({"mscale": 1.0}), 1.368_887_945),
        (json!({"attention_factor": 1.25}), 1.25),
    ] {
        let Config::DeepseekV3(config) = yarn(changes.clone()) else { panic!() };
        let table = config.rope_scaling.to_kernel().attention_factor();
        assert!((table - want).abs() < 1e-8, "{changes}: {table}, not {want}");
        assert!((table - config.rope_scaling.cos_sin_scale()).abs() < 1e-12, "{changes}");
    }
}

/// What is not known is told what is, and the way out.
#[test]
fn an_unknown_architecture_is_told_what_can_be_counted() {
    let error = Config::from_json(r#"{"model_type": "mamba2"}"#).unwrap_err().to_string();
    for needle in ["mamba2", "deepseek_v3", "gpt_oss", "mixtral", "config.json", "resembles"] {
        assert!(error.contains(needle), "{needle}: {error}");
    }
}
