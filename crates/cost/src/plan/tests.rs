//! Presets and plans from outside.

use super::presets::Changes;
use super::*;
use crate::catalogue::Catalogue;

fn near(what: &str, found: f64, published: f64, share: f64) {
    eprintln!("{what}: {found:.4} ({:+.1}% of {published})", 100.0 * (found / published - 1.0));
    assert!((found / published - 1.0).abs() <= share, "{what}: {found}, published {published}");
}

#[test]
fn v3_costs_what_was_published() {
    let catalogue = Catalogue::shipped();
    let plan = preset("v3-pretrain", &Changes::default(), &catalogue).unwrap();
    assert_eq!(plan.params_total, 671_026_419_200);
    assert_eq!((plan.params_active as f64 / 1e7).round(), 3755.0);
    near("dollars", plan.dollars, 5.328e6, 0.05);
    near("MFU", plan.mfu_causal, 0.3894, 0.05);
    near("step", plan.step_seconds, 19.926, 0.05);
    near("tokens a day", plan.tokens_per_day, 272.8e9, 0.05);
    near("hours", plan.gpu_hours, 2664e3, 0.05);
    let whole = preset("v3", &Changes::default(), &catalogue).unwrap();
    near("contexts", whole.phases[1].gpu_hours, 119e3, 0.5);
    near("all of V3", whole.dollars, 5.576e6, 0.05);
    let r1 = preset("r1", &Changes::default(), &catalogue).unwrap();
    near("R1", r1.dollars, 294e3, 0.15);
}

#[test]
fn names_and_numbers_that_cannot_be_are_refused() {
    let catalogue = Catalogue::shipped();
    let message = |name: &str, changes: &Changes| preset(name, changes, &catalogue).unwrap_err().to_string();
    assert!(message("v3-pretain", &Changes::default()).contains("\"v3-pretrain\""));
    let changes = |on: &str, count| Changes { on: Some(on.to_owned()), count: Some(count), ..Changes::default() };
    assert!(message("v3", &changes("h8000", 2048)).contains("h800"));
    assert!(message("v3", &changes("h800", 0)).contains("--count"));
    assert!(message("v3-pretrain", &changes("h800", 8)).contains("--count"));
    assert!(message("v3-pretrain", &changes("h20", 2048)).contains("--price"));
}

/// A plan is a function of its inputs: other chips, other counts, other models.
#[test]
fn plans_follow_their_inputs() {
    let catalogue = Catalogue::shipped();
    let plan = |on: &str, count| {
        let changes = Changes { on: Some(on.to_owned()), count: Some(count), price: Some(2.0), ..Changes::default() };
        preset("v3-pretrain", &changes, &catalogue).unwrap()
    };
    let (h800, h100, h20) = (plan("h800", 2048), plan("h100", 2048), plan("h20", 2048));
    assert!(h100.gpu_hours <= h800.gpu_hours && h20.gpu_hours > 3.0 * h800.gpu_hours);
    assert!(plan("h800", 4096).days < h800.days);
    let a100 = plan("a100", 4096);
    assert_eq!(a100.step.unwrap().layout.precision, crate::layout::Precision::Bf16);
}

/// Runs that nothing was fitted to, from their papers' tables: chip-hours within 15%. Llama: arXiv:2302.13971, Table 15
/// (2,048 A100s for 65B); Llama 2: arXiv:2307.09288, Table 2 (its chips are not told, nor do they matter much); DeepSeek
/// 67B: arXiv:2405.04434, section 3.2.3.
#[test]
fn runs_of_others_take_what_was_published() {
    let catalogue = Catalogue::shipped();
    // hidden, intermediate, layers, heads, KV heads, vocabulary
    let llama = |shape: [u64; 6]| {
        let [hidden, intermediate, layers, heads, kv_heads, vocab] = shape;
        let text = format!(
            r#"{{"model_type": "llama", "hidden_size": {hidden}, "intermediate_size": {intermediate},
            "num_hidden_layers": {layers}, "num_attention_heads": {heads}, "num_key_value_heads": {kv_heads},
            "vocab_size": {vocab}, "max_position_embeddings": 4096}}"#
        );
        Config::from_json(&text).unwrap()
    };
    let small = [4096, 11008, 32, 32, 32, 32000];
    for (name, shape, tokens, seq_len, chip, count, published) in [
        ("llama-7b", small, 1e12, 2048, "a100", 1024, 82_432.0),
        ("llama-65b", [8192, 22016, 80, 64, 64, 32000], 1.4e12, 2048, "a100", 2048, 1_022_362.0),
        ("llama-2-7b", small, 2e12, 4096, "a100", 1024, 184_320.0),
        ("llama-2-13b", [5120, 13824, 40, 40, 40, 32000], 2e12, 4096, "a100", 1024, 368_640.0),
        ("llama-2-70b", [8192, 28672, 80, 64, 8, 32000], 2e12, 4096, "a100", 2048, 1_720_320.0),
        ("deepseek-67b", [8192, 22016, 95, 64, 8, 102_400], 1e12, 4096, "h800", 1024, 300_600.0),
    ] {
        let config = llama(shape);
        let batch = usual_batch(&config, seq_len, count);
        let job = Job { config, tokens, seq_len, batch, mtp: false };
        let cluster = Cluster::new(catalogue.chip(chip).unwrap(), count, Some(1.0)).unwrap();
        let plan = plan_training(name, &job, &cluster, &LayoutSpec::default()).unwrap();
        let off = plan.gpu_hours / published - 1.0;
        assert!(off.abs() < 0.15, "{name}: {:.0} against {published}, {:+.1}%", plan.gpu_hours, 100.0 * off);
    }
}

#[test]
fn chips_that_divide_badly_are_told() {
    let catalogue = Catalogue::shipped();
    let config = model::presets::published("qwen2.5-72b").unwrap();
    let of = |count| {
        let batch = usual_batch(&config, 4096, count);
        let job = Job { batch, config: config.clone(), tokens: 1e12, seq_len: 4096, mtp: false };
        let cluster = Cluster::new(catalogue.chip("h100").unwrap(), count, None).unwrap();
        plan_training("qwen", &job, &cluster, &LayoutSpec::default()).unwrap().hint
    };
    let hint = of(67).unwrap();
    assert!(hint.contains("67 chips") && hint.contains("64 do it"), "{hint}");
    assert_eq!(of(64), None);
    let chip = catalogue.chip("h800").unwrap();
    for (count, price) in [(0, None), (u64::MAX, None), (8, Some(-1.0)), (8, Some(f64::NAN)), (8, Some(1e300))] {
        assert!(Cluster::new(chip, count, price).is_err(), "{count} {price:?}");
    }
}
