use super::page;
use crate::test_support::FakeRun;
use serde_json::json;

fn learning() -> FakeRun {
    let mut run = FakeRun::new("grpo", 60)
        .metric("reward", |t, noise| t + 0.05 * noise.normal())
        .metric("entropy", |t, _| 1.0 - 0.5 * t)
        .metric("odd/metric", |t, _| t)
        .metric_every(10, "val/accuracy", |t, _| 0.8 * t)
        .metric_every(10, "val/accuracy_low", |t, _| 0.8 * t - 0.1)
        .metric_every(10, "val/accuracy_high", |t, _| 0.8 * t + 0.1)
        .ledger(1, 7200.0, false)
        .ledger(1, 360.0, true);
    for step in (10..=60_u64).step_by(10) {
        let verdict = if step < 30 { "wrong" } else { "right" };
        run = run
            .sample(json!({ "step": step, "split": "validation", "task": "addition", "prompt": "What is 2 + <3>?",
                            "reasoning": "2 and 3", "content": format!("answer at {step}"), "answer": "5",
                            "verdict": verdict, "tokens": 12 }))
            .timing(json!({ "step": step, "rollout_s": 2.0, "update_s": 1.0, "verify_s": 0.0, "rollout_tokens": 500, "update_tokens": 400 }));
    }
    run.sample(json!({ "step": 60, "split": "train", "task": "addition", "prompt": "?", "content": "7", "answer": 7,
                       "verdict": "right", "reward": 1.0, "tokens": 3 }))
}

#[test]
fn a_page_needs_nothing_else_and_shows_everything() {
    let html = page(&learning().open()).unwrap();
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let found = html.replace("http://www.w3.org/2000/svg", "").contains(outside);
        assert!(!found, "{outside} would be loaded from elsewhere");
    }
    for shown in [
        "Accuracy",
        "95%: 70.0% to 90.0%",
        "Reward",
        "Entropy",
        "Dollars",
        "Tokens a second",
        "odd/metric",
        "Where the time went",
        "answer at 10",
        "answer at 60",
        "Answers in training",
        "What is 2 + &lt;3&gt;?",
        "Bill",
        "kind = &quot;grpo&quot;",
    ] {
        assert!(html.contains(shown), "{shown} is missing");
    }
    assert!(html.contains("lost") && html.contains("$0.004"), "lost work is in the bill");
}

#[test]
fn a_chain_is_one_page() {
    let dir = tempfile::tempdir().unwrap();
    FakeRun::new("pretrain", 30).metric("loss", |t, _| 3.0 - t).write_to(&dir.path().join("base-1"));
    learning().write_to(&dir.path().join("zero-2"));
    std::fs::write(dir.path().join("chain.json"), r#"{"name": "r1", "stages": ["base-1", "zero-2"]}"#).unwrap();
    FakeRun::new("grpo", 5).write_to(&dir.path().join("zero-1"));
    let path = super::write(dir.path(), None).unwrap();
    let html = std::fs::read_to_string(path).unwrap();
    let (base, zero) = (html.find("id=\"pretrain\"").unwrap(), html.find("id=\"grpo\"").unwrap());
    assert!(base < zero && html.contains("not shown: zero-1"));
}

#[test]
fn a_run_that_has_just_begun_has_a_page() {
    let html = page(&FakeRun::new("pretrain", 0).open()).unwrap();
    assert!(html.contains("too few to tell"));
}
