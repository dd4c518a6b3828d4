//! `penseur train`: a recipe in, checkpoints and a bill out.

use serde_json::{Value, json};
use train::progress::Display;
use train::stages::StageResult;
use train::{Outcome, Recipe, RunOptions, StopFlag, TrainError};

use crate::cli::TrainArgs;
use crate::output;
use crate::usage;

pub fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let recipe =
        Recipe::from_file(&args.recipe, &args.set).and_then(|all| all.only(&args.stage)).map_err(by_audience)?;
    if args.dry_run {
        return dry_run(&recipe, args.json);
    }
    let options = RunOptions {
        run_dir: args.run_dir.clone(),
        resume: args.resume,
        allow_other_code: args.allow_other_code,
        stop: StopFlag::on_ctrl_c(),
        display: if args.plain { Display::Lines } else { Display::Auto },
    };
    let results = train::run(&recipe, &options).map_err(by_audience)?;
    if args.json {
        let results: Vec<Value> = results.iter().map(json_of).collect();
        return Ok(output::print_json(&results.into())?);
    }
    for result in &results {
        output::print_line(text_of(result))?;
    }
    let Some(last) = results.last() else { return Ok(()) };
    // One bill for all stages, and what was promised beside it.
    let root = match results.len() {
        1 => last.run_dir.as_path(),
        _ => last.run_dir.parent().unwrap_or(&last.run_dir),
    };
    Ok(output::print_line(format!("\n{}", report::Chain::open(root)?.account()?))?)
}

/// The resolved recipe and what it would take. What cannot fit is refused.
fn dry_run(recipe: &Recipe, as_json: bool) -> anyhow::Result<()> {
    let plans = train::dry_run::plan(recipe).map_err(by_audience)?;
    if as_json {
        return Ok(output::print_json(&serde_json::to_value(&plans)?)?);
    }
    for plan in &plans {
        output::print_line(plan.render())?;
    }
    Ok(())
}

/// A recipe that cannot be meant is bad usage; everything else is a failure.
pub(super) fn by_audience(error: TrainError) -> anyhow::Error {
    match error {
        TrainError::Recipe(_) | TrainError::Task(_) => usage::error(error),
        other => other.into(),
    }
}

fn text_of(result: &StageResult) -> String {
    let StageResult { stage, run_dir, outcome, was_cached } = result;
    match outcome {
        Outcome::Finished(checkpoint) if *was_cached => format!("{stage}: done before, {}", checkpoint.display()),
        Outcome::Finished(checkpoint) => format!("{stage}: done, {}", checkpoint.display()),
        Outcome::Paused(step) => format!("{stage}: stopped at step {step} in {}; --resume goes on", run_dir.display()),
    }
}

fn json_of(result: &StageResult) -> Value {
    let (finished, checkpoint, step) = match &result.outcome {
        Outcome::Finished(path) => (true, Some(path), None),
        Outcome::Paused(step) => (false, None, Some(step)),
    };
    json!({
        "stage": result.stage,
        "run_dir": result.run_dir,
        "finished": finished,
        "cached": result.was_cached,
        "checkpoint": checkpoint,
        "paused_at_step": step,
    })
}
