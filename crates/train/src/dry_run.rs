//! A run before it starts: the resolved recipe, parameters, memory, time and dollars, and a refusal of what cannot fit.

use crate::data;
use crate::error::{Result, TrainError};
use crate::progress::{duration, thousands};
use crate::recipe::{GrpoSpec, PrecisionSpec, Recipe, SourceKind, StageKind, StageRecipe};
use crate::shape::{Vocabulary, configuration};
use crate::text_side::directory;
use cost::{Estimate, Machine};
use model::Config;
use model::count::count_params;
use model::memory::plan_training;
use model::source::Source;
use model::tokenizer::Tokenizer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Share of the machine's peak that training is assumed to reach; `penseur bench` measures it.
const EFFICIENCY: f64 = 0.4;

/// What a process takes beyond tensors: code, the kernels' packing buffers, data.
const OVERHEAD_BYTES: u64 = 128 << 20;

/// One stage before it starts.
#[derive(Clone, Debug, Serialize)]
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
    /// Time and dollars.
    pub estimate: Estimate,
    /// The recipe, nothing left to defaults.
    pub recipe: String,
}

/// Plans all stages. Reads configurations and tokenizers, but no weights and no data.
///
/// # Errors
/// A recipe that cannot be carried out: files that are not there, a model that does not fit.
pub fn plan(recipe: &Recipe) -> Result<Vec<StagePlan>> {
    let machine = Machine::measure();
    let mut configs: BTreeMap<String, (Config, Vocabulary)> = BTreeMap::new();
    let mut plans = Vec::new();
    for stage in &recipe.stages {
        if stage.kind == StageKind::Sample {
            check_data(stage)?;
            plans.push(plan_sample(stage, &configs, &machine)?);
            continue;
        }
        let (config, vocabulary) = planned_configuration(stage, &configs)?;
        check_fits(stage, &config)?;
        check_data(stage)?;
        plans.push(plan_stage(stage, &config, &machine)?);
        configs.insert(stage.name.clone(), (config, vocabulary));
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

fn memory_plan(stage: &StageRecipe, config: &Config) -> model::memory::MemoryPlan {
    let precision = stage.model.precision.into();
    plan_training(config, precision, stage.train.micro_batch_tokens, stage.train.seq_len)
}

fn memory_bytes(stage: &StageRecipe, config: &Config) -> u64 {
    let plan = memory_plan(stage, config);
    // The moving average is one more f32 a parameter, as the gradients are.
    let average = if stage.train.ema.is_some() { plan.gradients } else { 0 };
    (plan.total() + average) as u64 + OVERHEAD_BYTES
}

/// The configuration without training a tokenizer or an earlier stage first.
fn planned_configuration(
    stage: &StageRecipe,
    earlier: &BTreeMap<String, (Config, Vocabulary)>,
) -> Result<(Config, Vocabulary)> {
    let parent = match stage.model.from.as_deref() {
        None => None,
        Some(from) => match from.strip_prefix("stage:") {
            Some(name) => earlier.get(name).cloned(),
            None => {
                let source = Source::resolve(from)?;
                let vocabulary = source.tokenizer()?.map_or_else(|| Vocabulary::planned(0), |t| Vocabulary::of(&t));
                Some((source.config()?, vocabulary))
            }
        },
    };
    let vocabulary = match (&stage.tokenizer.path, stage.tokenizer.vocab_size, &parent) {
        (Some(path), _, _) if path.starts_with("stage:") => {
            let earlier = path.strip_prefix("stage:").and_then(|name| earlier.get(name));
            earlier.map(|(_, vocabulary)| vocabulary.clone()).expect("the recipe was checked")
        }
        (Some(path), _, _) => {
            let dir = directory(Path::new(path));
            Vocabulary::of(&Tokenizer::from_dir(&dir).map_err(|e| TrainError::data(&dir, e.to_string()))?)
        }
        (None, _, Some((_, vocabulary))) => vocabulary.clone(),
        (None, size, None) => Vocabulary::planned(size.unwrap_or(0)),
    };
    let config = configuration(stage, parent.as_ref().map(|(config, _)| config), &vocabulary)?;
    Ok((config, vocabulary))
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

fn plan_stage(stage: &StageRecipe, config: &Config, machine: &Machine) -> Result<StagePlan> {
    let train = &stage.train;
    let params = count_params(config);
    let price = stage.cost.price();
    let estimate_for = |tokens: u64| {
        cost::Run {
            config,
            tokens,
            // Most documents are shorter than the longest.
            context: (train.seq_len as u64).div_ceil(2),
            mtp: train.mtp_weight > 0.0,
            bf16: stage.model.precision == PrecisionSpec::Bf16,
            efficiency: EFFICIENCY,
        }
        .on(machine, &price)
    };
    let tokens_of = |steps: u64| match &stage.grpo {
        Some(grpo) => steps * tokens_of_rollouts(grpo),
        None => tokens_of_steps(train, steps),
    };
    // A token of reinforcement is drawn (a forward pass) and learnt from (three of them), see `tokens_of_rollouts`.
    let work_of = |tokens: u64| if stage.grpo.is_some() { tokens + tokens / 3 } else { tokens };
    let tokens = match (train.tokens, train.steps, train.minutes) {
        (Some(tokens), _, _) => tokens,
        (None, Some(steps), _) => tokens_of(steps),
        (None, None, minutes) => (estimate_for(1).tokens_per_s * 60.0 * minutes.unwrap_or(0.0)) as u64,
    };
    Ok(StagePlan {
        stage: stage.name.clone(),
        params_total: params.total(),
        params_active: params.active(),
        params_trained: params.trained(),
        memory_bytes: memory_bytes(stage, config),
        memory_available: sys::memory::available_bytes(),
        tokens,
        estimate: estimate_for(work_of(tokens.max(1))),
        recipe: stage.to_toml(),
    })
}

/// Tokens of one step's rollouts, if answers are half as long as they may be. How long they become is what
/// reinforcement finds out; a run's own metrics tell it.
fn tokens_of_rollouts(grpo: &GrpoSpec) -> u64 {
    (grpo.prompts * grpo.group_size * grpo.max_new_tokens.div_ceil(2)) as u64
}

/// A stage that samples, at most: every answer as long as it may be. A forward takes a third of a step's operations.
fn plan_sample(
    stage: &StageRecipe,
    earlier: &BTreeMap<String, (Config, Vocabulary)>,
    machine: &Machine,
) -> Result<StagePlan> {
    let spec = stage.sample.as_ref().expect("the recipe was checked");
    let n_answers = spec.problems as u64 * spec.samples;
    let tokens = n_answers * spec.max_new_tokens as u64;
    let price = stage.cost.price();
    let none = Estimate { flops: 0.0, wall_s: 0.0, core_s: 0.0, tokens_per_s: 0.0, dollars: 0.0 };
    let mut plan = StagePlan {
        stage: stage.name.clone(),
        params_total: 0,
        params_active: 0,
        params_trained: 0,
        memory_bytes: OVERHEAD_BYTES,
        memory_available: sys::memory::available_bytes(),
        tokens,
        estimate: none,
        recipe: stage.to_toml(),
    };
    if let Some(teacher) = &spec.teacher {
        plan.estimate.dollars = teacher.prices.map_or(0.0, |prices| prices.dollars(0, tokens));
        return Ok(plan);
    }
    let (config, _) = planned_configuration(stage, earlier)?;
    let params = count_params(&config);
    (plan.params_total, plan.params_active) = (params.total(), params.active());
    plan.memory_bytes += plan_training(&config, stage.model.precision.into(), 1, 1).parameters as u64;
    let run = cost::Run {
        config: &config,
        tokens: tokens.div_ceil(3),
        context: (spec.max_new_tokens as u64).div_ceil(2),
        mtp: false,
        bf16: stage.model.precision == PrecisionSpec::Bf16,
        efficiency: EFFICIENCY,
    };
    plan.estimate = run.on(machine, &price);
    plan.estimate.tokens_per_s *= 3.0;
    Ok(plan)
}

/// Tokens of so many steps, the ramp included.
fn tokens_of_steps(train: &crate::recipe::TrainSpec, steps: u64) -> u64 {
    let mut tokens = 0;
    for step in 0..steps {
        let batch = (crate::schedule::n_micro_batches(train, tokens) * train.micro_batch_tokens) as u64;
        if train.batch_ramp.is_none_or(|ramp| tokens >= ramp.tokens) {
            return tokens + (steps - step) * batch;
        }
        tokens += batch;
    }
    tokens
}

impl StagePlan {
    /// For people: the recipe, then what it means.
    pub fn render(&self) -> String {
        let estimate = &self.estimate;
        let free = self.memory_available.map_or(String::new(), |free| format!(" of {:.2} GB free", gigabytes(free)));
        format!(
            "{}\n# stage {}\n# parameters   {} in all, {} active for a token, {} trained with the MTP layers\n\
             # memory       {:.2} GB{free}\n# tokens       {}\n\
             # time         {} at {} tokens/s, if {:.0}% of this machine's peak is reached\n# cost         ${:.4}\n",
            self.recipe,
            self.stage,
            thousands(self.params_total),
            thousands(self.params_active),
            thousands(self.params_trained),
            gigabytes(self.memory_bytes),
            thousands(self.tokens),
            duration(estimate.wall_s),
            thousands(estimate.tokens_per_s as u64),
            100.0 * EFFICIENCY,
            estimate.dollars
        )
    }
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
