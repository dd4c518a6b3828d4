//! A run before it starts: the resolved recipe, parameters, memory, time and dollars, and a refusal of what cannot fit.

use crate::data;
use crate::error::{Result, TrainError};
use crate::pace;
use crate::recipe::{LoraSpec, PrecisionSpec, Recipe, SourceKind, StageKind, StageRecipe};
use crate::shape::{Vocabulary, configuration};
use crate::text_side::directory;
use cost::{Estimate, Machine};
use model::Config;
use model::count::count_params;
use model::memory::plan_training;
use model::source::Source;
use model::tokenizer::Tokenizer;
use report::words::{duration, thousands};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Answering takes this much of training's time for each token: a forward pass is a third, at half the speed because few
/// rows are decoded together. Assumed.
const ANSWERING: f64 = 0.67;

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
    /// Tokens of an optimizer step.
    pub step_tokens: u64,
    /// Share of the machine's peak that training reaches.
    pub efficiency: f64,
    /// Whether that was measured, with the stage's own model, and not assumed.
    pub is_measured: bool,
    /// Seconds of evaluations and answers besides.
    pub evaluation_s: f64,
    /// Where the price is from.
    pub price_source: String,
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
    let adapter = stage.train.lora.as_ref().map(LoraSpec::adapter);
    plan_training(config, precision, stage.train.micro_batch_tokens, stage.train.seq_len, adapter)
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
    let pace = pace::measure(stage, config, machine);
    let estimate_for = |tokens: u64| pace::expected(stage, config, tokens, pace.efficiency).on(machine, &price);
    let speed = estimate_for(1).tokens_per_s;
    let seconds = train.minutes.map(|minutes| 60.0 * minutes);
    let tokens = match (train.tokens, train.steps, seconds) {
        (Some(tokens), _, _) => tokens,
        (None, Some(steps), _) => tokens_of_steps(stage, steps),
        (None, None, seconds) => {
            // Evaluations come out of the same minutes.
            let each = 1.0 + evaluation_tokens(stage, 1e9) / 1e9;
            (speed * seconds.unwrap_or(0.0) / each) as u64
        }
    };
    let mut estimate = estimate_for(tokens.max(1));
    let answering = if stage.grpo.is_some() { ANSWERING } else { 0.0 };
    let evaluation_s = (evaluation_tokens(stage, tokens as f64) + answering * tokens as f64) / speed;
    estimate.wall_s = seconds.unwrap_or(estimate.wall_s + evaluation_s);
    estimate.core_s = estimate.wall_s * machine.cores as f64;
    estimate.dollars = price.dollars(estimate.core_s);
    estimate.tokens_per_s = tokens as f64 / estimate.wall_s;
    Ok(StagePlan {
        stage: stage.name.clone(),
        params_total: params.total(),
        params_active: params.active(),
        params_trained: params.trained(),
        memory_bytes: memory_bytes(stage, config),
        memory_available: sys::memory::available_bytes(),
        tokens,
        step_tokens: tokens_of_steps(stage, 1),
        efficiency: pace.efficiency,
        is_measured: pace.is_measured,
        evaluation_s,
        price_source: price.source.clone(),
        estimate,
        recipe: stage.to_toml(),
    })
}

/// What is promised when a stage begins, for `plan.json`.
///
/// # Errors
/// As [`plan`].
pub(crate) fn promise(stage: &StageRecipe, config: &Config) -> Result<StagePlan> {
    plan_stage(stage, config, &Machine::measure())
}

/// Evaluations of a stage of `tokens`, in tokens that training would take as long for: losses are forward passes, a
/// third of training, and problems are answered, half as long as they may be.
fn evaluation_tokens(stage: &StageRecipe, tokens: f64) -> f64 {
    let eval = &stage.eval;
    let steps = tokens / tokens_of_steps(stage, 1) as f64;
    let n = if eval.every > 0 { (steps / eval.every as f64).floor() + 1.0 } else { 1.0 };
    let answers = (eval.problems * eval.max_new_tokens) as f64 / 2.0;
    n * (eval.tokens as f64 / 3.0 + ANSWERING * answers)
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
        step_tokens: tokens,
        efficiency: pace::USUAL,
        is_measured: false,
        evaluation_s: 0.0,
        price_source: price.source.clone(),
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
    plan.memory_bytes += plan_training(&config, stage.model.precision.into(), 1, 1, None).parameters as u64;
    let run = cost::Run {
        config: &config,
        tokens: tokens.div_ceil(3),
        context: (spec.max_new_tokens as u64).div_ceil(2),
        mtp: false,
        bf16: stage.model.precision == PrecisionSpec::Bf16,
        efficiency: pace::USUAL,
    };
    plan.estimate = run.on(machine, &price);
    plan.estimate.tokens_per_s *= 3.0;
    Ok(plan)
}

/// Tokens of so many steps, the ramp included.
fn tokens_of_steps(stage: &StageRecipe, steps: u64) -> u64 {
    if let Some(grpo) = &stage.grpo {
        // Answers are taken to be half as long as they may be.
        return steps * (grpo.prompts * grpo.group_size * grpo.max_new_tokens) as u64 / 2;
    }
    let train = &stage.train;
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
    /// What most of the time goes to.
    pub fn limited_by(&self) -> &'static str {
        if self.evaluation_s > 0.5 * self.estimate.wall_s { "answers and evaluations" } else { "matrix products" }
    }

    /// The arithmetic behind its numbers.
    pub fn explain(&self) -> Vec<cost::plan::Line> {
        let line = |name: &str, value: String, how: String, source: &str| cost::plan::Line {
            name: format!("{}: {name}", self.stage),
            value,
            how,
            source: source.to_owned(),
        };
        let estimate = &self.estimate;
        let source = match self.is_measured {
            true => "a micro-batch of this model, trained here",
            false => "assumed: measuring would take long",
        };
        vec![
            line(
                "operations",
                format!("{:.3e}", estimate.flops),
                format!(
                    "{} tokens x {:.4} GFLOP",
                    thousands(self.tokens),
                    estimate.flops / self.tokens.max(1) as f64 / 1e9
                ),
                "counted from the configuration",
            ),
            line(
                "time",
                duration(estimate.wall_s),
                format!(
                    "operations at {:.1}% of this machine's peak, and {} of evaluations and answers",
                    100.0 * self.efficiency,
                    duration(self.evaluation_s)
                ),
                source,
            ),
            line(
                "dollars",
                format!("${:.4}", estimate.dollars),
                format!("{:.4} core-hours", estimate.core_s / 3600.0),
                &self.price_source,
            ),
        ]
    }

    /// For people: the recipe, then what it means.
    pub fn render(&self) -> String {
        let estimate = &self.estimate;
        let free = self.memory_available.map_or(String::new(), |free| format!(" of {:.2} GB free", gigabytes(free)));
        format!(
            "{}\n# stage {}\n# parameters   {} in all, {} active for a token, {} trained with the MTP layers\n\
             # memory       {:.2} GB{free}\n# tokens       {}\n\
             # time         {} at {} tokens/s with evaluations, {:.0}% of this machine's peak ({})\n# cost         ${:.4}\n",
            self.recipe,
            self.stage,
            thousands(self.params_total),
            thousands(self.params_active),
            thousands(self.params_trained),
            gigabytes(self.memory_bytes),
            thousands(self.tokens),
            duration(estimate.wall_s),
            thousands(estimate.tokens_per_s as u64),
            100.0 * self.efficiency,
            if self.is_measured { "measured" } else { "assumed" },
            estimate.dollars
        )
    }
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
