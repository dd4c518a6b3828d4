//! `penseur eval` from outside: a local model, files of results, comparison, and an endpoint that is our own server.

use crate::{json, penseur, scratch, stderr, stdout, succeed};

#[test]
fn a_model_is_evaluated_kept_rescored_and_compared() {
    let dir = scratch("eval");
    let out = dir.join("a.jsonl");
    let out = out.to_str().unwrap();
    let args = ["eval", "addition", "digits", "--limit", "4", "--samples", "2", "--out", out, "--json"];
    let report = json(&args);
    assert_eq!((&report["problems"], &report["samples"]), (&8.into(), &16.into()));
    let (low, mean, high) = (&report["pass@1_low"], &report["pass@1"], &report["pass@1_high"]);
    assert!(low.as_f64() < mean.as_f64() && mean.as_f64() <= high.as_f64(), "{report}");
    assert!(report["pass@2"].is_number() && report["cons@2"].is_number(), "{report}");
    assert_eq!(report["tasks"].as_array().unwrap().len(), 2);
    assert_eq!(report["settings"]["sampling"]["top_p"], 0.95);
    assert_eq!(json(&args), report, "from the file, without sampling again");
    assert_eq!(std::fs::read_to_string(out).unwrap().lines().count(), 17);

    let again = penseur(&["eval", "--rescore", out, "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&stdout(&again)).unwrap(), report);
    assert!(stderr(&again).contains("0 of 16 verdicts changed"));
    let same = json(&["eval", "--compare", out, out, "--json"]);
    assert_eq!((&same["p_value"], &same["difference"]), (&1.0.into(), &0.0.into()));
    assert!(succeed(&["eval", "--rescore", out]).contains("95% interval"));

    let other = penseur(&["eval", "addition", "--limit", "2", "--out", out]);
    assert_eq!(other.status.code(), Some(1));
    assert!(stderr(&other).contains("limit is 4 there, 2 here"), "{}", stderr(&other));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for args in [
        vec!["eval"],
        vec!["eval", "adition"],
        vec!["eval", "addition", "--difficulty", "99"],
        vec!["eval", "addition", "--endpoint", "http://127.0.0.1:1"],
        vec!["eval", "addition", "--max-dollars", "1"],
        vec!["eval", "addition", "--samples", "0"],
    ] {
        let output = penseur(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{args:?}");
    }
}
