//! The shipped recipe of R1's pipeline: planned as it is, and run through in a few steps from the bundled model.

use super::*;

const R1: &str = include_str!("../../../../../recipes/r1.toml");

#[test]
fn the_pipeline_is_planned_as_it_ships() {
    let recipe = Recipe::from_toml(R1, "r1", &[]).unwrap();
    let names: Vec<&str> = recipe.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names[..4], ["base", "cold-start", "reasoning", "rejection-sampling"]);
    assert_eq!(names[4..7], ["sft", "r1", "distillation-data"]);
    assert_eq!(names[7..10], ["small-base", "small-distilled", "small-zero"]);
    assert_eq!(names[10..], ["large-base", "large-distilled", "large-zero"]);
    let from: Vec<Option<&str>> = recipe.stages.iter().map(|stage| stage.model.from.as_deref()).collect();
    assert_eq!(from[3..5], [Some("stage:reasoning"), Some("stage:base")]);
    assert_eq!(from[6..10], [Some("stage:r1"), None, Some("stage:small-base"), Some("stage:small-base")]);
    assert_eq!(from[10..], [None, Some("stage:large-base"), Some("stage:large-base")]);
    let plans = crate::dry_run::tests::planned(&recipe);
    assert_eq!(plans.len(), 13);
    assert!(plans.iter().all(|plan| plan.tokens > 0 && plan.estimate.dollars > 0.0 && !plan.render().is_empty()));
    assert!(plans[7].params_total < plans[10].params_total, "two students of different size");
}

/// The same file with the bundled model as base, one step in each stage.
fn tiny() -> Recipe {
    let mut file: toml::Table = R1.parse().unwrap();
    let few: toml::Table =
        "steps = 1\nseq_len = 256\nmicro_batch_tokens = 256\nbatch_tokens = 256\nlr = 1e-6\nwarmup_steps = 0"
            .parse()
            .unwrap();
    for stage in file["stage"].as_array_mut().unwrap().iter_mut().filter_map(toml::Value::as_table_mut) {
        match stage["kind"].as_str() {
            Some("sample") => {
                let sample = stage["sample"].as_table_mut().unwrap();
                sample.insert("problems".to_owned(), 16.into());
                sample.insert("samples".to_owned(), 2.into());
                sample.insert("max_new_tokens".to_owned(), 160.into());
            }
            _ => drop(stage.insert("train".to_owned(), few.clone().into())),
        }
        if let Some(grpo) = stage.get_mut("grpo").and_then(toml::Value::as_table_mut) {
            grpo.extend("prompts = 2\ngroup_size = 2\nmax_new_tokens = 64".parse::<toml::Table>().unwrap());
        }
        let eval = "problems = 0\ntokens = 256\nmax_new_tokens = 8".parse::<toml::Table>().unwrap();
        stage.insert("eval".to_owned(), eval.into());
    }
    let base = file["stage"][0].as_table_mut().unwrap();
    base.insert("model".to_owned(), "from = \"mini\"".parse::<toml::Table>().unwrap().into());
    base.remove("tokenizer");
    let sets = ["stage.small-base.model.depth=1", "stage.large-base.model.depth=2"].map(str::to_owned);
    Recipe::from_toml(&file.to_string(), "r1", &sets).unwrap()
}

#[test]
fn the_pipeline_runs_from_end_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = tiny();
    let results = run(&recipe, &options(dir.path(), false)).unwrap();
    assert_eq!(results.len(), 13);
    assert!(results.iter().all(|result| matches!(result.outcome, Outcome::Finished(_)) && !result.was_cached));
    let path = |idx: usize| match &results[idx].outcome {
        Outcome::Finished(path) => path.clone(),
        other => panic!("{other:?}"),
    };
    assert!(path(3).ends_with(DATASET) && path(6).ends_with(DATASET));
    let models = [path(8), path(12)].map(Source::Dir);
    assert_eq!(models[0].config().unwrap().model_type(), "qwen2");
    let mini = Source::resolve("mini").unwrap().tokenizer().unwrap().unwrap();
    assert_eq!(models[1].tokenizer().unwrap().unwrap().json(), mini.json(), "the teacher's tokenizer");
    let again = run(&recipe, &options(dir.path(), false)).unwrap();
    assert!(again.iter().all(|result| result.was_cached));
}
