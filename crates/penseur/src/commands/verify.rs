//! `penseur verify`: does an answer equal the gold one?

use serde::Deserialize;
use serde_json::{Value, json};
use tasks::Judgement;
use tasks::verify::Verifier;

use super::read_file;
use crate::cli::VerifyArgs;
use crate::output;

/// A line of the file; other keys are left alone.
#[derive(Deserialize)]
struct Line {
    gold: Value,
    answer: Value,
}

pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let Some(path) = &args.jsonl else {
        let (gold, answer) = (args.gold.as_deref(), args.answer.as_deref());
        return print(&Verifier::Answer.judge(gold.unwrap_or_default(), answer.unwrap_or_default()));
    };
    for (i, line) in read_file(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| {
            anyhow::anyhow!("{} line {}: {e}; expected {{\"gold\": .., \"answer\": ..}}", path.display(), i + 1)
        })?;
        print(&match (text(&line.gold), text(&line.answer)) {
            (None, _) => Judgement::cannot_judge("there is no gold answer"),
            (_, None) => Judgement::wrong("there is no answer"),
            (Some(gold), Some(answer)) => Verifier::Answer.judge(&gold, &answer),
        })?;
    }
    Ok(())
}

/// A string as it is, a number or truth value as JSON writes it; nothing else is an answer.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn print(judgement: &Judgement) -> anyhow::Result<()> {
    Ok(output::print_json(&json!({"verdict": judgement.verdict, "reason": judgement.reason}))?)
}
