use super::{Recipe, ScheduleKind, StageKind};

const ONE: &str = r#"
seed = 3
[model]
depth = 2
[tokenizer]
vocab_size = 300
[[data.source]]
kind = "text"
files = ["a.txt"]
[train]
tokens = 1e6
lr = 0.002
"#;

fn read(text: &str, sets: &[&str]) -> Result<Recipe, String> {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    Recipe::from_toml(text, "one", &sets).map_err(|e| e.to_string())
}

#[test]
fn layers_are_laid_over_each_other() {
    let recipe = read(ONE, &["train.lr=0.5", "data.source.0.weight=2"]).unwrap();
    let stage = &recipe.stages[0];
    assert_eq!((recipe.name.as_str(), stage.name.as_str(), stage.seed), ("one", "one", 3));
    assert_eq!((stage.train.tokens, stage.train.lr), (Some(1_000_000), 0.5));
    assert_eq!(stage.data.source[0].weight, 2.0);
    assert_eq!(stage.train.betas, [0.9, 0.95], "a default");
    assert!(!recipe.is_chain);
}

#[test]
fn a_later_layer_replaces_the_budget() {
    let recipe = read(ONE, &["train.steps=5"]).unwrap();
    assert_eq!((recipe.stages[0].train.tokens, recipe.stages[0].train.steps), (None, Some(5)));
}

#[test]
fn the_resolved_recipe_is_a_recipe() {
    let stage =
        read(ONE, &["train.batch_ramp={from=4096,tokens=1e5}", "model.config.vocab_size=7"]).unwrap().stages.remove(0);
    let again = read(&stage.to_toml(), &[]).unwrap();
    assert_eq!(again.stages[0], stage);
}

#[test]
fn misspelt_keys_name_the_nearest() {
    let error = read(&ONE.replace("lr =", "lrr ="), &[]).unwrap_err();
    assert!(error.contains("`train.lrr`; did you mean `train.lr`?"), "{error}");
    let error = read(&ONE.replace("seed", "warmup_step"), &[]).unwrap_err();
    assert!(error.contains("did you mean `train.warmup_steps`?"), "{error}");
    let error = read(ONE, &["data.source.0.wieght=2"]).unwrap_err();
    assert!(error.contains("did you mean `data.source.weight`?"), "{error}");
    let error = read(&ONE.replace("[model]", "[modle]"), &[]).unwrap_err();
    assert!(error.contains("`modle`; did you mean `model`?"), "{error}");
}

#[test]
fn wrong_types_and_ranges_are_refused_with_the_key() {
    for (from, to, expected) in [
        ("lr = 0.002", "lr = \"fast\"", "lr"),
        ("tokens = 1e6", "tokens = 1.5", "whole number"),
        ("tokens = 1e6", "tokens = 1e6\nminutes = 3", "exactly one of train.tokens"),
        ("lr = 0.002", "decay = 1.5", "train.decay is 1.5"),
        ("lr = 0.002", "lr = -1.0", "train.lr is -1"),
        ("tokens = 1e6", "minutes = inf", "train.minutes are numbers"),
        ("kind = \"text\"", "kind = \"text\"\noptions = { slips = nan }", "options.slips is NaN"),
        ("lr = 0.002", "lr = 0.002\n[eval]\nproblems = 3\nmax_new_tokens = 0", "eval.max_new_tokens is 0"),
        ("files = [\"a.txt\"]", "", "no `files`"),
        ("kind = \"text\"", "kind = \"task\"", "exactly one of `mixture` and `tasks`"),
        ("kind = \"text\"", "kind = \"txet\"", "txet"),
        ("depth = 2", "", "no model"),
        ("vocab_size = 300", "", "exactly one of tokenizer.path"),
        ("seed = 3", "name = \"../x\"", "letters, digits"),
    ] {
        assert!(ONE.contains(from));
        let error = read(&ONE.replace(from, to), &[]).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn a_part_of_a_chain_has_what_it_needs() {
    let shared = ONE.replace("[model]\ndepth = 2\n[tokenizer]\nvocab_size = 300\n", "");
    let text = format!(
        "{shared}\n[[stage]]\nname = \"base\"\n[stage.model]\ndepth = 2\n[stage.tokenizer]\nvocab_size = 300\n\
         [[stage]]\nname = \"tune\"\nkind = \"sft\"\n[stage.train]\nsteps = 7\n\
         [[stage]]\nname = \"other\"\n[stage.model]\ndepth = 3\n[stage.tokenizer]\npath = \"stage:base\"\n"
    );
    let names = |names: &[&str], sets: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let part = read(&text, sets).unwrap().only(&names).map_err(|e| e.to_string())?;
        Ok::<_, String>(part.stages.into_iter().map(|stage| stage.name).collect::<Vec<_>>())
    };
    assert_eq!(names(&[], &[]).unwrap(), ["base", "tune", "other"]);
    assert_eq!(names(&["tune"], &[]).unwrap(), ["base", "tune"]);
    assert_eq!(names(&["other"], &[]).unwrap(), ["base", "other"]);
    assert_eq!(names(&["tune"], &["stage.tune.model.from=mini"]).unwrap(), ["tune"]);
    assert!(names(&["tuen"], &[]).unwrap_err().contains("no stage `tuen` (stages: base, tune, other)"));
}

#[test]
fn stages_share_what_stands_outside_and_start_where_the_last_ended() {
    let text = format!(
        "{ONE}\n[[stage]]\nname = \"base\"\n[[stage]]\nname = \"tune\"\nkind = \"sft\"\n[stage.train]\nsteps = 7\n"
    );
    let recipe = read(&text, &["stage.tune.train.lr=0.25", "train.clip=2"]).unwrap();
    let [base, tune] = recipe.stages.as_slice() else { panic!("two stages") };
    assert_eq!((base.model.depth, base.model.from.as_deref()), (Some(2), None));
    assert_eq!((tune.model.depth, tune.model.from.as_deref()), (None, Some("stage:base")));
    assert_eq!((tune.kind, tune.train.schedule), (StageKind::Sft, ScheduleKind::Cosine));
    assert_eq!((base.train.lr, tune.train.lr), (0.002, 0.25));
    assert_eq!((base.train.clip, tune.train.clip), (2.0, 2.0));
    assert_eq!((tune.train.steps, tune.train.tokens), (Some(7), None));
    assert!(read(&text, &["stage.tuen.train.lr=0.25"]).unwrap_err().contains("no stage `tuen`"));
}
