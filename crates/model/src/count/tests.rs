//! Counts against published figures, to the digit.

use super::*;
use crate::presets::published;

fn params(name: &str) -> ParamCounts {
    count_params(&published(name).unwrap())
}

#[test]
fn deepseek_v3_has_the_published_parameters() {
    let config = published("deepseek-v3").unwrap();
    let counts = count_params(&config);
    assert_eq!(counts.main.attention, 61 * 187_107_328);
    assert_eq!(counts.main.routed_experts, 58 * 256 * 44_040_192);
    assert_eq!(counts.main.shared_experts, 58 * 44_040_192);
    assert_eq!(counts.main.embedding, 129_280 * 7168);
    assert_eq!(counts.total(), 671_026_419_200);
    assert_eq!(counts.router_bias, 58 * 256);
    assert_eq!((counts.active() as f64 / 1e7).round(), 3755.0);
    assert_eq!((counts.active_without_embedding() as f64 / 1e7).round(), 3663.0);
    assert_eq!((counts.mtp.total() as f64 / 1e7).round(), 1161.0);
    assert_eq!((counts.mtp_active.total() as f64 / 1e7).round(), 69.0);
    assert_eq!(on_disk_values(&config), 684_531_386_000);
    assert_eq!(kv_bytes_per_token_bf16(&config, KvForm::Latent), 70_272);
    assert_eq!(kv_bytes_per_token_bf16(&config, KvForm::Expanded), 61 * 128 * 320 * 2);
}

/// The published R1 files hold 91,991 tensors, scales included.
#[test]
fn deepseek_r1_has_the_published_number_of_tensors() {
    let config = published("deepseek-r1").unwrap();
    let specs = tensor_specs(&config);
    let scaled = |s: &&TensorSpec| {
        use Part::*;
        s.shape.len() == 2 && matches!(s.part, Attention | DenseFfn | RoutedExperts | SharedExperts)
    };
    assert_eq!(specs.len() + specs.iter().filter(scaled).count(), 91_991);
    let find = |name: &str| specs.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(find("model.layers.0.self_attn.kv_b_proj.weight").shape, [32768, 512]);
    assert_eq!(find("model.layers.61.eh_proj.weight").shape, [7168, 14336]);
    assert_eq!(find("model.layers.61.shared_head.head.weight").role, Role::MtpDuplicate);
    assert!(find("model.layers.60.mlp.gate.e_score_correction_bias").always_f32);
    assert_eq!(find("model.layers.3.mlp.experts.255.down_proj.weight").shape, [7168, 2048]);
}

/// `num_parameters()` of `transformers` 5.23 on the meta device, and the published names' round figures.
#[test]
fn other_models_have_the_published_parameters() {
    for (name, total) in [
        ("deepseek-v2-lite", 15_706_484_224),
        ("deepseek-v2", 235_741_434_880),
        ("r1-distill-qwen-1.5b", 1_777_088_000),
        ("r1-distill-qwen-7b", 7_615_616_512),
        ("r1-distill-qwen-14b", 14_770_033_664),
        ("r1-distill-qwen-32b", 32_763_876_352),
        ("r1-distill-llama-8b", 8_030_261_248),
        ("r1-distill-llama-70b", 70_553_706_496),
        ("qwen2.5-0.5b", 494_032_768),
        ("qwen2.5-1.5b", 1_543_714_304),
        ("qwen2.5-72b", 72_706_203_648),
        ("qwen3-0.6b", 596_049_920),
        ("llama-3.2-1b", 1_235_814_400),
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-70b", 70_553_706_496),
        ("llama-3.1-405b", 405_853_388_800),
    ] {
        assert_eq!(params(name).total(), total, "{name}");
    }
    let lite = params("deepseek-v2-lite");
    assert_eq!((lite.active_without_embedding() as f64 / 1e7).round(), 245.0);
    assert_eq!(params("qwen2.5-0.5b").active_without_embedding(), 494_032_768, "a tied head is multiplied");
}

#[test]
fn the_kv_cache_has_the_published_bytes() {
    for (name, bytes) in [("qwen2.5-72b", 327_680), ("llama-3.1-405b", 516_096), ("deepseek-v2-lite", 31_104)] {
        let config = published(name).unwrap();
        assert_eq!(kv_bytes_per_token_bf16(&config, KvForm::Latent), bytes, "{name}");
    }
}

#[test]
fn training_costs_what_was_published() {
    let flops = FlopModel::new(&published("deepseek-v3").unwrap(), MlaForm::Expanded);
    let causal = flops.train_per_token(4096, AttentionSpan::Causal);
    let full = flops.train_per_token(4096, AttentionSpan::Full);
    assert!((causal / 250e9 - 1.0).abs() < 0.005, "{causal}");
    // The published MFU differs by just this ratio between its two conventions: 43.73% and 38.94%.
    assert!((full / causal / (43.73 / 38.94) - 1.0).abs() < 0.001, "{full}");
    // 272.8B tokens a day on 2,048 chips of 989.5 TFLOP/s.
    let mfu = causal * 272.8e9 / 86400.0 / (2048.0 * 989.5e12);
    assert!((mfu - 0.3894).abs() < 0.001, "{mfu}");
}

#[test]
fn a_batch_costs_the_sum_of_its_documents() {
    let flops = FlopModel::new(&published("qwen3-0.6b").unwrap(), MlaForm::Expanded);
    let whole = flops.train(4096, causal_pairs(0, 4096));
    assert!((whole / 4096.0 / flops.train_per_token(4096, AttentionSpan::Causal) - 1.0).abs() < 1e-12);
    let (first, second) = (causal_pairs(0, 1000), causal_pairs(1000, 3096));
    assert_eq!(first + second, causal_pairs(0, 4096));
    assert!(flops.train(4096, 2 * causal_pairs(0, 2048)) < whole);
}

#[test]
fn absorbed_attention_trades_pairs_for_memory() {
    let config = published("deepseek-v3").unwrap();
    let (expanded, absorbed) = (FlopModel::new(&config, MlaForm::Expanded), FlopModel::new(&config, MlaForm::Absorbed));
    assert_eq!(expanded.per_pair, 61 * 2 * 128 * 320);
    assert_eq!(absorbed.per_pair, 61 * 2 * 128 * 1088);
    assert_eq!(expanded.per_token, absorbed.per_token);
}

#[test]
fn tied_models_have_no_head_of_their_own() {
    let specs = tensor_specs(&published("qwen2.5-0.5b").unwrap());
    assert!(specs.iter().all(|s| s.name != "lm_head.weight"));
    assert_eq!(specs.first().unwrap().name, "model.embed_tokens.weight");
    assert_eq!(specs.last().unwrap().name, "model.norm.weight");
    let n: usize = specs.iter().map(TensorSpec::n_values).sum();
    assert_eq!(n, 494_032_768);
}

#[test]
fn layers_add_up_to_the_model() {
    for name in ["deepseek-v3", "deepseek-v2-lite", "llama-3.1-405b", "qwen2.5-72b"] {
        let config = published(name).unwrap();
        let (counts, flops) = (count_params(&config), FlopModel::new(&config, MlaForm::Expanded));
        let n_main = config.num_hidden_layers();
        let layers: Vec<LayerCounts> = (0..n_main).map(|i| count_layer(&config, i)).collect();
        let outside = (2 * config.vocab_size() + 1) * config.hidden_size();
        assert_eq!(layers.iter().map(|l| l.all.total()).sum::<u64>() + outside as u64, counts.total(), "{name}");
        assert_eq!(2 * layers.iter().map(|l| l.multiplied.total()).sum::<u64>(), flops.per_token, "{name}");
        let mtp: u64 =
            (n_main..n_main + flops.n_mtp_layers as usize).map(|i| count_layer(&config, i).all.total()).sum();
        assert_eq!(mtp, counts.mtp.total(), "{name}");
    }
}

/// Architectures that are counted and not run: published totals and active parameters, in billions, within 1%.
#[test]
fn counted_architectures_have_the_published_parameters() {
    let of = |text: &str| Config::from_json(text).unwrap();
    for (text, total, active) in [
        // arXiv:2005.14165, Table 2.1.
        (
            r#"{"model_type": "gpt2", "n_embd": 12288, "n_layer": 96, "n_head": 96, "vocab_size": 50257, "n_positions": 2048}"#,
            175.0,
            175.0,
        ),
        // arXiv:2211.05100, Table 3.
        (
            r#"{"model_type": "bloom", "hidden_size": 14336, "n_layer": 70, "n_head": 112, "vocab_size": 250880}"#,
            176.2,
            176.2,
        ),
        // arXiv:2401.04088, section 2.1.
        (
            r#"{"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
            "vocab_size": 32000}"#,
            46.7,
            12.9,
        ),
        // arXiv:2505.09388, Table 2.
        (
            r#"{"model_type": "qwen3_moe", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 94,
            "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128,
            "num_experts_per_tok": 8, "moe_intermediate_size": 1536, "vocab_size": 151936}"#,
            235.1,
            22.2,
        ),
        // Its model card, August 2025: 116.8 and, without the embedding's 0.6, 5.1.
        (
            r#"{"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36,
            "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "num_local_experts": 128,
            "experts_per_token": 4, "vocab_size": 201088}"#,
            116.8,
            5.7,
        ),
    ] {
        let config = of(text);
        let counts = count_params(&config);
        let near = |found: u64, published: f64| (found as f64 / 1e9 / published - 1.0).abs() < 0.01;
        assert!(near(counts.total(), total) && near(counts.active(), active), "{text}: {counts:?}");
        assert!(config.check_runnable().unwrap_err().to_string().contains("planned"));
    }
    let error = Config::from_json(r#"{"model_type": "mamba2", "hidden_size": 64}"#).unwrap_err().to_string();
    assert!(error.contains("mamba2"), "{error}");
    let error = Config::from_json(r#"{"model_type": "gpt2", "n_layer": 2, "n_head": 2, "vocab_size": 9}"#).unwrap_err();
    assert!(error.to_string().contains("n_embd"), "{error}");
}
