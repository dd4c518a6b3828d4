//! Models against the tiny checkpoints of `tests/third_party/numerics_tiny` (its SOURCE.md says which references computed
//! them): logits, loss, every gradient's norm, and greedy continuations with a KV cache.

use crate::golden::{Tensors, build, read};
use kernels::attention::CachedSeq;
use model::names::all_tensor_parts;
use model::{LossSpec, Model, PackedBatch};
use serde_json::Value;
use std::path::PathBuf;
use tensor::{Gradients, Precision};

const CASES: [&str; 3] = ["deepseek_v3_tiny", "llama_tiny_gqa", "qwen2_tiny"];

struct Run {
    tokens: Vec<u32>,
    logits: Vec<f32>,
    expected: Value,
}

fn load(name: &str) -> (Model, Vec<Run>) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/third_party/numerics_tiny").join(name);
    let model = build(&dir, Precision::F32);
    let (mut logits, _): (Tensors, _) = read(dir.join("expected.safetensors"));
    let text = std::fs::read_to_string(dir.join("expected.json")).expect("expected.json");
    let mut all: Value = serde_json::from_str(&text).expect("JSON");
    let runs = all["runs"].as_array_mut().expect("runs").drain(..).enumerate();
    let runs = runs.map(|(idx, expected)| Run {
        tokens: ids(&expected["input_ids"]),
        logits: logits.remove(&format!("run{idx}.logits")).expect("logits"),
        expected,
    });
    (model, runs.collect())
}

fn ids(list: &Value) -> Vec<u32> {
    list.as_array().expect("a list").iter().map(|id| id.as_u64().expect("an id") as u32).collect()
}

#[test]
fn logits_loss_and_gradient_norms_equal_the_references() {
    for name in CASES {
        let (model, runs) = load(name);
        for run in runs {
            let mut got = Vec::new();
            model.for_each_logits(&run.tokens, |_, logits| got.extend_from_slice(logits));
            assert_eq!(got.len(), run.logits.len());
            // Relative to the largest: one case has logits near 100.
            let largest = run.logits.iter().fold(1.0f32, |m, x| m.max(x.abs()));
            let worst = got.iter().zip(&run.logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= 1e-5 * largest, "{name}: logits differ by {worst} of {largest}");

            let packed = PackedBatch::from_documents(std::slice::from_ref(&run.tokens));
            let spec = LossSpec::over(std::slice::from_ref(&packed), 0.0, 0.0);
            let mut grads = Gradients::new(model.params());
            let loss = model.train_step(&packed, &spec, &mut grads).loss;
            let want = run.expected["loss"].as_f64().expect("a loss");
            assert!((loss / want - 1.0).abs() < 1e-5, "{name}: loss {loss} is not {want}");
            check_norms(name, &model, &grads, &run.expected["grad_norms"]);
        }
    }
}

fn check_norms(name: &str, model: &Model, grads: &Gradients, expected: &Value) {
    let expected = expected.as_object().expect("norms by name");
    let mut n_checked = 0;
    for (id, part) in all_tensor_parts(model.params()) {
        let Some(want) = expected.get(&part.name).and_then(Value::as_f64) else { continue };
        let n = part.shape.iter().product::<usize>();
        // What is not trained has no gradient, which is one of zeros.
        let zeros = vec![0.0; part.offset + n];
        let all = if grads.get(id).is_empty() { &zeros } else { grads.get(id).slice::<f32>() };
        let got = &all[part.offset..part.offset + n];
        let norm = got.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        assert!((norm - want).abs() <= 1e-4 * want + 1e-6, "{name}: |gradient| of {} is {norm}, not {want}", part.name);
        n_checked += 1;
    }
    assert_eq!(n_checked, expected.len(), "{name}: every norm was compared");
}

#[test]
fn greedy_continuations_with_a_cache_equal_the_references() {
    for name in CASES {
        let (mut model, runs) = load(name);
        model.pack_for_decoding();
        for run in runs {
            let mut caches = model.new_caches(2);
            let (mut tokens, mut n_cached, mut continuation) = (run.tokens, 0, Vec::new());
            let want = ids(&run.expected["greedy_continuation"]);
            while continuation.len() < want.len() {
                let seq = CachedSeq { row: 0, len: tokens.len(), n_cached, blocks: &[1, 0] };
                let logits = model.forward_cached(&tokens, &[seq], &mut caches);
                let row = logits.slice::<f32>().iter().enumerate();
                let best = row.max_by(|a, b| a.1.total_cmp(b.1)).expect("a vocabulary").0 as u32;
                n_cached += tokens.len();
                tokens = vec![best];
                continuation.push(best);
            }
            assert_eq!(continuation, want, "{name}");
        }
    }
}
