//! The questions around a plan: which chip, which layout, by when, for how much, and what serving costs.

use std::path::Path;

use cost::layout::{Job, LayoutSpec};
use cost::plan::{Cluster, preset_job};
use cost::questions::{self, Answer, ServeQuestion};
use cost::serving::Service;
use cost::{Catalogue, Chip};

use super::{chip, configuration, job};
use crate::cli::PlanArgs;
use crate::usage;

/// The flag of the question that is asked; `None` where it is the plan itself.
pub fn asked(args: &PlanArgs) -> anyhow::Result<Option<&'static str>> {
    let asked: Vec<&str> = [
        ("--compare", !args.compare.is_empty()),
        ("--layouts", args.layouts),
        ("--published", args.published),
        ("--within", args.within.is_some()),
        ("--budget", args.budget.is_some()),
        ("--reach", args.reach.is_some()),
        ("--serve", args.serve),
    ]
    .into_iter()
    .filter_map(|(flag, is_asked)| is_asked.then_some(flag))
    .collect();
    match asked.as_slice() {
        [] => Ok(None),
        [question] => Ok(Some(question)),
        several => Err(usage::error(format!("one question at a time: {} ask different things", several.join(" and ")))),
    }
}

/// The answer to one of [`asked`].
pub fn answer(question: &str, args: &PlanArgs, catalogue: &Catalogue) -> anyhow::Result<Answer> {
    Ok(match question {
        "--compare" => compare(args, catalogue)?,
        "--layouts" => {
            let (name, job, spec) = asked_job(args, args.count.unwrap_or(2048))?;
            let cluster = cluster(args, catalogue, 2048)?;
            questions::compare_layouts(&name, &job, &cluster, &spec).map_err(usage::error)?
        }
        "--published" => cost::published::against_published(catalogue).map_err(usage::error)?.0,
        "--within" => {
            let (name, job, _) = asked_job(args, 1)?;
            let limits = (args.within.unwrap_or_default(), args.price);
            questions::cheapest_within(&name, &job, catalogue, args.on.as_deref(), limits).map_err(usage::error)?
        }
        "--budget" => {
            let cluster = cluster(args, catalogue, 1)?;
            let budget = args.budget.unwrap_or_default();
            questions::model_for_budget(budget, &cluster, args.count).map_err(usage::error)?
        }
        "--reach" => reach(args)?,
        _ => serve(args, catalogue)?,
    })
}

/// The run of a preset, or of `--model` and `--tokens`.
fn asked_job(args: &PlanArgs, count: u64) -> anyhow::Result<(String, Job, LayoutSpec)> {
    let spec = args.layout.as_deref().map(LayoutSpec::parse).transpose().map_err(usage::error)?.unwrap_or_default();
    match (&args.target, &args.model) {
        (Some(preset), None) => {
            let (mut job, _) = preset_job(preset, count).map_err(usage::error)?;
            job.tokens = args.tokens.unwrap_or(job.tokens);
            let name = match preset.as_str() {
                "v3" => "v3's pre-training (not its longer contexts and post-training)".to_owned(),
                other => other.to_owned(),
            };
            Ok((name, job, spec))
        }
        (Some(_), Some(_)) => Err(usage::error("a preset has its model: leave --model out, or the preset")),
        (None, Some(model)) => Ok((model.clone(), job(args, configuration(model)?, count)?, spec)),
        (None, None) => Err(usage::error("which run? give a preset, such as v3-pretrain, or --model and --tokens")),
    }
}

fn cluster(args: &PlanArgs, catalogue: &Catalogue, usual: u64) -> anyhow::Result<Cluster> {
    let chip = match &args.on {
        Some(_) => chip(args, catalogue)?,
        None => catalogue.chip("h800").map_err(usage::error)?.clone(),
    };
    Cluster::new(&chip, args.count.unwrap_or(usual), args.price).map_err(usage::error)
}

fn compare(args: &PlanArgs, catalogue: &Catalogue) -> anyhow::Result<Answer> {
    let count = args.count.unwrap_or(2048);
    let (name, job, spec) = asked_job(args, count)?;
    let chips: Vec<&Chip> =
        args.compare.iter().map(|name| catalogue.chip(name)).collect::<Result<_, _>>().map_err(usage::error)?;
    let priced: Vec<(&Chip, Option<f64>)> = chips.into_iter().map(|chip| (chip, args.price)).collect();
    questions::compare_chips(&name, &job, &priced, count, &spec).map_err(usage::error)
}

fn reach(args: &PlanArgs) -> anyhow::Result<Answer> {
    let run = args.run.as_deref().ok_or_else(|| usage::error("--reach: from which run? give --run DIR"))?;
    let below = Path::new("runs").join(run);
    let dir = if !run.is_dir() && below.is_dir() { below } else { run.to_owned() };
    let metrics = super::super::read_file(&dir.join("metrics.jsonl"))?;
    let name = dir.display().to_string();
    questions::cost_to_reach(&name, &metrics, args.reach.unwrap_or_default()).map_err(usage::error)
}

fn serve(args: &PlanArgs, catalogue: &Catalogue) -> anyhow::Result<Answer> {
    let name = args.model.as_deref().unwrap_or("deepseek-r1");
    let (config, cluster) = (configuration(name)?, cluster(args, catalogue, 1)?);
    let is_theirs = cost::layout::n_experts(&config) >= 256 && cluster.chip.fp8_tflops.is_some();
    let mut service = match is_theirs {
        true => Service::deepseek(&config),
        false => Service::smallest(&config, &cluster.chip).map_err(usage::error)?,
    };
    let usual = ServeQuestion::default();
    let asked = ServeQuestion {
        prompt_tokens: args.prompt_tokens.unwrap_or(usual.prompt_tokens),
        answer_tokens: args.answer_tokens.unwrap_or(usual.answer_tokens),
        solves: args.solves.or_else(|| ServeQuestion::published_share(name)),
        output_per_day: args.per_day.unwrap_or(usual.output_per_day),
    };
    // DeepSeek's production is what is known of a model like V3; a problem that is described has its own length.
    let is_described = args.prompt_tokens.or(args.answer_tokens).is_some();
    let usual_context = match (is_described, is_theirs) {
        (true, _) => asked.mean_context(),
        (false, true) => service.context,
        (false, false) => asked.mean_context().min(service.config.max_position_embeddings() as f64),
    };
    service = Service {
        prefill_unit: args.prefill_chips.or(args.count).unwrap_or(service.prefill_unit),
        decode_unit: args.decode_chips.or(args.count).unwrap_or(service.decode_unit),
        context: args.context.unwrap_or(usual_context),
        user_tokens_per_s: args.speed.unwrap_or(service.user_tokens_per_s),
        cache_hits: args.hits.unwrap_or(service.cache_hits),
        tokens_per_step: args.mtp.unwrap_or(service.tokens_per_step),
        ..service
    };
    questions::serve(name, &config, &service, &cluster, &asked).map_err(usage::error)
}
