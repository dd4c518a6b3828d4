//! `penseur eval`: a model on problems with answers that can be checked, with intervals and costs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use cost::Spending;
use model::source::Source;
use rollout::endpoint::{Endpoint, EndpointConfig, Journal, Prices};
use rollout::local::{LocalModel, LocalOptions};
use rollout::problems::{Problem, Selection, find_tasks, select};
use rollout::report::{Report, compare, render_comparison};
use rollout::results::{Collector, Record, Results, Settings};
use rollout::{Respondent, Sampling, Wanted};
use serde_json::{Value, json};
use tasks::Verdict;
use tensor::Precision;
use train::StopFlag;

use super::ledger;
use crate::cli::{EndpointArgs, EvalArgs, OnOff, PrecisionArg};
use crate::loaded;
use crate::output::{self, Ticker};
use crate::usage;

pub fn run(args: &EvalArgs) -> anyhow::Result<()> {
    if let [first, second] = args.compare.as_slice() {
        return compare_files(first, second, args.json);
    }
    let results = match &args.rescore {
        Some(path) => rescore(path, args)?,
        None => evaluate(args)?,
    };
    let report = Report::new(&results);
    if args.json {
        return Ok(output::print_json(&report.to_json())?);
    }
    Ok(output::print_line(report.render())?)
}

fn evaluate(args: &EvalArgs) -> anyhow::Result<Results> {
    let selection = Selection {
        tasks: args.tasks.clone(),
        limit: args.limit.map(|n| n.get()),
        seed: args.seed,
        difficulties: args.difficulty.clone(),
        split: args.split.map(tasks::Split::from),
    };
    let problems = select(&selection).map_err(by_audience)?;
    let sampling = Sampling {
        temperature: args.temperature,
        top_p: args.top_p,
        max_tokens: args.max_tokens.get(),
        thinking: args.think.map(OnOff::is_on),
        system: args.system.clone(),
        seed: args.seed,
    };
    if let Some(url) = &args.endpoint.endpoint {
        let endpoint = Endpoint::new(endpoint_config(url, &args.endpoint)?).map_err(usage::error)?;
        let path = journal_path(args, endpoint.config());
        eprintln!("answers are kept in {}: what is there is not paid for again", path.display());
        let journal = Journal::open(&path)?;
        let settings = settings(args, selection, sampling, endpoint.config().model.clone(), Some(url.clone()));
        return ask(&mut Respondent::Endpoint(&endpoint, &journal), settings, &problems, args, 0.0);
    }
    let source = loaded::find(&args.model.model)?;
    let precision = args.model.options.precision.map(|precision| match precision {
        PrecisionArg::F32 => Precision::F32,
        PrecisionArg::Bf16 => Precision::Bf16,
    });
    let adapter = args.model.options.adapter.clone();
    let options = LocalOptions { precision, context: args.model.options.ctx.map(|n| n.get()), adapter };
    let mut model = LocalModel::open(&source, options).map_err(by_audience)?;
    let mut name = identified(&source)?;
    if let Some(adapter) = &args.model.options.adapter {
        name = format!("{name}+{}", adapter.display());
    }
    let settings = settings(args, selection, sampling, name, None);
    let flops_per_token = ledger::flops_per_token(&source.config()?);
    ask(&mut Respondent::Local(&mut model), settings, &problems, args, flops_per_token)
}

/// The model's name, with a digest of its content: a directory may hold another model tomorrow.
fn identified(source: &Source) -> anyhow::Result<String> {
    Ok(format!("{}#{}", source.name(), &train::stages::source_digest(source)?[..8]))
}

fn settings(
    args: &EvalArgs,
    selection: Selection,
    sampling: Sampling,
    model: String,
    endpoint: Option<String>,
) -> Settings {
    let price = cost::Price::default();
    Settings {
        model,
        endpoint,
        tasks: selection.tasks,
        split: selection.split,
        difficulties: selection.difficulties,
        limit: selection.limit,
        seed: selection.seed,
        samples: args.samples.get() as u64,
        sampling,
        dollars_per_hour: price.dollars(3600.0 * sys::cpu::physical_cores() as f64),
        code: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Draws what is still missing, puts the results in order, and writes down what that took.
fn ask(
    respondent: &mut Respondent,
    settings: Settings,
    problems: &[Problem],
    args: &EvalArgs,
    flops_per_token: f64,
) -> anyhow::Result<Results> {
    let mut spending = Spending::start(&format!("eval {}", settings.model), cost::Price::default());
    let sampling = settings.sampling.clone();
    let mut collector = Collector::open(settings, args.out.as_deref())?;
    let wanted: Vec<(usize, Wanted)> = problems
        .iter()
        .enumerate()
        .map(|(idx, problem)| {
            let samples = collector.missing(&problem.example.id);
            (idx, Wanted { example: &problem.example, samples })
        })
        .filter(|(_, wanted)| !wanted.samples.is_empty())
        .collect();
    let (places, wanted): (Vec<usize>, Vec<Wanted>) = wanted.into_iter().unzip();
    let n_missing: usize = wanted.iter().map(|one| one.samples.len()).sum();
    let stop = StopFlag::on_ctrl_c();
    let mut ticker = Ticker::new(n_missing);
    let mut seen = Seen::default();
    let asked = respondent.ask(&wanted, &sampling, &|| stop.is_raised(), |at, sample, reply| {
        let record = Record::new(&problems[places[at]], sample, reply);
        seen.take(&record);
        collector.add(record)?;
        ticker.tick(|| seen.text());
        Ok(())
    });
    ticker.clear();
    if seen.n > 0 {
        let path = ledger_path(args)?;
        ledger::note(&mut spending, &path, seen.n_tokens, flops_per_token * seen.n_tokens as f64);
        if seen.dollars > 0.0 {
            spending.paid(&path, seen.dollars)?;
        }
    }
    asked.map_err(by_audience)?;
    if seen.n < n_missing {
        let place = args.out.as_ref().map_or("with --out they would be kept".to_owned(), |path| {
            format!("they are kept in {}, the same command goes on", path.display())
        });
        anyhow::bail!("stopped after {} of {n_missing} samples; {place}", seen.n);
    }
    Ok(collector.finish(problems)?)
}

/// What the progress line tells.
#[derive(Default)]
struct Seen {
    n: usize,
    n_right: usize,
    n_judged: usize,
    n_tokens: u64,
    dollars: f64,
}

impl Seen {
    fn take(&mut self, record: &Record) {
        self.n += 1;
        self.n_right += usize::from(record.verdict == Verdict::Right);
        self.n_judged += usize::from(record.verdict != Verdict::CannotJudge);
        self.n_tokens += record.tokens;
        self.dollars += record.dollars;
    }

    fn text(&self) -> String {
        let share = 100.0 * self.n_right as f64 / self.n_judged.max(1) as f64;
        let paid = if self.dollars > 0.0 { format!(" · ${:.4}", self.dollars) } else { String::new() };
        format!("{share:.1}% right · {} tokens an answer{paid}", self.n_tokens / self.n.max(1) as u64)
    }
}

fn endpoint_config(url: &str, args: &EndpointArgs) -> anyhow::Result<EndpointConfig> {
    let mut extra = serde_json::Map::new();
    for setting in &args.request {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| usage::error(format!("--request {setting}: expected KEY=VALUE, such as max_tokens=null")))?;
        // What is no JSON is a text, so that quotes may be left out.
        extra.insert(key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)));
    }
    let model = args.endpoint_model.clone().unwrap_or_default();
    Ok(EndpointConfig {
        api_key: std::env::var(&args.api_key_env).ok().filter(|key| !key.is_empty()),
        concurrency: args.concurrency.get(),
        requests_per_minute: args.requests_per_minute,
        timeout: Duration::from_secs(args.timeout),
        prices: args.price_in.zip(args.price_out).map(|(input, output)| Prices { input, output }),
        max_dollars: args.max_dollars,
        extra,
        ..EndpointConfig::new(url, model)
    })
}

/// Beside the results, or with the serving's.
fn ledger_path(args: &EvalArgs) -> anyhow::Result<PathBuf> {
    match &args.out {
        Some(out) => Ok(out.with_extension("ledger.jsonl")),
        None => Ok(ledger::path(&super::serve::data_dir(None)?)),
    }
}

/// Beside the results, or below `evals/` where there is no file of results.
fn journal_path(args: &EvalArgs, config: &EndpointConfig) -> PathBuf {
    match &args.out {
        Some(out) => out.with_extension("answers.jsonl"),
        None => {
            let name: String = config
                .model
                .chars()
                .map(|c| if c.is_alphanumeric() || c == '-' || c == '.' { c } else { '_' })
                .collect();
            Path::new("evals").join(format!("{name}.answers.jsonl"))
        }
    }
}

fn rescore(path: &Path, args: &EvalArgs) -> anyhow::Result<Results> {
    let mut results = Results::read(path)?;
    let mut found = std::collections::BTreeMap::new();
    let n_changed = results.rescore(|name| {
        if let Some(task) = found.get(name) {
            return Ok(std::sync::Arc::clone(task));
        }
        let task = find_tasks(&[name.to_owned()])?.remove(0);
        found.insert(name.to_owned(), std::sync::Arc::clone(&task));
        Ok(task)
    })?;
    eprintln!("{n_changed} of {} verdicts changed", results.records.len());
    if let Some(out) = &args.out {
        results.write(out)?;
    }
    Ok(results)
}

fn compare_files(first: &Path, second: &Path, as_json: bool) -> anyhow::Result<()> {
    let (a, b) = (Results::read(first)?, Results::read(second)?);
    let found = compare(&a, &b)
        .with_context(|| format!("{} and {} have no judged problem in common", first.display(), second.display()))?;
    if as_json {
        let mut value = serde_json::to_value(found)?;
        value["models"] = json!([a.settings.model, b.settings.model]);
        return Ok(output::print_json(&value)?);
    }
    Ok(output::print_line(render_comparison(&a.settings.model, &b.settings.model, &found))?)
}

/// What the user typed is bad usage; everything else is a failure.
fn by_audience(error: rollout::Error) -> anyhow::Error {
    match error {
        rollout::Error::Task(tasks::TaskError::UnknownName { .. } | tasks::TaskError::Difficulty { .. })
        | rollout::Error::Settings(_) => usage::error(error),
        other => other.into(),
    }
}
