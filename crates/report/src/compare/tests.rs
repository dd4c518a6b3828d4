use super::Comparison;
use crate::test_support::FakeRun;
use std::path::{Path, PathBuf};

/// Three runs below `dir`: two seeds of one recipe, and one of another.
fn three(dir: &Path) -> Vec<PathBuf> {
    let run = |seed: u32, lr: &str, reached: f64| {
        FakeRun::new("grpo", 40)
            .recipe(&format!("[model]\nseed = {seed}\n[grpo]\nbeta = {lr}\n[cost]\nprice_source = \"{seed}\"\n"))
            .metric("reward", move |t, _| reached * t)
            .metric_every(10, "val/accuracy", move |t, _| if t < 0.9 { reached * t * 1.3 } else { reached })
            .ledger(1, 3600.0, false)
    };
    let runs = [("a", run(1, "1e-3", 0.5)), ("b", run(2, "1e-3", 0.7)), ("c", run(1, "5e-3", 0.2))];
    runs.iter()
        .map(|(name, run)| {
            let path = dir.join(name);
            run.write_to(&path);
            path
        })
        .collect()
}

#[test]
fn runs_stand_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let comparison = Comparison::of(&three(dir.path())).unwrap();
    let groups: Vec<usize> = comparison.runs.iter().map(|run| run.group).collect();
    assert_eq!(groups, [0, 0, 1], "a and b differ in nothing but the seed");
    let group = &comparison.groups[0];
    assert!((group.accuracy.unwrap() - 0.6).abs() < 1e-9 && group.range == Some((0.5, 0.7)));
    assert_eq!(
        comparison.differences.keys().collect::<Vec<_>>(),
        ["grpo.beta", "model.seed"],
        "the price is no difference"
    );
    let best = comparison.runs[0].best.unwrap();
    assert_eq!((best.step, comparison.runs[0].last.unwrap().step), (40, 40));
    let (low, high) = (comparison.runs[0].last.unwrap().low, comparison.runs[0].last.unwrap().high);
    assert!(low < 0.42 && high > 0.58, "Wilson over 100 problems: {low} {high}");
    let text = comparison.render();
    for part in [
        "50.0% (40 to 60)",
        "$0.04",
        "grpo.beta",
        "0.005",
        "grpo.beta 0.001 over seeds 1, 1: accuracy 60.0% on average, 50.0% to 70.0%",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("bits/byte"), "columns without a value are left out");
}

#[test]
fn seeds_are_drawn_as_a_band() {
    let dir = tempfile::tempdir().unwrap();
    let comparison = Comparison::of(&three(dir.path())).unwrap();
    let accuracy = &comparison.charts()[0];
    assert_eq!(accuracy.lines.len(), 2);
    let (low, high) = accuracy.lines[0].band.as_ref().unwrap();
    assert_eq!((low.last(), high.last()), (Some(0.5), Some(0.7)));
    let page = comparison.page();
    assert!(page.contains("<polygon class=\"band c0\"") && page.contains("Recipes differ in"));
    assert!(serde_json::to_value(&comparison).unwrap()["runs"][2]["dollars"].as_f64().unwrap() > 0.0);
}

#[test]
fn runs_of_the_same_name_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one/zero"), dir.path().join("two/zero"));
    FakeRun::new("sft", 3).write_to(&one);
    FakeRun::new("sft", 3).write_to(&two);
    let comparison = Comparison::of(&[one, two]).unwrap();
    assert_eq!(comparison.runs[0].label, "one/zero");
    assert!(comparison.differences.is_empty() && comparison.runs[0].last.is_none());
    assert!(Comparison::of(&[dir.path().join("nowhere")]).is_err());
}
