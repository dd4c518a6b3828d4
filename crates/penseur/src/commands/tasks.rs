//! `penseur tasks`: problems with answers that can be checked.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tasks::{Example, Options, Rng, Split, Task, TaskError};

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
    if !as_json {
        output::print_line(format_args!("{}", row("family", "levels", "worked", "about")))?;
    }
    for task in &tasks {
        let (name, about, levels, worked) = (task.name(), task.about(), task.levels(), is_demonstrated(task.as_ref()));
        if as_json {
            let entry = json!({"name": name, "about": about, "levels": levels, "demonstrations": worked});
            output::print_json(&entry)?;
        } else {
            let worked = if worked { "yes" } else { "no" };
            output::print_line(format_args!("{}", row(name, &levels.to_string(), worked, about)))?;
        }
    }
    Ok(())
}

fn row(name: &str, levels: &str, worked: &str, about: &str) -> String {
    format!("{name:22} {levels:>6}  {worked:6}  {about}")
}

/// Do examples come with worked thinking?
fn is_demonstrated(task: &dyn Task) -> bool {
    (0..4).any(|i| task.generate(&mut Rng::stream(&[i]), 1, Split::Train, &Options::default()).demonstration.is_some())
}

/// The task of a name, a problem file with its verifier.
fn open(name: &str, verifier: Option<&str>) -> anyhow::Result<Arc<dyn Task>> {
    let opened = match verifier {
        Some(verifier) if tasks::registry::file_of(name).is_some() => tasks::open(&format!("{name}#{verifier}")),
        Some(_) => {
            return Err(usage::error(format!("--verifier is for problem files, `file:PATH`; `{name}` has its own")));
        }
        None => tasks::open(name),
    };
    opened.map_err(|error| match error {
        TaskError::File { .. } => error.into(),
        _ => usage::error(error),
    })
}

fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    let task = open(&args.name, args.verifier.as_deref())?;
    if let Some(difficulty) = args.difficulty {
        tasks::mixture::check_difficulty(task.as_ref(), difficulty).map_err(usage::error)?;
    }
    let split = Split::from(args.split);
    tasks::mixture::check_split(task.as_ref(), split)?;
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
    let task = open(&args.name, args.verifier.as_deref())?;
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
