//! A stage that makes data by sampling: problems are answered by the stage's model, or by a teacher behind an endpoint, and
//! what passes the filters becomes `dataset.jsonl`, for later stages to learn from (`[[data.source]] kind = "stage"`).
//!
//! Beside it the run's directory holds every answer (`answers.jsonl`, appended as they come), and what a teacher was paid
//! for (`teacher.jsonl`). An answer is a function of model, problem, seed and number, and the dataset one of the answers;
//! so a stage that was killed goes on where it was, and ends in the same bytes.

mod filters;
#[cfg(test)]
mod tests;

use crate::data::problem_mixture;
use crate::error::{Result, TrainError};
use crate::interrupt::StopFlag;
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::recipe::{SampleSpec, StageRecipe, TeacherSpec};
use crate::run_dir::{Done, Log, Meter, RunDir};
use crate::schedule::Position;
use crate::trainer::Outcome;
use filters::{Fate, fates, pass_rates};
use model::count::{FlopModel, MlaForm};
use model::source::Source;
use rollout::endpoint::{Endpoint, EndpointConfig, Journal};
use rollout::local::{LocalModel, LocalOptions};
use rollout::problems::Problem;
use rollout::results::{Collector, Record, Results, Settings};
use rollout::sampler::sample_seed;
use rollout::{Respondent, Sampling, Wanted};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tasks::split::stable_hash;
use tasks::{Rng, Split, Task};

/// The stage's result.
pub const DATASET: &str = "dataset.jsonl";

/// First number of this module's random streams.
const STREAM: u64 = 0x7361_6d70_6c65_0001;

/// Draws that bring no new problem before the sources are called too small.
const MAX_STALE: u64 = 1000;

/// How often the bill notes what is kept.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What a stage samples with.
pub(crate) struct SampleStage<'a> {
    pub(crate) stage: &'a StageRecipe,
    pub(crate) dir: &'a RunDir,
    /// Digest of the stage's inputs.
    pub(crate) digest: &'a str,
    /// Whose answers are sampled where there is no teacher, with the digest of what it is.
    pub(crate) parent: Option<(&'a Source, &'a str)>,
    pub(crate) stop: &'a StopFlag,
    pub(crate) progress: Progress,
}

impl SampleStage<'_> {
    /// Draws, asks, filters and writes. The result is [`DATASET`].
    ///
    /// # Errors
    /// Files, the model, the teacher; answers of which none can be kept.
    pub(crate) fn run(mut self) -> Result<Outcome> {
        let spec = self.spec();
        let problems = draw_problems(self.stage, spec.problems)?;
        let path = self.dir.path().join("answers.jsonl");
        let mut collector = Collector::open(self.settings(), Some(&path)).map_err(failed)?;
        let n_before = collector.records().len() as u64;
        // From now on `penseur runs` finds the run.
        let mut log = self.dir.log("metrics.jsonl", 0)?;
        let mut meter = Meter::start(self.dir, &self.stage.name, self.stage.cost.price(), n_before)?;
        let has_all = self.ask_all(&problems, &mut collector, &mut meter)?;
        self.progress.clear();
        let n_done = collector.records().len() as u64;
        if !has_all {
            meter.finish(self.dir)?;
            return Ok(Outcome::Paused(n_done));
        }
        let order: Vec<Problem> = problems.into_iter().map(|(problem, _)| problem).collect();
        let results = collector.finish(&order).map_err(failed)?;
        let (n_kept, metrics) = self.write_dataset(&results)?;
        let tokens = results.records.iter().map(|record| record.tokens).sum();
        log.append(&metrics.line(Position { step: n_done, tokens }, meter.seconds(), meter.dollars()))?;
        log.sync()?;
        meter.finish(self.dir)?;
        let (digest, checkpoint) = (self.digest.to_owned(), DATASET.into());
        self.dir.write_json("done.json", &Done { digest, checkpoint, steps: n_kept, tokens })?;
        Ok(Outcome::Finished(self.dir.path().join(DATASET)))
    }

    fn spec(&self) -> &SampleSpec {
        self.stage.sample.as_ref().expect("the recipe was checked")
    }

    /// What the answers are a function of; names nothing that may move.
    fn settings(&self) -> Settings {
        let (stage, spec) = (self.stage, self.spec());
        let model = match (&spec.teacher, self.parent) {
            (Some(teacher), _) => teacher.model.clone(),
            (None, parent) => parent.map(|(_, digest)| digest.to_owned()).unwrap_or_default(),
        };
        Settings {
            model,
            endpoint: spec.teacher.as_ref().map(|teacher| teacher.endpoint.clone()),
            tasks: vec![format!("stage {}", self.digest)],
            split: Some(Split::Train),
            difficulties: Vec::new(),
            limit: Some(spec.problems),
            seed: stage.seed,
            samples: spec.samples,
            sampling: self.sampling(None),
            dollars_per_hour: 0.0,
            code: String::new(),
        }
    }

    fn sampling(&self, thinking: Option<bool>) -> Sampling {
        let spec = self.spec();
        Sampling {
            temperature: spec.temperature,
            top_p: spec.top_p,
            max_tokens: spec.max_new_tokens,
            thinking,
            system: None,
            seed: self.stage.seed,
        }
    }

    /// Asks for all answers that are missing; false if it was stopped before the last.
    fn ask_all(&mut self, problems: &[(Problem, bool)], collector: &mut Collector, meter: &mut Meter) -> Result<bool> {
        let spec = self.spec().clone();
        let n_wanted = problems.len() as u64 * spec.samples;
        if collector.records().len() as u64 == n_wanted {
            return Ok(true);
        }
        match &spec.teacher {
            Some(teacher) => {
                let endpoint = Endpoint::new(teacher_config(teacher)?).map_err(|e| failed(e.into()))?;
                let path = self.dir.path().join("teacher.jsonl");
                let journal = Journal::open(&path).map_err(|e| failed(e.into()))?;
                let asked = self.ask(&mut Respondent::Endpoint(&endpoint, &journal), problems, collector, meter, 0.0);
                // The bill counts what was paid, also where it went wrong.
                meter.paid(self.dir, journal.spent())?;
                asked?;
            }
            None => {
                let (source, _) = self.parent.expect("the recipe was checked: a model or a teacher answers");
                let flops = FlopModel::new(&source.config()?, MlaForm::Expanded);
                let precision = Some(self.stage.model.precision.into());
                let mut model =
                    LocalModel::open(source, LocalOptions { precision, ..LocalOptions::default() }).map_err(failed)?;
                let per_token = (flops.per_token + flops.per_logit_row) as f64;
                self.ask(&mut Respondent::Local(&mut model), problems, collector, meter, per_token)?;
            }
        }
        Ok(collector.records().len() as u64 == n_wanted)
    }

    /// Those with thinking and those without, one after the other.
    fn ask(
        &mut self,
        respondent: &mut Respondent,
        problems: &[(Problem, bool)],
        collector: &mut Collector,
        meter: &mut Meter,
        flops_per_token: f64,
    ) -> Result<()> {
        let n_all = problems.len() * self.spec().samples as usize;
        let (stop, mut noted) = (self.stop, Instant::now());
        for thinking in [true, false] {
            let chosen: Vec<&Problem> = problems.iter().filter(|(_, t)| *t == thinking).map(|(p, _)| p).collect();
            let wanted = chosen
                .iter()
                .map(|problem| Wanted { example: &problem.example, samples: collector.missing(&problem.example.id) });
            let wanted: Vec<Wanted> = wanted.collect();
            if wanted.iter().all(|one| one.samples.is_empty()) || stop.is_raised() {
                continue;
            }
            let sampling = self.sampling(Some(thinking));
            let asked = respondent.ask(&wanted, &sampling, &|| stop.is_raised(), |at, sample, reply| {
                let n_tokens = reply.n_tokens;
                collector.add(Record::new(chosen[at], sample, reply))?;
                let n_done = collector.records().len();
                let kept = |e: TrainError| rollout::Error::Settings(e.to_string());
                meter.add(self.dir, n_done as u64, n_tokens, flops_per_token * n_tokens as f64).map_err(kept)?;
                if noted.elapsed() >= HEARTBEAT {
                    noted = Instant::now();
                    meter.prepare(self.dir, n_done as u64).and_then(|()| meter.keep(self.dir)).map_err(kept)?;
                }
                self.progress.count(n_done, n_all);
                Ok(())
            });
            asked.map_err(failed)?;
        }
        Ok(())
    }

    /// Filters, writes [`DATASET`] and some answers to look at; gives the number of answers kept, and the figures.
    fn write_dataset(&self, results: &Results) -> Result<(u64, Metrics)> {
        let records = &results.records;
        let (fates, rates) = (fates(self.spec(), records), pass_rates(records));
        let mut text = String::new();
        for (record, _) in records.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Kept) {
            text += &self.line(record, &results.settings.model, rates[record.id.as_str()]);
        }
        let counts: BTreeMap<Fate, usize> = Fate::ALL.map(|f| (f, fates.iter().filter(|g| **g == f).count())).into();
        if text.is_empty() {
            let reasons = counts.iter().filter(|(_, n)| **n > 0).map(|(f, n)| format!("{} {n}", f.as_str()));
            let reasons = reasons.collect::<Vec<_>>().join(", ");
            return Err(TrainError::Run(format!(
                "stage `{}`: of {} answers none can be kept ({reasons}); look at answers.jsonl, draw easier problems or \
                 loosen [sample]",
                self.stage.name,
                records.len()
            )));
        }
        let path = self.dir.path().join(DATASET);
        sys::disk::replace_file(&path, text.as_bytes()).map_err(|e| TrainError::io("write", &path, e))?;
        write_samples(&mut self.dir.log("samples.jsonl", 0)?, records, &fates)?;
        Ok((counts[&Fate::Kept] as u64, metrics(records, &counts)))
    }

    /// A conversation to learn from, and where it comes from.
    fn line(&self, record: &Record, model: &str, pass_rate: f64) -> String {
        let mut answer = json!({ "role": "assistant", "content": record.content });
        if !record.reasoning.is_empty() {
            answer["reasoning_content"] = json!(record.reasoning);
        }
        let line = json!({
            "messages": [{ "role": "user", "content": record.prompt }, answer],
            "provenance": {
                "model": model, "stage": self.stage.name, "task": record.task, "difficulty": record.difficulty,
                "problem": record.id, "sample": record.sample,
                "seed": sample_seed(self.stage.seed, stable_hash(&record.id), record.sample),
                "verdict": record.verdict, "pass_rate": pass_rate, "tokens": record.tokens,
            },
        });
        format!("{line}\n")
    }
}

fn failed(error: rollout::Error) -> TrainError {
    TrainError::Run(error.to_string())
}

fn teacher_config(teacher: &TeacherSpec) -> Result<EndpointConfig> {
    Ok(EndpointConfig {
        api_key: crate::recipe::key_of("sample.teacher.key_env", teacher.key_env.as_deref())?,
        concurrency: teacher.concurrency,
        prices: teacher.prices,
        max_dollars: teacher.max_dollars,
        ..EndpointConfig::new(&teacher.endpoint, &teacher.model)
    })
}

/// `n` different training problems in the shares of the sources' weights, and whether each is to be thought about: a
/// function of the recipe. Problems for evaluation are of other splits, by construction.
fn draw_problems(stage: &StageRecipe, n: usize) -> Result<Vec<(Problem, bool)>> {
    let mut sources = Vec::new();
    let mut tasks = BTreeMap::<String, Arc<dyn Task>>::new();
    for source in &stage.data.source {
        let mixture = problem_mixture(source)?;
        tasks.extend(mixture.entries().map(|(task, _, _)| (task.name().to_owned(), Arc::clone(task))));
        sources.push((mixture, source.weight, source.think));
    }
    let total: f64 = sources.iter().map(|(_, weight, _)| weight).sum();
    let (mut drawn, mut seen, mut n_stale) = (Vec::with_capacity(n), BTreeSet::new(), 0);
    for index in 0.. {
        if drawn.len() == n || n_stale == MAX_STALE {
            break;
        }
        let mut rng = Rng::stream(&[STREAM, stage.seed, index]);
        let mut rest = rng.unit() * total;
        let at = sources.iter().position(|(_, weight, _)| {
            rest -= weight;
            rest < 0.0
        });
        let (mixture, _, think) = &sources[at.unwrap_or(sources.len() - 1)];
        let example = mixture.sample(stage.seed, index, Split::Train);
        if !seen.insert(example.id.clone()) {
            n_stale += 1;
            continue;
        }
        n_stale = 0;
        let task = Arc::clone(&tasks[&example.task]);
        drawn.push((Problem { task, example }, rng.chance(*think)));
    }
    if drawn.len() < n {
        tracing::warn!("the sources hold only {} different problems, not sample.problems = {n}", drawn.len());
    }
    Ok(drawn)
}

fn metrics(records: &[Record], counts: &BTreeMap<Fate, usize>) -> Metrics {
    let n = records.len().max(1) as f64;
    let mut metrics = Metrics::default();
    metrics.set("sample/n", records.len() as f64);
    metrics.set("sample/n_kept", counts[&Fate::Kept] as f64);
    for (fate, count) in counts {
        metrics.set(&format!("sample/{}", fate.as_str()), *count as f64 / n);
    }
    let rates = pass_rates(records);
    metrics.set("sample/mean_pass_rate", rates.values().sum::<f64>() / rates.len().max(1) as f64);
    let solved = rates.values().filter(|rate| **rate > 0.0).count();
    metrics.set("sample/solved", solved as f64 / rates.len().max(1) as f64);
    metrics.set("completions/mean_length", records.iter().map(|record| record.tokens as f64).sum::<f64>() / n);
    metrics
}

/// The first answers of each fate.
fn write_samples(log: &mut Log, records: &[Record], fates: &[Fate]) -> Result<()> {
    let mut shown = BTreeMap::<Fate, usize>::new();
    for (record, fate) in records.iter().zip(fates) {
        let n = shown.entry(*fate).or_default();
        if *n < 4 {
            *n += 1;
            log.append(&json!({
                "step": records.len(), "split": "train", "task": record.task, "difficulty": record.difficulty,
                "prompt": record.prompt, "reasoning": record.reasoning, "content": record.content,
                "answer": record.gold, "verdict": record.verdict, "tokens": record.tokens,
                "finish_reason": record.finish_reason, "fate": fate.as_str(),
            }))?;
        }
    }
    log.sync()
}
