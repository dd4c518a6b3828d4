use super::{cost_of, described, differences, inputs};
use crate::recipe::{Recipe, StageRecipe};
use model::source::Source;
use std::collections::BTreeMap;
use std::path::Path;

fn stage(files: &std::path::Path, sets: &[&str]) -> StageRecipe {
    let text = format!(
        "[model]\ndepth = 1\n[tokenizer]\nvocab_size = 300\n[[data.source]]\nfiles = [\"{}\"]\n[train]\nsteps = 5\n",
        files.display()
    );
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    Recipe::from_toml(&text, "test", &sets).unwrap().stages.remove(0)
}

#[test]
fn a_digest_covers_what_the_result_depends_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txt");
    std::fs::write(&path, "one").unwrap();
    let digest = |sets: &[&str]| inputs(&stage(&path, sets), &BTreeMap::new()).unwrap().digest;
    let first = digest(&[]);
    assert_eq!(first, digest(&["checkpoint.every=3", "cost.dollars_per_core_hour=1"]), "no part of the result");
    assert_ne!(first, digest(&["train.lr=0.5"]));
    assert_ne!(first, digest(&["seed=2"]));
    std::fs::write(&path, "two").unwrap();
    assert_ne!(first, digest(&[]), "the data's content counts");
}

#[test]
fn differing_recipes_are_shown_by_key() {
    let path = std::path::Path::new("a.txt");
    let text = differences(&stage(path, &[]).to_toml(), &stage(path, &["train.lr=0.5"]).to_toml());
    assert_eq!(text, " (train.lr: 0.001 there, 0.5 here)");
    let same = stage(path, &[]).to_toml();
    assert_eq!(differences(&same, &same), " (its data or parent differ)");
}

#[test]
fn a_parent_beside_the_run_is_named_without_the_directory_around_both() {
    let run = Path::new("/runs/r1/sft-1");
    let parent = |dir: &str| described(&Source::Dir(dir.into()), run);
    assert_eq!(parent("/runs/r1/base-2/checkpoints/step_9"), "base-2/checkpoints/step_9");
    assert_eq!(parent("/models/qwen"), "/models/qwen");
}

#[test]
fn what_is_trained_on_a_bundled_model_has_cost_what_that_model_cost() {
    let mini = Source::resolve("mini").expect("bundled");
    let before = cost_of(Some(&mini)).expect("a sound record");
    assert!(before.dollars > 0.0 && before.core_s > 0.0);
}
