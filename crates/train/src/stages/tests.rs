use super::{differences, inputs};
use crate::recipe::{Recipe, StageRecipe};
use std::collections::BTreeMap;

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
