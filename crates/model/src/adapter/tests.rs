//! Adapters: gradients against finite differences, merged against unmerged, PEFT's files there and back.

use super::*;
use crate::{Config, LossSpec, ModelOptions, PackedBatch};
use std::path::PathBuf;
use tensor::{Device, Gradients, Precision};

const SHAPES: [&str; 2] = ["qwen2", "deepseek_v3_groups_yarn"];

fn config(name: &str) -> Config {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    Config::from_file(&dir.join("config.json")).expect("a configuration")
}

fn options(precision: Precision, trainable: bool) -> ModelOptions {
    ModelOptions { device: Device::cpu(), precision, trainable, n_positions: 64 }
}

/// A random base with an adapter whose B is not zero.
fn adapted(name: &str, precision: Precision, trainable: bool) -> Model {
    let adapter = AdapterConfig { rank: 3, alpha: 6.0, use_rslora: false, targets: Targets::AllLinear };
    let mut model = Model::with_adapter(config(name), &options(precision, trainable), adapter);
    model.initialize(5);
    for id in model.params().ids().collect::<Vec<_>>() {
        let is_b = model.params().name(id).ends_with("lora_B.weight");
        let salt = id_salt(model.params().name(id));
        model.params_mut().write(id, |w| match is_b {
            true => w.iter_mut().enumerate().for_each(|(i, w)| *w = (i as f32 * 1.3 + salt).sin() * 0.25),
            false => w.iter_mut().for_each(|w| *w *= 4.0),
        });
    }
    model
}

fn id_salt(name: &str) -> f32 {
    name.bytes().map(f32::from).sum::<f32>() % 7.0
}

fn batch() -> PackedBatch {
    let document = |salt: u32| (0..12).map(|i| (i * 7 + salt) % 90 + 2).collect::<Vec<u32>>();
    PackedBatch::from_documents(&[document(1), document(5)])
}

#[test]
fn only_the_adapter_learns_and_its_gradients_equal_finite_differences() {
    for name in SHAPES {
        let mut model = adapted(name, Precision::F32, true);
        let batch = batch();
        let spec = LossSpec::over(std::slice::from_ref(&batch), 0.0, 0.0);
        let mut grads = Gradients::new(model.params());
        model.train_step(&batch, &spec, &mut grads);
        let mut n_checked = 0;
        for id in model.params().ids().collect::<Vec<_>>() {
            if model.params().role(id) != Role::Adapter {
                assert!(grads.get(id).is_empty(), "{} is frozen", model.params().name(id));
                continue;
            }
            let gradient = grads.get(id).slice::<f32>().to_vec();
            let norm = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            if norm < 1e-2 {
                continue; // below what f32 losses resolve
            }
            let original = model.params().master(id).slice::<f32>().to_vec();
            // The loss bends within a thousandth where it is steep, and f32 hides a difference where it is flat.
            let step = (3e-3 / norm).min(1.5e-3);
            let mut at = |sign: f64| {
                let moved = original.iter().zip(&gradient);
                let moved = moved.map(|(&o, &g)| (f64::from(o) + sign * step * f64::from(g) / norm) as f32);
                model.params_mut().set(id, &moved.collect::<Vec<_>>());
                model.evaluate(&batch, &spec).loss
            };
            let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
            model.params_mut().set(id, &original);
            let name = model.params().name(id);
            assert!((slope / norm - 1.0).abs() < 0.05, "{name}: finite differences {slope}, gradient {norm}");
            n_checked += 1;
        }
        assert!(n_checked > 12, "{name}: only {n_checked} matrices had a gradient worth checking");
    }
}

/// In bf16 the adapter alone has masters, gradients and moments.
#[test]
fn a_frozen_base_takes_no_more_than_its_own_bytes() {
    let bytes = |trainable: bool| {
        let options = ModelOptions { device: Device::meta(), ..options(Precision::Bf16, trainable) };
        let adapter =
            AdapterConfig { rank: 2, alpha: 4.0, use_rslora: false, targets: Targets::Named(vec!["q_proj".into()]) };
        let model = Model::with_adapter(config("qwen2"), &options, adapter);
        let n_adapter: usize = model.adapter_ids().map(|id| model.params().value(id).len()).sum();
        let grads = Gradients::new(model.params());
        let live = options.device.live_bytes();
        drop(grads);
        (live, n_adapter)
    };
    let ((frozen, n_adapter), (trained, _)) = (bytes(false), bytes(true));
    // Two layers of A and B: a master and a gradient each, in size classes of at most an eighth more.
    assert!(n_adapter > 0 && trained - frozen <= 9 * n_adapter + 4096, "{trained} after {frozen}, {n_adapter} values");
}

fn logits(model: &Model) -> Vec<f32> {
    let mut all = Vec::new();
    model.for_each_logits(&[3, 9, 27, 11, 5], |_, logits| all.extend_from_slice(logits));
    all
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn merged_weights_say_what_base_and_adapter_say() {
    for name in SHAPES {
        let model = adapted(name, Precision::F32, false);
        let mut plain = Model::new(config(name), &options(Precision::F32, false));
        let own: Vec<ParamId> = plain.params().ids().collect();
        let mut n_merged = 0;
        for id in own {
            let from = model.params().find(plain.params().name(id)).expect("the same base");
            let merged = model.merged(from);
            n_merged += usize::from(merged.is_some());
            plain.params_mut().set(id, &merged.unwrap_or_else(|| model.params().value(from).clone()).to_vec_f32());
        }
        assert!(n_merged >= 14, "{name}: {n_merged}");
        let (with_adapter, merged) = (logits(&model), logits(&plain));
        assert!(largest_difference(&with_adapter, &merged) < 2e-4, "{name}");
        // The adapter does something.
        let mut bare = adapted(name, Precision::F32, false);
        for id in bare.adapter_ids().collect::<Vec<_>>() {
            bare.params_mut().write(id, |w| w.fill(0.0));
        }
        assert!(largest_difference(&with_adapter, &logits(&bare)) > 1e-2, "{name}");
    }
}

#[test]
fn an_adapter_goes_to_pefts_files_and_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let model = adapted("qwen2", Precision::F32, true);
    model.save_adapter(dir.path(), Some("base")).expect("written");
    let (read, weights) = AdapterConfig::read(dir.path()).expect("read");
    assert_eq!((read.rank, read.scale()), (3, 2.0));
    assert!(weights.info("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight").is_some());
    let mut again = Model::with_adapter(config("qwen2"), &options(Precision::F32, false), read);
    again.load_adapter(&weights).expect("the same model");
    for id in model.adapter_ids() {
        let other = again.params().find(model.params().name(id)).expect("the same modules");
        assert_eq!(model.params().value(id).slice::<f32>(), again.params().value(other).slice::<f32>());
    }
    let value: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join(CONFIG_FILE)).expect("a file")).expect("JSON");
    let modules = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"];
    assert_eq!(value["target_modules"], json!(modules));
    // Another model says which tensor it has no place for.
    let (read, weights) = AdapterConfig::read(dir.path()).expect("read");
    let mut other = Model::with_adapter(config("deepseek_v3_groups_yarn"), &options(Precision::F32, false), read);
    let error = other.load_adapter(&weights).expect_err("another model").to_string();
    assert!(error.contains("lora_"), "{error}");
}

#[test]
fn what_would_change_the_arithmetic_is_refused() {
    let weights = || {
        let dir = tempfile::tempdir().expect("a directory");
        adapted("qwen2", Precision::F32, false).save_adapter(dir.path(), None).expect("written");
        AdapterConfig::read(dir.path()).expect("read").1
    };
    let weights = weights();
    for (key, value) in [
        ("peft_type", json!("IA3")),
        ("use_dora", json!(true)),
        ("bias", json!("all")),
        ("rank_pattern", json!({"q_proj": 4})),
        ("modules_to_save", json!(["lm_head"])),
        ("r", json!(0)),
    ] {
        let mut config = json!({"peft_type": "LORA", "r": 3, "lora_alpha": 6});
        assert!(AdapterConfig::from_json(&config, &weights).is_ok());
        config[key] = value;
        let error = AdapterConfig::from_json(&config, &weights).expect_err("refused").to_string();
        assert!(error.contains(key), "{error}");
    }
}
