//! Checkpoints are complete or absent; old ones survive whatever happens to new ones.

use super::*;
use crate::count::{Role, TensorSpec, tensor_specs};
use crate::presets::Dial;
use crate::weights::{OutValues, StoredType};

fn config() -> Config {
    let dial =
        Dial { depth: 2, vocab_size: 40, max_position_embeddings: 64, experts: false, tie_word_embeddings: true };
    Config::DeepseekV3(dial.deepseek_v3())
}

fn write_one(dir: &Path, value: f32, held_out_loss: Option<f64>) -> Result<()> {
    let config = config();
    let specs: Vec<TensorSpec> = tensor_specs(&config).into_iter().filter(|s| s.role != Role::MtpDuplicate).collect();
    let values = vec![value; specs.iter().map(TensorSpec::n_values).max().unwrap()];
    let tensor = |s: &TensorSpec, stored| OutTensor {
        name: s.name.clone(),
        shape: s.shape.clone(),
        values: OutValues::F32(&values[..s.n_values()]),
        stored,
    };
    let record = TrainingRecord { step: 7, held_out_loss, ..TrainingRecord::default() };
    let contents = Contents {
        config: &config,
        tensors: specs.iter().map(|s| tensor(s, StoredType::Bf16)).collect(),
        files: vec![
            ("tokenizer.json".to_owned(), b"{}".to_vec()),
            ("generation_config.json".to_owned(), generation_config(&config, 0.6, 0.95).into_bytes()),
        ],
        record: Some(&record),
        states: vec![State {
            name: "optimizer",
            tensors: vec![tensor(&specs[0], StoredType::F32)],
            json: json!({"t": 7}),
        }],
    };
    write(dir, &contents)
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn first_value(dir: &Path) -> f32 {
    let checkpoint = Checkpoint::open(dir).unwrap();
    let mut norm = [0.0; 128];
    checkpoint.weights.read_f32("model.norm.weight", &[128], &mut norm).unwrap();
    norm[0]
}

#[test]
fn what_is_written_is_read_back() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("deep/step_7");
    write_one(&dir, 0.5, Some(1.25)).unwrap();
    assert_eq!(
        names_in(&dir),
        ["config.json", "generation_config.json", "model.safetensors", "penseur.json", "state", "tokenizer.json"]
    );
    assert_eq!(names_in(dir.parent().unwrap()), ["step_7"]);
    let checkpoint = Checkpoint::open(&dir).unwrap();
    assert!(checkpoint.names.has_mtp && checkpoint.names.ignored.is_empty());
    assert_eq!(checkpoint.config.torch_dtype(), Some("bfloat16"));
    assert_eq!(checkpoint.record.as_ref().unwrap().held_out_loss, Some(1.25));
    assert_eq!(checkpoint.state_json("optimizer").unwrap(), json!({"t": 7}));
    assert_eq!(checkpoint.state_tensors("optimizer").unwrap().len(), 1);
    assert!(checkpoint.state_tensors("loader").is_err());
    let generation: Value =
        serde_json::from_slice(&std::fs::read(dir.join("generation_config.json")).unwrap()).unwrap();
    assert_eq!(generation["temperature"], json!(0.6));
    assert_eq!(generation["eos_token_id"], json!(1));
}

#[test]
fn a_failed_write_leaves_the_old_one_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("step_1");
    write_one(&dir, 0.5, None).unwrap();
    assert!(write_one(&dir, f32::NAN, None).is_err());
    assert_eq!(names_in(root.path()), ["step_1"]);
    assert_eq!(first_value(&dir), 0.5);
    write_one(&dir, 0.25, None).unwrap();
    assert_eq!(names_in(root.path()), ["step_1"]);
    assert_eq!(first_value(&dir), 0.25);
}

#[test]
fn too_little_space_is_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let config = config();
    let values = [0.0f32];
    // A tensor that claims the shape it has not would be a bug; many views of one are cheap.
    let tensor =
        OutTensor { name: "w".to_owned(), shape: vec![1], values: OutValues::F32(&values), stored: StoredType::F32 };
    let contents = Contents { config: &config, tensors: vec![tensor], files: vec![], record: None, states: vec![] };
    assert!(check_space(root.path(), &contents).is_ok());
    if Path::new("/proc/self").exists() {
        // A file system without room.
        let error = check_space(Path::new("/proc"), &contents).unwrap_err().to_string();
        assert!(error.contains("no space left") && error.contains("intact"), "{error}");
    }
}

#[test]
fn the_last_and_the_best_are_kept() {
    let root = tempfile::tempdir().unwrap();
    for (step, loss) in [(5, 2.0), (10, 1.0), (100, 1.5), (20, 1.2), (200, f64::NAN)] {
        // JSON has no NaN; a diverged evaluation is written as null.
        write_one(&checkpoint_dir(root.path(), step), 1.0, loss.is_finite().then_some(loss)).unwrap();
    }
    std::fs::create_dir(root.path().join("notes")).unwrap();
    let steps = |root: &Path| list(root).unwrap().iter().map(|e| e.step).collect::<Vec<_>>();
    assert_eq!(steps(root.path()), [5, 10, 20, 100, 200]);
    assert_eq!(latest(root.path()).unwrap().unwrap().step, 200);
    let removed = keep(root.path(), KeepRule { last: 2, best: true }).unwrap();
    assert_eq!(removed, [checkpoint_dir(root.path(), 5), checkpoint_dir(root.path(), 20)]);
    assert_eq!(steps(root.path()), [10, 100, 200]);
    keep(root.path(), KeepRule { last: 0, best: false }).unwrap();
    assert_eq!(steps(root.path()), [200]);
    assert!(root.path().join("notes").exists());
    assert!(list(&root.path().join("no such run")).unwrap().is_empty());
}

#[test]
fn what_a_crash_left_is_put_right() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["step_1", "step_2", "step_3"] {
        write_one(&at(name), 1.0, None).unwrap();
    }
    // Half-written; died between the two renames of a replacement; died after them.
    std::fs::create_dir(at("step_4.tmp")).unwrap();
    std::fs::rename(at("step_2"), at("step_2.replaced")).unwrap();
    std::fs::create_dir(at("step_2.tmp")).unwrap();
    std::fs::create_dir(at("step_3.replaced")).unwrap();
    std::fs::create_dir(at("mine.tmp")).unwrap();
    assert_eq!(latest(root.path()).unwrap().unwrap().step, 3);
    let removed = clean_up(root.path()).unwrap();
    assert_eq!(removed, [at("step_2.tmp"), at("step_3.replaced"), at("step_4.tmp")]);
    assert_eq!(names_in(root.path()), ["mine.tmp", "step_1", "step_2", "step_3"]);
    assert_eq!(first_value(&at("step_2")), 1.0);
}

#[test]
fn damaged_directories_are_refused_with_the_file_named() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("step_1");
    assert!(Checkpoint::open(&dir).err().unwrap().to_string().contains("config.json"));
    write_one(&dir, 1.0, None).unwrap();
    let model = dir.join("model.safetensors");
    let bytes = std::fs::read(&model).unwrap();
    std::fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
    let error = Checkpoint::open(&dir).err().unwrap().to_string();
    assert!(error.contains("model.safetensors") && error.contains("truncated"), "{error}");
    std::fs::write(&model, &bytes).unwrap();
    std::fs::write(dir.join("penseur.json"), "{\"step\": \"x\"}").unwrap();
    assert!(Checkpoint::open(&dir).err().unwrap().to_string().contains("penseur.json"));
    std::fs::write(dir.join("penseur.json"), "{").unwrap();
    assert!(Checkpoint::open(&dir).is_err());
    std::fs::remove_file(dir.join("config.json")).unwrap();
    assert!(Checkpoint::open(&dir).err().unwrap().to_string().contains("config.json"));
}
