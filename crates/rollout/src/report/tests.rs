use super::*;
use crate::results::tests::{problems, reply, settings};

/// Two samples of each of four problems, of which the first so many are right.
fn results(n_right: [u64; 4]) -> Results {
    let problems = problems(4);
    let mut results = Results { settings: settings(2), records: Vec::new() };
    for (problem, n_right) in problems.iter().zip(n_right) {
        for sample in 0..2 {
            let content = if sample < n_right { problem.example.answer.clone() } else { "no idea".to_owned() };
            results.records.push(Record::new(problem, sample, reply(&content)));
        }
    }
    results
}

#[test]
fn figures_are_those_of_the_samples() {
    let report = Report::new(&results([2, 1, 0, 1]));
    let all = report.to_json();
    assert_eq!((all["pass@1"].as_f64(), all["pass@2"].as_f64()), (Some(0.5), Some(0.75)));
    // One problem is right for sure, one wrong; where the two samples differ, a draw decides.
    assert_eq!(all["cons@2"], 0.5);
    assert_eq!((&all["problems"], &all["samples"], &all["right"]), (&4.into(), &8.into(), &4.into()));
    // 4 seconds for 80 tokens, 10 tokens an answer; $0.08 an hour.
    assert_eq!((all["seconds_per_problem"].as_f64(), all["seconds_per_solved"].as_f64()), (Some(0.5), Some(1.0)));
    let dollars = all["dollars_per_solved"].as_f64().unwrap();
    assert!((dollars - 0.08 / 3600.0).abs() < 1e-12, "{dollars}");
    assert_eq!((&all["mean_tokens"], &all["truncated"], &all["well_formed"]), (&10.0.into(), &0.0.into(), &1.0.into()));
    assert_eq!(all["tasks"][0]["task"], "addition");
    assert_eq!(all["tasks"][0]["difficulties"][0]["difficulty"], 2);
    assert_eq!(all["settings"]["sampling"]["temperature"], 0.6);
    let text = report.render();
    for part in ["addition", "50.0%", "pass@2", "cons@2", "temperature 0.6", "top_p 0.95", "seed 0"] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
}

#[test]
fn nothing_right_and_nothing_judged_have_figures_too() {
    let mut none = results([0; 4]);
    let figures = Report::new(&none).overall;
    assert_eq!((figures.accuracy.unwrap().mean, figures.per_solved(1.0)), (0.0, None));
    none.records.iter_mut().for_each(|record| record.verdict = Verdict::CannotJudge);
    let report = Report::new(&none);
    assert_eq!((report.overall.accuracy, report.overall.cannot_judge), (None, 1.0));
    assert!(report.to_json()["pass@1"].is_null());
    assert!(!report.render().contains("NaN"));
}

#[test]
fn an_endpoint_says_what_each_answer_took() {
    let mut paid = results([2, 2, 0, 0]);
    paid.settings.endpoint = Some("http://h".to_owned());
    paid.records.iter_mut().for_each(|record| (record.seconds, record.dollars) = (2.0, 0.25));
    let figures = Report::new(&paid).overall;
    assert_eq!((figures.seconds, figures.dollars, figures.per_solved(figures.dollars)), (2.0, 0.25, Some(0.5)));
}

#[test]
fn results_are_compared_problem_by_problem() {
    let found = compare(&results([0, 0, 1, 2]), &results([2, 1, 1, 2])).unwrap();
    assert_eq!((found.n_problems, found.difference, found.n_second_better), (4, 0.375, 2));
    let text = render_comparison("a", "b", &found);
    assert!(text.contains("+37.5 points") && text.contains("paired t test"), "{text}");
    let mut other = results([2; 4]);
    other.records.iter_mut().for_each(|record| record.id += "x");
    assert!(compare(&results([0; 4]), &other).is_none());
}
