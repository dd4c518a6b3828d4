//! Runs a recipe: its stages in order, each in a run directory of its own, each skipped where its result is there.
//!
//! A stage's digest covers everything that its result is a function of: its settings, the content of its data, and its
//! parent's digest. A finished directory of the same digest is the result; an unfinished one can be resumed; another
//! digest means another run.

#[cfg(test)]
mod tests;

use crate::accuracy::ProblemSet;
use crate::checkpoint::{self, TrainerState};
use crate::clock::Clock;
use crate::data::{self, Codec, Loader, ValidationSet, prefetch::Prefetch};
use crate::digest::Digest;
use crate::dry_run;
use crate::error::{Result, TrainError};
use crate::grpo::judge::Judge;
use crate::grpo::prompts::Prompts;
use crate::grpo::trainer::{GrpoState, GrpoTrainer};
use crate::interrupt::StopFlag;
use crate::keeper::Keeper;
use crate::learner::Learner;
use crate::model_learner::{ModelLearner, Parts};
use crate::outlook::Outlook;
use crate::pace::Watch;
use crate::progress::{Display, Progress};
use crate::recipe::{Recipe, SourceKind, StageKind, StageRecipe};
use crate::run_dir::{Done, Meter, RunDir, RunInfo};
use crate::sample::SampleStage;
use crate::shape::{Vocabulary, configuration};
use crate::text_side::{self, TextSide, directory};
use crate::trainer::{Outcome, Trainer};
use model::Config;
use model::checkpoint::{CostSoFar, generation_config};
use model::source::Source;
use model::weights::Weights;
use report::files::ChainFile;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What the command line says about a run.
#[derive(Clone, Default)]
pub struct RunOptions {
    /// Where the run is kept; by default the recipe's `run_dir`, then `runs/NAME-DIGEST`.
    pub run_dir: Option<PathBuf>,
    /// Go on where the directory's last checkpoint is.
    pub resume: bool,
    /// Go on even if the code or the instruction set is another one; the result is then not what it would have been.
    pub allow_other_code: bool,
    /// Raised to stop in order.
    pub stop: StopFlag,
    /// What is shown on stderr.
    pub display: Display,
}

/// How one stage of a recipe ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StageResult {
    /// The stage's name.
    pub stage: String,
    /// Its run directory.
    pub run_dir: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether an earlier run had done it.
    pub was_cached: bool,
}

/// Where a stage begins, and what it is a function of.
pub(crate) struct Inputs {
    /// Digest over everything.
    pub(crate) digest: String,
    /// The model it starts from.
    pub(crate) parent: Option<Source>,
    /// Digest of that model.
    pub(crate) parent_digest: Option<String>,
    /// The stage, with files in the place of earlier stages' names.
    pub(crate) stage: StageRecipe,
}

/// Digest and result of each stage that is done: a checkpoint, or the data that it sampled.
type Finished = BTreeMap<String, (String, PathBuf)>;

/// Runs all stages. After a stop the last result says so, and later stages are not begun.
///
/// # Errors
/// Anything that can go wrong with files, data, memory or numbers; the message says what to do.
pub fn run(recipe: &Recipe, options: &RunOptions) -> Result<Vec<StageResult>> {
    let mut results: Vec<StageResult> = Vec::new();
    let mut finished = Finished::new();
    for stage in &recipe.stages {
        let inputs = inputs(stage, &finished)?;
        let (run_dir, cache_dir) = places(recipe, stage, &inputs.digest, options);
        if recipe.is_chain {
            note_stage(recipe, &results, &run_dir)?;
        }
        let (outcome, was_cached) = run_stage(&inputs.stage, (&run_dir, &cache_dir), &inputs, options)?;
        // The stage's process is done with the directory only now, so only now its page says how it ended.
        if let Err(error) = report::html::refresh(&run_dir) {
            tracing::warn!("no report: {error}");
        }
        if let Outcome::Finished(path) = &outcome {
            finished.insert(stage.name.clone(), (inputs.digest, path.clone()));
        }
        let has_ended = matches!(outcome, Outcome::Finished(_));
        results.push(StageResult { stage: stage.name.clone(), run_dir, outcome, was_cached });
        if !has_ended {
            break;
        }
    }
    Ok(results)
}

/// Writes `chain.json`: which directories the chain's stages have, so far.
fn note_stage(recipe: &Recipe, earlier: &[StageResult], run_dir: &Path) -> Result<()> {
    let dirs = earlier.iter().map(|result| result.run_dir.as_path()).chain([run_dir]);
    let stages = dirs.filter_map(|dir| Some(dir.file_name()?.to_string_lossy().into_owned())).collect();
    let chain = ChainFile { name: recipe.name.clone(), stages };
    let chain_dir = run_dir.parent().unwrap_or(run_dir);
    let path = chain_dir.join("chain.json");
    let text = serde_json::to_string(&chain).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}"));
    std::fs::create_dir_all(chain_dir).map_err(|e| TrainError::io("create", chain_dir, e))?;
    sys::disk::replace_file(&path, text.as_bytes()).map_err(|e| TrainError::io("write", &path, e))
}

/// The stage's directory and that of its tokenised data. A run of one stage has its own directory; a chain has a
/// directory of directories. Runs without a chosen place share their tokenised data.
fn places(recipe: &Recipe, stage: &StageRecipe, digest: &str, options: &RunOptions) -> (PathBuf, PathBuf) {
    let runs = Path::new("runs");
    let of_stage = |name: &str| format!("{name}-{}", &digest[..8]);
    match (options.run_dir.as_ref().or(recipe.run_dir.as_ref()), recipe.is_chain) {
        (Some(dir), false) => (dir.clone(), dir.join("tokens")),
        (Some(dir), true) => (dir.join(of_stage(&stage.name)), dir.join("tokens")),
        (None, false) => (runs.join(of_stage(&recipe.name)), runs.join(".tokens")),
        (None, true) => (runs.join(&recipe.name).join(of_stage(&stage.name)), runs.join(".tokens")),
    }
}

/// Finds the parent and digests everything that the stage's result depends on.
pub(crate) fn inputs(stage: &StageRecipe, finished: &Finished) -> Result<Inputs> {
    let resolved = resolved(stage, finished);
    let mut digest = Digest::new();
    let mut settings = stage.clone();
    let defaults = StageRecipe::defaults(stage.kind);
    // What the stage is called, when it saves and what it costs change nothing about its result.
    (settings.name, settings.checkpoint, settings.cost) = (defaults.name, defaults.checkpoint, defaults.cost);
    if let Some(teacher) = settings.sample.as_mut().and_then(|sample| sample.teacher.as_mut()) {
        // Nor does how a teacher is paid and how fast it is asked.
        (teacher.key_env, teacher.concurrency, teacher.prices, teacher.max_dollars) = (None, 0, None, None);
    }
    if let Some(judge) = settings.grpo.as_mut().and_then(|grpo| grpo.judge.as_mut()) {
        (judge.key_env, judge.prices, judge.max_dollars) = (None, None, None);
    }
    let parent = match stage.model.from.as_deref() {
        None => None,
        Some(from) => {
            let (parent_digest, source) = match from.strip_prefix("stage:") {
                Some(name) => {
                    let (digest, path) = finished.get(name).expect("stages run in order, and the recipe was checked");
                    (digest.clone(), Source::Dir(path.clone()))
                }
                None => {
                    let source = Source::resolve(from)?;
                    (source_digest(&source)?, source)
                }
            };
            settings.model.from = Some(parent_digest);
            Some(source)
        }
    };
    if let Some(path) = &resolved.tokenizer.path {
        let mut tokenizer = Digest::new();
        tokenizer.file(&directory(Path::new(path)).join("tokenizer.json"))?;
        settings.tokenizer.path = Some(tokenizer.hex());
    }
    digest.json(&settings);
    for source in &resolved.data.source {
        source.digest_into(&mut digest)?;
    }
    Ok(Inputs { digest: digest.hex(), parent, parent_digest: settings.model.from, stage: resolved })
}

/// The stage with the files of earlier stages in the place of their names.
fn resolved(stage: &StageRecipe, finished: &Finished) -> StageRecipe {
    let mut resolved = stage.clone();
    let result_of = |name: &str| {
        let (_, path) = finished.get(name).expect("stages run in order, and the recipe was checked");
        path.display().to_string()
    };
    if let Some(path) = &mut resolved.tokenizer.path
        && let Some(name) = path.strip_prefix("stage:")
    {
        *path = result_of(name);
    }
    for source in &mut resolved.data.source {
        if let Some(name) = source.stage.take() {
            (source.kind, source.files) = (SourceKind::Jsonl, vec![result_of(&name)]);
        }
    }
    resolved
}

/// Digest of a model's configuration, tokenizer and weights.
///
/// # Errors
/// Files that cannot be read.
pub fn source_digest(source: &Source) -> Result<String> {
    let mut digest = Digest::new();
    match source {
        Source::Bundled(bundled) => {
            for name in ["config.json", "tokenizer.json", "model.safetensors"] {
                digest.bytes(bundled.file(name).unwrap_or_default());
            }
        }
        Source::Dir(dir) => {
            let entries = std::fs::read_dir(dir).map_err(|e| TrainError::io("read", dir, e))?;
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            let counts = |path: &Path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.ends_with(".safetensors") || name == "config.json" || name == "tokenizer.json"
            };
            for path in paths.iter().filter(|path| counts(path)) {
                digest.file(path)?;
            }
        }
    }
    Ok(digest.hex())
}

/// Runs one stage in its directory, or finds that it is done.
fn run_stage(
    stage: &StageRecipe,
    (path, cache_dir): (&Path, &Path),
    inputs: &Inputs,
    options: &RunOptions,
) -> Result<(Outcome, bool)> {
    let watch = Watch::start(sys::cpu::physical_cores());
    let dir = RunDir::open(path)?;
    if let Some(done) = finished_before(&dir, &inputs.digest)? {
        return Ok((Outcome::Finished(done), true));
    }
    begin_or_resume(&dir, stage, inputs, options)?;
    let checkpoints = checkpoint::directory(path);
    model::checkpoint::clean_up(&checkpoints)?;
    let latest = model::checkpoint::latest(&checkpoints)?.map(|found| found.dir);
    let opened = Opened { stage, dir: &dir, inputs, options, latest, watch };
    let outcome = match stage.kind {
        StageKind::Pretrain | StageKind::Sft => supervise(opened, cache_dir)?,
        StageKind::Grpo => reinforce(opened)?,
        StageKind::Sample => sample(opened)?,
    };
    Ok((outcome, false))
}

/// A stage whose directory is ours to work in.
struct Opened<'a> {
    stage: &'a StageRecipe,
    dir: &'a RunDir,
    inputs: &'a Inputs,
    options: &'a RunOptions,
    /// The checkpoint to go on from.
    latest: Option<PathBuf>,
    /// Runs since the stage began.
    watch: Watch,
}

impl<'a> Opened<'a> {
    /// The loop's counters.
    fn state<S: DeserializeOwned + Default>(&self) -> Result<S> {
        Ok(self.latest.as_deref().map(checkpoint::read_state).transpose()?.unwrap_or_default())
    }

    /// The bill and the logs from `step` on.
    fn keeper(&self, step: u64) -> Result<Keeper<'a>> {
        let (stage, dir) = (self.stage, self.dir);
        let progress = Progress::new(&stage.name, measured_peak(stage, self.options), self.options.display);
        let verb = if step > 0 { format!("resumes after step {step}") } else { "begins".to_owned() };
        progress.note(&format!("{} {verb} in {}", stage.name, dir.path().display()));
        Ok(Keeper {
            stage,
            dir,
            meter: Meter::start(dir, &stage.name, stage.cost.price(), step)?,
            clock: Clock::new(&stage.train, dir.replay()?),
            metrics: dir.log("metrics.jsonl", step)?,
            samples: dir.log("samples.jsonl", step)?,
            progress,
            stop: self.options.stop.clone(),
            digest: self.inputs.digest.clone(),
            parent: self.inputs.parent.as_ref().map(|parent| described(parent, dir.path())),
            cost_before: cost_of(self.inputs.parent.as_ref())?,
            last_checkpoint: Instant::now(),
        })
    }

    /// Writes down what the stage should take, when it begins: its end is held against it.
    fn promise(
        &self,
        config: &Config,
        codec: Option<&Arc<Codec>>,
        sources: &[Arc<dyn data::Source>],
        step: u64,
    ) -> Result<()> {
        if self.options.display == Display::Quiet || step > 0 {
            return Ok(());
        }
        let mut outlook = Outlook::of(self.stage, codec, &BTreeMap::new())?;
        outlook.see(sources);
        self.dir.write_json("plan.json", &dry_run::promise(self.stage, config, &outlook, &self.watch))
    }

    /// The model, as it begins or as the latest checkpoint left it.
    fn learner(&self, text: TextSide) -> Result<ModelLearner> {
        let mut learner = build_learner(self.stage, self.inputs, text)?;
        if let Some(dir) = &self.latest {
            learner.restore(dir)?;
        }
        Ok(learner)
    }
}

/// Next-token prediction over documents.
fn supervise(opened: Opened, cache_dir: &Path) -> Result<Outcome> {
    let (stage, dir) = (opened.stage, opened.dir);
    let state: TrainerState = opened.state()?;
    let mut keeper = opened.keeper(state.at.step)?;
    let text = TextSide::open(stage, opened.inputs.parent.as_ref(), dir.path())?;
    let sources = data::open_sources(stage, &text.codec, cache_dir)?;
    keeper.meter.add(dir, state.at.step, 0, 0.0)?;
    let weights = stage.data.source.iter().map(|source| source.weight).collect();
    let validation = ValidationSet::new(stage, &sources, &text.codec);
    if validation.is_empty() && stage.eval.tokens > 0 {
        keeper.progress.note("no document is held out: there will be no validation loss (raise data.validation)");
    }
    let problems = ProblemSet::new(stage, &text.codec)?;
    let codec = Arc::clone(&text.codec);
    let learner = opened.learner(text)?;
    opened.promise(learner.model().config(), Some(&codec), &sources, state.at.step)?;
    let data = Prefetch::start(Loader::new(sources, weights, &stage.train, state.loader.clone()));
    Trainer { keeper, learner, data, validation, problems, state }.run()
}

/// Reinforcement learning on problems.
fn reinforce(opened: Opened) -> Result<Outcome> {
    let (stage, dir) = (opened.stage, opened.dir);
    let state: GrpoState = opened.state()?;
    let keeper = opened.keeper(state.at.step)?;
    let text = TextSide::open(stage, opened.inputs.parent.as_ref(), dir.path())?;
    let codec = Arc::clone(&text.codec);
    let (prompts, problems) = (Prompts::new(stage, &codec)?, ProblemSet::new(stage, &codec)?);
    let judge = stage.grpo.as_ref().and_then(|grpo| grpo.judge.as_ref());
    let judge = judge.map(|spec| Judge::open(spec, dir.path())).transpose()?;
    let policy = opened.learner(text)?;
    opened.promise(policy.model().config(), Some(&codec), &[], state.at.step)?;
    let (timings, gradients) = (dir.log("timings.jsonl", state.at.step)?, dir.log("gradients.jsonl", state.at.step)?);
    GrpoTrainer { keeper, policy, prompts, problems, judge, codec, state, timings, gradients }.run()
}

/// Answers to problems, of which the right ones become data.
fn sample(opened: Opened) -> Result<Outcome> {
    if let Some(parent) = &opened.inputs.parent
        && !opened.dir.path().join("answers.jsonl").exists()
    {
        let codec = text_side::planned(opened.stage, Some(parent))?;
        opened.promise(&parent.config()?, codec.as_ref(), &[], 0)?;
    }
    let Opened { stage, dir, inputs, options, .. } = opened;
    let progress = Progress::new(&stage.name, None, options.display);
    progress.note(&format!("{} samples in {}", stage.name, dir.path().display()));
    let parent = inputs.parent.as_ref().zip(inputs.parent_digest.as_deref());
    SampleStage { stage, dir, digest: &inputs.digest, parent, stop: &options.stop, progress }.run()
}

/// The result of an earlier run with the same inputs.
fn finished_before(dir: &RunDir, digest: &str) -> Result<Option<PathBuf>> {
    let done = dir.read_json::<Done>("done.json")?.filter(|done| done.digest == digest);
    Ok(done.map(|done| dir.path().join(done.checkpoint)).filter(|path| path.exists()))
}

/// Marks a new directory, or checks that an old one is the same run.
fn begin_or_resume(dir: &RunDir, stage: &StageRecipe, inputs: &Inputs, options: &RunOptions) -> Result<()> {
    let now =
        RunInfo { digest: inputs.digest.clone(), code_version: crate::CODE_VERSION.to_owned(), isa: crate::isa_name() };
    let Some(begun) = dir.read_json::<RunInfo>("run.json")? else {
        dir.write_text("recipe.toml", &stage.to_toml())?;
        return dir.write_json("run.json", &now);
    };
    let place = dir.path().display();
    if begun.digest != now.digest {
        let old = std::fs::read_to_string(dir.path().join("recipe.toml")).unwrap_or_default();
        return Err(TrainError::Run(format!(
            "{place} holds another run{}; choose another directory with --run-dir",
            differences(&old, &stage.to_toml())
        )));
    }
    if !options.resume {
        return Err(TrainError::Run(format!(
            "{place} holds this very run, unfinished; go on with --resume, or choose another directory with --run-dir"
        )));
    }
    if (&begun.code_version, &begun.isa) == (&now.code_version, &now.isa) {
        return Ok(());
    }
    if !options.allow_other_code {
        return Err(TrainError::Run(format!(
            "{place} was begun by code {} on {}, this is {} on {}: the result would not be the same to the bit. \
             Go on all the same with --allow-other-code",
            begun.code_version, begun.isa, now.code_version, now.isa
        )));
    }
    dir.write_json("run.json", &now)
}

/// The keys in which two recipes differ.
fn differences(old: &str, new: &str) -> String {
    let flat = |text: &str| {
        let mut keys = BTreeMap::new();
        flatten("", toml::Value::Table(text.parse().unwrap_or_default()), &mut keys);
        keys
    };
    let (old, new) = (flat(old), flat(new));
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let show = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
    let changed: Vec<String> = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .take(5)
        .map(|key| format!("{key}: {} there, {} here", show(old.get(key)), show(new.get(key))))
        .collect();
    if changed.is_empty() { " (its data or parent differ)".to_owned() } else { format!(" ({})", changed.join("; ")) }
}

fn flatten(path: &str, value: toml::Value, out: &mut BTreeMap<String, String>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        toml::Value::Table(table) => table.into_iter().for_each(|(key, value)| flatten(&join(&key), value, out)),
        toml::Value::Array(items) => {
            items.into_iter().enumerate().for_each(|(idx, value)| flatten(&join(&idx.to_string()), value, out));
        }
        other => drop(out.insert(path.to_owned(), other.to_string())),
    }
}

fn build_learner(stage: &StageRecipe, inputs: &Inputs, text: TextSide) -> Result<ModelLearner> {
    let parent_config = inputs.parent.as_ref().map(Source::config).transpose()?;
    let config = configuration(stage, parent_config.as_ref(), &Vocabulary::of(&text.codec.tokenizer))?;
    dry_run::check_adapter(stage, &config)?;
    dry_run::check_fits(stage, &config)?;
    let mut files = text.files;
    files.push(("generation_config.json".to_owned(), sampling(stage, inputs, &config)?.into_bytes()));
    let parent = match &inputs.parent {
        None => None,
        Some(Source::Dir(dir)) => Some(Weights::open(dir)?),
        Some(Source::Bundled(bundled)) => {
            Some(Weights::from_static(bundled.file("model.safetensors").unwrap_or_default())?)
        }
    };
    let precision = stage.model.precision;
    ModelLearner::new(Parts { config, precision, train: &stage.train, seed: stage.seed, parent, files })
}

/// The text of `generation_config.json`: as the recipe says, or the parent, or R1's way.
fn sampling(stage: &StageRecipe, inputs: &Inputs, config: &Config) -> Result<String> {
    let parent = inputs.parent.as_ref().map(Source::sampling).transpose()?;
    let temperature = stage.model.temperature.or(parent.map(|p| p.temperature)).unwrap_or(0.6);
    let top_p = stage.model.top_p.or(parent.map(|p| p.top_p)).unwrap_or(0.95);
    Ok(generation_config(config, temperature, top_p))
}

/// What a checkpoint of the run in `run` says it was trained from: a run beside it by its name, so that the directory
/// that holds both can be moved.
fn described(parent: &Source, run: &Path) -> String {
    match parent {
        Source::Dir(dir) => {
            let beside = run.parent().and_then(|around| dir.strip_prefix(around).ok());
            beside.unwrap_or(dir).display().to_string()
        }
        Source::Bundled(bundled) => bundled.name.to_owned(),
    }
}

/// What a model had cost, where its checkpoint says.
fn cost_of(parent: Option<&Source>) -> Result<CostSoFar> {
    let record = parent.map(Source::record).transpose()?.flatten();
    Ok(record.map(|record| record.cost).unwrap_or_default())
}

fn measured_peak(stage: &StageRecipe, options: &RunOptions) -> Option<f64> {
    let compute = match stage.model.precision {
        crate::recipe::PrecisionSpec::F32 => kernels::gemm::Compute::F32,
        crate::recipe::PrecisionSpec::Bf16 => kernels::gemm::Compute::Bf16,
    };
    let isa = kernels::isa::Isa::active();
    (options.display != Display::Quiet).then(|| kernels::peak::measure(isa, compute, sys::cpu::physical_cores()))
}
