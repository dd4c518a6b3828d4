use super::*;
use serde_json::json;

fn record(id: &str, sample: u64, verdict: Verdict) -> Record {
    Record {
        id: id.to_owned(),
        task: "t".to_owned(),
        difficulty: 1,
        prompt: format!("what is {id}"),
        problem: json!({}),
        gold: "1".to_owned(),
        sample,
        reasoning: format!("thinking of {id} for the time {sample}"),
        content: "1".to_owned(),
        well_formed: true,
        finish_reason: "stop".to_owned(),
        verdict,
        reason: String::new(),
        tokens: 10,
        seconds: 0.0,
        dollars: 0.0,
    }
}

fn spec() -> SampleSpec {
    SampleSpec { max_per_problem: 9, min_tokens: 5, ..SampleSpec::default() }
}

#[test]
fn every_answer_has_the_first_reason_that_holds() {
    let good = record("a", 0, Verdict::Right);
    let changed = |change: fn(&mut Record)| {
        let mut record = record("b", 1, Verdict::Right);
        change(&mut record);
        fates(&spec(), &[record])[0]
    };
    assert_eq!(fates(&spec(), &[good])[0], Fate::Kept);
    assert_eq!(changed(|r| r.verdict = Verdict::CannotJudge), Fate::CannotJudge);
    assert_eq!(changed(|r| (r.verdict, r.finish_reason) = (Verdict::Wrong, "length".to_owned())), Fate::Cut);
    assert_eq!(changed(|r| r.verdict = Verdict::Wrong), Fate::Wrong);
    assert_eq!(changed(|r| r.well_formed = false), Fate::Format);
    assert_eq!(changed(|r| r.tokens = 4), Fate::Short);
    assert_eq!(changed(|r| r.tokens = 0), Fate::Kept);
    assert_eq!(changed(|r| r.reasoning = "one plus one 等于二".to_owned()), Fate::Language);
    assert_eq!(changed(|r| r.reasoning = "let me see ".repeat(30)), Fate::Repetition);
}

#[test]
fn problems_too_hard_or_too_easy_are_left_out() {
    let records = [
        record("easy", 0, Verdict::Right),
        record("easy", 1, Verdict::Right),
        record("fit", 0, Verdict::Right),
        record("fit", 1, Verdict::Wrong),
        record("hard", 0, Verdict::Wrong),
        record("hard", 1, Verdict::Wrong),
        record("hard", 2, Verdict::Wrong),
        record("hard", 3, Verdict::Right),
    ];
    let window = SampleSpec { pass_rate_low: 0.4, pass_rate_high: 0.9, ..spec() };
    let kept: Vec<&str> = records
        .iter()
        .zip(fates(&window, &records))
        .filter(|(_, f)| *f == Fate::Kept)
        .map(|(r, _)| r.id.as_str())
        .collect();
    assert_eq!(kept, ["fit"]);
    assert_eq!(fates(&window, &records)[0], Fate::PassRate);
    assert_eq!(pass_rates(&records)["hard"], 0.25);
}

#[test]
fn no_text_twice_and_not_too_many_of_a_problem() {
    let mut records: Vec<Record> = (0..4).map(|sample| record("a", sample, Verdict::Right)).collect();
    records[1].reasoning = records[0].reasoning.to_uppercase() + " \n";
    let two = SampleSpec { max_per_problem: 2, ..spec() };
    assert_eq!(fates(&two, &records), [Fate::Kept, Fate::Duplicate, Fate::Kept, Fate::Surplus]);
}

#[test]
fn loops_are_told_from_honest_columns() {
    assert!(repeats(&"wait, ".repeat(30)));
    assert!(repeats(&format!("so {}", "I think that it is 7. But let me check. ".repeat(5))));
    assert!(!repeats("3+4=7 2+5=7 1+6=7 0+7=7 7+0=7 6+1=7"));
    let counting: Vec<String> = (0..200).map(|i| format!("{i} plus 1 is {}", i + 1)).collect();
    assert!(!repeats(&counting.join(". ")));
    assert!(!repeats("") && !repeats("word"));
}
