//! `penseur plan`: what a run takes before it starts, and the questions around it.

use std::path::{Path, PathBuf};

use cost::catalogue::THIS_MACHINE;
use cost::layout::{Job, LayoutSpec};
use cost::page::Page;
use cost::plan::{Changes, Cluster, Plan, plan_training, preset, usual_batch};
use cost::{Catalogue, Chip};
use model::Config;
use model::presets;
use serde_json::Value;

use crate::cli::PlanArgs;
use crate::{loaded, output, usage};

mod given;
mod questions;
mod recipe;

pub fn run(args: &PlanArgs) -> anyhow::Result<()> {
    let question = questions::asked(args)?;
    given::refuse_unused(args, question)?;
    let catalogue = catalogue(args, question)?;
    if let Some(path) = args.target.as_deref().filter(|target| is_recipe(target)) {
        return recipe::run(Path::new(path), args);
    }
    if let Some(question) = question {
        let answer = questions::answer(question, args, &catalogue)?;
        return show(&answer.json, &answer.page, args);
    }
    let plan = plan_of(args, &catalogue)?;
    if let Some(path) = &args.trace {
        let step = plan.step.as_ref().ok_or_else(|| usage::error("--trace: this plan has no pipeline to draw"))?;
        write(path, &step.timeline.chrome_trace().to_string())?;
    }
    show(&serde_json::to_value(&plan)?, &Page::from(&plan), args)
}

/// Prints an answer as JSON or as a page, and writes the HTML where it is asked for.
fn show(json: &Value, page: &Page, args: &PlanArgs) -> anyhow::Result<()> {
    if let Some(path) = &args.html {
        write(path, &page.html())?;
    }
    match args.json {
        true => output::print_json(json)?,
        false => output::print_line(page.text(args.explain))?,
    }
    Ok(())
}

fn write(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).map_err(|e| anyhow::anyhow!("cannot write {}: {e}", path.display()))
}

fn is_recipe(target: &str) -> bool {
    target.ends_with(".toml") || Path::new(target).is_file()
}

fn plan_of(args: &PlanArgs, catalogue: &Catalogue) -> anyhow::Result<Plan> {
    let layout = args.layout.as_deref().map(LayoutSpec::parse).transpose().map_err(usage::error)?;
    match (&args.target, &args.model) {
        (Some(name), None) => {
            let changes =
                Changes { on: args.on.clone(), count: args.count, price: args.price, tokens: args.tokens, layout };
            preset(name, &changes, catalogue).map_err(usage::error)
        }
        (None, Some(name)) => {
            let (config, chip, count) = (configuration(name)?, chip(args, catalogue)?, args.count.unwrap_or(1));
            let cluster = Cluster::new(&chip, count, args.price).map_err(usage::error)?;
            let job = job(args, config, count)?;
            plan_training(name, &job, &cluster, &layout.unwrap_or_default()).map_err(usage::error)
        }
        (Some(_), Some(_)) => Err(usage::error("a preset has its model: leave --model out, or the preset")),
        (None, None) => Err(usage::error(format!(
            "nothing to plan: give a preset ({}), a RECIPE.toml, or --model with --tokens and --on",
            cost::plan::PRESETS.map(|(name, _)| name).join(", ")
        ))),
    }
}

/// Chips by name. This machine joins where it is meant and `bench --save` has not measured it already: by its name, or by
/// a model that is planned on no chip in particular.
fn catalogue(args: &PlanArgs, question: Option<&str>) -> anyhow::Result<Catalogue> {
    let mut catalogue = Catalogue::load(args.catalog.as_deref()).map_err(usage::error)?;
    let is_this = |name: &String| matches!(name.trim().to_lowercase().as_str(), "this" | THIS_MACHINE);
    let is_here = question.is_none() && args.target.is_none() && args.model.is_some() && args.on.is_none();
    let is_meant = args.on.iter().chain(&args.compare).any(is_this) || is_here;
    if is_meant && catalogue.chip(THIS_MACHINE).is_err() {
        let price = cost::Price::default().dollars_per_core_hour;
        catalogue.add(Chip::of_machine(&cost::Machine::measure(), price));
    }
    Ok(catalogue)
}

fn chip(args: &PlanArgs, catalogue: &Catalogue) -> anyhow::Result<Chip> {
    let name = args.on.as_deref().unwrap_or(THIS_MACHINE);
    Ok(catalogue.chip(name).map_err(usage::error)?.clone())
}

fn job(args: &PlanArgs, config: Config, count: u64) -> anyhow::Result<Job> {
    let tokens = args.tokens.ok_or_else(|| usage::error("how many tokens? for example --tokens 14.8T"))?;
    let longest = config.max_position_embeddings() as u64;
    let seq_len = args.seq_len.unwrap_or(4096.min(longest));
    if seq_len > longest || seq_len < 2 {
        return Err(usage::error(format!(
            "--seq-len {seq_len}: expected 2 to the model's {longest}; nearest: {}",
            seq_len.clamp(2, longest)
        )));
    }
    let batch = args.batch.unwrap_or_else(|| usual_batch(&config, seq_len, count));
    Ok(Job { config, tokens, seq_len, batch, mtp: true })
}

/// A published model by name, a directory or a bundled model, or a config.json.
fn configuration(name: &str) -> anyhow::Result<Config> {
    if let Ok(config) = presets::published(name) {
        return Ok(config);
    }
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension == "json") {
        return Ok(Config::file_to_count(path)?);
    }
    if path.join("config.json").is_file() {
        // What cannot run here (quantized weights, another activation, an older generation) can still be planned.
        return Ok(Config::file_to_count(&path.join("config.json"))?);
    }
    if let Ok(source) = loaded::find(name) {
        return Ok(source.config()?);
    }
    let known = presets::names();
    let near = model::error::nearest(name, known.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("did you mean \"{near}\"? "));
    Err(usage::error(format!(
        "no model \"{name}\": {near}expected a directory, a config.json, `mini`, or one of {}",
        known.join(", ")
    )))
}
