//! A run before it starts: the resolved recipe, parameters, memory, time and dollars, and a refusal of what cannot fit.
//!
//! What a stage will read and write comes from its problems (`outlook.rs`), how fast from a measurement of its own
//! model here and now (`pace.rs`); the rest is counted.

mod forecast;
mod show;
#[cfg(test)]
pub(crate) mod tests;

use crate::data::{self, Codec};
use crate::error::{Result, TrainError};
use crate::outlook::Outlook;
use crate::pace::{self, Pace, Stretch, Watch};
use crate::recipe::{LoraSpec, Recipe, SourceKind, StageKind, StageRecipe};
use crate::shape::{Vocabulary, configuration};
use crate::text_side;
use cost::{Estimate, Machine, Promise};
use forecast::Forecast;
use model::count::count_params;
use model::memory::plan_training;
use model::source::Source;
use model::tokenizer::Tokenizer;
use model::{Config, Model, ModelOptions};
use report::files::PlanFile;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tensor::Device;

/// What a process takes beyond tensors: code, the kernels' packing buffers, data. As measured, rounded up.
const OVERHEAD_BYTES: u64 = 128 << 20;

/// One stage before it starts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StagePlan {
    /// The stage.
    pub stage: String,
    /// Parameters of the main model.
    pub params_total: u64,
    /// Those that one token meets, embedding included.
    pub params_active: u64,
    /// Those that training holds, MTP included.
    pub params_trained: u64,
    /// Most bytes that a step takes.
    pub memory_bytes: u64,
    /// Bytes that are free now, where the machine says.
    pub memory_available: Option<u64>,
    /// Tokens to be trained on.
    pub tokens: u64,
    /// Tokens of an optimizer step.
    pub step_tokens: u64,
    /// Share of the machine's peak that training reaches.
    pub efficiency: f64,
    /// Whether that was measured, with the stage's own model, and not assumed.
    pub is_measured: bool,
    /// Tokens of an answer, on average.
    pub answer_tokens: f64,
    /// Whether that is the length of worked answers to the stage's problems, and not half of the longest.
    pub is_answer_worked: bool,
    /// Seconds before its first step: a tokenizer is trained, and this plan's speed is measured.
    pub preparing_s: f64,
    /// Seconds of answers that are learnt from or kept.
    pub rollout_s: f64,
    /// Seconds of forward, backward and update.
    pub training_s: f64,
    /// Seconds of evaluations.
    pub evaluation_s: f64,
    /// Seconds of cores that compute, where the machine says; the others are held and idle.
    pub cpu_s: Option<f64>,
    /// Where the price is from.
    pub price_source: String,
    /// Time and dollars.
    pub estimate: Estimate,
    /// The recipe, nothing left to defaults.
    pub recipe: String,
}

/// What is known of a stage before it runs, for those after it.
struct Planned {
    config: Config,
    vocabulary: Vocabulary,
    codec: Option<Arc<Codec>>,
}

/// Plans all stages. Reads configurations and tokenizers, but no weights and no files of data.
///
/// # Errors
/// A recipe that cannot be carried out: files that are not there, a model that does not fit.
pub fn plan(recipe: &Recipe) -> Result<Vec<StagePlan>> {
    let (machine, mut decoded) = (Machine::measure(), pace::Decoded::new());
    plan_at(recipe, &machine, |stage, config, outlook| pace::measure(stage, config, outlook, &machine, &mut decoded))
}

/// Plans all stages on `machine`, each at the pace that `measure` gives.
pub(crate) fn plan_at(
    recipe: &Recipe,
    machine: &Machine,
    mut measure: impl FnMut(&StageRecipe, &Config, &Outlook) -> Pace,
) -> Result<Vec<StagePlan>> {
    let mut planned: BTreeMap<String, Planned> = BTreeMap::new();
    let mut outlooks: BTreeMap<String, Outlook> = BTreeMap::new();
    let mut plans = Vec::new();
    for stage in &recipe.stages {
        check_data(stage)?;
        let is_taught = stage.sample.as_ref().is_some_and(|spec| spec.teacher.is_some());
        if is_taught {
            plans.push(plan_taught(stage));
            continue;
        }
        let watch = Watch::start(machine.cores);
        let this = planned_model(stage, &planned)?;
        let outlook = Outlook::of(stage, this.codec.as_ref(), &outlooks)?;
        check_adapter(stage, &this.config)?;
        outlook.check_room(stage)?;
        if stage.kind != StageKind::Sample {
            check_fits(stage, &this.config)?;
        }
        let pace = measure(stage, &this.config, &outlook);
        plans.push(plan_stage(stage, &this.config, &outlook, machine, pace, watch.stop()));
        planned.insert(stage.name.clone(), this);
        outlooks.insert(stage.name.clone(), outlook);
    }
    Ok(plans)
}

/// Refuses a stage whose step does not fit into the memory that is free now.
///
/// # Errors
/// With the bytes by what they are for, and what to change.
pub(crate) fn check_fits(stage: &StageRecipe, config: &Config) -> Result<()> {
    let needed = memory_bytes(stage, config);
    let Some(available) = sys::memory::available_bytes().filter(|available| *available < needed) else {
        return Ok(());
    };
    let plan = memory_plan(stage, config);
    Err(TrainError::Recipe(format!(
        "stage `{}` needs {:.2} GB (weights {:.2}, gradients {:.2}, optimizer {:.2}, activations {:.2}) and {:.2} GB are free; \
         lower train.micro_batch_tokens for fewer activations, or choose a smaller model",
        stage.name,
        gigabytes(needed),
        gigabytes(plan.parameters as u64),
        gigabytes(plan.gradients as u64),
        gigabytes(plan.optimizer as u64),
        gigabytes(plan.activations as u64),
        gigabytes(available)
    )))
}

/// Refuses an adapter for a matrix that the model does not have, which would train less than was asked for, or nothing.
///
/// # Errors
/// With the matrices that there are.
pub(crate) fn check_adapter(stage: &StageRecipe, config: &Config) -> Result<()> {
    let Some(lora) = &stage.train.lora else { return Ok(()) };
    let options = ModelOptions {
        device: Device::meta(),
        precision: stage.model.precision.into(),
        trainable: true,
        n_positions: stage.train.seq_len,
    };
    let all = LoraSpec { targets: Vec::new(), ..lora.clone() };
    let model = Model::with_adapter(config.clone(), &options, all.adapter());
    let names = model.adapter_ids().map(|id| model.params().name(id));
    let known: BTreeSet<&str> =
        names.filter_map(|name| name.strip_suffix(".lora_A.weight")?.rsplit('.').next()).collect();
    match lora.targets.iter().find(|target| !known.contains(target.as_str())) {
        None => Ok(()),
        Some(target) => {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            Err(TrainError::Recipe(format!(
                "stage `{}`: train.lora.targets has \"{target}\", which is no matrix of this model; it has {known}",
                stage.name
            )))
        }
    }
}

fn memory_plan(stage: &StageRecipe, config: &Config) -> model::memory::MemoryPlan {
    let precision = stage.model.precision.into();
    let adapter = stage.train.lora.as_ref().map(LoraSpec::adapter);
    plan_training(config, precision, stage.train.micro_batch_tokens, stage.train.seq_len, adapter)
}

fn memory_bytes(stage: &StageRecipe, config: &Config) -> u64 {
    if stage.sample.is_some() {
        // Weights alone, and what one token needs.
        return plan_training(config, stage.model.precision.into(), 1, 1, None).parameters as u64 + OVERHEAD_BYTES;
    }
    let plan = memory_plan(stage, config);
    // The moving average is one more f32 a parameter, as the gradients are.
    let average = if stage.train.ema.is_some() { plan.gradients } else { 0 };
    (plan.total() + average) as u64 + OVERHEAD_BYTES
}

/// Configuration and tokenizer without training an earlier stage first.
fn planned_model(stage: &StageRecipe, earlier: &BTreeMap<String, Planned>) -> Result<Planned> {
    let of_stage = |path: &str| path.strip_prefix("stage:").and_then(|name| earlier.get(name));
    let (mut parent, mut source) = (None, None);
    if let Some(from) = stage.model.from.as_deref() {
        parent = of_stage(from).map(|planned| (planned.config.clone(), planned.vocabulary.clone()));
        if parent.is_none() {
            let found = Source::resolve(from)?;
            let vocabulary = found.tokenizer()?.map_or_else(|| Vocabulary::planned(0), |t| Vocabulary::of(&t));
            parent = Some((found.config()?, vocabulary));
            source = Some(found);
        }
    }
    let spoken = stage.tokenizer.path.as_deref().or(stage.model.from.as_deref()).and_then(of_stage);
    let codec = match spoken {
        Some(planned) => planned.codec.clone(),
        None => text_side::planned(stage, source.as_ref())?,
    };
    let vocabulary = match (&stage.tokenizer.path, stage.tokenizer.vocab_size, &parent) {
        (Some(path), _, _) if path.starts_with("stage:") => {
            of_stage(path).map(|planned| planned.vocabulary.clone()).expect("the recipe was checked")
        }
        (Some(path), _, _) => {
            let dir = text_side::directory(Path::new(path));
            Vocabulary::of(&Tokenizer::from_dir(&dir).map_err(|e| TrainError::data(&dir, e.to_string()))?)
        }
        (None, _, Some((_, vocabulary))) => vocabulary.clone(),
        (None, size, None) => Vocabulary::planned(size.unwrap_or(0)),
    };
    let config = configuration(stage, parent.as_ref().map(|(config, _)| config), &vocabulary)?;
    Ok(Planned { config, vocabulary, codec })
}

/// Files and families that a run would miss only after minutes.
fn check_data(stage: &StageRecipe) -> Result<()> {
    for source in &stage.data.source {
        match source.kind {
            SourceKind::Task => drop(data::problem_mixture(source)?),
            SourceKind::Stage => {}
            SourceKind::Text | SourceKind::Jsonl => drop(data::expand_files(&source.files)?),
        }
    }
    Ok(())
}

/// What is promised when a stage begins, for `plan.json`. `watch` runs since then.
pub(crate) fn promise(stage: &StageRecipe, config: &Config, outlook: &Outlook, watch: &Watch) -> PlanFile {
    let machine = Machine::measure();
    let pace = pace::measure(stage, config, outlook, &machine, &mut pace::Decoded::new());
    let plan = plan_stage(stage, config, outlook, &machine, pace, watch.stop());
    let estimate = &plan.estimate;
    let promise =
        Promise { tokens: plan.tokens, wall_s: estimate.wall_s, cpu_s: plan.cpu_s, dollars: estimate.dollars };
    PlanFile { promise, machine: machine.name() }
}

fn plan_stage(
    stage: &StageRecipe,
    config: &Config,
    outlook: &Outlook,
    machine: &Machine,
    pace: Pace,
    preparing: Stretch,
) -> StagePlan {
    let flops_per_token = pace::run_of(stage, config, outlook, 1).flops_per_token();
    let course = Forecast { stage, outlook, pace, flops_per_token }.course();
    let params = count_params(config);
    let price = stage.cost.price();
    let wall_s = preparing.seconds + course.rollout_s + course.training_s + course.evaluation_s;
    let core_s = wall_s * machine.cores as f64;
    let estimate = Estimate {
        flops: course.flops,
        wall_s,
        core_s,
        tokens_per_s: course.tokens as f64 / wall_s.max(f64::MIN_POSITIVE),
        dollars: price.dollars(core_s),
    };
    StagePlan {
        stage: stage.name.clone(),
        params_total: params.total(),
        params_active: params.active(),
        params_trained: if stage.sample.is_some() { 0 } else { params.trained() },
        memory_bytes: memory_bytes(stage, config),
        memory_available: sys::memory::available_bytes(),
        tokens: course.tokens,
        step_tokens: course.step_tokens,
        efficiency: pace.efficiency,
        is_measured: pace.is_measured,
        answer_tokens: course.answer_tokens,
        is_answer_worked: outlook.knows_answers(),
        preparing_s: preparing.seconds,
        rollout_s: course.rollout_s,
        training_s: course.training_s,
        evaluation_s: course.evaluation_s,
        cpu_s: pace.busy.zip(pace.decode_busy).zip(preparing.cpu_s).map(|((training, decoding), preparing_s)| {
            let busy = training * course.training_s + decoding * (course.rollout_s + course.evaluation_s);
            preparing_s + machine.cores as f64 * busy
        }),
        price_source: price.source,
        estimate,
        recipe: stage.to_toml(),
    }
}

/// A stage whose answers a teacher gives, at most: what it charges for answers as long as they may be. Nothing is computed.
fn plan_taught(stage: &StageRecipe) -> StagePlan {
    let spec = stage.sample.as_ref().expect("only samples have a teacher");
    let tokens = spec.problems as u64 * spec.samples * spec.max_new_tokens as u64;
    let prices = spec.teacher.as_ref().and_then(|teacher| teacher.prices);
    let dollars = prices.map_or(0.0, |prices| prices.dollars(0, tokens));
    StagePlan {
        stage: stage.name.clone(),
        tokens,
        step_tokens: tokens,
        answer_tokens: spec.max_new_tokens as f64,
        memory_bytes: OVERHEAD_BYTES,
        memory_available: sys::memory::available_bytes(),
        price_source: "tokens, as the recipe says the endpoint charges for them".to_owned(),
        estimate: Estimate { dollars, ..Estimate::default() },
        recipe: stage.to_toml(),
        ..StagePlan::default()
    }
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
