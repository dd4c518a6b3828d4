//! `penseur eval` from outside: a local model, files of results, comparison, and an endpoint that is our own server.

use std::io::{BufRead, BufReader};

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

    // Sixteen answers were paid for, once.
    let ledger = dir.join("a.ledger.jsonl");
    assert_eq!(std::fs::read_to_string(&ledger).unwrap().lines().count(), 1);
    let total = &json(&["runs", "show", ledger.to_str().unwrap(), "--json"])["total"];
    assert!(total["tokens"].as_u64() > Some(16) && total["flops"].as_f64() > Some(1e6), "{total}");
    assert!(succeed(&["runs", "show", ledger.to_str().unwrap()]).contains("eval mini#"));

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

#[test]
fn an_endpoint_is_asked_once() {
    let dir = scratch("eval-endpoint");
    let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_penseur"))
        .args(["serve", "--port", "0", "--data-dir", dir.join("app").to_str().unwrap()])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.contains("http://")).expect("the server says where it is");
    let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
    let (url, out) = (format!("http://{address}/v1"), dir.join("b.jsonl"));
    let mut args = vec!["eval", "addition", "--limit", "4", "--endpoint", &url, "--endpoint-model", "mini", "--json"];
    args.extend(["--max-tokens", "256", "--price-in", "1", "--price-out", "2", "--max-dollars", "1", "--out"]);
    args.push(out.to_str().unwrap());
    let report = json(&args);
    let local = json(&["eval", "addition", "--limit", "4", "--max-tokens", "256", "--json"]);
    // A server that is told to stop writes down what it spent.
    let told = std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(told.success() && server.wait().unwrap().success());
    let served = json(&["runs", "show", dir.join("app/ledger.jsonl").to_str().unwrap(), "--json"]);
    assert_eq!(served["bill"]["stages"][0]["stage"], "serve mini");
    assert!(
        served["total"]["tokens"].as_u64() > Some(50) && served["total"]["dollars"].as_f64() > Some(0.0),
        "{served}"
    );
    assert_eq!((&report["samples"], &report["settings"]["endpoint"]), (&4.into(), &url.as_str().into()));
    assert!(report["right"].as_u64() >= Some(3) && report["dollars_per_problem"].as_f64() > Some(0.0), "{report}");
    assert!(report["well_formed"].as_f64() > Some(0.7), "the thinking is told from the answer: {report}");
    assert_eq!(report["problems"], local["problems"]);
    std::fs::remove_file(&out).unwrap();
    let again = json(&args);
    assert_eq!(again, report, "the server is gone, but what it answered was kept");
}
