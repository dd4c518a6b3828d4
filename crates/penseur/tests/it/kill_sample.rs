//! ARCHITECTURE.md, invariant 4, for stages that make data: killed among the answers again and again, and resumed, one ends
//! in the very bytes of one that was never killed. Real processes, real signals, the bundled model.

use super::kill_resume::{finish_recipe, lines, start_recipe};
use super::scratch;
use std::time::Duration;

const RECIPE: &str = r#"
name = "sampled"
kind = "sample"
seed = 5
[model]
from = "mini"
[[data.source]]
kind = "task"
tasks = [{ task = "addition", weight = 1, difficulty = 3 }, { task = "multiplication", weight = 1, difficulty = 5 }]
[sample]
problems = 40
samples = 2
temperature = 1.0
max_per_problem = 2
"#;

#[test]
fn a_killed_stage_ends_in_the_same_data() {
    let dir = scratch("kill-sample");
    std::fs::write(dir.join("recipe.toml"), RECIPE).expect("the recipe can be written");
    finish_recipe(&dir, "recipe.toml", "whole", false);
    let whole = std::fs::read(dir.join("whole/dataset.jsonl")).expect("the data is there");
    assert!(!whole.is_empty());

    let answers = dir.join("killed/answers.jsonl");
    let n_answers = || std::fs::read(&answers).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
    // The first line holds the settings, so 81 lines are the whole.
    for at in [2, 20, 21, 50] {
        let mut child = start_recipe(&dir, "recipe.toml", "killed", dir.join("killed/run.json").exists());
        while n_answers() < at && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("a child can be killed");
        child.wait().expect("and ends");
    }
    assert!(!dir.join("killed/done.json").exists(), "it was killed before its end");
    finish_recipe(&dir, "recipe.toml", "killed", true);
    assert_eq!(std::fs::read(dir.join("killed/dataset.jsonl")).expect("the data is there"), whole);
    let steps = |run: &str| lines(&dir.join(run).join("metrics.jsonl"))[0]["step"].clone();
    assert_eq!((steps("killed"), steps("whole")), (80.into(), 80.into()));
    let ledger = lines(&dir.join("killed/ledger.jsonl"));
    assert!(ledger.iter().any(|line| line["attempt"].as_u64() > Some(1)), "every attempt is on the bill: {ledger:?}");
    let again = finish_recipe(&dir, "recipe.toml", "killed", false);
    assert!(String::from_utf8_lossy(&again.stdout).contains("done before"));
}
