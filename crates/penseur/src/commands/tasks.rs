//! `penseur tasks`: problems with answers that can be checked.

use serde::Deserialize;
use serde_json::{Value, json};
use tasks::{Example, Options, Rng, Split, Task};

use super::read_file;
use crate::cli::{SampleArgs, ScoreArgs, TasksArgs, TasksCommand};
use crate::output;
use crate::usage;

pub fn run(args: &TasksArgs) -> anyhow::Result<()> {
    match &args.command {
        TasksCommand::List { json } => list(*json),
        TasksCommand::Sample(args) => sample(args),
        TasksCommand::Score(args) => score(args),
    }
}

fn list(as_json: bool) -> anyhow::Result<()> {
    let tasks = tasks::registry();
    if as_json {
        let entry = |t: &dyn Task| json!({"name": t.name(), "about": t.about(), "levels": t.levels()});
        let entries: Vec<Value> = tasks.iter().map(|t| entry(t.as_ref())).collect();
        return Ok(output::print_json(&entries.into())?);
    }
    let width = tasks.iter().map(|t| t.name().len()).max().unwrap_or(0);
    for task in tasks {
        output::print_line(format_args!(
            "{:width$}  {} (difficulty 1 to {})",
            task.name(),
            task.about(),
            task.levels()
        ))?;
    }
    Ok(())
}

fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    let task = tasks::find(&args.name).map_err(usage::error)?;
    if let Some(difficulty) = args.difficulty {
        tasks::mixture::check_difficulty(task.as_ref(), difficulty).map_err(usage::error)?;
    }
    let split = Split::from(args.split);
    for i in 0..args.n {
        // The i-th problem is the same however many are asked for.
        let mut rng = Rng::stream(&[args.seed, i]);
        let difficulty = args.difficulty.unwrap_or((i % u64::from(task.levels())) as u8 + 1);
        let example = task.generate(&mut rng, difficulty, split, &Options::default());
        print_example(&example, args.json)?;
    }
    Ok(())
}

fn print_example(example: &Example, as_json: bool) -> anyhow::Result<()> {
    let Example { id, prompt, problem, answer, .. } = example;
    if as_json {
        let line = json!({"id": id, "prompt": prompt, "problem": problem, "answer": answer});
        return Ok(output::print_json(&line)?);
    }
    Ok(output::print_line(format_args!("{prompt}\n    {answer}"))?)
}

/// A line of the file to be scored; other keys, such as those that `sample` adds, are left alone.
#[derive(Deserialize)]
struct Line {
    problem: Value,
    answer: String,
}

fn score(args: &ScoreArgs) -> anyhow::Result<()> {
    let task = tasks::find(&args.name).map_err(usage::error)?;
    let text = read_file(&args.jsonl)?;
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| {
            anyhow::anyhow!(
                "{} line {}: {e}; expected {{\"problem\": .., \"answer\": \"..\"}}",
                args.jsonl.display(),
                i + 1
            )
        })?;
        let judgement = task.score(&line.problem, &line.answer);
        output::print_json(&json!({"verdict": judgement.verdict, "reason": judgement.reason}))?;
    }
    Ok(())
}
