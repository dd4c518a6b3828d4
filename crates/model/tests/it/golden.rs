//! Models against golden vectors from PyTorch and `transformers`; `docs/golden.md` says what is in the files and how
//! they were made.

use model::names::all_tensor_parts;
use model::{Config, LossSpec, Model, ModelOptions, PackedBatch};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tensor::{AdamW, AdamWConfig, Device, Gradients, Precision};

pub(crate) type Tensors = BTreeMap<String, Vec<f32>>;

pub(crate) struct Case {
    pub(crate) model: Model,
    golden: Tensors,
    tokens: BTreeMap<String, Vec<u32>>,
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

/// Floating-point tensors as f32, integers (tokens, segments) apart.
pub(crate) fn read(path: PathBuf) -> (Tensors, BTreeMap<String, Vec<u32>>) {
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let (mut floats, mut ints) = (Tensors::new(), BTreeMap::new());
    for (name, view) in file.tensors() {
        use safetensors::Dtype;
        let data = view.data();
        match view.dtype() {
            Dtype::F32 => drop(floats.insert(name, quads(data, f32::from_le_bytes))),
            Dtype::F64 => drop(floats.insert(name, octets(data, |b| f64::from_le_bytes(b) as f32))),
            Dtype::I32 => drop(ints.insert(name, quads(data, |b| i32::from_le_bytes(b) as u32))),
            Dtype::I64 => drop(ints.insert(name, octets(data, |b| i64::from_le_bytes(b) as u32))),
            other => panic!("{name}: {other:?}"),
        }
    }
    (floats, ints)
}

fn quads<T>(data: &[u8], f: impl Fn([u8; 4]) -> T) -> Vec<T> {
    data.chunks_exact(4).map(|b| f(b.try_into().expect("four bytes"))).collect()
}

fn octets<T>(data: &[u8], f: impl Fn([u8; 8]) -> T) -> Vec<T> {
    data.chunks_exact(8).map(|b| f(b.try_into().expect("eight bytes"))).collect()
}

/// The model of a directory's `config.json` and `model.safetensors`; every stored tensor must find its place.
pub(crate) fn build(dir: &Path, precision: Precision) -> Model {
    let name = dir.display();
    let config = Config::from_file(&dir.join("config.json")).expect("a configuration");
    let options = ModelOptions { device: Device::cpu(), precision, trainable: true, n_positions: 4096 };
    let mut model = Model::new(config, &options);
    let (weights, _) = read(dir.join("model.safetensors"));
    let mut n_used = 0;
    for (id, part) in all_tensor_parts(model.params()) {
        let values = weights.get(&part.name).unwrap_or_else(|| panic!("{name} has no {}", part.name));
        assert_eq!(part.shape.iter().product::<usize>(), values.len(), "{}", part.name);
        model.params_mut().write(id, |w| w[part.offset..part.offset + values.len()].copy_from_slice(values));
        n_used += 1;
    }
    assert_eq!(n_used, weights.len(), "{name}: every stored tensor belongs to a parameter");
    model
}

pub(crate) fn load(name: &str, precision: Precision) -> Case {
    let dir = folder(name);
    let model = build(&dir, precision);
    let (golden, tokens) = read(dir.join("golden.safetensors"));
    Case { model, golden, tokens }
}

impl Case {
    /// The documents of a batch (`one`, `two`).
    pub(crate) fn documents(&self, batch: &str) -> Vec<Vec<u32>> {
        let tokens = &self.tokens[&format!("{batch}.tokens")];
        let segments = &self.tokens[&format!("{batch}.segments")];
        segments.chunks_exact(2).map(|s| tokens[s[0] as usize..(s[0] + s[1]) as usize].to_vec()).collect()
    }

    fn scalar(&self, name: &str) -> f64 {
        f64::from(self.golden[name][0])
    }

    /// Compares the gradients, stored in full as `{prefix}.grad.*` or as norms `{prefix}.grad_norm.*`.
    fn check_gradients(&self, prefix: &str, grads: &Gradients, tolerance: f64) {
        let mut n_checked = 0;
        for (id, part) in all_tensor_parts(self.model.params()) {
            let n = part.shape.iter().product::<usize>();
            // What is not trained has no gradient, which is one of zeros.
            let zeros = vec![0.0; part.offset + n];
            let all = if grads.get(id).is_empty() { &zeros } else { grads.get(id).slice::<f32>() };
            let got = &all[part.offset..part.offset + n];
            let norm = got.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            if let Some(want) = self.golden.get(&format!("{prefix}.grad.{}", part.name)) {
                let want_norm = want.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
                let difference = got.iter().zip(want).map(|(&a, &b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
                let bound = tolerance * want_norm + 1e-7;
                assert!(difference <= bound, "{prefix} gradient of {}: off by {difference} of {want_norm}", part.name);
                n_checked += 1;
            } else if let Some(want) = self.golden.get(&format!("{prefix}.grad_norm.{}", part.name)) {
                let bound = tolerance * f64::from(want[0]) + 1e-7;
                assert!(
                    (norm - f64::from(want[0])).abs() <= bound,
                    "{prefix} |gradient| of {}: {norm}, not {}",
                    part.name,
                    want[0]
                );
                n_checked += 1;
            }
        }
        let n_stored = self.golden.keys().filter(|k| k.starts_with(&format!("{prefix}.grad"))).count();
        assert_eq!(n_checked, n_stored, "{prefix}: every stored gradient was compared");
        assert!(n_checked > 0);
    }

    fn check_logits(&self, batch: &str) {
        let want = &self.golden[&format!("{batch}.logits")];
        let mut got = Vec::new();
        for document in self.documents(batch) {
            self.model.for_each_logits(&document, |_, logits| got.extend_from_slice(logits));
        }
        assert_eq!(got.len(), want.len());
        let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 1e-4, "{batch}: logits differ by {worst}");
    }
}

const TRANSFORMERS: [&str; 5] = ["deepseek_v3_groups_yarn", "deepseek_v3_plain_tied", "llama", "qwen2", "qwen3"];

#[test]
fn logits_loss_and_every_gradient_equal_transformers() {
    for name in TRANSFORMERS {
        let case = load(name, Precision::F32);
        for batch in ["one", "two"] {
            case.check_logits(batch);
            let packed = PackedBatch::from_documents(&case.documents(batch));
            let spec = LossSpec::over(std::slice::from_ref(&packed), 0.0, 0.0);
            let mut grads = Gradients::new(case.model.params());
            let loss = case.model.train_step(&packed, &spec, &mut grads);
            let want = case.scalar(&format!("{batch}.loss"));
            assert!((loss.loss - want).abs() < 1e-5, "{name} {batch}: loss {} is not {want}", loss.loss);
            case.check_gradients(batch, &grads, 1e-4);
        }
    }
}

#[test]
fn ten_optimizer_steps_equal_torch() {
    for name in TRANSFORMERS {
        let mut case = load(name, Precision::F32);
        let packed = PackedBatch::from_documents(&case.documents("one"));
        let spec = LossSpec::over(std::slice::from_ref(&packed), 0.0, 0.0);
        let config = AdamWConfig { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };
        let mut optimizer = AdamW::new(config, case.model.params());
        let mut grads = Gradients::new(case.model.params());
        for step in 0..10 {
            grads.clear();
            let loss = case.model.train_step(&packed, &spec, &mut grads);
            let norm = optimizer.step(case.model.params_mut(), &grads, 1e-3);
            let (want_loss, want_norm) =
                (f64::from(case.golden["adamw.loss"][step]), f64::from(case.golden["adamw.grad_norm"][step]));
            assert!((loss.loss - want_loss).abs() < 2e-4, "{name} step {step}: loss {} is not {want_loss}", loss.loss);
            assert!((norm / want_norm - 1.0).abs() < 2e-3, "{name} step {step}: norm {norm} is not {want_norm}");
        }
        let after = case.model.evaluate(&packed, &spec).loss;
        let want = case.scalar("adamw.loss_after");
        assert!((after - want).abs() < 2e-4, "{name}: loss after ten steps {after} is not {want}");
    }
}

#[test]
fn mtp_equals_an_independent_writing_of_the_paper() {
    let case = load("deepseek_v3_mtp", Precision::F32);
    for batch in ["one", "two"] {
        case.check_logits(batch);
        let packed = PackedBatch::from_documents(&case.documents(batch));
        let spec = LossSpec::over(std::slice::from_ref(&packed), 0.3, 0.0);
        let mut grads = Gradients::new(case.model.params());
        let loss = case.model.train_step(&packed, &spec, &mut grads);
        for (got, part) in [(loss.loss, "main_loss"), (loss.mtp_loss, "mtp_loss")] {
            let want = case.scalar(&format!("{batch}.{part}"));
            assert!((got - want).abs() < 1e-5, "{batch}.{part}: {got} is not {want}");
        }
        case.check_gradients(batch, &grads, 1e-4);
    }
}

#[test]
fn the_balance_loss_equals_an_independent_writing_of_the_paper() {
    let case = load("deepseek_v3_groups_yarn", Precision::F32);
    let packed = PackedBatch::from_documents(&case.documents("two"));
    let alpha = case.scalar("balance.alpha") as f32;
    let spec = LossSpec::over(std::slice::from_ref(&packed), 0.0, alpha);
    let mut grads = Gradients::new(case.model.params());
    let loss = case.model.train_step(&packed, &spec, &mut grads);
    let want = case.scalar("balance.value");
    assert!((loss.balance_loss - want).abs() < 1e-6 * want.abs().max(1.0), "{} is not {want}", loss.balance_loss);
    case.check_gradients("balance", &grads, 1e-4);
}

/// Bits of a cached forward in pieces against teacher forcing, for both precisions and every architecture.
#[test]
fn generation_has_the_bits_of_teacher_forcing() {
    use kernels::attention::CachedSeq;
    for name in ["deepseek_v3_groups_yarn", "deepseek_v3_plain_tied", "llama", "qwen2", "qwen3"] {
        for precision in [Precision::F32, Precision::Bf16] {
            let mut case = load(name, precision);
            let documents: Vec<Vec<u32>> = case
                .documents("two")
                .into_iter()
                .map(|d| d.iter().cycle().take(70 + d.len()).copied().collect())
                .collect();
            let expected: Vec<Vec<f32>> = documents
                .iter()
                .map(|d| {
                    let mut all = Vec::new();
                    case.model.for_each_logits(d, |_, logits| all.extend_from_slice(logits));
                    all
                })
                .collect();
            case.model.pack_for_decoding();
            let mut caches = case.model.new_caches(8);
            let vocab = case.model.config().vocab_size();
            let blocks = [[0, 3, 4, 6], [5, 1, 2, 7]];
            let shortest = documents.iter().map(Vec::len).min().expect("two documents");
            for (from, to) in [(0, 37), (37, 38), (38, 39), (39, 66), (66, shortest)] {
                let tokens: Vec<u32> = documents.iter().flat_map(|d| d[from..to].iter().copied()).collect();
                let seqs: Vec<CachedSeq> = (0..2)
                    .map(|i| CachedSeq { row: i * (to - from), len: to - from, n_cached: from, blocks: &blocks[i] })
                    .collect();
                let logits = case.model.forward_cached(&tokens, &seqs, &mut caches);
                for (i, row) in logits.slice::<f32>().chunks_exact(vocab).enumerate() {
                    assert_eq!(
                        row,
                        &expected[i][(to - 1) * vocab..to * vocab],
                        "{name} {precision:?} document {i} at {to}"
                    );
                }
            }
        }
    }
}
