//! The results of an evaluation as a file: what was asked and how, and every sample with its verdict.
//!
//! JSON lines; the first holds the settings. Samples are appended as they come, so that a killed evaluation goes on where
//! it was; when it is complete the file is put in order. It holds all that is needed to judge the answers again, or to
//! compare two models, without sampling.

use crate::ask::{Reply, Sampling};
use crate::completion::judge;
use crate::error::{Error, Result};
use crate::problems::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tasks::{Judgement, Task, Verdict};

#[cfg(test)]
pub(crate) mod tests;

/// Everything that the answers are a function of, and what is needed to price them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The model's name: a directory, a bundled model, or what the endpoint calls it.
    pub model: String,
    /// The endpoint's address, where one answered.
    pub endpoint: Option<String>,
    /// Tasks as they were named.
    pub tasks: Vec<String>,
    /// Share of the problems, where one was chosen.
    pub split: Option<tasks::Split>,
    /// Difficulties, where some were chosen.
    pub difficulties: Vec<u8>,
    /// Most problems of a task, where a number was chosen.
    pub limit: Option<usize>,
    /// Seed of the choice of problems and of the samples.
    pub seed: u64,
    /// Samples of each problem.
    pub samples: u64,
    /// How they are drawn.
    pub sampling: Sampling,
    /// Dollars for an hour of this machine, for a model of ours.
    pub dollars_per_hour: f64,
    /// Version of the code.
    pub code: String,
}

/// One sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The problem's id.
    pub id: String,
    /// Its task.
    pub task: String,
    /// Its difficulty.
    pub difficulty: u8,
    /// What was asked.
    pub prompt: String,
    /// What the verifier needs.
    pub problem: Value,
    /// The gold answer, where there is one.
    pub gold: String,
    /// Number of the sample.
    pub sample: u64,
    /// The thinking.
    pub reasoning: String,
    /// The answer.
    pub content: String,
    /// Whether the thinking is closed and an answer follows.
    pub well_formed: bool,
    /// OpenAI's word for the end.
    pub finish_reason: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Tokens, thinking included.
    pub tokens: u64,
    /// Time it took: of an endpoint's answer its own, of ours its part of the whole.
    pub seconds: f64,
    /// What an endpoint takes for it.
    pub dollars: f64,
}

impl Record {
    /// Judges a reply.
    pub fn new(problem: &Problem, sample: u64, reply: Reply) -> Record {
        let example = &problem.example;
        let mut record = Record {
            id: example.id.clone(),
            task: example.task.clone(),
            difficulty: example.difficulty,
            prompt: example.prompt.clone(),
            problem: example.problem.clone(),
            gold: example.answer.clone(),
            sample,
            well_formed: reply.is_finished() && reply.parts.is_well_formed(),
            verdict: Verdict::CannotJudge,
            reason: String::new(),
            tokens: reply.n_tokens,
            seconds: reply.seconds,
            dollars: reply.dollars,
            finish_reason: reply.finish_reason,
            reasoning: reply.parts.reasoning,
            content: reply.parts.content,
        };
        record.judge(problem.task.as_ref());
        record
    }

    /// Judges it (again) by today's verifier.
    pub fn judge(&mut self, task: &dyn Task) {
        let judgement = if self.finish_reason == crate::endpoint::REFUSED {
            Judgement::cannot_judge("the endpoint refused the question")
        } else {
            let mut parts = crate::Parts::from_fields(&self.reasoning, &self.content);
            parts.is_balanced &= !self.content.is_empty();
            judge(task, &self.problem, &parts, self.finish_reason == "stop")
        };
        (self.verdict, self.reason) = (judgement.verdict, judgement.reason);
    }

    fn key(&self) -> (String, u64) {
        (self.id.clone(), self.sample)
    }
}

/// A file of results, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// What was asked, and how.
    pub settings: Settings,
    /// The samples.
    pub records: Vec<Record>,
}

impl Results {
    /// Reads a file. A last line that a kill tore is passed over.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Results> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        let n_whole = text.rfind('\n').map_or(0, |at| at + 1);
        let mut lines = text[..n_whole].lines().enumerate();
        let wrong = |number: usize, e: serde_json::Error| {
            Error::file(path, format!("line {}: {e}; expected what `penseur eval --out` writes", number + 1))
        };
        let (_, first) = lines.next().ok_or_else(|| Error::file(path, "there are no results in it"))?;
        let settings = serde_json::from_str(first).map_err(|e| wrong(0, e))?;
        let records = lines.map(|(number, line)| serde_json::from_str(line).map_err(|e| wrong(number, e)));
        Ok(Results { settings, records: records.collect::<Result<_>>()? })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// A full disk, a directory that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = line(&self.settings);
        self.records.iter().for_each(|record| text += &line(record));
        sys::disk::replace_file(path, text.as_bytes()).map_err(|e| Error::file(path, e))
    }

    /// Judges all answers again; `find` gives the task of a name. Returns the number of verdicts that changed.
    ///
    /// # Errors
    /// Whatever `find` says.
    pub fn rescore(&mut self, mut find: impl FnMut(&str) -> Result<std::sync::Arc<dyn Task>>) -> Result<usize> {
        let mut n_changed = 0;
        for record in &mut self.records {
            let before = record.verdict;
            record.judge(find(&record.task)?.as_ref());
            n_changed += usize::from(record.verdict != before);
        }
        Ok(n_changed)
    }
}

/// What two settings differ in.
fn differences(there: &Settings, here: &Settings) -> Vec<String> {
    let (there, here) = (serde_json::json!(there), serde_json::json!(here));
    let keys = there.as_object().into_iter().flatten();
    let changed = keys.filter(|(key, value)| here[key.as_str()] != **value);
    changed.map(|(key, value)| format!("{key} is {value} there, {} here", here[key.as_str()])).collect()
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|e| panic!("plain data is valid JSON: {e}")) + "\n"
}

/// Results in the making, kept on disk where a place is given.
pub struct Collector {
    results: Results,
    done: BTreeSet<(String, u64)>,
    file: Option<(PathBuf, File)>,
}

impl Collector {
    /// Begins, or goes on with what `path` holds.
    ///
    /// # Errors
    /// A file with results of other settings, or that cannot be read or written.
    pub fn open(settings: Settings, path: Option<&Path>) -> Result<Collector> {
        let mut results = Results { settings, records: Vec::new() };
        let Some(path) = path else {
            return Ok(Collector { results, done: BTreeSet::new(), file: None });
        };
        if path.exists() && std::fs::metadata(path).is_ok_and(|meta| meta.len() > 0) {
            let found = Results::read(path)?;
            let changed = differences(&found.settings, &results.settings);
            if !changed.is_empty() {
                let changed = changed.join("; ");
                return Err(Error::file(path, format!("holds other results ({changed}); choose another --out")));
            }
            results = found;
        }
        // Rewritten without a torn line, and with the settings first.
        results.write(path)?;
        let mut file = File::options().append(true).open(path).map_err(|e| Error::file(path, e))?;
        file.seek(SeekFrom::End(0)).map_err(|e| Error::file(path, e))?;
        let done = results.records.iter().map(Record::key).collect();
        Ok(Collector { results, done, file: Some((path.to_owned(), file)) })
    }

    /// Numbers of the samples of a problem that are still to be drawn.
    pub fn missing(&self, id: &str) -> Vec<u64> {
        (0..self.results.settings.samples).filter(|n| !self.done.contains(&(id.to_owned(), *n))).collect()
    }

    /// Keeps a sample.
    ///
    /// # Errors
    /// A full disk.
    pub fn add(&mut self, record: Record) -> Result<()> {
        if let Some((path, file)) = &mut self.file {
            file.write_all(line(&record).as_bytes()).map_err(|e| Error::file(path, e))?;
        }
        self.done.insert(record.key());
        self.results.records.push(record);
        Ok(())
    }

    /// Samples so far.
    pub fn records(&self) -> &[Record] {
        &self.results.records
    }

    /// The results, in the order of the problems, whatever the order in which they came; the file is put in order too.
    ///
    /// # Errors
    /// A full disk.
    pub fn finish(mut self, problems: &[Problem]) -> Result<Results> {
        let order: std::collections::BTreeMap<&str, usize> =
            problems.iter().enumerate().map(|(idx, problem)| (problem.example.id.as_str(), idx)).collect();
        self.results.records.sort_by_key(|record| (order.get(record.id.as_str()).copied(), record.sample));
        if let Some((path, _)) = &self.file {
            self.results.write(path)?;
        }
        Ok(self.results)
    }
}
